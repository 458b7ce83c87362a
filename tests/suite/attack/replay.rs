//! Who replays whatever was ever sent.

use inputwire::{Epoch, Event, Health, PeerEvent, Session};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, act, at, drain, due, endpoint, events, healths, inputs, peer_events,
};

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

#[test]
fn everything_a_link_ever_carried_replayed_in_any_order_at_any_time_changes_no_input_and_restarts_nobody() {
    for seed in 0..24 {
        let mut rng = Rng::new(seed);
        let wire = Wire::COMPACT[rng.index(2)];
        let mut pair = Pair::met(wire);
        let mut recorded: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut epoch = 0;
        for _ in 0..6 {
            pair.play(20);
            for from in 0..2 {
                recorded.extend(pair.sent[from].drain(..).map(|(_, datagram)| (1 - from, datagram)));
            }
            for _ in 0..200 {
                let (to, datagram) = &recorded[rng.index(recorded.len())];
                let _ = pair.sessions[*to].handle_datagram(at(pair.now), PEER, datagram);
                if rng.one_in(8) {
                    pair.run(rng.below(T));
                }
            }
            match rng.below(3) {
                0 => {
                    epoch += 1;
                    pair.run(SECOND);
                    pair.begin_epoch(epoch);
                }
                1 => {
                    pair.lost = [true; 2];
                    pair.run(rng.below(3 * SECOND));
                    pair.lost = [false; 2];
                    pair.run(SECOND);
                }
                _ => {
                    let now = at(pair.now);
                    for session in &mut pair.sessions {
                        session.handle_transport_closed(now, PEER);
                        session.handle_transport_opened(now, PEER);
                    }
                    pair.run(SECOND);
                }
            }
        }
        pair.run(SECOND);
        for end in 0..2 {
            let mut expected = 0;
            for (frame, input) in inputs(&pair.reported[end]) {
                expected = if frame == 0 { 0 } else { expected };
                assert_eq!((frame, input), (expected, act(1 - end, frame)), "seed {seed}");
                expected += 1;
            }
            let restarts = [PeerEvent::Restarted, PeerEvent::OutOfSync, PeerEvent::Replaced];
            let told = peer_events(&pair.reported[end]);
            assert!(!told.iter().any(|event| restarts.contains(event)), "seed {seed}: {told:?}");
            assert_eq!(pair.sessions[end].epoch().get(), epoch);
        }
    }
}

#[test]
fn what_a_removed_peer_was_sent_and_sent_means_nothing_to_the_one_that_is_added_after_it() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(30);
        pair.sessions[1].close(at(pair.now));
        pair.run(SECOND);
        let recorded: Vec<_> = pair.sent.iter().flatten().map(|(_, datagram)| datagram.clone()).collect();
        let session = &mut pair.sessions[0];
        session.remove_peer(at(pair.now), PEER);
        session.begin_epoch(at(pair.now), Epoch::new(4)).expect("newer");
        let again = session.add_peer(at(pair.now), wire.peer(1)).expect("room");
        let mut reported = Vec::new();
        for (datagram, step) in recorded.iter().zip(0..) {
            let now = at(pair.now + step * 5 * MS);
            let _ = session.handle_datagram(now, again, datagram);
            drain(session);
            reported.extend(events(session));
        }
        let quiet = |event: &Event<1>| matches!(event, Event::Peer { event: PeerEvent::Replaced, .. });
        assert!(reported.iter().all(quiet), "{wire:?}: {reported:?}");
        let peer = session.peer(again).expect("a peer");
        assert_eq!((peer.health(), peer.last_frame()), (Health::Connecting, None));
    }
}

#[test]
fn with_a_hello_of_an_earlier_run_between_them_those_from_before_the_first_input_count_once_more_each() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let seal = Seal::new(wire, 1, 0);
        let earlier = Seal { sender: (1, 0x5eed_9999_0000), ..seal }.hello();
        let hellos: Vec<_> = (1..=6).map(|number| Seal { number, ..seal }.hello()).collect();
        for hello in hellos.iter().chain([&earlier, &hellos[0]]) {
            assert_eq!(session.handle_datagram(at(0), PEER, hello), Ok(()));
        }
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.timed(1, 1, 0, [1, 0, 1], &[])), Ok(()));
        // No hello is a sign of life twice.
        let silence = |session: &Session<1, 1>| session.peer(PEER).and_then(|peer| peer.stats().silence);
        let mut signs = 0;
        for (hello, now) in hellos.iter().cycle().take(60).zip((300 * MS..).step_by(400_000)) {
            session.handle_timeout(at(now));
            let before = silence(&session);
            let _ = session.handle_datagram(at(now), PEER, hello);
            signs += usize::from(silence(&session) < before);
        }
        assert_eq!(signs, hellos.len() - 1, "{wire:?}");
        assert_eq!(session.peer(PEER).expect("a peer").health(), Health::Disconnected);
    }
}
