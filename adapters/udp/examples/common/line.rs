//! Lines that are worse than the loopback: loss and delays, drawn from a seed.

use inputwire_sim::rng::Rng;

/// How long an outage lasts.
const OUTAGE_US: u64 = 500_000;

/// The line of one client, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// How long a datagram takes at best, in microseconds, and by how much longer at worst.
    pub way_us: u64,
    pub jitter_us: u64,
    /// How many of a thousand datagrams are lost.
    pub loss: u32,
    /// It fails for half a second each time that so much time has passed, for the first time after `phase_us`; 0 for never.
    pub outage_every_us: u64,
    pub phase_us: u64,
}

impl Line {
    /// When a datagram that is sent now arrives, if it does.
    pub fn arrival(&self, now: u64, rng: &mut Rng) -> Option<u64> {
        let late = rng.below(self.jitter_us + 1);
        let since = now.checked_sub(self.phase_us).and_then(|since| since.checked_rem(self.outage_every_us));
        let is_out = since.is_some_and(|since| since < OUTAGE_US);
        (!rng.chance(self.loss) && !is_out).then_some(now + self.way_us + late)
    }
}

/// The lines of a crowd: from the nearest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    pub nearest_us: u64,
    pub farthest_us: u64,
    pub jitter_us: u64,
    pub loss: u32,
    pub outage_every_us: u64,
}

impl Lines {
    pub fn of(&self, index: usize, count: usize, rng: &mut Rng) -> Line {
        let (index, count) = (u64::try_from(index).expect("small"), u64::try_from(count).expect("small"));
        let span = self.farthest_us.saturating_sub(self.nearest_us);
        let way_us = self.nearest_us + span * index / count.saturating_sub(1).max(1);
        let Self { jitter_us, loss, outage_every_us, .. } = *self;
        Line { way_us, jitter_us, loss, outage_every_us, phase_us: rng.below(outage_every_us) }
    }
}
