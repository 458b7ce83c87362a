//! When something is due to a peer on the compact wire (PROTOCOL 3.8): computed from what happened, each kind apart, so
//! that a poll pays for no more than it has to know.

use super::Compact;
use crate::link::{Ours, Theirs};
use crate::time::Instant;

/// A peer that does not answer for this long, or for `disconnect_after` if that is longer, is sent keep-alives only.
const SLOW_AFTER_US: u64 = 10_000_000;
/// Pushing has paused when no push follows for this long, or for one and a half frames if that is longer.
const PAUSE_US: u64 = 100_000;

impl Compact {
    /// When a hello, a goodbye, an input datagram and checksums are due, and the news of a flush.
    pub(crate) fn due(&self, ours: &Ours, theirs: &Theirs) -> [Option<Instant>; 5] {
        [
            self.hello_due(ours, theirs),
            self.bye_due(ours, theirs),
            self.input_due(ours, theirs),
            self.checksums_due(ours, theirs),
            self.flush_due(ours),
        ]
    }

    pub(super) fn hello_due(&self, ours: &Ours, theirs: &Theirs) -> Option<Instant> {
        if theirs.open { self.acquaintance.hello_due(ours.epoch, Self::ping_us(ours)) } else { None }
    }

    pub(super) fn bye_due(&self, ours: &Ours, theirs: &Theirs) -> Option<Instant> {
        if theirs.open { None } else { self.farewell.due(ours.config.frame_us()) }
    }

    pub(super) fn input_due(&self, ours: &Ours, theirs: &Theirs) -> Option<Instant> {
        let slow = self.is_slow(ours, theirs);
        let due = || self.schedule.due(&ours.outbox, self.acked, Self::ping_us(ours), &ours.config, slow);
        (theirs.open && self.checks.is_some()).then(due)
    }

    pub(super) fn checksums_due(&self, ours: &Ours, theirs: &Theirs) -> Option<Instant> {
        let runs = theirs.open && self.checks.is_some();
        if runs { self.agreement.due(ours, Self::ping_us(ours)) } else { None }
    }

    /// When it is time to tell that everything is acknowledged: not before pushing has clearly paused, or a game with a
    /// short way would be told so in every frame.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn flush_due(&self, ours: &Ours) -> Option<Instant> {
        let news = self.acked == ours.outbox.next && self.flushed != ours.outbox.next;
        news.then(|| ours.outbox.newest_at.after(ours.config.patience_us().max(PAUSE_US)))
    }

    /// Whether the peer is silent, or does not acknowledge, for so long that only keep-alives make sense.
    fn is_slow(&self, ours: &Ours, theirs: &Theirs) -> bool {
        let limit = ours.config.disconnect_us().max(SLOW_AFTER_US);
        let heard_at = theirs.pulse.heard_at();
        let owing = self.acked < self.schedule.told();
        ours.now.since(if owing { heard_at.min(self.moved_at) } else { heard_at }) > limit
    }
}
