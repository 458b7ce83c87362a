//! Pseudo-random numbers, the same on every machine.

/// `SplitMix64`: small, fast and good enough for a lossy network.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// True in `percent` of all cases.
    pub(crate) fn chance(&mut self, percent: f64) -> bool {
        let millionths = u32::try_from(self.next() % 1_000_000).unwrap_or(0);
        f64::from(millionths) < percent * 10_000.0
    }
}

/// Stirs a number until nothing of its order is left.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
