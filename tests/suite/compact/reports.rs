//! What is reported of a setup that is wrong: once, at the right time, and again when it is news again (PROTOCOL 3.10).

use inputwire::DatagramError::*;
use inputwire::{Epoch, Field, Health, PeerConfig, PeerEvent, Session};

use crate::support::forge::{Seal, hello_named};
use crate::support::{
    KEY, MS, PEER, Pair, SECOND, SILENCE, T, Wire, answer_of_another_run, at, drain, due, endpoint, events, frames,
    healths, incarnation, peer_events,
};

/// Another run of either player, and one more.
const AGAIN: u64 = 0xfeed_0000_7000;

/// How much longer than a silence a peer plays with another run of the local player before that is reported.
const REPLACED_AFTER: u64 = SECOND;

/// A pair in which one endpoint, or both, cannot read the other.
fn strangers(wire: Wire, other: impl Fn(u16) -> Session<1, 1>) -> Pair {
    Pair::new(endpoint(wire.settings(0), wire.peer(1)), other(1))
}

#[test]
fn another_session_id_or_key_is_reported_once_at_each_end_within_half_a_second() {
    let id = |wire: Wire| move |player: u16| endpoint(wire.settings(player).session_id(77), wire.peer(0));
    let keyed = |player: u16| endpoint(Wire::Compact.settings(player).key(KEY), PeerConfig::compact(0));
    let of_a_pair = |player: u16| endpoint(Wire::Keyed.settings(player), PeerConfig::compact(0).key([7; 16]));
    let pairs = [
        strangers(Wire::Compact, id(Wire::Compact)),
        strangers(Wire::Keyed, id(Wire::Keyed)),
        strangers(Wire::Compact, keyed),
        strangers(Wire::Keyed, of_a_pair),
    ];
    for mut pair in pairs {
        pair.run(400 * MS - 1);
        assert!(pair.reported.iter().all(|reported| peer_events(reported).is_empty()), "too early");
        pair.run(2);
        for reported in &pair.reported {
            assert_eq!(peer_events(reported), [PeerEvent::Unreadable]);
        }
        pair.run(20 * SECOND);
        for reported in &pair.reported {
            assert_eq!(peer_events(reported), [PeerEvent::Unreadable], "once");
            assert_eq!(healths(reported), [], "and nobody is good");
        }
    }
}

#[test]
fn hellos_that_cannot_be_read_are_reported_from_the_fifth_on_over_400_ms_and_again_after_one_that_can() {
    for wire in Wire::COMPACT {
        let stranger = Seal { session_id: 7, ..Seal::new(wire, 1, 0) };
        let unreadable = |session: &mut Session<1, 1>, from: u64, count: u64, apart: u64| {
            for number in 0..count {
                let refused = session.handle_datagram(at(from + number * apart), PEER, &stranger.hello());
                assert_eq!(refused, Err(BadTag));
            }
            peer_events(&events(session))
        };
        let fresh = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        for (count, apart, told) in [
            (4, 400 * MS, false),
            (5, 100 * MS, true),
            (5, 100 * MS - 1, false),
            (1_000, 100, false),
            (4_001, 100, true),
        ] {
            let told = if told { vec![PeerEvent::Unreadable] } else { vec![] };
            assert_eq!(unreadable(&mut fresh.clone(), 0, count, apart), told, "{count}, {apart} us apart");
        }
        let mut session = fresh.clone();
        assert_eq!(unreadable(&mut session, 0, 4, 100 * MS), []);
        let right = Seal::new(wire, 1, 0);
        assert_eq!(session.handle_datagram(at(500 * MS), PEER, &right.hello()), Ok(()));
        assert_eq!(unreadable(&mut session, 500 * MS, 4, 100 * MS), [], "they were not in a row");
        assert_eq!(unreadable(&mut session, 900 * MS, 1, 0), [PeerEvent::Unreadable]);
        assert_eq!(unreadable(&mut session, SECOND, 20, 100 * MS), [], "once");
        assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &right.hello()), Ok(()));
        assert_eq!(unreadable(&mut session, 3 * SECOND, 5, 100 * MS), [PeerEvent::Unreadable], "again");
        // Other datagrams that fail their tag are no hellos.
        let mut session = fresh;
        for number in 0..20 {
            let other = [&[0x20; 5 + 2][..], &[0x80; 40]][usize::from(number % 2 == 0 && wire == Wire::Compact)];
            let _ = session.handle_datagram(at(number * 100 * MS), PEER, other);
        }
        assert_eq!(peer_events(&events(&mut session)), []);
    }
}

