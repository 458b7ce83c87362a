//! When hellos are sent, and their effects (PROTOCOL 3.9).

use std::time::Duration;

use inputwire::{ConfigBuilder, Epoch, Field, PeerConfig, PeerEvent, Session};

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, Wire, at, drain, due, endpoint, events, frames, incarnation, peer_events,
};

fn hello_times(session: &mut Session<1, 1>, from: u64, until: u64) -> Vec<u64> {
    let mut times = Vec::new();
    for now in (from..until).step_by(1_000) {
        times.extend(due(session, now).iter().filter(|datagram| datagram[0] == 0x20).map(|_| now / MS));
    }
    times
}

fn alone(settings: ConfigBuilder) -> Session<1, 1> {
    endpoint(settings, PeerConfig::compact(1))
}

#[test]
fn hellos_are_sent_at_once_every_100_ms_for_a_second_and_then_every_ping_interval() {
    let mut session = alone(Wire::Compact.settings(0));
    let frequent = (0..=10).map(|number| number * 100);
    let expected: Vec<_> = frequent.chain([1_200, 1_400, 1_600, 1_800]).collect();
    assert_eq!(hello_times(&mut session, 0, 2 * SECOND), expected);
    let mut frequent = alone(Wire::Compact.settings(0).ping_interval(Duration::from_millis(30)));
    assert_eq!(hello_times(&mut frequent, 0, 100 * MS), [0, 30, 60, 90]);
}

#[test]
fn a_hello_describes_its_sender() {
    for wire in Wire::COMPACT {
        let mut session = alone(wire.settings(0));
        assert_eq!(drain(&mut session), [(PEER, Seal::new(wire, 0, 1).hello(0))]);
    }
}

#[test]
fn a_peer_that_never_sent_anything_is_sent_hellos_only_unless_its_run_is_known() {
    let mut session = alone(Wire::Compact.settings(0));
    session.push_input(at(0), [1]).expect("room");
    for now in (0..5 * SECOND).step_by(1_000) {
        assert!(due(&mut session, now).iter().all(|datagram| datagram[0] == 0x20));
    }
    let known = PeerConfig::compact(1).incarnation(incarnation(1));
    let mut session = endpoint::<1, 120>(Wire::Compact.settings(0), known);
    session.push_input(at(0), [1]).expect("room");
    assert!(due(&mut session, 0).iter().any(|datagram| datagram[0] >= 0x80), "it saves the first trip");
}

#[test]
fn hellos_stop_at_the_first_input_datagram_of_an_epoch_and_start_again_with_the_next_epoch() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut session = alone(wire.settings(0));
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello(0)), Ok(()));
        let times = hello_times(&mut session, 0, 250 * MS);
        assert_eq!(times, [0, 100, 200], "a hello does not prove that a local one arrived");
        assert_eq!(session.handle_datagram(at(250 * MS), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Connected]);
        assert!(hello_times(&mut session, 250 * MS, 3 * SECOND).is_empty());
        session.begin_epoch(at(3 * SECOND), Epoch::new(1)).expect("newer");
        assert_eq!(hello_times(&mut session, 3 * SECOND, 3 * SECOND + 250 * MS), [3_000, 3_100, 3_200]);
        let next = Seal { epoch: 1, ..seal };
        assert_eq!(session.handle_datagram(at(3_250 * MS), PEER, &next.inputs(0, 0, 0, &[])), Ok(()));
        assert!(hello_times(&mut session, 3_250 * MS, 5 * SECOND).is_empty());
        assert!(peer_events(&events(&mut session)).is_empty(), "it is connected already");
    }
}

#[test]
fn reopening_sends_one_more_hello() {
    let mut session = Pair::met(Wire::Compact).sessions[0].clone();
    session.handle_transport_closed(at(3 * SECOND), PEER);
    assert!(hello_times(&mut session, 3 * SECOND, 4 * SECOND).is_empty());
    session.handle_transport_opened(at(4 * SECOND), PEER);
    assert_eq!(hello_times(&mut session, 4 * SECOND, 6 * SECOND), [4_000]);
}

#[test]
fn two_endpoints_connect_within_one_trip_each_way_and_report_it_once() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::on(wire);
        pair.delay = 50 * MS;
        pair.run(100 * MS);
        for reported in &pair.reported {
            assert_eq!(peer_events(reported), [PeerEvent::Connected]);
        }
        pair.play(10);
        pair.run(SECOND);
        assert_eq!((frames(&pair.reported[0]).len(), frames(&pair.reported[1]).len()), (10, 10));
        assert!(pair.reported.iter().all(|reported| peer_events(reported).len() == 1));
    }
}

#[test]
fn the_link_runs_once_a_mismatch_is_corrected() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut session = alone(wire.settings(0));
        for mismatched in [Seal { input_len: 2, ..seal }.hello(0), Seal { window: 8, ..seal }.hello(0), seal.hello(7)] {
            for _ in 0..3 {
                assert_eq!(session.handle_datagram(at(0), PEER, &mismatched), Ok(()));
            }
            assert_eq!(peer_events(&events(&mut session)).len(), 1, "once for each field");
            assert!(session.handle_datagram(at(0), PEER, &seal.inputs(0, 0, 0, &[])).is_err());
        }
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello(0)), Ok(()));
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Connected]);
    }
}

#[test]
fn a_mismatched_hello_reveals_neither_a_restart_nor_an_epoch() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let next = Seal { sender: (1, incarnation(1) + 1), epoch: 3, ..Seal::new(wire, 1, 0) };
        let now = at(3 * SECOND);
        assert_eq!(session.handle_datagram(now, PEER, &Seal { window: 8, ..next }.hello(0)), Ok(()));
        assert!(matches!(peer_events(&events(&mut session))[..], [PeerEvent::Mismatch { field: Field::Window, .. }]));
        assert_eq!(session.handle_datagram(now, PEER, &next.hello(0)), Ok(()));
        let ahead = PeerEvent::EpochAhead { epoch: Epoch::new(3) };
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Restarted, ahead]);
    }
}

#[test]
fn a_hello_of_the_wrong_player_is_reported_whatever_its_run_and_length() {
    for wire in Wire::COMPACT {
        let session = Pair::met(wire).sessions[0].clone();
        let wrong_player = Seal { sender: (7, incarnation(1) - 1), ..Seal::new(wire, 1, 0) };
        let longer = [&wrong_player.hello_body(0)[..], &[0]].concat();
        for hello in [wrong_player.hello(0), wrong_player.hello_of(&longer)] {
            let mut session = session.clone();
            assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &hello), Ok(()));
            let events = peer_events(&events(&mut session));
            assert!(matches!(events[..], [PeerEvent::Mismatch { field: Field::Player, .. }]));
        }
    }
}
