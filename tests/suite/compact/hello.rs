//! When hellos are sent, and their effects (PROTOCOL 3.9).

use std::time::Duration;

use inputwire::{ConfigBuilder, DatagramError, Epoch, Field, PeerConfig, PeerEvent, Session};

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, SILENCE, Wire, answer_of_another_run, at, drain, due, endpoint, events, frames,
    incarnation, peer_events, refuse, stats,
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
        assert_eq!(drain(&mut session), [(PEER, Seal::new(wire, 0, 1).hello())]);
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
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello()), Ok(()));
        let times = hello_times(&mut session, 0, 250 * MS);
        assert_eq!(times, [0, 100, 200], "a hello does not prove that a local one arrived");
        let keep_alive = |session: &mut Session<1, 1>, now: u64, seal: &Seal| {
            let stamp = u16::try_from(now / 250 % 65_536).expect("16 bits");
            let sent = u16::try_from(now / (100 * MS)).expect("16 bits");
            assert_eq!(session.handle_datagram(at(now), PEER, &seal.timed(0, 0, 0, [stamp, 0, sent], &[])), Ok(()));
        };
        assert_eq!(session.handle_datagram(at(250 * MS), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Connected]);
        assert_eq!(hello_times(&mut session, 250 * MS, 300 * MS), [250], "the peer is told that its run is known");
        for now in (300 * MS..3 * SECOND).step_by(400_000) {
            keep_alive(&mut session, now, &seal);
            assert!(hello_times(&mut session, now, (now + 400 * MS).min(3 * SECOND)).is_empty());
        }
        session.begin_epoch(at(3 * SECOND), Epoch::new(1)).expect("newer");
        assert_eq!(hello_times(&mut session, 3 * SECOND, 3 * SECOND + 250 * MS), [3_000, 3_100, 3_200]);
        let next = Seal { epoch: 1, ..seal };
        assert_eq!(session.handle_datagram(at(3_250 * MS), PEER, &next.inputs(0, 0, 0, &[])), Ok(()));
        for now in (3_300 * MS..5 * SECOND).step_by(400_000) {
            keep_alive(&mut session, now, &next);
            assert!(hello_times(&mut session, now, now + 400 * MS).is_empty());
        }
        assert!(peer_events(&events(&mut session)).is_empty(), "it is connected already");
    }
}

#[test]
fn reopening_sends_hellos_until_the_peer_is_received_again() {
    let mut pair = Pair::met(Wire::Compact);
    pair.delay = 20 * MS;
    pair.sessions[0].handle_transport_closed(at(pair.now), PEER);
    let mut session = pair.sessions[0].clone();
    assert!(hello_times(&mut session, 3 * SECOND, 4 * SECOND).is_empty());
    session.handle_transport_opened(at(4 * SECOND), PEER);
    let frequent = (0..=10).map(|number| 4_000 + number * 100);
    let expected: Vec<_> = frequent.chain([5_200, 5_400]).collect();
    assert_eq!(hello_times(&mut session, 4 * SECOND, 5_500 * MS), expected, "nobody answers");

    pair.run(SECOND);
    pair.sessions[0].handle_transport_opened(at(pair.now), PEER);
    pair.forget();
    pair.run(2 * SECOND);
    let hellos: Vec<_> = pair.sent[0].iter().filter(|(_, sent)| sent[0] == 0x20).map(|(when, _)| when / MS).collect();
    assert_eq!(hellos, [4_000], "the peer lives, and answers within 100 ms");
}

#[test]
fn a_peer_that_is_alive_when_its_transport_opens_anew_is_sent_one_hello_and_stays_the_one_that_plays() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        let now = pair.now;
        let session = &mut pair.sessions[0];
        session.handle_transport_closed(at(now), PEER);
        session.handle_transport_opened(at(now + MS), PEER);
        assert_eq!(hello_times(session, now + MS, now + 450 * MS), [(now + MS) / MS]);
        let other = Seal { sender: (1, incarnation(1) + 1), ..Seal::new(wire, 1, 0) };
        refuse(session, now + 450 * MS, PEER, &other.hello(), DatagramError::OtherRun);
        refuse(session, now + 450 * MS, PEER, &other.playing(9, 9).hello(), DatagramError::OtherRun);
    }
}

