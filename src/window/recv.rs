//! The window of a peer's inputs: which are known, and which have been delivered to the application.
//!
//! Two bitmaps serve both wires. The compact wire appends, so nothing is missing in between; the classic wire inserts in
//! any order, and loses what leaves the window unknown or undelivered.

use super::ring::{advance, copy, slot, slot_bytes};

/// The state of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecvWindow {
    /// The first frame that the peer owes.
    first: u32,
    /// The frame after the latest known one.
    recv_next: u32,
    /// Bit i is frame `recv_next` - 1 - i. Frames before the first count as known.
    known: u128,
    /// The same: what is known and has not been delivered.
    undelivered: u128,
    head: u8,
    capacity: u8,
    input_len: u8,
    /// What was lost since the last report, and how many inputs ever were.
    lost: Lost,
    lost_inputs: u64,
}

/// Inputs that left the window without having been delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// An input on its way to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    pub(crate) frame: u32,
    pub(crate) slot: u8,
    /// Whether no later frame is known.
    pub(crate) last: bool,
}

/// What became of an inserted input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InsertOutcome {
    New,
    /// Known already, with the same value.
    Known,
    /// Known already, with another value; the first one stays.
    Conflict,
    /// Older than the window.
    Old,
}

impl RecvWindow {
    pub(crate) const fn new(first: u32, capacity: u8, input_len: u8) -> Self {
        Self {
            first,
            recv_next: first,
            known: u128::MAX,
            undelivered: 0,
            head: 0,
            capacity,
            input_len,
            lost: Lost { first: 0, count: 0 },
            lost_inputs: 0,
        }
    }

    /// Starts over at the first frame of an epoch; only the count of lost inputs stays.
    pub(crate) fn restart(&mut self, first: u32) {
        let lost_inputs = self.lost_inputs;
        *self = Self { lost_inputs, ..Self::new(first, self.capacity, self.input_len) };
    }

    /// The frame after the latest known one: on the compact wire the next one expected.
    pub(crate) const fn recv_next(&self) -> u32 {
        self.recv_next
    }

    /// How many inputs can be appended before an undelivered one would leave.
    pub(crate) fn free_slots(&self) -> u32 {
        // Undelivered inputs are the latest ones.
        match self.undelivered {
            0 => self.frames(),
            undelivered => self.frames().saturating_sub(highest(undelivered).saturating_add(1)),
        }
    }

    /// Moves the window `by` frames, whose inputs are not known yet.
    fn slide(&mut self, by: u32) {
        let steps = by.min(self.frames());
        for _ in 0..steps {
            let leaving = shifted(1, self.frames().saturating_sub(1));
            if (self.undelivered | !self.known) & leaving != 0 {
                self.lose(1);
            }
            self.known <<= 1;
            self.undelivered = self.undelivered << 1 & self.mask();
            self.head = advance(self.head, self.capacity);
            self.recv_next = self.recv_next.saturating_add(1);
        }
        // By now nothing in the window is known.
        let skipped = by.saturating_sub(steps);
        self.lose(skipped);
        self.recv_next = self.recv_next.saturating_add(skipped);
    }

    /// Counts the oldest `count` frames of the window as lost.
    fn lose(&mut self, count: u32) {
        if self.lost.count == 0 {
            self.lost.first = self.recv_next.saturating_sub(self.frames());
        }
        self.lost.count = self.lost.count.saturating_add(count);
        self.lost_inputs = self.lost_inputs.saturating_add(u64::from(count));
    }

    /// Takes the lowest undelivered input; it counts as delivered from then on.
    pub(crate) fn take_undelivered(&mut self) -> Option<Undelivered> {
        if self.undelivered == 0 {
            return None;
        }
        let later = highest(self.undelivered);
        self.undelivered ^= shifted(1, later);
        let back = u8::try_from(later).unwrap_or(u8::MAX).saturating_add(1);
        Some(Undelivered {
            frame: self.recv_next.saturating_sub(u32::from(back)),
            slot: slot(self.head, back, self.capacity),
            last: later == 0,
        })
    }

    /// Takes what was lost since the last call.
    pub(crate) fn take_lost(&mut self) -> Option<Lost> {
        if self.lost.count > 0 { Some(core::mem::take(&mut self.lost)) } else { None }
    }

    /// The slot of a frame that is known and still in the window.
    pub(crate) fn slot(&self, frame: u32) -> Option<u8> {
        let (back, bit) = self.locate(frame)?;
        if self.known & bit == 0 { None } else { Some(slot(self.head, back, self.capacity)) }
    }

    /// The end of the frames for which nothing can still come: all below it are known or lost.
    pub(crate) fn end(&self) -> u32 {
        self.lowest_missing().unwrap_or(self.recv_next)
    }

    /// The lowest missing frame in the window.
    pub(crate) fn lowest_missing(&self) -> Option<u32> {
        let missing = self.missing();
        (missing != 0).then(|| self.recv_next.saturating_sub(1).saturating_sub(highest(missing)))
    }

