//! Rates a second: one, and a table of them for unknown addresses.
//!
//! Each is the moment at which its allowance is used up (GCRA, the generic cell rate algorithm): one number and no timer.

use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

use inputwire::Instant;
use siphasher::sip::SipHasher13;

const SECOND_NS: u64 = 1_000_000_000;

/// So many a second, of which a fifth may come at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    interval_ns: u64,
    burst_ns: u64,
}

impl Rate {
    pub(crate) fn per_second(rate: u32) -> Self {
        match SECOND_NS.checked_div(rate.into()) {
            Some(interval_ns) => Self { interval_ns, burst_ns: (SECOND_NS / 5).max(interval_ns) },
            None => Self { interval_ns: u64::MAX, burst_ns: 0 },
        }
    }

    /// Whether one more is allowed now; counts it if so. `used_until` is zero at first.
    pub(crate) fn take(self, now: Instant, used_until: &mut u64) -> bool {
        let now = now.as_micros().saturating_mul(1_000);
        let until = (*used_until).max(now).saturating_add(self.interval_ns);
        let allowed = until.saturating_sub(now) <= self.burst_ns;
        if allowed {
            *used_until = until;
        }
        allowed
    }
}

/// What an unknown address sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Hello,
    Other,
}

/// A rate for each unknown address, in a table that never grows. Addresses that share an entry share its rate.
#[derive(Debug)]
pub(crate) struct Strangers {
    rate: Rate,
    key: [u64; 2],
    used_until: Box<[u64]>,
}

impl Strangers {
    pub(crate) fn new(rate: u32, buckets: usize, key: [u64; 2]) -> Self {
        Self { rate: Rate::per_second(rate), key, used_until: vec![0; buckets.max(1)].into_boxed_slice() }
    }

    pub(crate) fn take(&mut self, now: Instant, from: SocketAddr, kind: Kind) -> bool {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        (from, kind).hash(&mut hasher);
        let buckets = u64::try_from(self.used_until.len()).unwrap_or(u64::MAX);
        let bucket = usize::try_from(hasher.finish().checked_rem(buckets).unwrap_or(0)).unwrap_or(0);
        self.used_until.get_mut(bucket).is_some_and(|used_until| self.rate.take(now, used_until))
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Kind, Rate, SocketAddr, Strangers};

    fn allowed(rate: Rate, micros: impl Iterator<Item = u64>) -> usize {
        let mut used_until = 0;
        micros.filter(|at| rate.take(Instant::from_micros(*at), &mut used_until)).count()
    }

    #[test]
    fn a_rate_lets_through_so_many_a_second_and_a_fifth_at_once() {
        assert_eq!(allowed(Rate::per_second(20), std::iter::repeat_n(0, 1_000)), 4);
        let second = (0..10_000_000).step_by(100);
        assert!((200..=204).contains(&allowed(Rate::per_second(20), second)));
        assert_eq!(allowed(Rate::per_second(20), (0..100).map(|at| at * 50_000)), 100);
        assert_eq!(allowed(Rate::per_second(1), (0..5).map(|at| at * 1_000_000)), 5);
        assert_eq!(allowed(Rate::per_second(0), (1..5).map(|at| at * 1_000_000)), 0);
    }

    #[test]
    fn an_address_that_floods_leaves_most_others_and_its_own_hellos_alone() {
        let mut strangers = Strangers::new(20, 4_096, [1, 2]);
        let now = Instant::from_micros(1);
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let flood = (0..10_000).filter(|_| strangers.take(now, address(1), Kind::Other)).count();
        assert_eq!(flood, 4);
        assert!(strangers.take(now, address(1), Kind::Hello));
        let others = (2..1_002).filter(|port| strangers.take(now, address(*port), Kind::Hello)).count();
        assert!(others > 990, "{others}");
    }
}
