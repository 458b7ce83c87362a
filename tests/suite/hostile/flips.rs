//! Damage that the tag must find: row B9.

use std::env;

use inputwire_sim::rng::Rng;

use crate::support::specimens::specimens;
use crate::support::{Accepted, PEER, Wire, assert_unchanged, at, byte};

/// A CRC of 16 bits lets one damaged datagram pass in so many.
const ONE_IN: usize = 65_536;

/// Whether a damaged datagram is accepted; if it is refused, nothing may have changed.
#[track_caller]
fn passes(whole: &Accepted<1, 120>, damaged: &[u8]) -> bool {
    let (mut session, mut spared) = (whole.receiver.clone(), whole.receiver.clone());
    let outcome = session.handle_datagram(at(whole.now), PEER, damaged);
    if let Err(reason) = outcome {
        spared.handle_timeout(at(whole.now));
        assert_unchanged(&session, &spared, PEER, damaged, reason);
    }
    outcome.is_ok()
}

fn flip(datagram: &mut [u8], bit: usize) {
    datagram[bit / 8] ^= 1 << (bit % 8);
}

/// How many may pass: twice the expected number and a few more; none with a key.
fn tolerated(wire: Wire, tries: usize) -> usize {
    if wire == Wire::Keyed { 0 } else { tries * 2 / ONE_IN + 3 }
}

#[test]
fn b9_any_single_flipped_bit_is_found_by_the_tag() {
    for wire in Wire::COMPACT {
        for whole in specimens(wire) {
            for bit in 0..whole.datagram.len() * 8 {
                let mut damaged = whole.datagram.clone();
                flip(&mut damaged, bit);
                assert!(!passes(&whole, &damaged), "{wire:?}, bit {bit} of {:02x?}", whole.datagram);
            }
        }
    }
}

#[test]
fn b9_any_two_flipped_bits_are_found_except_as_rarely_as_a_crc_allows() {
    for wire in Wire::COMPACT {
        let (mut tries, mut passed) = (0, 0);
        for whole in specimens(wire).iter().filter(|whole| whole.datagram.len() <= 25) {
            for (one, other) in pairs_below(whole.datagram.len() * 8) {
                let mut damaged = whole.datagram.clone();
                flip(&mut damaged, one);
                flip(&mut damaged, other);
                tries += 1;
                passed += usize::from(passes(whole, &damaged));
            }
        }
        assert!(tries > 5_000 && passed <= tolerated(wire, tries), "{wire:?}: {passed} of {tries} passed");
    }
}

fn pairs_below(limit: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..limit).flat_map(move |one| (one + 1..limit).map(move |other| (one, other)))
}

/// How many mutations are tried: a million in a release build, fewer in a debug build, or as the environment says.
fn mutations() -> usize {
    let default = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    env::var("INPUTWIRE_MUTATIONS").map_or(default, |count| count.parse().expect("a number"))
}

fn mutate(rng: &mut Rng, datagram: &mut Vec<u8>) {
    for _ in 0..=rng.index(4) {
        let place = rng.index(datagram.len());
        match rng.index(7) {
            0 | 1 if !datagram.is_empty() => flip(datagram, place * 8 + rng.index(8)),
            2 if !datagram.is_empty() => datagram[place] = byte(rng),
            3 => datagram.truncate(place),
            4 => datagram.insert(place, byte(rng)),
            5 if !datagram.is_empty() => drop(datagram.remove(place)),
            6 => datagram.extend((0..=rng.index(12)).map(|_| byte(rng))),
            _ => {}
        }
    }
}

#[test]
fn b9_random_mutations_pass_as_rarely_as_the_tag_promises() {
    for (wire, seed) in Wire::ALL.into_iter().zip(1..) {
        let whole = specimens(wire);
        let mut rng = Rng::new(seed);
        let (mut tries, mut passed) = (0, 0);
        for _ in 0..mutations() / Wire::ALL.len() {
            let specimen = &whole[rng.index(whole.len())];
            let mut damaged = specimen.datagram.clone();
            mutate(&mut rng, &mut damaged);
            if damaged != specimen.datagram {
                tries += 1;
                passed += usize::from(passes(specimen, &damaged));
            }
        }
        // The classic wire has no tag: it accepts whatever is well-formed.
        let tolerated = if wire == Wire::Classic { tries } else { tolerated(wire, tries) };
        assert!(passed <= tolerated, "{wire:?}: {passed} of {tries} passed");
    }
}
