//! The minimum of the latest samples: what a path does at its best.

/// A sliding minimum in two halves: the one being filled, and the full one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WindowedMin<T, const HALF: u8> {
    filling: T,
    full: T,
    /// Samples in `filling`.
    len: u8,
    /// Whether `full` has samples.
    is_full: bool,
}

impl<T: Copy + Ord, const HALF: u8> WindowedMin<T, HALF> {
    pub(crate) fn sample(&mut self, value: T) {
        if self.len >= HALF {
            *self = Self { filling: value, full: self.filling, len: 0, is_full: true };
        }
        self.filling = if self.len == 0 { value } else { self.filling.min(value) };
        self.len = self.len.saturating_add(1);
    }

    /// The minimum of the last `HALF` to twice as many samples, once there is one.
    pub(crate) fn get(&self) -> Option<T> {
        match (self.len > 0, self.is_full) {
            (true, true) => Some(self.filling.min(self.full)),
            (true, false) => Some(self.filling),
            (false, _) => None,
        }
    }
}
