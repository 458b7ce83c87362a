//! The inputs of a frame, as a game sees them.

/// How much the input of a player is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The input that the player gave for this frame.
    Confirmed,
    /// A prediction: the frame is simulated again if it turns out to be wrong.
    Predicted,
    /// The player is not in the game at this frame, since it left before or joins later; its input is all zeros. Every
    /// endpoint agrees on that once the frame is confirmed, so a game may give its part to a bot.
    Departed,
}

/// The input of one player for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayerInput<const INPUT_LEN: usize> {
    /// The player number.
    pub player: u16,
    /// What it is worth. A game whose state depends on the difference between `Confirmed` and `Predicted` diverges.
    pub status: Status,
    /// The input; all zeros if the player is not in the game.
    pub input: [u8; INPUT_LEN],
}

/// The inputs of all players for a frame.
///
/// A player that was never added, or was removed, is like one that departed: the simulation does not depend on when an
/// endpoint adds and removes it.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, const INPUT_LEN: usize> {
    pub(crate) local: PlayerInput<INPUT_LEN>,
    /// In ascending order of player numbers.
    pub(crate) peers: &'a [PlayerInput<INPUT_LEN>],
}

impl<const INPUT_LEN: usize> Inputs<'_, INPUT_LEN> {
    /// The input of a player: all zeros if it is not in the game.
    #[must_use]
    pub fn input(&self, player: u16) -> [u8; INPUT_LEN] {
        self.get(player).input
    }

    /// The input of a player, and what it is worth.
    #[must_use]
    pub fn get(&self, player: u16) -> PlayerInput<INPUT_LEN> {
        if player == self.local.player {
            return self.local;
        }
        let found = self.peers.iter().find(|peer| peer.player == player).copied();
        found.unwrap_or(PlayerInput { player, status: Status::Departed, input: [0; INPUT_LEN] })
    }

    /// The part of a player's input that belongs to one of several people who share its machine: the bytes
    /// `seat * LEN` and following; zeros beyond the end.
    ///
    /// ```
    /// # use inputwire_rollback::Inputs;
    /// /// Two people a machine, two bytes each.
    /// fn play(inputs: &Inputs<'_, 4>) {
    ///     let [stick, buttons] = inputs.seat(0, 1); // the second person at the machine of player 0
    /// }
    /// ```
    #[must_use]
    pub fn seat<const LEN: usize>(&self, player: u16, seat: usize) -> [u8; LEN] {
        let input = self.input(player);
        input.as_chunks().0.get(seat).copied().unwrap_or([0; LEN])
    }

    /// The players that are in the game at this frame, in ascending order of their numbers; the same at every endpoint.
    pub fn present(&self) -> impl Iterator<Item = PlayerInput<INPUT_LEN>> {
        let before = self.peers.partition_point(|peer| peer.player < self.local.player);
        let (before, after) = self.peers.split_at_checked(before).unwrap_or((self.peers, &[]));
        let all = before.iter().chain(core::iter::once(&self.local)).chain(after);
        all.filter(|player| player.status != Status::Departed).copied()
    }
}
