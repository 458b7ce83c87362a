//! An endpoint restarts at any time: the inputs of one run are never delivered as those of another.

use super::duo::{Duo, MS, SECOND};
use inputwire_sim::network::Faults;
use inputwire_sim::rng::Rng;

/// An input that names its run, epoch and frame.
fn signed(run: u32, epoch: u32, frame: u32) -> [u8; 4] {
    let [.., high, low] = frame.to_be_bytes();
    [run, epoch].map(|number| u8::try_from(number).expect("few")).into_iter().chain([high, low]).collect::<Vec<_>>()[..]
        .try_into()
        .expect("four bytes")
}

/// Asserts that all inputs delivered in this epoch are of this epoch and of one run, with none missing; returns the run.
fn run_delivered(duo: &Duo<4>, index: usize) -> Option<u8> {
    let endpoint = &duo.endpoints[index];
    let epoch = u8::try_from(endpoint.session.epoch().get()).expect("few");
    let run = endpoint.delivered.first()?.2[0];
    for (place, (_, frame, input)) in (0_u32..).zip(&endpoint.delivered) {
        assert_eq!(frame.get(), place, "a missing frame");
        assert_eq!(*input, signed(u32::from(run), u32::from(epoch), place), "endpoint {index}");
    }
    Some(run)
}

#[test]
fn no_input_of_one_run_is_delivered_in_another_whoever_restarts_when_and_in_which_order() {
    for seed in 0..120 {
        let mut rng = Rng::new(seed);
        let faults = Faults {
            loss: rng.pick(&[0, 0, 200, 500]),
            delay_us: rng.below(120 * MS),
            jitter_us: rng.below(60 * MS),
            duplicate: 200,
            replay: 200,
            ..Faults::default()
        };
        let mut duo = Duo::<4>::new(seed, faults);
        duo.endpoints.iter_mut().for_each(|endpoint| endpoint.play = signed);
        let restarts = rng.between(1, 4);
        for _ in 0..restarts {
            duo.run_until(duo.now + rng.magnitude(600 * MS));
            let _ = [0, 1].map(|index| run_delivered(&duo, index));
            duo.restart(rng.index(2));
        }
        (0..2).for_each(|index| duo.network.heal(index, 1 - index, 40 * MS));
        let healed = duo.now;
        duo.run_until(healed + SECOND);
        for index in 0..2 {
            let run = run_delivered(&duo, index);
            let run = run.unwrap_or_else(|| panic!("seed {seed}: nothing is delivered to endpoint {index}"));
            assert_eq!(
                u32::from(run),
                duo.endpoints[1 - index].run,
                "seed {seed}: endpoint {index} gets an earlier run"
            );
        }
    }
}
