//! Replays the corpus of every fuzz target, so that plain `cargo test` covers what fuzzing found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use inputwire::ChecksumError;
use inputwire_sim::rng::Rng;

use crate::fuzz::{TARGETS, datagram};
use crate::support::{Pair, SECOND, Wire, at, endpoint, frame};

#[test]
fn the_corpus_of_every_fuzz_target_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !root.exists() {
        eprintln!("skipped: the corpus is not part of the published package");
        return;
    }
    for (name, run) in TARGETS {
        let directory = root.join("corpus").join(name);
        let files = fs::read_dir(&directory).unwrap_or_else(|_| panic!("no {}", directory.display()));
        let mut count = 0;
        for file in files {
            let path = file.expect("a file").path();
            let data = fs::read(&path).expect("a file that can be read");
            let outcome = std::panic::catch_unwind(|| run(&data));
            assert!(outcome.is_ok(), "{name} fails with {}", path.display());
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
    }
}

/// A generator whose datagrams are all refused for their shape looks as busy as one that tries something.
#[test]
fn of_every_type_some_of_what_fuzzing_draws_is_accepted() {
    let mut rng = Rng::new(1);
    // A fuzzer likes zeros, too: half of the bytes.
    let mut data = || [(); 64].map(|()| if rng.chance(500) { 0 } else { rng.next().to_le_bytes()[0] });
    let accepted: BTreeSet<_> = (0..20_000).flat_map(|_| datagram::accepted(&data())).collect();
    let expected = [0x20, 0x21, 0x22, 0x23, 0x80].map(|kind| (kind, false)).into_iter().chain([(0x23, true)]);
    assert_eq!(accepted, expected.collect());
}

/// Found by repeating a datagram: the end after this frame saturated, so its checksum stayed new for ever.
#[test]
fn a_checksum_for_the_reserved_last_frame_is_refused() {
    let settings = |player| Wire::Compact.settings(player).first_frame(frame(u32::MAX - 1));
    let mut pair = Pair::new(
        endpoint::<1, 120>(settings(0), Wire::Compact.peer(1)),
        endpoint::<1, 120>(settings(1), Wire::Compact.peer(0)),
    );
    pair.run(SECOND);
    for session in &mut pair.sessions {
        session.push_input(at(pair.now), [1]).expect("the only frame");
    }
    pair.run(SECOND);
    let session = &mut pair.sessions[0];
    assert_eq!(session.push_checksum(at(pair.now), frame(u32::MAX), 0), Err(ChecksumError::NotConfirmed));
    assert_eq!(session.push_checksum(at(pair.now), frame(u32::MAX - 1), 0), Ok(()));
    assert_eq!(session.push_checksum(at(pair.now), frame(u32::MAX), 0), Err(ChecksumError::NotConfirmed));
}
