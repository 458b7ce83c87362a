//! Silence and latency, and what they mean.

use core::time::Duration;

use crate::config::{Config, five_halves};
use crate::time::Instant;

/// How a peer is doing, from best to worst but for the first.
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
}

impl Pulse {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { at: now, heard: false, latency: Health::Good }
    }

    pub(crate) fn hear(&mut self, now: Instant) {
        self.at = now;
        self.heard = true;
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

    /// How long nothing was heard.
    pub(crate) fn silence(&self, now: Instant) -> u64 {
        now.since(self.at)
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.heard
    }

    pub(crate) fn heard_for(&self, now: Instant) -> Option<Duration> {
        self.heard.then(|| Duration::from_micros(self.silence(now)))
    }

    pub(crate) fn health(&self, now: Instant, ping_us: u64, config: &Config) -> Health {
        let silence = self.silence(now);
        if !self.heard {
            Health::Connecting
        } else if silence >= config.disconnect_us() {
            Health::Disconnected
        } else if silence >= interrupt_us(ping_us, config) {
            Health::Interrupted
        } else {
            self.latency
        }
    }

    /// When silence will change the health, if it can: the moments of both limits.
    pub(crate) fn due(&self, ping_us: u64, config: &Config) -> [Option<Instant>; 2] {
        let limit = |us| self.heard.then(|| self.at.after(us));
        [limit(interrupt_us(ping_us, config)), limit(config.disconnect_us())]
    }
}

fn interrupt_us(ping_us: u64, config: &Config) -> u64 {
    config.interrupt_us().max(five_halves(ping_us))
}
