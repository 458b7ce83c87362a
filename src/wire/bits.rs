//! Checked reading and writing of bits, least significant first, with trailing zero bytes omitted (PROTOCOL 3.4).

/// Writes bits into a slice. Bytes past its end are only counted, which does no harm as long as they are zero.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    buf: &'a mut [u8],
    at: Checkpoint,
}

/// A position of a writer, to rewind to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checkpoint {
    /// Bytes written, and how many of them up to the last one that is not zero.
    written: usize,
    len: usize,
    /// Bits that do not fill a word of 32 yet, and their number.
    pending: u64,
    pending_bits: u32,
}

impl Checkpoint {
    /// Bits before it.
    pub(crate) fn bits(self) -> usize {
        let pending = usize::try_from(self.pending_bits).unwrap_or(0);
        self.written.saturating_mul(8).saturating_add(pending)
    }
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, at: Checkpoint::default() }
    }

    pub(crate) const fn checkpoint(&self) -> Checkpoint {
        self.at
    }

    /// Discards everything after a checkpoint of this writer.
    pub(crate) const fn rewind(&mut self, to: Checkpoint) {
        self.at = to;
    }

    /// Writes `value` in `count` bits: its own, and zeros above them.
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
        let rest = self.buf.get_mut(start..).unwrap_or_default();
        match rest.first_chunk_mut() {
            Some(bytes) => *bytes = word,
            None => rest.iter_mut().zip(word).for_each(|(to, byte)| *to = byte),
        }
        let len = significant(u64::from(u32::from_le_bytes(word)));
        if len > 0 {
            self.at.len = start.saturating_add(len);
        }
    }

    /// Bytes that the bits so far take, without trailing zero bytes.
    pub(crate) fn len(&self) -> usize {
        match significant(self.at.pending) {
            0 => self.at.len,
            len => self.at.written.saturating_add(len),
        }
    }

    /// Writes what is pending and returns the length in bytes, or `None` if it does not fit.
    pub(crate) fn finish(mut self) -> Option<usize> {
        self.put_word();
        (self.at.len <= self.buf.len()).then_some(self.at.len)
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
    /// Bytes not loaded yet.
    rest: &'a [u8],
    /// Bits loaded and not read, and their number; without limit once no byte is left.
    ready: u64,
    ready_bits: u32,
    /// Whether the last byte is zero, which a canonical writer omits.
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
        self.consume(count);
        value & low_bits(count)
    }

    /// The next 32 bits, or more.
    pub(crate) fn peek(&mut self) -> u64 {
        if self.ready_bits < 32 {
            self.refill();
        }
        self.ready
    }

    /// Skips `count` bits that were peeked at.
    pub(crate) fn consume(&mut self, count: u32) {
        self.ready = self.ready.wrapping_shr(count);
        self.ready_bits = self.ready_bits.wrapping_sub(count);
    }

    /// Skips zero bits, at most `most` and perhaps not all of them, and returns how many.
    pub(crate) fn consume_zeros(&mut self, most: u32) -> u32 {
        let zeros = self.peek().trailing_zeros().min(32).min(most);
        self.consume(zeros);
        zeros
    }

    fn refill(&mut self) {
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

    /// Whether the slice is the canonical encoding of the bits read: its last byte is not zero, and every unread bit is.
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
