//! Which end is ahead, and how both meet: from arrival times and the shortest round trip, without a byte on the wire.
//!
//! A datagram goes out with its push. When it arrives, the peer has played on for as long as it travelled, and we know
//! how far we are ourselves. What a datagram was delayed beyond the shortest way only makes us look further ahead, so
//! the least of the newest samples is the best one.

use core::time::Duration;

use crate::floor::Floor;

/// How many datagrams make half a sliding minimum: a quarter of a second at 60 frames a second.
const HALF: u8 = 16;
/// The strongest recommendation: nobody notices 2 %.
const STRETCH_MAX_PPM: i64 = 20_000;
/// From how many thousandths of a frame on the recommendation is the strongest.
const FULL_STRETCH_AT: i64 = 1_000;

/// How far ahead of a peer we play, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// How far ahead of the peer we are, in thousandths of a frame; negative if the peer is ahead.
    pub lead_millis: i32,
    /// By how much to stretch the frame interval, in millionths, -20,000 to 20,000; negative is to shorten it.
    pub stretch_ppm: i32,
}

impl Pace {
    /// The frame interval that brings both ends together, from the one agreed on.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # fn show(pace: inputwire::Pace) {
    /// let interval: Duration = pace.stretch(Duration::from_micros(16_667));
    /// # }
    /// ```
    #[must_use]
    pub fn stretch(self, interval: Duration) -> Duration {
        let nanos = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
        let change = nanos.saturating_mul(i64::from(self.stretch_ppm)).checked_div(1_000_000).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos.saturating_add(change)).unwrap_or(0))
    }
}

/// The arrivals that a pace is read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrivals {
    ahead_us: Floor<HALF>,
}

impl Arrivals {
    /// Takes note of a new input that arrived: `frames` between its end and ours, and the time since our own newest push,
    /// both as they are when it arrives.
    pub(crate) fn arrive(&mut self, frames: i64, since_push_us: u64, frame_us: u64) {
        let frame_us = i64::try_from(frame_us).unwrap_or(i64::MAX);
        // Who waits for more than a frame does not play.
        let part = i64::try_from(since_push_us).unwrap_or(i64::MAX).min(frame_us);
        let ahead = frames.saturating_mul(frame_us).saturating_add(part);
        self.ahead_us.sample(i32::try_from(ahead).unwrap_or(if ahead < 0 { i32::MIN } else { i32::MAX }));
    }

    /// The pace, given the shortest round trip.
    pub(crate) fn pace(&self, shortest_us: i32, frame_us: u64) -> Option<Pace> {
        let travelled = i64::from(shortest_us >> 1);
        let lead_us = i64::from(self.ahead_us.get()?).saturating_sub(travelled);
        let frame_us = i64::try_from(frame_us).unwrap_or(i64::MAX);
        let lead = lead_us.saturating_mul(1_000).checked_div(frame_us).unwrap_or(0);
        let stretch = lead
            .saturating_mul(STRETCH_MAX_PPM)
            .checked_div(FULL_STRETCH_AT)
            .unwrap_or(0)
            .clamp(STRETCH_MAX_PPM.saturating_neg(), STRETCH_MAX_PPM);
        Some(Pace { lead_millis: i32::try_from(lead).ok()?, stretch_ppm: i32::try_from(stretch).ok()? })
    }
}
