//! One row, as it is read.

use inputwire::{Epoch, Frame};

use crate::model::RowBuf;

/// The confirmed inputs of all players in one frame.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub(crate) epoch: u32,
    pub(crate) frame: u32,
    pub(crate) input_len: usize,
    pub(crate) buf: &'a RowBuf,
}

impl<'a> Row<'a> {
    /// The epoch of the frame.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch::new(self.epoch)
    }

    /// The frame.
    #[must_use]
    pub const fn frame(&self) -> Frame {
        Frame::new(self.frame)
    }

    /// The input of the player in a seat, the n-th of [`Header::players`](crate::Header::players); `None` before the player
    /// joins and after it has departed.
    #[must_use]
    pub fn input(&self, seat: usize) -> Option<&'a [u8]> {
        self.inputs().nth(seat).flatten()
    }

    /// The inputs of all seats, in their order.
    pub fn inputs(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let present = self.buf.present;
        let inputs = self.buf.inputs.chunks_exact(self.input_len.max(1));
        inputs.zip(0_u32..).map(move |(input, seat)| (present >> seat & 1 == 1).then_some(input))
    }

    /// The players' hash of the game's state after this frame, where the feed carries one. If the watcher's own differs, the
    /// two games diverged in this frame or before it, but after the last frame whose hashes were equal.
    #[must_use]
    pub const fn checksum(&self) -> Option<u64> {
        self.buf.checksum
    }
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.epoch, self.frame, self.buf) == (other.epoch, other.frame, other.buf)
    }
}
