//! The minimum of the latest samples: what a path does at its best.

/// A sliding minimum in two halves: the one being filled, and the full one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WindowedMin<T, const HALF: u8> {
    filling: Option<T>,
    full: Option<T>,
    /// Samples in `filling`.
    len: u8,
}

impl<T: Copy + Ord, const HALF: u8> WindowedMin<T, HALF> {
    pub(crate) const fn new() -> Self {
        Self { filling: None, full: None, len: 0 }
    }

    pub(crate) fn sample(&mut self, value: T) {
        if self.len >= HALF {
            *self = Self { filling: None, full: self.filling, len: 0 };
        }
        self.filling = Some(self.filling.map_or(value, |least| least.min(value)));
        self.len = self.len.saturating_add(1);
    }

    /// The minimum of the last `HALF` to twice as many samples, once there is one.
    pub(crate) fn get(&self) -> Option<T> {
        match (self.filling, self.full) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}
