//! Epochs: two bits distinguish four of them, the tag distinguishes all (PROTOCOL 3.10).

use inputwire::{DatagramError, Epoch, EpochError, PeerEvent};

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, SILENCE, T, Wire, act, answer_of_another_run, at, due, due_input, endpoint, events, frame,
    frames, peer, peer_events, refuse, stats,
};

#[test]
fn the_type_byte_carries_the_epoch_modulo_four_and_the_tag_covers_all_of_it() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        for epoch in [1, 2, 3, 4, 9, 1_000_003, Epoch::LAST_FREE.get()] {
            pair.begin_epoch(epoch);
            let now = pair.now;
            let first = due_input(&mut pair.sessions[0].clone(), now);
            assert_eq!(u32::from(first[0] >> 4 & 3), epoch % 4);
            for other in [epoch - 1, epoch + 1, epoch + 2, epoch - epoch % 4] {
                let seal = Seal { epoch: other, ..Seal::new(wire, 1, 0) };
                if other != epoch {
                    let same = other % 4 == epoch % 4;
                    let reason = if same { DatagramError::BadTag } else { DatagramError::OtherEpoch };
                    refuse(&pair.sessions[0], now, PEER, &seal.inputs(0, 0, 0, &[]), reason);
                }
            }
            for multiple in [4, 8, 400] {
                let seal = Seal { epoch: epoch.wrapping_sub(multiple), ..Seal::new(wire, 1, 0) };
                refuse(&pair.sessions[0], now, PEER, &seal.inputs(0, 0, 0, &[]), DatagramError::BadTag);
            }
            pair.run(SECOND);
        }
    }
}

#[test]
fn an_epoch_abandons_unacknowledged_inputs_and_keeps_the_timing() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.run(SECOND);
        pair.lost = [true; 2];
        for _ in 0..7 {
            pair.sessions[0].push_input(at(pair.now), [9]).expect("room");
        }
        pair.run(T);
        let before = stats(&pair.sessions[0]);
        assert_eq!(before.unacked, 7);
        pair.lost = [false; 2];
        pair.forget();
        pair.begin_epoch(1);
        let after = stats(&pair.sessions[0]);
        assert_eq!(
            (after.unacked, after.rtt, after.jitter, after.inbound_lost),
            (0, before.rtt, before.jitter, before.inbound_lost)
        );
        assert_eq!((pair.sessions[0].next_frame(), peer(&pair.sessions[1]).last_frame()), (frame(0), None));
        pair.run(SECOND);
        assert!(frames(&pair.reported[1]).is_empty());
        pair.play(10);
        pair.run(SECOND);
        pair.assert_delivered(0, 10);
        pair.assert_delivered(1, 10);
    }
}

#[test]
fn the_first_input_of_an_epoch_is_encoded_against_zeros() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.sessions[0].push_input(at(pair.now), [0xff]).expect("room");
        pair.run(SECOND);
        pair.begin_epoch(1);
        pair.run(SECOND);
        pair.forget();
        pair.sessions[0].push_input(at(pair.now), [0]).expect("room");
        pair.run(0);
        let (_, datagram) = &pair.sent[0][0];
        let timing = if datagram[0] & 0x40 == 0 { 0 } else { 8 };
        assert_eq!(datagram.len(), 3 + wire.tag_len() + timing, "no body: nothing has changed");
    }
}

#[test]
fn a_peer_ahead_is_reported_once_for_each_of_its_epochs_and_sent_hellos_until_the_application_follows() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let seal = Seal::new(wire, 1, 0);
        let mut now = 3 * SECOND;
        for epoch in [2, 5] {
            let number = epoch * 100;
            for number in number..number + 3 {
                let hello = Seal { epoch, ..seal }.playing(number, 1).hello();
                assert_eq!(session.handle_datagram(at(now), PEER, &hello), Ok(()));
            }
            let ahead = PeerEvent::EpochAhead { epoch: Epoch::new(epoch) };
            assert_eq!(peer_events(&events(&mut session)), [ahead]);
            // An older hello that arrives late is refused, whatever its epoch, and a repeated one.
            for (number, epoch) in [(number - 1, 1), (number + 2, epoch), (number + 1, epoch + 1)] {
                let late = Seal { epoch, ..seal }.playing(number, 1).hello();
                refuse(&session, now, PEER, &late, DatagramError::LateHello);
            }
            let hellos = (0..SECOND).step_by(10_000).map(|later| due(&mut session, now + later));
            let hellos = hellos.flatten().filter(|datagram| datagram[0] == 0x20).count();
            assert!((5..=6).contains(&hellos), "{hellos} in a second");
            now += SECOND;
        }
        session.begin_epoch(at(now), Epoch::new(5)).expect("newer");
        let next = Seal { epoch: 5, ..seal }.inputs(1, 1, 0, &[]);
        assert_eq!(session.handle_datagram(at(now), PEER, &next), Ok(()));
        assert_eq!(frames(&events(&mut session)), [0]);
    }
}

