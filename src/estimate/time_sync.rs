//! Estimates which endpoint is ahead, from arrival times and the shortest round trip; costs no byte on the wire.
//!
//! An input is sent when it is pushed, so it arrives one one-way latency later. Extra delay only makes the peer
//! look further behind, so the earliest of the recent arrivals is the best estimate. Local push times are exact.

use core::time::Duration;

use super::windowed_min::WindowedMin;
use crate::time::Instant;

/// How many datagrams make half a sliding minimum: half a second at 60 frames a second.
const HALF: u8 = 32;
/// The strongest recommendation; players do not notice 2 %.
const STRETCH_MAX_PPM: i64 = 20_000;
/// The lead, in thousandths of a frame, from which on the recommendation is the strongest.
const FULL_STRETCH_AT: i64 = 1_500;

/// How far the local game is ahead of a peer's, and what to do about it.
///
/// It is as exact as datagrams are handled promptly. Where both endpoints are called late, each looks behind to itself, and
/// both would hurry: a game that must not run fast only stretches its frames and never shortens them.
///
/// ```
/// # use core::time::Duration;
/// # fn show(session: &inputwire::Session<1, 1>, peer: inputwire::PeerId) -> Option<()> {
/// let interval = session.config().frame_interval();
/// if let Some(pace) = session.peer(peer)?.pace() {
///     let interval: Duration = pace.stretch(interval).max(interval);
///     println!("{} thousandths of a frame ahead; {} ppm", pace.lead_millis, pace.stretch_ppm);
/// }
/// # Some(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// The lead over the peer, in thousandths of a frame; negative if the peer is ahead.
    pub lead_millis: i32,
    /// By how much to stretch the frame interval, in millionths, -20,000 to 20,000; negative means to shorten it.
    pub stretch_ppm: i32,
}

impl Pace {
    /// The frame interval that brings both games together, from the one agreed on.
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

/// The phase of a game: the time of a push less the frame intervals up to its end, in microseconds. It is constant while a
/// game keeps its rate; a later game has a greater one.
fn phase(pushed_at: Instant, end: u32, frame_us: u64) -> i64 {
    pushed_at.as_micros().cast_signed().wrapping_sub(u64::from(end).saturating_mul(frame_us).cast_signed())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The arrivals that a pace is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeSync {
    /// The phase of the peer, later by the way.
    earliest: WindowedMin<i64, HALF>,
}

impl TimeSync {
    pub(crate) const fn new() -> Self {
        Self { earliest: WindowedMin::new() }
    }

    /// Samples the arrival of the input of the frame below `end`, later than all before it.
    pub(crate) fn sample(&mut self, now: Instant, end: u32, frame_us: u64) {
        self.earliest.sample(phase(now, end, frame_us));
    }

    /// The pace, given the latest local push, the frame after it, and the shortest round trip.
    pub(crate) fn pace(&self, pushed_at: Instant, next: u32, frame_us: u64, shortest_us: u32) -> Option<Pace> {
        let remote = self.earliest.get()?.saturating_sub(i64::from(shortest_us >> 1));
        let lead_us = remote.saturating_sub(phase(pushed_at, next, frame_us));
        let lead = lead_us.saturating_mul(1_000).checked_div(signed(frame_us)).unwrap_or(0);
        let stretch = lead.saturating_mul(STRETCH_MAX_PPM).checked_div(FULL_STRETCH_AT).unwrap_or(0);
        let stretch = stretch.clamp(STRETCH_MAX_PPM.saturating_neg(), STRETCH_MAX_PPM);
        Some(Pace { lead_millis: i32::try_from(lead).ok()?, stretch_ppm: i32::try_from(stretch).ok()? })
    }
}
