//! What a server counts.

use super::event::{LeaveReason, Refusal};

/// What a server has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Datagrams received, whatever became of them.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Datagrams polled for sending.
    pub datagrams_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Hellos that were given a session.
    pub admitted: u64,
    /// Clients that have joined.
    pub joined: u64,
    /// Sessions that ended because nobody proved anything.
    pub unproven: u64,
    /// Changed addresses that were taken over.
    pub moved: u64,
    /// Silent clients that were tried for datagrams from unknown addresses.
    pub tries: u64,
    refused: [u64; Refusal::NAMES.len()],
    left: [u64; LeaveReason::ALL.len()],
}

impl Counters {
    /// How many clients have left for this reason.
    #[must_use]
    pub fn left(&self, reason: LeaveReason) -> u64 {
        LeaveReason::ALL.iter().zip(self.left).find(|(other, _)| **other == reason).map_or(0, |(_, count)| count)
    }

    /// How many datagrams were refused, by the name of the kind of [`Refusal`].
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::NAMES.into_iter().zip(self.refused)
    }

    /// How many hellos were refused: by the gate, as not fitting, as taken or since the server is full.
    #[must_use]
    pub fn hellos_refused(&self) -> u64 {
        let kinds = ["gate", "config", "hello", "taken", "full", "closing"];
        self.refused().filter(|(name, _)| kinds.contains(name)).map(|(_, count)| count).sum()
    }

    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        if let Some(count) = self.refused.get_mut(refusal.index()) {
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn leave(&mut self, reason: LeaveReason) {
        let counts = LeaveReason::ALL.iter().zip(&mut self.left);
        if let Some((_, count)) = counts.into_iter().find(|(other, _)| **other == reason) {
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn receive(&mut self, bytes: usize) {
        self.datagrams_received = self.datagrams_received.saturating_add(1);
        self.bytes_received = self.bytes_received.saturating_add(u64::try_from(bytes).unwrap_or(0));
    }

    pub(crate) fn send(&mut self, bytes: usize) {
        self.datagrams_sent = self.datagrams_sent.saturating_add(1);
        self.bytes_sent = self.bytes_sent.saturating_add(u64::try_from(bytes).unwrap_or(0));
    }
}
