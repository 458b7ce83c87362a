//! Whose numbers were freed in this epoch: late words of survivors still name them (PROTOCOL 3.12).

/// The players that were named and removed, a bit for each number, modulo 16: so two of them may look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Former(u16);

impl Former {
    /// No player.
    pub(crate) const NONE: Self = Self(0);

    /// Notes that a player was removed.
    pub(crate) fn note(&mut self, player: u16) {
        self.0 |= bit(player);
    }

    /// Whether late words may name a player.
    pub(crate) fn has(self, player: u16) -> bool {
        self.0 & bit(player) != 0
    }
}

/// The bit of a player number.
fn bit(player: u16) -> u16 {
    1_u16.wrapping_shl(player.into())
}
