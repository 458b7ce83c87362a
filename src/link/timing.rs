//! The timing of a compact link (PROTOCOL 3.6): round trips, jitter and loss, from six bytes now and then.

use core::time::Duration;

use crate::rtt::Jitter;
use crate::time::Instant;
use crate::wire::compact::Timing;

/// Microseconds in a unit of a stamp.
const UNIT_US: u64 = 250;
/// How many of the first datagrams carry a timing block.
const EARLY: u64 = 10;
/// A stamp that was held for more units is not echoed.
const HOLD_MAX: u64 = 8_000;

/// What is known of the timing between us and a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Input datagrams polled for this peer since it was added.
    sent: u64,
    /// When a timing block was sent last.
    block_at: Option<Instant>,
    /// The newest block used from this run of the peer, and when it arrived.
    heard: Option<(Timing, Instant)>,
    jitter: Jitter,
    /// Input datagrams that the peer sent since its first block, and those that arrived.
    expected: u64,
    arrived: u64,
}

/// What a used timing block tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) rtt_us: Option<u64>,
}

impl Clocks {
    /// The peer started anew: nothing of its earlier run counts.
    pub(crate) fn restart(&mut self) {
        *self = Self { sent: self.sent, ..Self::default() };
    }

    /// Counts a datagram that is about to be sent, and returns the block it carries, if it is time for one.
    pub(crate) fn send(&mut self, now: Instant, ping_us: u64) -> Option<Timing> {
        self.sent = self.sent.saturating_add(1);
        let due = self.block_at.is_none_or(|at| now.since(at) >= ping_us);
        if !due && self.sent > EARLY {
            return None;
        }
        self.block_at = Some(now);
        Some(Timing { stamp: low_half(clock(now)), echo: self.echo(now), sent: low_half(self.sent) })
    }

    /// The peer's newest stamp and how long it was held here; 0 for none.
    fn echo(&self, now: Instant) -> u16 {
        match self.heard {
            Some((timing, at)) if clock(now).saturating_sub(clock(at)) <= HOLD_MAX => {
                let held = clock(now).saturating_sub(clock(at));
                timing.stamp.wrapping_add(low_half(held)).max(1)
            }
            _ => 0,
        }
    }

    /// Counts an accepted datagram and reads its block, unless the block is an old one.
    pub(crate) fn receive(&mut self, now: Instant, timing: Option<Timing>) -> Option<Reading> {
        if self.heard.is_some() {
            self.arrived = self.arrived.saturating_add(1);
        }
        let timing = timing?;
        if let Some((last, at)) = self.heard {
            let newer = timing.sent.wrapping_sub(last.sent);
            if newer == 0 || newer > 0x7fff {
                return None;
            }
            self.expected = self.expected.saturating_add(u64::from(newer));
            let sent_apart = u64::from(timing.stamp.wrapping_sub(last.stamp)).saturating_mul(UNIT_US);
            self.jitter.sample(now.since(at).abs_diff(sent_apart));
        }
        self.heard = Some((timing, now));
        let rtt_us = match low_half(clock(now)).wrapping_sub(timing.echo) {
            _ if timing.echo == 0 => None,
            // Both readings are rounded down, so a trip of no time at all may seem to take less.
            0xfffe.. => Some(0),
            0x8000.. => None,
            units => Some(u64::from(units).saturating_mul(UNIT_US)),
        };
        Some(Reading { rtt_us })
    }

    pub(crate) fn clear_counters(&mut self) {
        self.expected = 0;
        self.arrived = 0;
    }

    pub(crate) fn jitter(&self) -> Option<Duration> {
        self.jitter.get()
    }

    /// Input datagrams of the peer that never arrived, once its first block was used.
    pub(crate) fn lost(&self) -> Option<u64> {
        self.heard.map(|_| self.expected.saturating_sub(self.arrived))
    }
}

/// A clock reading in the units of a stamp.
const fn clock(at: Instant) -> u64 {
    at.as_micros() / UNIT_US
}

fn low_half(number: u64) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_le_bytes([low, high])
}