#[test]
fn hellos_that_cannot_be_read_are_no_news_while_the_peer_is_alive() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.forget();
        let stranger = Seal { session_id: 7, ..Seal::new(wire, 1, 0) };
        for _ in 0..100 {
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &stranger.hello()), Err(BadTag));
            pair.run(20 * MS);
        }
        assert_eq!(peer_events(&pair.reported[0]), []);
        // Its key is changed while it is silent.
        pair.lost = [true; 2];
        pair.run(SECOND);
        for _ in 0..=40 {
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &stranger.hello()), Err(BadTag));
            pair.run(10 * MS);
        }
        assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::Unreadable]);
    }
}

#[test]
fn a_mismatch_is_reported_once_for_each_field_and_run_and_no_such_peer_is_good() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let window = Seal { window: 8, ..seal };
        let told = |session: &mut Session<1, 1>, now: u64, hello: Vec<u8>| {
            assert_eq!(session.handle_datagram(at(now), PEER, &hello), Ok(()));
            let reported = events(session);
            assert_eq!(healths(&reported), []);
            peer_events(&reported)
        };
        let expected = [PeerEvent::Mismatch { field: Field::Window, local: 120, remote: 8 }];
        assert_eq!(told(&mut session, 0, window.hello()), expected);
        assert_eq!(told(&mut session, 1, Seal { number: 2, window: 9, ..seal }.hello()), []);
        assert_eq!(told(&mut session, 2, Seal { sender: (1, AGAIN), ..window }.hello()), [], "no run is believed yet");
        let expected = [PeerEvent::Mismatch { field: Field::InputLen, local: 1, remote: 3 }];
        assert_eq!(told(&mut session, 3, Seal { input_len: 3, ..window }.hello()), expected);
        assert_eq!(session.peer(PEER).expect("a peer").health(), Health::Connecting);

        // It links, falls silent, and is replaced by another run; then it is news again.
        let mut pair = Pair::met(wire);
        pair.play(3);
        for number in 0..3 {
            let first = number == 0;
            let mut told = Vec::new();
            for _ in 0..3 {
                assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &window.hello()), Ok(()));
                told.extend(peer_events(&events(&mut pair.sessions[0])));
            }
            let mismatch = PeerEvent::Mismatch { field: Field::Window, local: 120, remote: 8 };
            assert_eq!(told, if first || number == 2 { vec![mismatch] } else { vec![] });
            if number == 1 {
                pair.restart(wire, 1, AGAIN);
                pair.run(2 * SECOND);
                assert!(peer_events(&pair.reported[0]).contains(&PeerEvent::Restarted));
            } else {
                // A silence alone is no restart.
                pair.lost = [true; 2];
                pair.run(2 * SECOND);
                pair.lost = [false; 2];
                pair.run(SECOND);
            }
        }
    }
}

#[test]
fn another_first_frame_matters_in_the_same_epoch_only() {
    for wire in Wire::COMPACT {
        let other = Seal { first_frame: 7, epoch: 4, ..Seal::new(wire, 1, 0) };
        let mut session = Pair::met(wire).sessions[0].clone();
        assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &other.playing(1_000, 1).hello()), Ok(()));
        let ahead = PeerEvent::EpochAhead { epoch: Epoch::new(4) };
        assert_eq!(peer_events(&events(&mut session)), [ahead], "epochs may begin elsewhere");
        session.begin_epoch(at(3 * SECOND), Epoch::new(4)).expect("newer");
        assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &other.playing(1_001, 1).hello()), Ok(()));
        let mismatch = PeerEvent::Mismatch { field: Field::FirstFrame, local: 0, remote: 7 };
        assert_eq!(peer_events(&events(&mut session)), [mismatch]);
    }
}

#[test]
fn another_frame_interval_is_judged_of_the_run_that_plays_only() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        let seal = Seal { sender: (1, AGAIN), ..Seal::new(wire, 1, 0) };
        let mut body = seal.hello_body();
        body[10] ^= 1;
        pair.forget();
        let other = pair.sessions[0].handle_datagram(at(pair.now), PEER, &seal.hello_of(&body));
        assert_eq!(other, Err(OtherRun));
        pair.run(10 * MS);
        assert_eq!(peer_events(&pair.reported[0]), []);
        let mut body = Seal::new(wire, 1, 0).playing(1_000, 1).hello_body();
        body[10] ^= 1;
        assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &seal.hello_of(&body)), Ok(()));
        pair.run(10 * MS);
        let told = peer_events(&pair.reported[0]);
        assert!(
            matches!(told[..], [PeerEvent::Mismatch { field: Field::FrameInterval, local: 16_667, .. }]),
            "{told:?}"
        );
    }
}

