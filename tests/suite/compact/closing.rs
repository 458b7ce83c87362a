//! Closing a session (PROTOCOL 3.9).

use inputwire::{
    AddPeerError, DatagramError, Departure, Epoch, EpochError, Event, Health, PeerConfig, PeerEvent, PushError, Session,
};

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, at, due, endpoint, events, frame, frames, goodbye, healths, inputs, peer_events,
    refuse,
};

/// The kinds of the datagrams that a session sends from a moment on, with how long after it, until it sleeps for ever.
fn sent_until_asleep(session: &mut Session<1, 1>, from: u64) -> Vec<(u64, u8)> {
    let (mut sent, mut now) = (Vec::new(), from);
    loop {
        sent.extend(due(session, now).iter().map(|datagram| (now - from, datagram[0])));
        events(session);
        match session.poll_timeout() {
            Some(wake) => now = wake.as_micros(),
            None => return sent,
        }
        assert!(now < from + 60 * SECOND, "it never sleeps");
    }
}

/// The bye of a player in epoch 0, whose last input is that of the frame before `end`.
fn closed(end: u32) -> PeerEvent {
    PeerEvent::PeerClosed { epoch: Epoch::new(0), end: frame(end) }
}

#[test]
fn three_byes_are_sent_a_frame_apart_by_a_caller_that_drains_and_sleeps() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let start = 3 * SECOND;
        session.close(at(start));
        assert_eq!(session.poll_timeout(), Some(at(start + T)), "the first bye needs draining, not waking");
        assert!(!session.is_closed());
        let bye = Seal::new(wire, 0, 1).bye(0);
        assert_eq!(due(&mut session, start), [bye]);
        assert!(!session.is_closed());
        assert_eq!(sent_until_asleep(&mut session, start + 1), [(T - 1, 0x21), (2 * T - 1, 0x21)]);
        assert!(session.is_closed());
        assert!(due(&mut session, start + 60 * SECOND).is_empty());
    }
}

#[test]
fn a_moment_of_a_bye_that_passes_without_a_poll_is_not_made_up_for() {
    let start = 3 * SECOND;
    for (late, byes) in [(0, 3), (T - 1, 3), (T, 2), (2 * T - 1, 2), (2 * T, 1), (SECOND, 1)] {
        let mut session = Pair::met(Wire::Compact).sessions[0].clone();
        session.close(at(start));
        assert_eq!(sent_until_asleep(&mut session, start + late).len(), byes, "{late} us late");
    }
}

#[test]
fn what_is_unacknowledged_is_delivered_before_the_first_bye() {
    for wire in Wire::COMPACT {
        for lost in [0, 100 * MS, SECOND] {
            let mut pair = Pair::met(wire);
            pair.delay = 40 * MS;
            pair.play(5);
            pair.run(SECOND);
            pair.forget();
            for number in 5..30 {
                pair.sessions[0].push_input(at(pair.now), crate::support::act(0, number)).expect("room");
            }
            let start = pair.now;
            pair.sessions[0].close(at(start));
            assert!(pair.sessions[0].poll_timeout().is_some());
            pair.lost[0] = true;
            pair.run(lost);
            pair.lost[0] = false;
            pair.run(2 * SECOND);
            assert_eq!(frames(&pair.reported[1]), (5..30).collect::<Vec<_>>());
            let reported = peer_events(&pair.reported[1]);
            assert_eq!(reported, goodbye(wire, 0, 30), "{lost}");
            let after = pair.reported[1]
                .iter()
                .skip_while(|event| !matches!(event, Event::Input { frame, .. } if frame.get() == 29));
            assert!(
                after.clone().any(|event| *event == Event::Peer { peer: PEER, event: closed(30) }),
                "after the last input"
            );
            let byes: Vec<_> =
                pair.sent[0].iter().filter(|(_, bytes)| bytes[0] == 0x21).map(|(when, _)| *when).collect();
            assert_eq!(byes, [byes[0], byes[0] + T, byes[0] + 2 * T]);
            assert!(byes[0] >= start + lost + 80 * MS, "everything was acknowledged first");
            assert!(
                pair.sent[0].iter().all(|(when, bytes)| bytes[0] == 0x21 || *when <= byes[0]),
                "and nothing follows"
            );
            assert!(pair.sent[0].iter().all(|(_, bytes)| bytes[0] != 0x20), "a session that closes says no hello");
            assert!(pair.sessions[0].is_closed());
        }
    }
}

