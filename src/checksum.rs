//! Hashes of the game's state by frame.

use heapless::Vec;

/// How many of the local ones are kept. Pushed every eighth frame, they reach back as far as the longest window.
pub(crate) const LOCAL: usize = 16;
/// How many of a peer's are held until the local game reaches their frames. The peer resends the others.
pub(crate) const WAITING: usize = 8;

/// The hash of a game's state after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) frame: u32,
    pub(crate) hash: u64,
}

/// The latest checksums of one game, in ascending order of frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checksums<const COUNT: usize> {
    // Apart, since pairs would be padded. There are as many hashes as frames; the rest are 0.
    frames: Vec<u32, COUNT, u8>,
    hashes: [u64; COUNT],
}

impl<const COUNT: usize> Default for Checksums<COUNT> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const COUNT: usize> Checksums<COUNT> {
    pub(crate) const fn new() -> Self {
        Self { frames: Vec::new(), hashes: [0; COUNT] }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Checksum> {
        let pairs = self.frames.iter().zip(&self.hashes);
        pairs.map(|(frame, hash)| Checksum { frame: *frame, hash: *hash })
    }

    pub(crate) fn get(&self, frame: u32) -> Option<u64> {
        self.iter().find(|checksum| checksum.frame == frame).map(|checksum| checksum.hash)
    }

    /// The frame after the latest one; 0 if there is none.
    pub(crate) fn end(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.saturating_add(1))
    }

    /// The frame of the oldest one, if the next push drops it.
    pub(crate) fn next_dropped(&self) -> Option<u32> {
        if self.frames.is_full() { self.frames.first().copied() } else { None }
    }

    /// Adds one whose frame is `end` or later; without a free place the oldest one is dropped.
    pub(crate) fn push(&mut self, checksum: Checksum) {
        if let Some(oldest) = self.next_dropped() {
            self.drop_through(oldest);
        }
        self.append(checksum);
    }

    /// Drops all up to and including `frame`.
    pub(crate) fn drop_through(&mut self, frame: u32) {
        let before = core::mem::take(self);
        before.iter().filter(|checksum| checksum.frame > frame).for_each(|checksum| self.append(checksum));
    }

    /// Adds one where there is a free place.
    fn append(&mut self, checksum: Checksum) {
        if let Some(hash) = self.hashes.get_mut(self.frames.len())
            && self.frames.push(checksum.frame).is_ok()
        {
            *hash = checksum.hash;
        }
    }
}
