//! The time, and the random number that tells two runs of a program apart.

use inputwire::Instant;

/// A monotonic clock that starts with its session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: imp::Time,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: imp::now() }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::from_micros(imp::micros_since(self.start))
    }
}

/// Draws a number for the present run.
pub(crate) fn incarnation() -> u64 {
    // Small numbers are refused, since they are rarely random.
    imp::random() | 1 << 63
}

#[cfg(not(test))]
mod imp {
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    use std::time::Instant;
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    use web_time::Instant;

    pub(super) type Time = Instant;

    pub(super) fn now() -> Time {
        Instant::now()
    }

    pub(super) fn micros_since(start: Time) -> u64 {
        u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(super) fn random() -> u64 {
        use std::hash::{BuildHasher, RandomState};
        // The standard library keys its maps with random numbers of the system.
        RandomState::new().hash_one(now())
    }

    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    pub(super) fn random() -> u64 {
        [0, 16, 32, 48].into_iter().fold(0, |bits, shift| bits | u64::from(part()) << shift)
    }

    /// Sixteen random bits of the page.
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
    fn part() -> u16 {
        (js_sys::Math::random() * 65_536.0) as u16
    }
}

/// Time that stands still until a test moves it.
#[cfg(test)]
pub(crate) mod imp {
    use std::cell::Cell;

    pub(super) type Time = u64;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
        static RANDOM: Cell<u64> = const { Cell::new(0) };
    }

    /// Sets the time, in microseconds.
    pub(crate) fn set(now: u64) {
        NOW.set(now);
    }

    pub(super) fn now() -> Time {
        NOW.get()
    }

    pub(super) fn micros_since(start: Time) -> u64 {
        NOW.get().saturating_sub(start)
    }

    pub(super) fn random() -> u64 {
        RANDOM.set(RANDOM.get() + 1);
        inputwire_sim::rng::mix(RANDOM.get())
    }
}
