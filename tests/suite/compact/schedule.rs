//! When an input datagram is due (PROTOCOL 3.8).
//!
//! Frames are 20 ms here, so that every deadline falls on a polled half millisecond.

use std::time::Duration;

use inputwire::{ConfigBuilder, Epoch, Session};

use super::{input_times, running};
use crate::support::forge::Seal;
use crate::support::{MS, PEER, Pair, SECOND, Wire, at, due, due_input, endpoint, events, frame, incarnation, stats};

const T: u64 = 20 * MS;

fn settings() -> ConfigBuilder {
    Wire::Compact.settings(0).frame_interval(Duration::from_micros(T))
}

/// A session at 2 s, past its first ten datagrams, which has just sent one.
fn settled(settings: ConfigBuilder) -> Session<1, 1> {
    let mut session = running(settings);
    input_times(&mut session, 0, 2 * SECOND + 500);
    session
}

/// A settled session that has just pushed an input, and when.
fn pushed() -> (Session<1, 1>, u64) {
    let mut session = settled(settings());
    let push = 2 * SECOND + 50 * MS;
    session.push_input(at(push), [1]).expect("room");
    (session, push)
}

#[test]
fn the_first_datagram_is_sent_at_once_even_without_inputs() {
    let mut session = endpoint::<1, 120>(settings(), Wire::Compact.peer(1).incarnation(incarnation(1)));
    let kinds: Vec<_> = due(&mut session, 0).iter().map(|datagram| datagram[0]).collect();
    assert_eq!(kinds, [0x20, 0xc0], "a hello before it");
}

#[test]
fn an_idle_session_sends_ten_quick_datagrams_and_then_one_every_ping_interval() {
    let mut session = running(settings());
    let times: Vec<_> = input_times(&mut session, 0, 2 * SECOND).iter().map(|(now, _)| now / MS).collect();
    // The first was sent at 0.
    assert_eq!(times, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 1_200, 1_400, 1_600, 1_800]);
}

#[test]
fn a_push_is_sent_at_once_again_one_and_a_half_frames_later_and_then_every_frame() {
    let (mut session, push) = pushed();
    let times: Vec<_> =
        input_times(&mut session, push, push + 120 * MS).iter().map(|(now, n)| ((now - push) / MS, *n)).collect();
    assert_eq!(times, [(0, 1), (30, 1), (50, 1), (70, 1), (90, 1), (110, 1)]);
    // Nothing more once it is acknowledged.
    let acknowledged = Seal::new(Wire::Compact, 1, 0).inputs(0, 0, 1, &[]);
    assert_eq!(session.handle_datagram(at(push + 120 * MS), PEER, &acknowledged), Ok(()));
    assert_eq!(input_times(&mut session, push + 120 * MS, push + 300 * MS), []);
}

#[test]
fn a_game_that_pushes_every_frame_sends_one_datagram_a_frame() {
    let mut session = settled(settings());
    let mut sent = 0;
    for frame in 0..100 {
        // Half a millisecond early or late.
        let now = 2 * SECOND + frame * T + 500 * (frame % 3);
        session.push_input(at(now), [1]).expect("room");
        sent += input_times(&mut session, now, 2 * SECOND + (frame + 1) * T).len();
    }
    assert_eq!(sent, 100);
}

#[test]
fn an_acknowledgement_waits_one_and_a_half_frames_for_an_input_to_ride_on() {
    let seal = Seal::new(Wire::Compact, 1, 0);
    let received = 2 * SECOND + 10 * MS;
    let mut session = settled(settings());
    assert_eq!(session.handle_datagram(at(received), PEER, &seal.inputs(1, 1, 0, &[])), Ok(()));
    assert_eq!(session.handle_datagram(at(received + 20 * MS), PEER, &seal.inputs(2, 2, 0, &[])), Ok(()));
    assert_eq!(input_times(&mut session, received + 20 * MS, received + 120 * MS), [(received + 30 * MS, 0)]);
    // A duplicate is acknowledged as well: the first acknowledgement may have been lost.
    let mut session = settled(settings());
    assert_eq!(session.handle_datagram(at(received), PEER, &seal.inputs(1, 1, 0, &[])), Ok(()));
    let push = received + 10 * MS;
    session.push_input(at(push), [1]).expect("room");
    assert_eq!(input_times(&mut session, push, push + 20 * MS), [(push, 1)], "it rides on the push");
    assert_eq!(session.handle_datagram(at(push + 20 * MS), PEER, &seal.inputs(1, 1, 1, &[])), Ok(()));
    assert_eq!(input_times(&mut session, push + 20 * MS, push + 100 * MS), [(push + 50 * MS, 0)]);
    // An acknowledgement alone is not acknowledged.
    let mut session = settled(settings());
    assert_eq!(session.handle_datagram(at(received), PEER, &seal.inputs(0, 0, 0, &[])), Ok(()));
    assert_eq!(input_times(&mut session, received, 2 * SECOND + 200 * MS), [(2 * SECOND, 0); 0]);
    assert_eq!(stats(&session).totals.duplicates, 0, "nor counted as a duplicate");
}

