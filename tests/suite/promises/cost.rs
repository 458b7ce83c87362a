//! What a game costs on the wire: bytes a datagram, datagrams a frame, hellos and all.

use super::duo::{Duo, FRAME_US, MS, SECOND};
use crate::sim::network::Faults;

const SPAN_US: u64 = 60 * SECOND;

/// A minute at 60 frames a second with a round trip of 100 ms.
fn minute(play: fn(u32, u32, u32) -> [u8; 1], jitter_us: u64) -> Duo<1> {
    let mut duo = Duo::new(7, Faults { delay_us: 50 * MS, ..Faults::default() });
    duo.ends.iter_mut().for_each(|end| end.play = play);
    duo.jitter_us = jitter_us;
    duo.run_until(SPAN_US);
    duo
}

#[test]
fn held_inputs_cost_at_most_6_7_bytes_a_datagram_and_1_01_datagrams_a_frame_also_when_the_loop_jitters() {
    for jitter_us in [0, 500] {
        // A button changes every tenth frame.
        let duo = minute(|_, _, frame| [1 << (frame / 10 % 4)], jitter_us);
        for end in &duo.ends {
            let datagrams = u64::try_from(end.sent.len()).expect("fits");
            let bytes = u64::try_from(end.sent.iter().sum::<usize>()).expect("fits");
            let frames = SPAN_US / FRAME_US;
            assert!(bytes * 10 <= datagrams * 67, "{bytes} bytes in {datagrams} datagrams, jitter {jitter_us} us");
            assert!(datagrams * 100 <= frames * 101, "{datagrams} datagrams in {frames} frames, jitter {jitter_us} us");
        }
    }
}

#[test]
fn idle_costs_five_bytes_but_for_the_timing_block() {
    let duo = minute(|_, _, _| [0], 0);
    for end in &duo.ends {
        let usual = end.sent.iter().filter(|len| **len == 5).count();
        let timed = end.sent.iter().filter(|len| **len == 11).count();
        let hellos = end.sent.len() - usual - timed;
        assert!(usual * 100 > end.sent.len() * 90, "{usual} of {} have five bytes", end.sent.len());
        assert!(hellos <= 3, "{hellos} have neither 5 nor 11 bytes");
    }
}
