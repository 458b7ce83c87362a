//! An end starts anew at any moment: the inputs of one run are never told as those of another.

use super::duo::{Duo, MS, SECOND};
use crate::sim::network::Faults;
use crate::sim::rng::Rng;

/// An input that says where it belongs.
fn signed(run: u32, epoch: u32, frame: u32) -> [u8; 4] {
    let [.., high, low] = frame.to_be_bytes();
    [run, epoch].map(|number| u8::try_from(number).expect("few")).into_iter().chain([high, low]).collect::<Vec<_>>()[..]
        .try_into()
        .expect("four bytes")
}

/// Everything told in an epoch is of one run and of this epoch, without a gap; returns the run.
fn run_told(duo: &Duo<4>, index: usize) -> Option<u8> {
    let end = &duo.ends[index];
    let epoch = u8::try_from(end.session.epoch().get()).expect("few");
    let run = end.told.first()?.2[0];
    for (place, (_, frame, input)) in (0_u32..).zip(&end.told) {
        assert_eq!(frame.get(), place, "a gap");
        assert_eq!(*input, signed(u32::from(run), u32::from(epoch), place), "end {index}");
    }
    Some(run)
}

#[test]
fn no_input_of_one_run_is_told_in_another_whoever_restarts_when_and_in_which_order() {
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
        duo.ends.iter_mut().for_each(|end| end.play = signed);
        let restarts = rng.between(1, 4);
        for _ in 0..restarts {
            duo.run_until(duo.now + rng.magnitude(600 * MS));
            let _ = [0, 1].map(|index| run_told(&duo, index));
            duo.restart(rng.index(2));
        }
        (0..2).for_each(|index| duo.network.heal(index, 1 - index, 40 * MS));
        let healed = duo.now;
        duo.run_until(healed + SECOND);
        for index in 0..2 {
            let run = run_told(&duo, index).unwrap_or_else(|| panic!("seed {seed}: nothing is told to end {index}"));
            assert_eq!(u32::from(run), duo.ends[1 - index].run, "seed {seed}: end {index} hears a run that is over");
        }
    }
}
