//! The game: buttons that follow from a hash, so that each player can check what it receives from the other.

use std::collections::BTreeSet;

use inputwire::{Epoch, Frame};
use inputwire_sim::rng::mix;

/// The length of an input: one byte for eight buttons, all that the classic wire carries.
pub(crate) const INPUT_LEN: usize = 1;
/// The number of frames for which a player holds its buttons.
const HOLD: u32 = 8;

/// Returns the buttons of a player in a frame.
pub(crate) fn input(player: u16, epoch: Epoch, frame: Frame) -> [u8; INPUT_LEN] {
    let player_and_epoch = u64::from(player) << 32 | u64::from(epoch.get());
    let [buttons, ..] = mix(mix(player_and_epoch) ^ u64::from(frame.get() / HOLD)).to_le_bytes();
    [buttons]
}

/// Checks the inputs received from a player in the current epoch.
pub(crate) struct Checker {
    player: u16,
    epoch: Epoch,
    /// Inputs delivered.
    pub(crate) delivered: u64,
    /// Inputs delivered after one of a later frame.
    pub(crate) late: u64,
    /// Inputs that the player did not push, or that were delivered twice. Includes earlier epochs.
    pub(crate) wrong: u64,
    /// The frame after the latest one delivered.
    end: u32,
    undelivered: BTreeSet<u32>,
}

impl Checker {
    pub(crate) fn new(player: u16) -> Self {
        let epoch = Epoch::new(0);
        Self { player, epoch, delivered: 0, late: 0, wrong: 0, end: 0, undelivered: BTreeSet::new() }
    }

    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) {
        *self = Self { epoch, wrong: self.wrong, ..Self::new(self.player) };
    }

    pub(crate) fn check(&mut self, frame: Frame, delivered: [u8; INPUT_LEN]) {
        self.delivered += 1;
        let number = frame.get();
        let first_time = if number >= self.end {
            self.undelivered.extend(self.end..number);
            self.end = number + 1;
            true
        } else {
            self.late += 1;
            self.undelivered.remove(&number)
        };
        if !first_time || delivered != input(self.player, self.epoch, frame) {
            self.wrong += 1;
        }
    }

    /// Returns how many frames below the latest one were not delivered.
    pub(crate) fn undelivered(&self) -> usize {
        self.undelivered.len()
    }
}
