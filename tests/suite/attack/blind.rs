//! A blind forger: it sends whatever it likes to either end, and sees nothing.

use inputwire::{DatagramError, MAX_DATAGRAM_SIZE, Session};
use inputwire_sim::rng::Rng;

use crate::fuzz::watch::same;
use crate::support::forge::Seal;
use crate::support::gathering::Gathering;
use crate::support::{MS, PEER, Pair, SECOND, Wire, at, byte, drain, due, endpoint, events, incarnation};

/// A datagram of some kind whose tag is a guess; the rest is what an honest one would say, or nearly.
fn guess(rng: &mut Rng, seal: &Seal, end: u32) -> Vec<u8> {
    let key: [u8; 16] = std::array::from_fn(|_| byte(rng));
    let seal = Seal { key: seal.key.map(|_| key), ..*seal };
    let near = |rng: &mut Rng| end.wrapping_add(u32::try_from(rng.below(9)).expect("small")).wrapping_sub(4);
    let mut datagram = match rng.below(6) {
        0 => Seal { number: near(rng), ..seal }.playing(1_000, 1).hello(),
        1 => seal.bye(near(rng)),
        2 => seal.farewell(),
        3 => seal.word(3, &[(2, near(rng))], &[]),
        4 => seal.checksums(&[0; 16]),
        _ => {
            let count = u8::try_from(rng.below(8)).expect("small");
            seal.inputs(count, near(rng), near(rng), &[])
        }
    };
    if seal.key.is_none() {
        // Without a key a right tag could be computed, but not under incarnations that it does not know.
        let at = if datagram[0] >= 0x80 { 3 } else { 1 };
        let flip = 1 + u8::try_from(rng.below(255)).expect("a byte");
        datagram[at] ^= flip;
    }
    datagram
}

#[test]
fn guessed_tags_of_every_kind_change_nothing_with_a_key_short_or_whole() {
    for short in [false, true] {
        let settings = |player| Wire::Keyed.settings(player).short_tags(short);
        let mut pair: Pair =
            Pair::new(endpoint(settings(0), Wire::Keyed.peer(1)), endpoint(settings(1), Wire::Keyed.peer(0)));
        pair.run(3 * SECOND);
        pair.play(20);
        let mut rng = Rng::new(u64::from(short));
        let seal = Seal { short, ..Seal::new(Wire::Keyed, 1, 0) };
        let mut spared = pair.sessions[0].clone();
        let attacked = &mut pair.sessions[0];
        let count = if cfg!(debug_assertions) { 10_000 } else { 1_000_000 };
        for _ in 0..count {
            let datagram = guess(&mut rng, &seal, 20);
            let refused = attacked.handle_datagram(at(pair.now), PEER, &datagram).expect_err("a guess");
            assert!(matches!(refused, DatagramError::BadTag | DatagramError::FrameRange | DatagramError::NoMesh));
        }
        assert_eq!((drain(attacked), events(attacked)), (drain(&mut spared), events(&mut spared)));
        assert!(same(attacked, &mut spared));
    }
}

#[test]
fn a_flood_of_guesses_moves_no_deadline_and_no_health() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(20);
        let mut rng = Rng::new(9);
        let seal = Seal::new(wire, 1, 0);
        // The peer is dead: what comes in its name keeps it no longer alive than silence does.
        let (mut attacked, mut spared) = (pair.sessions[0].clone(), pair.sessions[0].clone());
        for step in 0..600_u64 {
            let now = pair.now + step * 10 * MS;
            for _ in 0..3 {
                let datagram = guess(&mut rng, &seal, 20);
                if datagram[0] != 0x20 {
                    let _ = attacked.handle_datagram(at(now), PEER, &datagram);
                }
            }
            assert_eq!(due(&mut attacked, now), due(&mut spared, now));
            assert_eq!(events(&mut attacked), events(&mut spared));
            assert_eq!(attacked.poll_timeout(), spared.poll_timeout());
        }
    }
}

