//! Inputs flow without stalls: one way, in lockstep, and from the first second on.

use inputwire::{Frame, PeerConfig};

use super::duo::{Duo, FRAME_US, MS, SECOND, builder};
use crate::sim::network::Faults;

#[test]
fn a_stream_in_one_direction_is_never_stalled_by_the_acknowledgements_that_are_lost() {
    for seed in 0..6 {
        let faults = Faults { loss: 200, delay_us: 50 * MS, jitter_us: 10 * MS, ..Faults::default() };
        let mut duo = Duo::<1>::new(seed, faults);
        duo.ends[1].pushes = false;
        duo.run_until(30 * SECOND);
        let (pushed, told) = (duo.ends[0].session.next_frame().get(), duo.ends[1].told.len());
        assert_eq!(duo.ends[0].full, 0, "seed {seed}");
        assert!(told + 30 > usize::try_from(pushed).expect("fits"), "seed {seed}: {told} of {pushed} told");
    }
}

#[test]
fn a_stream_in_one_direction_is_acknowledged_one_round_trip_and_one_and_a_half_frames_after_each_push() {
    let mut duo = Duo::<1>::new(1, Faults { delay_us: 50 * MS, ..Faults::default() });
    duo.ends[1].pushes = false;
    duo.run_until(2 * SECOND);
    let most = (100 * MS + FRAME_US * 3 / 2).div_ceil(FRAME_US) + 1;
    for step in 0..2_000 {
        duo.run_until(2 * SECOND + step * MS);
        let unacked = duo.ends[0].session.unacked(duo.ends[0].peer);
        assert!(u64::from(unacked) <= most, "{unacked} after {step} ms");
    }
}

#[test]
fn lockstep_with_an_input_delay_of_one_trip_and_one_frame_never_waits() {
    for rtt_ms in (50..=300).step_by(25) {
        for seed in 0..3 {
            let trip_us = rtt_ms * MS / 2;
            let input_delay = u32::try_from(trip_us.div_ceil(FRAME_US) + 1).expect("few frames");
            let first = Frame::new(input_delay);
            let configs = [0, 1].map(|player| builder(player, 1).first_frame(first).build().expect("valid"));
            let faults = Faults { delay_us: trip_us, ..Faults::default() };
            let mut duo = Duo::<1>::with(seed, faults, configs, PeerConfig::compact);
            duo.ends.iter_mut().for_each(|end| end.pushes = false);
            duo.run_until(SECOND);
            // Both know each other; the match begins at the same moment at both, to within a frame.
            for (end, late) in duo.ends.iter_mut().zip([0, seed * FRAME_US / 2]) {
                assert!(end.session.known(end.peer).is_none());
                (end.pushes, end.frame_at, end.tick_at) = (true, SECOND + late, SECOND + late);
            }
            assert!(duo.ends.iter().all(|end| end.connected_at.is_some()), "no link after a second, at {rtt_ms} ms");
            let starts = [duo.ends[0].tick_at, duo.ends[1].tick_at];
            duo.run_until(6 * SECOND);
            for (end, start) in duo.ends.iter().zip(starts) {
                // The input of frame f is pushed with the tick of frame f - delay, and needed at that of frame f.
                let waited = end.told.iter().filter(|(at, frame, _)| *at > start + u64::from(frame.get()) * FRAME_US);
                assert_eq!(waited.count(), 0, "stalled frames at {rtt_ms} ms, seed {seed}");
                assert!(end.told.len() > 250, "only {} told", end.told.len());
            }
        }
    }
}

#[test]
fn both_ends_are_connected_within_a_second_at_30_percent_loss_all_but_once_in_a_thousand_times() {
    let (mut late, seeds) = (0, 4_000);
    for seed in 0..seeds {
        let faults = Faults { loss: 300, delay_us: 50 * MS, ..Faults::default() };
        let mut duo = Duo::<1>::new(seed, faults);
        let connected = (1..=20).any(|twentieth| {
            duo.run_until(twentieth * 50 * MS);
            duo.ends.iter().all(|end| end.connected_at.is_some())
        });
        late += u64::from(!connected);
    }
    assert!(late * 1_000 < seeds, "{late} of {seeds} were not connected after a second");
}
