//! Requesting missing inputs, and responding (PROTOCOL 2.3).

use std::time::Duration;

use inputwire::{DatagramError, Epoch, Session};

use super::{classic, fresh, hand, of_type, pong};
use crate::support::forge::{classic_input, classic_request, classic_response, classic_stamp};
use crate::support::{MS, PEER, SECOND, T, Wire, at, due, frame, peer, refuse};

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

/// When requests are sent from one second on, in milliseconds after it; `answered` after each of them.
fn requested_until(session: &mut Session<1, 1>, until: u64, answered: impl Fn(u64) -> bool) -> Vec<u64> {
    let mut requested = Vec::new();
    for now in (SECOND..until).step_by(1_000) {
        let requests = of_type(session, now, REQUEST);
        assert!(requests.len() <= 1);
        for _ in requests {
            let after = now / MS - 1_000;
            requested.push(after);
            if answered(after) {
                assert_eq!(hand(session, now, &classic_response(1, &[(4, 1)])), Ok(()));
            }
        }
    }
    requested
}

#[test]
fn a_request_is_repeated_every_round_trip_or_ping_interval_while_a_frame_is_missing() {
    for (rtt, interval) in [(Some(80 * MS), 80), (None, 500)] {
        let mut session = with_missing(rtt);
        let requested = requested_until(&mut session, 2 * SECOND + 10 * MS, |_| true);
        assert_eq!(requested, (0..1_010).step_by(interval).collect::<Vec<_>>());
        // Once nothing is missing, nothing is requested.
        let missing: Vec<_> = [1, 2, 3, 5, 7, 8, 9].map(|number| (number, 2)).to_vec();
        assert_eq!(hand(&mut session, 3 * SECOND, &classic_response(1, &missing)), Ok(()));
        assert!(of_type(&mut session, 4 * SECOND, REQUEST).is_empty());
    }
}

#[test]
fn requests_that_are_not_answered_become_rare_but_never_end() {
    let mut session = with_missing(Some(80 * MS));
    let requested = requested_until(&mut session, 61 * SECOND, |_| false);
    let every_second = (1..8).map(|second| 160 + 1_000 * second);
    let every_eight: Vec<_> = (1..=6).map(|number| 7_160 + 8_000 * number).collect();
    let expected: Vec<_> = [0, 80, 160].into_iter().chain(every_second).chain(every_eight).collect();
    assert_eq!(requested, expected);
    assert!(requested.iter().filter(|after| **after < 20_000).count() <= 30);
}

#[test]
fn slow_requests_keep_their_own_interval_where_it_is_longer() {
    let settings =
        Wire::Classic.settings(0).ping_interval(Duration::from_secs(3)).disconnect_after(8 * Duration::from_secs(1));
    let mut session = classic(settings);
    for pairs in [&[(0, 1)][..], &[(10, 1)]] {
        assert_eq!(hand(&mut session, 0, &classic_input(1, pairs)), Ok(()));
    }
    let requested = requested_until(&mut session, 61 * SECOND, |_| false);
    let expected: Vec<_> =
        (0..10).map(|number| 3_000 * number).chain((1..=4).map(|number| 27_000 + 8_000 * number)).collect();
    assert_eq!(requested, expected);
}

#[test]
fn any_response_with_an_entry_resets_the_pace_of_requests() {
    let mut session = with_missing(Some(80 * MS));
    let requested = requested_until(&mut session, 10 * SECOND, |after| after == 1_160);
    assert_eq!(requested[..8], [0, 80, 160, 1_160, 1_240, 1_320, 1_400, 2_400]);
    // A new transport may lead to another program.
    session.handle_transport_closed(at(20 * SECOND), PEER);
    session.handle_transport_opened(at(20 * SECOND), PEER);
    let again: Vec<_> = (20_000..20_600).filter(|now| !of_type(&mut session, now * MS, REQUEST).is_empty()).collect();
    assert_eq!(again, [20_000, 20_500], "without a round trip once a ping interval");
}

#[test]
fn a_request_that_begins_before_the_window_is_answered_with_the_rest() {
    let mut session = fresh();
    for number in 0..320_u32 {
        session.push_input(at(0), [number.to_be_bytes()[3]]).expect("room");
    }
    due(&mut session, 0);
    assert_eq!(hand(&mut session, 0, &classic_request(100, 300)), Ok(()));
    let held: Vec<_> = (200..=300_u32).map(|number| (number, number.to_be_bytes()[3])).collect();
    assert_eq!(of_type(&mut session, 0, RESPONSE), [classic_response(0, &held)]);
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
    for pairs in [&[(0, 1)][..], &[(10, 1)]] {
        assert_eq!(hand(&mut session, SECOND, &classic_input(1, pairs)), Ok(()));
    }
    assert_eq!(of_type(&mut session, SECOND, REQUEST), [classic_request(1, 7)], "at once in the new epoch");
    assert_eq!(hand(&mut session, SECOND, &classic_stamp(0x02, [7; 8])), Ok(()), "the rest goes on");
}

#[test]
fn an_epoch_requests_at_once_whatever_was_requested_in_the_one_before() {
    let mut session = with_missing(None);
    assert_eq!(of_type(&mut session, SECOND, REQUEST), [classic_request(1, 7)]);
    session.begin_epoch(at(SECOND), Epoch::new(1)).expect("newer");
    for pairs in [&[(0, 1)][..], &[(8, 1)]] {
        assert_eq!(hand(&mut session, SECOND, &classic_input(1, pairs)), Ok(()));
    }
    assert_eq!(of_type(&mut session, SECOND, REQUEST), [classic_request(1, 5)]);
}
