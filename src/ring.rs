//! Inputs in a ring of rows, found by how far back they lie. A ring has at most 127 rows of at most 255 bytes.

use core::ops::Range;

/// Where the row `back` rows before `head` lies in the bytes of a ring.
pub(crate) fn row(head: u8, back: u8, count: u8, size: u8) -> Range<usize> {
    let size = usize::from(size);
    let start = usize::from(index(head, back, count)).saturating_mul(size);
    start..start.saturating_add(size)
}

/// The row `back` rows before `head`; before the first one comes the last one.
pub(crate) fn index(head: u8, back: u8, count: u8) -> u8 {
    head.checked_sub(back).unwrap_or(head.wrapping_sub(back).wrapping_add(count))
}

/// The row after `head`.
pub(crate) fn advance(head: u8, count: u8) -> u8 {
    let next = head.wrapping_add(1);
    if next < count { next } else { 0 }
}

/// Overwrites an input with another one. Inputs of one byte, the most common ones, are not worth a call.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    match (to, from) {
        ([to], [from]) => *to = *from,
        (to, from) => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}
