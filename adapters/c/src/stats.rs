//! Statistics of a peer as plain numbers.

use core::time::Duration;

use inputwire::{Pace, PeerStats};

use crate::status::IwStatus;
use crate::types::{IW_UNKNOWN, IwHealth, micros};

/// The number of counters of refused datagrams, with some to spare for new reasons.
pub const IW_REASONS: usize = 32;

/// How far the local game is ahead of a peer's, and how to correct it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwPace {
    /// How far the local game is ahead, in thousandths of a frame.
    pub lead_millis: i32,
    /// By how much to stretch the frame interval, in millionths.
    pub stretch_ppm: i32,
}

impl IwPace {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { lead_millis: pace.lead_millis, stretch_ppm: pace.stretch_ppm }
    }
}

/// A snapshot of a peer's statistics. Fields marked with `?` are `IW_UNKNOWN` until there is a value.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwStats {
    /// The time of the snapshot.
    pub at_us: u64,
    /// ? The latest round-trip time.
    pub rtt_latest_us: u64,
    /// ? The minimum of the last 10.
    pub rtt_min_us: u64,
    /// ? Their mean.
    pub rtt_mean_us: u64,
    /// ? Their median.
    pub rtt_median_us: u64,
    /// ? The smoothed round-trip time (RFC 6298).
    pub rtt_smoothed_us: u64,
    /// ? Its variation (RFC 6298).
    pub rtt_variation_us: u64,
    /// ? Half the mean round-trip time.
    pub latency_us: u64,
    /// ? Interarrival jitter (RFC 3550); compact wire only.
    pub jitter_us: u64,
    /// ? Time since the last sign of life.
    pub silence_us: u64,
    /// ? The longest such time.
    pub longest_silence_us: u64,
    /// ? Input datagrams of the peer that never arrived; compact wire only.
    pub inbound_lost: u64,
    /// Inputs that left the window undelivered; classic wire only.
    pub lost_inputs: u64,
    /// Datagrams accepted.
    pub packets_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Datagrams sent.
    pub packets_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// The peer's health.
    pub health: IwHealth,
    /// Local inputs that the peer has not acknowledged; 0 on the classic wire.
    pub unacked: u32,
    /// The most that there can be.
    pub window: u32,
    /// Frames that are missing below the latest known one.
    pub missing: u32,
    /// Accepted datagrams whose inputs were all known.
    pub duplicates: u32,
    /// Inputs that differ from the one known for their frame.
    pub conflicts: u32,
    /// `refused[n]`: datagrams refused with status `-100 - n`.
    pub refused: [u32; IW_REASONS],
    /// How early the local inputs come to the peer, as `iw_peer_margin` stores it, if `has_margin` is not 0.
    pub margin_millis: i32,
    /// Not 0: `margin_millis` is known.
    pub has_margin: u32,
}

impl IwStats {
    pub(crate) fn new(stats: &PeerStats) -> Self {
        let micros = |duration: Option<Duration>| duration.map_or(IW_UNKNOWN, micros);
        let totals = &stats.totals;
        let mut refused = [0; IW_REASONS];
        for (reason, count) in totals.refused.iter() {
            let index = IwStatus::UnknownPeer.code().saturating_sub(IwStatus::from(reason).code());
            let counter = usize::try_from(index).ok().and_then(|index| refused.get_mut(index));
            if let Some(counter) = counter {
                *counter = count;
            }
        }
        Self {
            at_us: stats.at.as_micros(),
            rtt_latest_us: micros(stats.rtt.map(|rtt| rtt.latest)),
            rtt_min_us: micros(stats.rtt.map(|rtt| rtt.min)),
            rtt_mean_us: micros(stats.rtt.map(|rtt| rtt.mean)),
            rtt_median_us: micros(stats.rtt.map(|rtt| rtt.median)),
            rtt_smoothed_us: micros(stats.rtt.map(|rtt| rtt.smoothed)),
            rtt_variation_us: micros(stats.rtt.map(|rtt| rtt.variation)),
            latency_us: micros(stats.latency),
            jitter_us: micros(stats.jitter),
            silence_us: micros(stats.silence),
            longest_silence_us: micros(stats.longest_silence),
            inbound_lost: stats.inbound_lost.unwrap_or(IW_UNKNOWN),
            lost_inputs: stats.lost_inputs,
            packets_received: totals.packets_received,
            bytes_received: totals.bytes_received,
            packets_sent: totals.packets_sent,
            bytes_sent: totals.bytes_sent,
            health: IwHealth::new(stats.health),
            unacked: stats.unacked,
            window: stats.window,
            missing: stats.missing,
            duplicates: totals.duplicates,
            conflicts: totals.conflicts,
            refused,
            margin_millis: stats.margin_millis.unwrap_or(0),
            has_margin: stats.margin_millis.is_some().into(),
        }
    }
}

// Callers without a C compiler rely on fixed offsets, the same on every target.
const _: () = assert!(size_of::<IwPace>() == 8 && size_of::<IwStats>() == 296);