#[test]
fn a_peer_that_is_still_ahead_after_the_next_epoch_is_reported_again() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let now = at(3 * SECOND);
        let hello = Seal { epoch: 5, ..Seal::new(wire, 1, 0) }.playing(100, 1).hello();
        assert_eq!(session.handle_datagram(now, PEER, &hello), Ok(()));
        let ahead = PeerEvent::EpochAhead { epoch: Epoch::new(5) };
        assert_eq!(peer_events(&events(&mut session)), [ahead]);
        assert_eq!(session.next_epoch(), Some(Epoch::new(6)));
        session.begin_epoch(now, Epoch::new(4)).expect("newer");
        assert_eq!(peer_events(&events(&mut session)), [ahead]);
        session.begin_epoch(now, Epoch::new(5)).expect("newer");
        assert_eq!(peer_events(&events(&mut session)), []);
    }
}

#[test]
fn what_makes_an_application_throw_its_window_away_is_reported_after_every_input_that_is_held() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.unpolled[0] = true;
        pair.play(60);
        pair.run(SECOND);
        assert_eq!(peer(&pair.sessions[1]).unacked(), 0, "inputs that are not polled are acknowledged");
        let seal = Seal::new(wire, 1, 0);
        let ahead = Seal { epoch: 3, ..seal }.playing(100, 1).hello();
        let ended = PeerEvent::PeerClosed { epoch: Epoch::new(0), end: frame(60) };
        let silent = pair.now + SILENCE;
        let restarted = Seal { sender: (1, seal.sender.1 + 1), ..seal };
        let session = &pair.sessions[0];
        let mut waiting = session.clone();
        let restarted = answer_of_another_run(&mut waiting, silent, &restarted);
        let news = [
            (session, pair.now, ahead, PeerEvent::EpochAhead { epoch: Epoch::new(3) }),
            (&waiting, silent, restarted, PeerEvent::Restarted),
            (session, pair.now, seal.bye(60), ended),
            (session, pair.now, seal.inputs(0, 70, 60, &[]), PeerEvent::OutOfSync),
        ];
        for (session, now, datagram, event) in news {
            let mut session = session.clone();
            let _ = session.handle_datagram(at(now), PEER, &datagram);
            let reported = events(&mut session);
            assert_eq!(frames(&reported), (0..60).collect::<Vec<_>>(), "{event:?}");
            let after = reported.iter().rposition(|event| matches!(event, inputwire::Event::Input { .. }));
            let after = peer_events(&reported[after.expect("inputs") + 1..]);
            let departed =
                (wire == Wire::Keyed && event == ended).then_some(PeerEvent::Departed { last: Some(frame(59)) });
            assert_eq!(after, [event].into_iter().chain(departed).collect::<Vec<_>>(), "{reported:?}");
        }
    }
}

#[test]
fn a_peer_that_follows_to_the_local_epoch_is_not_ahead() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        session.begin_epoch(at(3 * SECOND), Epoch::new(1)).expect("newer");
        let next = Seal { epoch: 1, ..Seal::new(wire, 1, 0) }.playing(100, 1);
        assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &next.hello()), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), []);
    }
}

#[test]
fn endpoints_that_change_epoch_at_different_times_lose_nothing_of_the_new_epoch() {
    for wire in Wire::COMPACT {
        for pause in [0, MS, T, 300 * MS, 7 * SECOND] {
            let mut pair = Pair::met(wire);
            pair.delay = 30 * MS;
            pair.play(20);
            pair.run(SECOND);
            pair.forget();
            let epoch = Epoch::new(1);
            pair.sessions[0].begin_epoch(at(pair.now), epoch).expect("newer");
            for number in 0..10 {
                pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
            }
            pair.run(pause);
            pair.sessions[1].begin_epoch(at(pair.now), epoch).expect("newer");
            for number in 0..10 {
                pair.sessions[1].push_input(at(pair.now), act(1, number)).expect("room");
            }
            pair.run(SECOND);
            pair.assert_delivered(0, 10);
            pair.assert_delivered(1, 10);
        }
    }
}

