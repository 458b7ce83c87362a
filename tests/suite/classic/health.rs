//! The levels of a peer's health, with one event for each change.

use inputwire::{DatagramError, Health, Session, Timer};

use super::{fresh, hand, of_type, pong};
use crate::support::{MS, PEER, SECOND, at, due, events, healths, peer_events, stats};

/// Plays pings with these round trips, in milliseconds, and returns the health reported on the way.
fn after_trips(session: &mut Session<1, 1>, start: &mut u64, trips: &[u64]) -> Vec<Health> {
    let mut reported = Vec::new();
    for trip in trips {
        let ping = of_type(session, *start, 0x02).remove(0);
        assert_eq!(hand(session, *start + trip * MS, &pong(&ping)), Ok::<(), DatagramError>(()));
        reported.extend(healths(&events(session)));
        *start += 500 * MS;
    }
    reported
}

#[test]
fn latency_health_rises_at_its_thresholds_and_falls_below_four_fifths_of_them() {
    let (mut session, mut now) = (fresh(), 0);
    // The latency is half the mean of the last ten round trips, so each level takes ten.
    let mut level = |trip| after_trips(&mut session, &mut now, &[trip; 10]);
    assert_eq!(level(100), [Health::Good]);
    assert_eq!(level(200), [], "100 ms is not above 100 ms");
    assert_eq!(level(210), [Health::Warning]);
    assert_eq!(level(160), [], "80 ms is not below 80 %");
    assert_eq!(level(159), [Health::Good]);
    assert_eq!(level(400), [Health::Warning]);
    assert_eq!(level(402), [Health::Critical]);
    assert_eq!(level(320), []);
    assert_eq!(level(318), [Health::Warning]);
    assert_eq!(level(100), [Health::Good]);
    assert_eq!(level(480), [Health::Warning, Health::Critical]);
    assert_eq!(level(20), [Health::Warning, Health::Good]);
}

#[test]
fn silence_is_reported_at_its_limits_and_ends_with_the_next_datagram() {
    let mut session = fresh();
    assert_eq!(events(&mut session), []);
    assert_eq!(stats(&session).health, Health::Connecting);
    assert_eq!(hand(&mut session, 0, &[0x04]), Ok(()));
    assert_eq!(healths(&events(&mut session)), [Health::Good]);
    let mut reported = Vec::new();
    for now in (0..7 * SECOND).step_by(1_000) {
        of_type(&mut session, now, 0);
        reported.extend(healths(&events(&mut session)).into_iter().map(|health| (now / MS, health)));
    }
    // After 500 ms, but not before 2.5 ping intervals of 500 ms.
    assert_eq!(reported, [(1_250, Health::Interrupted), (5_000, Health::Disconnected)]);
    assert_eq!(hand(&mut session, 7 * SECOND, &[0x04]), Ok(()));
    assert_eq!(healths(&events(&mut session)), [Health::Good]);
}

#[test]
fn a_refused_datagram_is_no_sign_of_life() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &[0x04]), Ok(()));
    for now in (0..6 * SECOND).step_by(10_000) {
        assert!(hand(&mut session, now, &[0x03, 1, 2, 3, 4, 5, 6, 7, 8]).is_err());
        of_type(&mut session, now, 0);
    }
    assert_eq!(stats(&session).health, Health::Disconnected);
}

#[test]
fn a_closed_peer_is_disconnected_and_connects_again_when_reopened() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &[0x04]), Ok(()));
    assert_eq!(events(&mut session).len(), 2, "connected, and good");
    session.handle_transport_closed(at(MS), PEER);
    assert_eq!(healths(&events(&mut session)), [Health::Disconnected]);
    session.handle_transport_opened(at(2 * MS), PEER);
    assert_eq!(healths(&events(&mut session)), [Health::Connecting]);
    assert_eq!(hand(&mut session, 3 * MS, &[0x04]), Ok(()));
    let reported = events(&mut session);
    assert_eq!(peer_events(&reported), [], "connected is reported once");
    assert_eq!(healths(&reported), [Health::Good]);
}

#[test]
fn a_caller_that_does_not_drain_is_not_woken_in_a_loop() {
    let mut session = fresh();
    session.push_input(at(0), [1]).expect("room");
    assert_eq!(hand(&mut session, 0, &[0x02, 1, 2, 3, 4, 5, 6, 7, 8]), Ok(()));
    assert_eq!(hand(&mut session, 0, &[0x12, 0, 0, 0, 0, 0, 0, 0, 5]), Ok(()));
    let mut wakes = 0;
    let mut now = 0;
    while now < 60 * SECOND {
        let Some(wake) = session.poll_timeout() else { break };
        assert!(wake > at(now));
        now = wake.as_micros();
        session.handle_timeout(at(now));
        wakes += 1;
    }
    assert!(wakes < 10, "{wakes} times in a minute for nothing");
}

#[test]
fn a_silence_that_was_judged_when_it_was_long_enough_wakes_nobody_again_after_a_late_call() {
    let mut session = fresh();
    assert_eq!(hand(&mut session, 0, &[0x04]), Ok(()));
    let wake = |session: &Session<1, 1>| session.poll_timeout().expect("a ping is due").as_micros();
    let mut now = 0;
    while !healths(&events(&mut session)).contains(&Health::Interrupted) {
        due(&mut session, now);
        now = wake(&session);
        session.handle_timeout(at(now));
    }
    due(&mut session, now);
    let late = wake(&session) + 30 * MS;
    due(&mut session, late);
    events(&mut session);
    assert_eq!(session.timeout_reason().map(|(_, timer)| timer), Some(Timer::Ping));
}
