//! How early local inputs come to a peer that waits for nobody, such as a server, and how fast to play so that they come in time.
//!
//! Each of its datagrams says how many local inputs it has, and which frame it is at. The difference counts every delay and
//! every loss on the way there, and needs no clock in common.

use core::num::NonZeroU8;

use super::windowed_min::WindowedMin;

/// How many datagrams make half a sliding minimum: half a second at 60 frames a second.
const HALF: u8 = 32;
/// For how many datagrams in a row inputs come too late before that is more than a jump: an outage of half a second passes, and
/// leaves the sliding minimum, before that.
const PATIENCE: u8 = 180;

/// By how much to stretch a frame, in millionths: where inputs come a frame too early, for each further frame, and at most.
/// The path answers after a round trip and the minimum after a second, so each is far less than what closes the gap at once.
const WAIT_PPM: [i32; 3] = [4_000, 8_000, 100_000];
/// By how much to shorten it, where they have come too late for longer than a jump.
const HURRY_PPM: [i32; 3] = [6_000, 10_000, 20_000];
/// By how much to stretch it on target, and to shorten it before patience is at an end. A whole number of frames says nothing of what
/// is between them: at this ratio about one minimum in four is below the target.
const HOLD_PPM: i32 = 200;
const NUDGE_PPM: i32 = 650;

/// The margin of local inputs at a peer, and the one that is aimed at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Margin {
    /// In frames.
    least: WindowedMin<i8, HALF>,
    /// How many of the latest datagrams in a row have found the margin below the target.
    short: u8,
    /// One more than the target, in frames.
    target: Option<NonZeroU8>,
}

impl Margin {
    /// With a target, or none.
    pub(crate) fn new(target: Option<NonZeroU8>) -> Self {
        Self { target, ..Self::default() }
    }

    /// Frames count anew, or the way is another one.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.target);
    }

    /// Takes a datagram of a peer that expects the local input of frame `ack` next, and has pushed those of its own below `end`.
    #[expect(clippy::inline_always, reason = "it has one caller, and is shorter than a call")]
    #[inline(always)]
    pub(crate) fn sample(&mut self, ack: u32, end: u32) {
        let margin = ack.wrapping_sub(end).cast_signed();
        let most = || if margin < 0 { i8::MIN } else { i8::MAX };
        self.least.sample(i8::try_from(margin).unwrap_or_else(|_| most()));
        if self.target.is_some() {
            self.short = if self.error() < Some(0) { self.short.saturating_add(1) } else { 0 };
        }
    }

    /// The least of late, in frames.
    pub(crate) fn get(&self) -> Option<i32> {
        self.least.get().map(i32::from)
    }

    /// How far the margin is above its target, in frames.
    fn error(&self) -> Option<i32> {
        Some(self.get()?.saturating_add(1).saturating_sub(self.target?.get().into()))
    }

    /// By how much to stretch the next frame, if there is a target, in millionths.
    pub(crate) fn stretch_ppm(&self) -> Option<i32> {
        let error = self.error()?;
        Some(match error {
            1.. => ramp(error, WAIT_PPM),
            0 => HOLD_PPM,
            ..0 if self.short < PATIENCE => NUDGE_PPM.saturating_neg(),
            ..0 => ramp(error.saturating_neg(), HURRY_PPM).saturating_neg(),
        })
    }

    /// Whether there is a target.
    pub(crate) fn has_target(&self) -> bool {
        self.target.is_some()
    }
}

/// The first value at 1, the second one more for each further step, the third one at most.
fn ramp(steps: i32, [first, further, most]: [i32; 3]) -> i32 {
    steps.saturating_sub(1).saturating_mul(further).saturating_add(first).min(most)
}
