//! The recordings in `tests/recordings` still replay equal, so the behaviour of a session has not changed.
//!
//! They are of simulated games, as `game.rs` plays them, and of real runs of `examples/udp`. After an intended change of
//! behaviour, `RECORD_REWRITE=1 cargo test -p inputwire-record kept` makes the same calls again and writes their outcomes.
//! Where the wire has changed, the datagrams in them mean nothing any more: `RECORD_ANEW=1` plays the simulated games anew, and
//! `examples/udp --record` a real one. The commit message says what differs.

use std::fs;
use std::path::{Path, PathBuf};

use inputwire::PeerConfig;
use inputwire_record::{Call, Keys, Outcome, Replay, Tape};

use crate::game::{Game, KEY, Keyed, play, play_game, replay};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

/// The keys of a recording, by its name.
fn keys(name: &str) -> Keys {
    match name {
        "keyed" => Keyed::Session.keys(0),
        "pair" => Keyed::Pair.keys(1),
        _ => Keys::new(),
    }
}

/// The simulated games, by their names.
fn games() -> [(&'static str, Vec<u8>); 6] {
    let game = |seed, frames, keyed, restart| Game { seed, frames, keyed, restart };
    let [classic, ..] = play_game::<1, 60>(game(3, 30, Keyed::No, false), PeerConfig::classic);
    let [compact, ..] = play_game::<1, 120>(game(9, 90, Keyed::No, false), PeerConfig::compact);
    let [_, keyed, _] = play_game::<4, 120>(game(1, 30, Keyed::Session, false), PeerConfig::compact);
    let [pair, ..] = play_game::<2, 60>(game(8, 60, Keyed::Pair, false), PeerConfig::compact);
    let [restart, ..] = play_game::<1, 120>(game(5, 200, Keyed::No, true), PeerConfig::compact);
    let [skips, ..] = play_game::<1, 60>(game(4, 90, Keyed::No, false), PeerConfig::classic);
    [
        ("classic", classic),
        ("compact", compact),
        ("keyed", keyed),
        ("pair", pair),
        ("restart", restart),
        ("skips", skips),
    ]
}

#[test]
fn kept_recordings_are_equal() {
    if std::env::var_os("RECORD_ANEW").is_some() {
        for (name, file) in games() {
            fs::write(folder().join(name).with_extension("rec"), file).expect("written");
        }
    }
    let mut played = 0;
    for entry in fs::read_dir(folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let file = fs::read(&path).expect("a file");
        let keys = keys(path.file_stem().and_then(|name| name.to_str()).unwrap_or_default());
        if std::env::var_os("RECORD_REWRITE").is_some() {
            fs::write(&path, rewritten(&file, keys)).expect("written");
        } else if let Err(stop) = replay(&file, keys) {
            panic!("{}: {stop}\nIf the change is intended, see {}.", path.display(), file!());
        }
        played += 1;
    }
    assert!(played >= 7, "only {played} recordings were found");
}

/// Returns a recording as it would be today.
fn rewritten(file: &[u8], keys: impl Into<Keys>) -> Vec<u8> {
    let mut replay = Replay::open(file, keys).expect("a recording");
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

/// What is kept must show what there is: a game that is refused from its first hello on would replay equal, too.
#[test]
fn the_kept_recordings_hold_inputs_checksums_a_restart_skips_and_a_goodbye() {
    let mut text = String::new();
    for entry in fs::read_dir(folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let file = fs::read(&path).expect("a file");
        let mut inputs = 0;
        for step in replay(&file, keys(name)).expect("equal") {
            match step.call {
                Call::SkipTo { .. } => text += "Skipped",
                Call::PollTransmitTo { .. } if step.outcome != Outcome::Nothing => text += "Addressed",
                _ => {}
            }
            match step.outcome {
                Outcome::Input(..) => inputs += 1,
                Outcome::Event(event) => text += &event,
                Outcome::Datagram(_, datagram) if datagram.first() == Some(&0x22) => text += "Checksums",
                _ => {}
            }
        }
        assert!(inputs >= 10, "{name}: only {inputs} inputs");
    }
    for word in ["Connected", "Restarted", "PeerClosed", "Checksums", "Flushed", "Disconnected", "Skipped", "Addressed"]
    {
        assert!(text.contains(word), "no {word}");
    }
}
