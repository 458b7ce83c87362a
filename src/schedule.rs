//! When the next input datagram to a compact peer is due (PROTOCOL 3.8).
//!
//! Nothing here is a timer: every moment is computed from what happened last.

use crate::config::Config;
use crate::outbox::Outbox;
use crate::time::Instant;

/// The longest wait after each of the first datagrams of an epoch, so that a link starts fast.
pub(crate) const EARLY_INTERVAL_US: u64 = 100_000;
/// How many datagrams of an epoch are the first ones.
const EARLY: u8 = 10;
/// With `early_copies`, how long after its push an input is repeated ...
const COPIES_US: [u64; 3] = [8_000, 24_000, 56_000];
/// ... unless the next input follows within this time.
const COPY_MARGIN_US: u64 = 3_000;

/// What was sent to a peer, and what it is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// When the last datagram was polled, be it in an earlier epoch.
    sent_at: Option<Instant>,
    /// How many were in this epoch, as far as it matters.
    sent: u8,
    /// The frame that the next push got when the last one was polled: pushes below it have been told once.
    told: u32,
    /// When the first datagram with inputs arrived that no datagram of ours has acknowledged yet.
    owed_since: Option<Instant>,
}

impl Schedule {
    /// Our inputs below this frame have been told once.
    pub(crate) fn told(&self) -> u32 {
        self.told
    }

    /// Takes note that a datagram was polled, which settles everything that was due.
    pub(crate) fn sent(&mut self, now: Instant, next: u32) {
        *self = Self { sent_at: Some(now), sent: self.sent.saturating_add(1), told: next, owed_since: None };
    }

    /// Begins an epoch, in which nothing was sent yet.
    pub(crate) fn begin_epoch(&mut self) {
        *self = Self { sent_at: self.sent_at, ..Self::default() };
    }

    /// Takes note that a datagram with inputs was accepted, which is owed an acknowledgement.
    pub(crate) fn owe(&mut self, now: Instant) {
        self.owed_since.get_or_insert(now);
    }

    /// When the next datagram is due. To a peer that does not answer (`slow`) only the keep-alive is.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn due(&self, outbox: &Outbox, acked: u32, ping_us: u64, config: &Config, slow: bool) -> Instant {
        let Some(sent_at) = self.sent_at else {
            return Instant::ORIGIN;
        };
        let keep_alive = if self.sent <= EARLY { ping_us.min(EARLY_INTERVAL_US) } else { ping_us };
        let mut due = sent_at.after(keep_alive);
        if slow {
            return due;
        }
        if self.sent == 0 {
            return sent_at;
        }
        if outbox.next != self.told {
            // That moment has passed, so no other one matters.
            return outbox.newest_at;
        }
        if acked < outbox.next {
            // Not one frame after the push: the next push is due then, and a loop that jitters would send twice.
            let again = outbox.newest_at.after(config.patience_us()).max(sent_at.after(config.frame_us()));
            due = due.min(again);
            if config.early_copies {
                due = due.min(Self::next_copy(sent_at, outbox, config).unwrap_or(due));
            }
        }
        match self.owed_since {
            Some(owed_since) => due.min(owed_since.after(config.patience_us())),
            None => due,
        }
    }

    fn next_copy(sent_at: Instant, outbox: &Outbox, config: &Config) -> Option<Instant> {
        let latest = config.frame_us().saturating_sub(COPY_MARGIN_US);
        COPIES_US
            .into_iter()
            .filter(|delay| *delay <= latest)
            .map(|delay| outbox.newest_at.after(delay))
            .find(|copy| *copy > sent_at)
    }
}
