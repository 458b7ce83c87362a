//! The least of the newest samples: what a path does at its best.

/// A sliding minimum in two halves: the one being filled, and the full one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Floor<T, const HALF: u8> {
    filling: Option<T>,
    full: Option<T>,
    taken: u8,
}

impl<T: Copy + Ord, const HALF: u8> Floor<T, HALF> {
    pub(crate) const fn new() -> Self {
        Self { filling: None, full: None, taken: 0 }
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn sample(&mut self, value: T) {
        if self.taken >= HALF {
            *self = Self { filling: None, full: self.filling, taken: 0 };
        }
        self.filling = Some(self.filling.map_or(value, |least| least.min(value)));
        self.taken = self.taken.saturating_add(1);
    }

    /// The least of the last `HALF` to twice as many samples, once there is one.
    pub(crate) fn get(&self) -> Option<T> {
        match (self.filling, self.full) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}
