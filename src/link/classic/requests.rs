//! Requests for missing inputs: how often to repeat them (PROTOCOL 2.3).

use crate::num::increment;
use crate::time::Instant;

/// A peer that leaves this many requests unanswered is asked once in so many microseconds.
const BACKOFF: [(u32, u64); 2] = [(10, 8_000_000), (3, 1_000_000)];

/// The local requests, and whether the peer answers them: the earliest versions of the original never do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requests {
    sent_at: Option<Instant>,
    /// How many were sent since the peer's last response.
    unanswered: u32,
}

impl Requests {
    pub(crate) const fn new() -> Self {
        Self { sent_at: None, unanswered: 0 }
    }

    /// The next request is due at once, whatever was requested in the last epoch.
    pub(crate) fn begin_epoch(&mut self) {
        self.sent_at = None;
    }

    /// When the next one is due, given the shortest time between two of them.
    pub(crate) fn due(&self, interval_us: u64) -> Instant {
        let backoff = BACKOFF.iter().find(|(unanswered, _)| self.unanswered >= *unanswered);
        let interval_us = interval_us.max(backoff.map_or(0, |(_, backoff_us)| *backoff_us));
        self.sent_at.map_or(Instant::ORIGIN, |at| at.after(interval_us))
    }

    pub(crate) fn send(&mut self, now: Instant) {
        self.sent_at = Some(now);
        increment(&mut self.unanswered);
    }

    pub(crate) fn receive_response(&mut self) {
        self.unanswered = 0;
    }
}
