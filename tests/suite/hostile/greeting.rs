//! Ends that are set up differently, and ends that start anew: rows I6 and I7.

use std::time::Duration;

use inputwire::DatagramError::*;
use inputwire::{Config, ConfigBuilder, Epoch, Event, Field, PeerConfig, Session};

use crate::support::forge::Seal;
use crate::support::{MS, PEER, Pair, SECOND, T, Wire, act, at, drain, end, events, frame, frames, news, refuse};

/// Two ends that need not have the same type meet for 20 s, each pushing all it can; what each is told but for health.
fn meet<const I: usize, const W: usize, const J: usize, const V: usize>(
    first: (ConfigBuilder, u16),
    second: (ConfigBuilder, u16),
) -> (Vec<Event<I>>, Vec<Event<J>>) {
    let mut first: Session<1, I, W> = end(first.0, PeerConfig::compact(first.1));
    let mut second: Session<1, J, V> = end(second.0, PeerConfig::compact(second.1));
    let (mut told_first, mut told_second) = (Vec::new(), Vec::new());
    for now in (0..20 * SECOND).step_by(10_000) {
        first.handle_timeout(at(now));
        second.handle_timeout(at(now));
        let _ = first.push_input(at(now), [1; I]);
        let _ = second.push_input(at(now), [2; J]);
        for (_, datagram) in drain(&mut first) {
            let _ = second.handle_datagram(at(now), PEER, &datagram);
        }
        for (_, datagram) in drain(&mut second) {
            let _ = first.handle_datagram(at(now), PEER, &datagram);
        }
        told_first.extend(events(&mut first));
        told_second.extend(events(&mut second));
    }
    assert!(frames(&told_first).is_empty() && frames(&told_second).is_empty(), "it runs");
    (news(&told_first), news(&told_second))
}

fn mismatch<const INPUT: usize>(field: Field, ours: u32, theirs: u32) -> Vec<Event<INPUT>> {
    vec![Event::Mismatch { peer: PEER, field, ours, theirs }]
}

#[test]
fn i6_ends_set_up_differently_never_run_and_each_is_told_once_what_differs() {
    for wire in Wire::COMPACT {
        let (zero, one) = (|| wire.settings(0), || wire.settings(1));
        assert_eq!(
            meet::<1, 120, 4, 120>((zero(), 1), (one(), 0)),
            (mismatch(Field::Input, 1, 4), mismatch(Field::Input, 4, 1))
        );
        assert_eq!(
            meet::<2, 8, 2, 127>((zero(), 1), (one(), 0)),
            (mismatch(Field::Window, 8, 127), mismatch(Field::Window, 127, 8))
        );
        assert_eq!(
            meet::<1, 120, 1, 120>((zero().first_frame(frame(3)), 1), (one(), 0)),
            (mismatch(Field::FirstFrame, 3, 0), mismatch(Field::FirstFrame, 0, 3))
        );
        // One waits for player 1, and player 5 comes.
        assert_eq!(
            meet::<1, 120, 1, 120>((zero(), 1), (wire.settings(5), 0)),
            (mismatch(Field::Player, 1, 5), mismatch(Field::Player, 5, 1)),
        );
        let both = meet::<1, 120, 3, 60>((zero(), 1), (one(), 0));
        assert_eq!(both.0, [mismatch(Field::Input, 1, 3), mismatch(Field::Window, 120, 60)].concat());
        assert_eq!(both.1, [mismatch(Field::Input, 3, 1), mismatch(Field::Window, 60, 120)].concat());
    }
}

#[test]
fn i6_a_hello_of_another_version_is_told_whatever_its_length() {
    for wire in Wire::COMPACT {
        for version in [0, 2, 255] {
            let seal = Seal { version, ..Seal::new(wire, 1, 0) };
            let mut session = end::<1, 120>(wire.settings(0), wire.peer(1));
            for rest in [&seal.hello_body(0)[..5], &seal.hello_body(0), &[&seal.hello_body(0)[..], &[7; 900]].concat()]
            {
                assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello_of(rest)), Ok(()));
            }
            assert_eq!(news(&events(&mut session)), mismatch(Field::Version, 1, version.into()));
            // It has taught nothing: not even the run of its sender.
            refuse(&session, 0, PEER, &Seal { version: 1, ..seal }.inputs(0, 0, 0, &[]), NotReady);
            // A hello that fits ends the mismatch.
            let right = Seal::new(wire, 1, 0);
            assert_eq!(session.handle_datagram(at(0), PEER, &right.hello(0)), Ok(()));
            assert_eq!(session.handle_datagram(at(0), PEER, &right.inputs(0, 0, 0, &[])), Ok(()));
        }
    }
}

