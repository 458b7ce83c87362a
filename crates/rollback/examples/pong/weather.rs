//! Loss on purpose, since a loopback has none.

use inputwire_sim::rng::Rng;

pub(crate) struct Weather {
    rng: Rng,
    percent: u32,
}

impl Weather {
    pub(crate) fn new(seed: u64, percent: u32) -> Self {
        Self { rng: Rng::new(seed), percent }
    }

    /// Whether the next datagram is lost.
    pub(crate) fn is_lost(&mut self) -> bool {
        self.rng.chance(self.percent * 10)
    }
}