#[test]
fn hellos_of_a_thousand_runs_with_right_tags_do_not_keep_two_ends_apart() {
    // Without a key one in 65,536 guesses is such a hello; with one, a recording of earlier runs has some.
    for wire in Wire::COMPACT {
        for seed in 0..10 {
            let mut rng = Rng::new(seed);
            let mut pair = Pair::on(wire);
            pair.delay = rng.below(80 * MS);
            let mut linked_at = None;
            for step in 0..1_500_u64 {
                for to in 0..2_u16 {
                    let other =
                        Seal { sender: (1 - to, rng.below(1 << 40) + (1 << 33)), ..Seal::new(wire, 1 - to, to) };
                    let other = match rng.below(3) {
                        0 => other,
                        1 => Seal { receiver: (to, rng.below(u64::MAX)), ..other }.playing(5, 2),
                        _ => other.answering(3, u32::try_from(rng.below(1 << 20)).expect("small")),
                    };
                    // One that names this very run would have to know its 64 random bits.
                    let named = if rng.one_in(2) { Seal { named: <_>::default(), ..other } } else { other };
                    let named = if named.named.incarnation == incarnation(to) {
                        Seal { named: <_>::default(), ..named }
                    } else {
                        named
                    };
                    let _ = pair.sessions[usize::from(to)].handle_datagram(at(pair.now), PEER, &named.hello());
                }
                let _ = pair.sessions[0].push_input(at(pair.now), [1]);
                let _ = pair.sessions[1].push_input(at(pair.now), [2]);
                pair.run(2 * MS);
                let linked = pair.sessions.iter().all(|session| session.confirmed_frame().is_some());
                if linked && linked_at.is_none() {
                    linked_at = Some(step * 2 * MS);
                }
            }
            assert!(linked_at.is_some_and(|at| at < 2 * SECOND), "{wire:?}, seed {seed}: {linked_at:?}");
        }
    }
}

#[test]
fn what_a_first_hello_sets_free_is_bounded_and_stops_without_an_answer() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<32, 120>(wire.settings(0), inputwire::PeerConfig::compact(1));
        drain(&mut session);
        let mut number = 0_u8;
        while session.push_input(at(0), [number; 32]).is_ok() {
            number = number.wrapping_mul(5).wrapping_add(77);
        }
        assert!(due(&mut session, 10 * MS).iter().all(|sent| sent[0] == 0x20), "nothing was ever received");
        let hello = Seal { input_len: 32, ..Seal::new(wire, 1, 0) }.hello();
        let mut bytes = [0; 40];
        for step in 0..4_000_u64 {
            if step == 2 {
                assert_eq!(session.handle_datagram(at(20 * MS), PEER, &hello), Ok(()));
            }
            let sent = due(&mut session, step * 10 * MS);
            assert!(sent.iter().all(|sent| sent.len() <= MAX_DATAGRAM_SIZE));
            let second = usize::try_from(step / 100).expect("small");
            bytes[second] += sent.iter().map(Vec::len).sum::<usize>();
        }
        assert!(bytes[1] > 10_000, "{wire:?}: inputs flow before the other end has answered: {bytes:?}");
        assert!(bytes[12..].iter().all(|bytes| *bytes <= 6 * MAX_DATAGRAM_SIZE), "{wire:?}: {bytes:?}");
    }
}

#[test]
fn nonsense_under_the_first_byte_of_a_word_names_nobody_in_a_mesh() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<7>::met(wire, 8);
        let mut rng = Rng::new(1);
        let mut spared: Vec<Session<7, 1>> = mesh.ends.iter().flatten().cloned().collect();
        for _ in 0..20_000 {
            let (from, to) = (rng.index(8), rng.index(8));
            if from == to {
                continue;
            }
            let mut bytes: Vec<u8> = (0..rng.below(80)).map(|_| byte(&mut rng)).collect();
            if let Some(first) = bytes.first_mut() {
                *first = rng.pick(&[0x21, 0x23]);
            }
            // A guess passes once in 65,536 without a key: these do not.
            let _ = mesh.hand(from, to, &bytes);
        }
        for (end, spared) in mesh.ends.iter_mut().flatten().zip(&mut spared) {
            assert!(same(end, spared));
        }
    }
}
