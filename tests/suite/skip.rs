//! A game that jumps ahead: `skip_to`.

use inputwire::{Endpoint, Instant, PeerConfig, PushError, Session};

use crate::support::{MS, PEER, Pair, SECOND, T, Wire, at, drain, due, frame, inputs, peer, peer_events, stats};

/// Lets player 0 skip to a frame, with a drain after each step, until it is there. Returns how often it was called.
fn skip(pair: &mut Pair, to: u32) -> usize {
    let mut calls = 1;
    while pair.sessions[0].skip_to(at(pair.now), frame(to), [9]).expect("frames") < frame(to) {
        pair.settle();
        pair.run(MS);
        calls += 1;
        assert!(calls < 1_000, "stuck at {}", pair.sessions[0].next_frame());
    }
    pair.settle();
    calls
}

#[test]
fn after_a_jump_of_300_frames_the_peer_has_every_one_of_them_in_few_datagrams_on_both_wires() {
    for wire in Wire::ALL {
        for delay in [0, 20 * MS, 100 * MS] {
            let mut pair = Pair::met(wire);
            pair.delay = delay;
            pair.run(SECOND);
            pair.play(60);
            // Hidden for five seconds: nothing is pushed, and the peer plays as far as it can.
            pair.run(5 * SECOND);
            pair.forget();
            let calls = skip(&mut pair, 360);
            assert_eq!(pair.sessions[0].next_frame(), frame(360));
            pair.play(1);
            pair.run(SECOND);
            let delivered = inputs(&pair.reported[1]);
            let frames: Vec<_> = delivered.iter().map(|(frame, _)| *frame).collect();
            assert_eq!(frames, (60..361).collect::<Vec<_>>(), "{wire:?}, {delay} us");
            assert!(delivered[..300].iter().all(|(_, input)| *input == [9]));
            assert!(peer_events(&pair.reported[1]).is_empty() && stats(&pair.sessions[1]).lost_inputs == 0);
            let kind = if wire == Wire::Classic { 0x01 } else { 0x80 };
            let sent = pair.sent[0].iter().filter(|(_, datagram)| datagram[0] & 0x81 == kind & 0x81).count();
            assert!(sent < 60, "{wire:?}: {sent} datagrams for 300 frames");
            assert!(wire != Wire::Classic || calls == 3, "the classic wire waits for no acknowledgement: {calls}");
        }
    }
}

#[test]
fn a_skip_stops_where_a_push_would_have_to_wait_and_loses_nothing_that_an_open_peer_was_not_sent() {
    let mut session: Session<1, 1> = crate::support::endpoint(Wire::Compact.settings(0), PeerConfig::compact(1));
    assert_eq!(session.skip_to(at(0), frame(300), [1]), Ok(frame(120)));
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::WindowFull(PEER)));
    assert_eq!(session.skip_to(at(0), frame(300), [1]), Ok(frame(120)));

    let mut session: Session<1, 1> = crate::support::endpoint(Wire::Classic.settings(0), PeerConfig::classic(1));
    assert_eq!(session.skip_to(at(0), frame(300), [1]), Ok(frame(120)));
    assert_eq!(session.skip_to(at(0), frame(300), [1]), Ok(frame(120)), "not before these are sent");
    assert!(due(&mut session, 0).iter().any(|datagram| datagram[0] == 0x01 && datagram[7] == 120));
    assert_eq!(session.skip_to(at(T), frame(130), [1]), Ok(frame(130)));
    // A closed transport is not waited for.
    session.handle_transport_closed(at(T), PEER);
    assert_eq!(session.skip_to(at(T), frame(1_000), [1]), Ok(frame(250)), "at most a window at a time");
    assert_eq!(session.skip_to(at(T), frame(300), [1]), Ok(frame(300)));
    assert!(peer(&session).last_frame().is_none() && drain(&mut session).is_empty());
}

#[test]
fn a_skip_to_a_frame_that_was_reached_does_nothing_and_frames_end_with_an_error() {
    let first = frame(u32::MAX - 3);
    let settings = Wire::Classic.settings(0).first_frame(first);
    let mut session: Session<1, 1> = crate::support::endpoint(settings, PeerConfig::classic(1));
    let before = session.clone();
    assert_eq!(session.skip_to(at(0), frame(7), [1]), Ok(first));
    assert_eq!(session, before);
    assert_eq!(session.skip_to(at(0), frame(u32::MAX), [1]), Ok(frame(u32::MAX)));
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::FramesExhausted));
}

/// What a recorder or a driver does with whatever stands for a session.
fn skip_and_clear<E: Endpoint<1, 1, 120>>(endpoint: &mut E, now: Instant) -> Result<inputwire::Frame, PushError> {
    let reached = endpoint.skip_to(now, frame(200), [4]);
    endpoint.clear_counters();
    reached
}

#[test]
fn whatever_stands_for_a_session_skips_and_clears_its_counters_as_the_session_does() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(30);
        // A repeated one is refused, or counts at least as received.
        let (_, datagram) = pair.sent[1].last().expect("something was sent").clone();
        let now = at(pair.now);
        let session = &mut pair.sessions[0];
        let _ = session.handle_datagram(now, PEER, &datagram[..datagram.len() - 1]);
        let (mut twin, before) = (session.clone(), stats(session).totals);
        assert!(before.packets_received > 0 && before.refused.total() > 0, "{wire:?}: {before:?}");

        let reached = skip_and_clear(session, now);
        assert_eq!(reached, twin.skip_to(now, frame(200), [4]));
        let reached = reached.expect("frames").get();
        assert!((140..=150).contains(&reached), "{wire:?}: a window at most, and not to {reached}");
        assert_ne!(*session, twin);
        twin.clear_counters();
        assert_eq!(*session, twin);
        assert_eq!(stats(session).totals, inputwire::Totals::default());
        // Nothing else depends on them: the frames arrive.
        pair.forget();
        pair.run(SECOND);
        let delivered = inputs(&pair.reported[1]);
        assert_eq!(delivered.len(), usize::try_from(reached - 30).expect("few"), "{wire:?}");
        assert!(delivered.iter().all(|(_, input)| *input == [4]));
    }
}
