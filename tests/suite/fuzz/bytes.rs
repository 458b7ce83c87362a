//! Decisions read from the bytes of a fuzzer.

/// The remaining bytes; once they are used up, every decision is 0.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn u8(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    pub fn flag(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u8) -> u8 {
        self.u8() % limit
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.u8())
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// The next `count` bytes, or all that remain.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// An input, usually near the previous one, as in games.
    pub fn input<const INPUT_LEN: usize>(&mut self, previous: [u8; INPUT_LEN]) -> [u8; INPUT_LEN] {
        let mut input = previous;
        match self.below(4) {
            0 => {}
            1 => {
                let place = usize::from(self.u8()) % INPUT_LEN;
                input[place] ^= 1 << self.below(8);
            }
            2 => {
                let place = usize::from(self.u8()) % INPUT_LEN;
                input[place] = input[place].wrapping_add(self.u8());
            }
            _ => input.iter_mut().for_each(|byte| *byte = self.u8()),
        }
        input
    }

    /// A time in microseconds: usually soon after `now`, sometimes earlier, or exactly `wake`.
    pub fn moment(&mut self, now: u64, wake: Option<u64>) -> u64 {
        match self.below(8) {
            0 | 1 => now,
            2 => now.saturating_add(u64::from(self.u8()) * 100),
            3 => now.saturating_add(u64::from(self.u8()) * 10_000),
            4 => now.saturating_add(16_667),
            5 => now.saturating_add(u64::from(self.u32())),
            6 => now.saturating_sub(u64::from(self.u16())),
            _ => wake.unwrap_or(now),
        }
    }
}
