//! Requesting missing inputs, and responding (PROTOCOL 2.3).

use inputwire::{DatagramError, Epoch, Session};

use super::{fresh, hand, of_type, pong};
use crate::support::forge::{classic_input, classic_request, classic_response, classic_stamp};
use crate::support::{MS, PEER, SECOND, T, at, due, frame, peer, refuse};

const REQUEST: u8 = 0x12;
const RESPONSE: u8 = 0x13;

/// A session that has received frames 0, 4, 6 and 10 of its peer, with a round trip of `rtt` if there is one.
fn with_missing(rtt: Option<u64>) -> Session<1, 1> {
    let mut session = fresh();
    let ping = of_type(&mut session, 0, 0x02).remove(0);
    if let Some(rtt) = rtt {
        assert_eq!(hand(&mut session, rtt, &pong(&ping)), Ok(()));
    }
    for pairs in [&[(0, 1)][..], &[(4, 1)], &[(6, 1)], &[(10, 1)]] {
        assert_eq!(hand(&mut session, SECOND, &classic_input(1, pairs)), Ok(()));
    }
    session
}

#[test]
fn a_missing_frame_has_no_input() {
    let session = with_missing(None);
    let received = (0..12).filter(|number| peer(&session).remote_input(frame(*number)).is_some());
    assert_eq!(received.collect::<Vec<_>>(), [0, 4, 6, 10]);
}

#[test]
fn a_request_spans_the_missing_frames_that_redundancy_cannot_fill() {
    // The newest frame is 10 and the redundancy 3: frames 8 and 9 may still arrive unrequested.
    assert_eq!(of_type(&mut with_missing(None), SECOND, REQUEST), [classic_request(1, 7)]);
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(0, 1), (3, 1)])), Ok(()));
    assert!(of_type(&mut session, 0, REQUEST).is_empty(), "1 and 2 may still arrive");
    assert_eq!(hand(&mut session, 0, &classic_input(1, &[(4, 1)])), Ok(()));
    assert_eq!(of_type(&mut session, 0, REQUEST), [classic_request(1, 1)]);
}

#[test]
fn a_request_is_repeated_every_round_trip_or_ping_interval_while_a_frame_is_missing() {
    for (rtt, interval) in [(Some(80 * MS), 80 * MS), (None, 500 * MS)] {
        let mut session = with_missing(rtt);
        let mut requested = Vec::new();
        for now in (SECOND..2 * SECOND + 10 * MS).step_by(1_000) {
            let requests = of_type(&mut session, now, REQUEST);
            assert!(requests.len() <= 1);
            requested.extend(requests.iter().map(|_| now - SECOND));
        }
        let expected: Vec<_> = (0..SECOND + 10 * MS).step_by(usize::try_from(interval).expect("small")).collect();
        assert_eq!(requested, expected);
        // Once nothing is missing, nothing is requested.
        let missing: Vec<_> = [1, 2, 3, 5, 7, 8, 9].map(|number| (number, 2)).to_vec();
        assert_eq!(hand(&mut session, 3 * SECOND, &classic_response(1, &missing)), Ok(()));
        assert!(of_type(&mut session, 4 * SECOND, REQUEST).is_empty());
    }
}

fn with_inputs(count: u8) -> Session<1, 1> {
    let mut session = fresh();
    for number in 0..count {
        session.push_input(at(0), [number]).expect("room");
    }
    due(&mut session, 0);
    session
}

fn response(first: u8, last: u8) -> Vec<u8> {
    classic_response(0, &(first..=last).map(|number| (number.into(), number)).collect::<Vec<_>>())
}

#[test]
fn a_request_is_answered_at_once_with_the_requested_frames_in_the_window() {
    for (first, last, answer) in [
        (0, 0, response(0, 0)),
        (5, 9, response(5, 9)),
        (8, 1_000, response(8, 19)),
        (0, u32::MAX, response(0, 19)),
        (19, 19, response(19, 19)),
    ] {
        let mut session = with_inputs(20);
        assert_eq!(hand(&mut session, 10, &classic_request(first, last)), Ok(()));
        assert_eq!(due(&mut session, 10), [answer]);
        assert!(due(&mut session, 11).is_empty());
    }
    // Only the newest 120 of 200 are left, and no response carries more.
    let mut session = with_inputs(200);
    assert_eq!(hand(&mut session, 10, &classic_request(0, u32::MAX)), Ok(()));
    assert_eq!(due(&mut session, 10), [response(80, 199)]);
    refuse(&session, 10, PEER, &classic_request(5, 4), DatagramError::NotAscending);
}

#[test]
fn responses_are_a_ping_interval_apart_and_answer_the_newest_request() {
    let mut session = with_inputs(20);
    assert_eq!(hand(&mut session, 0, &classic_request(0, 1)), Ok(()));
    assert_eq!(of_type(&mut session, 0, RESPONSE), [response(0, 1)]);
    let mut answers = Vec::new();
    for now in (1_000..1_300 * MS).step_by(1_000) {
        assert_eq!(hand(&mut session, now, &classic_request((now / MS % 20).try_into().expect("small"), 19)), Ok(()));
        answers.extend(of_type(&mut session, now, RESPONSE).into_iter().map(|answer| (now / MS, answer)));
    }
    assert_eq!(answers, [(500, response(0, 19)), (1_000, response(0, 19))]);
}

#[test]
fn a_request_for_frames_outside_the_window_is_forgotten() {
    let mut session = with_inputs(5);
    assert_eq!(hand(&mut session, 0, &classic_request(5, 9)), Ok(()));
    assert!(due(&mut session, 0).is_empty());
    for _ in 0..5 {
        session.push_input(at(T), [1]).expect("room");
    }
    assert!(of_type(&mut session, T, RESPONSE).is_empty(), "it is not remembered until the frames exist");
    let mut session = with_inputs(200);
    assert_eq!(hand(&mut session, 0, &classic_request(0, 79)), Ok(()));
    assert!(due(&mut session, 0).is_empty());
}

#[test]
fn an_epoch_forgets_sent_and_received_requests() {
    let mut session = with_missing(None);
    session.push_input(at(SECOND), [1]).expect("room");
    assert_eq!(hand(&mut session, SECOND, &classic_request(0, 0)), Ok(()));
    session.begin_epoch(at(SECOND), Epoch::new(1)).expect("newer");
    session.push_input(at(SECOND), [2]).expect("room");
    let sent = due(&mut session, SECOND);
    assert_eq!(sent.iter().map(|datagram| datagram[0]).collect::<Vec<_>>(), [0x01, 0x02]);
    assert_eq!(hand(&mut session, SECOND, &classic_stamp(0x02, [7; 8])), Ok(()), "the rest goes on");
}