#[test]
fn hellos_of_another_run_a_silence_apart_are_a_second_program_and_reported_once() {
    for wire in Wire::COMPACT {
        let other = Seal { sender: (1, AGAIN), ..Seal::new(wire, 1, 0) };
        for (apart, told) in [(SILENCE - 1, false), (SILENCE, true), (3 * SECOND, true)] {
            let mut pair = Pair::met(wire);
            pair.play(5);
            pair.forget();
            let start = pair.now;
            for number in [1, 2] {
                let hello = Seal { number, ..other }.hello();
                assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Err(OtherRun));
                pair.settle();
                if number == 1 {
                    assert_eq!(peer_events(&pair.reported[0]), [], "the first one may be late");
                    while pair.now + T < start + apart {
                        pair.play(1);
                    }
                    pair.run(start + apart - pair.now);
                }
            }
            let told = if told { vec![PeerEvent::SecondRun] } else { vec![] };
            assert_eq!(peer_events(&pair.reported[0]), told, "{apart} us apart");
            let first = pair.reported[0].len();
            for number in 3..100 {
                let hello = Seal { number, ..other }.hello();
                assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Err(OtherRun));
                pair.play(1);
            }
            assert!(!peer_events(&pair.reported[0][first..]).contains(&PeerEvent::SecondRun) || told.is_empty());
            assert!(peer_events(&pair.reported[0]).len() <= 1, "once a run");
        }
    }
}

#[test]
fn a_silence_between_two_hellos_of_another_run_makes_the_first_one_void() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.forget();
        let other = Seal { sender: (1, AGAIN), ..Seal::new(wire, 1, 0) };
        let refused = |pair: &mut Pair, number: u32| {
            let hello = Seal { number, ..other }.hello();
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Err(OtherRun));
        };
        refused(&mut pair, 1);
        pair.lost = [true; 2];
        pair.run(SECOND);
        pair.lost = [false; 2];
        pair.run(300 * MS);
        refused(&mut pair, 2);
        pair.run(SILENCE - 1);
        refused(&mut pair, 3);
        pair.settle();
        assert_eq!(peer_events(&pair.reported[0]), []);
        pair.run(1);
        refused(&mut pair, 4);
        pair.settle();
        assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::SecondRun]);
    }
}

#[test]
fn whether_a_run_was_alive_until_its_next_hello_is_judged_by_the_ping_interval_that_it_had_announced_by_then() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.forget();
        let seal = Seal::new(wire, 1, 0);
        let greet = |session: &mut Session<1, 1>, now: u64, number: u32, ping_ms: u16| {
            let mut body = seal.playing(number, 1).hello_body();
            body[13..15].copy_from_slice(&ping_ms.to_be_bytes());
            assert_eq!(session.handle_datagram(at(now), PEER, &seal.hello_of(&body)), Ok(()));
        };
        let session = &mut pair.sessions[0];
        let (start, other) = (pair.now, Seal { sender: (1, AGAIN), ..seal });
        let refused = |session: &mut Session<1, 1>, now: u64, number: u32| {
            let hello = Seal { number, ..other }.hello();
            assert_eq!(session.handle_datagram(at(now), PEER, &hello), Err(OtherRun));
            peer_events(&events(session))
        };
        let wait = |session: &mut Session<1, 1>, from: u64, until: u64| {
            (from..until).step_by(20_000).for_each(|now| drop(due(session, now)));
        };
        greet(session, start, 1_000, 10_000);
        wait(session, start, start + 12 * SECOND);
        assert_eq!(refused(session, start + 12 * SECOND, 1), []);
        greet(session, start + 12 * SECOND, 1_001, 20);
        wait(session, start + 12 * SECOND, start + 12 * SECOND + 400 * MS);
        greet(session, start + 12 * SECOND + 400 * MS, 1_002, 20);
        wait(session, start + 12 * SECOND + 400 * MS, start + 12 * SECOND + 600 * MS);
        assert_eq!(refused(session, start + 12 * SECOND + 600 * MS, 2), [PeerEvent::SecondRun]);
    }
}

#[test]
fn a_number_that_is_used_twice_is_reported_once_the_link_is_settled() {
    for wire in Wire::COMPACT {
        // The program is started again with the number of its first run, which the survivor takes for its hello.
        for (age, told) in [(10 * SECOND, false), (10 * SECOND + 1, true)] {
            let mut pair = Pair::on(wire);
            pair.run(age - SECOND);
            pair.forget();
            pair.lost = [true; 2];
            pair.run(SECOND);
            let seal = Seal::new(wire, 1, 0);
            let hello = Seal { number: 1_000, ..seal }.hello();
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Ok(()));
            pair.settle();
            let expected = if told { vec![PeerEvent::SecondRun] } else { vec![] };
            assert_eq!(peer_events(&pair.reported[0]), expected, "{age} us old");
            // One that names this run is a peer that was silent.
            let mut pair = Pair::on(wire);
            pair.run(age);
            pair.forget();
            pair.lost = [true; 2];
            pair.run(SECOND);
            let hello = seal.answering(1_000, 1).hello();
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Ok(()));
            pair.settle();
            assert_eq!(peer_events(&pair.reported[0]), []);
        }
    }
}

