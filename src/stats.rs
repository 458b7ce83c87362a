//! What a session knows about a peer, in figures.

use core::time::Duration;

use crate::error::DatagramError;
use crate::estimate::liveness::Health;
use crate::estimate::rtt::RttStats;
use crate::num::increment;
use crate::time::Instant;

/// A snapshot of everything known about a peer. Totals count from when the peer was added, or its counters were cleared; two
/// snapshots make a [`StatsDelta`].
///
/// ```
/// use inputwire::{Config, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
///
/// let mut session = Session::<1, 1>::new(Config::builder().incarnation(0x5eed_0000_0001).build()?);
/// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
/// session.push_input(Instant::ORIGIN, [1])?;
/// while session.poll_transmit(&mut [0; MAX_DATAGRAM_SIZE]).is_some() {}
///
/// let stats = session.peer(peer).expect("it was just added").stats();
/// assert_eq!((stats.unacked, stats.window, stats.latency), (1, 120, None));
/// assert_eq!((stats.totals.packets_sent, stats.totals.bytes_sent), (1, 50)); // a hello
///
/// session.clear_counters();
/// assert_eq!(session.peer(peer).expect("it is there").stats().totals.packets_sent, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PeerStats {
    /// When the snapshot was taken: the latest time that the session was given.
    pub at: Instant,
    /// The peer's health.
    pub health: Health,
    /// Round-trip times, once there is a sample.
    pub rtt: Option<RttStats>,
    /// Half the mean round-trip time.
    pub latency: Option<Duration>,
    /// Interarrival jitter (RFC 3550, 6.4.1); compact wire only.
    pub jitter: Option<Duration>,
    /// Time since the last sign of life.
    pub silence: Option<Duration>,
    /// The longest time without a sign of life since the first one, including the present silence.
    pub longest_silence: Option<Duration>,
    /// Input datagrams of the peer that never arrived, between the first and the latest timing block received; compact
    /// wire only.
    pub inbound_lost: Option<u64>,
    /// Local inputs that the peer has not acknowledged; 0 on the classic wire, which has no acknowledgement.
    pub unacked: u32,
    /// How many there can be at most: `WINDOW`.
    pub window: u32,
    /// Frames below the latest known one that are missing now.
    pub missing: u32,
    /// Inputs that left the window without having been delivered; classic wire only.
    pub lost_inputs: u64,
    /// How early the local inputs come to the peer, as [`margin_millis`](crate::PeerRef::margin_millis) says; compact wire only.
    pub margin_millis: Option<i32>,
    /// Counters.
    pub totals: Totals,
}

/// Counters of one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Totals {
    /// Datagrams accepted.
    pub packets_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Datagrams sent: those that were polled.
    pub packets_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Accepted datagrams that carried inputs, none of them new.
    pub duplicates: u32,
    /// Inputs that contradicted the known one of their frame; the first one stays.
    pub conflicts: u32,
    /// Datagrams refused, by reason.
    pub refused: Refused,
}

/// How many datagrams were refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refused([u32; DatagramError::ALL.len()]);

impl Refused {
    /// How many were refused for `reason`.
    #[must_use]
    pub fn get(&self, reason: DatagramError) -> u32 {
        self.iter().find_map(|(counted, count)| (counted == reason).then_some(count)).unwrap_or(0)
    }

    /// How many were refused for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(u64::from(*count)))
    }

    /// Every reason, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (DatagramError, u32)> {
        DatagramError::ALL.iter().copied().zip(self.0)
    }

    pub(crate) fn count(&mut self, reason: DatagramError) {
        let counters = DatagramError::ALL.iter().zip(self.0.iter_mut());
        if let Some((_, count)) = counters.into_iter().find(|(counted, _)| **counted == reason) {
            increment(count);
        }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn set(&mut self, reason: DatagramError, to: u32) {
        let counters = DatagramError::ALL.iter().zip(self.0.iter_mut());
        for (_, count) in counters.filter(|(counted, _)| **counted == reason) {
            *count = to;
        }
    }
}

/// What happened between two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct StatsDelta {
    /// The time between them.
    pub span: Duration,
    /// What was counted between them.
    pub totals: Totals,
    /// Input datagrams of the peer that were lost between them, once known.
    pub inbound_lost: Option<u64>,
}

impl PeerStats {
    /// What happened since an earlier snapshot of the same peer.
    ///
    /// ```
    /// # fn show(earlier: inputwire::PeerStats, later: inputwire::PeerStats) {
    /// let delta = later.since(&earlier);
    /// let bits_per_second = delta.per_second(delta.totals.bytes_received * 8);
    /// # }
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> StatsDelta {
        let before = earlier.inbound_lost.unwrap_or(0);
        StatsDelta {
            span: self.at.saturating_since(earlier.at),
            totals: self.totals.since(&earlier.totals),
            inbound_lost: self.inbound_lost.map(|lost| lost.saturating_sub(before)),
        }
    }
}

impl StatsDelta {
    /// A count of this delta, per second; 0 if no time has passed.
    #[must_use]
    pub fn per_second(&self, count: u64) -> u64 {
        let micros = u128::from(count).saturating_mul(1_000_000);
        u64::try_from(micros.checked_div(self.span.as_micros()).unwrap_or(0)).unwrap_or(u64::MAX)
    }
}

impl Totals {
    fn since(&self, earlier: &Self) -> Self {
        let mut refused = self.refused;
        for (now, before) in refused.0.iter_mut().zip(earlier.refused.0) {
            *now = now.saturating_sub(before);
        }
        Self {
            packets_received: self.packets_received.saturating_sub(earlier.packets_received),
            bytes_received: self.bytes_received.saturating_sub(earlier.bytes_received),
            packets_sent: self.packets_sent.saturating_sub(earlier.packets_sent),
            bytes_sent: self.bytes_sent.saturating_sub(earlier.bytes_sent),
            duplicates: self.duplicates.saturating_sub(earlier.duplicates),
            conflicts: self.conflicts.saturating_sub(earlier.conflicts),
            refused,
        }
    }

    pub(crate) fn receive(&mut self, bytes: usize) {
        self.packets_received = self.packets_received.saturating_add(1);
        self.bytes_received = self.bytes_received.saturating_add(u64::try_from(bytes).unwrap_or(0));
    }

    pub(crate) fn send(&mut self, bytes: usize) {
        self.packets_sent = self.packets_sent.saturating_add(1);
        self.bytes_sent = self.bytes_sent.saturating_add(u64::try_from(bytes).unwrap_or(0));
    }
}
