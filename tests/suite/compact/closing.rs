//! Closing a session (PROTOCOL 3.9).

use inputwire::PeerEvent;

use crate::support::forge::Seal;
use crate::support::{PEER, Pair, SECOND, T, Wire, at, due, endpoint, events, incarnation, peer_events};

#[test]
fn a_closing_session_sends_three_byes_a_frame_apart_and_then_nothing() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let start = 3 * SECOND;
        session.push_input(at(start), [1]).expect("room");
        session.close(at(start));
        let bye = Seal::new(wire, 0, 1).bye();
        let mut sent = Vec::new();
        for now in (start..start + 3 * SECOND).step_by(500) {
            sent.extend(due(&mut session, now).into_iter().map(|datagram| (now - start, datagram)));
        }
        assert!(sent.iter().all(|(_, datagram)| *datagram == bye), "nothing else");
        let times: Vec<_> = sent.iter().map(|(after, _)| after.div_ceil(500) * 500).collect();
        // 16,667 us, rounded up to the next poll.
        assert_eq!(times, [0, 17_000, 34_000]);
        assert_eq!(session.poll_timeout(), None);
    }
}

#[test]
fn any_one_of_the_three_byes_is_reported_once() {
    for wire in Wire::COMPACT {
        for lost in 0..3 {
            let mut pair = Pair::met(wire);
            pair.forget();
            pair.sessions[0].close(at(pair.now));
            if lost > 0 {
                pair.lost[0] = true;
                pair.run((lost - 1) * T);
                pair.lost[0] = false;
            }
            pair.run(SECOND);
            assert_eq!(pair.sent[0].len(), 3);
            assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::PeerClosed], "{lost} lost");
        }
    }
}

#[test]
fn no_bye_is_sent_to_a_peer_that_never_sent_anything_or_is_closed() {
    for wire in Wire::COMPACT {
        let mut fresh = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        due(&mut fresh, 0);
        fresh.close(at(0));
        assert!(due(&mut fresh, SECOND).is_empty());
        let mut signalled = endpoint::<1, 120>(wire.settings(0), wire.peer(1).incarnation(1_001));
        due(&mut signalled, 0);
        signalled.close(at(0));
        assert!(due(&mut signalled, SECOND).is_empty());
        let mut closed = Pair::met(wire).sessions[0].clone();
        closed.handle_transport_closed(at(3 * SECOND), PEER);
        closed.close(at(3 * SECOND));
        assert!(due(&mut closed, 4 * SECOND).is_empty());
    }
}

#[test]
fn a_closed_session_may_reopen() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        pair.sessions[0].handle_transport_opened(at(pair.now), PEER);
        pair.run(SECOND);
        pair.forget();
        pair.play(5);
        pair.run(SECOND);
        pair.assert_delivered(0, 5);
        pair.assert_delivered(1, 5);
        assert!(events(&mut pair.sessions[0]).is_empty());
    }
}

#[test]
fn reopening_cancels_the_remaining_byes() {
    let mut session = Pair::met(Wire::Compact).sessions[0].clone();
    session.close(at(3 * SECOND));
    assert_eq!(due(&mut session, 3 * SECOND).len(), 1, "the first of three");
    session.handle_transport_opened(at(3 * SECOND), PEER);
    session.handle_transport_closed(at(3 * SECOND), PEER);
    assert!(due(&mut session, 4 * SECOND).is_empty());
}

#[test]
fn the_bye_of_a_restarted_peer_is_reported_again() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        pair.sessions[0] = endpoint(wire.settings(0).incarnation(incarnation(0) + 1), wire.peer(1));
        pair.run(SECOND);
        pair.begin_epoch(1);
        pair.run(SECOND);
        pair.forget();
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::PeerClosed]);
    }
}
