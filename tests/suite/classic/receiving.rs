//! How an INPUT or an `INPUT_RESPONSE` is received (PROTOCOL 2.2).

use inputwire::{PeerEvent, Totals};

use super::{fresh, hand};
use crate::support::forge::{classic_input, classic_response};
use crate::support::{MS, PEER, T, Wire, due, events, frame, frames, inputs, peer, peer_events, refuse, stats};

#[test]
fn each_input_is_delivered_once_lowest_frame_first_and_late_ones_late() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(4, 4), (5, 5)])), Ok(()));
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(1, 1), (2, 2)])), Ok(()));
    assert_eq!(inputs(&events(&mut session)), [(1, [1]), (2, [2]), (4, [4]), (5, [5])]);
    assert_eq!(hand(&mut session, 0, &classic_response(1, &[(0, 0), (1, 1), (3, 3)])), Ok(()));
    assert_eq!(inputs(&events(&mut session)), [(0, [0]), (3, [3])]);
    assert!(events(&mut session).is_empty());
}

#[test]
fn missing_inputs_are_counted_exactly_and_one_that_arrives_is_not_lost() {
    let mut session = fresh();
    for (datagram, missing, last_frame) in [
        (classic_input(1, &[(0, 0)]), 0, Some(0)),
        (classic_input(1, &[(9, 9)]), 8, Some(0)),
        (classic_input(1, &[(3, 3), (5, 5)]), 6, Some(0)),
        (classic_response(1, &[(1, 1), (2, 2)]), 4, Some(3)),
        (classic_response(1, &[(4, 4), (6, 6), (7, 7), (8, 8)]), 0, Some(9)),
    ] {
        assert_eq!(hand(&mut session, 0, &datagram), Ok(()));
        assert_eq!((stats(&session).missing, peer(&session).last_frame()), (missing, last_frame.map(frame)));
    }
    assert_eq!(stats(&session).lost_inputs, 0);
    assert_eq!(frames(&events(&mut session)), (0..10).collect::<Vec<_>>());
}

#[test]
fn lost_inputs_are_reported_with_their_lowest_frame_and_their_count() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(0, 0), (2, 2), (100, 1)])), Ok(()));
    events(&mut session);
    // The window slides to frame 200: frames 1 and 3 to 80 leave it missing.
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(200, 2)])), Ok(()));
    assert_eq!(stats(&session).lost_inputs, 79);
    assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Lost { first: frame(1), count: 79 }]);
    assert_eq!(peer(&session).last_frame(), Some(frame(80)), "a lost frame is not missing");
    // A frame that left the window arrives too late.
    assert_eq!(hand(&mut session, 0, &classic_response(1, &[(80, 1), (81, 1)])), Ok(()));
    assert_eq!(frames(&events(&mut session)), [81]);
    // Received and undelivered when they leave the window: lost as well.
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(201, 7), (320, 3)])), Ok(()));
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(322, 3)])), Ok(()));
    let reported = events(&mut session);
    assert_eq!(frames(&reported), [320, 322]);
    assert_eq!(peer_events(&reported), [PeerEvent::Lost { first: frame(82), count: 119 }]);
}

#[test]
fn a_jump_beyond_the_window_loses_what_it_skips() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(0, 0)])), Ok(()));
    events(&mut session);
    let now = 300 * T;
    assert_eq!(hand(&mut session, now, &classic_input(1, &[(500, 1)])), Ok(()));
    let reported = peer_events(&events(&mut session));
    assert_eq!(reported, [PeerEvent::Lost { first: frame(1), count: 380 }]);
}

#[test]
fn clearing_counters_keeps_pending_events() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(0, 0)])), Ok(()));
    assert_eq!(hand(&mut session, 300 * T, &classic_input(1, &[(500, 1)])), Ok(()));
    assert!(hand(&mut session, 300 * T, &[]).is_err());
    due(&mut session, 300 * T);
    session.clear_counters();
    let cleared = stats(&session);
    assert_eq!((cleared.lost_inputs, cleared.totals), (0, Totals::default()));
    let lost = PeerEvent::Lost { first: frame(0), count: 381 };
    assert!(peer_events(&events(&mut session)).contains(&lost), "frame 0 was undelivered, and 1 to 380 never arrived");
}

#[test]
fn a_frame_is_refused_as_too_far_from_exactly_the_limit_on() {
    for first in [0, 7, 1_000_000] {
        let settings = Wire::Classic.settings(0).first_frame(frame(first));
        let mut session = super::classic(settings);
        let mut newest = first;
        for (moved, now) in [(0, 0), (0, T / 2), (0, T), (0, 10 * T + 1), (20 * MS, 500 * MS)] {
            if moved > 0 {
                assert_eq!(hand(&mut session, moved, &classic_input(1, &[(first + 3, 1)])), Ok(()));
                newest = first + 4;
            }
            let limit = newest + 120 + u32::try_from(2 * (now - moved) / T).expect("soon");
            let far = classic_input(1, &[(limit, 1), (limit + 1, 1)]);
            refuse(&session, now, PEER, &far, inputwire::DatagramError::TooFar);
            let near = classic_input(1, &[(limit - 1, 1)]);
            assert_eq!(hand(&mut session.clone(), now, &near), Ok(()), "{limit} at {now}");
        }
    }
}

