//! What the link of a row is like. Losses depend on the seed and the time alone, so that all libraries meet the same ones.

use inputwire_sim::network::{Faults, Network};

/// The faults of a link.
#[derive(Clone, Copy)]
pub struct Weather {
    pub name: &'static str,
    pub rtt_us: u64,
    pub loss: f64,
    /// Bad spells of 200 ms on average and 400 ms at most, 5 % of the time, in which nothing is delivered.
    pub bursts: bool,
    /// Outages of 0.3, 0.6 and 0.9 s in turn, every 5 s.
    pub outages: bool,
}

/// When an outage begins within its period.
const OUTAGE_EVERY_US: u64 = 5_000_000;
const OUTAGE_AT_US: u64 = 3_000_000;

impl Weather {
    /// Makes the link between two endpoints.
    pub fn network(&self, seed: u64) -> Network {
        let (good_us, bad_us) = if self.bursts { (3_800_000, 200_000) } else { (0, 0) };
        let loss = (self.loss * 1_000.0).round() as u32;
        let faults = Faults { delay_us: self.rtt_us / 2, loss, good_us, bad_us, ..Faults::default() };
        let mut network = Network::by_time(2, seed, 1);
        network.set_faults(0, 1, faults);
        network.set_faults(1, 0, faults);
        network
    }

    /// Returns when the outage ends that lasts at `now`, if one does.
    pub fn outage_until(&self, now: u64) -> Option<u64> {
        let period = now / OUTAGE_EVERY_US;
        let (start, length) = (period * OUTAGE_EVERY_US + OUTAGE_AT_US, 300_000 * (1 + period % 3));
        (self.outages && now >= start && now < start + length).then_some(start + length)
    }
}
