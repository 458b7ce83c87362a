//! Which end is ahead, and how both meet: from arrival times and the shortest round trip, without a byte on the wire.
//!
//! A datagram goes out with its push, so its arrival tells when the peer pushed a frame, but for the way. What it was
//! delayed beyond the shortest way only makes the peer look further behind, so the earliest of the newest arrivals is the
//! best one. Our own place is known exactly.

use core::time::Duration;

use crate::floor::Floor;
use crate::time::Instant;

/// How many datagrams make half a sliding minimum: half a second at 60 frames a second.
const HALF: u8 = 32;
/// The strongest recommendation: nobody notices 2 %.
const STRETCH_MAX_PPM: i64 = 20_000;
/// From how many thousandths of a frame on the recommendation is the strongest.
const FULL_STRETCH_AT: i64 = 1_500;

/// How far ahead of a peer we play, and what to do about it.
///
/// It is as exact as datagrams are handled promptly. Where both ends are woken late, each looks behind to itself, by as
/// much, and both would hurry: a game that must not play too fast stretches and never shortens its frames.
///
/// ```
/// # use core::time::Duration;
/// # fn show(session: &inputwire::Session<1, 1>, peer: inputwire::PeerId) {
/// let interval = session.config().frame_interval();
/// let interval = session.pace(peer).map_or(interval, |pace| pace.stretch(interval).max(interval));
/// # let _: Duration = interval;
/// if let Some(pace) = session.pace(peer) {
///     println!("{} thousandths of a frame ahead; {} ppm", pace.lead_millis, pace.stretch_ppm);
/// }
/// # }
/// ```
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

/// When an end pushed its inputs: the time of a push less the frame intervals up to its end, in microseconds. An end that
/// plays in step stays at one value; a greater one is later.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn phase(pushed_at: Instant, end: u32, frame_us: u64) -> i64 {
    pushed_at.as_micros().cast_signed().wrapping_sub(u64::from(end).saturating_mul(frame_us).cast_signed())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The arrivals that a pace is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrivals {
    earliest: Floor<i64, HALF>,
}

impl Arrivals {
    pub(crate) const fn new() -> Self {
        Self { earliest: Floor::new() }
    }

    /// Takes note that the input of the frame below `end` has arrived, newer than all before it.
    pub(crate) fn arrive(&mut self, now: Instant, end: u32, frame_us: u64) {
        self.earliest.sample(phase(now, end, frame_us));
    }

    /// The pace, given our newest push, the frame after it, and the shortest round trip.
    pub(crate) fn pace(&self, newest_at: Instant, next: u32, frame_us: u64, shortest_us: u32) -> Option<Pace> {
        let theirs = self.earliest.get()?.saturating_sub(i64::from(shortest_us >> 1));
        let lead_us = theirs.saturating_sub(phase(newest_at, next, frame_us));
        let lead = lead_us.saturating_mul(1_000).checked_div(signed(frame_us)).unwrap_or(0);
        let stretch = lead.saturating_mul(STRETCH_MAX_PPM).checked_div(FULL_STRETCH_AT).unwrap_or(0);
        let stretch = stretch.clamp(STRETCH_MAX_PPM.saturating_neg(), STRETCH_MAX_PPM);
        Some(Pace { lead_millis: i32::try_from(lead).ok()?, stretch_ppm: i32::try_from(stretch).ok()? })
    }
}
