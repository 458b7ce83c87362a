//! Endpoints that are configured differently, and endpoints that restart: rows I6 and I7.

use std::time::Duration;

use inputwire::DatagramError::*;
use inputwire::{Config, ConfigBuilder, Epoch, Field, PeerConfig, PeerEvent, Session};

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, act, at, drain, endpoint, events, frame, frames, healths, peer_events, refuse,
};

/// Connects two sessions, perhaps of different types, for 20 s, while each pushes all it can; returns the peer events of
/// each.
fn meet<const I: usize, const W: usize, const J: usize, const V: usize>(
    first: (ConfigBuilder, u16),
    second: (ConfigBuilder, u16),
) -> (Vec<PeerEvent>, Vec<PeerEvent>) {
    let mut first: Session<1, I, W> = endpoint(first.0, PeerConfig::compact(first.1));
    let mut second: Session<1, J, V> = endpoint(second.0, PeerConfig::compact(second.1));
    let (mut first_events, mut second_events) = (Vec::new(), Vec::new());
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
        first_events.extend(events(&mut first));
        second_events.extend(events(&mut second));
    }
    assert!(frames(&first_events).is_empty() && frames(&second_events).is_empty(), "inputs flow");
    assert!(healths(&first_events).is_empty() && healths(&second_events).is_empty(), "and the peer is not good");
    (peer_events(&first_events), peer_events(&second_events))
}

fn mismatch(field: Field, local: u32, remote: u32) -> Vec<PeerEvent> {
    vec![PeerEvent::Mismatch { field, local, remote }]
}

#[test]
fn i6_endpoints_configured_differently_never_run_and_each_reports_once_what_differs() {
    for wire in Wire::COMPACT {
        let (zero, one) = (|| wire.settings(0), || wire.settings(1));
        assert_eq!(
            meet::<1, 120, 4, 120>((zero(), 1), (one(), 0)),
            (mismatch(Field::InputLen, 1, 4), mismatch(Field::InputLen, 4, 1))
        );
        assert_eq!(
            meet::<2, 8, 2, 127>((zero(), 1), (one(), 0)),
            (mismatch(Field::Window, 8, 127), mismatch(Field::Window, 127, 8))
        );
        assert_eq!(
            meet::<1, 120, 1, 120>((zero().first_frame(frame(3)), 1), (one(), 0)),
            (mismatch(Field::FirstFrame, 3, 0), mismatch(Field::FirstFrame, 0, 3))
        );
        // One expects player 1, but player 5 appears.
        assert_eq!(
            meet::<1, 120, 1, 120>((zero(), 1), (wire.settings(5), 0)),
            (
                vec![PeerEvent::WrongPlayers { sender: 5, receiver: 0 }],
                vec![PeerEvent::WrongPlayers { sender: 0, receiver: 1 }]
            ),
        );
        if wire == Wire::Keyed {
            assert_eq!(
                meet::<1, 120, 1, 120>((zero(), 1), (one().short_tags(true), 0)),
                (mismatch(Field::TagSize, 8, 4), mismatch(Field::TagSize, 4, 8))
            );
        }
        let both = meet::<1, 120, 3, 60>((zero(), 1), (one(), 0));
        assert_eq!(both.0, [mismatch(Field::InputLen, 1, 3), mismatch(Field::Window, 120, 60)].concat());
        assert_eq!(both.1, [mismatch(Field::InputLen, 3, 1), mismatch(Field::Window, 60, 120)].concat());
    }
}

#[test]
fn i6_a_hello_of_another_version_is_reported_whatever_its_length() {
    for wire in Wire::COMPACT {
        for version in [0, 2, 255] {
            let seal = Seal { version, ..Seal::new(wire, 1, 0) };
            let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
            let body = seal.hello_body();
            for rest in [&body[..5], &body, &[&body[..], &[7; 900]].concat()] {
                assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello_of(rest)), Ok(()));
            }
            assert_eq!(peer_events(&events(&mut session)), mismatch(Field::Version, 1, version.into()));
            // Nothing is taken from it, not even the run of its sender.
            refuse(&session, 0, PEER, &Seal { version: 1, ..seal }.inputs(0, 0, 0, &[]), NotReady);
            // A matching hello ends the mismatch.
            let right = Seal::new(wire, 1, 0);
            assert_eq!(session.handle_datagram(at(0), PEER, &right.hello()), Ok(()));
            assert_eq!(session.handle_datagram(at(0), PEER, &right.inputs(0, 0, 0, &[])), Ok(()));
        }
    }
}

#[test]
fn i6_another_frame_interval_is_reported_once_and_stops_nothing() {
    for wire in Wire::COMPACT {
        let slow = |settings: ConfigBuilder| settings.frame_interval(Duration::from_micros(33_333));
        let mut pair = Pair::new(
            endpoint::<1, 120>(wire.settings(0), wire.peer(1)),
            endpoint::<1, 120>(slow(wire.settings(1)), wire.peer(0)),
        );
        pair.run(3 * SECOND);
        pair.play(10);
        pair.run(100 * MS);
        pair.assert_delivered(0, 10);
        let reported = |player: usize| {
            let events = peer_events(&pair.reported[player]).into_iter();
            events.filter(|event| matches!(event, PeerEvent::Mismatch { .. })).collect::<Vec<_>>()
        };
        assert_eq!(reported(0), mismatch(Field::FrameInterval, 16_667, 33_333));
        assert_eq!(reported(1), mismatch(Field::FrameInterval, 33_333, 16_667));
    }
}

