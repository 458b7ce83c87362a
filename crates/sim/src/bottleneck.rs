//! The narrowest link of a path: it carries so many bits a second, and what comes faster waits in a queue.
//!
//! A [`Bottleneck`] belongs to one direction of a [`Network`](super::network::Network). What it delays comes before the delay and
//! the jitter of that direction's faults. Headers of IP and UDP count ([`HEADERS`]).
//!
//! ```
//! use inputwire_sim::bottleneck::{Bottleneck, Cross, Queue, Rate};
//! use inputwire_sim::network::Network;
//!
//! // 64 kbit/s and two seconds of queue, which foreign traffic fills from the first second to the fourth.
//! let mut link = Bottleneck::new(Rate::steady(64_000), Queue::Time(2_000_000));
//! link.add_cross(Cross { from_us: 1_000_000, until_us: 4_000_000, bits_per_second: 640_000 });
//! let mut network = Network::new(2, 7);
//! network.set_bottleneck(0, 1, Some(link));
//!
//! network.send(0, 0, 1, &[0; 100]);
//! assert_eq!(network.next_arrival(), Some(16_000)); // 128 bytes
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of the headers of IPv4 and UDP.
pub const HEADERS: usize = 28;
/// Bytes of a packet of foreign traffic, and of what one opportunity of a [`Trace`] carries, with headers.
pub const PACKET: usize = 1_500;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000_000;

/// When a recorded link could carry a packet, in milliseconds. It repeats for ever.
///
/// ```
/// use inputwire_sim::bottleneck::Trace;
///
/// let counted = Trace::from_counts(&[0, 2, 0, 1]).unwrap();
/// assert_eq!(Trace::from_mahimahi("1\n1\n3\n"), Some(counted));
/// assert_eq!(Trace::from_counts(&[0, 0]), None); // it carries nothing
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(Arc<[u8]>);

impl Trace {
    /// Reads a trace whose byte t is how many packets the link could carry in millisecond t. `None` if it carries none.
    #[must_use]
    pub fn from_counts(counts: &[u8]) -> Option<Self> {
        counts.iter().any(|count| *count > 0).then(|| Self(counts.into()))
    }

    /// Reads a trace of mahimahi: a line for each packet that the link could carry, with its millisecond, in order. `None` if a
    /// line is something else, if more than 255 share a millisecond, or without lines.
    #[must_use]
    pub fn from_mahimahi(text: &str) -> Option<Self> {
        let mut counts: Vec<u8> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let at: u32 = line.parse().ok()?;
            let end = usize::try_from(at).ok()?.checked_add(1)?;
            if end < counts.len() {
                return None;
            }
            counts.resize(end, 0);
            let last = counts.last_mut()?;
            *last = last.checked_add(1)?;
        }
        Self::from_counts(&counts)
    }

    fn at(&self, ms: u64) -> u8 {
        let len = u64::try_from(self.0.len()).expect("a length");
        self.0[usize::try_from(ms % len).expect("an index")]
    }

    fn bits_per_second(&self) -> u64 {
        let packets: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let ms = u64::try_from(self.0.len()).expect("a length");
        packets * u64::try_from(PACKET).expect("a length") * 8 * 1_000 / ms
    }
}

/// How fast a link carries what it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rate {
    /// So many bits a second, at least 1.
    Steady(u64),
    /// As a recorded link did. An opportunity carries [`PACKET`] bytes, of several packets if they are short; what is not used
    /// when nothing waits is lost.
    Recorded(Trace),
}

impl Rate {
    /// So many bits a second.
    #[must_use]
    pub const fn steady(bits_per_second: u64) -> Self {
        Self::Steady(bits_per_second)
    }

    /// The mean rate, in bits a second.
    #[must_use]
    pub fn mean(&self) -> u64 {
        match self {
            Self::Steady(rate) => *rate,
            Self::Recorded(trace) => trace.bits_per_second(),
        }
    }
}

