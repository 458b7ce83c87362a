//! When an INPUT is sent, and what it carries (PROTOCOL 2.2).

use inputwire::{PeerConfig, Session};

use super::{classic, fresh, of_type};
use crate::support::forge::classic_input;
use crate::support::{MS, PEER, T, Wire, at, due, frame};

const INPUT: u8 = 0x01;

#[test]
fn each_push_sends_the_newest_inputs_oldest_first() {
    for redundancy in 1..=15 {
        let mut session = classic(Wire::Classic.settings(0).redundancy(redundancy));
        for number in 0..40_u32 {
            let now = u64::from(number) * T;
            session.push_input(at(now), [number.to_be_bytes()[3]]).expect("room");
            let first = (number + 1).saturating_sub(redundancy.into());
            let carried: Vec<_> = (first..=number).map(|number| (number, number.to_be_bytes()[3])).collect();
            assert_eq!(of_type(&mut session, now, INPUT), [classic_input(0, &carried)]);
            assert!(of_type(&mut session, now + MS, INPUT).is_empty(), "nothing is repeated without a push");
        }
    }
}

/// An INPUT with these frames, whose action is the lowest byte of the frame.
fn input(frames: std::ops::Range<u32>) -> Vec<u8> {
    classic_input(0, &frames.map(|number| (number, number.to_be_bytes()[3])).collect::<Vec<_>>())
}

fn push(session: &mut Session<1, 1>, now: u64, count: u32) {
    for _ in 0..count {
        let action = session.next_frame().get().to_be_bytes()[3];
        session.push_input(at(now), [action]).expect("room");
    }
}

#[test]
fn after_missed_polls_one_datagram_carries_everything_that_none_has_carried() {
    for pushes in [1, 2, 3, 4, 5, 6, 14, 15, 16, 100, 120] {
        let mut session = fresh();
        push(&mut session, 0, pushes);
        assert_eq!(of_type(&mut session, 0, INPUT), [input(0..pushes)], "{pushes}");
        assert!(of_type(&mut session, T, INPUT).is_empty());
        // From then on the redundancy is enough again.
        push(&mut session, T, 1);
        assert_eq!(of_type(&mut session, T, INPUT), [input((pushes + 1).saturating_sub(3)..pushes + 1)]);
    }
}

#[test]
fn no_input_is_left_out_whatever_the_rhythm_of_pushes_and_polls() {
    for redundancy in [1, 3, 15] {
        let mut session = classic(Wire::Classic.settings(0).redundancy(redundancy));
        let mut sent_end = 0;
        for (number, pushes) in (0..).zip([1, 5, 2, 7, 1, 1, 30, 3, 4, 119, 1, 120]) {
            push(&mut session, number * T, pushes);
            let end = session.next_frame().get();
            let first = sent_end.min(end.saturating_sub(redundancy.into()));
            assert_eq!(of_type(&mut session, number * T, INPUT), [input(first.max(end.saturating_sub(120))..end)]);
            sent_end = end;
        }
    }
}

#[test]
fn what_left_the_window_unsent_is_gone() {
    let mut session = fresh();
    push(&mut session, 0, 200);
    assert_eq!(of_type(&mut session, 0, INPUT), [input(80..200)]);
}

#[test]
fn a_peer_added_late_is_sent_the_epoch_from_its_first_frame() {
    let mut session = fresh();
    session.remove_peer(at(0), PEER);
    push(&mut session, 0, 50);
    session.add_peer(at(0), PeerConfig::classic(1)).expect("room");
    assert_eq!(of_type(&mut session, 0, INPUT), [input(0..50)]);
}

#[test]
fn frames_count_from_the_configured_first_frame() {
    let mut session = classic(Wire::Classic.settings(0).first_frame(frame(3)));
    assert_eq!(session.push_input(at(0), [9]), Ok(frame(3)));
    assert_eq!(of_type(&mut session, 0, INPUT), [classic_input(0, &[(3, 9)])]);
}

#[test]
fn a_reopened_peer_is_sent_what_was_pushed_meanwhile() {
    let mut session = fresh();
    push(&mut session, 0, 4);
    assert_eq!(of_type(&mut session, 0, INPUT), [input(0..4)]);
    session.handle_transport_closed(at(0), PEER);
    push(&mut session, 0, 5);
    assert!(due(&mut session, 0).is_empty());
    session.handle_transport_opened(at(T), PEER);
    assert_eq!(of_type(&mut session, T, INPUT), [input(4..9)]);
}
