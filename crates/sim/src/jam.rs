//! The short jam of a narrow link: foreign traffic fills its queue for a while, and then it is free again.
//!
//! ```
//! use inputwire_sim::inputs::Inputs;
//! use inputwire_sim::jam;
//!
//! let healing = jam::play(256, Some(8), [1, 2].map(|byte| Inputs::constant([byte; 4])));
//! assert!(healing.healed_us.is_some_and(|us| us < 3_000_000));
//! ```

use std::ops::Range;

use super::bottleneck::{Bottleneck, Cross, Queue, Rate};
use super::duel::{Duel, FRAME_US, Player, quantile};
use super::inputs::Inputs;
use super::network::Faults;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;
/// When foreign traffic fills the queue.
const JAM: Range<u64> = 5 * SECOND..8 * SECOND;
/// What is taken for the ages before it.
const BEFORE: Range<u64> = 2 * SECOND..5 * SECOND;
const END: u64 = 60 * SECOND;
/// The foreign traffic offers so many times what the link carries.
const FLOOD: u64 = 20;
const DELAY_US: u64 = 30 * MS;

/// What became of a jam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Healing {
    /// How long after the jam everything was as before, if ever: from then on no second had a p90 of the ages of more than twice
    /// the one before the jam, and no push was refused.
    pub healed_us: Option<u64>,
    /// The frames in which a game stood still, of how many.
    pub refused: (usize, usize),
}

/// Jams a link of `kbit` kbit/s with 30 ms of delay and a queue of 2 s for three seconds, in both directions, and watches it for
/// 52 s more.
///
/// # Panics
///
/// If `kbit` is 0.
#[must_use]
pub fn play<const N: usize>(kbit: u64, limit: Option<u32>, inputs: [Inputs<N>; 2]) -> Healing {
    assert!(kbit > 0, "a link that carries nothing");
    let mut duel = duel(inputs, limit);
    for (from, to) in [(0, 1), (1, 0)] {
        let mut link = Bottleneck::new(Rate::steady(kbit * 1_000), Queue::Time(2 * SECOND));
        link.add_cross(Cross { from_us: JAM.start, until_us: JAM.end, bits_per_second: FLOOD * kbit * 1_000 });
        duel.network.set_bottleneck(from, to, Some(link));
        duel.network.set_faults(from, to, Faults { delay_us: DELAY_US, ..Faults::default() });
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

/// How many bits a second one player offers where nothing is in the way, headers of IP and UDP included.
#[must_use]
pub fn need<const N: usize>(inputs: [Inputs<N>; 2]) -> u64 {
    let mut duel = duel(inputs, None);
    for (from, to) in [(0, 1), (1, 0)] {
        duel.network.set_faults(from, to, Faults { delay_us: DELAY_US, ..Faults::default() });
    }
    duel.run_until(END);
    let bytes: usize = duel.ends.iter().map(|end| end.bytes(&(BEFORE.start..END))).sum();
    u64::try_from(bytes).unwrap_or(0) * 8 * SECOND / 2 / (END - BEFORE.start)
}

/// A duel whose players have these inputs and this prediction limit.
fn duel<const N: usize>(inputs: [Inputs<N>; 2], limit: Option<u32>) -> Duel<N> {
    let [zero, one] = inputs;
    Duel::new(7, [(0, zero), (1, one)].map(|(number, inputs)| Player { limit, ..Player::new(number, inputs) }))
}