#[test]
fn early_copies_follow_a_push_where_they_are_configured() {
    let slow = settings().frame_interval(Duration::from_millis(34)).early_copies(true);
    for (settings, copies) in [
        (slow, &[0, 8, 24, 58, 92][..]),
        (slow.early_copies(false), &[0, 51, 85]),
        (settings().frame_interval(Duration::from_millis(70)).early_copies(true), &[0, 8, 24, 56]),
        (settings().frame_interval(Duration::from_millis(26)).early_copies(true), &[0, 8, 39, 65, 91]),
        (
            settings().frame_interval(Duration::from_millis(10)).early_copies(true),
            &[0, 15, 25, 35, 45, 55, 65, 75, 85, 95],
        ),
    ] {
        let mut session = settled(settings);
        let push = 2 * SECOND + 20 * MS;
        session.push_input(at(push), [1]).expect("room");
        let times: Vec<_> =
            input_times(&mut session, push, push + 100 * MS).iter().map(|(now, _)| (now - push) / MS).collect();
        assert_eq!(times, copies);
    }
}

#[test]
fn one_datagram_covers_everything_that_was_due_however_late_the_poll() {
    let mut session = settled(settings().early_copies(true));
    let seal = Seal::new(Wire::Compact, 1, 0);
    for number in 0..5 {
        session.push_input(at(2 * SECOND + number * T), [1]).expect("room");
    }
    assert_eq!(session.handle_datagram(at(2 * SECOND + 5 * T), PEER, &seal.inputs(1, 1, 0, &[])), Ok(()));
    for late in [2 * SECOND + 6 * T, 12 * SECOND] {
        let mut session = session.clone();
        // After ten seconds of silence a hello asks whether the peer is still there.
        let (inputs, others): (Vec<_>, Vec<_>) = due(&mut session, late).into_iter().partition(|d| d[0] & 0x80 != 0);
        assert_eq!((inputs.len(), others.len()), (1, usize::from(late > 10 * SECOND)));
        assert!(due(&mut session, late).is_empty());
        assert!(session.poll_timeout().expect("a resend") >= at(late + T));
    }
}

#[test]
fn a_caller_that_does_not_drain_is_not_woken_in_a_loop() {
    let mut session = settled(settings());
    session.push_input(at(2 * SECOND), [1]).expect("room");
    let (mut now, mut wakes) = (2 * SECOND, 0);
    while let Some(wake) = session.poll_timeout().filter(|wake| *wake < at(60 * SECOND)) {
        assert!(wake > at(now));
        now = wake.as_micros();
        session.handle_timeout(at(now));
        wakes += 1;
    }
    assert!(wakes < 10, "{wakes} times in a minute");
    events(&mut session);
}

#[test]
fn nothing_is_sent_to_a_closed_peer_and_everything_once_it_reopens() {
    let mut session = settled(settings());
    session.handle_transport_closed(at(2 * SECOND), PEER);
    for _ in 0..3 {
        session.push_input(at(2 * SECOND), [1]).expect("room");
    }
    assert!(due(&mut session, 3 * SECOND).is_empty());
    assert_eq!(session.poll_timeout(), None);
    session.handle_transport_opened(at(3 * SECOND), PEER);
    let kinds: Vec<_> = due(&mut session, 3 * SECOND).iter().map(|datagram| datagram[0] & 0xbf).collect();
    assert_eq!(kinds, [0x20, 0x83], "a hello, and all three");
}

