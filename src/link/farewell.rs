//! Goodbyes, ours and the peer's (PROTOCOL 3.9).

use super::Told;
use crate::time::Instant;

/// How many goodbyes are said: any of them will do.
const BYES: u8 = 3;

/// Who has said goodbye.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Farewell {
    /// Goodbyes left to say, and when the last one was said.
    left: u8,
    said_at: Option<Instant>,
    heard: Told,
}

impl Farewell {
    /// Starts to say goodbye.
    pub(crate) fn leave(&mut self) {
        self.left = BYES;
        self.said_at = None;
    }

    /// We stay after all.
    pub(crate) fn stay(&mut self) {
        self.left = 0;
    }

    pub(crate) fn hear(&mut self) {
        self.heard.happen();
    }

    /// The peer started anew: what its earlier run said is void.
    pub(crate) fn forget(&mut self) {
        self.heard = Told::default();
    }

    pub(crate) fn due(&self, frame_us: u64) -> Option<Instant> {
        let due = self.said_at.map_or(Instant::ORIGIN, |at| at.after(frame_us));
        (self.left > 0).then_some(due)
    }

    pub(crate) fn say(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.said_at = Some(now);
    }

    /// Whether the peer has said goodbye, told once.
    pub(crate) fn tell(&mut self) -> bool {
        self.heard.tell()
    }
}
