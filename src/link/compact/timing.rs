//! The timing of a compact link (PROTOCOL 3.6): round trips, jitter, loss and the peer's lead, from eight bytes now and then.

use core::mem::replace;
use core::time::Duration;

use crate::estimate::liveness::longest_echo_us;
use crate::estimate::rtt::Jitter;
use crate::estimate::windowed_min::WindowedMin;
use crate::num::{div_rem, low_u8, low_u16};
use crate::time::Instant;
use crate::wire::compact::Timing;

/// Microseconds in a unit of a stamp.
const UNIT_US: u16 = 250;
/// How many blocks make half of a sliding minimum.
const SHORTEST_OF: u8 = 16;
/// How many of the first datagrams carry a timing block.
const EARLY: u64 = 10;
/// How many old blocks in a row are too many.
const STALE: u8 = 8;
/// Datagrams that were sent or that arrived further apart say nothing of the network between them.
const JITTER_WITHIN_US: u64 = 2_000_000;

/// What is known about the timing between both endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimingEstimator {
    /// Input datagrams sent to this peer since it was added.
    sent: u64,
    /// When a timing block was last sent.
    block_at: Option<Instant>,
    /// The latest block used of this run of the peer, and when it arrived.
    received: Option<(Timing, Instant)>,
    jitter: Jitter,
    /// One-way times, in and out, in units; off by the unknown clock offset, which cancels out in their sum. Each has a
    /// minimum of its own, so the sum can be shorter than every measured round trip.
    way_in: i32,
    shortest_in: WindowedMin<i32, SHORTEST_OF>,
    shortest_out: WindowedMin<i32, SHORTEST_OF>,
    /// Input datagrams that the peer sent between its first block and its latest, less those that arrived; negative where
    /// the network duplicates.
    missing: i64,
    /// Those that arrived since the latest block; `None` until the next one, from which on they are counted.
    since_block: Option<u32>,
    /// How many of the peer's datagrams were missed lately, in 256ths, times 8.
    lost_8: u16,
    /// Blocks with old numbers since the latest that was used: replays, or the numbers have gone round while nothing arrived.
    old_blocks: u8,
    /// The low byte of the number of the last block: one that is repeated counts once.
    number: u8,
}

/// A timing block that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// The round trip, if it carried an echo.
    pub(crate) rtt_us: Option<u64>,
}

impl TimingEstimator {
    /// Forgets an earlier run of the peer.
    pub(crate) fn restart(&mut self) {
        *self = Self { sent: self.sent, block_at: self.block_at, ..Self::default() };
    }

    /// Counts a datagram that is about to be sent. Returns whether a block is due for it.
    pub(crate) fn send(&mut self, now: Instant, ping_us: u64) -> bool {
        self.sent = self.sent.saturating_add(1);
        self.sent <= EARLY || self.block_at.is_none_or(|at| now.since(at) >= ping_us)
    }

    /// The block for the datagram that is about to be sent. Nothing is echoed to a peer that is not `heard`:
    /// an echo would say that its datagrams arrive.
    pub(crate) fn block(&mut self, now: Instant, ping_us: u64, heard: bool, lead: Option<i8>) -> Timing {
        self.block_at = Some(now);
        let echo = if heard { self.echo(now, ping_us) } else { 0 };
        let lost = low_u8(u32::from(self.lost_8 >> 3).min(0xff));
        Timing { stamp: low_u16(units(now)), echo, sent: low_u16(self.sent), lost, lead }
    }

    /// The peer's latest stamp, moved on by the time it was held here; 0 for none.
    fn echo(&self, now: Instant, ping_us: u64) -> u16 {
        let Some((timing, at)) = self.received else { return 0 };
        let held = units(now).saturating_sub(units(at));
        if now.since(at) > longest_echo_us(ping_us) { 0 } else { timing.stamp.wrapping_add(low_u16(held)).max(1) }
    }

    /// How many of the local datagrams the peer missed lately, in 256ths, as it told last.
    pub(crate) fn outbound_lost(&self) -> u8 {
        self.received.map_or(0, |(timing, _)| timing.lost)
    }