#[test]
fn the_last_65536_epochs_are_kept_for_following_a_peer_and_for_restarts() {
    for wire in Wire::COMPACT {
        let [free, last] = [Epoch::LAST_FREE, Epoch::MAX];
        assert_eq!([free.get(), last.get()], [0x7ffe_ffff, 0x7fff_ffff], "2^31 - 1, and 65,536 below it");
        let mut alone = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        for (epoch, outcome) in [
            (Epoch::new(u32::MAX), Err(EpochError::TooGreat)),
            (Epoch::new(last.get() + 1), Err(EpochError::TooGreat)),
            (last, Err(EpochError::TooGreat)),
            (Epoch::new(free.get() + 1), Err(EpochError::TooGreat)),
            (free, Ok(())),
        ] {
            assert_eq!(alone.begin_epoch(at(0), epoch), outcome, "{epoch}");
        }
        assert_eq!(alone.next_epoch(), None, "none is left to begin of one's own accord");

        // A peer is ahead: it can be followed, also to the last epoch of all, and not beyond.
        let seal = Seal { epoch: last.get(), ..Seal::new(wire, 1, 0) };
        let mut session = Pair::met(wire).sessions[0].clone();
        let now = 3 * SECOND;
        let beyond = Seal { epoch: last.get() + 1, ..seal }.playing(100, 1).hello();
        refuse(&session, now, PEER, &beyond, DatagramError::EpochRange);
        assert_eq!(session.handle_datagram(at(now), PEER, &seal.playing(100, 1).hello()), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::EpochAhead { epoch: last }]);
        assert_eq!(session.next_epoch(), None, "no later one than the peer's");
        assert_eq!(session.begin_epoch(at(now), Epoch::new(last.get() + 1)), Err(EpochError::TooGreat));
        assert_eq!(session.begin_epoch(at(now), last), Ok(()));

        // A peer was started anew.
        let mut pair = Pair::met(wire);
        pair.begin_epoch(free.get());
        pair.run(SECOND);
        pair.restart(wire, 1, 0xfeed_0000_0000);
        pair.forget();
        pair.run(2 * SECOND);
        assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::Restarted]);
        let next = pair.sessions[0].next_epoch();
        assert_eq!(next, Some(Epoch::new(free.get() + 1)));
        let epoch = next.expect("one of the reserve");
        assert_eq!(pair.sessions[0].begin_epoch(at(pair.now), epoch), Ok(()));
        pair.forget();
        pair.run(SECOND);
        assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::EpochAhead { epoch }]);
        assert_eq!(pair.sessions[1].begin_epoch(at(pair.now), epoch), Ok(()));
        pair.run(SECOND);
        pair.forget();
        pair.play(5);
        pair.run(SECOND);
        pair.assert_delivered(0, 5);
        pair.assert_delivered(1, 5);
    }
}

#[test]
fn inputs_that_were_flushed_are_delivered_before_the_epoch_that_follows_them_however_late_the_drain() {
    for wire in Wire::COMPACT {
        // The receiver transmits before it drains its events, and drains rarely.
        let mut pair = Pair::met(wire);
        pair.unpolled[1] = true;
        for number in 0..60 {
            pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
            pair.run(T);
        }
        pair.run(SECOND);
        let flushed = pair.reported[0]
            .iter()
            .any(|event| matches!(event, inputwire::Event::Peer { event: PeerEvent::Flushed, .. }));
        assert!(flushed, "everything is acknowledged, so the sender goes on");
        pair.sessions[0].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
        pair.run(SECOND);
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        let reported = events(&mut pair.sessions[1]);
        assert_eq!(frames(&reported), (0..60).collect::<Vec<_>>());
        let last = reported.iter().rposition(|event| matches!(event, inputwire::Event::Input { .. }));
        let mut barriers = vec![PeerEvent::EpochAhead { epoch: Epoch::new(1) }];
        barriers.push(PeerEvent::PeerClosed { epoch: Epoch::new(1), end: frame(0) });
        // It left in an epoch that was not followed, so what counts is what is known of this one.
        barriers.extend((wire == Wire::Keyed).then_some(PeerEvent::Departed { last: Some(frame(59)) }));
        assert_eq!(peer_events(&reported[last.expect("inputs")..]), barriers, "and only then the epoch and the end");
    }
}
