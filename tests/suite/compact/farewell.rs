//! Leaving (PROTOCOL 3.9).

use inputwire::Event;

use crate::support::forge::Seal;
use crate::support::{PEER, Pair, SECOND, T, Wire, at, due, end, events, incarnation, news};

#[test]
fn a_goodbye_is_said_three_times_a_frame_apart_and_then_nothing_more() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).ends[0].clone();
        let start = 3 * SECOND;
        session.push_input(at(start), [1]).expect("room");
        session.leave(at(start));
        let bye = Seal::new(wire, 0, 1).bye();
        let mut said = Vec::new();
        for now in (start..start + 3 * SECOND).step_by(500) {
            said.extend(due(&mut session, now).into_iter().map(|datagram| (now - start, datagram)));
        }
        assert!(said.iter().all(|(_, datagram)| *datagram == bye), "nothing else");
        let times: Vec<_> = said.iter().map(|(after, _)| after.div_ceil(500) * 500).collect();
        // 16,667 us, rounded up to when it was polled.
        assert_eq!(times, [0, 17_000, 34_000]);
        assert_eq!(session.poll_timeout(), None);
    }
}

#[test]
fn any_of_the_three_is_told_once() {
    for wire in Wire::COMPACT {
        for lost in 0..3 {
            let mut pair = Pair::met(wire);
            pair.forget();
            pair.ends[0].leave(at(pair.now));
            if lost > 0 {
                pair.lost[0] = true;
                pair.run((lost - 1) * T);
                pair.lost[0] = false;
            }
            pair.run(SECOND);
            assert_eq!(pair.sent[0].len(), 3);
            assert_eq!(news(&pair.told[1]), [Event::Left { peer: PEER }], "{lost} lost");
        }
    }
}

#[test]
fn no_goodbye_goes_to_a_peer_that_never_spoke_or_is_closed() {
    for wire in Wire::COMPACT {
        let mut strangers = end::<1, 120>(wire.settings(0), wire.peer(1));
        due(&mut strangers, 0);
        strangers.leave(at(0));
        assert!(due(&mut strangers, SECOND).is_empty());
        let mut signalled = end::<1, 120>(wire.settings(0), wire.peer(1).incarnation(1_001));
        due(&mut signalled, 0);
        signalled.leave(at(0));
        assert!(due(&mut signalled, SECOND).is_empty());
        let mut closed = Pair::met(wire).ends[0].clone();
        closed.close_peer(at(3 * SECOND), PEER);
        closed.leave(at(3 * SECOND));
        assert!(due(&mut closed, 4 * SECOND).is_empty());
    }
}

#[test]
fn a_session_that_left_may_open_again() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.ends[0].leave(at(pair.now));
        pair.run(SECOND);
        pair.ends[0].open_peer(at(pair.now), PEER);
        pair.run(SECOND);
        pair.forget();
        pair.play(5);
        pair.run(SECOND);
        pair.assert_told(0, 5);
        pair.assert_told(1, 5);
        assert!(events(&mut pair.ends[0]).is_empty());
    }
}

#[test]
fn a_session_that_opened_again_takes_its_goodbye_back() {
    let mut session = Pair::met(Wire::Compact).ends[0].clone();
    session.leave(at(3 * SECOND));
    assert_eq!(due(&mut session, 3 * SECOND).len(), 1, "the first of three");
    session.open_peer(at(3 * SECOND), PEER);
    session.close_peer(at(3 * SECOND), PEER);
    assert!(due(&mut session, 4 * SECOND).is_empty());
}

#[test]
fn the_goodbye_of_a_peer_that_came_back_is_told_again() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.ends[0].leave(at(pair.now));
        pair.run(SECOND);
        pair.ends[0] = end(wire.settings(0).incarnation(incarnation(0) + 1), wire.peer(1));
        pair.run(SECOND);
        pair.begin_epoch(1);
        pair.run(SECOND);
        pair.forget();
        pair.ends[0].leave(at(pair.now));
        pair.run(SECOND);
        assert_eq!(news(&pair.told[1]), [Event::Left { peer: PEER }]);
    }
}
