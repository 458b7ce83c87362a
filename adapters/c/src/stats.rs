//! What is known of a peer, in plain figures.

use core::time::Duration;

use inputwire::{Pace, PeerStats};

use crate::status::IwStatus;
use crate::types::{IW_UNKNOWN, IwHealth, us};

/// Counters of refused datagrams; more than there are reasons, so that reasons may be added.
pub const IW_REASONS: usize = 32;

/// How far ahead of a peer we play, and what to do about it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwPace {
    /// How far ahead of the peer we are, in thousandths of a frame.
    pub lead_millis: i32,
    /// By how much to stretch the frame interval, in millionths.
    pub stretch_ppm: i32,
}

impl IwPace {
    pub(crate) fn of(pace: Pace) -> Self {
        Self { lead_millis: pace.lead_millis, stretch_ppm: pace.stretch_ppm }
    }
}

/// Everything known of a peer. What is not known, of the figures that may be, is `IW_UNKNOWN`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwStats {
    /// When these figures were taken.
    pub at_us: u64,
    /// The newest round trip; may be unknown, as all six.
    pub rtt_latest_us: u64,
    /// The shortest of the last 10.
    pub rtt_min_us: u64,
    /// Their mean.
    pub rtt_mean_us: u64,
    /// Their median.
    pub rtt_median_us: u64,
    /// The smoothed estimate (RFC 6298).
    pub rtt_smoothed_us: u64,
    /// Its variation (RFC 6298).
    pub rtt_variation_us: u64,
    /// Half the mean round trip; may be unknown.
    pub latency_us: u64,
    /// Interarrival jitter (RFC 3550); may be unknown.
    pub jitter_us: u64,
    /// Time since the peer was heard; may be unknown.
    pub silence_us: u64,
    /// The longest such time; may be unknown.
    pub longest_silence_us: u64,
    /// Input datagrams that the peer sent and that never arrived; may be unknown.
    pub inbound_lost: u64,
    /// Inputs that left the window without having been told; classic wire only.
    pub lost_inputs: u64,
    /// Datagrams accepted.
    pub packets_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Datagrams polled.
    pub packets_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// How the peer is doing.
    pub health: IwHealth,
    /// Inputs of ours that the peer has not acknowledged.
    pub unacked: u32,
    /// How many there can be at most.
    pub window: u32,
    /// Frames below the newest known one that are missing now.
    pub gaps: u32,
    /// Accepted datagrams that carried inputs, but no new one.
    pub duplicates: u32,
    /// Inputs that contradicted the one known for their frame.
    pub conflicts: u32,
    /// Datagrams refused with the status `-100 - n`.
    pub refused: [u32; IW_REASONS],
}

impl IwStats {
    pub(crate) fn of(stats: &PeerStats) -> Self {
        let known = |span: Option<Duration>| span.map_or(IW_UNKNOWN, us);
        let totals = &stats.totals;
        let mut refused = [0; IW_REASONS];
        for (reason, count) in totals.refused.iter() {
            let place = IwStatus::UnknownPeer.code().saturating_sub(IwStatus::from(reason).code());
            let counter = usize::try_from(place).ok().and_then(|place| refused.get_mut(place));
            if let Some(counter) = counter {
                *counter = count;
            }
        }
        Self {
            at_us: stats.at.as_micros(),
            rtt_latest_us: known(stats.rtt.map(|rtt| rtt.latest)),
            rtt_min_us: known(stats.rtt.map(|rtt| rtt.min)),
            rtt_mean_us: known(stats.rtt.map(|rtt| rtt.mean)),
            rtt_median_us: known(stats.rtt.map(|rtt| rtt.median)),
            rtt_smoothed_us: known(stats.rtt.map(|rtt| rtt.smoothed)),
            rtt_variation_us: known(stats.rtt.map(|rtt| rtt.variation)),
            latency_us: known(stats.latency),
            jitter_us: known(stats.jitter),
            silence_us: known(stats.silence),
            longest_silence_us: known(stats.longest_silence),
            inbound_lost: stats.inbound_lost.unwrap_or(IW_UNKNOWN),
            lost_inputs: stats.lost_inputs,
            packets_received: totals.packets_received,
            bytes_received: totals.bytes_received,
            packets_sent: totals.packets_sent,
            bytes_sent: totals.bytes_sent,
            health: IwHealth::of(stats.health),
            unacked: stats.unacked,
            window: stats.window,
            gaps: stats.gaps,
            duplicates: totals.duplicates,
            conflicts: totals.conflicts,
            refused,
        }
    }
}

// Whoever reads these without a C compiler counts bytes: on every machine the same ones.
const _: () = assert!(size_of::<IwPace>() == 8 && size_of::<IwStats>() == 288);
