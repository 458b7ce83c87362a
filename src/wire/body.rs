//! The body of a compact datagram: each input told relative to its predecessor (PROTOCOL 3.4).
//!
//! ```text
//! INPUT = 1:   step(prev, cur)
//! INPUT > 1:   0                                   the same input
//!              1 0  step() for every byte          sparse
//!              1 1  cur[0] .. cur[INPUT-1]         raw
//!
//! step(p, c):  0                                   c = p
//!              1 0  iii                            c = p with bit i flipped
//!              1 1 0  dddd                         c = p + d, d = -8..=-1, +1..=+8
//!              1 1 1  vvvvvvvv                     c = v
//! ```

use crate::bits::{BitReader, BitWriter};
use crate::ring::Rows;

/// How a byte follows its predecessor: the bits that say so, the first one lowest, and their number.
fn step(previous: u8, current: u8) -> (u32, u32) {
    let flipped = previous ^ current;
    let distance = current.wrapping_sub(previous);
    if flipped == 0 {
        (0b0, 1)
    } else if flipped.is_power_of_two() {
        (0b01 | flipped.trailing_zeros() << 2, 5)
    } else if distance <= 8 {
        (0b011 | u32::from(distance.wrapping_add(7)) << 3, 7)
    } else if distance >= 248 {
        (0b011 | u32::from(distance.wrapping_sub(248)) << 3, 7)
    } else {
        (0b111 | u32::from(current) << 3, 11)
    }
}

/// The most bits that an input of `size` bytes can take.
pub(crate) fn longest_bits(size: u8) -> usize {
    usize::from(size).saturating_mul(8).saturating_add(3)
}

/// Writes an input after its predecessor, in the shortest form.
pub(crate) fn write(to: &mut BitWriter<'_>, previous: &[u8], current: &[u8]) {
    if let ([previous], [current]) = (previous, current) {
        let (bits, count) = step(*previous, *current);
        return to.put(bits, count);
    }
    if previous == current {
        return to.put(0b0, 1);
    }
    let steps = || previous.iter().zip(current).map(|(previous, current)| step(*previous, *current));
    let sparse = steps().fold(0_usize, |sum, (_, count)| sum.saturating_add(usize::try_from(count).unwrap_or(0)));
    if sparse < current.len().saturating_mul(8) {
        to.put(0b01, 2);
        steps().for_each(|(bits, count)| to.put(bits, count));
    } else {
        to.put(0b11, 2);
        for byte in current {
            to.put(u32::from(*byte), 8);
        }
    }
}

/// Writes inputs, of which `previous` is the predecessor.
pub(crate) fn write_all(to: &mut BitWriter<'_>, previous: &[u8], inputs: Rows<'_>) {
    let mut previous = previous;
    // Inputs of one byte are the most common ones, and bytes are quicker than slices.
    if let &[mut previous] = previous {
        for stretch in [inputs.older, inputs.newer] {
            for current in stretch {
                let (bits, count) = step(previous, *current);
                to.put(bits, count);
                previous = *current;
            }
        }
        return;
    }
    for current in inputs {
        write(to, previous, current);
        previous = current;
    }
}

/// Passes over `count` inputs of `size` bytes: where an input ends does not depend on what it says.
pub(crate) fn skip(from: &mut BitReader<'_>, size: u8, count: u64) {
    let mut left = u32::try_from(count).unwrap_or(u32::MAX);
    while left > 0 {
        let same = from.pass_zeros(left);
        left = left.saturating_sub(same);
        if same == 0 {
            skip_changed(from, size);
            left = left.saturating_sub(1);
        }
    }
}

/// Passes over an input that is not the same as the one before it.
fn skip_changed(from: &mut BitReader<'_>, size: u8) {
    if size == 1 {
        read_step(from, 0);
    } else if from.get(2) == 0b01 {
        (0..size).for_each(|_| {
            read_step(from, 0);
        });
    } else {
        (0..size).for_each(|_| {
            from.get(8);
        });
    }
}

/// Reads `count` inputs, each over its predecessor.
pub(crate) fn read_on(from: &mut BitReader<'_>, input: &mut [u8], count: u64) {
    let mut left = u32::try_from(count).unwrap_or(u32::MAX);
    while left > 0 {
        let same = from.pass_zeros(left);
        left = left.saturating_sub(same);
        if same == 0 {
            read(from, input);
            left = left.saturating_sub(1);
        }
    }
}

/// Reads an input over its predecessor.
pub(crate) fn read(from: &mut BitReader<'_>, input: &mut [u8]) {
    if let [byte] = input {
        *byte = read_step(from, *byte);
    } else if from.bit() {
        let raw = from.bit();
        for byte in input {
            *byte = if raw { from.get(8) } else { read_step(from, *byte) };
        }
    }
}

fn read_step(from: &mut BitReader<'_>, previous: u8) -> u8 {
    let [low, high, ..] = from.peek().to_le_bytes();
    let bits = u16::from_le_bytes([low, high]);
    let [operand, _] = (bits >> 3).to_le_bytes();
    if bits & 0b1 == 0 {
        from.pass(1);
        previous
    } else if bits & 0b10 == 0 {
        from.pass(5);
        previous ^ 1_u8.wrapping_shl(u32::from(low >> 2 & 7))
    } else if bits & 0b100 == 0 {
        from.pass(7);
        // 0..=7 is -8..=-1, 8..=15 is +1..=+8: there is no step of 0.
        let distance = operand & 15;
        let to_zero = if distance < 8 { 8 } else { 7 };
        previous.wrapping_add(distance).wrapping_sub(to_zero)
    } else {
        from.pass(11);
        operand
    }
}
