//! How much the direct route loses in a row: single losses cost nothing, since each datagram carries everything.

/// So many usual pauses without a datagram are a silence.
const PAUSES: u64 = 4;
/// How long a silence is remembered, in microseconds: after this time it counts for a third.
const MEMORY_US: u64 = 30_000_000;
const WHOLE_PPM: u64 = 1_000_000;
/// What is assumed before anything was measured.
const START_PPM: u64 = 100_000;
/// Copies cost two and a half times what the direct route loses ...
const COST_PPM: u64 = 400_000;
/// ... within these limits, as each k-th datagram.
const MOST: u8 = 4;
const LEAST: u8 = 16;

/// The share of the time, in millionths, in which the direct route was silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silences {
    share_ppm: u64,
}

impl Silences {
    pub(crate) const fn new() -> Self {
        Self { share_ppm: START_PPM }
    }

    /// Notes the time between two datagrams, and that which is usual.
    pub(crate) fn sample(&mut self, gap_us: u64, pause_us: u64) {
        let gap_us = gap_us.min(MEMORY_US);
        let silent_us = if gap_us > pause_us.saturating_mul(PAUSES) { gap_us.saturating_sub(pause_us) } else { 0 };
        let part = |ppm: u64, micros: u64| ppm.saturating_mul(micros).checked_div(MEMORY_US).unwrap_or(0);
        let kept = self.share_ppm.saturating_sub(part(self.share_ppm, gap_us));
        self.share_ppm = kept.saturating_add(part(WHOLE_PPM, silent_us)).min(WHOLE_PPM);
    }

    /// Each how-many-th datagram to copy.
    pub(crate) fn every(&self) -> u8 {
        let every = COST_PPM.checked_div(self.share_ppm).unwrap_or(u64::MAX);
        u8::try_from(every).unwrap_or(LEAST).clamp(MOST, LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, MOST, Silences};

    #[test]
    fn four_usual_pauses_are_no_silence_and_a_microsecond_more_is_one() {
        let every = |gap_us| {
            let mut silences = Silences::new();
            for _ in 0..2_000 {
                silences.sample(gap_us, 20_000);
            }
            silences.every()
        };
        assert_eq!([every(80_000), every(80_001)], [LEAST, MOST]);
    }
}
