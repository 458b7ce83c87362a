//! A peer's window of inputs: what is known of it, and what the application was told.
//!
//! Two bitmaps over the window serve both wires. The compact wire appends, so its inputs have no holes; the classic wire
//! fills holes as datagrams bring what is missing, and loses what falls out of the window.

use crate::ring::{advance, copy, index, row};

/// The state of a window; the bytes of its inputs lie beside it, so that this part is compiled once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inbox {
    /// The first frame of the epoch.
    first: u32,
    /// The frame after the newest known one.
    end: u32,
    /// Bit i is frame `end` - 1 - i. Frames before the first count as known, and what was told is known and not untold.
    known: u128,
    untold: u128,
    head: u8,
    window: u8,
    size: u8,
    /// What was lost and not told, and how many inputs ever were.
    lost: Lost,
    lost_inputs: u64,
}

/// Inputs that left the window and were not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// An input that was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    pub(crate) frame: u32,
    /// Where its bytes lie.
    pub(crate) row: u8,
    /// Whether no later frame is known.
    pub(crate) last: bool,
}

/// What became of an input that was offered for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    New,
    /// Known before, with the same value.
    Known,
    /// Known before, with another value; the first one stays.
    Conflict,
    /// Older than the window.
    Old,
}

impl Inbox {
    pub(crate) const fn new(first: u32, window: u8, size: u8) -> Self {
        Self {
            first,
            end: first,
            known: u128::MAX,
            untold: 0,
            head: 0,
            window,
            size,
            lost: Lost { first: 0, count: 0 },
            lost_inputs: 0,
        }
    }

    /// Starts over with the first frame of an epoch.
    pub(crate) fn restart(&mut self, rows: &mut [u8]) {
        let lost_inputs = self.lost_inputs;
        *self = Self { lost_inputs, ..Self::new(self.first, self.window, self.size) };
        rows.fill(0);
    }

    /// The frame after the newest known one.
    pub(crate) const fn end(&self) -> u32 {
        self.end
    }

    /// How many inputs can be appended before one would leave that was not told.
    pub(crate) fn room(&self) -> u32 {
        // Those that were not told are the newest ones.
        match self.untold {
            0 => self.window(),
            untold => self.window().saturating_sub(highest(untold).saturating_add(1)),
        }
    }

