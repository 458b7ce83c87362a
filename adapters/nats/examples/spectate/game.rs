//! A match to publish: two players with a byte of buttons each, and a game whose state is a hash of all inputs.

use inputwire_sim::rng::Rng;

pub(crate) const CHECKSUM_EVERY: u32 = 600;
pub(crate) const FRAMES_PER_SECOND: u32 = 60;

/// The inputs of a match, and the state of its game. Equal seeds play equally.
#[derive(Clone, Debug)]
pub(crate) struct Players {
    rng: Rng,
    inputs: [u8; 2],
}

impl Players {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed), inputs: [0; 2] }
    }

    /// The inputs of the next frame: a button changes in 12 of 100 frames.
    pub(crate) fn play(&mut self) -> [u8; 2] {
        for input in &mut self.inputs {
            if self.rng.chance(120) {
                *input ^= 1 << self.rng.below(8);
            }
        }
        self.inputs
    }
}

/// The game, at a player and at a watcher.
#[derive(Clone, Debug, Default)]
pub(crate) struct Game {
    state: u64,
}

impl Game {
    pub(crate) fn advance(&mut self, inputs: [u8; 2]) {
        self.state = Rng::new(self.state ^ u64::from(u16::from_le_bytes(inputs))).next();
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.state
    }
}
