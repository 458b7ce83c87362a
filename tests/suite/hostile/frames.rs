//! Frame numbers, acknowledgements and the window: rows F1 to F8. F9 to F12 are in `full.rs`.

use inputwire::DatagramError::*;
use inputwire::{Epoch, Event, PeerConfig, PeerEvent, PushError};

use crate::support::forge::{Seal, classic_input, classic_response};
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, act, at, due, endpoint, events, frame, frames, incarnation, inputs, peer, refuse,
    stats,
};

/// An event about the only peer.
fn about_peer(event: PeerEvent) -> Event<1> {
    Event::Peer { peer: PEER, event }
}

#[test]
fn f1_frames_run_out_with_an_error_and_never_wrap() {
    for wire in Wire::ALL {
        let first = frame(u32::MAX - 3);
        let mut pair = Pair::new(
            endpoint::<1, 120>(wire.settings(0).first_frame(first), wire.peer(1)),
            endpoint::<1, 120>(wire.settings(1).first_frame(first), wire.peer(0)),
        );
        pair.run(SECOND);
        for number in u32::MAX - 3..u32::MAX {
            assert_eq!(pair.sessions[0].push_input(at(pair.now), [9]), Ok(frame(number)));
        }
        let full = pair.sessions[0].clone();
        for _ in 0..3 {
            assert_eq!(pair.sessions[0].push_input(at(pair.now), [8]), Err(PushError::FramesExhausted));
        }
        assert_eq!(pair.sessions[0], full);
        pair.run(SECOND);
        assert_eq!(frames(&pair.reported[1]), [u32::MAX - 3, u32::MAX - 2, u32::MAX - 1]);
        assert_eq!(peer(&pair.sessions[1]).last_frame(), Some(frame(u32::MAX - 1)));
        pair.begin_epoch(1);
        assert_eq!(pair.sessions[0].push_input(at(pair.now), [7]), Ok(first));
    }
}

#[test]
fn f1_compact_frame_numbers_outside_an_epoch_are_refused() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let pair = Pair::met(wire);
        // Nothing was received or pushed: any end below 0, and any acknowledgement except that of nothing.
        for below in 1..=128_u32 {
            let end = 0_u32.wrapping_sub(below);
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(0, end, 0, &[]), FrameRange);
        }
        for ack in 1..=255 {
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(0, 0, ack, &[]), FrameRange);
        }
        // Five inputs cannot end with the third frame.
        refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(5, 3, 0, &[]), FrameRange);

        let last = frame(u32::MAX);
        let peer = PeerConfig::compact(1).incarnation(incarnation(1));
        let seal = Seal { first_frame: u32::MAX, ..seal };
        let full = endpoint::<1, 120>(wire.settings(0).first_frame(last), peer);
        for beyond in 0..=126 {
            refuse(&full, 0, PEER, &seal.inputs(1, beyond, u32::MAX, &[]), FrameRange);
        }
    }
}

#[test]
fn f1_the_last_frame_number_is_reserved_on_the_classic_wire() {
    let first = frame(u32::MAX - 1);
    let mut session = endpoint::<1, 120>(Wire::Classic.settings(0).first_frame(first), PeerConfig::classic(1));
    refuse(&session, 0, PEER, &classic_input(1, &[(u32::MAX, 5)]), FrameRange);
    for copy in 0..3 {
        let beside = classic_input(1, &[(u32::MAX - 1, 4), (u32::MAX, 5)]);
        assert_eq!(session.handle_datagram(at(copy), PEER, &beside), Ok(()), "the last frame is ignored");
    }
    assert_eq!(inputs(&events(&mut session)), [(u32::MAX - 1, [4])]);
    assert_eq!(peer(&session).last_frame(), Some(first));
    assert_eq!(session.handle_datagram(at(9), PEER, &classic_input(1, &[(0, 1)])), Ok(()), "old, and ignored");
    assert!(frames(&events(&mut session)).is_empty());
}

#[test]
fn f2_a_compact_datagram_that_skips_frames_is_refused_and_reported_once_an_epoch_unless_one_before_it_may_be_lost() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        let seal = Seal::new(wire, 1, 0);
        // One that was cut may have been lost before any other than these.
        let reports = |count, end| count == 0 || end > 10 + 120;
        for (count, end) in [(0, 11), (1, 12), (1, 137), (20, 31), (119, 130), (120, 131), (120, 137)] {
            let mut session = pair.sessions[0].clone();
            let mut spared = session.clone();
            let skipping = seal.inputs(count, end, 10, &[]);
            for copy in 0..3 {
                assert_eq!(session.handle_datagram(at(pair.now), PEER, &skipping), Err(OutOfSync), "{count} to {end}");
                let reported =
                    if copy == 0 && reports(count, end) { vec![about_peer(PeerEvent::OutOfSync)] } else { vec![] };
                assert_eq!(events(&mut session), reported);
            }
            // Except for that event nothing has changed.
            for later in [0, T, 300 * MS, 2 * SECOND] {
                assert_eq!(due(&mut session, pair.now + later), due(&mut spared, pair.now + later));
                assert_eq!(events(&mut session), events(&mut spared));
            }
            session.begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
            let next = Seal { epoch: 1, ..seal };
            assert_eq!(session.handle_datagram(at(pair.now), PEER, &next.inputs(0, 2, 0, &[])), Err(OutOfSync));
            assert_eq!(events(&mut session), [about_peer(PeerEvent::OutOfSync)], "again in another epoch");
        }
    }
}

