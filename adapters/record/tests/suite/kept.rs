//! Recordings that are kept: what a session did once, it does for ever.
//!
//! If a change of behaviour is meant, `RECORD_REWRITE=1 cargo test -p inputwire-record` writes the games anew, as they are
//! now; those of real runs are to be recorded again or removed.

use std::fs;
use std::path::{Path, PathBuf};

use inputwire::PeerConfig;

use crate::game::{KEY, play, replay};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

#[test]
fn kept_recordings_are_equal() {
    if std::env::var_os("RECORD_REWRITE").is_some() {
        let [compact, _] = play::<1, 120>(2, 90, false, PeerConfig::compact);
        let [_, keyed] = play::<4, 120>(6, 30, true, PeerConfig::compact);
        let [classic, _] = play::<1, 60>(3, 30, false, PeerConfig::classic);
        for (name, file) in [("compact", compact), ("keyed", keyed), ("classic", classic)] {
            fs::write(folder().join(name).with_extension("rec"), file).expect("a file");
        }
    }
    let mut played = 0;
    for entry in fs::read_dir(folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let file = fs::read(&path).expect("a file");
        let key = path.file_stem().is_some_and(|name| name == "keyed").then_some(KEY);
        if let Err(stop) = replay(&file, key) {
            panic!("{}: {stop}\nIf that is meant: RECORD_REWRITE=1, or record it again.", path.display());
        }
        played += 1;
    }
    assert!(played >= 3, "only {played} recordings were found");
}