#[test]
fn a_new_epoch_sends_only_keep_alives_to_a_peer_that_has_long_been_silent() {
    let mut session = settled(settings());
    let now = 14 * SECOND + 850 * MS;
    let times = input_times(&mut session, 2 * SECOND + 500, now);
    let (last, _) = times[times.len() - 1];
    session.begin_epoch(at(now), Epoch::new(1)).expect("newer");
    let times = input_times(&mut session, now, now + 200 * MS);
    assert_eq!(
        times,
        [(last + 100 * MS, 0), (last + 200 * MS, 0)],
        "keep-alives only, at the interval that a new epoch begins with"
    );
}

#[test]
fn the_first_push_after_a_long_pause_is_sent_at_once() {
    let mut pair = Pair::met(Wire::Compact);
    pair.run(20 * SECOND + 10 * MS);
    pair.forget();
    let pushed = pair.now;
    pair.play(1);
    assert_eq!(pair.sent[0].first().map(|(when, _)| *when), Some(pushed));
    pair.assert_delivered(0, 1);
}

/// Polls while the peer sends a datagram every 100 ms, but acknowledges nothing.
fn receive_keep_alives(session: &mut Session<1, 1>, from: u64, until: u64) {
    let seal = Seal::new(Wire::Compact, 1, 0);
    for (now, number) in (from..until).step_by(100_000).zip(1..) {
        let stamp = u16::try_from(now / 250 % 65_536).expect("16 bits");
        assert_eq!(session.handle_datagram(at(now), PEER, &seal.timed(0, 0, 0, [stamp, 0, number], &[])), Ok(()));
        input_times(session, now, until.min(now + 100 * MS));
    }
}

/// Asserts that a push is sent at once after a datagram that was sent up to ten seconds after this time, and not after a later one.
#[track_caller]
fn assert_slow_ten_seconds_after(session: &Session<1, 1>, since: u64) {
    for (late, at_once) in [(0, true), (1, false)] {
        let (mut session, now) = (session.clone(), since + 10 * SECOND + late);
        session.push_input(at(now), [9]).expect("room");
        assert_eq!(input_times(&mut session, now, now + 1).len(), 1, "the latest datagram was sent before");
        let pushed = now + T;
        session.push_input(at(pushed), [9]).expect("room");
        assert_eq!(!input_times(&mut session, pushed, pushed + 1).is_empty(), at_once, "{late} us late");
    }
}

#[test]
fn after_more_than_ten_seconds_of_silence_a_push_waits_for_the_next_keep_alive() {
    let (mut session, push) = pushed();
    let received = push + 120 * MS;
    input_times(&mut session, push, received);
    let acknowledged = Seal::new(Wire::Compact, 1, 0).inputs(0, 0, 1, &[]);
    assert_eq!(session.handle_datagram(at(received), PEER, &acknowledged), Ok(()));
    input_times(&mut session, received, received + 10 * SECOND);
    assert_slow_ten_seconds_after(&session, received);
}

#[test]
fn after_more_than_ten_seconds_without_an_acknowledgement_a_push_waits_for_the_next_keep_alive() {
    let (mut session, push) = pushed();
    receive_keep_alives(&mut session, push, push + 10 * SECOND);
    assert_slow_ten_seconds_after(&session, push);
}

#[test]
fn inputs_pushed_long_before_the_peer_appeared_are_sent_at_once_and_resent_like_any_others_when_it_lives() {
    for first in [0, 100] {
        let [mut session, mut peer] = [0, 1].map(|player| {
            let settings = Wire::Compact.settings(player).frame_interval(Duration::from_micros(T));
            endpoint::<1, 120>(settings.first_frame(frame(first)), Wire::Compact.peer(1 - player))
        });
        let appeared = 20 * SECOND;
        session.push_input(at(appeared - SECOND), [1]).expect("room");
        due(&mut session, appeared);
        let hello = due(&mut peer, appeared).remove(0);
        assert_eq!(session.handle_datagram(at(appeared), PEER, &hello), Ok(()));
        let sent = input_times(&mut session, appeared, appeared + 3 * T);
        assert_eq!(sent, [(appeared, 1)], "a hello alone is no sign of life");
        let lives = appeared + 3 * T;
        let seal = Seal { first_frame: first, ..Seal::new(Wire::Compact, 1, 0) };
        let keep_alive = seal.timed(0, first, first, [1, 0, 1], &[]);
        assert_eq!(session.handle_datagram(at(lives), PEER, &keep_alive), Ok(()));
        let sent = input_times(&mut session, lives, lives + 3 * T);
        assert_eq!(sent.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2].map(|n| lives + n * T), "{first}");
    }
}

