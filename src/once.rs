//! A latch for what is reported once.

/// Whether something has happened, and whether it has been reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Once {
    #[default]
    Unset,
    Pending,
    Reported,
}

impl Once {
    /// Notes that it happened; the first time counts.
    pub(crate) fn set(&mut self) {
        if *self == Self::Unset {
            *self = Self::Pending;
        }
    }

    /// Returns whether there is something to report; it counts as reported from then on.
    pub(crate) fn take(&mut self) -> bool {
        let pending = *self == Self::Pending;
        if pending {
            *self = Self::Reported;
        }
        pending
    }
}