#[test]
fn f2_a_compact_frame_far_away_fails_the_tag() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(300);
        let seal = Seal::new(wire, 1, 0);
        for end in [0, 1, 100, 171, 428, 500, 556, 1_000_000, u32::MAX] {
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(0, end, 300, &[]), BadTag);
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(7, end, 300, &[]), BadTag);
        }
    }
}

#[test]
fn f2_a_classic_frame_far_ahead_is_refused_and_one_far_behind_ignored() {
    let mut pair = Pair::met(Wire::Classic);
    pair.play(300);
    let moved_at = pair.now - T;
    let session = &pair.sessions[0];
    // The 120 frames of the window, and two for each frame interval since the newest frame arrived.
    let limit = |now: u64| 300 + 120 + u32::try_from(2 * (now - moved_at) / T).expect("soon");
    for now in [pair.now, pair.now + 10 * MS, pair.now + SECOND, pair.now + 3_600 * SECOND] {
        for far in [limit(now), limit(now) + 1, 0x8000_0000, u32::MAX] {
            for datagram in [classic_input(1, &[(far, 1)]), classic_response(1, &[(u32::MAX, 1), (far, 1)])] {
                refuse(session, now, PEER, &datagram, TooFar);
            }
            let mut beside = session.clone();
            let datagram = classic_response(1, &[(299, 1), (far, 1), (300, 1)]);
            assert_eq!(beside.handle_datagram(at(now), PEER, &datagram), Ok(()), "the far one is ignored");
            assert_eq!(frames(&events(&mut beside)), [300]);
        }
        let mut near = session.clone();
        assert_eq!(near.handle_datagram(at(now), PEER, &classic_input(1, &[(limit(now) - 1, 1)])), Ok(()));
        assert_eq!(frames(&events(&mut near)), [limit(now) - 1]);
    }
    let mut old = session.clone();
    assert_eq!(old.handle_datagram(at(pair.now), PEER, &classic_input(1, &[(0, 99), (179, 99)])), Ok(()));
    assert!(frames(&events(&mut old)).is_empty());
    assert_eq!(stats(&old).totals.conflicts, 0, "a forgotten frame cannot conflict");
}

#[test]
fn f3_an_entirely_old_datagram_counts_only_for_its_ack_and_timing() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        pair.run(3 * T);
        pair.lost[1] = true;
        for _ in 0..3 {
            pair.sessions[0].push_input(at(pair.now), [1]).expect("room");
        }
        pair.run(10 * T);
        pair.forget();
        let session = &mut pair.sessions[0];
        assert_eq!(peer(session).unacked(), 3);
        let before = stats(session);
        let stamp = u16::try_from((pair.now - 40 * MS) / 250 % 65_536).expect("a remainder");
        let old = Seal::new(wire, 1, 0).timed(2, 7, 12, [1, stamp, 5_000], &[]);
        assert_eq!(session.handle_datagram(at(pair.now), PEER, &old), Ok(()));
        let after = stats(session);
        assert_eq!((after.unacked, after.totals.duplicates), (1, before.totals.duplicates + 1));
        let latest = after.rtt.expect("a sample").latest.as_millis();
        assert!((40..=41).contains(&latest), "{latest}");
        assert!(frames(&events(session)).is_empty());
        assert_eq!(peer(session).last_frame(), Some(frame(9)));
    }
    let mut pair = Pair::met(Wire::Classic);
    pair.play(10);
    let session = &mut pair.sessions[0];
    let before = stats(session).totals.duplicates;
    let old: Vec<_> = (5..8).map(|number| (number, act::<1>(1, number)[0])).collect();
    for datagram in [classic_input(1, &old), classic_response(1, &old)] {
        assert_eq!(session.handle_datagram(at(pair.now), PEER, &datagram), Ok(()));
    }
    assert_eq!(stats(session).totals.duplicates, before + 2);
    assert!(frames(&events(session)).is_empty());
}