#[test]
fn a_duplicate_is_acknowledged_in_time_even_after_a_long_pause_without_progress() {
    let mut session = settled(settings());
    let received = 2 * SECOND + 10 * MS;
    let again = received + 12 * SECOND + 50 * MS;
    let datagram = Seal::new(Wire::Compact, 1, 0).inputs(1, 1, 0, &[]);
    assert_eq!(session.handle_datagram(at(received), PEER, &datagram), Ok(()));
    receive_keep_alives(&mut session, received + MS, again);
    assert_eq!(session.handle_datagram(at(again), PEER, &datagram), Ok(()));
    assert_eq!(input_times(&mut session, again, again + 40 * MS), [(again + 30 * MS, 0)]);
}

/// A peer to which datagrams queue, and whether they are held back.
#[derive(Clone, Copy, Debug)]
struct Queue {
    /// The base RTT, and the queuing delay, in milliseconds.
    base_ms: u64,
    queuing_ms: u64,
    /// How many inputs are unacknowledged.
    unacked: u64,
    /// The `lost` that the peer tells.
    lost: u8,
    held_back: bool,
}

impl Queue {
    const fn new(base_ms: u64, queuing_ms: u64, unacked: u64, lost: u8, held_back: bool) -> Self {
        Self { base_ms, queuing_ms, unacked, lost, held_back }
    }

    /// How many frames there are to be for each datagram, in 256ths, after one with a body of so many bytes (PROTOCOL 3.8).
    fn thinning(self, body_len: u64) -> u64 {
        let quiet = self.base_ms.min(600) * MS / T + 4;
        let own = self.lost == 0 && self.unacked > quiet && self.queuing_ms >= 101;
        let drain = (256 + 256 * self.queuing_ms / 300).min(640).max(if own { 512 } else { 0 });
        let quiet_body = body_len * quiet.min(self.unacked) / self.unacked;
        (33 + body_len) * drain * (256 - u64::from(self.lost)) / 256 / (33 + quiet_body)
    }

    /// Checks that a push is sent after the rest that this queue asks for, and at once where it asks for none.
    fn check(self) {
        let stamp = |micros: u64| u16::try_from(micros / 250).expect("16 bits").to_be_bytes();
        let mut session = settled(settings());
        let now = 2 * SECOND;
        // The first round trip is that of the quiet path; the second one has waited in the queue.
        let answer = |session: &mut Session<1, 1>, sent: u8, rtt_ms: u64| {
            let [stamp, echo] = [stamp(now), stamp(now - rtt_ms * MS)];
            let block = [&stamp[..], &echo, &[0, sent, self.lost, 0x80]].concat();
            let datagram = Seal::new(Wire::Compact, 1, 0).inputs_of(0xc0, 0, 0, &block);
            assert_eq!(session.handle_datagram(at(now), PEER, &datagram), Ok(()));
        };
        answer(&mut session, 1, self.base_ms);
        for number in 1..self.unacked {
            session.push_input(at(now), [number.to_be_bytes()[7].wrapping_mul(157)]).expect("room");
        }
        let datagram = due_input(&mut session, now);
        let front = 5 + usize::from(datagram[0] & 15 == 15) + if datagram[0] & 0x40 == 0 { 0 } else { 8 };
        let thinning = self.thinning((datagram.len() - front).try_into().expect("small"));
        assert_eq!(self.queuing_ms > 50 && thinning > 384, self.held_back, "{self:?}: {thinning}");
        answer(&mut session, 2, self.base_ms + self.queuing_ms);
        session.push_input(at(now), [1]).expect("room");
        let rest = if self.held_back { ((thinning - 128) * T / 256).min(200 * MS) } else { 0 };
        if self.held_back {
            assert_eq!(input_times(&mut session, now, now + rest), [], "{self:?}");
            assert!(!due(&mut session, now + rest - 1).iter().any(|sent| sent[0] >= 0x80), "{self:?}");
        }
        due_input(&mut session, now + rest);
    }
}

