//! Integer arithmetic that core lacks in `const` code, or that small machines do at a high price.

/// The least significant byte.
pub(crate) const fn low_u8(number: u32) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

/// The least significant two bytes.
pub(crate) const fn low_u16(number: u64) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The least significant four bytes.
pub(crate) const fn low_u32(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// `u64::from`, which is not `const`.
#[expect(clippy::as_conversions, reason = "lossless, and `u64::from` is not const")]
pub(crate) const fn u64_from(number: u32) -> u64 {
    number as u64
}

/// Adds one to a counter, which stops at its largest value.
pub(crate) fn increment(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// How many items there are. `Iterator::count` has a check for overflow that can panic.
pub(crate) fn count(items: impl Iterator) -> usize {
    items.fold(0, |count, _| count.saturating_add(1))
}

/// Quotient and remainder; zeros if the divisor is 0.
pub(crate) fn div_rem(number: u64, divisor: u16) -> (u64, u16) {
    if cfg!(any(target_pointer_width = "64", target_family = "wasm")) {
        let divisor = u64::from(divisor);
        let rest = number.checked_rem(divisor).and_then(|rest| u16::try_from(rest).ok());
        (number.checked_div(divisor).unwrap_or(0), rest.unwrap_or(0))
    } else {
        div_rem_by_digits(number, divisor)
    }
}

/// The same, 16 bits at a time: the compiler's routine for 64 bits takes a kilobyte on a Cortex-M0.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn div_rem_by_digits(number: u64, divisor: u16) -> (u64, u16) {
    let digit = |rest: u16, number: u64| {
        let [high, low] = rest.to_be_bytes();
        let [.., first, second] = number.to_be_bytes();
        let dividend = u32::from_be_bytes([high, low, first, second]);
        let short = |number: Option<u32>| number.and_then(|number| u16::try_from(number).ok()).unwrap_or(0);
        (short(dividend.checked_div(u32::from(divisor))), short(dividend.checked_rem(u32::from(divisor))))
    };
    let (highest, rest) = digit(0, number >> 48);
    let (higher, rest) = digit(rest, number >> 32);
    let (lower, rest) = digit(rest, number >> 16);
    let (lowest, rest) = digit(rest, number);
    let quotient = u64::from(highest) << 48 | u64::from(higher) << 32 | u64::from(lower) << 16 | u64::from(lowest);
    (quotient, rest)
}

#[cfg(test)]
mod tests {
    use super::{div_rem, div_rem_by_digits};
    use proptest::prelude::*;

    fn check(number: u64, divisor: u16) {
        assert_eq!(div_rem_by_digits(number, divisor), div_rem(number, divisor), "{number} / {divisor}");
        let quotient = number.checked_div(divisor.into());
        let expected = quotient.map(|quotient| (quotient, (number % u64::from(divisor)).try_into().unwrap()));
        assert_eq!(div_rem(number, divisor), expected.unwrap_or((0, 0)), "{number} / {divisor}");
    }

    #[test]
    fn digits_and_the_machine_divide_alike_at_the_limits_of_both_ranges() {
        for number in [0, 1, 249, 0xffff, 0x1_0000, u64::from(u32::MAX), 1 << 47, 1 << 48, u64::MAX - 1, u64::MAX] {
            for divisor in [0, 1, 2, 250, 1_000, 0x7fff, 0x8000, u16::MAX] {
                check(number, divisor);
            }
        }
    }

    proptest! {
        #[test]
        fn digits_and_the_machine_divide_alike(number: u64, fewer in 0..64, divisor: u16) {
            check(number >> fewer, divisor);
        }
    }
}
