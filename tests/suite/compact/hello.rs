//! When hellos go out, and what they start (PROTOCOL 3.9).

use std::time::Duration;

use inputwire::{ConfigBuilder, Epoch, Event, Field, PeerConfig, Session};

use crate::support::forge::Seal;
use crate::support::{MS, PEER, Pair, SECOND, Wire, at, drain, due, end, events, frames, incarnation, news};

fn hello_times(session: &mut Session<1, 1>, from: u64, until: u64) -> Vec<u64> {
    let mut times = Vec::new();
    for now in (from..until).step_by(1_000) {
        times.extend(due(session, now).iter().filter(|datagram| datagram[0] == 0x20).map(|_| now / MS));
    }
    times
}

fn alone(settings: ConfigBuilder) -> Session<1, 1> {
    end(settings, PeerConfig::compact(1))
}

#[test]
fn hellos_go_out_at_once_every_100_ms_for_a_second_and_then_every_ping_interval() {
    let mut session = alone(Wire::Compact.settings(0));
    let hurried = (0..=10).map(|number| number * 100);
    let expected: Vec<_> = hurried.chain([1_200, 1_400, 1_600, 1_800]).collect();
    assert_eq!(hello_times(&mut session, 0, 2 * SECOND), expected);
    let mut quick = alone(Wire::Compact.settings(0).ping_interval(Duration::from_millis(30)));
    assert_eq!(hello_times(&mut quick, 0, 100 * MS), [0, 30, 60, 90]);
}

#[test]
fn a_hello_says_what_the_end_is() {
    for wire in Wire::COMPACT {
        let mut session = alone(wire.settings(0));
        assert_eq!(drain(&mut session), [(PEER, Seal::new(wire, 0, 1).hello(0))]);
    }
}

#[test]
fn nothing_but_hellos_goes_to_an_address_that_has_never_spoken_unless_its_run_is_known() {
    let mut session = alone(Wire::Compact.settings(0));
    session.push_input(at(0), [1]).expect("room");
    for now in (0..5 * SECOND).step_by(1_000) {
        assert!(due(&mut session, now).iter().all(|datagram| datagram[0] == 0x20));
    }
    let known = PeerConfig::compact(1).incarnation(incarnation(1));
    let mut session = end::<1, 120>(Wire::Compact.settings(0), known);
    session.push_input(at(0), [1]).expect("room");
    assert!(due(&mut session, 0).iter().any(|datagram| datagram[0] >= 0x80), "it saves the first trip");
}

#[test]
fn hellos_end_with_the_first_input_datagram_of_the_epoch_and_begin_with_the_next_epoch() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut session = alone(wire.settings(0));
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello(0)), Ok(()));
        assert_eq!(hello_times(&mut session, 0, 250 * MS), [0, 100, 200], "a hello does not prove that ours arrived");
        assert_eq!(session.handle_datagram(at(250 * MS), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(news(&events(&mut session)), [Event::Connected { peer: PEER }]);
        assert!(hello_times(&mut session, 250 * MS, 3 * SECOND).is_empty());
        session.begin_epoch(at(3 * SECOND), Epoch::new(1)).expect("newer");
        assert_eq!(hello_times(&mut session, 3 * SECOND, 3 * SECOND + 250 * MS), [3_000, 3_100, 3_200]);
        let next = Seal { epoch: 1, ..seal };
        assert_eq!(session.handle_datagram(at(3_250 * MS), PEER, &next.inputs(0, 0, 0, &[])), Ok(()));
        assert!(hello_times(&mut session, 3_250 * MS, 5 * SECOND).is_empty());
        assert!(news(&events(&mut session)).is_empty(), "it is connected already");
    }
}

#[test]
fn opening_again_says_hello_once_more() {
    let mut session = Pair::met(Wire::Compact).ends[0].clone();
    session.close_peer(at(3 * SECOND), PEER);
    assert!(hello_times(&mut session, 3 * SECOND, 4 * SECOND).is_empty());
    session.open_peer(at(4 * SECOND), PEER);
    assert_eq!(hello_times(&mut session, 4 * SECOND, 6 * SECOND), [4_000]);
}

#[test]
fn two_ends_connect_within_one_trip_each_way_and_are_told_so_once() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::on(wire);
        pair.delay = 50 * MS;
        pair.run(100 * MS);
        for told in &pair.told {
            assert_eq!(news(told), [Event::Connected { peer: PEER }]);
        }
        pair.play(10);
        pair.run(SECOND);
        assert_eq!((frames(&pair.told[0]).len(), frames(&pair.told[1]).len()), (10, 10));
        assert!(pair.told.iter().all(|told| news(told).len() == 1));
    }
}

#[test]
fn a_mismatch_that_was_mended_lets_the_link_run() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut session = alone(wire.settings(0));
        for wrong in [Seal { input: 2, ..seal }.hello(0), Seal { window: 8, ..seal }.hello(0), seal.hello(7)] {
            for _ in 0..3 {
                assert_eq!(session.handle_datagram(at(0), PEER, &wrong), Ok(()));
            }
            assert_eq!(news(&events(&mut session)).len(), 1, "once for each field");
            assert!(session.handle_datagram(at(0), PEER, &seal.inputs(0, 0, 0, &[])).is_err());
        }
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello(0)), Ok(()));
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(news(&events(&mut session)), [Event::Connected { peer: PEER }]);
    }
}

#[test]
fn a_hello_that_does_not_match_tells_nothing_of_a_run_or_an_epoch() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).ends[0].clone();
        let next = Seal { sender: (1, incarnation(1) + 1), epoch: 3, ..Seal::new(wire, 1, 0) };
        let now = at(3 * SECOND);
        assert_eq!(session.handle_datagram(now, PEER, &Seal { window: 8, ..next }.hello(0)), Ok(()));
        assert!(matches!(news(&events(&mut session))[..], [Event::Mismatch { field: Field::Window, .. }]));
        assert_eq!(session.handle_datagram(now, PEER, &next.hello(0)), Ok(()));
        let ahead = Event::PeerAhead { peer: PEER, epoch: Epoch::new(3) };
        assert_eq!(news(&events(&mut session)), [Event::Restarted { peer: PEER }, ahead]);
    }
}

#[test]
fn a_stranger_is_told_whatever_its_run_and_the_length_of_its_hello() {
    for wire in Wire::COMPACT {
        let session = Pair::met(wire).ends[0].clone();
        let stranger = Seal { sender: (7, incarnation(1) - 1), ..Seal::new(wire, 1, 0) };
        let longer = [&stranger.hello_body(0)[..], &[0]].concat();
        for hello in [stranger.hello(0), stranger.hello_of(&longer)] {
            let mut session = session.clone();
            assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &hello), Ok(()));
            assert!(matches!(news(&events(&mut session))[..], [Event::Mismatch { field: Field::Player, .. }]));
        }
    }
}