#[test]
fn datagrams_that_queue_are_held_back_as_long_as_the_protocol_says() {
    for queue in [
        // Up to 50 ms nothing is held back.
        Queue::new(40, 50, 60, 0, false),
        Queue::new(40, 51, 60, 0, true),
        // A queue is its own where more inputs than on the quiet path are under way, nothing is lost, and it is long enough.
        Queue::new(40, 120, 6, 0, false),
        Queue::new(40, 120, 7, 0, true),
        Queue::new(40, 100, 7, 0, false),
        Queue::new(40, 101, 7, 0, true),
        Queue::new(40, 120, 7, 1, false),
        // On a longer path more of them are.
        Queue::new(300, 120, 10, 0, false),
        Queue::new(300, 120, 20, 0, true),
        Queue::new(900, 120, 34, 0, false),
        Queue::new(900, 120, 35, 0, true),
        // What is lost is sent anew.
        Queue::new(40, 300, 6, 0, true),
        Queue::new(40, 300, 6, 32, true),
        Queue::new(40, 300, 6, 128, false),
        // The longest rest.
        Queue::new(40, 900, 110, 0, true),
    ] {
        queue.check();
    }
}

#[test]
fn after_a_cut_the_oldest_input_comes_again_once_a_round_trip_and_a_frame_have_passed() {
    const RTT: u64 = 40 * MS;
    let mut session = settled(settings().max_datagram_size(56));
    let sent = 2 * SECOND;
    let stamp = |micros: u64| u16::try_from(micros / 250).expect("16 bits");
    let answer = Seal::new(Wire::Compact, 1, 0).timed(0, 0, 0, [stamp(sent), stamp(sent - RTT), 1], &[]);
    assert_eq!(session.handle_datagram(at(sent), PEER, &answer), Ok(()));
    for number in 0..100_u8 {
        session.push_input(at(sent), [number.wrapping_mul(157)]).expect("room");
    }
    // From its first frame to the one after its last; it has so many that their number takes a byte more.
    let frames = |datagram: &[u8]| (datagram[1] - 15 - datagram[5], datagram[1]);
    let (begin, end) = frames(&due_input(&mut session, sent));
    assert!(begin == 0 && end < 100, "{end}");
    for (after, begin) in [(RTT + T - 1, end), (RTT + T, 0)] {
        let mut session = session.clone();
        session.push_input(at(sent + after), [1]).expect("room");
        assert_eq!(frames(&due_input(&mut session, sent + after)).0, begin, "after {after} us");
    }
}

/// How many input datagrams of a game are sent within 50 frames after the last of these round trips; in milliseconds, when each was
/// measured and how long it is.
fn sent_after(trips: &[(u64, u64)]) -> usize {
    let (mut session, seal) = (running(settings()), Seal::new(Wire::Compact, 1, 0));
    let (mut now, mut sent) = (0, 0);
    let unit = |millis: u64| u16::try_from(millis * 4 % 0x1_0000).expect("two bytes");
    for (measured_at, trip) in trips {
        while now < *measured_at {
            now = (now + 20).min(*measured_at);
            // All but the last one are signs of life that measure nothing.
            sent += 1;
            let echo = if now == *measured_at { unit(now - trip) } else { 0 };
            let block = seal.timed(0, 0, 0, [unit(now), echo, sent], &[]);
            assert_eq!(session.handle_datagram(at(now * MS), PEER, &block), Ok(()));
            due(&mut session, now * MS);
            events(&mut session);
        }
    }
    for _ in 0..50 {
        session.push_input(at(now * MS), [1]).expect("room");
    }
    let play = |frame: u64| {
        let now = now * MS + frame * T;
        session.push_input(at(now), [1]).expect("room");
        due(&mut session, now).iter().filter(|sent| sent[0] >= 0x80).count()
    };
    (0..50).map(play).sum()
}

#[test]
fn a_round_trip_is_a_queue_where_it_is_longer_than_the_best_one_of_the_present_half_and_of_the_one_before() {
    // A half begins with the first trip, and 16 s later. It counts for less than 32 s.
    for trips in [
        &[(1_000, 20), (2_000, 300)][..],
        &[(1_000, 300), (16_999, 20), (17_000, 300)],
        &[(1_000, 20), (17_000, 300), (30_000, 300)],
        &[(1_000, 20), (17_000, 300), (32_999, 300)],
        &[(1_000, 20), (32_999, 300)],
    ] {
        assert!(sent_after(trips) <= 30, "{trips:?}: {}", sent_after(trips));
    }
    // A trip that is as long as the best one, and a path that became longer.
    for trips in [
        &[(1_000, 20), (2_000, 20)][..],
        &[(1_000, 300), (2_000, 300)],
        &[(1_000, 20), (17_000, 300), (33_000, 300)],
        &[(1_000, 20), (33_000, 300)],
    ] {
        assert!(sent_after(trips) >= 48, "{trips:?}: {}", sent_after(trips));
    }
}
