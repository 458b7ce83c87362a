//! Time as a session sees it: microseconds since an origin that the caller chooses.

use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

/// A moment, in microseconds since an origin that the caller chooses.
///
/// Any monotonic clock will do; only differences matter. There are no operators: every operation says what happens at
/// the ends of the range. The last moment there is lies 2^64 - 2 microseconds after the origin.
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
    /// Microseconds and one more, so that an `Option` of a moment takes no more room than a moment.
    NonZeroU64,
);

impl Instant {
    /// The origin of the caller's clock.
    pub const ORIGIN: Self = Self(NonZeroU64::MIN);

    /// The latest moment that a session tells from later ones. Every interval after it can still be told, so that at the
    /// end of time what was just done is not due again at once.
    pub(crate) const LAST: Self = Self::from_micros(u64::MAX - (1 << 40));

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

    /// The moment `span` later, or the last one there is.
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        self.after(micros(span))
    }

    /// The time from `earlier` to this moment, or zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.since(earlier))
    }

    /// The moment `micros` microseconds later, or the last one there is.
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

/// A number divided by another one, and what is left; zeros if that is 0.
pub(crate) fn divided(number: u64, by: u16) -> (u64, u16) {
    if cfg!(any(target_pointer_width = "64", target_family = "wasm")) {
        let by = u64::from(by);
        let rest = number.checked_rem(by).and_then(|rest| u16::try_from(rest).ok());
        (number.checked_div(by).unwrap_or(0), rest.unwrap_or(0))
    } else {
        divided_by_digits(number, by)
    }
}

/// The same, 16 bits at a time: the routine that divides 64 bits on small machines is a kilobyte long.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn divided_by_digits(number: u64, by: u16) -> (u64, u16) {
    let digit = |rest: u16, number: u64| {
        let [high, low] = rest.to_be_bytes();
        let [.., first, second] = number.to_be_bytes();
        let dividend = u32::from_be_bytes([high, low, first, second]);
        let short = |number: Option<u32>| number.and_then(|number| u16::try_from(number).ok()).unwrap_or(0);
        (short(dividend.checked_div(u32::from(by))), short(dividend.checked_rem(u32::from(by))))
    };
    let (highest, rest) = digit(0, number >> 48);
    let (higher, rest) = digit(rest, number >> 32);
    let (lower, rest) = digit(rest, number >> 16);
    let (lowest, rest) = digit(rest, number);
    let quotient = u64::from(highest) << 48 | u64::from(higher) << 32 | u64::from(lower) << 16 | u64::from(lowest);
    (quotient, rest)
}

/// Microseconds as a span.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn span(micros: u64) -> Duration {
    let (millis, micro) = divided(micros, 1_000);
    let (seconds, milli) = divided(millis, 1_000);
    let micros = u32::from(milli).saturating_mul(1_000).saturating_add(u32::from(micro));
    // There are fewer nanoseconds than a second has: said so that the compiler sees it.
    Duration::new(seconds, micros.saturating_mul(1_000).min(999_999_999))
}

/// A span in whole microseconds, or the longest there is.
const fn micros(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000).saturating_add(widen(span.subsec_micros()))
}

/// A span in whole microseconds, or the longest that 32 bits hold: 71 minutes.
pub(crate) const fn short_micros(span: Duration) -> u32 {
    match micros(span).to_le_bytes() {
        [a, b, c, d, 0, 0, 0, 0] => u32::from_le_bytes([a, b, c, d]),
        _ => u32::MAX,
    }
}

/// A `u32` as a `u64`, in const code, where `From` is not to be had.
#[expect(clippy::as_conversions, reason = "lossless, and `u64::from` is not const")]
pub(crate) const fn widen(number: u32) -> u64 {
    number as u64
}

/// The earlier of two moments, where there may be none.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, divided, divided_by_digits, span};
    use proptest::prelude::*;

    fn check(number: u64, by: u16) {
        assert_eq!(divided_by_digits(number, by), divided(number, by), "{number} / {by}");
        let expected =
            number.checked_div(by.into()).map(|quotient| (quotient, (number % u64::from(by)).try_into().unwrap()));
        assert_eq!(divided(number, by), expected.unwrap_or((0, 0)), "{number} / {by}");
    }

    #[test]
    fn the_ends_of_both_ranges_are_divided_digit_by_digit_as_at_once() {
        for number in [0, 1, 249, 0xffff, 0x1_0000, u64::from(u32::MAX), 1 << 47, 1 << 48, u64::MAX - 1, u64::MAX] {
            for by in [0, 1, 2, 250, 1_000, 0x7fff, 0x8000, u16::MAX] {
                check(number, by);
            }
            assert_eq!(span(number), Duration::from_micros(number));
        }
    }

    proptest! {
        #[test]
        fn a_number_is_divided_digit_by_digit_as_at_once(number: u64, fewer in 0..64, by: u16) {
            check(number >> fewer, by);
            prop_assert_eq!(span(number >> fewer), Duration::from_micros(number >> fewer));
        }
    }
}
