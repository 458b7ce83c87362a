//! Who replays whatever was ever sent.

use inputwire::{Health, PeerEvent};

use crate::support::forge::Seal;
use crate::support::{MS, PEER, SECOND, Wire, at, drain, due, endpoint, events, healths, peer_events};

#[test]
fn hellos_from_before_the_first_input_keep_no_dead_peer_alive() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let seal = Seal::new(wire, 1, 0);
        // The peer says hello for a while, and does not know this run yet.
        let hellos: Vec<_> = (1..=20).map(|number| Seal { number, ..seal }.hello()).collect();
        for (hello, now) in hellos.iter().zip((0..).step_by(100_000)) {
            assert_eq!(session.handle_datagram(at(now), PEER, hello), Ok(()));
            drain(&mut session);
        }
        // The first of them comes again, then the first input.
        let _ = session.handle_datagram(at(2 * SECOND), PEER, &hellos[0]);
        let input = seal.timed(1, 1, 0, [1, 0, 1], &[]);
        assert_eq!(session.handle_datagram(at(2 * SECOND), PEER, &input), Ok(()));
        due(&mut session, 2 * SECOND);
        events(&mut session);
        // The peer is dead from here on.
        let mut reported = Vec::new();
        for (hello, now) in hellos.iter().zip((2_400 * MS..).step_by(400_000)) {
            let _ = session.handle_datagram(at(now), PEER, hello);
            due(&mut session, now);
            reported.extend(healths(&events(&mut session)));
        }
        assert_eq!(reported, [Health::Interrupted, Health::Disconnected], "{wire:?}");
    }
}

#[test]
fn a_replayed_hello_of_earlier_runs_of_both_is_reported_and_stops_nothing() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let earlier = Seal::new(wire, 1, 0);
        let earlier = Seal { sender: (1, 0x5eed_9999_0000), receiver: (0, 0x5eed_9999_0001), ..earlier }.playing(7, 3);
        let mut reported = Vec::new();
        for now in (0..4 * SECOND).step_by(100_000) {
            let _ = session.handle_datagram(at(now), PEER, &earlier.hello());
            due(&mut session, now);
            reported.extend(peer_events(&events(&mut session)));
        }
        assert_eq!(reported, [PeerEvent::Replaced]);
    }
}
