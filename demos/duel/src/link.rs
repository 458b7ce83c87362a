//! The bad link. Its losses and delays follow from its seed and the time alone, whatever a datagram carries: so every
//! scheme meets the same faults.

use std::collections::BTreeMap;
use std::time::Duration;

use inputwire::Instant;
use inputwire_sim::rng::nth;

/// One of the two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Its player number.
    pub(crate) fn player(self) -> u16 {
        self as u16
    }

    pub(crate) fn other(self) -> Self {
        if self == Self::A { Self::B } else { Self::A }
    }

    pub(crate) fn name(self) -> char {
        if self == Self::A { 'A' } else { 'B' }
    }
}

/// The faults of the link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knobs {
    /// Datagrams in a hundred that are lost at random.
    pub(crate) loss_percent: u8,
    /// Whether the link also dies for [`BURST`] every [`BETWEEN`], in each direction by itself.
    pub(crate) bursts: bool,
    /// The least delay. Up to a quarter of it is added at random.
    pub(crate) delay: Duration,
    /// When the cable is plugged in again.
    pub(crate) unplugged_until: Instant,
}

impl Knobs {
    pub(crate) const GOOD: Self =
        Self { loss_percent: 0, bursts: false, delay: Duration::from_millis(50), unplugged_until: Instant::ORIGIN };
}

/// The shortest and the longest burst, in microseconds.
const BURST: (u64, u64) = (100_000, 500_000);
/// The shortest and the longest time between two bursts.
const BETWEEN: (u64, u64) = (500_000, 2_500_000);
/// Datagrams sent within this time meet the same fate.
const SLOT_US: u64 = 1_000;

/// Both directions of a link, and the datagrams under way.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) knobs: Knobs,
    ways: [Way; 2],
}

/// One direction of a link.
#[derive(Debug)]
struct Way {
    seed: u64,
    bursts: Bursts,
    /// By arrival, then by departure.
    flying: BTreeMap<(Instant, u64), Vec<u8>>,
    departed: u64,
}

/// The bursts of a link, which go on whether they are switched on or not.
#[derive(Debug)]
struct Bursts {
    seed: u64,
    /// The changes so far; a burst lasts while their number is even.
    changes: u64,
    until_us: u64,
}

impl Link {
    pub(crate) fn new(seed: u64) -> Self {
        Self { knobs: Knobs::GOOD, ways: Side::BOTH.map(|side| Way::new(nth(seed, side.index() as u64))) }
    }

    /// Sends a datagram to the other side, or loses it.
    pub(crate) fn put(&mut self, now: Instant, from: Side, datagram: &[u8]) {
        self.ways[from.index()].put(&self.knobs, now, datagram);
    }

    /// Returns a datagram that has arrived at a side.
    pub(crate) fn take(&mut self, now: Instant, to: Side) -> Option<Vec<u8>> {
        let flying = &mut self.ways[to.other().index()].flying;
        let first = flying.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Returns when the next datagram arrives.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.ways.iter().filter_map(|way| way.flying.first_key_value()).map(|(key, _)| key.0).min()
    }
}

impl Way {
    fn new(seed: u64) -> Self {
        let bursts = Bursts { seed: nth(seed, 0), changes: 0, until_us: 0 };
        Self { seed, bursts, flying: BTreeMap::new(), departed: 0 }
    }

    fn put(&mut self, knobs: &Knobs, now: Instant, datagram: &[u8]) {
        let slot = now.as_micros() / SLOT_US;
        let burst = self.bursts.at(now.as_micros());
        let unlucky = nth(self.seed, slot * 2) % 100 < u64::from(knobs.loss_percent);
        if unlucky || burst && knobs.bursts || now < knobs.unplugged_until {
            return;
        }
        let spread = u64::try_from(knobs.delay.as_micros()).unwrap_or(u64::MAX) / 4;
        let extra = Duration::from_micros(nth(self.seed, slot * 2 + 1) % (spread + 1));
        let arrival = now.saturating_add(knobs.delay + extra);
        self.flying.insert((arrival, self.departed), datagram.to_vec());
        self.departed += 1;
    }
}

impl Bursts {
    fn at(&mut self, now_us: u64) -> bool {
        while self.until_us <= now_us {
            let (least, most) = if self.changes.is_multiple_of(2) { BETWEEN } else { BURST };
            self.until_us += least + nth(self.seed, self.changes) % (most - least);
            self.changes += 1;
        }
        self.changes.is_multiple_of(2)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inputwire::Instant;

    use super::{Knobs, Link, Side};

    /// Which of the datagrams sent every 10 ms for a minute arrive, and when.
    fn arrivals(seed: u64, knobs: Knobs) -> Vec<(u64, u64)> {
        let mut link = Link::new(seed);
        link.knobs = knobs;
        for number in 0..6_000_u64 {
            link.put(Instant::from_micros(number * 10_000), Side::A, &number.to_be_bytes());
        }
        let mut arrivals = Vec::new();
        while let Some(at) = link.wake() {
            let datagram = link.take(at, Side::B).unwrap();
            arrivals.push((u64::from_be_bytes(datagram.try_into().unwrap()), at.as_micros()));
        }
        arrivals
    }

    #[test]
    fn a_good_link_only_delays() {
        let arrivals = arrivals(7, Knobs::GOOD);
        assert_eq!(arrivals.len(), 6_000);
        for (number, at) in arrivals {
            assert!((50_000..=62_500).contains(&(at - number * 10_000)));
        }
    }

    #[test]
    fn equal_seeds_are_equal_faults() {
        let knobs = Knobs { loss_percent: 20, bursts: true, ..Knobs::GOOD };
        assert_eq!(arrivals(7, knobs), arrivals(7, knobs));
        assert_ne!(arrivals(7, knobs), arrivals(8, knobs));
    }

    #[test]
    fn loss_is_as_set() {
        let arrived = arrivals(7, Knobs { loss_percent: 20, ..Knobs::GOOD }).len();
        assert!((4_700..=4_900).contains(&arrived), "{arrived}");
    }

    #[test]
    fn bursts_are_as_long_as_they_say() {
        let arrived = arrivals(7, Knobs { bursts: true, ..Knobs::GOOD });
        let mut numbers: Vec<u64> = arrived.into_iter().map(|(number, _)| number).collect();
        numbers.sort_unstable();
        let gaps: Vec<u64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 1).collect();
        assert!((20..50).contains(&gaps.len()), "{gaps:?}");
        assert!(gaps.iter().all(|gap| (10..=51).contains(gap)), "{gaps:?}");
    }

    #[test]
    fn a_pulled_cable_carries_nothing() {
        let unplugged_until = Instant::ORIGIN.saturating_add(Duration::from_secs(60));
        assert!(arrivals(7, Knobs { unplugged_until, ..Knobs::GOOD }).is_empty());
    }
}
