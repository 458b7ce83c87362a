//! A clock that runs fast or slow, stands still, and jumps.

/// The time that an endpoint reads, as a function of the true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    since: u64,
    at_since: u64,
    /// Local microseconds in a thousand true ones; 0 stands still.
    permille: u32,
}

impl Clock {
    pub(crate) const fn new(origin: u64, permille: u32) -> Self {
        Self { since: 0, at_since: origin, permille }
    }

    /// Returns what the clock shows at the true time `now`.
    pub(crate) fn read(&self, now: u64) -> u64 {
        let elapsed = u128::from(now.saturating_sub(self.since)) * u128::from(self.permille) / 1_000;
        self.at_since.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// Returns the first true time at which the clock shows `local` or more, if it ever does.
    pub(crate) fn when(&self, local: u64) -> Option<u64> {
        let ahead = u128::from(local.saturating_sub(self.at_since)) * 1_000;
        let elapsed = match self.permille {
            0 if ahead > 0 => return None,
            0 => 0,
            permille => ahead.div_ceil(u128::from(permille)),
        };
        Some(self.since.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX)))
    }

    /// Lets the clock run at another rate from now on.
    pub(crate) fn set_rate(&mut self, now: u64, permille: u32) {
        *self = Self { since: now, at_since: self.read(now), permille };
    }

    /// Lets the clock jump to `local`.
    pub(crate) fn set(&mut self, now: u64, local: u64) {
        *self = Self { since: now, at_since: local, ..*self };
    }
}
