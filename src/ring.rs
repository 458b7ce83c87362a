//! Inputs in a ring of rows, found by how far back they lie. A ring has at most 127 rows of at most 255 bytes.

use core::ops::Range;

/// Rows of bytes, the newest one just before `head`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring<'a> {
    pub(crate) rows: &'a [u8],
    /// Bytes in a row.
    pub(crate) size: u8,
    /// Rows in the ring.
    pub(crate) count: u8,
    /// The row that the next input gets.
    pub(crate) head: u8,
}

impl<'a> Ring<'a> {
    /// The row `back` rows before the next one, 1 to `count`.
    pub(crate) fn back(&self, back: u8) -> &'a [u8] {
        self.rows.get(row(self.head, back, self.count, self.size)).unwrap_or(&[])
    }
}

/// Where the row `back` rows before `head` lies in the bytes of a ring.
pub(crate) fn row(head: u8, back: u8, count: u8, size: u8) -> Range<usize> {
    let behind = head.saturating_add(count).saturating_sub(back);
    let index = behind.checked_sub(count).unwrap_or(behind);
    let size = usize::from(size);
    let start = usize::from(index).saturating_mul(size);
    start..start.saturating_add(size)
}

/// The row after `head`.
pub(crate) fn advance(head: u8, count: u8) -> u8 {
    let next = head.saturating_add(1);
    if next < count { next } else { 0 }
}
