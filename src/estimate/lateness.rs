//! How much later than at best inputs become known: what an input delay has to hide beside the way.

use super::time_sync::phase;
use super::windowed_min::WindowedMin;
use crate::time::Instant;

/// How many datagrams make half of the sliding minimum.
const HALF: u8 = 8;
/// Inputs that come later by more frames than this were held up by an outage, which no delay hides.
const OUTAGE_FRAMES: u64 = 30;

/// A high quantile of how late inputs become known. A late datagram whose inputs are known already costs nobody anything,
/// so each datagram counts by the oldest input that it makes known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// The phase of the peer, later by the way.
    earliest: WindowedMin<i64, HALF>,
    late_us: u32,
}

impl Lateness {
    /// Frames count anew, or the way is another one: arrivals are compared with later ones only.
    pub(crate) fn restart(&mut self) {
        self.earliest = WindowedMin::default();
    }

    /// Takes an arrival that makes the inputs from frame `begin` to the one before `end` known.
    pub(crate) fn sample(&mut self, now: Instant, begin: u32, end: u32, frame_us: u64) {
        self.earliest.sample(phase(now, end, frame_us));
        let oldest = phase(now, begin.saturating_add(1), frame_us);
        let Some(late) = self.earliest.get().and_then(|best| u64::try_from(oldest.saturating_sub(best)).ok()) else {
            return;
        };
        if late > frame_us.saturating_mul(OUTAGE_FRAMES) {
            return;
        }
        // The steps balance where one datagram in 65 is later than the estimate.
        let short = |us: u64| u32::try_from(us).unwrap_or(u32::MAX);
        self.late_us = if late > self.late_us.into() {
            self.late_us.saturating_add(short(frame_us >> 2))
        } else {
            self.late_us.saturating_sub(short(frame_us >> 8))
        };
    }

    /// How late inputs become known, in microseconds.
    pub(crate) fn get(&self) -> u64 {
        self.late_us.into()
    }
}