#[test]
fn f4_a_datagram_of_old_and_new_frames_delivers_only_the_new_ones() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(6);
        let session = &mut pair.sessions[0];
        let held = peer(session).remote_input(frame(5));
        // Frames 4 to 7, all 55. Its inputs of 4 and 5 differ from the known ones, and only serve to decode the others.
        let datagram = Seal::new(wire, 1, 0).inputs(4, 8, 6, &[0b1010_1111, 0b10]);
        assert_eq!(session.handle_datagram(at(pair.now), PEER, &datagram), Ok(()));
        assert_eq!(peer(session).remote_input(frame(5)), held);
        assert_eq!(inputs(&events(session)), [(6, [0x55]), (7, [0x55])]);
    }
    let mut pair = Pair::met(Wire::Classic);
    pair.play(6);
    let session = &mut pair.sessions[0];
    let straddling = [(4, act::<1>(1, 4)[0]), (5, act::<1>(1, 5)[0]), (6, 77), (8, 78)];
    assert_eq!(session.handle_datagram(at(pair.now), PEER, &classic_input(1, &straddling)), Ok(()));
    assert_eq!(inputs(&events(session)), [(6, [77]), (8, [78])]);
}

#[test]
fn f5_another_value_for_a_known_frame_is_counted_and_reported_once_an_epoch() {
    let mut session = endpoint::<1, 120>(Wire::Classic.settings(0), PeerConfig::classic(1));
    for epoch in 0..3 {
        assert_eq!(session.handle_datagram(at(0), PEER, &classic_input(1, &[(0, 1), (1, 2), (2, 3)])), Ok(()));
        let reported = events(&mut session);
        assert_eq!(inputs(&reported), [(0, [1]), (1, [2]), (2, [3])]);
        for copy in 1..=3 {
            let other = [classic_input(1, &[(1, 9), (2, 3)]), classic_response(1, &[(1, 8), (2, 7)])];
            for (datagram, counted) in other.iter().zip([1, 3]) {
                assert_eq!(session.handle_datagram(at(0), PEER, datagram), Ok(()));
                assert_eq!(stats(&session).totals.conflicts, epoch * 9 + (copy - 1) * 3 + counted);
                let first = copy == 1 && counted == 1;
                let expected = if first { vec![about_peer(PeerEvent::Conflict)] } else { vec![] };
                assert_eq!(events(&mut session), expected);
            }
        }
        assert_eq!(peer(&session).remote_input(frame(1)), Some([2]), "the first one stays");
        session.begin_epoch(at(0), Epoch::new(epoch + 1)).expect("newer");
    }
}

#[test]
fn f6_ten_thousand_copies_change_nothing_and_cause_one_answer() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.forget();
        pair.sessions[1].push_input(at(pair.now), [1]).expect("room");
        let datagram = due(&mut pair.sessions[1], pair.now).remove(0);
        let session = &mut pair.sessions[0];
        for _ in 0..10_000 {
            assert_eq!(session.handle_datagram(at(pair.now), PEER, &datagram), Ok(()));
        }
        assert_eq!(inputs(&events(session)), [(5, [1])]);
        let answers: usize = (0..=2 * T).step_by(500).map(|later| due(session, pair.now + later).len()).sum();
        assert!(answers <= 1, "{wire:?}: {answers} answers");
    }
}

#[test]
fn f6_a_datagram_5000_datagrams_late_delivers_nothing_again() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(5_200);
        let late: Vec<_> = pair.sent[1].iter().map(|(_, datagram)| datagram.clone()).collect();
        assert!(late.len() > 5_000);
        pair.forget();
        let last_frame = peer(&pair.sessions[0]).last_frame();
        for datagram in late.iter().rev() {
            // Some fail the tag, since their frame numbers are now expanded near another frame.
            let _ = pair.sessions[0].handle_datagram(at(pair.now), PEER, datagram);
        }
        assert!(frames(&events(&mut pair.sessions[0])).is_empty());
        assert_eq!(peer(&pair.sessions[0]).last_frame(), last_frame);
        pair.play(10);
        assert_eq!(frames(&pair.reported[0]), (5_200..5_210).collect::<Vec<_>>());
    }
}

#[test]
fn f7_an_ack_of_frames_never_pushed_cannot_be_expressed() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.lost[0] = true;
        for _ in 0..10 {
            pair.sessions[0].push_input(at(pair.now), [1]).expect("room");
        }
        let seal = Seal::new(wire, 1, 0);
        for ack in (11..600).chain([100_000, u32::MAX - 9, u32::MAX]) {
            let back = 10_u32.wrapping_sub(ack) & 0xff;
            let reason = if back > 10 { FrameRange } else { BadTag };
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(0, 0, ack, &[]), reason);
        }
        assert_eq!(peer(&pair.sessions[0]).unacked(), 10);
    }
}

#[test]
fn f8_an_older_ack_has_no_effect() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        let seal = Seal::new(wire, 1, 0);
        for _ in 0..4 {
            pair.sessions[0].push_input(at(pair.now), [1]).expect("room");
        }
        for (ack, unacked) in [(12, 2), (3, 2), (11, 2), (0, 2), (12, 2), (13, 1), (12, 1), (14, 0), (13, 0)] {
            assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &seal.inputs(0, 10, ack, &[])), Ok(()));
            assert_eq!(peer(&pair.sessions[0]).unacked(), unacked, "after {ack}");
        }
    }
}
