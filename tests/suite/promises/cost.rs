//! The traffic of a game: bytes per datagram and datagrams per frame, including hellos.

use super::duo::{Duo, FRAME_US, MS, SECOND};
use inputwire_sim::network::Faults;

const SPAN_US: u64 = 60 * SECOND;

/// A minute at 60 frames a second with a round trip of 100 ms.
fn minute(play: fn(u32, u32, u32) -> [u8; 1], jitter_us: u64) -> Duo<1> {
    let mut duo = Duo::new(7, Faults { delay_us: 50 * MS, ..Faults::default() });
    duo.endpoints.iter_mut().for_each(|endpoint| endpoint.play = play);
    duo.jitter_us = jitter_us;
    duo.run_until(SPAN_US);
    duo
}

#[test]
fn held_inputs_cost_at_most_6_9_bytes_a_datagram_and_1_01_datagrams_a_frame_even_when_the_loop_jitters() {
    for jitter_us in [0, 500] {
        // A button changes every tenth frame.
        let duo = minute(|_, _, frame| [1 << (frame / 10 % 4)], jitter_us);
        for endpoint in &duo.endpoints {
            let datagrams = u64::try_from(endpoint.sent.len()).expect("fits");
            let bytes = u64::try_from(endpoint.sent.iter().sum::<usize>()).expect("fits");
            let frames = SPAN_US / FRAME_US;
            assert!(bytes * 10 <= datagrams * 69, "{bytes} bytes in {datagrams} datagrams, jitter {jitter_us} us");
            assert!(datagrams * 100 <= frames * 101, "{datagrams} datagrams in {frames} frames, jitter {jitter_us} us");
        }
    }
}

#[test]
fn an_idle_datagram_costs_five_bytes_besides_the_timing_block() {
    let duo = minute(|_, _, _| [0], 0);
    for endpoint in &duo.endpoints {
        let usual = endpoint.sent.iter().filter(|len| **len == 5).count();
        let timed = endpoint.sent.iter().filter(|len| **len == 13).count();
        let hellos = endpoint.sent.len() - usual - timed;
        assert!(usual * 100 > endpoint.sent.len() * 90, "{usual} of {} have five bytes", endpoint.sent.len());
        assert!(hellos <= 3, "{hellos} have neither 5 nor 13 bytes");
    }
}
