//! Time as a session sees it: microseconds since an origin that the caller chooses.

use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

use crate::num::{div_rem, u64_from};

/// A moment, in microseconds since an origin that the caller chooses.
///
/// Any monotonic clock will do; only differences matter. There are no operators: each operation says what happens at the
/// limits of the range. The last moment lies 2^64 - 2 microseconds after the origin.
///
/// ```
/// use core::time::Duration;
/// use inputwire::Instant;
///
/// let start = Instant::from_micros(1_000);
/// let later = start.saturating_add(Duration::from_millis(2));
/// assert_eq!(later.as_micros(), 3_000);
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// Microseconds plus one, so that an `Option<Instant>` is as small as an `Instant`.
    NonZeroU64,
);

impl Instant {
    /// The origin of the caller's clock.
    pub const ORIGIN: Self = Self(NonZeroU64::MIN);

    /// The latest moment that a session distinguishes from later ones. Every interval still fits after it, so that even
    /// there what was just done is not due again at once.
    pub const LAST: Self = Self::from_micros(u64::MAX - (1 << 40));

    /// The moment `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(micros))
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0.get().saturating_sub(1)
    }

    /// The moment `duration` later, or the last one.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        self.after(saturating_micros(duration))
    }

    /// The time from `earlier` to this moment, or zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.since(earlier))
    }

    /// The moment `micros` microseconds later, or the last one.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) const fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this moment, or 0 if `earlier` is later.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) const fn since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.as_micros()).finish()
    }
}

impl Default for Instant {
    fn default() -> Self {
        Self::ORIGIN
    }
}

/// `Duration::from_micros`, in divisions that small machines can afford.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn duration_from_micros(micros: u64) -> Duration {
    let (millis, micro) = div_rem(micros, 1_000);
    let (seconds, milli) = div_rem(millis, 1_000);
    let micros = u32::from(milli).saturating_mul(1_000).saturating_add(u32::from(micro));
    // Fewer nanoseconds than a second has; the bound only shows the compiler that `new` cannot panic.
    Duration::new(seconds, micros.saturating_mul(1_000).min(999_999_999))
}

/// A duration in whole microseconds, or the largest number.
const fn saturating_micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(u64_from(duration.subsec_micros()))
}

/// A duration in whole microseconds, or the largest number of 32 bits: 71 minutes.
pub(crate) const fn saturating_micros_u32(duration: Duration) -> u32 {
    match saturating_micros(duration).to_le_bytes() {
        [a, b, c, d, 0, 0, 0, 0] => u32::from_le_bytes([a, b, c, d]),
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, duration_from_micros};
    use proptest::prelude::*;

    #[test]
    fn the_longest_times_become_the_durations_that_core_makes_of_them() {
        for micros in [0, 1, 999, 1_000, 999_999, 1_000_000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            assert_eq!(duration_from_micros(micros), Duration::from_micros(micros));
        }
    }

    proptest! {
        #[test]
        fn microseconds_become_the_duration_that_core_makes_of_them(micros: u64, fewer in 0..64) {
            prop_assert_eq!(duration_from_micros(micros >> fewer), Duration::from_micros(micros >> fewer));
        }
    }
}
