//! Links that are too narrow for what they are offered.

use inputwire_sim::bottleneck::{Bottleneck, Cross, Queue, Rate, Trace};
use inputwire_sim::duel::{Duel, Player, quantile};
use inputwire_sim::inputs::Inputs;
use inputwire_sim::network::Faults;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

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
    let mut duel = duel(inputs);
    for (from, trace) in traces.into_iter().enumerate() {
        let rate = Rate::Recorded(trace);
        let bits_per_second = rate.mean() * percent / 100;
        let mut link = Bottleneck::new(rate, Queue::Packets(100));
        link.add_cross(Cross { from_us: 0, until_us: u64::MAX, bits_per_second });
        duel.network.set_bottleneck(from, 1 - from, Some(link));
        duel.network.set_faults(from, 1 - from, Faults { delay_us: 20 * MS, ..Faults::default() });
    }
    let all = 2 * SECOND..120 * SECOND;
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
    let mut duel = duel([1, 2].map(Inputs::<255>::noise));
    for (from, to) in [(0, 1), (1, 0)] {
        duel.network.set_faults(from, to, Faults { delay_us: rtt_us / 2, loss, ..Faults::default() });
    }
    let span = 5 * SECOND..35 * SECOND;
    duel.run_until(span.end);
    let known: usize = duel.ends.iter().map(|end| end.known.iter().filter(|at| span.contains(at)).count()).sum();
    known as f64 / 2.0 / 30.0
}

fn duel<const N: usize>(inputs: [Inputs<N>; 2]) -> Duel<N> {
    let [zero, one] = inputs;
    Duel::new(7, [Player::new(0, zero), Player::new(1, one)])
}
