//! Checked reading and writing of bits, least significant first, with trailing zero bytes left unsaid (PROTOCOL 3.4).

/// Writes bits into a slice. Zero bytes are counted and only written once a byte that is not zero follows, and so is what
/// does not fit, but for being written.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    room: &'a mut [u8],
    at: Place,
}

/// How far a writer has come. What was written after it counts no more once the writer is back there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Bytes written; the last one is not zero.
    written: usize,
    /// Zero bytes after them.
    zeros: usize,
    /// Bits that do not fill a word of 32 yet, and how many they are.
    pending: u64,
    pending_bits: u32,
}

impl Place {
    /// How many bits lie before it.
    pub(crate) fn bits(self) -> usize {
        let pending = usize::try_from(self.pending_bits).unwrap_or(0);
        self.written.saturating_add(self.zeros).saturating_mul(8).saturating_add(pending)
    }
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(room: &'a mut [u8]) -> Self {
        Self { room, at: Place::default() }
    }

    pub(crate) const fn place(&self) -> Place {
        self.at
    }

    /// Unwrites everything after a place that this writer has been at.
    pub(crate) const fn back_to(&mut self, place: Place) {
        self.at = place;
    }

    /// Writes `value` in `count` bits: its own, and zeros above them.
    #[inline]
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        let at = &mut self.at;
        at.pending |= u64::from(value).wrapping_shl(at.pending_bits);
        at.pending_bits = at.pending_bits.saturating_add(count);
        while self.at.pending_bits >= 32 {
            self.put_word();
            self.at.pending >>= 32;
            self.at.pending_bits = self.at.pending_bits.saturating_sub(32);
        }
    }

    /// Writes the low half of what is pending.
    #[inline(never)]
    fn put_word(&mut self) {
        let [a, b, c, d, ..] = self.at.pending.to_le_bytes();
        let (bytes, len) = ([a, b, c, d], significant(u64::from(u32::from_le_bytes([a, b, c, d]))));
        if len == 0 {
            self.at.zeros = self.at.zeros.saturating_add(bytes.len());
            return;
        }
        let start = self.at.written;
        let end = start.saturating_add(self.at.zeros).saturating_add(len);
        let place = self.room.get_mut(start..end).and_then(|place| place.split_at_mut_checked(self.at.zeros));
        if let Some((zeros, place)) = place {
            zeros.fill(0);
            place.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        }
        self.at.written = end;
        self.at.zeros = bytes.len().saturating_sub(len);
    }

    /// Bytes that the bits so far need, trailing zero bytes left out.
    pub(crate) fn len(&self) -> usize {
        let Place { written, zeros, pending, .. } = self.at;
        let pending = significant(pending);
        if pending == 0 { written } else { written.saturating_add(zeros).saturating_add(pending) }
    }

    /// Writes what is pending and returns the length in bytes, or `None` if it does not fit.
    pub(crate) fn finish(mut self) -> Option<usize> {
        self.put_word();
        (self.at.written <= self.room.len()).then_some(self.at.written)
    }
}

/// The bytes of a number up to the last one that is not zero.
fn significant(number: u64) -> usize {
    let bits = 64_u32.saturating_sub(number.leading_zeros());
    usize::try_from(bits.saturating_add(7) >> 3).unwrap_or(0)
}

/// Reads bits from a slice; past its end every bit is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitReader<'a> {
    /// Bytes not taken up yet.
    rest: &'a [u8],
    /// Bits taken up and not read, and how many they are; endlessly many once no byte is left.
    ready: u64,
    ready_bits: u32,
    /// Whether the last byte is zero, which would better have been left unsaid.
    padded: bool,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, ready: 0, ready_bits: 0, padded: bytes.last() == Some(&0) }
    }

    pub(crate) fn bit(&mut self) -> bool {
        self.get(1) != 0
    }

    /// Reads `count` bits, at most 8.
    #[inline]
    pub(crate) fn get(&mut self, count: u32) -> u8 {
        let [value, ..] = self.peek().to_le_bytes();
        self.pass(count);
        value & low_bits(count)
    }

    /// The next 32 bits, or more.
    #[inline]
    pub(crate) fn peek(&mut self) -> u64 {
        if self.ready_bits < 32 {
            self.take_up();
        }
        self.ready
    }

    /// Passes over `count` bits that were peeked at.
    #[inline]
    pub(crate) fn pass(&mut self, count: u32) {
        self.ready = self.ready.wrapping_shr(count);
        self.ready_bits = self.ready_bits.saturating_sub(count);
    }

    /// Passes over bits that are zero, `most` at most and perhaps not all of them, and returns how many.
    #[inline]
    pub(crate) fn pass_zeros(&mut self, most: u32) -> u32 {
        let zeros = self.peek().trailing_zeros().min(32).min(most);
        self.pass(zeros);
        zeros
    }

    fn take_up(&mut self) {
        if let Some((bytes, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            self.ready |= u64::from(u32::from_le_bytes(*bytes)).wrapping_shl(self.ready_bits);
            self.ready_bits = self.ready_bits.saturating_add(32);
            return;
        }
        for byte in core::mem::take(&mut self.rest) {
            self.ready |= u64::from(*byte).wrapping_shl(self.ready_bits);
            self.ready_bits = self.ready_bits.saturating_add(8);
        }
        self.ready_bits = u32::MAX;
    }

    /// Whether the slice holds exactly the bits read, in the shortest way: its last byte is not zero, and no bit that
    /// was not read is 1.
    pub(crate) fn is_exact(self) -> bool {
        self.rest.is_empty() && self.ready == 0 && !self.padded
    }
}

/// A byte whose low `count` bits are set.
const fn low_bits(count: u32) -> u8 {
    match 1_u8.checked_shl(count) {
        Some(bit) => bit.wrapping_sub(1),
        None => 0xff,
    }
}
