//! Damaged and forged files are refused, and never cause a panic. `RECORD_SEEDS` says how many are tried.

use inputwire::PeerConfig;
use inputwire_record::{FileError, Replay, Stop};
use inputwire_sim::rng::Rng;

use crate::game::{play, replay};

pub(crate) fn seeds(count: u64) -> u64 {
    std::env::var("RECORD_SEEDS").map_or(count, |text| text.parse().expect("a number"))
}

fn file(frames: u64) -> Vec<u8> {
    let [file, _] = play::<1, 120>(77, frames, false, PeerConfig::compact);
    file
}

#[test]
fn every_changed_byte_is_found() {
    let file = file(16);
    for place in 0..file.len() {
        for change in [0x01, 0x80] {
            let mut damaged = file.clone();
            damaged[place] ^= change;
            let Err(Stop::File(error)) = replay(&damaged, None) else { panic!("a changed byte {place} is accepted") };
            match place {
                0..7 => assert_eq!(error, FileError::NotARecording),
                7 => assert_eq!(error, FileError::Version(1 ^ change)),
                _ => assert!(matches!(error, FileError::Damaged { at } if at <= place), "byte {place}: {error}"),
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_replayed_up_to_there() {
    let file = file(16);
    let whole = replay(&file, None).expect("equal").len();
    let mut clean = 0;
    for len in 0..file.len() {
        let cut = &file[..len];
        match Replay::open(cut, None) {
            Err(FileError::NotARecording | FileError::CutOff { .. }) => {}
            Err(error) => panic!("{len} bytes: {error}"),
            Ok(mut replay) => loop {
                match replay.step() {
                    Ok(Some(_)) => {}
                    Ok(None) => break clean += 1,
                    Err(Stop::File(FileError::CutOff { .. })) => break,
                    Err(stop) => panic!("{len} bytes: {stop}"),
                }
            },
        }
    }
    // Between two blocks, only the missing end shows it.
    assert!(clean >= 1 && whole > 300, "{clean} {whole}");
}

#[test]
fn blocks_that_are_dropped_or_repeated_or_swapped_are_found() {
    let file = file(60);
    let mut blocks = Vec::new();
    let mut at = 8;
    while at < file.len() {
        let end = at + 8 + usize::from(u16::from_be_bytes([file[at], file[at + 1]]));
        blocks.push(&file[at..end]);
        at = end;
    }
    assert!(blocks.len() >= 4);
    let join = |blocks: &[&[u8]]| [&file[..8], &blocks.concat()].concat();
    assert_eq!(join(&blocks), file);
    for place in 0..blocks.len() - 1 {
        let mut dropped = blocks.clone();
        dropped.remove(place);
        let mut repeated = blocks.clone();
        repeated.insert(place, blocks[place]);
        let mut swapped = blocks.clone();
        swapped.swap(place, place + 1);
        for forged in [dropped, repeated, swapped] {
            let Err(Stop::File(error)) = replay(&join(&forged), None) else { panic!("block {place}") };
            assert!(matches!(error, FileError::Damaged { .. }), "block {place}: {error}");
        }
    }
}

/// The CRC would refuse all of this, so it is computed again: the code behind it must not rely on it.
#[test]
fn forged_records_never_panic() {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let file = file(60);
    let (mut equal, mut named, mut refused) = (0, 0, 0);
    for seed in 0..seeds(1_000) {
        let mut rng = Rng::new(seed);
        let mut bytes = file.clone();
        // So few that many a replay gets far.
        for _ in 0..=rng.below(3) {
            let place = 8 + rng.index(bytes.len() - 8);
            match rng.below(3) {
                0 => bytes[place] = rng.next().to_le_bytes()[0],
                1 => bytes[place] ^= 1 << rng.below(8),
                _ => bytes[place] = rng.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            }
        }
        let mut forged = file[..8].to_vec();
        let mut chain = crc.checksum(&file[..8]);
        let mut at = 8;
        while at < file.len() {
            let end = at + 4 + usize::from(u16::from_be_bytes([file[at], file[at + 1]]));
            let mut digest = crc.digest();
            digest.update(&chain.to_be_bytes());
            digest.update(&file[at..at + 4]);
            digest.update(&bytes[at + 4..end]);
            chain = digest.finalize();
            forged.extend_from_slice(&file[at..at + 4]);
            forged.extend_from_slice(&bytes[at + 4..end]);
            forged.extend_from_slice(&chain.to_be_bytes());
            at = end + 4;
        }
        match replay(&forged, None) {
            Ok(_) => equal += 1,
            Err(Stop::Differs { .. }) => named += 1,
            Err(_) => refused += 1,
        }
    }
    println!("{equal} equal, {named} named, {refused} refused");
    assert!(named > refused / 100 && refused > 0);
}

#[test]
fn random_bytes_never_panic() {
    for seed in 0..seeds(4_000) {
        let mut rng = Rng::new(seed);
        let len = rng.below(200);
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.next().to_le_bytes()[0]).collect();
        if seed % 2 == 0 {
            bytes.splice(0..0, *b"\x89iwrec\n\x01");
        }
        assert!(replay(&bytes, None).is_err());
    }
}
