//! The round trip of a path without a queue: what is longer than that, datagrams wait for (base delay, RFC 6817, 2.4.2).

use crate::time::Instant;

/// How long half of the history is.
const HALF_US: u64 = 16_000_000;

/// The least round trip of the last 16 to 32 s, in two halves: the one being filled, and the full one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseRtt {
    /// `u32::MAX` where there is no sample.
    filling_us: u32,
    full_us: u32,
    /// When the half being filled began.
    since: Instant,
}

impl Default for BaseRtt {
    fn default() -> Self {
        Self { filling_us: u32::MAX, full_us: u32::MAX, since: Instant::ORIGIN }
    }
}

impl BaseRtt {
    pub(crate) fn sample(&mut self, now: Instant, rtt_us: u32) {
        let age = now.since(self.since);
        if self.filling_us == u32::MAX || age >= HALF_US {
            // What is older than both halves is forgotten.
            let full_us = if age < HALF_US << 1 { self.filling_us } else { u32::MAX };
            *self = Self { filling_us: rtt_us, full_us, since: now };
        }
        self.filling_us = self.filling_us.min(rtt_us);
    }

    /// The least round trip in microseconds; `u32::MAX` before the first sample.
    pub(crate) fn get(&self) -> u32 {
        self.filling_us.min(self.full_us)
    }
}
