//! What the games are played over: a usual link, and recorded ones.

use std::path::Path;

use inputwire_sim::bottleneck::{Bottleneck, Cross, Queue, Rate, Trace};
use inputwire_sim::network::{Faults, Network, What};

use super::play::{END_US, PHASE_US, WARM_UP_US};
use crate::duel::FRAME_US;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

/// The network between the ends 0 and 1. On a recorded link end 0 has a cable, and end 1 is in the car.
#[derive(Clone)]
pub enum Link {
    /// RTT 100 ms, and 1 % of the datagrams lost.
    Usual,
    /// The delay of each way is 20 ms, the queue 100 packets. The foreign traffic is in percent of the mean rate.
    Recorded { traces: [Trace; 2], foreign: u64 },
}

impl Link {
    /// Makes the network. What is lost depends on the seed and the time alone, so that all libraries meet the same.
    pub fn network(&self, seed: u64) -> Network {
        let mut network = Network::by_time(2, seed, MS);
        network.start_record();
        for (from, to) in [(0, 1), (1, 0)] {
            match self {
                Self::Usual => {
                    network.set_faults(from, to, Faults { delay_us: 50 * MS, loss: 10, ..Faults::default() });
                }
                Self::Recorded { traces, foreign } => {
                    let rate = Rate::Recorded(traces[from].clone());
                    let bits_per_second = rate.mean() * foreign / 100;
                    let mut link = Bottleneck::new(rate, Queue::Packets(100));
                    link.add_cross(Cross { from_us: 0, until_us: u64::MAX, bits_per_second });
                    network.set_bottleneck(from, to, Some(link));
                    network.set_faults(from, to, Faults { delay_us: 20 * MS, ..Faults::default() });
                }
            }
        }
        network
    }
}

/// Reads both ways of a recorded link: NAME.down and NAME.up, or the same with `.txt` as mahimahi has them.
pub fn read(directory: &Path, name: &str) -> Option<[Trace; 2]> {
    let read = |way: &str| {
        let counts = std::fs::read(directory.join(format!("{name}.{way}"))).ok();
        let text = || std::fs::read_to_string(directory.join(format!("{name}.{way}.txt"))).ok();
        counts.and_then(|counts| Trace::from_counts(&counts)).or_else(|| Trace::from_mahimahi(&text()?))
    };
    Some([read("down")?, read("up")?])
}

/// Returns the ages of inputs over this link, in microseconds, in games that never wait and send everything in one datagram of so
/// many bytes a frame. Whoever sends less often may see a shorter queue.
pub fn least_ages(link: &Link, seed: u64, bytes: usize) -> Vec<u64> {
    let mut network = link.network(seed);
    let datagram = vec![0; bytes];
    for start in (0..END_US).step_by(FRAME_US as usize) {
        network.send(start, 0, 1, &datagram);
        network.send(start + PHASE_US, 1, 0, &datagram);
    }
    let mut ages = Vec::new();
    for end in [0, 1] {
        let sent = network.record().iter().filter(|happening| happening.from == end);
        // From the last to the first: an input is known with the earliest arrival of those that were sent from then on.
        let mut known = u64::MAX;
        for happening in sent.rev() {
            if let What::Arrives { at, .. } = happening.what {
                known = known.min(at);
            }
            if (WARM_UP_US..END_US).contains(&known) {
                ages.push(known - happening.at);
            }
        }
    }
    ages
}

/// The round-trip time of a network as it was, from what became of each datagram.
pub struct RoundTrip {
    /// In each direction: when a datagram arrived, and how long it took.
    trips: [Vec<(u64, u64)>; 2],
}

impl RoundTrip {
    pub fn new(network: &Network) -> Self {
        let mut trips: [Vec<(u64, u64)>; 2] = Default::default();
        for happening in network.record() {
            if let What::Arrives { at, .. } = happening.what {
                trips[happening.from].push((at, at - happening.at));
            }
        }
        trips.iter_mut().for_each(|trips| trips.sort_unstable());
        Self { trips }
    }

    /// The mean trips both ways of what arrived in the second before `now`, in milliseconds. `None` if nothing did.
    pub fn at(&self, now: u64) -> Option<f64> {
        let mean = |trips: &[(u64, u64)]| {
            let first = trips.partition_point(|(at, _)| *at + SECOND <= now);
            let end = trips.partition_point(|(at, _)| *at <= now);
            let taken = trips.get(first..end).filter(|taken| !taken.is_empty())?;
            Some(taken.iter().map(|(_, trip)| *trip as f64).sum::<f64>() / taken.len() as f64 / MS as f64)
        };
        Some(mean(&self.trips[0])? + mean(&self.trips[1])?)
    }
}
