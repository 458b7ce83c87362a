//! The inputs of the players: random processes whose entropy is known.

use inputwire_sim::rng::Rng;

/// The simulator's generator, with the distributions of this benchmark.
#[derive(Clone)]
pub struct Random(Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    pub const fn next(&mut self) -> u64 {
        self.0.next()
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        ((self.next() >> 11) as f64) < p * (1_u64 << 53) as f64
    }
}

/// A bit toggles with this probability in a frame.
const TOGGLE: f64 = 0.12;
/// An axis moves with this probability in a frame, by -8 to 8 but not 0, each equally likely.
const MOVE: f64 = 0.5;

/// The inputs of one player.
pub struct Player<const N: usize> {
    random: Random,
    pub input: [u8; N],
}

impl<const N: usize> Player<N> {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), input: [0; N] }
    }

    /// Returns the next input: one byte of buttons, or two bytes of buttons and then axes.
    pub fn play(&mut self) -> [u8; N] {
        let buttons = N.min(2);
        for byte in &mut self.input[..buttons] {
            if self.random.chance(TOGGLE) {
                *byte ^= 1 << self.random.below(8);
            }
        }
        // Two sticks have four axes, so the last two of eight bytes never change.
        for byte in &mut self.input[buttons.min(N)..N.min(6).max(buttons)] {
            if self.random.chance(MOVE) {
                let step = self.random.below(16) as i8 - 8;
                *byte = byte.wrapping_add_signed(if step >= 0 { step + 1 } else { step });
            }
        }
        self.input
    }
}

/// Returns the entropy of one input in bits, given the one before it.
pub fn entropy<const N: usize>() -> f64 {
    let binary = |p: f64| -(p * p.log2() + (1.0 - p) * (1.0 - p).log2());
    let button = binary(TOGGLE) + TOGGLE * 3.0;
    let axis = binary(MOVE) + MOVE * 4.0;
    let (buttons, axes) = if N == 1 { (1.0, 0.0) } else { (2.0, 4.0) };
    buttons * button + axes * axis
}
