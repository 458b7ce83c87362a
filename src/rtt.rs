//! Round-trip time and jitter, in whole microseconds.

use core::time::Duration;

use crate::time::{divided, span};

/// How many samples are remembered.
const SAMPLES: usize = 10;
/// The longest sample: nine minutes. What is longer counts as this long, so that 32 bits hold eight of them.
const LONGEST_US: u32 = u32::MAX >> 3;

/// What the last 10 round trips to a peer say.
///
/// ```
/// # fn show(session: &inputwire::Session<1, 1>, peer: inputwire::PeerId) {
/// if let Some(rtt) = session.stats(peer).and_then(|stats| stats.rtt) {
///     println!("{:?} +- {:?}, at best {:?}", rtt.smoothed, rtt.variation, rtt.min);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RttStats {
    /// The newest sample.
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
    /// Newest first.
    samples: [u32; SAMPLES],
    /// How many there are.
    len: u8,
    /// `SRTT` times 8 and `RTTVAR` times 4, so that the divisions of RFC 6298 lose nothing.
    smoothed_8: u32,
    variation_4: u32,
}

impl Rtt {
    /// Takes a sample in microseconds (RFC 6298, 2.2 and 2.3, with alpha 1/8 and beta 1/4).
    pub(crate) fn sample(&mut self, micros: u64) {
        let rtt = u32::try_from(micros).unwrap_or(u32::MAX).min(LONGEST_US);
        if self.len == 0 {
            self.smoothed_8 = rtt.saturating_mul(8);
            self.variation_4 = rtt.saturating_mul(2);
        } else {
            let smoothed = self.smoothed_8 >> 3;
            self.variation_4 =
                self.variation_4.saturating_sub(self.variation_4 >> 2).saturating_add(smoothed.abs_diff(rtt));
            self.smoothed_8 = self.smoothed_8.saturating_sub(smoothed).saturating_add(rtt);
        }
        let mut newer = rtt;
        self.samples.iter_mut().for_each(|sample| core::mem::swap(sample, &mut newer));
        if self.taken().len() < SAMPLES {
            self.len = self.len.saturating_add(1);
        }
    }

    /// The samples there are, newest first.
    fn taken(&self) -> &[u32] {
        self.samples.get(..usize::from(self.len)).unwrap_or(&self.samples)
    }

    /// The smoothed round-trip time in microseconds, once there is a sample.
    pub(crate) fn smoothed_us(&self) -> Option<u64> {
        (self.len > 0).then_some(u64::from(self.smoothed_8 >> 3))
    }

    /// The mean of the last samples in microseconds, once there is one.
    pub(crate) fn mean_us(&self) -> Option<u64> {
        let sum = self.taken().iter().fold(0_u64, |sum, sample| sum.saturating_add(u64::from(*sample)));
        (self.len > 0).then(|| divided(sum, u16::from(self.len)).0)
    }

    /// The figures for the caller, once there is a sample.
    pub(crate) fn stats(&self) -> Option<RttStats> {
        let count = self.taken().len();
        let middle = count >> 1;
        let lower = if count & 1 == 0 { middle.saturating_sub(1) } else { middle };
        let median = u64::midpoint(self.ranked(lower)?, self.ranked(middle)?);
        Some(RttStats {
            latest: span(u64::from(*self.taken().first()?)),
            min: span(self.ranked(0)?),
            mean: span(self.mean_us()?),
            median: span(median),
            smoothed: span(self.smoothed_us()?),
            variation: span(u64::from(self.variation_4 >> 2)),
        })
    }

    /// The sample with `rank` others before it in order of size.
    fn ranked(&self, rank: usize) -> Option<u64> {
        let below = |limit: u32| {
            self.taken().iter().filter(|sample| **sample < limit).fold(0, |n: usize, _| n.saturating_add(1))
        };
        let within = |limit: u32| {
            self.taken().iter().filter(|sample| **sample <= limit).fold(0, |n: usize, _| n.saturating_add(1))
        };
        let sample = self.taken().iter().find(|sample| below(**sample) <= rank && rank < within(**sample))?;
        Some(u64::from(*sample))
    }
}

/// Interarrival jitter (RFC 3550, 6.4.1), in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jitter {
    /// The estimate times 16, once two arrivals could be compared.
    jitter_16: Option<u64>,
}

impl Jitter {
    pub(crate) const fn new() -> Self {
        Self { jitter_16: None }
    }

    /// Takes the difference between how far apart two datagrams were sent and how far apart they arrived.
    pub(crate) fn sample(&mut self, difference_us: u64) {
        let jitter = self.jitter_16.unwrap_or(0);
        self.jitter_16 = Some(jitter.saturating_sub(jitter >> 4).saturating_add(difference_us));
    }

    pub(crate) fn get(self) -> Option<Duration> {
        self.jitter_16.map(|jitter| span(jitter >> 4))
    }
}
