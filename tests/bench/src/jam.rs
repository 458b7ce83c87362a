//! Links that are too narrow for what they are offered, for a while or always.

use std::ops::Range;

use inputwire_sim::bottleneck::{Bottleneck, Cross, Queue, Rate, Trace};
use inputwire_sim::duel::{Duel, FRAME_US, Player, quantile};
use inputwire_sim::inputs::Inputs;
use inputwire_sim::network::Faults;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;
/// When foreign traffic fills the queue.
const JAM: Range<u64> = 5 * SECOND..8 * SECOND;
/// What is taken for the ages before it.
const BEFORE: Range<u64> = 2 * SECOND..5 * SECOND;
const END: u64 = 60 * SECOND;
/// The foreign traffic offers so many times what the link carries.
const FLOOD: u64 = 20;

/// A duel whose players have these inputs and this prediction limit.
fn duel<const N: usize>(inputs: [Inputs<N>; 2], limit: Option<u32>) -> Duel<N> {
    let [zero, one] = inputs;
    Duel::new(7, [(0, zero), (1, one)].map(|(number, inputs)| Player { limit, ..Player::new(number, inputs) }))
}

/// What became of a jam.
#[derive(Clone, Copy, Debug)]
pub struct Healing {
    /// How long after the jam everything was as before, if ever: from then on no second had a p90 of the ages of more than twice
    /// the one before the jam, and no push was refused.
    pub healed_us: Option<u64>,
    /// The frames in which a game stood still, of how many.
    pub refused: (usize, usize),
}

/// Jams a link of `kbit` kbit/s with 30 ms of delay and a queue of 2 s for three seconds, in both directions, and watches it for
/// 52 s more.
pub fn heal<const N: usize>(kbit: u64, limit: Option<u32>, inputs: [Inputs<N>; 2]) -> Healing {
    let mut duel = duel(inputs, limit);
    for (from, to) in [(0, 1), (1, 0)] {
        let mut link = Bottleneck::new(Rate::steady(kbit * 1_000), Queue::Time(2 * SECOND));
        link.add_cross(Cross { from_us: JAM.start, until_us: JAM.end, bits_per_second: FLOOD * kbit * 1_000 });
        duel.network.set_bottleneck(from, to, Some(link));
        duel.network.set_faults(from, to, Faults { delay_us: 30 * MS, ..Faults::default() });
    }
    duel.run_until(END);
    let before_us = quantile(duel.ages(BEFORE), 900);
    let well = |from: u64| {
        let span = from..from + SECOND;
        // An input that is still unknown has no age yet: it shows in the age of the newest known one, which is up to a frame more.
        let known_us = quantile(duel.known_ages(&span), 900);
        let worst_us = quantile(duel.ages(span.clone()), 900).max(known_us.saturating_sub(FRAME_US));
        duel.refused(&span).0 == 0 && worst_us <= 2 * before_us
    };
    // From the end back, so that nothing later was worse.
    let starts = (0..).map(|tenth| END - 2 * SECOND - tenth * SECOND / 10).take_while(|from| *from >= JAM.end);
    let healed_us = starts.take_while(|from| well(*from)).last().map(|from| from - JAM.end);
    Healing { healed_us, refused: duel.refused(&(0..END)) }
}

/// How many bits a second one player offers where nothing is in the way.
pub fn need<const N: usize>(inputs: [Inputs<N>; 2]) -> u64 {
    let mut duel = duel(inputs, None);
    for (from, to) in [(0, 1), (1, 0)] {
        duel.network.set_faults(from, to, Faults { delay_us: 30 * MS, ..Faults::default() });
    }
    duel.run_until(END);
    let bytes: usize = duel.ends.iter().map(|end| end.bytes(&(BEFORE.start..END))).sum();
    bytes as u64 * 8 * SECOND / 2 / (END - BEFORE.start)
}

/// What a recorded link did to a game.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// The age of the newest known input in each frame: median, p99 and worst, in microseconds.
    pub ages_us: [u64; 3],
    /// The frames in which a game stood still, of how many.
    pub refused: (usize, usize),
    /// The longest datagram, with headers.
    pub longest: usize,
}

/// Plays two minutes over a recorded link with a queue of 100 packets, 20 ms of delay each way, and foreign traffic of so many
/// percent of its mean rate.
pub fn record<const N: usize>(traces: [Trace; 2], percent: u64, inputs: [Inputs<N>; 2]) -> Recorded {
    let mut duel = duel(inputs, None);
    for (from, trace) in traces.into_iter().enumerate() {
        let rate = Rate::Recorded(trace);
        let bits_per_second = rate.mean() * percent / 100;
        let mut link = Bottleneck::new(rate, Queue::Packets(100));
        link.add_cross(Cross { from_us: 0, until_us: u64::MAX, bits_per_second });
        duel.network.set_bottleneck(from, 1 - from, Some(link));
        duel.network.set_faults(from, 1 - from, Faults { delay_us: 20 * MS, ..Faults::default() });
    }
    let all = BEFORE.start..2 * END;
    duel.run_until(all.end);
    let ages = duel.known_ages(&all);
    Recorded {
        ages_us: [500, 990, 1_000].map(|permille| quantile(ages.clone(), permille)),
        refused: duel.refused(&all),
        longest: duel.ends.iter().flat_map(|end| &end.sent).map(|(_, bytes)| *bytes).max().unwrap_or(0),
    }
}

/// How many inputs of 255 random bytes become known in a second, in each direction, at this round trip and loss in a thousand.
pub fn large(rtt_us: u64, loss: u32) -> f64 {
    let mut duel = duel([1, 2].map(Inputs::<255>::noise), None);
    for (from, to) in [(0, 1), (1, 0)] {
        duel.network.set_faults(from, to, Faults { delay_us: rtt_us / 2, loss, ..Faults::default() });
    }
    let span = 5 * SECOND..35 * SECOND;
    duel.run_until(span.end);
    let known: usize = duel.ends.iter().map(|end| end.known.iter().filter(|at| span.contains(at)).count()).sum();
    known as f64 / 2.0 / 30.0
}
