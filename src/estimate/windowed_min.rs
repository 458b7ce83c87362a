//! The minimum of the latest samples: what a path does at its best.

/// A sliding minimum in two halves: the one being filled, and the full one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WindowedMin<T, const HALF: u8> {
    filling: T,
    /// The first sample while there is no full half: it is in the one being filled, too.
    full: T,
    /// Samples in `filling`; 0 before the first one.
    len: u8,
}

impl<T: Copy + Ord, const HALF: u8> WindowedMin<T, HALF> {
    /// Takes a sample. Returns the minimum with it.
    pub(crate) fn sample(&mut self, value: T) -> T {
        if self.len == 0 || self.len >= HALF {
            self.full = if self.len == 0 { value } else { self.filling };
            self.filling = value;
            self.len = 0;
        }
        self.len = self.len.saturating_add(1);
        self.filling = self.filling.min(value);
        self.filling.min(self.full)
    }

    /// The minimum of the last `HALF` to twice as many samples, once there is one.
    pub(crate) fn get(&self) -> Option<T> {
        (self.len > 0).then(|| self.filling.min(self.full))
    }
}