#[test]
fn a_silent_peer_is_sent_hellos_from_the_limit_on_at_the_ping_interval() {
    for (ping, silent_after) in [(200, 500), (30, 500), (400, 1_000)] {
        let settings = |player| Wire::Compact.settings(player).ping_interval(Duration::from_millis(ping));
        let mut pair = Pair::new(alone(settings(0)), endpoint(settings(1), PeerConfig::compact(0)));
        pair.run(3 * SECOND);
        let received = stats(&pair.sessions[0]).silence.expect("received");
        let last = pair.now - u64::try_from(received.as_micros()).expect("short");
        let times = hello_times(&mut pair.sessions[0], pair.now, last + (silent_after + 10 * ping) * MS);
        let after: Vec<_> = times.iter().map(|time| (time * MS - last).div_ceil(MS)).collect();
        let expected: Vec<_> = (0..10).map(|number| silent_after + number * ping).collect();
        let near = |(one, other): (&u64, &u64)| one.abs_diff(*other) <= 10;
        assert!(after.len() == 10 && after.iter().zip(&expected).all(near), "{after:?}, not {expected:?}");
    }
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
        let differing = [
            Seal { input_len: 2, ..seal },
            Seal { window: 8, ..seal },
            Seal { key: Some([7; 16]), short: true, ..seal },
            Seal { first_frame: 7, ..seal },
        ];
        for mismatched in differing {
            // The size of a tag follows from the key, which is that of the hello too.
            let body = mismatched.hello_body();
            let mismatched = seal.hello_of(&body);
            for _ in 0..3 {
                assert_eq!(session.handle_datagram(at(0), PEER, &mismatched), Ok(()));
            }
            assert_eq!(peer_events(&events(&mut session)).len(), 1, "once for each field");
            assert!(session.handle_datagram(at(0), PEER, &seal.inputs(0, 0, 0, &[])).is_err());
        }
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello()), Ok(()));
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Connected]);
    }
}

#[test]
fn a_mismatched_hello_reveals_neither_a_restart_nor_an_epoch() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let seal = Seal { sender: (1, incarnation(1) + 1), epoch: 3, ..Seal::new(wire, 1, 0) };
        let now = 3 * SECOND + SILENCE;
        let next = answer_of_another_run(&mut session, now, &seal);
        let mismatched = answer_of_another_run(&mut session.clone(), now + 200 * MS, &Seal { window: 8, ..seal });
        assert_eq!(session.handle_datagram(at(now), PEER, &mismatched), Ok(()));
        assert!(matches!(peer_events(&events(&mut session))[..], [PeerEvent::Mismatch { field: Field::Window, .. }]));
        assert_eq!(session.next_epoch(), Some(Epoch::new(1)));
        assert_eq!(session.handle_datagram(at(now), PEER, &next), Ok(()));
        let ahead = PeerEvent::EpochAhead { epoch: Epoch::new(3) };
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Restarted, ahead]);
    }
}

#[test]
fn a_hello_for_other_players_is_reported_once_whatever_its_run_and_does_nothing_else() {
    for wire in Wire::COMPACT {
        let session = Pair::met(wire).sessions[0].clone();
        let seal = Seal::new(wire, 1, 0).playing(100, 1);
        let pairs = [(7, 0), (1, 7), (7, 8), (0, 0), (1, 1)];
        for (sender, receiver) in pairs {
            let (mut told, mut spared) = (session.clone(), session.clone());
            for run in [incarnation(1), incarnation(1) - 1] {
                let seal = Seal { sender: (sender, run), receiver: (receiver, incarnation(0)), ..seal };
                assert_eq!(told.handle_datagram(at(3 * SECOND), PEER, &seal.hello()), Ok(()));
            }
            let reported = peer_events(&events(&mut told));
            assert_eq!(reported, [PeerEvent::WrongPlayers { sender, receiver }]);
            assert_eq!(
                told.handle_datagram(at(3 * SECOND), PEER, &seal.hello()),
                Ok(()),
                "not to be confused with this"
            );
            assert_eq!(spared.handle_datagram(at(3 * SECOND), PEER, &seal.hello()), Ok(()));
            for later in [0, 300 * MS, SECOND, 9 * SECOND] {
                assert_eq!(due(&mut told, 3 * SECOND + later), due(&mut spared, 3 * SECOND + later));
                events(&mut spared);
                assert_eq!(peer_events(&events(&mut told)), []);
            }
        }
        // Its length is judged first: it may be a hello of no session of ours that passes a short tag by chance.
        let wrong = Seal { sender: (7, incarnation(1)), ..seal };
        let longer = [&wrong.hello_body()[..], &[0]].concat();
        refuse(&session, 3 * SECOND, PEER, &wrong.hello_of(&longer), DatagramError::WrongLength);
    }
}