#[test]
fn a_peer_that_plays_with_another_run_of_this_player_replaced_this_one() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.forget();
        let seal = Seal::new(wire, 1, 0);
        let elsewhere = Seal { receiver: (0, AGAIN), ..seal };
        let mut spared = pair.sessions[0].clone();
        for number in 100..103 {
            let hello = elsewhere.playing(number, 1).hello();
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Ok(()));
            pair.settle();
            assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::Replaced], "once");
        }
        // It is no sign of life, and its number is not taken.
        for later in [450 * MS, 600 * MS, 6 * SECOND] {
            assert_eq!(due(&mut pair.sessions[0], pair.now + later), due(&mut spared, pair.now + later));
            assert_eq!(healths(&events(&mut pair.sessions[0])), healths(&events(&mut spared)));
        }
        // A peer that was never linked may play with whom it likes.
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        due(&mut session, 0);
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.answering(1, 1).hello()), Ok(()));
        assert_eq!(session.handle_datagram(at(0), PEER, &elsewhere.playing(2, 1).hello()), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), []);
    }
}

#[test]
fn a_program_that_was_started_twice_and_is_heard_by_nobody_is_told_so_after_a_while() {
    for wire in Wire::COMPACT {
        let elsewhere = Seal { receiver: (0, AGAIN), ..Seal::new(wire, 1, 0) };
        let after = SILENCE + REPLACED_AFTER;
        for (apart, told) in [(after - 1, false), (after, true)] {
            let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
            for (number, now) in [(5, SECOND), (6, SECOND + apart)] {
                due(&mut session, now);
                assert_eq!(session.handle_datagram(at(now), PEER, &elsewhere.playing(number, 3).hello()), Ok(()));
            }
            let told = if told { vec![PeerEvent::Replaced] } else { vec![] };
            assert_eq!(peer_events(&events(&mut session)), told, "{apart} us apart");
            let now = SECOND + apart + 9 * SECOND;
            assert_eq!(session.handle_datagram(at(now), PEER, &elsewhere.playing(7, 3).hello()), Ok(()));
            assert!(peer_events(&events(&mut session)).len() <= 1, "once");
        }
        // Hellos that play with nobody, or with this run, prove nothing.
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        for number in 1..20 {
            let now = u64::from(number) * SECOND;
            let hello = Seal { number, ..Seal::new(wire, 1, 0) }.hello();
            assert_eq!(session.handle_datagram(at(now), PEER, &hello), Ok(()));
        }
        assert_eq!(peer_events(&events(&mut session)), []);
    }
}

/// Three programs: the first one plays with the second, and a third one says that it is the second, too. What the first one
/// sends reaches both.
struct Trio {
    sessions: [Session<1, 1>; 3],
    now: u64,
    told: [Vec<PeerEvent>; 3],
    taken: [Vec<u32>; 3],
    /// Whether each program still runs.
    lives: [bool; 3],
}

impl Trio {
    fn new(wire: Wire) -> Self {
        let session = |player: u16, run: u64| endpoint(wire.settings(player).incarnation(run), wire.peer(1 - player));
        Self {
            sessions: [session(0, incarnation(0)), session(1, incarnation(1)), session(1, AGAIN)],
            now: 0,
            told: Default::default(),
            taken: Default::default(),
            lives: [true, true, false],
        }
    }

    fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        while self.now < until {
            for side in (0..3).filter(|side| self.lives[*side]).collect::<Vec<_>>() {
                let session = &mut self.sessions[side];
                let _ = session.push_input(at(self.now), [0]);
                for (_, datagram) in drain(session) {
                    for to in (0..3).filter(|to| (side == 0) != (*to == 0) && self.lives[*to]).collect::<Vec<_>>() {
                        let _ = self.sessions[to].handle_datagram(at(self.now), PEER, &datagram);
                    }
                }
            }
            for side in (0..3).filter(|side| self.lives[*side]).collect::<Vec<_>>() {
                let reported = events(&mut self.sessions[side]);
                self.taken[side].extend(frames(&reported));
                self.told[side].extend(peer_events(&reported));
            }
            self.now += T;
        }
    }
}

