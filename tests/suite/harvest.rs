//! Makes seeds of the fuzz target `datagram` from recordings: the datagrams that real sessions accepted, eight at a time.
//!
//! ```text
//! HARVEST=FOLDER cargo test --test suite harvest                             from the recordings in the repository
//! HARVEST=FOLDER RECORDINGS=FOLDER cargo test --test suite harvest           from those in another folder
//! cargo +nightly fuzz run -s none datagram -- -merge=1 fuzz/corpus/datagram FOLDER
//! ```
//!
//! The last line adds to the corpus the seeds that reach new code. A recording of a session with a key is used if the key
//! is that of the recordings in the repository or of the simulator.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use inputwire_record::{Call, Outcome, Replay};

use crate::fuzz::seeds::{Receiver, Seed};
use crate::support;

/// The key of the recordings in the repository, which is that of all tests, and that of the simulator.
const KEYS: [[u8; 16]; 2] = [support::KEY, inputwire_sim::KEY];

/// All seeds, and how many datagrams they contain and how many of those are accepted.
#[derive(Default)]
struct Harvest {
    seeds: BTreeSet<Vec<u8>>,
    datagrams: usize,
    accepted: usize,
}

impl Harvest {
    fn put(&mut self, seed: &mut Seed, receiver: &Receiver) {
        let seed = std::mem::take(seed);
        if seed.datagrams > 0
            && let Some((data, accepted)) = seed.set(receiver)
            && self.seeds.insert(data)
        {
            self.datagrams += seed.datagrams;
            self.accepted += accepted;
        }
    }

    /// Adds the datagrams that a recorded session accepted from its first peer.
    fn add(&mut self, file: &[u8]) -> Option<()> {
        let mut keys = KEYS.map(Some).into_iter().chain([None]);
        let mut replay = keys.find_map(|key| whole(file, key))?;
        let setup = *replay.setup();
        let first = setup.config.first_frame().get();
        let fresh = Receiver {
            classic: false,
            keyed: setup.keyed,
            input_len: setup.input,
            recv_next: first,
            send_next: first,
            hellos: 0,
        };
        let (mut receiver, mut seed, mut peer, mut last) = (fresh, Seed::default(), None, 0);
        while let Ok(Some(step)) = replay.step() {
            receiver.send_next = replay.next_frame().get();
            match step.call {
                Call::AddPeer { classic, .. } if peer.is_none() => {
                    peer = replay.peers().first().copied();
                    receiver.classic = classic;
                }
                Call::BeginEpoch { .. } => receiver.recv_next = first,
                // A fuzzer finds refused datagrams by itself.
                Call::HandleDatagram { now, from, datagram }
                    if Some(from) == peer && step.outcome == Outcome::Nothing =>
                {
                    let Some(drawn) = receiver.draw(datagram) else { continue };
                    let now = now.as_micros();
                    let gap = now.saturating_sub(std::mem::replace(&mut last, now));
                    if !seed.add(gap, &drawn) {
                        self.put(&mut seed, &receiver);
                        seed.add(0, &drawn);
                    }
                }
                _ => {}
            }
        }
        self.put(&mut seed, &receiver);
        Some(())
    }
}

/// Returns a replay at its start, if it reaches its end with this key.
fn whole(file: &[u8], key: Option<[u8; 16]>) -> Option<Replay<'_>> {
    let mut replay = Replay::open(file, key).ok()?;
    while replay.step().ok()?.is_some() {}
    Replay::open(file, key).ok()
}

#[test]
fn recordings_become_seeds_whose_datagrams_are_mostly_accepted() {
    let given = std::env::var_os("RECORDINGS").map(PathBuf::from);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/record/tests/recordings");
    if given.is_none() && !kept.exists() {
        eprintln!("skipped: the recordings are not part of the published package");
        return;
    }
    let folder = given.as_ref().unwrap_or(&kept);
    let mut harvest = Harvest::default();
    for entry in fs::read_dir(folder).expect("recordings") {
        let path = entry.expect("an entry").path();
        let file = fs::read(&path).expect("a file");
        if harvest.add(&file).is_none() {
            eprintln!("skipped: {} does not replay with a known key", path.display());
        }
    }
    let Harvest { seeds, datagrams, accepted } = harvest;
    println!("{} seeds of {datagrams} datagrams, of which {accepted} are accepted", seeds.len());
    // Other recordings may have larger windows than the target, or later frames.
    assert!(given.is_some() || accepted > datagrams * 9 / 10, "only {accepted} of {datagrams}");
    if let Some(folder) = std::env::var_os("HARVEST").map(PathBuf::from) {
        fs::create_dir_all(&folder).expect("a folder");
        for (place, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("recorded-{place:03}")), seed).expect("written");
        }
    }
}
