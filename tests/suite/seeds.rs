//! Epochs and checksums over a lossy network, with many seeds: `AROUND_SEEDS=1000 cargo test --release seeds`.

use inputwire::{Epoch, Event, PeerEvent};
use inputwire_sim::rng::Rng;

use crate::support::{Hashing, MS, Pair, SECOND, T, Wire, act, at, frames, inputs, peer};

/// A few seeds, or as many as `AROUND_SEEDS` says.
fn seeds() -> std::ops::Range<u64> {
    let seeds = std::env::var("AROUND_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..seeds.unwrap_or(25)
}

/// Decides for each direction whether the datagrams of the next frame are lost.
fn lose(pair: &mut Pair, rng: &mut Rng, percent: u64) {
    pair.lost = [(); 2].map(|()| rng.below(100) < percent);
}

/// An endpoint pushes an input, unless it has pushed them all or its window is full.
fn push(pair: &mut Pair, side: usize, count: u32) {
    let session = &mut pair.sessions[side];
    if session.next_frame().get() < count && peer(session).unacked() < 120 {
        let input = act(side, session.next_frame().get());
        session.push_input(at(pair.now), input).expect("there is room");
    }
}

#[test]
fn epochs_that_begin_up_to_five_seconds_apart_at_30_percent_loss_mix_nothing_and_lose_nothing() {
    for seed in seeds() {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::met(Wire::Compact);
        pair.delay = rng.below(80) * MS;
        let mut epoch = 0;
        for _ in 0..3 {
            epoch += 1 + u32::try_from(rng.below(5)).expect("small");
            let count = 20 + u32::try_from(rng.below(150)).expect("small");
            let first = rng.index(2);
            let late = rng.below(5_000) * MS;
            let start = pair.now;
            pair.forget();
            let mut delivered = [Vec::new(), Vec::new()];
            let mut begun = [false; 2];
            while delivered != [(); 2].map(|()| (0..count).collect::<Vec<_>>())
                || [0, 1].iter().any(|side| peer(&pair.sessions[*side]).unacked() > 0)
            {
                for side in [0, 1] {
                    if !begun[side] && (side == first || pair.now >= start + late) {
                        assert!(delivered[side].is_empty(), "seed {seed}: delivered before the epoch began");
                        pair.sessions[side].begin_epoch(at(pair.now), Epoch::new(epoch)).expect("newer");
                        begun[side] = true;
                    }
                    if begun[side] {
                        push(&mut pair, side, count);
                    }
                }
                lose(&mut pair, &mut rng, 30);
                pair.run(T);
                for side in [0, 1] {
                    let reported = std::mem::take(&mut pair.reported[side]);
                    delivered[side].extend(frames(&reported));
                    for (number, input) in inputs(&reported) {
                        assert_eq!(input, act(1 - side, number), "seed {seed}: mixed");
                    }
                }
                assert!(pair.now < start + 30 * SECOND, "seed {seed}: {delivered:?} of {count}");
            }
        }
    }
}

#[test]
fn one_wrong_bit_is_reported_exactly_whatever_is_lost() {
    let hash = |number: u32| u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for seed in seeds() {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::met(Wire::Compact);
        pair.delay = rng.below(100) * MS;
        let step = 8 + u32::try_from(rng.below(20)).expect("small");
        let lag = u32::try_from(rng.below(60)).expect("small");
        let wrong = step * u32::try_from(rng.below(10)).expect("small");
        let bit = rng.below(64);
        let mut hashing = [Hashing::every(step); 2];
        for number in 0..wrong + 200 {
            push(&mut pair, 0, u32::MAX);
            push(&mut pair, 1, u32::MAX);
            for (side, end) in [(0, number + 1), (1, (number + 1).saturating_sub(lag))] {
                let flip = |number| if side == 1 && number == wrong { 1 << bit } else { 0 };
                hashing[side].push(&mut pair.sessions[side], pair.now, end, |number| hash(number) ^ flip(number));
            }
            lose(&mut pair, &mut rng, 30);
            pair.run(T);
        }
        pair.lost = [false; 2];
        pair.run(3 * SECOND);
        for side in [0, 1] {
            let named = pair.reported[side].iter().filter_map(|event| match event {
                Event::Peer { event: PeerEvent::Desync { frame, local, remote }, .. } => {
                    Some((frame.get(), local ^ remote))
                }
                _ => None,
            });
            assert_eq!(named.collect::<Vec<_>>(), [(wrong, 1 << bit)], "seed {seed}, side {side}");
        }
    }
}
