//! When an INPUT is sent, and what it carries (PROTOCOL 2.2).

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

#[test]
fn after_missed_polls_one_datagram_carries_the_newest_inputs() {
    let mut session = fresh();
    for number in 0..10 {
        session.push_input(at(number * T), [number.to_be_bytes()[7]]).expect("room");
    }
    assert_eq!(of_type(&mut session, 10 * T, INPUT), [classic_input(0, &[(7, 7), (8, 8), (9, 9)])]);
    assert!(of_type(&mut session, 20 * T, INPUT).is_empty());
}

#[test]
fn frames_count_from_the_configured_first_frame() {
    let mut session = classic(Wire::Classic.settings(0).first_frame(frame(3)));
    assert_eq!(session.push_input(at(0), [9]), Ok(frame(3)));
    assert_eq!(of_type(&mut session, 0, INPUT), [classic_input(0, &[(3, 9)])]);
}

#[test]
fn a_reopened_peer_is_sent_the_newest_inputs() {
    let mut session = fresh();
    session.handle_transport_closed(at(0), PEER);
    for _ in 0..5 {
        session.push_input(at(0), [1]).expect("room");
    }
    assert!(due(&mut session, 0).is_empty());
    session.handle_transport_opened(at(T), PEER);
    assert_eq!(of_type(&mut session, T, INPUT), [classic_input(0, &[(2, 1), (3, 1), (4, 1)])]);
}