/// How much waits before a link; what does not fit is dropped (drop tail).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Queue {
    /// As much as the link carries in this many microseconds, at its mean rate; a packet always fits an empty queue.
    Time(u64),
    /// So many packets.
    Packets(usize),
}

/// Foreign traffic through the same queue: packets of [`PACKET`] bytes, evenly spaced, that react to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    /// When it begins.
    pub from_us: u64,
    /// When it ends.
    pub until_us: u64,
    /// How much it offers.
    pub bits_per_second: u64,
}

/// A link with a rate and a queue. The [module](self) shows its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    rate: Rate,
    queue: Queue,
    /// The foreign traffic, and when the next packet of each comes.
    cross: Vec<(Cross, u64)>,
    /// When everything so far has left, in nanoseconds, so that rounding adds up to nothing.
    free_ns: u64,
    /// The present millisecond of a trace, how many of its opportunities are used up, and the bytes that are left of the latest one.
    taken: (u64, u8),
    left: usize,
    /// When each packet leaves that waits.
    departures: VecDeque<u64>,
}

impl Bottleneck {
    /// Creates a link without foreign traffic.
    #[must_use]
    pub const fn new(rate: Rate, queue: Queue) -> Self {
        Self { rate, queue, cross: Vec::new(), free_ns: 0, taken: (0, 0), left: 0, departures: VecDeque::new() }
    }

    /// Adds foreign traffic.
    pub fn add_cross(&mut self, cross: Cross) {
        self.cross.push((cross, cross.from_us));
    }

    /// Puts a datagram of so many bytes, without headers, into the queue. Returns when it leaves, or `None` if it is dropped.
    /// `now` never goes back.
    pub fn pass(&mut self, now: u64, bytes: usize) -> Option<u64> {
        while let Some((when, index)) = self.next_cross(now) {
            let cross = &mut self.cross[index];
            cross.1 = when + (PACKET_BITS * SECOND / cross.0.bits_per_second.max(1)).max(1);
            let _ = self.enqueue(when, PACKET);
        }
        self.enqueue(now, bytes + HEADERS)
    }

    /// The first foreign packet that comes by `now`.
    fn next_cross(&self, now: u64) -> Option<(u64, usize)> {
        let due = |(index, (cross, when)): (usize, &(Cross, u64))| {
            (cross.bits_per_second > 0 && *when <= now && *when < cross.until_us).then_some((*when, index))
        };
        self.cross.iter().enumerate().filter_map(due).min()
    }

    fn enqueue(&mut self, now: u64, bytes: usize) -> Option<u64> {
        while self.departures.front().is_some_and(|departure| *departure <= now) {
            self.departures.pop_front();
        }
        let full = match self.queue {
            Queue::Time(most) => {
                let own = u64::try_from(bytes).expect("a length") * 8 * SECOND / self.rate.mean().max(1);
                self.departures.back().is_some_and(|last| *last - now + own > most)
            }
            Queue::Packets(most) => self.departures.len() >= most,
        };
        if full {
            return None;
        }
        let departure = match &self.rate {
            Rate::Steady(rate) => {
                let bits = u64::try_from(bytes).expect("a length") * 8;
                self.free_ns = self.free_ns.max(now * 1_000) + (bits * 1_000 * SECOND).div_ceil((*rate).max(1));
                self.free_ns.div_ceil(1_000)
            }
            Rate::Recorded(trace) => {
                let first = now.div_ceil(MS);
                if self.taken.0 < first {
                    (self.taken, self.left) = ((first, 0), 0);
                }
                let mut bytes = bytes;
                while bytes > 0 {
                    if self.left == 0 {
                        while self.taken.1 >= trace.at(self.taken.0) {
                            self.taken = (self.taken.0 + 1, 0);
                        }
                        self.taken.1 += 1;
                        self.left = PACKET;
                    }
                    let part = bytes.min(self.left);
                    (bytes, self.left) = (bytes - part, self.left - part);
                }
                self.taken.0 * MS
            }
        };
        self.departures.push_back(departure);
        Some(departure)
    }
}

