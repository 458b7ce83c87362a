//! Inputs flow without stalls: one way, in lockstep, and from the first second on.

use inputwire::{Frame, PeerConfig};

use super::duo::{Duo, FRAME_US, MS, SECOND, builder};
use inputwire_sim::network::Faults;

#[test]
fn a_one_way_stream_is_never_stalled_by_lost_acknowledgements() {
    for seed in 0..6 {
        let faults = Faults { loss: 200, delay_us: 50 * MS, jitter_us: 10 * MS, ..Faults::default() };
        let mut duo = Duo::<1>::new(seed, faults);
        duo.endpoints[1].pushes = false;
        duo.run_until(30 * SECOND);
        let (pushed, delivered) = (duo.endpoints[0].session.next_frame().get(), duo.endpoints[1].delivered.len());
        assert_eq!(duo.endpoints[0].full, 0, "seed {seed}");
        assert!(
            delivered + 30 > usize::try_from(pushed).expect("fits"),
            "seed {seed}: {delivered} of {pushed} delivered"
        );
    }
}

#[test]
fn a_one_way_stream_is_acknowledged_one_round_trip_and_one_and_a_half_frames_after_each_push() {
    let mut duo = Duo::<1>::new(1, Faults { delay_us: 50 * MS, ..Faults::default() });
    duo.endpoints[1].pushes = false;
    duo.run_until(2 * SECOND);
    let most = (100 * MS + FRAME_US * 3 / 2).div_ceil(FRAME_US) + 1;
    for step in 0..2_000 {
        duo.run_until(2 * SECOND + step * MS);
        let unacked = duo.endpoints[0].peer().unacked();
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
            let configs = [0, 1].map(|player| builder(player, 0).first_frame(first).build().expect("valid"));
            let faults = Faults { delay_us: trip_us, ..Faults::default() };
            let mut duo = Duo::<1>::with(seed, faults, configs, PeerConfig::compact);
            duo.endpoints.iter_mut().for_each(|endpoint| endpoint.pushes = false);
            duo.run_until(SECOND);
            // They are connected; the match begins at the same time at both, to within a frame.
            for (endpoint, late) in duo.endpoints.iter_mut().zip([0, seed * FRAME_US / 2]) {
                assert!(endpoint.peer().last_frame().is_none());
                (endpoint.pushes, endpoint.frame_at, endpoint.tick_at) = (true, SECOND + late, SECOND + late);
            }
            assert!(
                duo.endpoints.iter().all(|endpoint| endpoint.connected_at.is_some()),
                "no link after a second, at {rtt_ms} ms"
            );
            let starts = [duo.endpoints[0].tick_at, duo.endpoints[1].tick_at];
            duo.run_until(6 * SECOND);
            for (endpoint, start) in duo.endpoints.iter().zip(starts) {
                // The input of frame f is pushed with the tick of frame f - delay, and needed at that of frame f.
                let waited =
                    endpoint.delivered.iter().filter(|(at, frame, _)| *at > start + u64::from(frame.get()) * FRAME_US);
                assert_eq!(waited.count(), 0, "stalled frames at {rtt_ms} ms, seed {seed}");
                assert!(endpoint.delivered.len() > 250, "only {} delivered", endpoint.delivered.len());
            }
        }
    }
}

#[test]
fn both_endpoints_connect_within_a_second_at_30_percent_loss_except_once_in_a_thousand_times() {
    let (mut late, seeds) = (0, 4_000);
    for seed in 0..seeds {
        let faults = Faults { loss: 300, delay_us: 50 * MS, ..Faults::default() };
        let mut duo = Duo::<1>::new(seed, faults);
        let connected = (1..=20).any(|twentieth| {
            duo.run_until(twentieth * 50 * MS);
            duo.endpoints.iter().all(|endpoint| endpoint.connected_at.is_some())
        });
        late += u64::from(!connected);
    }
    assert!(late * 1_000 < seeds, "{late} of {seeds} were not connected after a second");
}
