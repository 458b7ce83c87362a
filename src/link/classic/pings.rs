//! Pings of one kind: when the next one is due, and which are not answered yet (PROTOCOL 2.4).

use crate::num::div_rem;
use crate::time::Instant;
use crate::wire::classic::double_bits;

/// How many pings can be answered late.
const OUTSTANDING: usize = 8;
/// How many validation pings are sent to a peer that shows no sign of knowing them.
const UNANSWERED_MAX: u8 = 10;

/// The pings of one kind that were sent over the present transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pings {
    /// When the last pings were sent that are not answered yet.
    outstanding: [Option<Instant>; OUTSTANDING],
    sent_at: Option<Instant>,
}

impl Pings {
    pub(crate) const fn new() -> Self {
        Self { outstanding: [None; OUTSTANDING], sent_at: None }
    }

    /// The first one is due at once.
    pub(crate) fn due(&self, interval_us: u64) -> Instant {
        self.sent_at.map_or(Instant::ORIGIN, |at| at.after(interval_us))
    }

    /// Notes a ping and returns its stamp.
    pub(crate) fn send(&mut self, now: Instant) -> u64 {
        self.sent_at = Some(now);
        // `None`, a ping that was answered, is less than any moment; without one the oldest ping is dropped.
        if let Some(place) = self.outstanding.iter_mut().min() {
            *place = Some(now);
        }
        stamp(now)
    }

    /// Takes the outstanding ping with this stamp. Pings are 20 ms apart, so no two have the same one.
    pub(crate) fn take(&mut self, echo: u64) -> Option<Instant> {
        self.outstanding.iter_mut().find(|ping| ping.is_some_and(|at| stamp(at) == echo))?.take()
    }
}

/// The validation pings, which later versions of the original wait for before they start a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validation {
    pings: Pings,
    /// How many were sent that the peer has not answered, less those that it asked for; `None` once it needs no more.
    unanswered: Option<u8>,
}

impl Validation {
    pub(crate) const fn new() -> Self {
        Self { pings: Pings::new(), unanswered: Some(0) }
    }

    pub(crate) fn due(&self, interval_us: u64) -> Option<Instant> {
        let unanswered = self.unanswered?;
        (unanswered < UNANSWERED_MAX).then(|| self.pings.due(interval_us))
    }

    /// Notes a validation ping and returns its stamp.
    pub(crate) fn send(&mut self, now: Instant) -> u64 {
        self.unanswered = self.unanswered.map(|unanswered| unanswered.saturating_add(1));
        self.pings.send(now)
    }

    /// A validation ping of the peer: it knows the type, and may not have started yet. One more is sent for it.
    pub(crate) fn receive_ping(&mut self) {
        self.unanswered = self.unanswered.map(|unanswered| unanswered.min(UNANSWERED_MAX.saturating_sub(1)));
    }

    /// Returns whether this answers a validation ping; then no more are needed.
    pub(crate) fn receive_pong(&mut self, echo: u64) -> bool {
        let answered = self.pings.take(echo).is_some();
        if answered {
            self.end();
        }
        answered
    }

    /// The peer has started, so it has all that it waits for.
    pub(crate) fn end(&mut self) {
        self.unanswered = None;
    }
}

/// The stamp of a ping: whole milliseconds, as a double.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn stamp(at: Instant) -> u64 {
    double_bits(div_rem(at.as_micros(), 1_000).0)
}
