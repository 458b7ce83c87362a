//! Silence and latency, and what they mean.

use core::time::Duration;

use crate::config::{Config, five_halves};
use crate::time::{Instant, span};

/// For how long a peer may echo something that it heard before it went deaf: the longest hold of the compact wire.
const STALE_ECHO_US: u64 = 2_000_000;

/// How a peer is doing, from best to worst but for the first.
///
/// ```
/// use inputwire::Health;
///
/// fn icon(health: Health) -> &'static str {
///     match health {
///         Health::Connecting => "connecting",
///         health if health >= Health::Deaf => "waiting", // nothing goes through, one way or both
///         health if health >= Health::Warning => "slow",
///         _ => "",
///     }
/// }
/// assert_eq!((icon(Health::Good), icon(Health::Interrupted)), ("", "waiting"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Health {
    /// Nothing was heard yet since the peer was added or opened.
    #[default]
    Connecting,
    /// Heard lately, and near.
    Good,
    /// The one-way latency is above `warning_latency`.
    Warning,
    /// The one-way latency is above `critical_latency`.
    Critical,
    /// Heard, but it does not hear us: nothing that we sent was acknowledged or echoed for long.
    Deaf,
    /// Silent for `interrupt_after`: the link may be down.
    Interrupted,
    /// Silent for `disconnect_after`, or closed by the caller.
    Disconnected,
}

/// When a peer was heard last and how far away it is: all that health follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// When the peer was heard last, or else when its transport opened.
    at: Instant,
    heard: bool,
    latency: Health,
    /// When the peer proved last that it hears us, once it can be expected to.
    answered_at: Option<Instant>,
    /// The longest silence that ended, ever and since the health was told last.
    longest_us: u64,
    untold_us: u64,
}

impl Pulse {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { at: now, heard: false, latency: Health::Good, answered_at: None, longest_us: 0, untold_us: 0 }
    }

    pub(crate) fn hear(&mut self, now: Instant, ping_us: u64, config: &Config) {
        if self.heard {
            let silence = self.silence(now);
            if silence >= interrupt_us(ping_us, config) {
                // An answer could not come through either, and takes a round trip from now.
                self.answered_at = self.answered_at.map(|_| now);
            }
            if silence > self.untold_us {
                self.untold_us = silence;
                self.longest_us = self.longest_us.max(silence);
            }
        }
        self.at = now;
        self.heard = true;
    }

    /// The peer proved that it hears us, or can be expected to from now on.
    pub(crate) fn answer(&mut self, now: Instant) {
        self.answered_at = Some(now);
    }

    /// Nothing that we send can be answered until further notice.
    pub(crate) fn expect_no_answer(&mut self) {
        self.answered_at = None;
    }

    /// We were not there for `micros`: nobody was silent in that time.
    pub(crate) fn skip(&mut self, micros: u64) {
        self.at = self.at.after(micros);
        self.answered_at = self.answered_at.map(|at| at.after(micros));
    }

    /// The silence to tell with a change of health: the present one, or the longest that has ended since the last change.
    pub(crate) fn tell_silence(&mut self, now: Instant, health: Health) -> Duration {
        let ended = core::mem::take(&mut self.untold_us);
        let silent = matches!(health, Health::Interrupted | Health::Disconnected);
        span(if silent { self.silence(now) } else { ended })
    }

    /// The longest silence so far, the present one included.
    pub(crate) fn longest_silence(&self, now: Instant) -> Option<Duration> {
        self.heard.then(|| span(self.longest_us.max(self.silence(now))))
    }

    /// Judges the latency anew. A level is left only below 80 % of its threshold, so that it does not flap.
    pub(crate) fn judge_latency(&mut self, round_trip_us: u64, config: &Config) {
        let latency = round_trip_us >> 1;
        let stays = |threshold: u64| latency.saturating_mul(5) >= threshold.saturating_mul(4);
        let above = |threshold: u64, level: Health| latency > threshold || self.latency >= level && stays(threshold);
        self.latency = if above(config.critical_us(), Health::Critical) {
            Health::Critical
        } else if above(config.warning_us(), Health::Warning) {
            Health::Warning
        } else {
            Health::Good
        };
    }

    /// When the peer was heard last, or else when its transport opened.
    pub(crate) fn heard_at(&self) -> Instant {
        self.at
    }

    /// How long nothing was heard.
    fn silence(&self, now: Instant) -> u64 {
        now.since(self.at)
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.heard
    }

    pub(crate) fn heard_for(&self, now: Instant) -> Option<Duration> {
        self.heard.then(|| span(self.silence(now)))
    }

    pub(crate) fn health(&self, now: Instant, ping_us: u64, config: &Config) -> Health {
        let silence = self.silence(now);
        if !self.heard {
            Health::Connecting
        } else if silence >= config.disconnect_us() {
            Health::Disconnected
        } else if silence >= interrupt_us(ping_us, config) {
            Health::Interrupted
        } else if self.answered_at.is_some_and(|at| now.since(at) >= deaf_us(ping_us, config)) {
            Health::Deaf
        } else {
            self.latency
        }
    }

    /// When silence will change the health, if it can.
    pub(crate) fn due(&self, ping_us: u64, config: &Config) -> [Option<Instant>; 3] {
        let limit = |us| self.heard.then(|| self.at.after(us));
        let deaf = self.answered_at.map(|at| at.after(deaf_us(ping_us, config)));
        [limit(interrupt_us(ping_us, config)), limit(config.disconnect_us()), deaf]
    }
}

#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn interrupt_us(ping_us: u64, config: &Config) -> u64 {
    config.interrupt_us().max(five_halves(ping_us))
}

fn deaf_us(ping_us: u64, config: &Config) -> u64 {
    interrupt_us(ping_us, config).saturating_add(STALE_ECHO_US)
}
