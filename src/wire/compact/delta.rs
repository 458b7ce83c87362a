//! The body of an input datagram: each input relative to its predecessor (PROTOCOL 3.4).
//!
//! ```text
//! INPUT_LEN = 1:   step(prev, cur)
//! INPUT_LEN > 1:   0                                   the same input
//!                  1 0  step() for every byte          sparse
//!                  1 1  cur[0] .. cur[INPUT_LEN-1]     raw
//!
//! step(p, c):      0                                   c = p
//!                  1 0  iii                            c = p with bit i flipped
//!                  1 1 0  dddd                         c = p + d, d = -8..=-1, +1..=+8
//!                  1 1 1  vvvvvvvv                     c = v
//! ```

use crate::num::low_u16;
use crate::wire::bits::{BitReader, BitWriter};

/// The longest input, in bytes.
pub(crate) const MAX_INPUT_LEN: usize = 255;

/// The code of a byte after its predecessor: its bits, the first one lowest, and their number.
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

/// The most bits that an input of `input_len` bytes can take.
pub(crate) fn longest_bits(input_len: u8) -> usize {
    usize::from(input_len).saturating_mul(8).saturating_add(3)
}

/// Writes bytes after their predecessors. A run of equal bytes is written at once.
fn write_steps(to: &mut BitWriter<'_>, previous: &[u8], current: &[u8]) {
    let (mut previous, mut current) = (previous, current);
    loop {
        let same = previous.iter().zip(current).take_while(|(previous, current)| previous == current).count();
        to.put(0b0, u32::try_from(same).unwrap_or(u32::MAX));
        let (Some([before, previous_rest @ ..]), Some([byte, rest @ ..])) = (previous.get(same..), current.get(same..))
        else {
            return;
        };
        let (bits, count) = step(*before, *byte);
        to.put(bits, count);
        (previous, current) = (previous_rest, rest);
    }
}

/// Writes an input after its predecessor, in the shortest form.
#[cfg_attr(target_pointer_width = "64", inline(always), expect(clippy::inline_always, reason = "a call costs 4 %"))]
pub(crate) fn write(to: &mut BitWriter<'_>, previous: &[u8], current: &[u8]) {
    if let ([before], [byte]) = (previous, current) {
        let (bits, count) = step(*before, *byte);
        to.put(bits, count);
        return;
    }
    let before = to.checkpoint();
    to.put(0b01, 2);
    let start = to.checkpoint().bits();
    write_steps(to, previous, current);
    let steps = to.checkpoint().bits().saturating_sub(start);
    if steps == current.len() {
        to.rewind(before);
        to.put(0b0, 1);
    } else if steps >= current.len().saturating_mul(8) {
        to.rewind(before);
        to.put(0b11, 2);
        for byte in current {
            to.put(u32::from(*byte), 8);
        }
    }
}

/// Reads `count` inputs, each over its predecessor.
pub(crate) fn read_all(from: &mut BitReader<'_>, input: &mut [u8], count: u32) {
    let mut left = count;
    while left > 0 {
        // A run of equal inputs at once; it may be longer than one call consumes.
        left = left.saturating_sub(from.consume_zeros(left));
        if left > 0 {
            // Inputs of one byte, the most common ones, are not worth a call.
            match &mut *input {
                [byte] => *byte = read_step(from, *byte),
                input => read(from, input),
            }
            left = left.saturating_sub(1);
        }
    }
}

/// Reads an input over its predecessor.
pub(crate) fn read(from: &mut BitReader<'_>, input: &mut [u8]) {
    if let [byte] = input {
        *byte = read_step(from, *byte);
    } else if from.bit() {
        if from.bit() {
            for byte in input {
                *byte = from.get(8);
            }
        } else {
            read_steps(from, input);
        }
    }
}

fn read_steps(from: &mut BitReader<'_>, input: &mut [u8]) {
    let mut left = input;
    while !left.is_empty() {
        let same = from.consume_zeros(u32::try_from(left.len()).unwrap_or(u32::MAX));
        let changed = left.get_mut(usize::try_from(same).unwrap_or(0)..).and_then(<[u8]>::split_first_mut);
        let Some((byte, rest)) = changed else { return };
        *byte = read_step(from, *byte);
        left = rest;
    }
}

/// Whether exactly `count` inputs of `input_len` bytes follow. Where an input ends does not depend on its predecessor.
pub(crate) fn holds_exactly(from: &BitReader<'_>, input_len: usize, count: u32) -> bool {
    if count == 0 {
        return from.is_exact();
    }
    let (mut from, mut input) = (*from, [0; MAX_INPUT_LEN]);
    read_all(&mut from, input.get_mut(..input_len).unwrap_or_default(), count);
    from.is_exact()
}

#[cfg_attr(target_pointer_width = "64", inline(always), expect(clippy::inline_always, reason = "a call costs 2 %"))]
fn read_step(from: &mut BitReader<'_>, previous: u8) -> u8 {
    let bits = low_u16(from.peek());
    let [operand, _] = (bits >> 3).to_le_bytes();
    let [low, _] = bits.to_le_bytes();
    if bits & 0b1 == 0 {
        from.consume(1);
        previous
    } else if bits & 0b10 == 0 {
        from.consume(5);
        previous ^ 1_u8.wrapping_shl(u32::from(low >> 2 & 7))
    } else if bits & 0b100 == 0 {
        from.consume(7);
        // 0..=7 is -8..=-1, 8..=15 is +1..=+8: there is no step of 0.
        let distance = operand & 15;
        let to_zero = if distance < 8 { 8 } else { 7 };
        previous.wrapping_add(distance).wrapping_sub(to_zero)
    } else {
        from.consume(11);
        operand
    }
}
