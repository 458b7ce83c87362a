//! Players who leave without a word.

use std::collections::BTreeMap;
use std::time::Duration;

use inputwire_sim::network::Faults;
use inputwire_sim::rng::Rng;

use super::game::Repeating;
use super::games::seeds;
use super::world::{Setup, World, FRAME_US};
use crate::api::{GgrsEvent, InputStatus};

/// One of four dies; `loss` in a thousand.
fn play(seed: u64, loss: u32) {
    let mut rng = Rng::new(seed ^ 0xdead);
    let setups: Vec<Setup> = (0..4)
        .map(|_| Setup {
            delays: vec![rng.below(4) as usize],
            window: if rng.one_in(5) { 0 } else { 8 },
            is_sparse: rng.one_in(4),
            is_eager: rng.one_in(2),
            frame_us: FRAME_US + rng.below(60),
            start_us: rng.below(50_000),
        })
        .collect();
    let mut world = World::<Repeating>::new(seed, &setups, 0, |builder| {
        builder.with_disconnect_timeout(Duration::from_secs(1)).with_disconnect_notify_delay(Duration::from_millis(400))
    });
    world.set_faults(Faults { loss, delay_us: rng.between(10_000, 60_000), jitter_us: 10_000, ..Faults::default() });
    world.run(2_000_000 + rng.below(1_000_000), |_, _| {});
    let dead = rng.index(4);
    let survivors: Vec<usize> = (0..4).filter(|me| *me != dead).collect();
    // Its links fail at once, or one after the other.
    if rng.one_in(2) {
        for to in &survivors {
            let until = world.now + rng.below(200_000);
            world.network.cut(dead, *to, u64::MAX);
            world.run(until, |_, _| {});
        }
    }
    world.ends[dead].is_alive = false;
    let died = world.now;
    // Now and then, the game gives it up by itself.
    let by_hand = rng.one_in(4).then(|| survivors[rng.index(3)]);
    if let Some(me) = by_hand {
        world.run(died + 500_000, |_, _| {});
        let _ = world.ends[me].session.disconnect_player(dead);
        world.send(me);
    }
    world.run(died + 4_000_000, |_, _| {});
    let before: Vec<i32> = survivors.iter().map(|me| world.ends[*me].session.current_frame()).collect();
    world.run(died + 5_000_000, |_, _| {});

    let ends: Vec<Option<usize>> = survivors.iter().map(|me| world.end_of(*me, dead)).collect();
    assert!(ends[0].is_some() && ends.iter().all(|end| *end == ends[0]), "they stopped at {ends:?}");
    let last: BTreeMap<usize, usize> = [(dead, ends[0].expect("it is gone"))].into();
    world.check(&survivors, &last);
    for (me, before) in survivors.iter().zip(before) {
        let end = &world.ends[*me];
        let frames = end.session.current_frame() - before;
        assert!(frames >= 8, "end {me} played {frames} frames in a second");
        let gone = |event: &&GgrsEvent<_>| matches!(event, GgrsEvent::Disconnected { .. });
        let gone: Vec<_> = end.events.iter().filter(gone).collect();
        let expected = usize::from(by_hand != Some(*me));
        assert!(gone.len() <= 1 && gone.len() >= expected.min(1), "end {me}: {gone:?}");
        assert!(gone.iter().all(|event| **event == GgrsEvent::Disconnected { addr: dead }));
    }
}

#[test]
fn survivors_of_one_of_four_play_the_same_game() {
    for loss in [20, 100, 300] {
        for seed in seeds(60, 3) {
            let outcome = std::panic::catch_unwind(|| play(seed, loss));
            assert!(outcome.is_ok(), "the game of seed {seed} at {loss} thousandths lost");
        }
    }
}

