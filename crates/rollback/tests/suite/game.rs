//! The smallest game: its state is a hash of every input of every frame, so two states are equal only if all inputs were.

use inputwire_rollback::Inputs;
use inputwire_sim::rng::mix;

/// Inputs of two bytes.
pub(crate) const LEN: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Game {
    pub(crate) hash: u64,
    /// How many frames were played from the first state.
    pub(crate) frames: u32,
}

impl Game {
    /// The first state of a round.
    pub(crate) fn new(round: u64) -> Self {
        Self { hash: mix(round), frames: 0 }
    }

    pub(crate) fn play(&mut self, inputs: impl IntoIterator<Item = (u16, [u8; LEN])>) {
        for (player, [low, high]) in inputs {
            self.hash = mix(self.hash ^ u64::from(player) << 16 ^ u64::from(high) << 8 ^ u64::from(low));
        }
        self.hash = mix(self.hash);
        self.frames += 1;
    }

    pub(crate) fn advance(&mut self, inputs: &Inputs<'_, LEN>) {
        self.play(inputs.present().map(|player| (player.player, player.input)));
    }
}
