//! What a game needs around its inputs, played out with many seeds. `AROUND_SEEDS=1000 cargo test --release seeds`

use inputwire::{Epoch, Event};

use crate::support::dice::Dice;
use crate::support::{MS, PEER, Pair, SECOND, T, Wire, act, at, frame, frames};

/// A few seeds, or as many as `AROUND_SEEDS` says.
fn seeds() -> std::ops::Range<u64> {
    let seeds = std::env::var("AROUND_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..seeds.unwrap_or(25)
}

/// Loses datagrams in the next frame with the given chance in hundred, each way for itself.
fn lose(pair: &mut Pair, dice: &mut Dice, percent: usize) {
    pair.lost = [(); 2].map(|()| dice.below(100) < percent);
}

/// An end that has begun its epoch and is not done pushes an input a frame.
fn push(pair: &mut Pair, end: usize, count: u32) {
    let session = &mut pair.ends[end];
    if session.next_frame().get() < count && session.unacked(PEER) < 120 {
        let input = act(end, session.next_frame().get());
        session.push_input(at(pair.now), input).expect("there is room");
    }
}

#[test]
fn epochs_that_begin_up_to_five_seconds_apart_at_30_percent_loss_mix_nothing_and_lose_nothing() {
    for seed in seeds() {
        let mut dice = Dice(seed);
        let mut pair = Pair::met(Wire::Compact);
        pair.delay = u64::try_from(dice.below(80)).expect("small") * MS;
        let mut epoch = 0;
        for _ in 0..3 {
            epoch += 1 + u32::try_from(dice.below(5)).expect("small");
            let count = 20 + u32::try_from(dice.below(150)).expect("small");
            let first = dice.below(2);
            let late = u64::try_from(dice.below(5_000)).expect("small") * MS;
            let start = pair.now;
            pair.forget();
            let mut known = [Vec::new(), Vec::new()];
            let mut begun = [false; 2];
            while known != [(); 2].map(|()| (0..count).collect::<Vec<_>>())
                || [0, 1].iter().any(|end| pair.ends[*end].unacked(PEER) > 0)
            {
                for end in [0, 1] {
                    if !begun[end] && (end == first || pair.now >= start + late) {
                        assert!(known[end].is_empty(), "seed {seed}: told before the epoch began");
                        pair.ends[end].begin_epoch(at(pair.now), Epoch::new(epoch)).expect("newer");
                        begun[end] = true;
                    }
                    if begun[end] {
                        push(&mut pair, end, count);
                    }
                }
                lose(&mut pair, &mut dice, 30);
                pair.run(T);
                for end in [0, 1] {
                    let told = std::mem::take(&mut pair.told[end]);
                    known[end].extend(frames(&told));
                    for (number, input) in crate::support::inputs(&told) {
                        assert_eq!(input, act(1 - end, number), "seed {seed}: mixed");
                    }
                }
                assert!(pair.now < start + 30 * SECOND, "seed {seed}: {known:?} of {count}");
            }
        }
    }
}

#[test]
fn one_wrong_bit_is_named_exactly_whatever_is_lost() {
    let hash = |number: u32| u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for seed in seeds() {
        let mut dice = Dice(seed);
        let mut pair = Pair::met(Wire::Compact);
        pair.delay = u64::try_from(dice.below(100)).expect("small") * MS;
        let step = 8 + u32::try_from(dice.below(20)).expect("small");
        let lag = u32::try_from(dice.below(60)).expect("small");
        let wrong = step * u32::try_from(dice.below(10)).expect("small");
        let bit = dice.below(64);
        for number in 0..wrong + 200 {
            push(&mut pair, 0, u32::MAX);
            push(&mut pair, 1, u32::MAX);
            for (end, number) in [(0, Some(number)), (1, number.checked_sub(lag))] {
                let Some(number) = number.filter(|number| number % step == 0) else { continue };
                let flip = if end == 1 && number == wrong { 1 << bit } else { 0 };
                let pushed = pair.ends[end].push_checksum(at(pair.now), frame(number), hash(number) ^ flip);
                pushed.expect("few enough");
            }
            lose(&mut pair, &mut dice, 30);
            pair.run(T);
        }
        pair.lost = [false; 2];
        pair.run(3 * SECOND);
        for end in [0, 1] {
            let named = pair.told[end].iter().filter_map(|event| match event {
                Event::Desync { frame, ours, theirs, .. } => Some((frame.get(), ours ^ theirs)),
                _ => None,
            });
            assert_eq!(named.collect::<Vec<_>>(), [(wrong, 1 << bit)], "seed {seed}, end {end}");
        }
    }
}
