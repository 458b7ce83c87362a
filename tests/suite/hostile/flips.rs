//! Damage that the check must find: row B9.

use std::env;

use crate::support::dice::Dice;
use crate::support::specimens::specimens;
use crate::support::{Accepted, PEER, Wire, at};

/// What a CRC of 16 bits lets pass.
const ONE_IN: usize = 65_536;

/// Hands over a damaged datagram and says whether it was accepted; if not, nothing may have changed.
#[track_caller]
fn passes(whole: &Accepted<1, 120>, damaged: &[u8]) -> bool {
    let (mut session, mut spared) = (whole.receiver.clone(), whole.receiver.clone());
    let accepted = session.handle_datagram(at(whole.now), PEER, damaged).is_ok();
    if !accepted {
        spared.handle_timeout(at(whole.now));
        session.clear_counters();
        spared.clear_counters();
        assert_eq!(session, spared, "refused, and changed something: {damaged:02x?}");
    }
    accepted
}

fn flip(datagram: &mut [u8], bit: usize) {
    datagram[bit / 8] ^= 1 << (bit % 8);
}

/// Twice what chance would let pass, and a few: none with a key.
fn tolerated(wire: Wire, tries: usize) -> usize {
    if wire == Wire::Keyed { 0 } else { tries * 2 / ONE_IN + 3 }
}

#[test]
fn b9_any_single_flipped_bit_is_found_by_the_check() {
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
fn b9_any_two_flipped_bits_are_found_but_for_what_a_crc_lets_pass() {
    for wire in Wire::COMPACT {
        let (mut tries, mut passed) = (0, 0);
        for whole in specimens(wire).iter().filter(|whole| whole.datagram.len() <= 20) {
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

fn mutate(dice: &mut Dice, datagram: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        let place = dice.below(datagram.len());
        match dice.below(7) {
            0 | 1 if !datagram.is_empty() => flip(datagram, place * 8 + dice.below(8)),
            2 if !datagram.is_empty() => datagram[place] = dice.byte(),
            3 => datagram.truncate(place),
            4 => datagram.insert(place, dice.byte()),
            5 if !datagram.is_empty() => drop(datagram.remove(place)),
            6 => datagram.extend((0..=dice.below(12)).map(|_| dice.byte())),
            _ => {}
        }
    }
}

#[test]
fn b9_random_mutations_pass_as_seldom_as_the_check_promises() {
    for (wire, seed) in Wire::ALL.into_iter().zip(1..) {
        let whole = specimens(wire);
        let mut dice = Dice(seed);
        let (mut tries, mut passed) = (0, 0);
        for _ in 0..mutations() / Wire::ALL.len() {
            let specimen = &whole[dice.below(whole.len())];
            let mut damaged = specimen.datagram.clone();
            mutate(&mut dice, &mut damaged);
            if damaged != specimen.datagram {
                tries += 1;
                passed += usize::from(passes(specimen, &damaged));
            }
        }
        // The classic wire has no check: what it cannot tell from a datagram, it accepts.
        let tolerated = if wire == Wire::Classic { tries } else { tolerated(wire, tries) };
        assert!(passed <= tolerated, "{wire:?}: {passed} of {tries} passed");
    }
}