/// Bits of a foreign packet.
const PACKET_BITS: u64 = 12_000;

#[cfg(test)]
mod tests {
    use super::{Bottleneck, Cross, Queue, Rate, Trace};

    const SECOND: u64 = 1_000_000;

    /// When each of some datagrams leaves that come at these times, each 125 bytes with headers.
    fn leave(link: &mut Bottleneck, times: &[u64]) -> Vec<Option<u64>> {
        times.iter().map(|now| link.pass(*now, 97)).collect()
    }

    #[test]
    fn a_steady_link_carries_its_rate_and_an_idle_one_saves_nothing_up() {
        let mut link = Bottleneck::new(Rate::steady(10_000), Queue::Time(SECOND));
        let times = [0, 0, 50_000, 900_000];
        assert_eq!(leave(&mut link, &times), [Some(100_000), Some(200_000), Some(300_000), Some(SECOND)]);
    }

    #[test]
    fn a_full_queue_drops_what_comes_last() {
        let mut link = Bottleneck::new(Rate::steady(10_000), Queue::Time(399_000));
        assert_eq!(leave(&mut link, &[0; 5]), [Some(100_000), Some(200_000), Some(300_000), None, None]);
        assert_eq!(leave(&mut link, &[1_000]), [Some(400_000)]);
        // A large one does not fit where a small one does.
        assert_eq!((link.pass(1_100, 972), link.pass(1_100, 0)), (None, None));
        assert_eq!((link.pass(100_000, 97), link.pass(125_000, 0)), (None, Some(422_400)));
        let mut idle = Bottleneck::new(Rate::steady(10_000), Queue::Time(0));
        assert_eq!((idle.pass(0, 97), idle.pass(1, 0)), (Some(100_000), None));
        let mut link = Bottleneck::new(Rate::steady(10_000), Queue::Packets(2));
        assert_eq!(leave(&mut link, &[0, 0, 0, 100_000]), [Some(100_000), Some(200_000), None, Some(300_000)]);
    }

    #[test]
    fn a_recorded_link_takes_its_opportunities_in_turn_and_begins_anew() {
        let trace = Trace::from_counts(&[0, 2, 0, 1]).expect("opportunities");
        let mut link = Bottleneck::new(Rate::Recorded(trace), Queue::Packets(9));
        let mut large = |now| link.pass(now, super::PACKET - super::HEADERS).expect("room");
        assert_eq!([0; 6].map(&mut large), [1_000, 1_000, 3_000, 5_000, 5_000, 7_000]);
        // Those of the meantime are lost.
        assert_eq!(large(102_001), 103_000);
        // Short ones share an opportunity.
        assert_eq!(leave(&mut link, &[104_000; 13]).into_iter().flatten().filter(|at| *at == 105_000).count(), 9);
        assert_eq!(leave(&mut link, &[105_000; 9]).into_iter().flatten().filter(|at| *at == 105_000).count(), 9);
    }

    #[test]
    fn foreign_traffic_takes_its_share_while_it_lasts() {
        let mut link = Bottleneck::new(Rate::steady(120_000), Queue::Time(SECOND));
        link.add_cross(Cross { from_us: SECOND, until_us: 2 * SECOND, bits_per_second: 240_000 });
        assert_eq!(link.pass(SECOND - 1, 0), Some(SECOND - 1 + 1_867));
        // Twice the rate for half a second: half a second of backlog.
        let left = link.pass(SECOND + 500_000, 0).expect("room");
        assert!((2 * SECOND..2 * SECOND + 200_000).contains(&left), "{left}");
        // After it the queue drains.
        assert_eq!(link.pass(4 * SECOND, 0), Some(4 * SECOND + 1_867));
    }

    #[test]
    fn a_trace_of_nothing_or_out_of_order_is_refused() {
        for text in ["", "x", "-1", "2\n1", "99999999999"] {
            assert_eq!(Trace::from_mahimahi(text), None, "{text}");
        }
    }
}
