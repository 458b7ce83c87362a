//! The logistic function and its inverse, in integers: probabilities in 1/65,536, and their logarithmic odds in 1/256.

/// The logistic function at -8, -7.5 .. 8, in 1/65,536.
const POINTS: [u16; 33] = [
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581,
    57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
];

/// The greatest odds, as a distance from even ones.
pub(crate) const LIMIT: i32 = 2047;

/// Returns the probability of these odds, which are limited to [`LIMIT`]: a line between two points of the table.
pub(crate) const fn squash(odds: i32) -> u16 {
    let odds = if odds > LIMIT {
        LIMIT
    } else if odds < -LIMIT {
        -LIMIT
    } else {
        odds
    };
    #[expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "0..=4095 after the limit")]
    #[expect(clippy::cast_sign_loss, clippy::indexing_slicing, reason = "as above")]
    #[expect(clippy::cast_possible_truncation, reason = "between two points, which are u16")]
    {
        let from_start = (odds + 2048) as u32;
        let (at, part) = ((from_start >> 7) as usize, from_start & 127);
        ((POINTS[at] as u32 * (128 - part) + POINTS[at + 1] as u32 * part + 64) >> 7) as u16
    }
}

/// Returns the odds of a probability in 1/4,096.
pub(crate) fn stretch(probability: u32) -> i32 {
    let at = usize::try_from(probability).unwrap_or(usize::MAX);
    ODDS.get(at).copied().map_or(LIMIT, i32::from)
}

/// For q = 0..4095, the least odds whose probability is at least 16 q + 8, but at most [`LIMIT`].
static ODDS: [i16; 4096] = odds();

#[expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "computed by the compiler")]
#[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "as above")]
const fn odds() -> [i16; 4096] {
    let mut table = [0; 4096];
    let (mut at, mut odds) = (0, -LIMIT);
    while at < table.len() {
        while odds < LIMIT && (squash(odds) as usize) < 16 * at + 8 {
            odds += 1;
        }
        table[at] = odds as i16;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, POINTS, squash, stretch};

    #[test]
    fn the_points_are_those_of_the_logistic_function() {
        for (at, point) in (0_u8..).zip(POINTS) {
            let exact = 65_536.0 / (1.0 + (-0.5 * (f64::from(at) - 16.0)).exp());
            assert!((f64::from(point) - exact).abs() <= 0.5, "{at}: {point}, {exact}");
        }
    }

    #[test]
    fn squash_grows_and_stretch_is_its_inverse() {
        for odds in -2100..=2100 {
            assert!(squash(odds) <= squash(odds + 1));
            assert!((1..65_535).contains(&squash(odds)));
        }
        for at in 0..4_096 {
            let odds = stretch(at);
            assert!(odds == LIMIT || u32::from(squash(odds)) >= 16 * at + 8);
            assert!(odds == -LIMIT || u32::from(squash(odds - 1)) < 16 * at + 8);
        }
    }
}
