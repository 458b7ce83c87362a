//! More than fits: a full window, an application that polls no events, long outages, large inputs. Rows F9 to F12.

use inputwire::{PeerConfig, PeerEvent, PushError};

use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, act, at, drain, due, due_input, endpoint, frame, frames, incarnation, inputs,
    peer, peer_events, stats,
};

#[test]
fn f9_a_full_window_refuses_pushes_overwrites_nothing_and_resends() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.lost[0] = true;
        let first = pair.now;
        for number in 0..120 {
            pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
            pair.run(100);
        }
        for _ in 0..50 {
            assert_eq!(pair.sessions[0].push_input(at(pair.now), [0xee]), Err(PushError::WindowFull(PEER)));
            pair.run(T);
        }
        assert!((0..120).all(|number| pair.sessions[0].local_input(frame(number)) == Some(act(0, number))));
        let resent = pair.sent[0].iter().filter(|(when, _)| *when > first + 20 * MS).count();
        assert!((40..=55).contains(&resent), "{resent} in 50 frames");
        pair.lost[0] = false;
        pair.run(2 * T);
        pair.assert_delivered(1, 120);
        assert_eq!(pair.sessions[0].push_input(at(pair.now), [1]), Ok(frame(120)));
    }
    // Nothing is acknowledged on the classic wire, so nothing holds the window.
    let mut session = endpoint::<1, 120>(Wire::Classic.settings(0), Wire::Classic.peer(1));
    for number in 0..1_000 {
        assert_eq!(session.push_input(at(0), [0]), Ok(frame(number)));
    }
    assert_eq!((session.local_input(frame(879)), session.local_input(frame(880))), (None, Some([0])));
}

#[test]
fn f10_an_application_that_polls_no_events_stops_the_acknowledgement_and_loses_nothing() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.unpolled[1] = true;
        for number in 0..240 {
            pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
            pair.run(T);
        }
        assert_eq!(peer(&pair.sessions[1]).last_frame(), Some(frame(119)), "no further than the window's end");
        assert_eq!(peer(&pair.sessions[0]).unacked(), 120);
        assert_eq!(pair.sessions[0].push_input(at(pair.now), [0]), Err(PushError::WindowFull(PEER)));
        pair.run(20 * SECOND);
        assert_eq!(peer(&pair.sessions[1]).last_frame(), Some(frame(119)));
        pair.unpolled[1] = false;
        pair.run(SECOND);
        pair.assert_delivered(1, 240);
        assert_eq!(stats(&pair.sessions[1]).lost_inputs, 0);
    }
}

#[test]
fn f10_on_the_classic_wire_inputs_older_than_the_window_are_lost_counted_and_reported() {
    let mut pair = Pair::met(Wire::Classic);
    pair.unpolled[1] = true;
    for number in 0..300 {
        pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
        pair.run(T);
    }
    assert_eq!(stats(&pair.sessions[1]).lost_inputs, 180);
    pair.forget();
    pair.unpolled[1] = false;
    pair.settle();
    assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::Lost { first: frame(0), count: 180 }]);
    let rest: Vec<_> = (180..300).map(|number| (number, act(0, number))).collect();
    assert_eq!(inputs(&pair.reported[1]), rest);
}

#[test]
fn f11_after_a_burst_loss_of_any_length_the_first_survivor_brings_all() {
    for wire in Wire::COMPACT {
        for burst in [1, 2, 3, 7, 15, 16, 60, 119, 120, 200, 600] {
            let mut pair = Pair::met(wire);
            pair.play(5);
            pair.lost[0] = true;
            for _ in 0..burst {
                let number = pair.sessions[0].next_frame().get();
                let pushed = pair.sessions[0].push_input(at(pair.now), act(0, number));
                assert!(pushed.is_ok() || burst > 120, "room in the window");
                pair.run(T);
            }
            let next = pair.sessions[0].next_frame().get();
            pair.lost[0] = false;
            pair.forget();
            while pair.sent[0].is_empty() {
                pair.run(MS);
            }
            assert_eq!(pair.sent[0].len(), 1);
            assert_eq!(peer(&pair.sessions[1]).last_frame(), Some(frame(next - 1)), "{burst} lost");
            let expected: Vec<_> = (5..next).map(|number| (number, act(0, number))).collect();
            assert_eq!(inputs(&pair.reported[1]), expected);
        }
    }
}

