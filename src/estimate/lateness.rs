//! How much later than at best inputs become known: what an input delay has to hide beside the way.

use super::windowed_min::WindowedMin;
use crate::num::low_u32;
use crate::time::Instant;

/// How many datagrams make half of the sliding minimum.
const HALF: u8 = 8;
/// Inputs that come later by more frames than this were held up by an outage, which no delay hides.
const OUTAGE_FRAMES: u32 = 30;

/// A high quantile of how late inputs become known. A late datagram whose inputs are known already costs nobody anything,
/// so each datagram counts by the oldest input that it makes known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// The phase of the peer's game in microseconds, later by the way: the time of the latest arrival less the frames up to it.
    /// It is constant while a game keeps its rate, and greater for a late arrival; so small differences tell all.
    phase: u32,
    /// The sum of those differences.
    since_first: i32,
    earliest: WindowedMin<i32, HALF>,
    late_us: u32,
}

impl Lateness {
    /// Frames count anew, or the way is another one: arrivals are compared with later ones only.
    pub(crate) fn restart(&mut self) {
        self.earliest = WindowedMin::default();
    }

    /// Takes an arrival that makes the inputs from frame `begin` to the one before `end` known.
    pub(crate) fn sample(&mut self, now: Instant, begin: u32, end: u32, frame_us: u32) {
        let phase = low_u32(now.as_micros()).wrapping_sub(end.wrapping_mul(frame_us));
        let later = phase.wrapping_sub(core::mem::replace(&mut self.phase, phase)).cast_signed();
        self.since_first = self.since_first.wrapping_add(later);
        let earliest = self.earliest.sample(self.since_first);
        let frames = end.saturating_sub(begin).saturating_sub(1);
        let late = self.since_first.abs_diff(earliest).saturating_add(frames.saturating_mul(frame_us));
        if late > frame_us.saturating_mul(OUTAGE_FRAMES) {
            return;
        }
        // The steps balance where one datagram in 65 is later than the estimate.
        self.late_us = if late > self.late_us {
            self.late_us.saturating_add(frame_us >> 2)
        } else {
            self.late_us.saturating_sub(frame_us >> 8)
        };
    }

    /// How late inputs become known, in microseconds.
    pub(crate) fn get(&self) -> u32 {
        self.late_us
    }
}
