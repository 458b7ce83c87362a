//! Both endpoints, and a judge that compares their games.

use std::io;

use inputwire::Instant;

use crate::endpoint::Endpoint;
use crate::link::{Link, Side};
use crate::net::Net;
use crate::scheme::Scheme;
use crate::tape::Counts;

/// Two endpoints that play over a net.
#[derive(Debug)]
pub(crate) struct Duel<N> {
    pub(crate) endpoints: [Endpoint; 2],
    pub(crate) net: N,
    pub(crate) judge: Judge,
}

/// Compares the confirmed states of both endpoints, frame by frame. No endpoint can, since it does not know what it lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judge {
    /// The next frame to be compared.
    next: u32,
    /// The first frame since which the games differ.
    pub(crate) apart_since: Option<u32>,
    /// The number of frames in which they differed.
    pub(crate) apart: u32,
}

impl<N: Net> Duel<N> {
    pub(crate) fn new(now: Instant, scheme: Scheme, seed: u64, repair: bool, net: N) -> Self {
        let endpoints = Side::BOTH.map(|side| Endpoint::new(now, side, scheme, seed, repair));
        Self { endpoints, net, judge: Judge::default() }
    }

    /// Does everything that is due now.
    pub(crate) fn run(&mut self, now: Instant) -> io::Result<()> {
        self.net.carry(now)?;
        for endpoint in &mut self.endpoints {
            endpoint.run(now, &mut self.net)?;
        }
        self.net.carry(now)?;
        self.judge.compare(&self.endpoints);
        Ok(())
    }

    /// Returns when to call [`run`](Self::run) next.
    pub(crate) fn wake(&mut self) -> Option<Instant> {
        let endpoints = self.endpoints.iter().filter_map(Endpoint::wake);
        endpoints.chain(self.net.link().wake()).min()
    }

    /// Returns the fates of both players' inputs.
    pub(crate) fn counts(&self) -> Counts {
        self.endpoints[0].tape.counts().plus(self.endpoints[1].tape.counts())
    }
}

impl Duel<Link> {
    /// Plays in virtual time, and returns the time at which it stopped.
    pub(crate) fn run_until(&mut self, now: Instant, until: Instant) -> Instant {
        let mut now = now;
        while now < until {
            self.run(now).expect("memory does not fail");
            now = self.wake().map_or(until, |wake| wake.clamp(now, until));
        }
        now
    }
}

impl Judge {
    fn compare(&mut self, endpoints: &[Endpoint; 2]) {
        let [a, b] = endpoints;
        while self.next <= a.confirmed_end().min(b.confirmed_end()) {
            // A state that one endpoint no longer has, because the other is far behind, is not compared.
            if let (Some(one), Some(other)) = (a.state(self.next), b.state(self.next)) {
                self.apart_since = (one != other).then(|| self.apart_since.unwrap_or(self.next));
                self.apart += u32::from(one != other);
            }
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inputwire::Instant;

    use super::Duel;
    use crate::link::{Knobs, Link};
    use crate::scheme::Scheme;

    fn played(scheme: Scheme, seconds: u64, knobs: Knobs) -> Duel<Link> {
        let mut duel = Duel::new(Instant::ORIGIN, scheme, 7, false, Link::new(7));
        duel.net.knobs = knobs;
        duel.run_until(Instant::ORIGIN, Instant::ORIGIN.saturating_add(Duration::from_secs(seconds)));
        duel
    }

    #[test]
    fn on_a_good_link_every_scheme_is_on_time() {
        for scheme in Scheme::ALL {
            let duel = played(scheme, 10, Knobs::GOOD);
            let counts = duel.counts();
            assert_eq!((counts.late, counts.never), (0, 0), "{scheme:?}");
            // Before both endpoints have met, a compact one sends no inputs; then they all arrive together.
            assert!(counts.rescued <= if scheme == Scheme::Compact { 4 } else { 0 }, "{scheme:?}: {counts:?}");
            assert!(counts.on_time > 590, "{scheme:?}: {counts:?}");
            assert_eq!(duel.judge.apart, 0, "{scheme:?}");
        }
    }

    #[test]
    fn the_classic_schemes_fall_apart_and_compact_does_not() {
        let knobs = Knobs { loss_percent: 20, bursts: true, ..Knobs::GOOD };
        for scheme in [Scheme::Single, Scheme::Last3] {
            let duel = played(scheme, 20, knobs);
            assert!(duel.counts().never > 0 && duel.judge.apart_since.is_some(), "{scheme:?}");
        }
        let duel = played(Scheme::Compact, 20, knobs);
        let counts = duel.counts();
        assert!(counts.rescued > 0 && counts.late > 0, "{counts:?}");
        assert_eq!((counts.never, duel.judge.apart), (0, 0));
    }

    #[test]
    fn a_pulled_cable_stops_a_compact_game_and_a_plugged_one_heals_it() {
        let second = |number| Instant::ORIGIN.saturating_add(Duration::from_secs(number));
        let mut duel = played(Scheme::Compact, 5, Knobs::GOOD);
        duel.net.knobs.unplugged_until = second(8);
        duel.run_until(second(5), second(8));
        assert!(duel.endpoints.iter().all(|endpoint| endpoint.waiting));
        duel.run_until(second(8), second(10));
        assert!(
            duel.endpoints.iter().all(|endpoint| !endpoint.waiting && endpoint.waited > 30 && endpoint.guessed() == 0)
        );
        assert_eq!((duel.counts().never, duel.judge.apart), (0, 0));
    }
}
