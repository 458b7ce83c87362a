//! The limits that no protocol can beat: the entropy of the inputs, and the delay of the link and the frames.

use std::collections::HashMap;

use crate::duel::FRAME_US;

/// The frame numbers in the datagrams of the compact wire, to measure their entropy.
#[derive(Default)]
pub struct Numbers {
    last: [Option<(u8, u8)>; 2],
    seen: HashMap<(u8, u8, u8), u64>,
    pub datagrams: u64,
    pub inputs: u64,
}

impl Numbers {
    /// Adds a datagram, if it is one of the compact wire.
    pub fn add(&mut self, side: usize, datagram: &[u8]) {
        let &[tag, end, ack, _, _, ref rest @ ..] = datagram else { return };
        if tag & 0x80 == 0 {
            return;
        }
        let count = if tag & 15 == 15 { 15 + rest.first().copied().unwrap_or(0) } else { tag & 15 };
        let (last_end, last_ack) = self.last[side].replace((end, ack)).unwrap_or((end, ack));
        *self.seen.entry((end.wrapping_sub(last_end), ack.wrapping_sub(last_ack), count)).or_default() += 1;
        self.datagrams += 1;
        self.inputs += u64::from(count);
    }

    /// Returns the entropy of the frame numbers and the count of a datagram in bits, given those of the one before it.
    fn entropy(&self) -> f64 {
        let total = self.datagrams as f64;
        self.seen.values().map(|times| *times as f64 / total).map(|p| -p * p.log2()).sum()
    }

    /// Returns the least bytes of a datagram with the unacknowledged inputs, the numbers and a tag of two bytes.
    pub fn limit(&self, bits_per_input: f64) -> f64 {
        2.0 + (self.entropy() + self.inputs as f64 / self.datagrams as f64 * bits_per_input) / 8.0
    }
}

/// Returns the least age at which an input can be known, in frames: one trip, and with `frames_only` the wait for the next
/// frame, in the direction where it is longer. The second endpoint plays its frames 10 ms after the first.
pub fn age(rtt_us: u64, frames_only: bool) -> f64 {
    let trip = rtt_us / 2;
    let next = |phase: u64| (trip + FRAME_US - phase).next_multiple_of(FRAME_US) - FRAME_US + phase;
    let known = if frames_only { next(10_000).max(next(FRAME_US - 10_000)) } else { trip };
    known as f64 / FRAME_US as f64
}
