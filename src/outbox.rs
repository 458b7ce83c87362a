//! Our window of inputs: what was pushed last, for every peer alike.

use crate::frame::Frame;
use crate::ring::{Ring, Rows, advance};
use crate::time::Instant;

/// The last `WINDOW` + 1 inputs that we pushed in this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outbox<const INPUT: usize, const WINDOW: usize> {
    first: u64,
    next: u64,
    newest_at: Instant,
    head: u8,
    rows: [[u8; INPUT]; WINDOW],
    /// The input before those in `rows`: the predecessor of the oldest one that may be unacknowledged.
    reference: [u8; INPUT],
}

impl<const INPUT: usize, const WINDOW: usize> Outbox<INPUT, WINDOW> {
    pub(crate) const fn new(first: Frame) -> Self {
        let first = crate::time::widen(first.get());
        Self {
            first,
            next: first,
            newest_at: Instant::ORIGIN,
            head: 0,
            rows: [[0; INPUT]; WINDOW],
            reference: [0; INPUT],
        }
    }

    /// Takes the input of the next frame; the oldest one leaves.
    pub(crate) fn push(&mut self, now: Instant, input: [u8; INPUT]) {
        if let Some(row) = self.rows.get_mut(usize::from(self.head)) {
            self.reference = core::mem::replace(row, input);
        }
        self.head = advance(self.head, short(WINDOW));
        self.next = self.next.saturating_add(1);
        self.newest_at = now;
    }

    pub(crate) fn input(&self, frame: Frame) -> Option<[u8; INPUT]> {
        self.view().input(frame).and_then(|input| input.try_into().ok())
    }

    /// The same without its sizes in the type, so that links are compiled once.
    pub(crate) fn view(&self) -> Pushed<'_> {
        Pushed {
            first: self.first,
            next: self.next,
            newest_at: self.newest_at,
            window: u64::from(short(WINDOW)),
            rows: Ring { rows: self.rows.as_flattened(), size: short(INPUT), count: short(WINDOW), head: self.head },
            reference: &self.reference,
        }
    }
}

/// Our window of inputs, as a link sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pushed<'a> {
    /// The first frame of the epoch.
    pub(crate) first: u64,
    /// The frame that the next push gets.
    pub(crate) next: u64,
    /// When the newest input was pushed, if there is one.
    pub(crate) newest_at: Instant,
    pub(crate) window: u64,
    rows: Ring<'a>,
    reference: &'a [u8],
}

impl<'a> Pushed<'a> {
    /// The first frame that is still here.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn oldest(&self) -> u64 {
        self.next.saturating_sub(self.window).max(self.first)
    }

    /// The input of a frame that is still here.
    pub(crate) fn input(&self, frame: Frame) -> Option<&'a [u8]> {
        let back = self.next.checked_sub(frame.position())?;
        (frame.position() >= self.oldest() && back > 0).then(|| self.back(back))
    }

    /// Frames in the window.
    pub(crate) const fn rows(&self) -> u8 {
        self.rows.count
    }

    /// Bytes in an input.
    pub(crate) const fn size(&self) -> u8 {
        self.rows.size
    }

    /// Bytes in a window.
    pub(crate) fn bytes(&self) -> usize {
        usize::from(self.rows()).saturating_mul(usize::from(self.size()))
    }

    /// `count` inputs from the one `back` frames before the next one on; at most `WINDOW`, all of them pushed.
    pub(crate) fn run(&self, back: u64, count: u64) -> Rows<'a> {
        let short = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        self.rows.run(short(back), short(count))
    }

    /// The input `back` frames before the next one, at most `WINDOW` + 1; zeros before the first frame.
    pub(crate) fn back(&self, back: u64) -> &'a [u8] {
        match u8::try_from(back) {
            Ok(back) if back <= self.rows.count => self.rows.back(back),
            _ => self.reference,
        }
    }
}

/// A size of a session, which its constructor has checked to be below 256.
fn short(size: usize) -> u8 {
    u8::try_from(size).unwrap_or(u8::MAX)
}
