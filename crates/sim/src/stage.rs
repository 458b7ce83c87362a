//! Programs that play over a [`Network`], in virtual time: for the tests of a game.
//!
//! A [`Program`] is one end: your game with whatever it sends by. A [`Stage`] gives each of them what has arrived, lets it run when it
//! wants to, and sends what it sends. There is no clock and no socket, so an hour takes a moment, and equal seeds give equal
//! runs. The guide (`docs/guide/simulator.md`) has a whole test.

use super::network::Network;

/// One end of a network.
pub trait Program {
    /// Handles a datagram from another end. Times are microseconds.
    fn receive(&mut self, now: u64, from: usize, datagram: &[u8]);

    /// Does what is due, and passes to `send` what is to be sent: the end it goes to, and its bytes. Called after each
    /// [`receive`](Self::receive) and at each [`wake_at`](Self::wake_at).
    fn run(&mut self, now: u64, send: &mut dyn FnMut(usize, &[u8]));

    /// Returns when it wants to run next, or `None`: only when something has arrived. A time that is not later than now
    /// counts as the next microsecond.
    fn wake_at(&self) -> Option<u64>;
}

/// Some programs and the network between them.
#[derive(Clone, Debug)]
pub struct Stage<P> {
    /// The time, in microseconds.
    pub now: u64,
    /// The network. End i is program i.
    pub network: Network,
    /// The programs.
    pub programs: Vec<P>,
    /// Whether every program has run once.
    started: bool,
}

impl<P: Program> Stage<P> {
    /// Creates a stage with a network without faults.
    #[must_use]
    pub fn new(seed: u64, programs: Vec<P>) -> Self {
        Self { now: 0, network: Network::new(programs.len(), seed), programs, started: false }
    }

    /// Creates a stage with this network.
    ///
    /// # Panics
    ///
    /// If it has another number of ends.
    #[must_use]
    pub fn with_network(network: Network, programs: Vec<P>) -> Self {
        assert_eq!(network.endpoints(), programs.len(), "each program is one end of the network");
        Self { now: 0, network, programs, started: false }
    }

    /// Plays until `until`, included.
    pub fn run_until(&mut self, until: u64) {
        if !self.started {
            self.started = true;
            (0..self.programs.len()).for_each(|end| self.run(end));
        }
        loop {
            let wakes = self.programs.iter().filter_map(Program::wake_at).map(|at| at.max(self.now + 1));
            let Some(next) = wakes.chain(self.network.next_arrival()).min().filter(|next| *next <= until) else {
                self.now = self.now.max(until);
                return;
            };
            let due: Vec<bool> =
                self.programs.iter().map(|program| program.wake_at().is_some_and(|at| at <= next)).collect();
            self.now = self.now.max(next);
            while let Some(datagram) = self.network.deliver(self.now) {
                self.programs[datagram.to].receive(self.now, datagram.from, &datagram.bytes);
                self.run(datagram.to);
            }
            for (end, due) in due.into_iter().enumerate() {
                if due {
                    self.run(end);
                }
            }
        }
    }

    fn run(&mut self, end: usize) {
        let (network, now) = (&mut self.network, self.now);
        self.programs[end].run(now, &mut |to, datagram| {
            network.send(now, end, to, datagram);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Program, Stage};
    use crate::network::{Faults, Network, What};

    /// Sends a number each 10 ms, and notes what it receives.
    struct Counter {
        other: usize,
        next: u64,
        seen: Vec<(u64, u8)>,
    }

    impl Program for Counter {
        fn receive(&mut self, now: u64, from: usize, datagram: &[u8]) {
            assert_eq!(from, self.other);
            self.seen.push((now, datagram[0]));
        }

        fn run(&mut self, now: u64, send: &mut dyn FnMut(usize, &[u8])) {
            if now >= self.next {
                self.next += 10_000;
                send(self.other, &[now.to_le_bytes()[1]]);
            }
        }

        fn wake_at(&self) -> Option<u64> {
            Some(self.next)
        }
    }

    fn stage(network: Network) -> Stage<Counter> {
        Stage::with_network(network, [1, 0].map(|other| Counter { other, next: 0, seen: Vec::new() }).into())
    }

    #[test]
    fn each_datagram_arrives_after_its_delay_and_each_program_runs_when_it_wants_to() {
        let mut network = Network::new(2, 7);
        network.set_faults(0, 1, Faults { delay_us: 25_000, ..Faults::default() });
        let mut stage = stage(network);
        stage.run_until(100_000);
        assert_eq!((stage.now, stage.programs[0].seen.len()), (100_000, 11));
        let times: Vec<u64> = stage.programs[1].seen.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [25_000, 35_000, 45_000, 55_000, 65_000, 75_000, 85_000, 95_000]);
    }

    #[test]
    fn the_record_says_of_each_datagram_what_became_of_it() {
        let mut network = Network::new(2, 7);
        network.set_faults(0, 1, Faults { delay_us: 25_000, loss: 300, duplicate: 100, ..Faults::default() });
        network.start_record();
        network.cut(1, 0, 500_000);
        let mut stage = stage(network);
        stage.run_until(1_000_000);
        let record = stage.network.record();
        let count = |end: usize, what: fn(&What) -> bool| {
            record.iter().filter(|entry| entry.from == end && what(&entry.what)).count()
        };
        let lost = count(0, |what| *what == What::Lost);
        let arrived = count(0, |what| matches!(what, What::Arrives { .. }));
        assert!((20..45).contains(&lost) && arrived > 101 - lost, "{lost} lost, {arrived} arrivals");
        assert_eq!(count(1, |what| *what == What::Outage), 50);
        assert_eq!(stage.programs[1].seen.len() + stage.network.under_way(), arrived);
        assert!(record[0].to_string().starts_with("0.000000  0 -> 1  #0  "), "{}", record[0]);
    }

    #[test]
    fn equal_seeds_give_equal_runs_and_other_seeds_other_ones() {
        let play = |seed| {
            let mut network = Network::new(2, seed);
            network.set_faults(0, 1, Faults { delay_us: 5_000, jitter_us: 9_000, loss: 300, ..Faults::default() });
            let mut stage = stage(network);
            stage.run_until(2_000_000);
            stage.programs.remove(1).seen
        };
        assert_eq!(play(7), play(7));
        assert_ne!(play(7), play(8));
    }
}
