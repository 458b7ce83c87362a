//! A caller that calls late, twice, never, or in the wrong order.

use inputwire::{
    AddPeerError, ChecksumError, DatagramError, Epoch, EpochError, Event, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent,
    PeerId, PushError, Session,
};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{
    KEY, MS, PEER, Pair, SECOND, T, Wire, act, at, drain, due, endpoint, events, frame, frames, incarnation, inputs,
    peer_events,
};

/// A session of player 0 with players 1 to 8, each of which it has met.
fn host(wire: Wire) -> Session<8, 1> {
    let mut session = Session::new(wire.settings(0).build().expect("settings"));
    for player in 1..=8 {
        let peer = PeerConfig::compact(player).incarnation(incarnation(player));
        let id = session.add_peer(at(0), peer).expect("room");
        let seal = Seal::new(wire, player, 0);
        assert_eq!(session.handle_datagram(at(0), id, &seal.playing(1, 0).hello()), Ok(()));
        assert_eq!(session.handle_datagram(at(0), id, &seal.inputs(1, 1, 0, &[])), Ok(()));
    }
    drain(&mut session);
    events(&mut session);
    session
}

#[test]
fn peers_that_are_removed_in_the_middle_of_a_drain_take_nothing_from_the_others() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut session = host(Wire::COMPACT[rng.index(2)]);
        let now = at(SECOND / 10);
        session.push_input(now, [1]).expect("room");
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sent: Vec<PeerId> = Vec::new();
        let mut removed = Vec::new();
        loop {
            if rng.one_in(4) && removed.len() < 6 {
                let ids: Vec<_> = session.peers().collect();
                let gone = rng.pick(&ids);
                match rng.below(3) {
                    0 => session.remove_peer(now, gone),
                    1 => session.handle_transport_closed(now, gone),
                    _ => session.disconnect_peer(now, gone),
                }
                removed.push(gone);
            }
            let by_peer = rng.one_in(3).then(|| rng.pick(&session.peers().collect::<Vec<_>>()));
            let transmit = match by_peer {
                Some(peer) => session.poll_transmit_to(peer, &mut buf),
                None => session.poll_transmit(&mut buf),
            };
            match transmit {
                Some(transmit) if transmit.datagram[0] >= 0x80 => sent.push(transmit.peer),
                Some(transmit) => assert!([0x20, 0x23].contains(&transmit.datagram[0])),
                None if by_peer.is_none() => break,
                None => {}
            }
            assert!(sent.len() <= 8, "seed {seed}: {sent:?}");
        }
        for player in (0..8).map(PeerId::new).filter(|id| !removed.contains(id)) {
            assert_eq!(sent.iter().filter(|id| **id == player).count(), 1, "seed {seed}: {player} of {sent:?}");
        }
    }
}

#[test]
fn no_input_of_an_earlier_epoch_is_delivered_after_a_later_one_began_between_two_polls() {
    for wire in Wire::ALL {
        for taken in 0..12 {
            let mut pair = Pair::met(wire);
            pair.unpolled[0] = true;
            pair.play(10);
            pair.run(50 * MS);
            let session = &mut pair.sessions[0];
            let early: Vec<_> = std::iter::from_fn(|| session.poll_event()).take(taken).collect();
            assert!(frames(&early).into_iter().zip(0..).all(|(frame, number)| frame == number));
            session.begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
            assert_eq!(frames(&events(session)), [0; 0], "{wire:?}, {taken}");
            assert_eq!((session.next_frame(), session.confirmed_frame()), (frame(0), None));
            pair.unpolled[0] = false;
            if wire != Wire::Classic {
                pair.run(SECOND);
                pair.sessions[1].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
                pair.run(SECOND);
                pair.forget();
                pair.play(5);
                pair.run(100 * MS);
                pair.assert_delivered(0, 5);
                pair.assert_delivered(1, 5);
            }
        }
    }
}

