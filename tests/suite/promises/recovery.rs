//! However much is lost, an input is known as early as anything could make it known.

use super::duo::{Duo, FRAME_US, MS, SECOND};
use crate::sim::network::Faults;
use crate::sim::rng::Rng;

/// An input that nobody can guess from its neighbours.
fn wild(_: u32, epoch: u32, frame: u32) -> [u8; 2] {
    let [low, high, ..] = (frame.wrapping_mul(0x9e37_79b9) ^ epoch).to_be_bytes();
    [low, high]
}

fn duo(seed: u64, faults: Faults) -> Duo<2> {
    let mut duo = Duo::new(seed, faults);
    duo.ends.iter_mut().for_each(|end| end.play = wild);
    duo
}

fn check_told(duo: &Duo<2>) {
    for end in &duo.ends {
        for (place, (_, frame, input)) in (0_u32..).zip(&end.told) {
            assert_eq!((frame.get(), *input), (place, wild(0, 0, place)));
        }
    }
}

#[test]
fn an_input_is_known_with_the_first_datagram_that_arrives_after_its_push_whatever_was_lost() {
    let mut arrived = 0;
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let faults = Faults {
            loss: u32::try_from(seed % 10 * 100).expect("small"),
            bad_us: if seed % 4 == 3 { rng.between(100 * MS, 5 * SECOND) } else { 0 },
            good_us: 2 * SECOND,
            delay_us: rng.below(150 * MS),
            jitter_us: if seed % 3 == 1 { rng.below(100 * MS) } else { 0 },
            hold: if seed % 5 == 2 { 100 } else { 0 },
            hold_depth: 100,
            duplicate: if seed % 2 == 0 { 500 } else { 0 },
            ..Faults::default()
        };
        let mut duo = duo(seed, faults);
        duo.run_until(if faults.bad_us > 0 { 25 * SECOND } else { 6 * SECOND });
        assert_eq!(duo.late, 0, "seed {seed}: {faults:?}");
        check_told(&duo);
        arrived += duo.arrived;
    }
    assert!(arrived > 3_000, "only {arrived} datagrams arrived");
}

/// When the first new input is told after a total outage, measured from the link's return.
fn told_after(seed: u64, delay_us: u64, start: u64, outage: u64) -> u64 {
    let mut duo = duo(seed, Faults { delay_us, ..Faults::default() });
    duo.run_until(start);
    let back = start + outage;
    duo.network.cut(0, 1, back);
    duo.network.cut(1, 0, back);
    duo.run_until(back + 2 * SECOND);
    check_told(&duo);
    let first = duo.ends[1].told.iter().find(|(at, ..)| *at > start + delay_us && *at >= back);
    first.expect("told").0 - back
}

#[test]
fn after_an_outage_of_up_to_nine_seconds_the_first_new_input_is_known_one_trip_and_one_frame_after_the_link_is_back() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (delay, start) = (rng.below(150 * MS), 1_500 * MS + rng.below(SECOND));
        let outage = rng.between(300 * MS, 9 * SECOND);
        let told = told_after(seed, delay, start, outage);
        assert!(told <= delay + FRAME_US + MS, "seed {seed}: {told} us, a trip is {delay} us, {outage} us without");
    }
}

#[test]
fn after_a_longer_outage_the_first_new_input_is_known_one_trip_and_one_ping_interval_after_the_link_is_back() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let (delay, start) = (rng.below(150 * MS), 1_500 * MS + rng.below(SECOND));
        let outage = rng.between(10 * SECOND, 60 * SECOND);
        let told = told_after(seed, delay, start, outage);
        assert!(told <= delay + 200 * MS, "seed {seed}: {told} us, a trip is {delay} us, {outage} us without");
    }
}

#[test]
fn a_peer_that_does_not_answer_for_long_is_sent_keep_alives_only() {
    let mut duo = duo(1, Faults { delay_us: 20 * MS, ..Faults::default() });
    duo.run_until(2 * SECOND);
    duo.network.cut(0, 1, 100 * SECOND);
    duo.network.cut(1, 0, 100 * SECOND);
    duo.run_until(13 * SECOND);
    let before = duo.ends[0].sent.len();
    duo.run_until(33 * SECOND);
    let sent = duo.ends[0].sent.len() - before;
    assert!((95..=101).contains(&sent), "{sent} in 20 s of a 200 ms ping interval");
}

#[test]
fn a_game_at_90_percent_loss_goes_on_once_both_have_met_and_waits_in_less_than_a_frame_of_a_hundred() {
    for seed in 0..20 {
        let mut duo = duo(seed, Faults { loss: 900, delay_us: 50 * MS, ..Faults::default() });
        while duo.ends.iter().any(|end| end.connected_at.is_none()) {
            duo.run_until(duo.now + SECOND);
        }
        // What was pushed before waits for its acknowledgement.
        duo.run_until(duo.now + 2 * SECOND);
        let full = |duo: &Duo<2>| [0, 1].map(|end: usize| duo.ends[end].full);
        let before = full(&duo);
        duo.run_until(duo.now + 60 * SECOND);
        for (now, before) in full(&duo).into_iter().zip(before) {
            assert!((now - before) * 100 < 3_600, "seed {seed}: {} frames waited", now - before);
        }
        check_told(&duo);
        for (end, other) in [(0, 1), (1, 0)] {
            let (told, pushed) = (duo.ends[end].told.len(), duo.ends[other].session.next_frame().get());
            assert!(told + 120 >= usize::try_from(pushed).expect("small"), "seed {seed}: {told} told of {pushed}");
        }
    }
}
