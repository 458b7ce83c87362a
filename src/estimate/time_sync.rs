//! Estimates which endpoint is ahead, from arrival times, the shortest round trip, and what the peer estimates.
//!
//! An input is sent when it is pushed, so it arrives one one-way latency later. Extra delay only makes the peer look further
//! behind, so the least of the recent leads is the best estimate. An input delay makes its own game look ahead and the
//! peer's behind: each endpoint takes its own out of what it tells, and half the difference of both is the lead.

use core::time::Duration;

use super::windowed_min::WindowedMin;

/// The most frames that a lead is taken for: with the longest frame interval, 10 s, they fit a number of 32 bits.
const FAR: i32 = 200;
/// How many datagrams make half a sliding minimum: half a second at 60 frames a second.
const HALF: u8 = 32;
/// The leads, in thousandths of a frame, at which a frame is shortened by 2 % and stretched by 10 %, the strongest
/// recommendations: a game that hurries shows it sooner than one that waits.
const FULL_STRETCH_AT: (i32, i32) = (-1_500, 7_500);

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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

/// The lead over a peer that tells its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeSync {
    /// The lead at each arrival, in microseconds, greater by the way.
    least: WindowedMin<i32, HALF>,
}

/// What a lead is announced and computed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    pub(crate) shortest_us: u32,
    pub(crate) frame_us: u32,
    /// The local input delay, in frames.
    pub(crate) delay: u8,
}

impl TimeSync {
    /// Samples the arrival of the input of the frame below `end`, later than all before it, `since_push_us` after the latest local
    /// push, that of the frame below `next`.
    pub(crate) fn sample(&mut self, end: u32, next: u32, since_push_us: u64, frame_us: u32) {
        let frames = next.wrapping_sub(end).cast_signed().clamp(FAR.saturating_neg(), FAR);
        // A push that is overdue counts as made now.
        let begun_us = u32::try_from(since_push_us).unwrap_or(u32::MAX).min(frame_us);
        let lead_us = frames.wrapping_mul(frame_us.cast_signed()).wrapping_add(begun_us.cast_signed());
        self.least.sample(lead_us);
    }

    /// The lead over the peer as it looks from here, in microseconds.
    fn lead_us(&self, measures: Measures) -> Option<i32> {
        let way_us = i32::try_from(measures.shortest_us >> 1).unwrap_or(i32::MAX);
        Some(self.least.get()?.saturating_sub(way_us))
    }

    /// What is announced of it to the peer: the lead less twice the local input delay, in quarters of a frame.
    pub(crate) fn announced(&self, measures: Measures) -> Option<i8> {
        // To the nearest: two endpoints that round down would both look ahead.
        let quarters = in_frames(self.lead_us(measures)?, measures.frame_us, 4, measures.frame_us >> 1);
        let announced = quarters.saturating_sub(i32::from(measures.delay).saturating_mul(8));
        i8::try_from(announced.clamp(-127, 127)).ok()
    }

    /// The pace, with what the peer announced of it, if that is known.
    pub(crate) fn pace(&self, measures: Measures, announced: Option<i8>) -> Option<Pace> {
        let Measures { frame_us, delay, .. } = measures;
        let seen = in_frames(self.lead_us(measures)?, frame_us, 1_000, 0);
        let lead_millis = match announced {
            Some(announced) => {
                let delays = i32::from(delay).saturating_mul(2_000);
                seen.saturating_sub(delays).saturating_sub(i32::from(announced).saturating_mul(250)) >> 1
            }
            None => seen,
        };
        let (least, most) = FULL_STRETCH_AT;
        let stretch_ppm = lead_millis.clamp(least, most).saturating_mul(40).checked_div(3).unwrap_or(0);
        Some(Pace { lead_millis, stretch_ppm })
    }
}

/// A time in parts of a frame, `parts` to each, rounded down after `more` microseconds of a part were added. In 32 bits, since
/// small machines divide no more at a fair price.
fn in_frames(us: i32, frame_us: u32, parts: u32, more: u32) -> i32 {
    let frame = frame_us.cast_signed();
    let whole = us.checked_div_euclid(frame).unwrap_or(0);
    let rest = us.checked_rem_euclid(frame).unwrap_or(0).cast_unsigned();
    let part = match rest.checked_mul(parts) {
        Some(product) => product.saturating_add(more).checked_div(frame_us),
        // A frame takes seconds: 4 us more or less do not show.
        None => (rest >> 2).saturating_mul(parts).checked_div(frame_us >> 2),
    };
    let part = part.unwrap_or(0);
    whole.saturating_mul(parts.cast_signed()).saturating_add(part.cast_signed())
}