#[test]
fn the_next_epoch_in_odd_moments_is_one_that_can_be_begun_or_none() {
    for wire in Wire::COMPACT {
        for seed in 0..60 {
            let mut rng = Rng::new(seed);
            let mut pair = Pair::met(wire);
            let seal = Seal::new(wire, 1, 0);
            for step in 0..30 {
                let session = &mut pair.sessions[0];
                let now = at(pair.now + step * 100 * MS);
                match rng.below(8) {
                    0 => drop(session.push_input(now, [1])),
                    1 => {
                        let epoch =
                            rng.pick(&[0, 1, 7, Epoch::LAST_FREE.get(), Epoch::MAX.get() - 1, Epoch::MAX.get()]);
                        let number = 100 + u32::try_from(step).expect("few");
                        let _ = session.handle_datagram(now, PEER, &Seal { epoch, ..seal }.playing(number, 1).hello());
                    }
                    2 => session.handle_transport_closed(now, PEER),
                    3 => session.handle_transport_opened(now, PEER),
                    4 if rng.one_in(6) => session.close(now),
                    5 if rng.one_in(4) => session.disconnect_peer(now, PEER),
                    6 => drop(events(session)),
                    _ => drop(due(session, now.as_micros())),
                }
                let next = session.next_epoch();
                let mut tried = session.clone();
                if let Some(next) = next {
                    assert!(next > session.epoch() && next <= Epoch::MAX);
                    assert_eq!(tried.begin_epoch(now, next), Ok(()), "seed {seed}");
                } else {
                    let last = tried.begin_epoch(now, Epoch::MAX);
                    let none = matches!(last, Err(EpochError::Closed | EpochError::NotNewer));
                    assert!(none || session.epoch() >= Epoch::LAST_FREE || last.is_ok(), "seed {seed}: {last:?}");
                }
                if rng.one_in(5) && next.is_some() {
                    pair.sessions[0] = tried;
                }
            }
        }
    }
}

#[test]
fn whatever_is_called_after_the_end_is_an_error_or_nothing() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(5);
        let (now, mut session) = (pair.now, pair.sessions[0].clone());
        session.close(at(now));
        for step in 0..50 {
            let now = at(now + step * 100 * MS);
            assert_eq!(session.push_input(now, [1]), Err(PushError::Closed));
            assert_eq!(session.begin_epoch(now, Epoch::new(9)), Err(EpochError::Closed));
            assert_eq!(session.add_peer(now, wire.peer(7)), Err(AddPeerError::Full).or(Err(AddPeerError::Closed)));
            assert_eq!(session.skip_to(now, frame(500), [2]), Err(PushError::Closed));
            assert_eq!(session.next_epoch(), None);
            session.handle_transport_closed(now, PEER);
            session.handle_transport_opened(now, PEER);
            session.disconnect_peer(now, PEER);
            session.close(now);
            let sent = due(&mut session, now.as_micros());
            assert_eq!(sent, [[0; 0]; 0], "its transport closed");
            events(&mut session);
            assert!(session.is_closed());
        }
        session.remove_peer(at(now), PEER);
        session.remove_peer(at(now), PEER);
        assert_eq!(session.handle_datagram(at(now), PEER, &[0x80; 20]), Err(DatagramError::UnknownPeer));
        assert!(session.is_closed() && session.poll_timeout().is_none());
    }
}

#[test]
fn a_session_that_is_closed_and_never_polled_asks_for_nothing_in_the_end() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(5);
        let session = &mut pair.sessions[0];
        session.push_input(at(pair.now), [1]).expect("room");
        session.close(at(pair.now));
        let mut now = at(pair.now);
        for _ in 0..100 {
            let Some(next) = session.poll_timeout() else { break };
            assert!(next > now);
            now = next;
            session.handle_timeout(now);
        }
        assert_eq!(session.poll_timeout(), None, "{wire:?}");
        // One drain is enough then.
        assert!(due(session, now.as_micros()).len() <= 1);
        assert!(session.is_closed(), "{wire:?}");
    }
}

#[test]
fn a_goodbye_that_came_before_the_end_of_this_session_is_reported_once_and_names_nobody_after_it() {
    for wire in Wire::COMPACT {
        for close_first in [false, true] {
            let mut pair = Pair::met(wire);
            pair.play(5);
            pair.run(100 * MS);
            pair.forget();
            let (now, bye) = (at(pair.now), Seal::new(wire, 1, 0).bye(5));
            let session = &mut pair.sessions[0];
            if close_first {
                session.close(now);
            }
            for _ in 0..3 {
                assert_eq!(session.handle_datagram(now, PEER, &bye), Ok(()));
            }
            session.close(now);
            let reported = peer_events(&events(session));
            let closed = |event: &&PeerEvent| matches!(event, PeerEvent::PeerClosed { .. });
            assert_eq!(reported.iter().filter(closed).count(), 1, "{wire:?}: {reported:?}");
            let named = reported.iter().any(|event| matches!(event, PeerEvent::Departing { .. }));
            assert_eq!(named, wire == Wire::Keyed && !close_first);
            let mut byes = 0;
            for step in 0..10 {
                let sent = due(session, pair.now + step * T);
                byes += sent.iter().filter(|sent| sent[0] == 0x21).count();
            }
            assert_eq!(byes, 3);
            assert!(session.is_closed());
        }
    }
}

