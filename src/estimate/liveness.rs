//! Silence, latency and deafness, and what they mean for a peer's health.

use core::time::Duration;

use crate::config::{Config, five_halves};
use crate::time::{Instant, duration_from_micros};
use crate::timer::{Deadline, Timer};

/// How long a peer may go on echoing what it received before it went deaf: the longest hold of the compact wire.
const STALE_ECHO_US: u64 = 2_000_000;

/// How a peer is doing. `Connecting` first, then from best to worst.
///
/// ```
/// use inputwire::Health;
///
/// fn icon(health: Health) -> &'static str {
///     match health {
///         Health::Connecting => "connecting",
///         health if health >= Health::Deaf => "waiting", // nothing gets through, one way or both
///         health if health >= Health::Warning => "slow",
///         _ => "",
///     }
/// }
/// assert_eq!((icon(Health::Good), icon(Health::Interrupted)), ("", "waiting"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Health {
    /// Nothing was received since the peer was added or its transport opened.
    #[default]
    Connecting,
    /// Received lately, and near.
    Good,
    /// The one-way latency is above `warning_latency`.
    Warning,
    /// The one-way latency is above `critical_latency`.
    Critical,
    /// Its datagrams arrive, but it acknowledges and echoes nothing: local datagrams do not reach it.
    Deaf,
    /// Silent for `interrupt_after`: the link may be down.
    Interrupted,
    /// Silent for `disconnect_after`, or its transport is closed.
    Disconnected,
}

/// When a peer was last received and how far away it is: all that its health follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Liveness {
    /// When the peer was last received, or else when its transport opened.
    at: Instant,
    received: bool,
    latency: Health,
    /// When the peer last proved that it receives our datagrams, once that can be expected.
    responded_at: Option<Instant>,
    /// The longest silence that ended: ever, and since the last report.
    longest_us: u64,
    unreported_us: u64,
}

impl Liveness {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { at: now, received: false, latency: Health::Good, responded_at: None, longest_us: 0, unreported_us: 0 }
    }

    /// Notes a sign of life.
    pub(crate) fn receive(&mut self, now: Instant, ping_us: u64, config: &Config) {
        if self.received {
            let silence = self.silence_us(now);
            if silence >= interrupt_us(ping_us, config) {
                // A response could not get through either; the next one takes a round trip from now on.
                self.responded_at = self.responded_at.map(|_| now);
            }
            if silence > self.unreported_us {
                self.unreported_us = silence;
                self.longest_us = self.longest_us.max(silence);
            }
        }
        self.at = now;
        self.received = true;
    }

    /// Notes that the peer proved to receive our datagrams, or can be expected to from now on.
    pub(crate) fn respond(&mut self, now: Instant) {
        self.responded_at = Some(now);
    }

    /// Notes that nothing sent to the peer can be responded to until further notice.
    pub(crate) fn expect_no_response(&mut self) {
        self.responded_at = None;
    }

    /// Forgives the last `micros`: the caller was away, and no peer was silent.
    pub(crate) fn skip(&mut self, micros: u64) {
        self.at = self.at.after(micros);
        self.responded_at = self.responded_at.map(|at| at.after(micros));
    }

    /// Takes the silence to report with a change of health: the present one, or the longest that ended since the last
    /// change.
    pub(crate) fn take_silence(&mut self, now: Instant, health: Health) -> Duration {
        let ended = core::mem::take(&mut self.unreported_us);
        let silent = matches!(health, Health::Interrupted | Health::Disconnected);
        duration_from_micros(if silent { self.silence_us(now) } else { ended })
    }

    /// The longest silence so far, including the present one.
    pub(crate) fn longest_silence(&self, now: Instant) -> Option<Duration> {
        self.received.then(|| duration_from_micros(self.longest_us.max(self.silence_us(now))))
    }

    /// Grades the latency. A grade is left only below 80 % of its threshold, so that it does not flap.
    pub(crate) fn grade_latency(&mut self, round_trip_us: u64, config: &Config) {
        let latency = round_trip_us >> 1;
        let stays = |threshold: u64| latency.saturating_mul(5) >= threshold.saturating_mul(4);
        let above = |threshold: u64, grade: Health| latency > threshold || self.latency >= grade && stays(threshold);
        self.latency = if above(config.critical_us(), Health::Critical) {
            Health::Critical
        } else if above(config.warning_us(), Health::Warning) {
            Health::Warning
        } else {
            Health::Good
        };
    }

    /// When the peer was last received, or else when its transport opened.
    pub(crate) fn received_at(&self) -> Instant {
        self.at
    }

    fn silence_us(&self, now: Instant) -> u64 {
        now.since(self.at)
    }

    pub(crate) fn was_received(&self) -> bool {
        self.received
    }

    pub(crate) fn silence(&self, now: Instant) -> Option<Duration> {
        self.received.then(|| duration_from_micros(self.silence_us(now)))
    }

    pub(crate) fn health(&self, now: Instant, ping_us: u64, config: &Config) -> Health {
        let silence = self.silence_us(now);
        if !self.received {
            Health::Connecting
        } else if silence >= config.disconnect_us() {
            Health::Disconnected
        } else if silence >= interrupt_us(ping_us, config) {
            Health::Interrupted
        } else if self.responded_at.is_some_and(|at| now.since(at) >= deaf_us(ping_us, config)) {
            Health::Deaf
        } else {
            self.latency
        }
    }

    /// When silence will change the health, if it can.
    pub(crate) fn deadlines(&self, ping_us: u64, config: &Config) -> [Deadline; 3] {
        let limit = |us| self.received.then(|| self.at.after(us));
        [
            Timer::Interrupted.at(limit(interrupt_us(ping_us, config))),
            Timer::Disconnected.at(limit(config.disconnect_us())),
            Timer::Deaf.at(self.responded_at.map(|at| at.after(deaf_us(ping_us, config)))),
        ]
    }
}

/// The silence after which a peer is interrupted.
pub(crate) fn interrupt_us(ping_us: u64, config: &Config) -> u64 {
    config.interrupt_us().max(five_halves(ping_us))
}

fn deaf_us(ping_us: u64, config: &Config) -> u64 {
    interrupt_us(ping_us, config).saturating_add(STALE_ECHO_US)
}
