//! The recordings in `tests/recordings` still replay equal, so the behaviour of a session has not changed.
//!
//! They are of simulated games, as `game.rs` plays them, and of real runs of `examples/udp`. After an intended change of
//! behaviour, `RECORD_REWRITE=1 cargo test -p inputwire-record kept` makes the same calls again and writes their outcomes.
//! The commit message says what differs.

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
            fs::write(&path, rewritten(&file, key)).expect("written");
        } else if let Err(stop) = replay(&file, key) {
            panic!("{}: {stop}\nIf the change is intended, see {}.", path.display(), file!());
        }
        played += 1;
    }
    assert!(played >= 4, "only {played} recordings were found");
}

/// Returns a recording as it would be today.
fn rewritten(file: &[u8], key: Option<[u8; 16]>) -> Vec<u8> {
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
fn a_recording_that_is_rewritten_is_the_same_file() {
    let [file, _] = play::<4, 120>(6, 30, true, PeerConfig::compact);
    assert_eq!(rewritten(&file, Some(KEY)), file);
}
