//! A network that fails in one direction or in both, and calls in any order: rows P9 to P12.

use inputwire::{Epoch, Health, PeerConfig, PeerId, Session};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{
    DATAGRAMS_A_PEER, MS, PEER, Pair, SECOND, T, Wire, act, at, byte, drain, endpoint, events, frame, healths,
    incarnation, inputs, peer, stats,
};

#[test]
fn p9_a_peer_that_returns_from_silence_is_reported_in_order_and_loses_nothing() {
    for wire in Wire::ALL {
        for (silence, reported) in [
            (2 * SECOND, &[Health::Interrupted, Health::Good][..]),
            (8 * SECOND, &[Health::Interrupted, Health::Disconnected, Health::Good]),
            (30 * SECOND, &[Health::Interrupted, Health::Disconnected, Health::Good]),
        ] {
            let mut pair = Pair::met(wire);
            pair.play(10);
            pair.run(SECOND);
            pair.reported = [Vec::new(), Vec::new()];
            pair.lost = [true; 2];
            for number in 10..13 {
                pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
            }
            pair.run(silence);
            pair.lost = [false; 2];
            pair.run(SECOND);
            for player in 0..2 {
                assert_eq!(healths(&pair.reported[player]), reported, "{wire:?}, player {player}");
            }
            if wire != Wire::Classic {
                let missed: Vec<_> = (10..13).map(|number| (number, act(0, number))).collect();
                assert_eq!(inputs(&pair.reported[1]), missed);
            }
            pair.play(5);
            assert_eq!(peer(&pair.sessions[1]).last_frame(), Some(frame(17)));
        }
    }
}

#[test]
fn p10_a_peer_that_receives_nothing_is_reported_as_deaf_and_sent_keep_alives_only() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        pair.run(SECOND);
        pair.forget();
        pair.lost[0] = true;
        for _ in 0..100 {
            let _ = pair.sessions[0].push_input(at(pair.now), [1]);
            let _ = pair.sessions[1].push_input(at(pair.now), [2]);
            pair.run(T);
        }
        let sent = |pair: &Pair, from: u64| pair.sent[0].iter().filter(|(when, _)| *when > from).count();
        assert!(sent(&pair, pair.now - SECOND) > 50, "it is sent inputs as before");
        // The peer goes on sending, and its datagrams arrive.
        for _ in 0..100 {
            let _ = pair.sessions[1].push_input(at(pair.now), [2]);
            pair.run(200 * MS);
        }
        let reported = healths(&pair.reported[0]);
        assert_eq!(reported, [Health::Deaf], "it is not silent");
        let healths_there = healths(&pair.reported[1]);
        assert_eq!(healths_there, [Health::Interrupted, Health::Disconnected]);
        let slow = sent(&pair, pair.now - 2 * SECOND);
        assert!((9..=11).contains(&slow), "{slow} in 2 s");
        // Once datagrams arrive again, inputs are sent at once again.
        pair.lost[0] = false;
        pair.run(201 * MS);
        pair.forget();
        for _ in 0..20 {
            pair.sessions[0].push_input(at(pair.now), [1]).expect("everything was acknowledged");
            pair.run(T);
        }
        assert!(pair.sent[0].len() >= 20, "{}", pair.sent[0].len());
        assert_eq!(stats(&pair.sessions[0]).health, Health::Good);
    }
}

#[test]
fn p11_after_a_total_loss_of_any_length_everything_is_delivered_within_the_bound() {
    const DELAY: u64 = 20 * MS;
    for wire in Wire::COMPACT {
        for outage in [MS, 17 * MS, 100 * MS, SECOND, 3 * SECOND, 9 * SECOND, 60 * SECOND, 3_600 * SECOND] {
            let mut pair = Pair::met(wire);
            pair.delay = DELAY;
            pair.play(10);
            pair.run(SECOND);
            pair.lost = [true; 2];
            let until = pair.now + outage;
            while pair.now < until {
                for player in 0..2 {
                    let number = pair.sessions[player].next_frame().get();
                    let _ = pair.sessions[player].push_input(at(pair.now), act(player, number));
                }
                // Nothing is pushed once the window is full, so longer steps will do.
                let step = if peer(&pair.sessions[0]).unacked() < 120 { T } else { 5 * SECOND };
                pair.run(step.min(until - pair.now));
            }
            let next = pair.sessions[0].next_frame().get();
            pair.lost = [false; 2];
            let bound = if outage < 10 * SECOND { DELAY + T } else { DELAY + 200 * MS };
            // The game goes on if it can; inputs pushed from now on may arrive, too.
            let back = pair.now;
            while pair.now < back + bound {
                for player in 0..2 {
                    let number = pair.sessions[player].next_frame().get();
                    let _ = pair.sessions[player].push_input(at(pair.now), act(player, number));
                }
                pair.run(T.min(back + bound - pair.now));
            }
            for player in 0..2 {
                let last_frame = peer(&pair.sessions[player]).last_frame().expect("something").get();
                assert!(last_frame >= next - 1, "{last_frame} of {next} after {outage} us");
                pair.assert_delivered(player, last_frame + 1);
            }
        }
    }
}

