//! A small generator of random numbers. Equal seeds give equal numbers, on every machine and in every version.

/// What the state grows by with each number: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`: fast, of 64 bits of state, and good enough for everything but secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(u64);

impl Rng {
    /// Creates a generator. Every seed is a good one.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number of 64 random bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Returns a number from 0 to `limit` - 1, or 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns a number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Returns a number from 1 to `high`, each power of two as likely as any other.
    pub fn magnitude(&mut self, high: u64) -> u64 {
        let bits = self.between(0, u64::from(high.max(1).ilog2()));
        self.between(1 << bits, (2 << bits) - 1).min(high)
    }

    /// Returns true `permille` times in a thousand.
    pub fn chance(&mut self, permille: u32) -> bool {
        permille > 0 && self.below(1_000) < u64::from(permille)
    }

    /// Returns true once in `count` times.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Returns an index into something of this length.
    ///
    /// # Panics
    ///
    /// If `len` does not fit 64 bits.
    pub fn index(&mut self, len: usize) -> usize {
        let len = u64::try_from(len).expect("a length");
        usize::try_from(self.below(len)).expect("an index")
    }

    /// Returns one of the elements.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}

/// Returns the number that `Rng::new(seed)` gives after `index` others, without them.
#[must_use]
pub const fn nth(seed: u64, index: u64) -> u64 {
    mix(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP)))
}

/// Scrambles a number: what `SplitMix64` makes of its state.
#[must_use]
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Rng, nth};

    /// From the reference implementation of Sebastiano Vigna (<https://prng.di.unimi.it/splitmix64.c>).
    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([(); 3].map(|()| rng.next()), expected);
    }

    #[test]
    fn the_nth_number_is_the_one_in_the_sequence() {
        let mut rng = Rng::new(7);
        for index in 0..10 {
            assert_eq!(nth(7, index), rng.next());
        }
    }

    #[test]
    fn numbers_stay_within_their_limits() {
        let mut rng = Rng::new(7);
        for _ in 0..1_000 {
            assert!(rng.below(3) < 3);
            assert!((3..=5).contains(&rng.between(3, 5)));
            assert!((1..=100).contains(&rng.magnitude(100)));
            assert_eq!(rng.below(0), 0);
            assert!(!rng.chance(0) && rng.chance(1_000));
        }
    }
}
