//! Checked reading and writing of bits, least significant first, with trailing zero bytes left unsaid (PROTOCOL 3.4).

/// Writes bits into a slice. What does not fit is counted only, and is no harm where it is zero.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    room: &'a mut [u8],
    at: Place,
}

/// How far a writer has come. What was written after it counts no more once the writer is back there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Bytes written, and how many of them are there up to the last one that is not zero.
    written: usize,
    len: usize,
    /// Bits that do not fill a word of 32 yet, and how many they are.
    pending: u64,
    pending_bits: u32,
}

impl Place {
    /// How many bits lie before it.
    pub(crate) fn bits(self) -> usize {
        let pending = usize::try_from(self.pending_bits).unwrap_or(0);
        self.written.saturating_mul(8).saturating_add(pending)
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
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        let at = &mut self.at;
        at.pending |= u64::from(value).wrapping_shl(at.pending_bits);
        at.pending_bits = at.pending_bits.wrapping_add(count);
        while self.at.pending_bits >= 32 {
            self.put_word();
            self.at.pending >>= 32;
            self.at.pending_bits = self.at.pending_bits.wrapping_sub(32);
        }
    }

    /// Writes the low half of what is pending.
    fn put_word(&mut self) {
        let [a, b, c, d, ..] = self.at.pending.to_le_bytes();
        let word = [a, b, c, d];
        let start = self.at.written;
        self.at.written = start.saturating_add(word.len());
        let rest = self.room.get_mut(start..).unwrap_or_default();
        match rest.first_chunk_mut() {
            Some(place) => *place = word,
            None => rest.iter_mut().zip(word).for_each(|(place, byte)| *place = byte),
        }
        let len = significant(u64::from(u32::from_le_bytes(word)));
        if len > 0 {
            self.at.len = start.saturating_add(len);
        }
    }

    /// Bytes that the bits so far need, trailing zero bytes left out.
    pub(crate) fn len(&self) -> usize {
        match significant(self.at.pending) {
            0 => self.at.len,
            len => self.at.written.saturating_add(len),
        }
    }

    /// Writes what is pending and returns the length in bytes, or `None` if it does not fit.
    pub(crate) fn finish(mut self) -> Option<usize> {
        self.put_word();
        (self.at.len <= self.room.len()).then_some(self.at.len)
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
    pub(crate) fn get(&mut self, count: u32) -> u8 {
        let [value, ..] = self.peek().to_le_bytes();
        self.pass(count);
        value & low_bits(count)
    }

    /// The next 32 bits, or more.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn peek(&mut self) -> u64 {
        if self.ready_bits < 32 {
            self.take_up();
        }
        self.ready
    }

    /// Passes over `count` bits that were peeked at.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn pass(&mut self, count: u32) {
        self.ready = self.ready.wrapping_shr(count);
        self.ready_bits = self.ready_bits.wrapping_sub(count);
    }

    /// Passes over bits that are zero, `most` at most and perhaps not all of them, and returns how many.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
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
    pub(crate) const fn is_exact(&self) -> bool {
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