#[test]
fn p12_any_call_in_any_order_is_legal() {
    fn any_order<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        seed: u64,
        peer: impl Fn(u16) -> PeerConfig<INPUT_LEN>,
    ) {
        let rng = &mut Rng::new(seed);
        let mut session: Session<MAX_PEERS, INPUT_LEN, WINDOW> =
            Session::new(Wire::Compact.settings(0).build().expect("settings"));
        let mut other: Session<1, INPUT_LEN, WINDOW> = endpoint(Wire::Compact.settings(1), peer(0));
        let (mut now, mut newest, mut number) = (0_u64, 0, 0);
        let mut datagrams: Vec<Vec<u8>> = vec![vec![], vec![0x04], Seal::new(Wire::Compact, 1, 0).hello()];
        for _ in 0..3_000 {
            let step = [0, 1, 500, T, 200 * MS, 6 * SECOND][rng.index(6)];
            now = if rng.index(40) == 0 { now.saturating_sub(step) } else { now.saturating_add(step) };
            newest = newest.max(now);
            session.handle_timeout(at(now));
            let id = PeerId::new(u32::try_from(rng.index(6)).expect("small"));
            match rng.index(16) {
                0 => drop(session.add_peer(at(now), peer(u16::try_from(rng.index(4)).expect("small")))),
                1 if rng.index(8) == 0 => session.remove_peer(at(now), id),
                2 => session.handle_transport_closed(at(now), id),
                3 => session.handle_transport_opened(at(now), id),
                4 | 5 => drop(session.push_input(at(now), [byte(rng); INPUT_LEN])),
                6 if rng.index(4) == 0 => {
                    number += u32::try_from(rng.index(3)).expect("small");
                    let _ = session.begin_epoch(at(now), Epoch::new(number));
                    let _ = other.begin_epoch(at(now), Epoch::new(number));
                }
                7 if rng.index(20) == 0 => session.close(at(now)),
                8 => session.handle_timeout(at(now)),
                9 => {
                    let _ = session.push_checksum(at(now), frame(number), 1);
                }
                10 => {
                    let _ = other.push_input(at(now), [byte(rng); INPUT_LEN]);
                    datagrams.extend(drain(&mut other).into_iter().map(|(_, datagram)| datagram));
                }
                11 => {
                    let sent = drain(&mut session);
                    assert!(sent.len() <= DATAGRAMS_A_PEER * MAX_PEERS);
                    for (_, datagram) in sent {
                        let _ = other.handle_datagram(at(now), PEER, &datagram);
                    }
                }
                12 => drop(events(&mut session)),
                13 => session.clear_counters(),
                _ => {
                    let datagram = &datagrams[rng.index(datagrams.len())];
                    let _ = session.handle_datagram(at(now), id, datagram);
                }
            }
            assert!(session.confirmed_frame().is_none_or(|confirmed| confirmed.get() < 3_000));
            let peers: Vec<_> = session.peers().collect();
            assert!(peers.len() <= MAX_PEERS && peers.iter().all(|id| session.peer(*id).is_some()));
            assert!(session.poll_timeout().is_none_or(|wake| wake > at(newest)), "woken in a loop");
        }
    }
    for seed in 0..20 {
        any_order::<1, 1, 120>(seed, PeerConfig::compact);
        any_order::<3, 1, 2>(
            seed,
            |player| {
                if player == 2 { PeerConfig::classic(2) } else { PeerConfig::compact(player) }
            },
        );
        any_order::<2, 9, 127>(seed, |player| PeerConfig::compact(player).incarnation(incarnation(player)));
    }
}
