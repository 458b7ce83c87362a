//! The clock of the runtime, as a session counts time.

use std::future::pending;

use inputwire::Instant;
use tokio::time::{Instant as Moment, sleep_until};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Moment,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Moment::now() }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::ORIGIN.saturating_add(self.origin.elapsed())
    }

    /// Waits until then, or for ever.
    pub(crate) async fn sleep_until(self, at: Option<Instant>) {
        let moment = at.and_then(|at| self.origin.checked_add(at.saturating_since(Instant::ORIGIN)));
        match moment {
            Some(moment) => sleep_until(moment).await,
            None => pending().await,
        }
    }
}