    /// Takes the input of the next frame.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn append(&mut self, rows: &mut [u8], input: &[u8]) {
        let next = rows.get_mut(row(self.head, 0, self.window, self.size)).unwrap_or_default();
        copy(next, input);
        self.head = advance(self.head, self.window);
        self.end = self.end.saturating_add(1);
        self.known = self.known << 1 | 1;
        self.untold = self.untold << 1 | 1;
    }

    /// Takes the input of any frame below `end` + what the caller has judged to be near.
    pub(crate) fn admit(&mut self, rows: &mut [u8], frame: u32, input: &[u8]) -> Admission {
        if frame >= self.end {
            self.slide(frame.saturating_sub(self.end).saturating_add(1));
        }
        let Some((back, bit)) = self.place(frame) else {
            return Admission::Old;
        };
        let Some(place) = rows.get_mut(row(self.head, back, self.window, self.size)) else {
            return Admission::Old;
        };
        if self.known & bit == 0 {
            self.known |= bit;
            self.untold |= bit;
            copy(place, input);
            Admission::New
        } else if place == input {
            Admission::Known
        } else {
            Admission::Conflict
        }
    }

    /// Moves the window `by` frames, whose inputs are not known yet.
    fn slide(&mut self, by: u32) {
        let steps = by.min(self.window());
        for _ in 0..steps {
            let leaving = shifted(1, self.window().saturating_sub(1));
            if (self.untold | !self.known) & leaving != 0 {
                self.lose(1);
            }
            self.known <<= 1;
            self.untold = self.untold << 1 & self.mask();
            self.head = advance(self.head, self.window);
            self.end = self.end.saturating_add(1);
        }
        // If there are more, nothing in the window is known by now.
        let skipped = by.saturating_sub(steps);
        self.lose(skipped);
        self.end = self.end.saturating_add(skipped);
    }

    /// The oldest `count` frames of the window leave it without having been told.
    fn lose(&mut self, count: u32) {
        if self.lost.count == 0 {
            self.lost.first = self.end.saturating_sub(self.window());
        }
        self.lost.count = self.lost.count.saturating_add(count);
        self.lost_inputs = self.lost_inputs.saturating_add(u64::from(count));
    }

    /// The lowest frame that is known and was not told; it counts as told from now on.
    pub(crate) fn tell(&mut self) -> Option<Untold> {
        if self.untold == 0 {
            return None;
        }
        let newer = highest(self.untold);
        self.untold ^= shifted(1, newer);
        let back = u8::try_from(newer).unwrap_or(u8::MAX).saturating_add(1);
        Some(Untold {
            frame: self.end.saturating_sub(u32::from(back)),
            row: index(self.head, back, self.window),
            last: newer == 0,
        })
    }

    /// What was lost since the last call, told once.
    pub(crate) fn tell_lost(&mut self) -> Option<Lost> {
        if self.lost.count > 0 { Some(core::mem::take(&mut self.lost)) } else { None }
    }

    /// The input of a frame that is known and still in the window.
    pub(crate) fn input<'a>(&self, rows: &'a [u8], frame: u32) -> Option<&'a [u8]> {
        let (back, bit) = self.place(frame)?;
        if self.known & bit == 0 { None } else { self.row(rows, back) }
    }

    /// The input before that of a frame, while it is in the window and where there are no holes; zeros before the first one.
    pub(crate) fn before<'a>(&self, rows: &'a [u8], frame: u32) -> Option<&'a [u8]> {
        let back = self.end.checked_sub(frame)?.saturating_add(1);
        if back > self.window() { None } else { self.row(rows, u8::try_from(back).ok()?) }
    }

    fn row<'a>(&self, rows: &'a [u8], back: u8) -> Option<&'a [u8]> {
        rows.get(row(self.head, back, self.window, self.size))
    }

    /// The newest frame below which no frame can still come.
    pub(crate) fn known_to(&self) -> Option<u32> {
        self.lowest_hole().unwrap_or(self.end).checked_sub(1).filter(|frame| *frame >= self.first)
    }

    /// The lowest frame in the window that is not known, if one below the newest is not.
    pub(crate) fn lowest_hole(&self) -> Option<u32> {
        let holes = self.holes();
        (holes != 0).then(|| self.frame_of(holes))
    }

    /// The highest frame below `limit` that is not known.
    pub(crate) fn highest_hole_below(&self, limit: u32) -> Option<u32> {
        let newer = self.end.saturating_sub(limit);
        let holes = self.holes() & !low_bits(newer);
        (holes != 0).then(|| self.end.saturating_sub(1).saturating_sub(holes.trailing_zeros()))
    }

    /// How many frames below the newest known one are not known.
    pub(crate) fn gaps(&self) -> u32 {
        length(self.holes())
    }

    /// How many inputs left the window without having been told, in all epochs.
    pub(crate) const fn lost_inputs(&self) -> u64 {
        self.lost_inputs
    }

    pub(crate) const fn clear_lost_inputs(&mut self) {
        self.lost_inputs = 0;
    }

    fn holes(&self) -> u128 {
        self.mask() & !self.known
    }

    /// How far back a frame in the window lies, and its bit.
    fn place(&self, frame: u32) -> Option<(u8, u128)> {
        let back = self.end.checked_sub(frame)?;
        if frame < self.first || back == 0 || back > self.window() {
            return None;
        }
        Some((u8::try_from(back).ok()?, shifted(1, back.saturating_sub(1))))
    }

    /// The lowest frame of a set: that of its highest bit.
    fn frame_of(&self, set: u128) -> u32 {
        self.end.saturating_sub(1).saturating_sub(highest(set))
    }

    fn mask(&self) -> u128 {
        low_bits(self.window())
    }

    fn window(&self) -> u32 {
        u32::from(self.window)
    }
}

/// A set of the lowest `count` bits.
fn low_bits(count: u32) -> u128 {
    !shifted(u128::MAX, count)
}

// Sets of 128 bits are dear where registers have 32: there, each of the following is there once, not where it is used.

/// A set with each bit moved up; what leaves it is lost, but for one that may stay above every window.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn shifted(set: u128, by: u32) -> u128 {
    set.wrapping_shl(by.min(127))
}

/// The place of the highest bit of a set that is not empty.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn highest(set: u128) -> u32 {
    127_u32.saturating_sub(set.leading_zeros())
}

/// How many bits are in a set.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn length(set: u128) -> u32 {
    set.count_ones()
}