#[test]
fn old_frames_are_ignored_and_duplicates_counted() {
    let settings = Wire::Classic.settings(0).first_frame(frame(50));
    let mut session = super::classic(settings);
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(10, 1), (49, 1)])), Ok(()), "before the first frame");
    assert!(frames(&events(&mut session)).is_empty());
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(169, 1)])), Ok(()));
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(49, 9), (50, 2), (289, 1)])), Ok(()));
    // Frame 50 was in the window when it was accepted, and left it with frame 289.
    let reported = events(&mut session);
    assert_eq!(frames(&reported), [289]);
    assert_eq!(stats(&session).totals.duplicates, 1);
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(289, 1)])), Ok(()));
    assert_eq!((stats(&session).totals.duplicates, stats(&session).totals.conflicts), (2, 0));
}

#[test]
fn an_input_datagram_without_inputs_is_accepted_and_flags_are_ignored() {
    let mut session = fresh();
    let mut datagram = classic_input(1, &[]);
    datagram[3..7].copy_from_slice(&[0xff; 4]);
    datagram[8] = 0xff;
    assert_eq!(hand(&mut session, 0, &datagram), Ok(()), "the current frame is not read");
    assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Connected]);
    let mut flagged = classic_input(1, &[(0, 5)]);
    flagged[8] = 1;
    assert_eq!(hand(&mut session, 0, &flagged), Ok(()));
    assert_eq!(inputs(&events(&mut session)), [(0, [5])]);
}

#[test]
fn a_catch_up_datagram_is_taken_whatever_current_frame_it_names() {
    // Observed: frames 50 and 51, from a peer that plays frame 230.
    let observed = [1, 0, 1, 0, 0, 0, 0xe6, 2, 0, 0, 0, 0, 0x32, 4, 0, 0, 0, 0x33, 4];
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &observed), Ok(()));
    assert_eq!(inputs(&events(&mut session)), [(50, [4]), (51, [4])]);
    for current in [0_u32, 49, 52, 1_000_000, u32::MAX] {
        let mut other = fresh();
        let mut datagram = observed;
        datagram[3..7].copy_from_slice(&current.to_be_bytes());
        assert_eq!(hand(&mut other, 0, &datagram), Ok(()), "{current}");
        assert_eq!(inputs(&events(&mut other)), [(50, [4]), (51, [4])]);
    }
}

#[test]
fn frames_in_any_order_are_taken_each_by_its_own_number() {
    let orders = [[(0, 7), (1, 8), (2, 9)], [(2, 9), (1, 8), (0, 7)], [(1, 8), (2, 9), (0, 7)]];
    for datagram in orders.iter().flat_map(|pairs| [classic_input(1, pairs), classic_response(1, pairs)]) {
        let mut session = fresh();
        assert_eq!(hand(&mut session, 0, &datagram), Ok(()));
        assert_eq!(inputs(&events(&mut session)), [(0, [7]), (1, [8]), (2, [9])]);
    }
    // Of two entries with one frame the first counts.
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(3, 1), (0, 5), (3, 2)])), Ok(()));
    assert_eq!(inputs(&events(&mut session)), [(0, [5]), (3, [1])]);
    assert_eq!(stats(&session).totals.conflicts, 0);
}

#[test]
fn a_peer_that_goes_back_is_taken_at_its_first_word() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(8, 1), (9, 1)])), Ok(()));
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(9, 2), (4, 2), (5, 2)])), Ok(()));
    let reported = events(&mut session);
    assert_eq!(inputs(&reported), [(4, [2]), (5, [2]), (8, [1]), (9, [1])]);
    assert_eq!(stats(&session).totals.conflicts, 1);
}

#[test]
fn entries_too_far_ahead_or_too_old_do_not_spoil_the_others() {
    for frames_sent in [[300, 0, 119], [119, 300, 0], [0, 119, 300]] {
        let pairs = frames_sent.map(|frame| (frame, 1));
        for datagram in [classic_input(1, &pairs), classic_response(1, &pairs)] {
            let mut session = fresh();
            assert_eq!(hand(&mut session, 0, &datagram), Ok(()), "frame 300 is too far ahead, and ignored");
            assert_eq!(frames(&events(&mut session)), [0, 119]);
            let once = session.clone();
            assert_eq!(hand(&mut session, 0, &datagram), Ok(()));
            assert!(frames(&events(&mut session)).is_empty());
            assert_eq!(
                peer(&session).latest_input(),
                peer(&once).latest_input(),
                "a repeated datagram changes nothing"
            );
        }
    }
    // Each entry is judged when it is reached: frame 239 is within reach once frame 119 is known.
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(239, 1), (119, 1)])), Ok(()));
    assert_eq!(frames(&events(&mut session)), [239]);
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(240, 1), (119, 1)])), Ok(()));
    assert_eq!(frames(&events(&mut session)), [119]);
}

#[test]
fn a_datagram_without_inputs_is_no_duplicate() {
    let mut session = fresh();
    for (datagram, duplicates) in [
        (classic_input(1, &[]), 0),
        (classic_response(1, &[]), 0),
        (classic_input(1, &[(0, 1)]), 0),
        (classic_input(1, &[(0, 1)]), 1),
    ] {
        assert_eq!(hand(&mut session, 0, &datagram), Ok(()));
        assert_eq!(stats(&session).totals.duplicates, duplicates, "{datagram:?}");
    }
}
