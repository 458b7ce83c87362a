//! Checked reading and writing of bits, least significant first, with trailing zero bytes left unsaid (PROTOCOL 3.4).

/// Writes bits into a slice. Zero bytes are counted and only written once a byte that is not zero follows.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    room: &'a mut [u8],
    /// Bytes written; the last one is not zero.
    written: usize,
    /// Zero bytes after them.
    zeros: usize,
    /// Bits that do not fill a byte yet, and how many they are.
    pending: u32,
    pending_bits: u32,
    overflowed: bool,
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(room: &'a mut [u8]) -> Self {
        Self { room, written: 0, zeros: 0, pending: 0, pending_bits: 0, overflowed: false }
    }

    /// Writes the low `count` bits of `value`, at most 16; the bits above them are zero.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        self.pending |= value.wrapping_shl(self.pending_bits);
        self.pending_bits = self.pending_bits.saturating_add(count);
        while self.pending_bits >= 8 {
            let [byte, ..] = self.pending.to_le_bytes();
            self.put_byte(byte);
            self.pending >>= 8;
            self.pending_bits = self.pending_bits.saturating_sub(8);
        }
    }

    fn put_byte(&mut self, byte: u8) {
        let start = self.written;
        let last = start.saturating_add(self.zeros);
        if byte == 0 {
            self.zeros = self.zeros.saturating_add(1);
        } else if let Some([zeros @ .., place]) = self.room.get_mut(start..=last) {
            zeros.fill(0);
            *place = byte;
            self.written = last.saturating_add(1);
            self.zeros = 0;
        } else {
            self.overflowed = true;
        }
    }

    /// Bytes that the bits so far need, trailing zero bytes left out; `None` if they do not fit.
    pub(crate) fn len(&self) -> Option<usize> {
        let len =
            if self.pending == 0 { self.written } else { self.written.saturating_add(self.zeros).saturating_add(1) };
        (!self.overflowed && len <= self.room.len()).then_some(len)
    }

    /// Writes what is pending and returns the length in bytes, or `None` if it does not fit.
    pub(crate) fn finish(mut self) -> Option<usize> {
        let len = self.len()?;
        if self.pending != 0 {
            let [byte, ..] = self.pending.to_le_bytes();
            self.put_byte(byte);
        }
        Some(len)
    }
}

/// Reads bits from a slice; past its end every bit is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    read: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, read: 0 }
    }

    pub(crate) fn bit(&mut self) -> bool {
        self.get(1) != 0
    }

    /// Reads `count` bits, at most 8.
    pub(crate) fn get(&mut self, count: u32) -> u8 {
        let byte = self.read >> 3;
        let shift = self.read & 7;
        let low = self.bytes.get(byte).copied().unwrap_or(0);
        let high = self.bytes.get(byte.saturating_add(1)).copied().unwrap_or(0);
        let [value, _] = (u16::from_le_bytes([low, high]) >> shift).to_le_bytes();
        self.read = self.read.saturating_add(usize::try_from(count).unwrap_or(0));
        value & low_bits(count)
    }

    /// Whether the slice holds exactly the bits read, in the shortest way: its last byte is not zero, and no bit that
    /// was not read is 1.
    pub(crate) fn is_exact(self) -> bool {
        let whole = self.read >> 3;
        let partial = self.read & 7;
        match self.bytes.split_last() {
            None => true,
            Some((0, _)) => false,
            Some((last, before)) if before.len() == whole && partial > 0 => last >> partial == 0,
            Some((_, before)) => before.len() < whole,
        }
    }
}

/// A byte whose low `count` bits are set.
const fn low_bits(count: u32) -> u8 {
    match 1_u8.checked_shl(count) {
        Some(bit) => bit.wrapping_sub(1),
        None => 0xff,
    }
}
