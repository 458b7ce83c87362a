//! The range coder: bits with their probabilities as a string of bytes, and back. Every sequence of bits has one encoding.
//!
//! The coder narrows an interval of 32-bit numbers, the lower part for a 1. The leading bytes on which both ends agree
//! are final. At the end, the shortest bytes that lead into the interval follow; zeros at the very end are left out, and
//! a reader reads zeros past the end.

use alloc::vec::Vec;

/// Codes bits: the encoder writes them, the decoder reads them instead. So one model serves both.
pub(crate) trait Bits {
    /// Codes a bit that is 1 with this probability, in 1/65,536 and not 0. The decoder ignores `bit`.
    fn code(&mut self, bit: bool, probability: u16) -> bool;

    /// Codes a bit that is as likely to be 1 as 0.
    fn raw(&mut self, bit: bool) -> bool {
        self.code(bit, 1 << 15)
    }
}

/// The interval, both ends included.
#[derive(Clone, Copy, Debug)]
struct Interval {
    low: u32,
    high: u32,
}

impl Interval {
    const WHOLE: Self = Self { low: 0, high: u32::MAX };

    /// The last number of the part for a 1.
    fn middle(self, probability: u16) -> u32 {
        let width = u64::from(self.high.wrapping_sub(self.low));
        let part = width.wrapping_mul(u64::from(probability)) >> 16;
        self.low.wrapping_add(u32::try_from(part).unwrap_or(u32::MAX))
    }

    fn narrow(&mut self, bit: bool, middle: u32) {
        if bit {
            self.high = middle;
        } else {
            self.low = middle.wrapping_add(1);
        }
    }

    /// Takes the leading byte, if it is final.
    fn shift(&mut self) -> Option<u8> {
        let ([low, ..], [high, ..]) = (self.low.to_be_bytes(), self.high.to_be_bytes());
        (low == high).then(|| {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            low
        })
    }

    /// The shortest bytes that, followed by zeros, are in the interval, and how many they are.
    fn tail(self) -> ([u8; 4], usize) {
        for (count, rest) in [u32::MAX, 0x00ff_ffff, 0xffff, 0xff].into_iter().enumerate() {
            let value = if self.low == 0 { Some(0) } else { self.low.checked_add(rest).map(|value| value & !rest) };
            if let Some(value) = value.filter(|value| *value <= self.high) {
                return (value.to_be_bytes(), count);
            }
        }
        (self.low.to_be_bytes(), 4)
    }
}

/// Writes bits.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    interval: Interval,
    bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) const fn new() -> Self {
        Self { interval: Interval::WHOLE, bytes: Vec::new() }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let (tail, count) = self.interval.tail();
        self.bytes.extend_from_slice(tail.get(..count).unwrap_or_default());
        let used = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
        self.bytes.truncate(used);
        self.bytes
    }
}

impl Bits for Encoder {
    fn code(&mut self, bit: bool, probability: u16) -> bool {
        self.interval.narrow(bit, self.interval.middle(probability));
        while let Some(byte) = self.interval.shift() {
            self.bytes.push(byte);
        }
        bit
    }
}

/// Where a decoder stands; the bytes are lent to it, since they may be stored anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    interval: Interval,
    value: u32,
    /// How many bytes left the interval.
    shifted: usize,
}

impl Position {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let value = (0..4).fold(0, |value, at| value << 8 | u32::from(byte(bytes, at)));
        Self { interval: Interval::WHOLE, value, shifted: 0 }
    }

    pub(crate) const fn read<'a>(&'a mut self, bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { position: self, bytes }
    }

    /// Whether the bytes are those that an encoder of the same bits writes.
    pub(crate) fn ends_well(&self, bytes: &[u8]) -> bool {
        let (tail, count) = self.interval.tail();
        bytes.len() <= self.shifted.saturating_add(count)
            && bytes.last() != Some(&0)
            && tail
                .iter()
                .take(count)
                .enumerate()
                .all(|(at, tail)| *tail == byte(bytes, self.shifted.saturating_add(at)))
    }
}

/// Reads bits.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    position: &'a mut Position,
    bytes: &'a [u8],
}

impl Bits for Decoder<'_> {
    fn code(&mut self, _: bool, probability: u16) -> bool {
        let Position { interval, value, shifted } = &mut *self.position;
        let middle = interval.middle(probability);
        let bit = *value <= middle;
        interval.narrow(bit, middle);
        while interval.shift().is_some() {
            *value = *value << 8 | u32::from(byte(self.bytes, shifted.saturating_add(4)));
            *shifted = shifted.saturating_add(1);
        }
        bit
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use inputwire_sim::rng::Rng;

    use super::{Bits, Encoder, Position};

    /// Random bits with random probabilities, often extreme ones.
    fn bits(seed: u64, count: usize) -> Vec<(bool, u16)> {
        let mut rng = Rng::new(seed);
        let probability = |rng: &mut Rng| match rng.below(3) {
            0 => 22,
            1 => 65_514,
            _ => u16::try_from(rng.between(22, 65_514)).expect("a probability"),
        };
        (0..count)
            .map(|_| {
                let probability = probability(&mut rng);
                (rng.below(65_536) < u64::from(probability), probability)
            })
            .collect()
    }

    #[test]
    fn bits_are_read_as_they_were_written_and_end_well() {
        for seed in 0..500 {
            let bits = bits(seed, usize::try_from(seed).expect("a count"));
            let mut encoder = Encoder::new();
            for (bit, probability) in &bits {
                encoder.code(*bit, *probability);
            }
            let bytes = encoder.finish();
            let mut position = Position::new(&bytes);
            for (bit, probability) in &bits {
                assert_eq!(position.read(&bytes).code(false, *probability), *bit);
            }
            assert!(position.ends_well(&bytes), "seed {seed}");
        }
    }

    #[test]
    fn only_one_string_of_bytes_ends_well() {
        // Every string of up to two bytes, read as 12 bits.
        for [low, high] in (0..=u16::MAX).map(u16::to_le_bytes) {
            for bytes in [vec![], vec![low], vec![low, high]] {
                let mut position = Position::new(&bytes);
                let mut encoder = Encoder::new();
                for probability in [100, 65_000, 32_768, 9_999, 40_000, 50_000, 22, 30_000, 60_000, 5, 1, 20_000] {
                    let bit = position.read(&bytes).code(false, probability);
                    encoder.code(bit, probability);
                }
                assert_eq!(position.ends_well(&bytes), encoder.finish() == bytes, "{bytes:?}");
            }
        }
    }
}
