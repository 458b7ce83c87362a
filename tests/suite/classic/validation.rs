//! The validation pings that later versions of the original wait for (PROTOCOL 2.4).

use inputwire::{DatagramError, Session, Timer};

use super::{fresh, hand, of_type};
use crate::support::forge::{classic_input, classic_response, classic_stamp};
use crate::support::{MS, PEER, SECOND, at, due, refuse};

const PING: u8 = 0x10;
const PONG: u8 = 0x11;

/// What a peer sends after it was sent a ping.
type Answer = fn(&[u8]) -> Vec<u8>;

/// When validation pings are sent, in milliseconds.
fn sent(session: &mut Session<1, 1>, from: u64, until: u64) -> Vec<u64> {
    let mut sent = Vec::new();
    for now in from..until {
        for ping in of_type(session, now * MS, PING) {
            assert_eq!(ping[1..], f64::from(u32::try_from(now).expect("soon")).to_be_bytes());
            sent.push(now);
        }
    }
    sent
}

#[test]
fn the_first_validation_ping_is_sent_at_once_and_then_one_every_ping_interval_ten_in_all() {
    let mut session = fresh();
    assert_eq!(sent(&mut session, 0, 60_000), (0..10).map(|number| number * 500).collect::<Vec<_>>());
}

#[test]
fn a_validation_ping_has_a_deadline_of_its_own() {
    let mut session = fresh();
    due(&mut session, 0);
    // The ping is sent later, and so the validation ping is due first.
    session.handle_timeout(at(500 * MS));
    let mut buf = [0; inputwire::MAX_DATAGRAM_SIZE];
    assert_eq!(session.poll_transmit(&mut buf).map(|transmit| transmit.datagram[0]), Some(0x02));
    assert_eq!(session.timeout_reason(), Some((PEER, Timer::Ping)), "what is due already needs draining, not waking");
    due(&mut session, 700 * MS);
    assert_eq!(session.poll_timeout(), Some(at(1_000 * MS)));
    due(&mut session, 1_000 * MS);
    assert_eq!(session.timeout_reason(), Some((PEER, Timer::ValidationPing)));
    assert_eq!(session.poll_timeout(), Some(at(1_200 * MS)));
}

#[test]
fn an_answer_or_an_input_ends_validation_pings() {
    let ping = |session: &mut Session<1, 1>| of_type(session, 0, PING).remove(0);
    let answers: [Answer; 3] =
        [|ping| [&[PONG], &ping[1..]].concat(), |_| classic_input(1, &[(0, 1)]), |_| classic_input(1, &[])];
    for answer in answers {
        let mut session = fresh();
        let ping = ping(&mut session);
        assert_eq!(hand(&mut session, 30 * MS, &answer(&ping)), Ok(()));
        assert_eq!(sent(&mut session, 31, 20_000), []);
    }
    // Nothing else does: the peer may not have received one.
    for other in [classic_response(1, &[(0, 1)]), vec![0x04], classic_stamp(0x02, [7; 8])] {
        let mut session = fresh();
        ping(&mut session);
        assert_eq!(hand(&mut session, 30 * MS, &other), Ok(()));
        assert_eq!(sent(&mut session, 31, 1_100), [500, 1_000]);
    }
}

#[test]
fn a_validation_pong_must_answer_an_outstanding_validation_ping_and_counts_once() {
    let mut session = fresh();
    refuse(&session, 0, PEER, &classic_stamp(PONG, [0; 8]), DatagramError::UnknownPing);
    let stamps: Vec<_> = (0..3).map(|number| of_type(&mut session, number * SECOND / 2, PING).remove(0)).collect();
    refuse(&session, 2 * SECOND, PEER, &classic_stamp(PONG, [9; 8]), DatagramError::UnknownPing);
    // One to an earlier validation ping counts.
    let pong = [&[PONG], &stamps[1][1..]].concat();
    assert_eq!(hand(&mut session, 1_100 * MS, &pong), Ok(()));
    refuse(&session, 2 * SECOND, PEER, &pong, DatagramError::UnknownPing);
}

#[test]
fn a_validation_pong_is_no_pong_and_a_pong_is_no_validation_pong() {
    let mut session = fresh();
    let sent = due(&mut session, 0);
    assert_eq!(sent, [classic_stamp(0x02, [0; 8]), classic_stamp(PING, [0; 8])], "with the same stamp");
    assert_eq!(hand(&mut session, 10, &classic_stamp(0x03, [0; 8])), Ok(()));
    assert_eq!(of_type(&mut session, 500 * MS, PING).len(), 1, "still not validated");
    assert_eq!(hand(&mut session, 500 * MS, &classic_stamp(PONG, [0; 8])), Ok(()));
    assert_eq!(of_type(&mut session, SECOND, PING).len(), 0);
}

#[test]
fn a_peer_that_comes_late_is_still_validated() {
    let mut session = fresh();
    sent(&mut session, 0, 20_000);
    // Its page has loaded now: it sends validation pings, so it knows the type, and may wait for one.
    assert_eq!(hand(&mut session, 20_000 * MS, &classic_stamp(PING, [7; 8])), Ok(()));
    let kinds = due(&mut session, 20_000 * MS).into_iter().map(|datagram| datagram[0]);
    assert_eq!(kinds.collect::<Vec<_>>(), [PONG, 0x02, PING]);
    assert_eq!(sent(&mut session, 20_000, 60_000), [], "the one that it asked for is sent, and no more");
    assert_eq!(hand(&mut session, 60_000 * MS, &classic_stamp(PING, [8; 8])), Ok(()));
    assert_eq!(sent(&mut session, 60_000, 61_000), [60_000]);
    // A peer that has been validated needs none.
    assert_eq!(hand(&mut session, 61_000 * MS, &classic_input(1, &[(0, 1)])), Ok(()));
    assert_eq!(hand(&mut session, 61_000 * MS, &classic_stamp(PING, [7; 8])), Ok(()));
    assert_eq!(sent(&mut session, 61_000, 70_000), []);
}

#[test]
fn each_transport_is_validated_anew_and_a_closed_one_not_at_all() {
    let mut session = fresh();
    let first = of_type(&mut session, 0, PING).remove(0);
    session.handle_transport_closed(at(100 * MS), PEER);
    assert_eq!(sent(&mut session, 100, 3_000), []);
    session.handle_transport_opened(at(3_000 * MS), PEER);
    refuse(&session, 3_000 * MS, PEER, &[&[PONG], &first[1..]].concat(), DatagramError::UnknownPing);
    assert_eq!(sent(&mut session, 3_000, 20_000).len(), 10);
}
