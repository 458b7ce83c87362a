//! Slots in a ring, found by how far back they lie. A ring has at most 127 slots of at most 255 bytes.

use core::ops::Range;

/// The bytes of the slot `back` slots before `head`.
pub(crate) fn slot_bytes(head: u8, back: u8, count: u8, size: u8) -> Range<usize> {
    let size = usize::from(size);
    let start = usize::from(slot(head, back, count)).saturating_mul(size);
    start..start.saturating_add(size)
}

/// The slot `back` slots before `head`; before the first one comes the last one.
pub(crate) fn slot(head: u8, back: u8, count: u8) -> u8 {
    head.checked_sub(back).unwrap_or(head.wrapping_sub(back).wrapping_add(count))
}

/// The slot after `head`.
pub(crate) fn advance(head: u8, count: u8) -> u8 {
    let next = head.wrapping_add(1);
    if next < count { next } else { 0 }
}

/// Overwrites an input with another one. A single byte, the most common size, is not worth a call to `memcpy`.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    match (to, from) {
        ([to], [from]) => *to = *from,
        (to, from) => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}
