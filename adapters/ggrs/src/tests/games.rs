//! Drawn games: players, delays, windows and weather.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use inputwire_sim::network::Faults;
use inputwire_sim::rng::Rng;

use super::game::{Defaulting, Guessing, Pad, Repeating, State};
use super::world::{Setup, World, FRAME_US};
use crate::api::{Config, DesyncDetection, GgrsEvent};

/// The seeds of the games: `GAMES` of them, or as many as a test may take, in so many parts, from `SEED` on.
pub(crate) fn seeds(default: u64, parts: u64) -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("SEED").unwrap_or(0) / parts;
    first..first + number("GAMES").unwrap_or(default) / parts
}

/// A game as a seed draws it.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) setups: Vec<Setup>,
    pub(crate) faults: Faults,
    changes: u64,
    delay_changes: u64,
    desync: DesyncDetection,
    frames: u64,
}

impl Plan {
    fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let ends = rng.between(2, 4);
        let window = match rng.below(8) {
            0 => 0,
            1 => rng.between(1, 3),
            2 => rng.between(10, 58),
            _ => 8,
        };
        let setups = (0..ends).map(|_| Setup {
            delays: (0..rng.between(1, 2)).map(|_| rng.below(7) as usize).collect(),
            window: if rng.one_in(6) && window > 0 { rng.between(1, 12) as usize } else { window as usize },
            is_sparse: rng.one_in(3),
            is_eager: rng.one_in(2),
            frame_us: FRAME_US + rng.below(100),
            start_us: rng.below(200_000),
        });
        let setups = setups.collect();
        // Half of the links are faster than the delay, so that what is confirmed is ahead of what is played.
        let delay_us = if rng.one_in(2) { rng.below(20_000) } else { rng.below(120_000) };
        let faults = Faults {
            loss: if rng.one_in(3) { 0 } else { rng.below(600) as u32 },
            delay_us,
            jitter_us: if rng.one_in(2) { rng.below(40_000) } else { 0 },
            late: rng.below(100) as u32,
            late_us: 60_000,
            duplicate: rng.below(100) as u32,
            ..Faults::default()
        };
        let desync = match rng.below(3) {
            0 => DesyncDetection::Off,
            _ => DesyncDetection::On { interval: rng.between(1, 20) as u32 },
        };
        Self {
            seed,
            setups,
            faults,
            changes: rng.magnitude(30),
            delay_changes: if rng.one_in(2) { 40 } else { 0 },
            desync,
            frames: rng.between(100, 400),
        }
    }
}

fn play<C>(plan: &Plan)
where
    C: Config<Input = Pad, State = State, Address = usize> + std::fmt::Debug,
{
    let mut world = World::<C>::new(plan.seed, &plan.setups, 0, |builder| {
        builder.with_disconnect_timeout(Duration::from_secs(60)).with_desync_detection_mode(plan.desync)
    });
    world.changes = plan.changes;
    world.set_faults(plan.faults);
    let mut rng = Rng::new(plan.seed ^ 1);
    world.run(plan.frames * FRAME_US, |world, me| {
        if rng.one_in(plan.delay_changes) {
            let end = &mut world.ends[me];
            let index = rng.index(end.people.len());
            let person = &mut end.people[index];
            person.delay = rng.below(7) as usize;
            end.session.set_input_delay(person.handle, person.delay).expect("a local player");
        }
    });
    // The weather gets better, and everybody goes on.
    let faults = Faults { loss: 0, late: 0, jitter_us: 0, delay_us: plan.faults.delay_us.min(50_000), ..plan.faults };
    world.set_faults(faults);
    let healed = world.now;
    world.run(healed + 1_000_000, |_, _| {});
    let before: Vec<i32> = world.ends.iter().map(|end| end.session.current_frame()).collect();
    world.run(healed + 2_000_000, |_, _| {});
    for (me, before) in before.iter().enumerate() {
        let frames = world.ends[me].session.current_frame() - before;
        // Lockstep without delay plays a frame in each trip.
        assert!(frames >= 10, "end {me} played {frames} frames in a second");
        for event in &world.ends[me].events {
            let is_fine = !matches!(event, GgrsEvent::Disconnected { .. } | GgrsEvent::DesyncDetected { .. });
            assert!(is_fine, "end {me}: {event:?}");
        }
    }
    let everybody: Vec<usize> = (0..world.ends.len()).collect();
    world.check(&everybody, &BTreeMap::new());
}

#[test]
fn drawn_games_keep_the_laws() {
    for seed in seeds(300, 1) {
        let plan = Plan::draw(seed);
        let outcome = std::panic::catch_unwind(|| match seed % 4 {
            0 | 1 => play::<Repeating>(&plan),
            2 => play::<Defaulting>(&plan),
            _ => play::<Guessing>(&plan),
        });
        assert!(outcome.is_ok(), "the game of seed {seed}: {plan:#?}");
    }
}

#[test]
fn known_inputs_are_kept_where_confirmed_is_ahead_of_current() {
    let setup =
        |start_us| Setup { delays: vec![6], window: 8, is_sparse: false, is_eager: true, frame_us: FRAME_US, start_us };
    let mut world = World::<Guessing>::new(5, &[setup(0), setup(5_000)], 0, |builder| builder);
    world.changes = 1;
    world.set_faults(Faults { delay_us: 3_000, ..Faults::default() });
    let mut ahead = 0;
    world.run(300 * FRAME_US, |world, me| {
        let session = &world.ends[me].session;
        ahead += u32::from(session.confirmed_frame() > session.current_frame());
    });
    assert!(ahead > 550, "{ahead}");
    world.check(&[0, 1], &BTreeMap::new());
    for end in &world.ends {
        assert!(end.session.current_frame() > 280);
        // Nothing had to be guessed but the very first frames.
        assert!(end.game.loads <= 2, "{} rollbacks", end.game.loads);
    }
}