#[test]
fn of_two_programs_of_one_player_the_first_one_plays_on_until_it_falls_silent_and_all_are_told() {
    for wire in Wire::COMPACT {
        let mut trio = Trio::new(wire);
        trio.run(2 * SECOND);
        let before = trio.taken[0].len();
        trio.lives[2] = true;
        trio.run(4 * SECOND);
        assert!(trio.taken[0].len() >= before + 238, "no gap");
        assert_eq!(trio.taken[0], (0..).take(trio.taken[0].len()).collect::<Vec<_>>());
        assert!(trio.taken[1].len() >= before + 238, "nor at the other end");
        assert_eq!(trio.taken[2], []);
        assert_eq!(trio.told[0], [PeerEvent::Connected, PeerEvent::SecondRun]);
        assert_eq!(trio.told[1], [PeerEvent::Connected]);
        assert_eq!(trio.told[2], [PeerEvent::Replaced]);
        // The first program of that player ends: the second one takes over.
        trio.lives[1] = false;
        trio.run(2 * SECOND);
        assert_eq!(trio.told[0][2..], [PeerEvent::Restarted]);
        let epoch = trio.sessions[0].next_epoch().expect("many are left");
        trio.sessions[0].begin_epoch(at(trio.now), epoch).expect("newer");
        trio.run(SECOND);
        assert_eq!(trio.told[2][1..], [PeerEvent::EpochAhead { epoch }]);
        trio.sessions[2].begin_epoch(at(trio.now), epoch).expect("newer");
        trio.taken = Default::default();
        trio.run(SECOND);
        assert!(trio.taken[0].len() > 50 && trio.taken[2].len() > 50);
    }
}

#[test]
fn what_was_reported_of_a_run_is_news_again_after_a_restart() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        let second = Seal { sender: (1, AGAIN + 100), ..Seal::new(wire, 1, 0) };
        for (run, round) in [(incarnation(1), 0_u32), (AGAIN, 1), (AGAIN + 1, 2)] {
            if round > 0 {
                pair.restart(wire, 1, run);
                pair.run(2 * SECOND);
                pair.begin_epoch(round);
                pair.run(SECOND);
            }
            pair.forget();
            for number in 1..=100 {
                let hello = Seal { number, epoch: round, ..second }.hello();
                assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Err(OtherRun));
                pair.play(1);
            }
            let seal = Seal { sender: (1, run), receiver: (0, AGAIN), ..Seal::new(wire, 1, 0) };
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &seal.playing(9_000, 1).hello()), Ok(()));
            pair.settle();
            assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::SecondRun, PeerEvent::Replaced], "round {round}");
        }
    }
}

#[test]
fn who_is_refused_as_another_run_is_told_whom_this_endpoint_plays_with() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.forget();
        let other = Seal { sender: (1, AGAIN), ..Seal::new(wire, 1, 0) };
        assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &other.hello()), Err(OtherRun));
        pair.run(SECOND);
        let hellos: Vec<_> = pair.sent[0].iter().filter(|(_, sent)| sent[0] == 0x20).collect();
        let [(_, hello)] = hellos[..] else { panic!("one for one: {hellos:?}") };
        let named = hello_named(hello);
        assert_eq!((named.incarnation, named.playing), (incarnation(1), true));
        // Not once an epoch has begun: then hellos are due anyway.
        assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &other.hello()), Err(OtherRun));
        pair.begin_epoch(1);
        pair.forget();
        pair.run(2 * SECOND);
        let hellos = pair.sent[0].iter().filter(|(_, sent)| sent[0] == 0x20).count();
        assert_eq!(hellos, 1);
    }
}

#[test]
fn a_restart_into_a_later_epoch_is_reported_before_the_epoch() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let seal = Seal { sender: (1, AGAIN), epoch: 6, ..Seal::new(wire, 1, 0) };
        let now = 3 * SECOND + SILENCE;
        let hello = answer_of_another_run(&mut session, now, &seal);
        events(&mut session);
        assert_eq!(session.handle_datagram(at(now), PEER, &hello), Ok(()));
        let ahead = PeerEvent::EpochAhead { epoch: Epoch::new(6) };
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Restarted, ahead]);
        assert_eq!(session.next_epoch(), Some(Epoch::new(7)));
        session.begin_epoch(at(now), Epoch::new(6)).expect("newer");
        assert_eq!(session.handle_datagram(at(now), PEER, &seal.inputs(1, 1, 0, &[])), Ok(()));
        assert_eq!(frames(&events(&mut session)), [0], "the epoch of the peer will do");
    }
}