#[test]
fn a_caller_that_does_everything_wrong_for_a_while_is_back_in_step_when_it_does_it_right() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let wire = Wire::COMPACT[rng.index(2)];
        let mut pair = Pair::met(wire);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sockets: [Vec<Vec<u8>>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..600 {
            pair.now += rng.below(3 * T);
            let now = at(pair.now);
            // Endpoint 1 is called properly.
            let other = &mut pair.sessions[1];
            for datagram in sockets[1].drain(..) {
                let _ = other.handle_datagram(now, PEER, &datagram);
            }
            let _ = other.push_input(now, act(1, other.next_frame().get()));
            pair.reported[1].extend(events(other));
            sockets[0].extend(drain(other).into_iter().map(|(_, datagram)| datagram));
            let session = &mut pair.sessions[0];
            match rng.below(12) {
                0 => sockets[0].truncate(rng.index(4)),
                1 => sockets[0].reverse(),
                2..5 => {
                    for datagram in sockets[0].drain(..) {
                        let _ = session.handle_datagram(now, PEER, &datagram);
                        if rng.one_in(3) {
                            let _ = session.handle_datagram(now, PEER, &datagram);
                        }
                    }
                }
                5 => pair.reported[0].extend(session.poll_event()),
                6 => session.handle_transport_opened(now, PEER),
                7 => session.handle_timeout(at(pair.now.saturating_sub(SECOND))),
                8 => drop(session.push_checksum(now, frame(rng.below(200).try_into().expect("small")), 7)),
                9 => drop(session.push_input(now, act(0, session.next_frame().get()))),
                10 => session.clear_counters(),
                _ => sockets[1].extend(session.poll_transmit(&mut buf).map(|transmit| transmit.datagram.to_vec())),
            }
        }
        pair.run(5 * SECOND);
        let before = [0, 1].map(|end| frames(&pair.reported[end]).len());
        pair.play(60);
        pair.run(SECOND);
        for (end, before) in before.into_iter().enumerate() {
            let delivered = inputs(&pair.reported[end]);
            assert_eq!(delivered.len(), before + 60, "seed {seed}");
            let right = delivered.iter().enumerate().all(|(number, (frame, input))| {
                usize::try_from(*frame) == Ok(number) && *input == act(1 - end, *frame)
            });
            assert!(right, "seed {seed}: {delivered:?}");
        }
    }
}

#[test]
fn checksums_pushed_at_any_time_are_errors_or_compared_and_never_block_for_good() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(1);
        pair.lost = [false, true];
        // The peer acknowledges none: the sixteenth is the last, until the window has passed the first.
        let mut pushed = 0;
        for number in 0..400 {
            let now = at(pair.now);
            let _ = pair.sessions[0].push_input(now, [1]);
            let seal = Seal::new(wire, 1, 0);
            let end = pair.sessions[0].next_frame().get();
            let _ = pair.sessions[0].handle_datagram(now, PEER, &seal.inputs(1, end, end, &[]));
            events(&mut pair.sessions[0]);
            match pair.sessions[0].push_checksum(now, frame(number), 7) {
                Ok(()) => pushed += 1,
                Err(reason) => assert_eq!(reason, ChecksumError::Full(PEER)),
            }
            pair.now += T;
            drain(&mut pair.sessions[0]);
        }
        assert_eq!(pushed, 64, "sixteen in each window");
    }
}

#[test]
fn a_peer_that_is_removed_and_added_again_between_two_datagrams_is_a_new_run_each_time() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1).key(KEY));
        let mut seen = Vec::new();
        for round in 0..50_u64 {
            let now = at(round * MS);
            let run = session.incarnation().expect("one");
            assert!(!seen.contains(&run));
            seen.push(run);
            let id = session.peers().next().expect("a peer");
            session.remove_peer(now, id);
            assert_eq!(session.handle_datagram(now, id, &[0x20; 50]), Err(DatagramError::UnknownPeer));
            assert!(events(&mut session).is_empty() && drain(&mut session).is_empty());
            session.add_peer(now, wire.peer(1).key(KEY)).expect("room");
            assert!(matches!(drain(&mut session).as_slice(), [(_, hello)] if hello[0] == 0x20));
            assert!(!events(&mut session).iter().any(|event| matches!(event, Event::Input { .. })));
        }
    }
}
