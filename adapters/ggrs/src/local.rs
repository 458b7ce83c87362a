//! The inputs of the local players, which their delays spread over frames.

use std::collections::VecDeque;

use crate::api::PlayerHandle;

/// A local player.
pub(crate) struct LocalPlayer<I> {
    pub(crate) handle: PlayerHandle,
    /// In frames.
    delay: u32,
    /// What the game gave for the current frame.
    pub(crate) pending: Option<I>,
    /// The inputs of the frames up to `end` that are in no row yet.
    queue: VecDeque<I>,
    /// The frame after the last one that has an input.
    end: u32,
    last: I,
}

impl<I: Copy + Default> LocalPlayer<I> {
    pub(crate) fn new(handle: PlayerHandle, delay: u32) -> Self {
        Self { handle, delay, pending: None, queue: VecDeque::new(), end: 0, last: I::default() }
    }

    pub(crate) const fn delay(&self) -> u32 {
        self.delay
    }

    /// From the next input on: a longer delay repeats the last input, a shorter one drops inputs for frames that have one.
    pub(crate) fn set_delay(&mut self, frames: u32) {
        self.delay = frames;
    }

    /// Gives the pending input to the frame that it is for, if that has none.
    pub(crate) fn schedule(&mut self, current: u32) {
        let frame = current.saturating_add(self.delay);
        let Some(input) = self.pending.filter(|_| frame >= self.end) else { return };
        while self.end < frame {
            self.queue.push_back(self.last);
            self.end = self.end.saturating_add(1);
        }
        self.queue.push_back(input);
        self.end = self.end.saturating_add(1);
        self.last = input;
    }

    /// The input for the next row.
    pub(crate) fn front(&self) -> Option<&I> {
        self.queue.front()
    }

    /// Takes the input for the next row.
    pub(crate) fn pop(&mut self) -> Option<I> {
        self.queue.pop_front()
    }
}