#[test]
fn inputs_that_nobody_acknowledges_are_resent_for_two_seconds_and_then_the_byes_are_due() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let start = 3 * SECOND;
        session.push_input(at(start), [1]).expect("room");
        session.close(at(start));
        let sent = sent_until_asleep(&mut session, start);
        let (byes, before): (Vec<_>, Vec<_>) = sent.iter().partition(|(_, kind)| *kind == 0x21);
        let limit = 2 * SECOND;
        assert_eq!(byes.iter().map(|(after, _)| *after).collect::<Vec<_>>(), [limit, limit + T, limit + 2 * T]);
        assert!(before.len() > 50 && before.iter().all(|(after, kind)| *after < limit && *kind >= 0x80), "{before:?}");
        assert!(session.is_closed());
    }
}

#[test]
fn an_acknowledgement_that_comes_during_the_byes_moves_none() {
    let mut session = Pair::met(Wire::Compact).sessions[0].clone();
    let start = 3 * SECOND;
    session.push_input(at(start), [1]).expect("room");
    session.close(at(start));
    let limit = start + 2 * SECOND;
    due(&mut session, start);
    assert_eq!(due(&mut session, limit).len(), 1, "the first bye");
    let acknowledged = Seal::new(Wire::Compact, 1, 0).inputs(0, 0, 1, &[]);
    assert_eq!(session.handle_datagram(at(limit + MS), PEER, &acknowledged), Ok(()));
    assert_eq!(sent_until_asleep(&mut session, limit + 2 * MS), [(T - 2 * MS, 0x21), (2 * T - 2 * MS, 0x21)]);
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
            assert_eq!(peer_events(&pair.reported[1]), goodbye(wire, 0, 0), "{lost} lost");
        }
    }
}

#[test]
fn a_bye_names_the_epoch_and_the_frame_after_the_last_input() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.begin_epoch(7);
        pair.run(SECOND);
        pair.play(12);
        pair.run(SECOND);
        pair.forget();
        pair.sessions[1].close(at(pair.now));
        pair.run(SECOND);
        assert_eq!(peer_events(&pair.reported[0]), goodbye(wire, 7, 12));
    }
}

#[test]
fn what_was_pushed_just_before_closing_is_delivered_to_a_peer_that_is_hardly_known() {
    for wire in Wire::COMPACT {
        let greeting = Seal::new(wire, 1, 0);
        for hello in [greeting.hello(), greeting.answering(1, 1).hello()] {
            let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
            due(&mut session, 0);
            assert_eq!(session.handle_datagram(at(0), PEER, &hello), Ok(()));
            session.push_input(at(0), [7]).expect("room");
            session.close(at(0));
            assert!(!session.is_closed());
            // Nobody acknowledges it: it is resent for two seconds, and nobody would know what a bye is about.
            let mut alone = session.clone();
            let sent = sent_until_asleep(&mut alone, 0);
            assert!(
                sent.len() > 50 && sent.iter().all(|(after, kind)| *after < 2 * SECOND && *kind >= 0x80),
                "{sent:?}"
            );
            assert!(alone.is_closed());
            // Or somebody does, which links the peer: then byes follow at once.
            due(&mut session, 0);
            let acknowledged = greeting.timed(0, 0, 1, [5, 0, 1], &[]);
            assert_eq!(session.handle_datagram(at(MS), PEER, &acknowledged), Ok(()));
            let kinds = sent_until_asleep(&mut session, MS);
            assert_eq!(kinds, [(0, 0x21), (T, 0x21), (2 * T, 0x21)]);
        }
    }
}