    /// The peer's lead as it told last, unless that was too long ago.
    pub(crate) fn lead(&self, now: Instant, ping_us: u64) -> Option<i8> {
        let (timing, at) = self.received?;
        timing.lead.filter(|_| now.since(at) <= longest_echo_us(ping_us))
    }

    /// Counts an accepted datagram.
    pub(crate) fn count(&mut self) {
        self.since_block = self.since_block.map(|count| count.saturating_add(1));
    }

    /// Uses the block of the datagram that was just counted, unless it is an old one.
    #[inline(never)]
    pub(crate) fn receive(&mut self, now: Instant, timing: Timing) -> Option<Used> {
        let number = low_u8(timing.sent.into());
        let is_repeated = replace(&mut self.number, number) == number;
        if let Some((last, at)) = self.received {
            let later = timing.sent.wrapping_sub(last.sent);
            if later == 0 || later > 0x7fff {
                self.old_blocks = self.old_blocks.saturating_add((!is_repeated).into());
                return None;
            }
            self.count_lost(later);
            let sent_apart = u64::from(timing.stamp.wrapping_sub(last.stamp)).saturating_mul(u64::from(UNIT_US));
            if sent_apart.max(now.since(at)) < JITTER_WITHIN_US {
                self.jitter.sample(now.since(at).abs_diff(sent_apart));
            }
        }
        self.old_blocks = 0;
        let travelled = |timing: Timing, at: Instant| low_u16(units(at)).wrapping_sub(timing.stamp);
        let before = self.received.map_or(0, |(last, at)| travelled(last, at));
        let longer = travelled(timing, now).wrapping_sub(before).cast_signed();
        self.way_in = self.way_in.saturating_add(i32::from(longer));
        self.shortest_in.sample(self.way_in);
        self.received = Some((timing, now));
        self.since_block = Some(0);
        let rtt = match low_u16(units(now)).wrapping_sub(timing.echo) {
            _ if timing.echo == 0 => return Some(Used { rtt_us: None }),
            // A trip of no time at all may seem to take less: stamps are rounded, and the clocks drift while one is held.
            0xfff0.. => 0,
            0x8000.. => return Some(Used { rtt_us: None }),
            units => units,
        };
        self.shortest_out.sample(i32::from(rtt).saturating_sub(self.way_in));
        Some(Used { rtt_us: Some(u64::from(rtt).saturating_mul(u64::from(UNIT_US))) })
    }

    /// Whether only old blocks come, so that the latest number that was used tells nothing any more. The peer is asked for a
    /// hello then, which no replay can be.
    pub(crate) fn is_stale(&self) -> bool {
        self.old_blocks >= STALE
    }

    /// Counts what was lost of the `sent` datagrams since the block before.
    fn count_lost(&mut self, sent: u16) {
        let Some(arrived) = self.since_block else { return };
        let lost = i64::from(sent).saturating_sub(i64::from(arrived));
        self.missing = self.missing.saturating_add(lost);
        let lost = u64::try_from(lost).unwrap_or(0);
        let share = u16::try_from(div_rem(lost << 8, sent).0).unwrap_or(0);
        self.lost_8 = self.lost_8.saturating_sub(self.lost_8 >> 3).saturating_add(share);
    }

    pub(crate) fn clear_counters(&mut self) {
        self.missing = 0;
        self.since_block = None;
        self.lost_8 = 0;
    }

    /// The sum of the shortest way in and the shortest way out.
    pub(crate) fn shortest_us(&self) -> Option<u32> {
        let units = self.shortest_in.get()?.saturating_add(self.shortest_out.get()?);
        u64::try_from(units.max(0)).ok()?.checked_mul(u64::from(UNIT_US))?.try_into().ok()
    }

    pub(crate) fn jitter(&self) -> Option<Duration> {
        self.jitter.get()
    }

    /// Input datagrams of the peer that never arrived, once its first block was used.
    pub(crate) fn inbound_lost(&self) -> Option<u64> {
        self.received.map(|_| u64::try_from(self.missing).unwrap_or(0))
    }
}

/// A moment in the units of a stamp.
fn units(at: Instant) -> u64 {
    div_rem(at.as_micros(), UNIT_US).0
}
