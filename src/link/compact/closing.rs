//! The end of a link: byes sent and received (PROTOCOL 3.9).

use crate::event::PeerEvent;
use crate::ids::{Epoch, Frame};
use crate::local::Local;
use crate::once::Once;
use crate::time::Instant;
use crate::wire::compact::control::Bye;

/// How many byes are sent, a frame interval apart; one that arrives is enough.
const BYES: u8 = 3;
/// How long inputs are delivered after the session was closed.
const DELIVER_US: u64 = 2_000_000;

/// The byes of both endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Closing {
    /// When every input was acknowledged, once the session is closed.
    flushed_at: Option<Instant>,
    /// When the last bye was sent.
    sent_at: Option<Instant>,
    /// The peer's bye: the epoch, and the frame after its last input.
    peer_closed: Once,
    epoch: u32,
    end: u32,
}

impl Closing {
    /// Notes that every input is acknowledged after the session was closed; the first time counts.
    pub(crate) fn flush(&mut self, now: Instant) {
        self.flushed_at.get_or_insert(now);
    }

    /// When the first bye is due: once every input is acknowledged, and in any case a while after the session was closed.
    fn begins_at(&self, local: &Local) -> Option<Instant> {
        // At the end of time no later moment would come.
        let limit = local.closed_at?.after(DELIVER_US).min(Instant::LAST);
        Some(self.flushed_at.map_or(limit, |at| at.min(limit)))
    }

    /// Whether inputs still flow.
    pub(crate) fn delivers(&self, local: &Local) -> bool {
        self.begins_at(local).is_none_or(|at| local.now < at)
    }

    /// When the next bye is due: the first of its moments that is later than the last bye.
    pub(crate) fn bye_due(&self, local: &Local) -> Option<Instant> {
        self.moment(local, |at| self.sent_at.is_none_or(|sent_at| at > sent_at))
    }

    /// The moment to wake for a bye. One that has come already needs draining, not waking.
    pub(crate) fn next_moment(&self, local: &Local) -> Option<Instant> {
        self.moment(local, |at| at > local.now)
    }

    /// The first moment of a bye that fits, and that comes. Those that passed without a poll are not made up for.
    fn moment(&self, local: &Local, fits: impl Fn(Instant) -> bool) -> Option<Instant> {
        let begins_at = self.begins_at(local)?;
        let after = |frames: u8| begins_at.after(local.config.frame_us().saturating_mul(frames.into()));
        (0..BYES).map(after).find(|at| fits(*at) && *at <= Instant::LAST)
    }

    pub(crate) fn sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
    }

    /// Notes a bye of the peer.
    pub(crate) fn receive(&mut self, bye: Bye) {
        if self.peer_closed == Once::Unset {
            self.epoch = bye.epoch;
            self.end = bye.end;
            self.peer_closed.set();
        }
    }

    /// The peer's bye.
    pub(crate) fn received(&self) -> Option<Bye> {
        let bye = Bye { named: 0, epoch: self.epoch, end: self.end };
        (self.peer_closed != Once::Unset).then_some(bye)
    }

    /// Forgets the bye of an earlier run of the peer.
    pub(crate) fn restart(&mut self) {
        self.peer_closed = Once::Unset;
    }

    /// Whether the peer's bye is to be reported.
    pub(crate) fn has_event(&self) -> bool {
        self.peer_closed == Once::Pending
    }

    /// Returns the peer's bye, once.
    pub(crate) fn poll_barrier_event(&mut self) -> Option<PeerEvent> {
        let closed = PeerEvent::PeerClosed { epoch: Epoch::new(self.epoch), end: Frame::new(self.end) };
        self.peer_closed.take().then_some(closed)
    }
}
