//! Games that are not a function of their state and inputs, each in another way: the sync test finds every one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant as Clock;

use inputwire_rollback::{Inputs, SyncTest};
use inputwire_sim::rng::{Rng, mix};

const FRAMES: u32 = 2_000;

#[derive(Clone, Debug, Default)]
struct Game {
    x: u64,
    shared: Rc<Cell<u64>>,
}

type Advance<'a> = &'a mut dyn FnMut(&mut Game, &Inputs<'_, 1>);

/// Plays a game for some frames with drawn inputs. Returns the first mismatch.
fn find(seed: u64, mut advance: impl FnMut(&mut Game, &Inputs<'_, 1>)) -> Option<String> {
    let mut rng = Rng::new(seed);
    let mut test = SyncTest::<_, 2, 1>::new(seed, Game::default(), |game| game.x);
    (0..FRAMES).find_map(|_| {
        let [a, b, ..] = rng.next().to_le_bytes();
        let outcome = test.step([[a], [b]], |game, inputs| {
            let [a, b] = [inputs.input(0), inputs.input(1)].map(|[input]| u64::from(input));
            game.x = mix(game.x ^ a << 8 ^ b);
            advance(game, inputs);
        });
        outcome.err().map(|mismatch| format!("{mismatch}; {}", mismatch.line()))
    })
}

#[test]
fn a_game_that_is_a_function_of_its_state_and_inputs_passes() {
    for seed in 0..20 {
        assert_eq!(find(seed, |_, _| {}), None);
    }
}

#[test]
fn rollbacks_are_the_numbers_of_split_mix_64() {
    let (mut rng, mut test) = (Rng::new(7), SyncTest::<_, 1, 1>::new(7, (), |()| 0));
    for frame in 1..=100 {
        let mut calls = 0;
        let same = test.step([[0]], |(), _| calls += 1).is_ok();
        // The frame itself, and those that are played again.
        assert_eq!((same, calls), (true, 2 + rng.next() % 9.min(frame)));
    }
}

#[test]
fn every_planted_nondeterminism_is_found_for_every_seed() {
    thread_local!(static GLOBAL: Cell<u64> = const { Cell::new(0) });
    let start = Clock::now();
    for seed in 0..50 {
        let mut random = Rng::new(seed);
        let mut calls = 0_u64;
        let mut highest = 0;
        let mut cache = HashMap::new();
        let log = RefCell::new(Vec::new());
        let planted: [(&str, Advance<'_>); 9] = [
            ("random numbers that are not in the state", &mut |game, _| game.x ^= random.next()),
            ("a count of calls", &mut |game, _| {
                calls += 1;
                game.x ^= calls;
            }),
            ("a rare event outside the state", &mut |game, _| {
                let count = GLOBAL.replace(GLOBAL.get() + 1);
                game.x ^= u64::from(count % 100 == 99);
            }),
            ("a high score that is never rolled back", &mut |game, _| {
                highest = highest.max(game.x);
                game.x = game.x.wrapping_add(highest);
            }),
            ("a cache by something else than the whole input", &mut |game, _| {
                let entry = cache.entry(game.x % 64).or_insert(0);
                *entry += 1;
                game.x ^= *entry;
            }),
            ("a log whose length matters", &mut |game, inputs| {
                log.borrow_mut().push(inputs.input(0));
                game.x ^= u64::from(log.borrow().len() % 7 == 0);
            }),
            ("a clone that shares its insides", &mut |game, _| {
                game.shared.set(game.shared.get() + 1);
                game.x ^= game.shared.get();
            }),
            ("the address of the state", &mut |game, _| {
                let address = std::ptr::from_mut(game).addr();
                game.x ^= address as u64;
            }),
            ("the clock", &mut |game, _| game.x ^= u64::try_from(start.elapsed().as_nanos()).unwrap_or(0)),
        ];
        for (what, advance) in planted {
            let found = find(seed, advance);
            assert!(found.is_some(), "seed {seed}: {what}");
        }
    }
}

#[test]
fn the_first_line_that_differs_is_named() {
    let mut calls = 0;
    let mut test = SyncTest::<_, 1, 1>::new(1, vec![0_u32; 1_000], |list| list.iter().map(|x| u64::from(*x)).sum());
    let line = (0..FRAMES).find_map(|_| {
        let outcome = test.step([[0]], |list, _| {
            calls += 1;
            list[699] = u32::from(calls > 300);
        });
        outcome.err().map(|mismatch| mismatch.line().to_string())
    });
    assert_eq!(line.as_deref(), Some("line 701 was `    0,` and is `    1,`"));
}

#[test]
fn states_that_print_alike_are_told_so() {
    #[derive(Clone)]
    struct Secret(u64);
    impl std::fmt::Debug for Secret {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Secret")
        }
    }
    let mut calls = 0;
    let mut test = SyncTest::<_, 1, 1>::new(1, Secret(0), |secret| secret.0);
    let outcome = test.step([[0]], |secret, _| {
        calls += 1;
        secret.0 = calls;
    });
    let mismatch = outcome.expect_err("it counts its calls");
    assert_eq!(mismatch.line().to_string(), "no line of their `Debug` differs");
    assert_eq!((mismatch.depth, mismatch.frame.get(), mismatch.hashes), (1, 0, [1, 2]));
    let message = "frame 0 differs when it is played again, after a rollback by 1: its hash was 0x1 and is 0x2";
    assert_eq!(mismatch.to_string(), message);
}
