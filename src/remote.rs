//! The remote endpoint, as both wires see it.

use crate::departure::{NamedBy, Standing};
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
    /// Open to a peer that was named: nothing flows but words and byes.
    Unused,
    Closed,
    /// The session was closed while it was open.
    Closing,
}

/// The state of a peer that does not depend on its wire, except for its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) player: u16,
    pub(crate) transport: Transport,
    pub(crate) standing: Standing,
    /// Whether a datagram has proved that inputs can flow.
    pub(crate) connected: bool,
    pub(crate) liveness: Liveness,
    pub(crate) rtt: Rtt,
    pub(crate) time_sync: TimeSync,
    pub(crate) lateness: Lateness,
    pub(crate) totals: Totals,
}

impl Remote {
    pub(crate) fn new(player: u16, join_frame: u32, local: &Local, limits: Limits) -> Self {
        Self {
            player,
            transport: Transport::Open,
            standing: Standing::new(join_frame),
            connected: false,
            liveness: Liveness::new(local.now, limits),
            rtt: Rtt::default(),
            time_sync: TimeSync::default(),
            lateness: Lateness::default(),
            totals: Totals::default(),
        }
    }

    /// Whether its transport is open, it was not named, and the session is not closed.
    pub(crate) fn is_open(&self) -> bool {
        self.transport == Transport::Open
    }

    /// Whether words can be sent to it.
    pub(crate) fn takes_words(&self) -> bool {
        matches!(self.transport, Transport::Open | Transport::Unused)
    }

    /// Takes nothing more of the peer.
    pub(crate) fn name(&mut self, by: NamedBy) {
        self.standing.name(by);
        if self.transport == Transport::Open {
            self.transport = Transport::Unused;
        }
    }

    /// The frame after the last one that the peer can be sent: what was pushed before it joined is not owed to it.
    pub(crate) fn send_end(&self, local: &Local) -> u32 {
        local.send.send_next().max(self.standing.join_frame())
    }

    /// Whether what is left to send after the session was closed can be sent.
    pub(crate) fn is_closing(&self) -> bool {
        self.transport == Transport::Closing
    }

    /// The transport is open again, perhaps over another path: silence and round trips start anew.
    pub(crate) fn transport_opened(&mut self, local: &Local) {
        self.transport = if self.standing.is_present() { Transport::Open } else { Transport::Unused };
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
        if local.send.has_begun() {
            let since_push_us = local.now.since(local.send.pushed_at());
            self.time_sync.sample(end, local.send.send_next(), since_push_us, local.config.frame_us_u32());
        }
    }

    /// Notes that inputs from frame `begin` to the one before `end` became known.
    pub(crate) fn sample_lateness(&mut self, local: &Local, begin: u32, end: u32) {
        self.lateness.sample(local.now, begin, end, local.config.frame_us_u32());
    }
}
