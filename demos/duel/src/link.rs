//! The bad link. Its losses and delays follow from its seed and the time alone, whatever a datagram carries: so every
//! scheme meets the same faults.

use std::collections::VecDeque;
use std::time::Duration;

use inputwire::Instant;
use inputwire_sim::network::{Faults, Network};

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
    /// Whether the link also dies for [`BURST_US`] every [`BETWEEN_US`] or so, in each direction by itself.
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

/// The mean lengths of the times between two bursts, and of bursts, in microseconds. None is longer than twice that.
const BETWEEN_US: u64 = 1_500_000;
const BURST_US: u64 = 300_000;
/// Datagrams sent within this time meet the same fate.
const SLOT_US: u64 = 1_000;

/// Both directions of a link, and the datagrams under way.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) knobs: Knobs,
    network: Network,
    /// What has arrived at each side, and was not taken yet.
    arrived: [VecDeque<Vec<u8>>; 2],
}

impl Link {
    pub(crate) fn new(seed: u64) -> Self {
        let network = Network::by_time(2, seed, SLOT_US);
        Self { knobs: Knobs::GOOD, network, arrived: [VecDeque::new(), VecDeque::new()] }
    }

    /// Sends a datagram to the other side, or loses it.
    pub(crate) fn put(&mut self, now: Instant, from: Side, datagram: &[u8]) {
        let Knobs { loss_percent, bursts, delay, unplugged_until } = self.knobs;
        let delay_us = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        let (good_us, bad_us) = if bursts { (BETWEEN_US, BURST_US) } else { (0, 0) };
        let loss = u32::from(loss_percent) * 10;
        let faults = Faults { delay_us, jitter_us: delay_us / 4, loss, good_us, bad_us, ..Faults::default() };
        let (from, to) = (from.index(), from.other().index());
        self.network.set_faults(from, to, faults);
        self.network.cut(from, to, unplugged_until.as_micros());
        self.network.send(now.as_micros(), from, to, datagram);
    }

    /// Returns a datagram that has arrived at a side.
    pub(crate) fn take(&mut self, now: Instant, to: Side) -> Option<Vec<u8>> {
        while let Some(datagram) = self.network.deliver(now.as_micros()) {
            self.arrived[datagram.to].push_back(datagram.bytes);
        }
        self.arrived[to.index()].pop_front()
    }

    /// Returns when the next datagram arrives.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.network.next_arrival().map(Instant::from_micros)
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
        // Two bursts may follow each other within 10 ms.
        assert!(gaps.iter().all(|gap| *gap <= 121), "{gaps:?}");
    }

    #[test]
    fn a_pulled_cable_carries_nothing() {
        let unplugged_until = Instant::ORIGIN.saturating_add(Duration::from_secs(60));
        assert!(arrivals(7, Knobs { unplugged_until, ..Knobs::GOOD }).is_empty());
    }
}
