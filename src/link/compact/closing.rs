//! The end of a link: byes sent and received (PROTOCOL 3.9).

use crate::once::Once;
use crate::time::Instant;

/// How many byes are sent; one that arrives is enough.
const BYES: u8 = 3;

/// Byes still to send, and whether the peer has closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Closing {
    /// Byes left to send, and when the last one was sent.
    left: u8,
    sent_at: Option<Instant>,
    peer_closed: Once,
}

impl Closing {
    /// Starts to send byes.
    pub(crate) fn begin(&mut self) {
        self.left = BYES;
        self.sent_at = None;
    }

    /// Sends no more byes: the transport is open again.
    pub(crate) fn cancel(&mut self) {
        self.left = 0;
    }

    /// Notes a bye of the peer.
    pub(crate) fn receive(&mut self) {
        self.peer_closed.set();
    }

    /// Forgets the byes of an earlier run of the peer.
    pub(crate) fn restart(&mut self) {
        self.peer_closed = Once::Unset;
    }

    pub(crate) fn bye_due(&self, frame_us: u64) -> Option<Instant> {
        let due = self.sent_at.map_or(Instant::ORIGIN, |at| at.after(frame_us));
        (self.left > 0).then_some(due)
    }

    pub(crate) fn sent(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.sent_at = Some(now);
    }

    /// Whether the peer's bye is to be reported.
    pub(crate) fn has_event(&self) -> bool {
        self.peer_closed == Once::Pending
    }

    /// Returns whether the peer's bye is to be reported.
    pub(crate) fn take_peer_closed(&mut self) -> bool {
        self.peer_closed.take()
    }
}
