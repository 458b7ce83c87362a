//! The timing of a compact link (PROTOCOL 3.6): round trips, jitter and loss, from six bytes now and then.

use core::time::Duration;

use crate::floor::Floor;
use crate::rtt::Jitter;
use crate::time::{Instant, divided};
use crate::wire::compact::Timing;

/// Microseconds in a unit of a stamp.
const UNIT_US: u16 = 250;
/// How many blocks make half of a sliding minimum.
const SHORTEST_OF: u8 = 16;
/// How many of the first datagrams carry a timing block.
const EARLY: u64 = 10;
/// A stamp that was held for more units is not echoed.
const HOLD_MAX: u64 = 8_000;

/// What is known of the timing between us and a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Input datagrams polled for this peer since it was added.
    sent: u64,
    /// When a timing block was sent last.
    block_at: Option<Instant>,
    /// The newest block used from this run of the peer, and when it arrived.
    heard: Option<(Timing, Instant)>,
    jitter: Jitter,
    /// How long the ways from and to the peer took, in units, each but for the difference of the clocks: so each has a
    /// minimum of its own, and the two together make a round trip that is shorter than any that was measured.
    way_in: i32,
    shortest_in: Floor<i32, SHORTEST_OF>,
    shortest_out: Floor<i32, SHORTEST_OF>,
    /// Input datagrams that the peer sent between its first block and its newest, less those that arrived; negative where
    /// the network repeats them.
    missing: i64,
    /// Those that arrived since the newest block.
    since: u32,
}

/// What a used timing block tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) rtt_us: Option<u64>,
}

impl Clocks {
    pub(crate) const fn new() -> Self {
        Self {
            sent: 0,
            block_at: None,
            heard: None,
            jitter: Jitter::new(),
            way_in: 0,
            shortest_in: Floor::new(),
            shortest_out: Floor::new(),
            missing: 0,
            since: 0,
        }
    }

    /// The peer started anew: nothing of its earlier run counts.
    pub(crate) fn restart(&mut self) {
        *self = Self { sent: self.sent, block_at: self.block_at, ..Self::new() };
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
        let Some((timing, at)) = self.heard else { return 0 };
        let held = clock(now).saturating_sub(clock(at));
        if held > HOLD_MAX { 0 } else { timing.stamp.wrapping_add(low_half(held)).max(1) }
    }

    /// Counts an accepted datagram and reads its block, unless the block is an old one.
    pub(crate) fn receive(&mut self, now: Instant, timing: Option<Timing>) -> Option<Reading> {
        if self.heard.is_some() {
            self.since = self.since.saturating_add(1);
        }
        let timing = timing?;
        if let Some((last, at)) = self.heard {
            let newer = timing.sent.wrapping_sub(last.sent);
            if newer == 0 || newer > 0x7fff {
                return None;
            }
            let lost = i64::from(newer).saturating_sub(i64::from(self.since));
            self.missing = self.missing.saturating_add(lost);
            self.since = 0;
            let sent_apart = u64::from(timing.stamp.wrapping_sub(last.stamp)).saturating_mul(u64::from(UNIT_US));
            self.jitter.sample(now.since(at).abs_diff(sent_apart));
        }
        let travelled = |timing: Timing, at: Instant| low_half(clock(at)).wrapping_sub(timing.stamp);
        let before = self.heard.map_or(0, |(last, at)| travelled(last, at));
        let longer = signed(travelled(timing, now).wrapping_sub(before));
        self.way_in = self.way_in.saturating_add(i32::from(longer));
        self.shortest_in.sample(self.way_in);
        self.heard = Some((timing, now));
        let rtt = match low_half(clock(now)).wrapping_sub(timing.echo) {
            _ if timing.echo == 0 => return Some(Reading { rtt_us: None }),
            // Both readings are rounded down, so a trip of no time at all may seem to take less.
            0xfffe.. => 0,
            0x8000.. => return Some(Reading { rtt_us: None }),
            units => units,
        };
        self.shortest_out.sample(i32::from(rtt).saturating_sub(self.way_in));
        Some(Reading { rtt_us: Some(u64::from(rtt).saturating_mul(u64::from(UNIT_US))) })
    }

    pub(crate) fn clear_counters(&mut self) {
        self.missing = 0;
        self.since = 0;
    }

    /// The round trip of the shortest way there and the shortest way back.
    pub(crate) fn shortest_us(&self) -> Option<u32> {
        let units = self.shortest_in.get()?.saturating_add(self.shortest_out.get()?);
        u64::try_from(units.max(0)).ok()?.checked_mul(u64::from(UNIT_US))?.try_into().ok()
    }

    pub(crate) fn jitter(&self) -> Option<Duration> {
        self.jitter.get()
    }

    /// Input datagrams of the peer that never arrived, once its first block was used.
    pub(crate) fn lost(&self) -> Option<u64> {
        self.heard.map(|_| u64::try_from(self.missing).unwrap_or(0))
    }
}

/// A clock reading in the units of a stamp.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn clock(at: Instant) -> u64 {
    divided(at.as_micros(), UNIT_US).0
}

fn low_half(number: u64) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The same bits as a signed number.
fn signed(number: u16) -> i16 {
    i16::from_le_bytes(number.to_le_bytes())
}
