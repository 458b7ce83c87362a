//! Round-trip time and jitter, in whole microseconds.

use core::time::Duration;

use super::base_rtt::BaseRtt;
use crate::num::{count, div_rem};
use crate::time::{Instant, duration_from_micros};

/// How many samples are remembered.
const SAMPLES: usize = 10;
/// The longest sample, nine minutes: longer ones are clamped, so that eight of them fit 32 bits.
const LONGEST_US: u32 = u32::MAX >> 3;

/// Round-trip times to a peer, from the last 10 samples.
///
/// ```
/// # fn show(session: &inputwire::Session<1, 1>, peer: inputwire::PeerId) {
/// if let Some(rtt) = session.peer(peer).and_then(|peer| peer.stats().rtt) {
///     println!("{:?} +- {:?}, at best {:?}", rtt.smoothed, rtt.variation, rtt.min);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RttStats {
    /// The latest sample.
    pub latest: Duration,
    /// The smallest of the last 10 samples.
    pub min: Duration,
    /// The mean of the last 10 samples.
    pub mean: Duration,
    /// The median of the last 10 samples; of an even number, the mean of the middle two.
    pub median: Duration,
    /// The smoothed estimate, `SRTT` of RFC 6298 (2.3).
    pub smoothed: Duration,
    /// The mean deviation, `RTTVAR` of RFC 6298 (2.3).
    pub variation: Duration,
}

/// The round-trip time to one peer, from samples that the link trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rtt {
    /// Latest first.
    samples: [u32; SAMPLES],
    /// How many samples there are.
    len: u8,
    /// `SRTT` times 8 and `RTTVAR` times 4, so that the divisions of RFC 6298 lose nothing.
    smoothed_8: u32,
    variation_4: u32,
    base: BaseRtt,
}

impl Rtt {
    /// Takes a sample, in microseconds (RFC 6298, 2.2 and 2.3, with alpha 1/8 and beta 1/4).
    pub(crate) fn sample(&mut self, now: Instant, micros: u64) {
        let rtt = u32::try_from(micros).unwrap_or(u32::MAX).min(LONGEST_US);
        self.base.sample(now, rtt);
        if self.len == 0 {
            self.smoothed_8 = rtt.saturating_mul(8);
            self.variation_4 = rtt.saturating_mul(2);
        } else {
            let smoothed = self.smoothed_8 >> 3;
            self.variation_4 =
                self.variation_4.saturating_sub(self.variation_4 >> 2).saturating_add(smoothed.abs_diff(rtt));
            self.smoothed_8 = self.smoothed_8.saturating_sub(smoothed).saturating_add(rtt);
        }
        let mut later = rtt;
        self.samples.iter_mut().for_each(|sample| core::mem::swap(sample, &mut later));
        if self.samples().len() < SAMPLES {
            self.len = self.len.saturating_add(1);
        }
    }

    /// The samples so far, latest first.
    fn samples(&self) -> &[u32] {
        self.samples.get(..usize::from(self.len)).unwrap_or(&self.samples)
    }

    /// The smoothed round-trip time in microseconds, once there is a sample.
    pub(crate) fn smoothed_us(&self) -> Option<u64> {
        (self.len > 0).then_some(u64::from(self.smoothed_8 >> 3))
    }

    /// The round trip without a queue in microseconds; `u32::MAX` before the first sample.
    pub(crate) fn base_us(&self) -> u32 {
        self.base.get()
    }

    /// How long a datagram and its response waited in queues of late, in microseconds: the latest sample less the base.
    pub(crate) fn queuing_us(&self) -> u32 {
        let [latest, ..] = self.samples;
        latest.saturating_sub(self.base_us())
    }

    /// The mean of the last samples in microseconds, once there is one.
    pub(crate) fn mean_us(&self) -> Option<u64> {
        let sum = self.samples().iter().fold(0_u64, |sum, sample| sum.saturating_add(u64::from(*sample)));
        (self.len > 0).then(|| div_rem(sum, u16::from(self.len)).0)
    }

    /// The public figures, once there is a sample.
    pub(crate) fn stats(&self) -> Option<RttStats> {
        let count = self.samples().len();
        let middle = count >> 1;
        let lower = if count & 1 == 0 { middle.saturating_sub(1) } else { middle };
        let median = u64::midpoint(self.ranked(lower)?, self.ranked(middle)?);
        Some(RttStats {
            latest: duration_from_micros(u64::from(*self.samples().first()?)),
            min: duration_from_micros(self.ranked(0)?),
            mean: duration_from_micros(self.mean_us()?),
            median: duration_from_micros(median),
            smoothed: duration_from_micros(self.smoothed_us()?),
            variation: duration_from_micros(u64::from(self.variation_4 >> 2)),
        })
    }

    /// The sample at `rank` in ascending order.
    fn ranked(&self, rank: usize) -> Option<u64> {
        let below = |limit: u32| count(self.samples().iter().filter(|sample| **sample < limit));
        let within = |limit: u32| count(self.samples().iter().filter(|sample| **sample <= limit));
        let sample = self.samples().iter().find(|sample| below(**sample) <= rank && rank < within(**sample))?;
        Some(u64::from(*sample))
    }
}

/// Interarrival jitter (RFC 3550, 6.4.1), in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Jitter {
    /// The estimate times 16, once there were two arrivals to compare.
    jitter_16: Option<u64>,
}

impl Jitter {
    /// Takes the difference between how far apart two datagrams were sent and how far apart they arrived.
    pub(crate) fn sample(&mut self, difference_us: u64) {
        let jitter = self.jitter_16.unwrap_or(0);
        self.jitter_16 = Some(jitter.saturating_sub(jitter >> 4).saturating_add(difference_us));
    }

    pub(crate) fn get(self) -> Option<Duration> {
        self.jitter_16.map(|jitter| duration_from_micros(jitter >> 4))
    }
}