#[test]
fn no_bye_is_sent_to_a_peer_that_was_never_linked_or_whose_transport_is_closed() {
    for wire in Wire::COMPACT {
        let mut fresh = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let signalled = endpoint::<1, 120>(wire.settings(0), wire.peer(1).incarnation(0x5eed_0000_1001));
        let mut greeted = fresh.clone();
        // A run that is known from a hello, and not linked.
        due(&mut greeted, 0);
        assert_eq!(greeted.handle_datagram(at(0), PEER, &Seal::new(wire, 1, 0).playing(1, 1).hello()), Ok(()));
        fresh.push_input(at(0), [1]).expect("room");
        for mut session in [fresh, signalled, greeted] {
            due(&mut session, 0);
            session.close(at(0));
            assert!(session.is_closed(), "at once");
            assert_eq!(session.poll_timeout(), None);
            assert!(due(&mut session, SECOND).is_empty());
        }
        let mut closed = Pair::met(wire).sessions[0].clone();
        closed.handle_transport_closed(at(3 * SECOND), PEER);
        closed.close(at(3 * SECOND));
        assert!(closed.is_closed());
        assert!(due(&mut closed, 4 * SECOND).is_empty());
    }
}

#[test]
fn a_closed_session_takes_nothing_more_and_a_transport_that_opens_late_brings_nothing_back() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let now = at(3 * SECOND);
        session.close(now);
        assert_eq!(session.push_input(now, [1]), Err(PushError::Closed));
        assert_eq!(session.begin_epoch(now, Epoch::new(1)), Err(EpochError::Closed));
        assert_eq!(session.next_epoch(), None);
        assert_eq!(session.add_peer(now, PeerConfig::compact(2)), Err(AddPeerError::Closed));
        assert_eq!(sent_until_asleep(&mut session, 3 * SECOND).len(), 3);
        let mut twice = session.clone();
        twice.close(at(4 * SECOND));
        session.handle_timeout(at(4 * SECOND));
        assert_eq!(twice, session, "closing again changes nothing");
        session.handle_transport_opened(at(4 * SECOND), PEER);
        session.handle_transport_closed(at(4 * SECOND), PEER);
        session.handle_transport_opened(at(4 * SECOND), PEER);
        assert!(due(&mut session, 5 * SECOND).is_empty() && session.is_closed());
        assert_eq!(healths(&events(&mut session)), []);
        assert_eq!(session.peer(PEER).expect("still there").health(), Health::Disconnected);
    }
}

#[test]
fn a_transport_that_opens_while_the_session_closes_does_not_change_the_byes() {
    let mut session = Pair::met(Wire::Compact).sessions[0].clone();
    session.close(at(3 * SECOND));
    assert_eq!(due(&mut session, 3 * SECOND).len(), 1, "the first of three");
    session.handle_transport_opened(at(3 * SECOND), PEER);
    assert_eq!(sent_until_asleep(&mut session, 3 * SECOND), [(T, 0x21), (2 * T, 0x21)]);
}

