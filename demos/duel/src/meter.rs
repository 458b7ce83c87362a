//! Rates over the last seconds, from snapshots of the stats.

use std::collections::VecDeque;
use std::time::Duration;

use inputwire::{Instant, PeerStats, StatsDelta};

/// The time between two snapshots.
const STEP: Duration = Duration::from_millis(200);
/// The snapshots that a rate covers: two seconds.
const SNAPSHOTS: usize = 10;

/// The snapshots of the last seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    snapshots: VecDeque<PeerStats>,
}

impl Meter {
    /// Returns whether it is time for a snapshot.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.snapshots.back().is_none_or(|last| now.saturating_since(last.at) >= STEP)
    }

    pub(crate) fn observe(&mut self, stats: &PeerStats) {
        self.snapshots.push_back(*stats);
        if self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_front();
        }
    }

    /// Returns what happened since the oldest snapshot.
    fn delta(&self, stats: &PeerStats) -> Option<StatsDelta> {
        self.snapshots.front().map(|first| stats.since(first))
    }

    /// Returns the bits sent in a second, without the headers of UDP and IP.
    pub(crate) fn bits_out(&self, stats: &PeerStats) -> u64 {
        self.delta(stats).map_or(0, |delta| delta.per_second(delta.totals.bytes_sent * 8))
    }

    /// Returns the percentage of the peer's datagrams that were lost, where the wire can tell.
    pub(crate) fn loss_percent(&self, stats: &PeerStats) -> Option<u64> {
        let delta = self.delta(stats)?;
        let lost = delta.inbound_lost?;
        (lost * 100).checked_div(lost + delta.totals.packets_received)
    }
}
