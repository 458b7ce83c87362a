//! Rates over the last seconds, from snapshots of the stats.

use std::collections::VecDeque;
use std::time::Duration;

use inputwire::{Instant, PeerStats, Rates};

/// How far apart snapshots are.
const STEP: Duration = Duration::from_millis(200);
/// How many make the span that rates are taken over: two seconds.
const SNAPSHOTS: usize = 10;

/// The snapshots of the last seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    snapshots: VecDeque<PeerStats>,
}

impl Meter {
    /// Whether the last snapshot is old enough for another one.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.snapshots.back().is_none_or(|last| now.saturating_since(last.at) >= STEP)
    }

    pub(crate) fn observe(&mut self, stats: &PeerStats) {
        self.snapshots.push_back(*stats);
        if self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_front();
        }
    }

    /// What happened within the span.
    fn rates(&self, stats: &PeerStats) -> Option<Rates> {
        self.snapshots.front().map(|first| stats.since(first))
    }

    /// Bits a second that go out, without the headers of UDP and IP.
    pub(crate) fn bits_out(&self, stats: &PeerStats) -> u64 {
        self.rates(stats).map_or(0, |rates| rates.per_second(rates.totals.bytes_sent * 8))
    }

    /// How many of 100 of the peer's input datagrams got lost, where the wire tells.
    pub(crate) fn loss_percent(&self, stats: &PeerStats) -> Option<u64> {
        let rates = self.rates(stats)?;
        let lost = rates.inbound_lost?;
        (lost * 100).checked_div(lost + rates.totals.packets_received)
    }
}
