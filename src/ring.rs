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

    /// The `count` rows from the one `back` rows before the next one on, oldest first; all of them are in the ring.
    pub(crate) fn run(&self, back: u8, count: u8) -> Rows<'a> {
        let size = usize::from(self.size);
        let start = row(self.head, back, self.count, self.size).start;
        let len = usize::from(count).saturating_mul(size);
        let tail = self.rows.get(start..).unwrap_or(&[]);
        match tail.get(..len) {
            Some(older) => Rows { older, newer: &[], size },
            None => Rows { older: tail, newer: self.rows.get(..len.wrapping_sub(tail.len())).unwrap_or(&[]), size },
        }
    }
}

/// Rows that follow each other in a ring, oldest first: two stretches of bytes.
#[derive(Clone, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) older: &'a [u8],
    pub(crate) newer: &'a [u8],
    size: usize,
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.older.is_empty() {
            self.older = core::mem::take(&mut self.newer);
        }
        let (row, rest) = self.older.split_at_checked(self.size)?;
        self.older = rest;
        Some(row)
    }
}

/// Where the row `back` rows before `head` lies in the bytes of a ring.
pub(crate) fn row(head: u8, back: u8, count: u8, size: u8) -> Range<usize> {
    // Before the first row comes the last one.
    let index = head.checked_sub(back).unwrap_or(head.wrapping_sub(back).wrapping_add(count));
    let size = usize::from(size);
    let start = usize::from(index).saturating_mul(size);
    start..start.saturating_add(size)
}

/// The row after `head`.
pub(crate) fn advance(head: u8, count: u8) -> u8 {
    let next = head.saturating_add(1);
    if next < count { next } else { 0 }
}

/// Overwrites an input with another one. Inputs of one byte, the most common ones, are not worth a call.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    match (to, from) {
        ([to], [from]) => *to = *from,
        (to, from) => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}
