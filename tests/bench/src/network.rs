//! One direction of a deterministic link. The losses depend on the seed and the time alone, so that all libraries meet the
//! same ones.

use std::collections::VecDeque;

use crate::inputs::Random;

/// The faults of a link.
#[derive(Clone, Copy)]
pub struct Weather {
    pub name: &'static str,
    pub rtt_us: u64,
    pub loss: f64,
    /// Bad spells of 200 ms on average, 5 % of the time, in which nothing is delivered.
    pub bursts: bool,
    /// Outages of 0.3, 0.6 and 0.9 s in turn, every 5 s.
    pub outages: bool,
}

/// When an outage begins within its period.
pub const OUTAGE_EVERY_US: u64 = 5_000_000;
const OUTAGE_AT_US: u64 = 3_000_000;

/// Returns the outage of the current period: when it begins, and how long it lasts.
pub fn outage(now: u64) -> (u64, u64) {
    let period = now / OUTAGE_EVERY_US;
    (period * OUTAGE_EVERY_US + OUTAGE_AT_US, 300_000 * (1 + period % 3))
}

pub struct Line {
    weather: Weather,
    seed: u64,
    /// The bad spells, in order.
    spells: Vec<(u64, u64)>,
    under_way: VecDeque<(u64, Vec<u8>)>,
    last: (u64, u64),
}

impl Line {
    pub fn new(weather: Weather, seed: u64, until: u64) -> Self {
        let mut random = Random::new(seed ^ 0xb125);
        let mut spells = Vec::new();
        let mut at = 0;
        while weather.bursts && at < until {
            let mut duration =
                |mean: f64| (-mean * (1.0 - (random.below(1 << 20) as f64 / (1 << 20) as f64)).ln()) as u64;
            let start = at + duration(3_800_000.0);
            at = start + duration(200_000.0);
            spells.push((start, at));
        }
        Self { weather, seed, spells, under_way: VecDeque::new(), last: (0, 0) }
    }

    pub fn send(&mut self, now: u64, datagram: &[u8]) {
        self.last = if self.last.0 == now { (now, self.last.1 + 1) } else { (now, 0) };
        let mut random = Random::new(self.seed ^ now.wrapping_mul(31) ^ self.last.1 << 56);
        let (start, length) = outage(now);
        let out = self.weather.outages && now >= start && now < start + length;
        let bad = self.spells.iter().any(|(start, end)| (*start..*end).contains(&now));
        if !out && !bad && !random.chance(self.weather.loss) {
            self.under_way.push_back((now + self.weather.rtt_us / 2, datagram.to_vec()));
        }
    }

    /// Returns when the next datagram arrives.
    pub fn next(&self) -> Option<u64> {
        self.under_way.front().map(|(at, _)| *at)
    }

    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.under_way.pop_front().map(|(_, datagram)| datagram)
    }
}
