//! The player numbers that removals freed in this epoch: late words may still name them (PROTOCOL 3.12).

use crate::ids::Frame;

/// The players that were named and removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Former {
    /// A bit for each number, modulo 32: so two of them may look the same.
    players: u32,
    /// The first frame of which no survivor knows an input of any of them.
    end: u32,
}

impl Former {
    /// No player.
    pub(crate) const NONE: Self = Self { players: 0, end: 0 };

    /// Notes that a player was removed, of which survivors know the frames below `end`.
    pub(crate) fn note(&mut self, player: u16, end: u32) {
        self.players |= bit(player);
        self.end = self.end.max(end);
    }

    /// Whether late words may name a player that joins from a frame, or takes part from the first one on.
    pub(crate) fn may_be_named(self, player: u16, from: Option<Frame>) -> bool {
        self.players & bit(player) != 0 && from.is_none_or(|from| from.get() <= self.end)
    }
}

/// The bit of a player number.
fn bit(player: u16) -> u32 {
    1_u32.wrapping_shl(player.into())
}