#[test]
fn who_is_dropped_by_the_others_plays_on_alone() {
    let setup = |delay| Setup {
        delays: vec![delay],
        window: 8,
        is_sparse: false,
        is_eager: true,
        frame_us: FRAME_US,
        start_us: 0,
    };
    for delay in [0, 3] {
        let mut world = World::<Repeating>::new(3, &[setup(delay), setup(delay), setup(1)], 0, |builder| builder);
        world.set_faults(Faults { delay_us: 30_000, ..Faults::default() });
        world.run(1_000_000, |_, _| {});
        world.ends[1].session.disconnect_player(0).expect("it is there");
        world.send(1);
        world.run(4_000_000, |_, _| {});
        let end = &world.ends[0];
        assert!(end.session.current_frame() > 220, "it stands still at {}", end.session.current_frame());
        let last = end.game.played.last().expect("it played");
        let statuses: Vec<InputStatus> = last.inputs.iter().map(|(_, status)| *status).collect();
        assert_eq!(statuses, [InputStatus::Confirmed, InputStatus::Disconnected, InputStatus::Disconnected]);
        let gone = |event: &&GgrsEvent<_>| matches!(event, GgrsEvent::Disconnected { .. });
        assert_eq!(end.events.iter().filter(gone).count(), 2);
        assert!(end.game.played.iter().all(|played| played.inputs[0].1 == InputStatus::Confirmed));
        // The others agree without it.
        let ends = [world.end_of(1, 0).expect("it is gone"), world.end_of(2, 0).expect("it is gone")];
        assert_eq!(ends[0], ends[1]);
        world.check(&[1, 2], &[(0, ends[0])].into());
    }
}

#[test]
fn of_two_each_plays_on_when_the_link_is_cut() {
    let setup =
        Setup { delays: vec![1], window: 8, is_sparse: false, is_eager: false, frame_us: FRAME_US, start_us: 0 };
    let mut world = World::<Repeating>::new(3, &[setup.clone(), setup], 0, |builder| {
        builder.with_disconnect_timeout(Duration::from_millis(700))
    });
    world.run(1_000_000, |_, _| {});
    world.network.cut(0, 1, u64::MAX);
    world.network.cut(1, 0, u64::MAX);
    world.run(1_600_000, |_, _| {});
    for (me, end) in world.ends.iter_mut().enumerate() {
        end.events.extend(end.session.events());
        let interrupted = GgrsEvent::NetworkInterrupted { addr: 1 - me, disconnect_timeout: 200 };
        assert_eq!(end.events.last(), Some(&interrupted));
    }
    world.run(2_000_000, |_, _| {});
    for (me, end) in world.ends.iter_mut().enumerate() {
        end.events.extend(end.session.events());
        assert_eq!(end.events.last(), Some(&GgrsEvent::Disconnected { addr: 1 - me }));
        assert!(end.session.current_frame() > 80);
    }
}

#[test]
fn a_program_that_was_started_again_is_another_player_and_the_old_one_is_gone() {
    let setup =
        Setup { delays: vec![1], window: 8, is_sparse: false, is_eager: false, frame_us: FRAME_US, start_us: 0 };
    let setups = [setup.clone(), setup];
    let mut world = World::<Repeating>::new(3, &setups, 0, |builder| builder);
    world.run(1_000_000, |_, _| {});
    let now = world.now;
    let again = World::<Repeating>::new(4, &setups, 0, |builder| builder).ends.pop().expect("two ends");
    world.ends[1] = again;
    world.ends[1].next_at = now + 100_000;
    let before = world.ends[0].session.current_frame();
    world.run(5_000_000, |world, me| {
        // The new program knows nothing of the old one's frames.
        if me == 1 {
            let current = world.ends[1].session.current_frame();
            assert!(current <= 10, "it plays with nobody, at {current}");
        }
    });
    let end = &mut world.ends[0];
    end.events.extend(end.session.events());
    assert_eq!(end.events.iter().filter(|event| **event == GgrsEvent::Disconnected { addr: 1 }).count(), 1);
    assert!(end.session.current_frame() > before + 100, "{before} {}", end.session.current_frame());
}
