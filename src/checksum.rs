//! State hashes by frame: our own, and a peer's that wait for ours.

use heapless::Vec;

/// How many of our own are kept. Pushed every eighth frame, they reach back as far as the longest window.
pub(crate) const OWN: usize = 16;
/// How many of a peer's wait for ours. The peer says the others again.
pub(crate) const WAITING: usize = 8;

/// The hash of a game's state after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) frame: u32,
    pub(crate) hash: u64,
}

/// The newest hashes of one end, in the order of their frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checksums<const COUNT: usize> {
    // Apart, since together they would be padded. There are as many hashes as frames; after them is 0.
    frames: Vec<u32, COUNT, u8>,
    hashes: [u64; COUNT],
}

impl<const COUNT: usize> Default for Checksums<COUNT> {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
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

    /// The frame after the newest one; 0 if there is none.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn end(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.saturating_add(1))
    }

    /// The oldest frame, if the next one would push it out.
    pub(crate) fn leaving(&self) -> Option<u32> {
        if self.frames.is_full() { self.frames.first().copied() } else { None }
    }

    /// Adds one whose frame is `end` or later; the oldest leaves if there is no room.
    pub(crate) fn push(&mut self, checksum: Checksum) {
        if let Some(oldest) = self.leaving() {
            self.forget_to(oldest);
        }
        self.append(checksum);
    }

    /// Forgets all up to and including `frame`.
    pub(crate) fn forget_to(&mut self, frame: u32) {
        let before = core::mem::take(self);
        before.iter().filter(|checksum| checksum.frame > frame).for_each(|checksum| self.append(checksum));
    }

    fn append(&mut self, checksum: Checksum) {
        // There is room: the callers have seen to that.
        if let Some(hash) = self.hashes.get_mut(self.frames.len())
            && self.frames.push(checksum.frame).is_ok()
        {
            *hash = checksum.hash;
        }
    }
}