/// Another run of either player.
const AGAIN: u64 = 0xfeed_0000_7000;

#[test]
fn i7_a_restart_is_reported_and_inputs_wait_for_the_next_epoch() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(20);
        let earlier: Vec<_> = pair.sent[1].iter().map(|(_, datagram)| datagram.clone()).collect();
        pair.forget();
        pair.restart(wire, 1, AGAIN);
        for number in 0..60 {
            pair.sessions[1].push_input(at(pair.now), act(1, 100 + number)).expect("room");
            let _ = pair.sessions[0].push_input(at(pair.now), act(0, 20 + number));
            pair.run(T);
        }
        assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::Restarted]);
        assert!(frames(&pair.reported[0]).is_empty() && frames(&pair.reported[1]).is_empty(), "two runs are mixed");
        for datagram in &earlier {
            if datagram[0] == 0x20 {
                // It answers no hello of this silence.
                let mut session = pair.sessions[0].clone();
                assert_eq!(session.handle_datagram(at(pair.now), PEER, datagram), Ok(()));
                assert_eq!(peer_events(&events(&mut session)), []);
            } else {
                refuse(&pair.sessions[0], pair.now, PEER, datagram, NotReady);
            }
        }
        assert_eq!(pair.sessions[0].next_epoch(), Some(Epoch::new(1)));
        pair.sessions[0].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
        pair.run(SECOND);
        assert!(peer_events(&pair.reported[1]).contains(&PeerEvent::EpochAhead { epoch: Epoch::new(1) }));
        pair.sessions[1].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
        pair.run(SECOND);
        pair.forget();
        pair.play(10);
        pair.assert_delivered(0, 10);
        pair.assert_delivered(1, 10);
        // Datagrams of the earlier run stay refused, its hellos too.
        for datagram in earlier {
            let reason = if datagram[0] == 0x20 { OtherRun } else { OtherEpoch };
            refuse(&pair.sessions[0], pair.now, PEER, &datagram, reason);
        }
        let late = Seal::new(wire, 1, 0).playing(1_000, 1_000).hello();
        refuse(&pair.sessions[0], pair.now, PEER, &late, OtherRun);
    }
}

#[test]
fn i7_when_both_restart_in_either_order_no_input_of_one_run_is_delivered_in_the_other() {
    for wire in Wire::COMPACT {
        for (pause, first) in [(0, 0), (30 * MS, 0), (30 * MS, 1), (SECOND, 0), (SECOND, 1), (8 * SECOND, 1)] {
            let mut pair = Pair::met(wire);
            pair.delay = 40 * MS;
            pair.play(20);
            pair.forget();
            pair.restart(wire, first, AGAIN);
            pair.run(pause);
            assert!(frames(&pair.reported[first]).is_empty(), "the new run gets inputs of the earlier one");
            pair.forget();
            pair.restart(wire, 1 - first, AGAIN);
            pair.run(2 * SECOND);
            assert!(frames(&pair.reported[0]).is_empty() && frames(&pair.reported[1]).is_empty());
            let epoch = pair.sessions.iter().map(|session| session.epoch().get()).max().expect("two") + 1;
            pair.begin_epoch(epoch);
            pair.run(2 * SECOND);
            pair.forget();
            pair.play(10);
            pair.run(SECOND);
            pair.assert_delivered(0, 10);
            pair.assert_delivered(1, 10);
        }
    }
}

#[test]
fn i7_the_first_run_of_a_peer_is_no_restart() {
    for wire in Wire::COMPACT {
        let mut session: Session<1, 1> = Session::new(wire.settings(0).build().expect("settings"));
        session.add_peer(at(0), wire.peer(1)).expect("room");
        assert_eq!(session.handle_datagram(at(0), PEER, &Seal::new(wire, 1, 0).hello()), Ok(()));
        assert!(peer_events(&events(&mut session)).is_empty());
        // A run known from signalling may have ended since.
        let mut signalled: Session<1, 1> = Session::new(Config::clone(session.config()));
        signalled.add_peer(at(0), wire.peer(1).incarnation(AGAIN)).expect("room");
        let seal = Seal::new(wire, 1, 0);
        assert_eq!(signalled.handle_datagram(at(0), PEER, &seal.hello()), Ok(()));
        assert_eq!(peer_events(&events(&mut signalled)), [], "nothing was taken from it");
        assert_eq!(signalled.handle_datagram(at(0), PEER, &seal.inputs(1, 1, 0, &[])), Ok(()));
        assert_eq!(frames(&events(&mut signalled)), [0], "and nothing has to begin anew");
    }
}
