//! The remote endpoint, as both wires see it.

use crate::estimate::lateness::Lateness;
use crate::estimate::liveness::{Limits, Liveness};
use crate::estimate::rtt::Rtt;
use crate::estimate::time_sync::TimeSync;
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
    pub(crate) lateness: Lateness,
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
            time_sync: TimeSync::default(),
            lateness: Lateness::default(),
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
        self.restart_arrivals();
    }

    /// Takes a round-trip time that the link trusts. One that began before a local stall ended has measured the stall.
    pub(crate) fn sample_rtt(&mut self, local: &Local, micros: u64) {
        if micros <= local.now.since(local.stall_ended_at) {
            self.rtt.sample(local.now, micros);
            self.liveness.grade_latency(self.rtt.mean_us().unwrap_or(0), &local.config);
        }
    }

    /// Frames count anew, or the way is another one: arrivals are compared with later ones only.
    pub(crate) fn restart_arrivals(&mut self) {
        self.time_sync = TimeSync::default();
        self.lateness.restart();
    }

    /// Notes the arrival of the input of the frame below `end`, later than all before it, once something was pushed.
    pub(crate) fn sample_arrival(&mut self, local: &Local, end: u32) {
        let (first, next) = (local.send.first(), local.send.send_next());
        if next > first {
            self.time_sync.sample(local.now, end, (local.send.pushed_at(), next), local.config.frame_us());
        }
    }

    /// Notes that inputs from frame `begin` to the one before `end` became known.
    pub(crate) fn sample_lateness(&mut self, local: &Local, begin: u32, end: u32) {
        self.lateness.sample(local.now, begin, end, local.config.frame_us());
    }
}