/// Bytes that no encoding shortens.
fn noise<const INPUT_LEN: usize>(number: u32) -> [u8; INPUT_LEN] {
    let mut state = number.wrapping_mul(0x9e37_79b9) | 1;
    [0; INPUT_LEN].map(|_: u8| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[1]
    })
}

fn large_inputs_arrive_as_prefixes<const INPUT_LEN: usize>(wire: Wire, max_datagram_size: usize, least: usize) {
    let peer = |player| PeerConfig::<INPUT_LEN>::compact(player);
    let mut pair = Pair::new(
        endpoint::<INPUT_LEN, 120>(wire.settings(0).max_datagram_size(max_datagram_size), peer(1)),
        endpoint::<INPUT_LEN, 120>(wire.settings(1), peer(0)),
    );
    pair.run(3 * SECOND);
    pair.lost[0] = true;
    for number in 0..120 {
        pair.sessions[0].push_input(at(pair.now), noise(number)).expect("room");
    }
    pair.run(SECOND);
    assert_eq!(due(&mut pair.sessions[1], pair.now).len(), 0);
    pair.lost[0] = false;
    let mut delivered = 0;
    let mut polled = 0;
    while delivered < 120 {
        polled += 1;
        assert!(polled < 400, "no progress after {delivered}");
        pair.forget();
        while pair.sent[0].is_empty() {
            pair.run(MS);
        }
        pair.run(0);
        let (_, datagram) = &pair.sent[0][0];
        let carried = frames(&pair.reported[1]);
        assert_eq!(carried, (delivered..delivered + u32::try_from(carried.len()).expect("few")).collect::<Vec<_>>());
        if carried.is_empty() {
            // The same prefix again: its acknowledgement is on the way.
            continue;
        }
        // One input more would not have fitted: an input of noise takes 2 bits and all its bytes.
        let longest = max_datagram_size.max(least);
        assert!(datagram.len() <= longest, "{} bytes", datagram.len());
        delivered += u32::try_from(carried.len()).expect("few");
        let head = 3 + wire.tag_len();
        let count =
            usize::from(datagram[0] & 15) + if datagram[0] & 15 == 15 { usize::from(datagram[head]) } else { 0 };
        let timing = if datagram[0] & 0x40 == 0 { 0 } else { 8 };
        let with_one_more = head + usize::from(count >= 14) + timing + ((count + 1) * (2 + 8 * INPUT_LEN)).div_ceil(8);
        assert!(delivered == 120 || with_one_more > max_datagram_size, "{count} inputs of {INPUT_LEN} bytes");
    }
    assert!(drain(&mut pair.sessions[0]).is_empty());
}

#[test]
fn f12_inputs_that_do_not_fit_one_datagram_are_sent_oldest_first() {
    for wire in Wire::COMPACT {
        large_inputs_arrive_as_prefixes::<16>(wire, 1_024, 0);
        large_inputs_arrive_as_prefixes::<32>(wire, 1_024, 0);
        large_inputs_arrive_as_prefixes::<255>(wire, 1_024, 0);
        large_inputs_arrive_as_prefixes::<4>(wire, 56, 0);
        // One input always fits, if need be in a datagram longer than configured.
        large_inputs_arrive_as_prefixes::<255>(wire, 56, 256 + 3 + 8 + 8);
    }
}

/// Tries every number of inputs that could be one too many.
fn no_number_of_inputs_is_too_long<const INPUT_LEN: usize>(max_datagram_size: usize) {
    let peer = PeerConfig::compact(1).incarnation(incarnation(1));
    let mut session = endpoint::<INPUT_LEN, 120>(Wire::Compact.settings(0).max_datagram_size(max_datagram_size), peer);
    for number in 0..100 {
        session.push_input(at(0), [if number % 2 == 0 { 0xac } else { 0xff }; INPUT_LEN]).expect("room");
        let datagram = due_input(&mut session.clone(), 0);
        assert!(datagram.len() <= max_datagram_size, "{} of {max_datagram_size} bytes for {number}", datagram.len());
    }
}

#[test]
fn f12_a_datagram_of_several_inputs_is_never_a_byte_too_long() {
    for max_datagram_size in 56..=90 {
        no_number_of_inputs_is_too_long::<1>(max_datagram_size);
        no_number_of_inputs_is_too_long::<4>(max_datagram_size);
    }
}