#[test]
fn i6_another_frame_interval_is_told_once_and_stops_nothing() {
    for wire in Wire::COMPACT {
        let slow = |settings: ConfigBuilder| settings.frame_interval(Duration::from_micros(33_333));
        let mut pair = Pair::new(
            end::<1, 120>(wire.settings(0), wire.peer(1)),
            end::<1, 120>(slow(wire.settings(1)), wire.peer(0)),
        );
        pair.run(3 * SECOND);
        pair.play(10);
        pair.run(100 * MS);
        pair.assert_told(0, 10);
        let told = |player: usize| {
            let news = news(&pair.told[player]).into_iter().filter(|event| matches!(event, Event::Mismatch { .. }));
            news.collect::<Vec<_>>()
        };
        assert_eq!(told(0), mismatch(Field::FrameInterval, 16_667, 33_333));
        assert_eq!(told(1), mismatch(Field::FrameInterval, 33_333, 16_667));
    }
}

/// Starts an end of a pair anew.
fn restart(pair: &mut Pair, wire: Wire, player: usize, incarnation: u32) {
    let (player, peer) = if player == 0 { (0, 1) } else { (1, 0) };
    let mut session: Session<1, 1> =
        Session::new(wire.settings(player).incarnation(incarnation).build().expect("settings"));
    session.add_peer(at(pair.now), wire.peer(peer)).expect("room");
    pair.ends[usize::from(player)] = session;
}

#[test]
fn i7_a_restart_is_told_and_inputs_wait_for_the_next_epoch() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(20);
        let earlier: Vec<_> = pair.sent[1].iter().map(|(_, datagram)| datagram.clone()).collect();
        pair.forget();
        restart(&mut pair, wire, 1, 5_000);
        for number in 0..15 {
            pair.ends[1].push_input(at(pair.now), act(1, 100 + number)).expect("room");
            let _ = pair.ends[0].push_input(at(pair.now), act(0, 20 + number));
            pair.run(T);
        }
        assert_eq!(news(&pair.told[0]), [Event::Restarted { peer: PEER }]);
        assert!(frames(&pair.told[0]).is_empty() && frames(&pair.told[1]).is_empty(), "two runs are mixed");
        for datagram in &earlier {
            let reason = if datagram[0] == 0x20 { OldIncarnation } else { NotReady };
            refuse(&pair.ends[0], pair.now, PEER, datagram, reason);
        }
        pair.ends[0].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
        pair.run(SECOND);
        assert!(news(&pair.told[1]).contains(&Event::PeerAhead { peer: PEER, epoch: Epoch::new(1) }));
        pair.ends[1].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
        pair.run(SECOND);
        pair.forget();
        pair.play(10);
        pair.assert_told(0, 10);
        pair.assert_told(1, 10);
        // What the earlier run said stays refused, its hello too.
        for datagram in earlier {
            assert!(pair.ends[0].clone().handle_datagram(at(pair.now), PEER, &datagram).is_err(), "{datagram:02x?}");
        }
        let late = Seal::new(wire, 1, 0).hello(0);
        refuse(&pair.ends[0], pair.now, PEER, &late, OldIncarnation);
    }
}

#[test]
fn i7_when_both_restart_in_either_order_no_input_of_one_run_is_told_in_the_other() {
    for wire in Wire::COMPACT {
        for (pause, first) in [(0, 0), (30 * MS, 0), (30 * MS, 1), (SECOND, 0), (SECOND, 1), (8 * SECOND, 1)] {
            let mut pair = Pair::met(wire);
            pair.delay = 40 * MS;
            pair.play(20);
            pair.forget();
            restart(&mut pair, wire, first, 7_000);
            pair.run(pause);
            assert!(frames(&pair.told[first]).is_empty(), "told to the new run by the earlier one");
            pair.forget();
            restart(&mut pair, wire, 1 - first, 7_000);
            pair.run(2 * SECOND);
            assert!(frames(&pair.told[0]).is_empty() && frames(&pair.told[1]).is_empty());
            let epoch = pair.ends.iter().map(|end| end.epoch().get()).max().expect("two") + 1;
            pair.begin_epoch(epoch);
            pair.run(2 * SECOND);
            pair.forget();
            pair.play(10);
            pair.run(SECOND);
            pair.assert_told(0, 10);
            pair.assert_told(1, 10);
        }
    }
}

#[test]
fn i7_the_first_run_that_an_end_learns_of_is_no_restart() {
    for wire in Wire::COMPACT {
        let mut session: Session<1, 1> = Session::new(wire.settings(0).build().expect("settings"));
        session.add_peer(at(0), wire.peer(1)).expect("room");
        assert_eq!(session.handle_datagram(at(0), PEER, &Seal::new(wire, 1, 0).hello(0)), Ok(()));
        assert!(news(&events(&mut session)).is_empty());
        // One that signalling told may have been replaced since.
        let mut told: Session<1, 1> = Session::new(Config::clone(session.config()));
        told.add_peer(at(0), wire.peer(1).incarnation(500)).expect("room");
        assert_eq!(told.handle_datagram(at(0), PEER, &Seal::new(wire, 1, 0).hello(0)), Ok(()));
        assert_eq!(news(&events(&mut told)), [Event::Restarted { peer: PEER }]);
    }
}
