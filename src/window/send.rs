//! The window of local inputs: what was pushed last, for all peers alike.

use super::ring::{advance, slot, slot_bytes};
use crate::ids::Frame;
use crate::num::low_u8;
use crate::time::Instant;

/// The state of the window of the last `WINDOW` + 1 inputs that were pushed in this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendWindow {
    epoch: u32,
    /// The frame of the first push, which is later for who joins late.
    start: u32,
    /// The frame that the next push gets.
    send_next: u32,
    /// When the latest input was pushed; meaningless before the first push of the epoch.
    pushed_at: Instant,
    /// Bit i: whether the input of frame `send_next` - 1 - i differs from that of the frame before it.
    changed: u64,
    head: u8,
    capacity: u8,
    input_len: u8,
    /// By how many frames the game delays local inputs; the peers are told.
    pub(crate) input_delay: u8,
}

impl SendWindow {
    pub(crate) const fn new(first: Frame, capacity: u8, input_len: u8) -> Self {
        let start = first.get();
        Self {
            epoch: 0,
            start,
            send_next: start,
            pushed_at: Instant::ORIGIN,
            changed: 0,
            head: 0,
            capacity,
            input_len,
            input_delay: 0,
        }
    }

    /// Starts over in another epoch. Earlier inputs are never read again.
    pub(crate) fn begin_epoch(&mut self, epoch: u32, first: Frame) {
        self.epoch = epoch;
        self.begin_at(first.get());
    }

    /// Makes `frame` that of the first push of the epoch.
    pub(crate) fn begin_at(&mut self, frame: u32) {
        self.start = frame;
        self.send_next = frame;
    }

    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether something was pushed in this epoch.
    pub(crate) const fn has_begun(&self) -> bool {
        self.send_next > self.start
    }

    /// The frame that the next push gets.
    pub(crate) const fn send_next(&self) -> u32 {
        self.send_next
    }

    /// When the latest input was pushed, if there is one.
    pub(crate) const fn pushed_at(&self) -> Instant {
        self.pushed_at
    }

    /// The oldest frame whose input is held.
    pub(crate) fn oldest(&self) -> u32 {
        self.send_next.saturating_sub(u32::from(self.capacity)).max(self.start)
    }

    /// How far back the first changed input lies, among those `back` frames before the next one and later; 0 if none
    /// changed. Inputs older than the bitmap count as changed.
    pub(crate) fn changed_from(&self, back: u32) -> u32 {
        let Some(later) = u64::BITS.checked_sub(back) else { return back };
        back.saturating_sub(self.changed.wrapping_shl(later).leading_zeros())
    }

    /// How many inputs it holds.
    pub(crate) const fn capacity(&self) -> u8 {
        self.capacity
    }

    /// Bytes of an input.
    pub(crate) const fn input_len(&self) -> u8 {
        self.input_len
    }

    /// How far before the next frame one whose input is held lies.
    fn back(&self, frame: Frame) -> Option<u32> {
        let back = self.send_next.checked_sub(frame.get())?;
        (frame.get() >= self.oldest() && back > 0).then_some(back)
    }
}

/// The bytes of local inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendBuffer<const INPUT_LEN: usize, const WINDOW: usize> {
    slots: [[u8; INPUT_LEN]; WINDOW],
    /// The input before those in `slots`: the predecessor of the oldest one that may be unacknowledged.
    before: [u8; INPUT_LEN],
}

impl<const INPUT_LEN: usize, const WINDOW: usize> SendBuffer<INPUT_LEN, WINDOW> {
    /// Zeros: the predecessor of the first input.
    pub(crate) const fn new() -> Self {
        Self { slots: [[0; INPUT_LEN]; WINDOW], before: [0; INPUT_LEN] }
    }

    /// Takes the input of the next frame; the oldest one leaves.
    pub(crate) fn push(&mut self, window: &mut SendWindow, now: Instant, input: [u8; INPUT_LEN]) {
        let latest = self.slots.get(usize::from(slot(window.head, 1, window.capacity)));
        let changed = latest != Some(&input);
        if let Some(slot) = self.slots.get_mut(usize::from(window.head)) {
            self.before = core::mem::replace(slot, input);
        }
        window.changed = window.changed << 1 | u64::from(changed);
        window.head = advance(window.head, window.capacity);
        window.send_next = window.send_next.saturating_add(1);
        window.pushed_at = now;
    }

    /// The input of a frame, while it is held.
    pub(crate) fn input(&self, window: &SendWindow, frame: Frame) -> Option<[u8; INPUT_LEN]> {
        self.view(window).input(frame)?.try_into().ok()
    }

    pub(crate) fn view<'a>(&'a self, window: &'a SendWindow) -> SendView<'a> {
        SendView { window, slots: self.slots.as_flattened(), before: &self.before }
    }
}

/// The window with its bytes, for inputs of any size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendView<'a> {
    pub(crate) window: &'a SendWindow,
    slots: &'a [u8],
    before: &'a [u8],
}

impl<'a> SendView<'a> {
    /// The input of a frame, while it is held.
    pub(crate) fn input(&self, frame: Frame) -> Option<&'a [u8]> {
        self.window.back(frame).map(|back| self.back(back))
    }

    /// The input `back` frames before the next one, 1 to `WINDOW` + 1; zeros before the first frame.
    pub(crate) fn back(&self, back: u32) -> &'a [u8] {
        let SendWindow { head, capacity, input_len, .. } = *self.window;
        if back > u32::from(capacity) {
            return self.before;
        }
        self.slots.get(slot_bytes(head, low_u8(back), capacity, input_len)).unwrap_or(&[])
    }
}
