//! However much is lost, an input arrives as early as possible.

use super::duo::{Duo, FRAME_US, MS, SECOND};
use inputwire_sim::network::Faults;
use inputwire_sim::rng::Rng;

/// An input that cannot be guessed from its neighbours.
fn wild(_: u32, epoch: u32, frame: u32) -> [u8; 2] {
    let [low, high, ..] = (frame.wrapping_mul(0x9e37_79b9) ^ epoch).to_be_bytes();
    [low, high]
}

fn duo(seed: u64, faults: Faults) -> Duo<2> {
    let mut duo = Duo::new(seed, faults);
    duo.endpoints.iter_mut().for_each(|endpoint| endpoint.play = wild);
    duo
}

fn check_delivered(duo: &Duo<2>) {
    for endpoint in &duo.endpoints {
        for (place, (_, frame, input)) in (0_u32..).zip(&endpoint.delivered) {
            assert_eq!((frame.get(), *input), (place, wild(0, 0, place)));
        }
    }
}

/// Bytes of a hello without a key.
const HELLO_LEN: usize = 50;

#[test]
fn an_input_arrives_with_the_first_datagram_sent_after_its_push_to_arrive_whatever_was_lost() {
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
        check_delivered(&duo);
        arrived += duo.arrived;
    }
    assert!(arrived > 3_000, "only {arrived} datagrams arrived");
}

/// How long after a total outage the first new input is delivered.
fn delivered_after(seed: u64, delay_us: u64, start: u64, outage: u64) -> u64 {
    let mut duo = duo(seed, Faults { delay_us, ..Faults::default() });
    duo.run_until(start);
    let back = start + outage;
    duo.network.cut(0, 1, back);
    duo.network.cut(1, 0, back);
    duo.run_until(back + 2 * SECOND);
    check_delivered(&duo);
    let first = duo.endpoints[1].delivered.iter().find(|(at, ..)| *at > start + delay_us && *at >= back);
    first.expect("delivered").0 - back
}

#[test]
fn after_an_outage_of_up_to_nine_seconds_the_first_new_input_arrives_one_trip_and_one_frame_after_the_link_is_back() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (delay, start) = (rng.below(150 * MS), 1_500 * MS + rng.below(SECOND));
        let outage = rng.between(300 * MS, 9 * SECOND);
        let delivered = delivered_after(seed, delay, start, outage);
        assert!(
            delivered <= delay + FRAME_US + MS,
            "seed {seed}: {delivered} us, a trip is {delay} us, {outage} us without"
        );
    }
}

#[test]
fn after_a_longer_outage_the_first_new_input_arrives_one_trip_and_one_ping_interval_after_the_link_is_back() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let (delay, start) = (rng.below(150 * MS), 1_500 * MS + rng.below(SECOND));
        let outage = rng.between(10 * SECOND, 60 * SECOND);
        let delivered = delivered_after(seed, delay, start, outage);
        assert!(
            delivered <= delay + 200 * MS,
            "seed {seed}: {delivered} us, a trip is {delay} us, {outage} us without"
        );
    }
}

#[test]
fn a_peer_that_has_not_answered_for_long_is_sent_keep_alives_only() {
    let mut duo = duo(1, Faults { delay_us: 20 * MS, ..Faults::default() });
    duo.run_until(2 * SECOND);
    duo.network.cut(0, 1, 100 * SECOND);
    duo.network.cut(1, 0, 100 * SECOND);
    duo.run_until(13 * SECOND);
    let before = duo.endpoints[0].sent.len();
    duo.run_until(33 * SECOND);
    let sent = &duo.endpoints[0].sent[before..];
    // A hello to a silent peer finds a run of it that was started anew.
    let hellos = sent.iter().filter(|len| **len == HELLO_LEN).count();
    let keep_alives = sent.len() - hellos;
    for count in [hellos, keep_alives] {
        assert!((95..=101).contains(&count), "{hellos} hellos, {keep_alives} keep-alives in 20 s of 200 ms intervals");
    }
}

#[test]
fn a_connected_game_at_90_percent_loss_continues_and_waits_in_less_than_one_frame_in_a_hundred() {
    for seed in 0..20 {
        let mut duo = duo(seed, Faults { loss: 900, delay_us: 50 * MS, ..Faults::default() });
        while duo.endpoints.iter().any(|endpoint| endpoint.connected_at.is_none()) {
            duo.run_until(duo.now + SECOND);
        }
        // Inputs pushed before then wait for their acknowledgement.
        duo.run_until(duo.now + 2 * SECOND);
        let full = |duo: &Duo<2>| [0, 1].map(|endpoint: usize| duo.endpoints[endpoint].full);
        let before = full(&duo);
        duo.run_until(duo.now + 60 * SECOND);
        for (now, before) in full(&duo).into_iter().zip(before) {
            assert!((now - before) * 100 < 3_600, "seed {seed}: {} frames waited", now - before);
        }
        check_delivered(&duo);
        for (endpoint, other) in [(0, 1), (1, 0)] {
            let (delivered, pushed) =
                (duo.endpoints[endpoint].delivered.len(), duo.endpoints[other].session.next_frame().get());
            assert!(
                delivered + 120 >= usize::try_from(pushed).expect("small"),
                "seed {seed}: {delivered} delivered of {pushed}"
            );
        }
    }
}
