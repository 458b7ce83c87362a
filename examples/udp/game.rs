//! The game: buttons that follow from a hash, so that each end can check what it is told of the other.

use std::collections::BTreeSet;

use inputwire::{Epoch, Frame};

use crate::random::mix;

/// Bytes of an input: eight buttons. The classic wire carries one byte and no more.
pub(crate) const INPUT: usize = 1;
/// For how many frames a player holds its buttons.
const HOLD: u32 = 8;

/// What a player does in a frame.
pub(crate) fn input(player: u16, epoch: Epoch, frame: Frame) -> [u8; INPUT] {
    let who_and_when = u64::from(player) << 32 | u64::from(epoch.get());
    let [buttons, ..] = mix(mix(who_and_when) ^ u64::from(frame.get() / HOLD)).to_le_bytes();
    [buttons]
}

/// What we were told of a player in the present epoch.
pub(crate) struct Book {
    player: u16,
    epoch: Epoch,
    /// Inputs told.
    pub(crate) told: u64,
    /// Inputs told after one of a later frame.
    pub(crate) late: u64,
    /// Inputs that their player did not push, or that were told twice. Those of earlier epochs stay counted.
    pub(crate) wrong: u64,
    /// The frame after the newest one told.
    end: u32,
    missing: BTreeSet<u32>,
}

impl Book {
    pub(crate) fn new(player: u16) -> Self {
        let epoch = Epoch::new(0);
        Self { player, epoch, told: 0, late: 0, wrong: 0, end: 0, missing: BTreeSet::new() }
    }

    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) {
        *self = Self { epoch, wrong: self.wrong, ..Self::new(self.player) };
    }

    pub(crate) fn tell(&mut self, frame: Frame, told: [u8; INPUT]) {
        self.told += 1;
        let number = frame.get();
        let first_time = if number >= self.end {
            self.missing.extend(self.end..number);
            self.end = number + 1;
            true
        } else {
            self.late += 1;
            self.missing.remove(&number)
        };
        if !first_time || told != input(self.player, self.epoch, frame) {
            self.wrong += 1;
        }
    }

    /// Frames below the newest one told that were not told.
    pub(crate) fn missing(&self) -> usize {
        self.missing.len()
    }
}
