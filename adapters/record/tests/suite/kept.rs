//! Recordings that are kept: what a session did once, it does for ever.
//!
//! They are of simulated games, as `game.rs` plays them, and of real runs of `examples/udp`. If a change of behaviour is
//! meant, `RECORD_REWRITE=1 cargo test -p inputwire-record kept` makes the same calls anew, and writes what comes of them
//! now. Say in the commit what differed.

use std::fs;
use std::path::{Path, PathBuf};

use inputwire::PeerConfig;
use inputwire_record::{Call, Replay, Tape};

use crate::game::{KEY, play, replay};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

#[test]
fn kept_recordings_are_equal() {
    let mut played = 0;
    for entry in fs::read_dir(folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let file = fs::read(&path).expect("a file");
        let key = path.file_stem().is_some_and(|name| name == "keyed").then_some(KEY);
        if std::env::var_os("RECORD_REWRITE").is_some() {
            fs::write(&path, anew(&file, key)).expect("written");
        } else if let Err(stop) = replay(&file, key) {
            panic!("{}: {stop}\nIf that is meant, see {}.", path.display(), file!());
        }
        played += 1;
    }
    assert!(played >= 4, "only {played} recordings were found");
}

/// A recording, as it would be today.
fn anew(file: &[u8], key: Option<[u8; 16]>) -> Vec<u8> {
    let mut replay = Replay::open(file, key).expect("a recording");
    let mut tape = Tape::new(replay.setup(), Vec::new());
    while let Some(step) = replay.step_anew().expect("intact") {
        if step.call != Call::End {
            tape.write(&step.call, &step.outcome);
        }
    }
    tape.finish().expect("a Vec")
}

#[test]
fn a_recording_written_anew_is_the_same_file() {
    let [file, _] = play::<4, 120>(6, 30, true, PeerConfig::compact);
    assert_eq!(anew(&file, Some(KEY)), file);
}
