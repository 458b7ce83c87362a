//! The minimum of the latest samples: what a path does at its best.

/// A sliding minimum in two halves: the one being filled, and the full one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WindowedMin<T, const HALF: u8> {
    filling: T,
    /// Before there is a full half, the first sample.
    full: T,
    /// Samples in `filling`.
    len: u8,
}

impl<T: Copy + Ord, const HALF: u8> WindowedMin<T, HALF> {
    pub(crate) fn sample(&mut self, value: T) {
        if self.len.wrapping_sub(1) < const { HALF.saturating_sub(1) } {
            self.filling = self.filling.min(value);
            // It is below `HALF`.
            self.len = self.len.wrapping_add(1);
        } else {
            let full = if self.len == 0 { value } else { self.filling };
            *self = Self { filling: value, full, len: 1 };
        }
    }

    /// The minimum of the last `HALF` to twice as many samples, once there is one.
    pub(crate) fn get(&self) -> Option<T> {
        (self.len > 0).then(|| self.filling.min(self.full))
    }
}