#[test]
fn who_comes_back_after_closing_makes_a_new_session() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        pair.restart(wire, 0, 0xfeed_0000_0000);
        pair.forget();
        pair.run(2 * SECOND);
        if wire == Wire::Keyed {
            // Its goodbye was proof enough: whoever comes back is let in again.
            assert_eq!(peer_events(&pair.reported[1]), [], "nothing is taken of the new run");
            assert!(pair.sent[1].is_empty(), "nor is it sent anything: {:?}", pair.sent[1]);
            let one = &mut pair.sessions[1];
            one.remove_peer(at(pair.now), PEER);
            one.add_peer(at(pair.now), wire.peer(0)).expect("room");
            pair.run(2 * SECOND);
        } else {
            assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::Restarted]);
        }
        let next = pair.sessions[1].next_epoch().expect("many are left");
        pair.begin_epoch(next.get());
        pair.run(SECOND);
        pair.forget();
        pair.play(5);
        pair.run(SECOND);
        pair.assert_delivered(0, 5);
        pair.assert_delivered(1, 5);
        // The bye of the run that is over closes nothing.
        let id = pair.sessions[1].peers().next().expect("a peer");
        refuse(&pair.sessions[1], pair.now, id, &Seal::new(wire, 0, 1).bye(0), DatagramError::BadTag);
        pair.forget();
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        let closed = pair.reported[1].iter().filter(|event| {
            **event == Event::Peer { peer: id, event: PeerEvent::PeerClosed { epoch: next, end: frame(5) } }
        });
        assert_eq!(closed.count(), 1, "once a run");
    }
}

#[test]
fn a_bye_without_a_key_is_no_sign_of_life_and_stops_nothing() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(5);
    pair.run(100 * MS);
    let bye = Seal::new(Wire::Compact, 1, 0).bye(5);
    let (mut told, mut spared) = (pair.sessions[0].clone(), pair.sessions[0].clone());
    assert_eq!(told.handle_datagram(at(pair.now + 400 * MS), PEER, &bye), Ok(()));
    spared.handle_timeout(at(pair.now + 400 * MS));
    assert_eq!(peer_events(&events(&mut told)), [closed(5)]);
    events(&mut spared);
    for later in [450 * MS, 600 * MS, 6 * SECOND] {
        assert_eq!(due(&mut told, pair.now + later), due(&mut spared, pair.now + later));
        assert_eq!(events(&mut told), events(&mut spared));
    }
    // And the link goes on, if the peer does.
    let [zero, one] = &mut pair.sessions;
    assert_eq!(zero.handle_datagram(at(pair.now), PEER, &bye), Ok(()));
    one.push_input(at(pair.now), [9]).expect("room");
    pair.forget();
    pair.run(SECOND);
    assert_eq!(inputs(&pair.reported[0]), [(5, [9])]);
    assert_eq!(peer_events(&pair.reported[0]), [closed(5)]);
}

#[test]
fn a_bye_with_a_key_ends_the_link_whatever_its_sender_sends_then() {
    let mut pair = Pair::met(Wire::Keyed);
    pair.play(5);
    pair.run(100 * MS);
    pair.forget();
    let bye = Seal::new(Wire::Keyed, 1, 0).bye(5);
    let [zero, one] = &mut pair.sessions;
    let silence = zero.peer(PEER).expect("a peer").stats().silence;
    assert_eq!(zero.handle_datagram(at(pair.now), PEER, &bye), Ok(()));
    assert_eq!(zero.peer(PEER).expect("a peer").stats().silence, silence, "no sign of life");
    assert_eq!(zero.peer(PEER).expect("a peer").health(), Health::Disconnected);
    let departed = Departure::Departed { last: Some(frame(4)) };
    assert_eq!(zero.peer(PEER).expect("a peer").departure(), departed);
    assert!(zero.push_input(at(pair.now), [9]).is_ok(), "whoever left holds no window");
    one.push_input(at(pair.now), [9]).expect("room");
    pair.run(SECOND);
    assert_eq!(healths(&pair.reported[0]), [Health::Disconnected]);
    assert_eq!(inputs(&pair.reported[0]), []);
    assert_eq!(peer_events(&pair.reported[0]), goodbye(Wire::Keyed, 0, 5));
    // The only thing that a sender who plays on is told is that it is out.
    assert!(pair.sent[0].iter().all(|(_, datagram)| datagram[0] == 0x23 && datagram.len() == 12), "{:?}", pair.sent[0]);
    assert_eq!(pair.reported[1].iter().filter(|event| **event == Event::Dropped { by: PEER }).count(), 1);
}
