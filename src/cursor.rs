//! Which peers a drain has to visit.

/// The peers from `begin` to the one before `end` may have something to send or to report; of these, the drain has passed the ones
/// before its positions. All others have nothing until the soonest deadline passes, or a call concerns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PollCursor {
    pub(crate) transmit: u16,
    pub(crate) event: u16,
    begin: u16,
    end: u16,
    /// Whose deadline is the soonest, while that is known.
    pub(crate) soonest: u16,
}

impl PollCursor {
    /// Every peer is to be visited.
    pub(crate) const ALL: Self = Self { transmit: 0, event: 0, begin: 0, end: u16::MAX, soonest: 0 };

    /// Nobody is to be visited; the soonest deadline is that of the peer at `soonest`.
    pub(crate) const fn drained(soonest: u16) -> Self {
        Self { transmit: u16::MAX, event: u16::MAX, begin: u16::MAX, end: 0, soonest }
    }

    /// Whether nobody is to be visited.
    pub(crate) const fn is_drained(&self) -> bool {
        self.begin >= self.end
    }

    /// The peers to visit.
    pub(crate) fn range(&self) -> core::ops::Range<usize> {
        usize::from(self.begin)..usize::from(self.end)
    }

    /// Visits the peer at `at` as well.
    pub(crate) fn visit(&mut self, at: usize) {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        self.transmit = self.transmit.min(at);
        self.event = self.event.min(at);
        self.begin = self.begin.min(at);
        self.end = self.end.max(at.saturating_add(1));
    }

    /// Has something to send to every peer, and nothing more to report.
    pub(crate) fn visit_all_transmits(&mut self) {
        *self = Self { transmit: 0, begin: 0, end: u16::MAX, ..*self };
    }

    /// Visits the same peers again: time has passed.
    pub(crate) fn rewind(&mut self) {
        self.transmit = self.begin;
        self.event = self.begin;
    }

    /// Visits the same peers again, the first one included.
    pub(crate) fn restart(&mut self) {
        self.transmit = 0;
        self.event = 0;
    }

    /// Passes the peer that has nothing more to send. Where there is one at most, there is nothing to count.
    pub(crate) const fn pass_transmit(&mut self, several: bool) {
        self.transmit = if several { self.transmit.saturating_add(1) } else { 1 };
    }

    /// Passes the peer that has nothing more to report.
    pub(crate) const fn pass_event(&mut self) {
        self.event = self.event.saturating_add(1);
    }

    /// Whether the peer at `position` is to be visited.
    pub(crate) const fn is_before_end(&self, position: u16) -> bool {
        position < self.end
    }
}