    /// The highest missing frame below `limit`.
    pub(crate) fn highest_missing_below(&self, limit: u32) -> Option<u32> {
        let later = self.recv_next.saturating_sub(limit);
        let missing = self.missing() & !low_bits(later);
        (missing != 0).then(|| self.recv_next.saturating_sub(1).saturating_sub(missing.trailing_zeros()))
    }

    /// How many frames below the latest known one are missing.
    pub(crate) fn missing_count(&self) -> u32 {
        length(self.missing())
    }

    /// How many inputs left the window without having been delivered, in all epochs.
    pub(crate) const fn lost_inputs(&self) -> u64 {
        self.lost_inputs
    }

    pub(crate) const fn clear_lost_inputs(&mut self) {
        self.lost_inputs = 0;
    }

    /// The input of a frame in the window, which the caller knows to be known.
    pub(crate) fn input<'a>(&self, slots: &'a [u8], frame: u32) -> Option<&'a [u8]> {
        let (back, _) = self.locate(frame)?;
        slots.get(slot_bytes(self.head, back, self.capacity, self.input_len))
    }

    /// Bytes of an input.
    pub(crate) const fn input_len(&self) -> u8 {
        self.input_len
    }

    /// Bytes of its slots.
    pub(crate) fn slots_len(&self) -> usize {
        usize::from(self.capacity).saturating_mul(self.input_len.into())
    }

    fn missing(&self) -> u128 {
        self.mask() & !self.known
    }

    /// How far back a frame in the window lies, and its bit.
    fn locate(&self, frame: u32) -> Option<(u8, u128)> {
        let back = self.recv_next.checked_sub(frame)?;
        if frame < self.first || back == 0 || back > self.frames() {
            return None;
        }
        Some((u8::try_from(back).ok()?, shifted(1, back.saturating_sub(1))))
    }

    fn mask(&self) -> u128 {
        low_bits(self.frames())
    }

    /// The capacity as a number of frames.
    fn frames(&self) -> u32 {
        u32::from(self.capacity)
    }
}

/// The window with its bytes, for inputs of any size: the twin of [`SendView`](super::send::SendView).
#[derive(Debug)]
pub(crate) struct RecvView<'a> {
    pub(crate) window: &'a mut RecvWindow,
    pub(crate) slots: &'a mut [u8],
}

impl RecvView<'_> {
    /// Takes the input of the next frame.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn append(&mut self, input: &[u8]) {
        let window = &mut *self.window;
        let next = self.slots.get_mut(slot_bytes(window.head, 0, window.capacity, window.input_len));
        copy(next.unwrap_or_default(), input);
        window.head = advance(window.head, window.capacity);
        window.recv_next = window.recv_next.saturating_add(1);
        window.known = window.known << 1 | 1;
        window.undelivered = window.undelivered << 1 | 1;
    }

    /// Inserts the input of a frame, sliding the window to it if needed. The caller has refused frames too far ahead.
    pub(crate) fn insert(&mut self, frame: u32, input: &[u8]) -> InsertOutcome {
        let window = &mut *self.window;
        if frame >= window.recv_next {
            window.slide(frame.saturating_sub(window.recv_next).saturating_add(1));
        }
        let Some((back, bit)) = window.locate(frame) else {
            return InsertOutcome::Old;
        };
        let Some(place) = self.slots.get_mut(slot_bytes(window.head, back, window.capacity, window.input_len)) else {
            return InsertOutcome::Old;
        };
        if window.known & bit == 0 {
            window.known |= bit;
            window.undelivered |= bit;
            copy(place, input);
            InsertOutcome::New
        } else if place == input {
            InsertOutcome::Known
        } else {
            InsertOutcome::Conflict
        }
    }

    /// The input before that of a frame, where nothing is missing; zeros before the first one. `None` once it has left the
    /// window.
    pub(crate) fn before(&self, frame: u32) -> Option<&[u8]> {
        let window = &*self.window;
        let back = window.recv_next.checked_sub(frame)?.saturating_add(1);
        if back > window.frames() {
            return None;
        }
        self.slots.get(slot_bytes(window.head, u8::try_from(back).ok()?, window.capacity, window.input_len))
    }

    /// Starts over at the first frame of an epoch.
    pub(crate) fn restart(&mut self, first: u32) {
        self.window.restart(first);
        self.slots.fill(0);
    }
}

/// A set of the lowest `count` bits.
fn low_bits(count: u32) -> u128 {
    !shifted(u128::MAX, count)
}

// Operations on 128 bits are long where registers have 32, so these are not inlined there.

/// A set with each bit moved up. A shift by 127 stands for any longer one: bit 127 is above every window.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn shifted(set: u128, by: u32) -> u128 {
    set.wrapping_shl(by.min(127))
}

/// The position of the highest bit of a set that is not empty.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn highest(set: u128) -> u32 {
    127_u32.saturating_sub(set.leading_zeros())
}

/// How many bits are in a set.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn length(set: u128) -> u32 {
    set.count_ones()
}
