//! Pings, pongs and the round trips they measure (PROTOCOL 2.4).

use std::time::Duration;

use inputwire::{RttStats, Session};

use super::{fresh, hand, of_type, pong};
use crate::support::forge::classic_stamp;
use crate::support::{MS, PEER, SECOND, Wire, at, due, events, peer, stats};

const PING: u8 = 0x02;
const PONG: u8 = 0x03;

#[test]
fn the_first_ping_is_sent_at_once_and_then_one_every_interval() {
    let mut session = fresh();
    let mut pinged = Vec::new();
    for now in (0..3 * SECOND).step_by(1_000) {
        for ping in of_type(&mut session, now, PING) {
            assert_eq!(ping[1..], f64::from(u32::try_from(now / MS).expect("soon")).to_be_bytes());
            pinged.push(now / MS);
        }
    }
    assert_eq!(pinged, [0, 500, 1_000, 1_500, 2_000, 2_500]);
}

#[test]
fn the_interval_counts_from_the_last_ping_and_missed_pings_are_not_made_up_for() {
    let mut session = super::classic(Wire::Classic.settings(0).ping_interval(Duration::from_millis(100)));
    assert_eq!(of_type(&mut session, 0, PING).len(), 1);
    assert_eq!(of_type(&mut session, 950_000, PING).len(), 1);
    assert_eq!(of_type(&mut session, 1_049_999, PING).len(), 0);
    assert_eq!(session.poll_timeout(), Some(at(1_050_000)));
    assert_eq!(of_type(&mut session, 1_050_000, PING).len(), 1);
}

#[test]
fn a_closed_or_removed_peer_is_not_pinged_and_reopening_never_doubles_the_pings() {
    let mut session = fresh();
    due(&mut session, 0);
    session.handle_transport_closed(at(100 * MS), PEER);
    assert!(due(&mut session, 10 * SECOND).is_empty());
    assert_eq!(session.poll_timeout(), None);
    for _ in 0..5 {
        session.handle_transport_opened(at(10 * SECOND), PEER);
    }
    let mut pings = 0;
    for now in (10 * SECOND..13 * SECOND).step_by(1_000) {
        pings += of_type(&mut session, now, PING).len();
        session.handle_transport_opened(at(now), PEER);
    }
    assert_eq!(pings, 6, "at once, then every 500 ms");
    session.remove_peer(at(13 * SECOND), PEER);
    assert!(due(&mut session, 20 * SECOND).is_empty());
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn a_pong_is_sent_at_the_next_poll_with_the_eight_bytes_unchanged() {
    let mut session = fresh();
    due(&mut session, 0);
    for stamp in [[0; 8], [0xff; 8], f64::NAN.to_be_bytes(), 123.456_f64.to_be_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]] {
        for (ping, pong) in [(PING, PONG), (0x10, 0x11)] {
            assert_eq!(hand(&mut session, 10, &classic_stamp(ping, stamp)), Ok(()));
            assert_eq!(due(&mut session, 10), [classic_stamp(pong, stamp)]);
            assert!(due(&mut session, 11).is_empty());
        }
    }
}

#[test]
fn only_the_newest_ping_of_each_kind_is_answered() {
    let mut session = fresh();
    due(&mut session, 0);
    for number in 0..100 {
        for kind in [PING, 0x10] {
            assert_eq!(hand(&mut session, number, &classic_stamp(kind, number.to_be_bytes())), Ok(()));
        }
    }
    let newest = 99_u64.to_be_bytes();
    assert_eq!(due(&mut session, 100), [classic_stamp(PONG, newest), classic_stamp(0x11, newest)]);
}

#[test]
fn a_matching_pong_gives_one_sample() {
    let mut session = fresh();
    let ping = of_type(&mut session, 0, PING).remove(0);
    let answer = pong(&ping);
    assert_eq!((stats(&session).rtt, stats(&session).latency), (None, None));
    assert_eq!(hand(&mut session, 80_123, &answer), Ok(()));
    let rtt = stats(&session).rtt.expect("a sample");
    assert_eq!([rtt.latest, rtt.min, rtt.mean, rtt.median, rtt.smoothed], [Duration::from_micros(80_123); 5]);
    assert_eq!(rtt.variation, Duration::from_micros(80_123 / 2));
    assert_eq!(stats(&session).latency, Some(Duration::from_micros(80_123 / 2)));
    assert!(hand(&mut session, 90_000, &answer).is_err());
    assert_eq!(stats(&session).rtt, Some(rtt));
}

