//! The remote endpoint, as both wires see it.

use crate::estimate::liveness::{Limits, Liveness};
use crate::estimate::rtt::Rtt;
use crate::estimate::time_sync::{Pace, TimeSync};
use crate::local::Local;
use crate::stats::Totals;

/// The way to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Open,
    Closed,
    /// The session was closed while it was open.
    Closing,
}

/// The state of a peer that does not depend on its wire, except for its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) player: u16,
    pub(crate) transport: Transport,
    /// Whether a datagram has proved that inputs can flow.
    pub(crate) connected: bool,
    pub(crate) liveness: Liveness,
    pub(crate) rtt: Rtt,
    pub(crate) time_sync: TimeSync,
    pub(crate) totals: Totals,
}

impl Remote {
    pub(crate) fn new(player: u16, local: &Local, limits: Limits) -> Self {
        Self {
            player,
            transport: Transport::Open,
            connected: false,
            liveness: Liveness::new(local.now, limits),
            rtt: Rtt::default(),
            time_sync: TimeSync::new(),
            totals: Totals::default(),
        }
    }

    /// Whether its transport is open, and the session is not closed.
    pub(crate) fn is_open(&self) -> bool {
        self.transport == Transport::Open
    }

    /// Whether what is left to send after the session was closed can be sent.
    pub(crate) fn is_closing(&self) -> bool {
        self.transport == Transport::Closing
    }

    /// The transport is open again, perhaps over another path: silence and round trips start anew.
    pub(crate) fn transport_opened(&mut self, local: &Local) {
        self.transport = Transport::Open;
        self.liveness.restart(local.now);
        self.rtt = Rtt::default();
        self.time_sync = TimeSync::new();
    }

    /// Takes a round-trip time that the link trusts. One that began before a local stall ended has measured the stall.
    pub(crate) fn sample_rtt(&mut self, local: &Local, micros: u64) {
        if micros <= local.now.since(local.stall_ended_at) {
            self.rtt.sample(micros);
            self.liveness.grade_latency(self.rtt.mean_us().unwrap_or(0), &local.config);
        }
    }

    /// Notes the arrival of the input of the frame below `end`, later than all before it.
    pub(crate) fn sample_arrival(&mut self, local: &Local, end: u32) {
        self.time_sync.sample(local.now, end, local.config.frame_us());
    }

    /// The lead over the peer, once both play, given the shortest round trip.
    pub(crate) fn pace(&self, local: &Local, shortest_us: u32) -> Option<Pace> {
        let send = &local.send;
        if send.send_next() == send.first() {
            return None;
        }
        self.time_sync.pace(send.pushed_at(), send.send_next(), local.config.frame_us(), shortest_us)
    }
}
