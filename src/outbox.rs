//! Our window of inputs: what was pushed last, for every peer alike.

use crate::frame::Frame;
use crate::ring::{advance, index, row};
use crate::time::Instant;

/// What is known of the last `WINDOW` + 1 inputs that we pushed in this epoch; their bytes lie beside it, so that this part
/// is compiled once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outbox {
    /// The first frame of the epoch.
    pub(crate) first: u32,
    /// The frame that the next push gets.
    pub(crate) next: u32,
    /// When the newest input was pushed, if there is one.
    pub(crate) newest_at: Instant,
    /// Bit i tells whether the input of frame `next` - 1 - i differs from that of the frame before it.
    changed: u64,
    head: u8,
    window: u8,
    size: u8,
}

impl Outbox {
    pub(crate) const fn new(first: Frame, window: u8, size: u8) -> Self {
        let first = first.get();
        Self { first, next: first, newest_at: Instant::ORIGIN, changed: 0, head: 0, window, size }
    }

    /// Starts over with the first frame of an epoch. Of what was before it nothing is looked at.
    pub(crate) fn restart(&mut self) {
        self.next = self.first;
    }

    /// The first frame that is still here.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn oldest(&self) -> u32 {
        self.next.saturating_sub(self.window()).max(self.first)
    }

    /// How many frames before the next one lies the first input that may differ from the one before it, of those `back` frames
    /// before the next one and later; 0 if none does. Of those that are older than the bits any may.
    pub(crate) fn changed_from(&self, back: u32) -> u32 {
        let Some(newer) = u64::BITS.checked_sub(back) else { return back };
        back.saturating_sub(self.changed.wrapping_shl(newer).leading_zeros())
    }

    /// Frames in the window.
    pub(crate) const fn rows(&self) -> u8 {
        self.window
    }

    /// The same as a number of frames.
    pub(crate) fn window(&self) -> u32 {
        u32::from(self.window)
    }

    /// Bytes in an input.
    pub(crate) const fn size(&self) -> u8 {
        self.size
    }
}

/// The bytes of our inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inputs<const INPUT: usize, const WINDOW: usize> {
    rows: [[u8; INPUT]; WINDOW],
    /// The input before those in `rows`: the predecessor of the oldest one that may be unacknowledged.
    reference: [u8; INPUT],
}

impl<const INPUT: usize, const WINDOW: usize> Inputs<INPUT, WINDOW> {
    /// Zeros: the predecessor of the first input.
    pub(crate) const fn new() -> Self {
        Self { rows: [[0; INPUT]; WINDOW], reference: [0; INPUT] }
    }

    /// Takes the input of the next frame; the oldest one leaves.
    pub(crate) fn push(&mut self, outbox: &mut Outbox, now: Instant, input: [u8; INPUT]) {
        let newest = self.rows.get(usize::from(index(outbox.head, 1, outbox.window)));
        let differs = newest != Some(&input);
        if let Some(row) = self.rows.get_mut(usize::from(outbox.head)) {
            self.reference = core::mem::replace(row, input);
        }
        outbox.changed = outbox.changed << 1 | u64::from(differs);
        outbox.head = advance(outbox.head, outbox.window);
        outbox.next = outbox.next.saturating_add(1);
        outbox.newest_at = now;
    }

    /// The same without its sizes in the type, so that links are compiled once.
    pub(crate) fn view<'a>(&'a self, outbox: &'a Outbox) -> Pushed<'a> {
        Pushed { outbox, rows: self.rows.as_flattened(), reference: &self.reference }
    }
}

/// Our inputs, as a link sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pushed<'a> {
    pub(crate) outbox: &'a Outbox,
    rows: &'a [u8],
    reference: &'a [u8],
}

impl<'a> Pushed<'a> {
    /// The input of a frame that is still here.
    pub(crate) fn input(&self, frame: Frame) -> Option<&'a [u8]> {
        let back = self.outbox.next.checked_sub(frame.get())?;
        (frame.get() >= self.outbox.oldest() && back > 0).then(|| self.back(back))
    }

    /// The input `back` frames before the next one, 1 to `WINDOW` + 1; zeros before the first frame.
    pub(crate) fn back(&self, back: u32) -> &'a [u8] {
        let Outbox { head, window, size, .. } = *self.outbox;
        if back > u32::from(window) {
            return self.reference;
        }
        let [back, ..] = back.to_le_bytes();
        self.rows.get(row(head, back, window, size)).unwrap_or(&[])
    }
}