#[test]
fn an_answered_ping_makes_room_for_an_unanswered_one() {
    let mut session = fresh();
    let stamps: Vec<_> = (0..8).map(|number| of_type(&mut session, number * SECOND / 2, PING).remove(0)).collect();
    assert_eq!(hand(&mut session, 3_600 * MS, &pong(&stamps[4])), Ok(()));
    // Seven are outstanding, so there is room for a ninth.
    assert_eq!(of_type(&mut session, 4 * SECOND, PING).len(), 1);
    assert_eq!(hand(&mut session, 4_100 * MS, &pong(&stamps[0])), Ok(()));
}

/// The statistics after these round trips in whole milliseconds, one every half second.
fn after(trips: &[u64]) -> RttStats {
    stats(&session_after(trips)).rtt.expect("samples")
}

fn session_after(trips: &[u64]) -> Session<1, 1> {
    let mut session = fresh();
    for (number, trip) in (0..).zip(trips) {
        let sent = number * SECOND / 2;
        let ping = of_type(&mut session, sent, PING).remove(0);
        assert_eq!(hand(&mut session, sent + trip * MS, &pong(&ping)), Ok(()));
        events(&mut session);
    }
    session
}

#[test]
fn round_trip_statistics_cover_the_last_ten_samples() {
    let millis = |figure: Duration| figure.as_micros() / 1_000;
    let figures = |rtt: RttStats| [rtt.latest, rtt.min, rtt.mean, rtt.median].map(millis);
    assert_eq!(figures(after(&[500, 400, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100])), [100, 10, 55, 55]);
    assert_eq!(figures(after(&[100, 90, 80, 70, 60, 50, 40, 30, 20, 10])), [10, 10, 55, 55]);
    assert_eq!(figures(after(&[90, 10, 10, 20, 70])), [70, 10, 40, 20]);
}

#[test]
fn smoothed_round_trip_and_variation_follow_rfc_6298() {
    let trips = [80_u32, 120, 60, 60, 200, 90, 90, 80, 10, 300, 100, 100, 100];
    let (mut smoothed, mut variation) = (80_000.0, 40_000.0);
    for (number, trip) in (1..).zip(trips) {
        if number > 1 {
            let rtt = f64::from(trip) * 1_000.0;
            variation = 0.75 * variation + 0.25 * f64::abs(smoothed - rtt);
            smoothed = 0.875 * smoothed + 0.125 * rtt;
        }
        let rtt = after(&trips.map(u64::from)[..number]);
        let is = |found: Duration, wanted: f64| (found.as_secs_f64() * 1e6 - wanted).abs() < 4.0;
        assert!(is(rtt.smoothed, smoothed), "{number}: {rtt:?}, not {smoothed}");
        assert!(is(rtt.variation, variation), "{number}: {rtt:?}, not {variation}");
    }
}

#[test]
fn the_suggested_delay_is_half_a_trip_and_three_variations_and_a_frame() {
    let suggested = |trips: &[u64]| peer(&session_after(trips)).suggested_delay();
    assert_eq!(suggested(&[]), None);
    // The variation of one trip is half of it: 50 + 150 ms are twelve frames.
    assert_eq!(suggested(&[100]), Some(13));
    // Of ten alike it is 3.75 ms: 61.26 ms are almost four frames.
    assert_eq!(suggested(&[100; 10]), Some(5));
}

#[test]
fn a_round_trip_of_more_than_nine_minutes_counts_as_nine() {
    let mut session = fresh();
    let ping = of_type(&mut session, 0, PING).remove(0);
    // Called all the time, so that this is no stall, but not polled, so that no other ping is sent.
    for now in (0..3_600 * SECOND).step_by(100_000) {
        session.handle_timeout(at(now));
    }
    assert_eq!(hand(&mut session, 3_600 * SECOND, &pong(&ping)), Ok(()));
    let rtt = stats(&session).rtt.expect("a sample");
    assert_eq!([rtt.latest, rtt.mean, rtt.smoothed], [Duration::from_micros(u64::from(u32::MAX / 8)); 3]);
}

#[test]
fn reopening_forgets_round_trips_and_outstanding_pings() {
    let mut session = fresh();
    let ping = of_type(&mut session, 0, PING).remove(0);
    let answer = pong(&ping);
    assert_eq!(hand(&mut session, 50 * MS, &answer), Ok(()));
    let unanswered = of_type(&mut session, 500 * MS, PING).remove(0);
    session.handle_transport_closed(at(600 * MS), PEER);
    session.handle_transport_opened(at(700 * MS), PEER);
    assert_eq!(stats(&session).rtt, None);
    assert!(hand(&mut session, 800 * MS, &pong(&unanswered)).is_err());
}
