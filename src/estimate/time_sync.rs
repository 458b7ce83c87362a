//! Estimates which endpoint is ahead, from arrival times, the shortest round trip, and what the peer estimates.
//!
//! An input is sent when it is pushed, so it arrives one one-way latency later. Extra delay only makes the peer look further
//! behind, so the least of the recent leads is the best estimate. An input delay makes its own game look ahead and the
//! peer's behind: each endpoint takes its own out of what it tells, and half the difference of both is the lead.

use core::time::Duration;

use super::windowed_min::WindowedMin;
use crate::time::Instant;

/// How many datagrams make half a sliding minimum: half a second at 60 frames a second.
const HALF: u8 = 32;
/// How much to stretch for each frame of lead ...
const STRETCH_PPM: i64 = 13_333;
/// ... at most, and how much to shorten at most: a game that hurries shows it sooner than one that waits.
const STRETCH_MAX_PPM: (i64, i64) = (-20_000, 100_000);

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
    /// By how much to stretch the frame interval, in millionths, -20,000 to 100,000; negative means to shorten it.
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
pub(super) fn phase(pushed_at: Instant, end: u32, frame_us: u64) -> i64 {
    pushed_at.as_micros().cast_signed().wrapping_sub(u64::from(end).saturating_mul(frame_us).cast_signed())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The lead over a peer that tells its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeSync {
    /// The lead at each arrival, in microseconds, greater by the way.
    least: WindowedMin<i32, HALF>,
}

/// What a lead is told and computed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    pub(crate) shortest_us: u32,
    pub(crate) frame_us: u64,
    /// The local input delay, in frames.
    pub(crate) delay: u8,
}

impl TimeSync {
    /// Samples the arrival of the input of the frame below `end`, later than all before it. The latest local push was that of
    /// the frame below `next`.
    pub(crate) fn sample(&mut self, now: Instant, end: u32, (pushed_at, next): (Instant, u32), frame_us: u64) {
        // A push that is overdue counts as made now.
        let local = phase(pushed_at, next, frame_us).max(phase(now, next.saturating_add(1), frame_us));
        let lead = phase(now, end, frame_us).saturating_sub(local);
        self.least.sample(i32::try_from(lead).unwrap_or(if lead < 0 { i32::MIN } else { i32::MAX }));
    }

    /// The lead over the peer as it looks from here, in microseconds.
    fn lead_us(&self, measures: Measures) -> Option<i64> {
        Some(i64::from(self.least.get()?).saturating_sub(i64::from(measures.shortest_us >> 1)))
    }

    /// What the peer is told of it: the lead less twice the local input delay, in quarters of a frame.
    pub(crate) fn told(&self, measures: Measures) -> Option<i8> {
        let Measures { frame_us, delay, .. } = measures;
        let frame_us = signed(frame_us);
        // To the nearest: two endpoints that round down would both look ahead.
        let quarters = self.lead_us(measures)?.saturating_mul(4).saturating_add(frame_us >> 1);
        let told = quarters.checked_div_euclid(frame_us)?.saturating_sub(i64::from(delay).saturating_mul(8));
        i8::try_from(told.clamp(-127, 127)).ok()
    }

    /// The pace, with what the peer told of it, if that is known.
    pub(crate) fn pace(&self, measures: Measures, told: Option<i8>) -> Option<Pace> {
        let Measures { frame_us, delay, .. } = measures;
        let frame_us = signed(frame_us);
        let mut lead_us = self.lead_us(measures)?;
        if let Some(told) = told {
            let delay_us = frame_us.saturating_mul(i64::from(delay) << 1);
            let theirs_us = frame_us.saturating_mul(told.into()) >> 2;
            lead_us = lead_us.saturating_sub(delay_us).saturating_sub(theirs_us) >> 1;
        }
        let lead = lead_us.saturating_mul(1_000).checked_div(frame_us).unwrap_or(0);
        let (least, most) = STRETCH_MAX_PPM;
        let stretch = lead.saturating_mul(STRETCH_PPM).checked_div(1_000).unwrap_or(0).clamp(least, most);
        Some(Pace { lead_millis: i32::try_from(lead).ok()?, stretch_ppm: i32::try_from(stretch).ok()? })
    }
}
