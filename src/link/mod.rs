//! The state that each wire keeps for a peer: what a datagram changes, and what the next one says.

pub(crate) mod classic;
pub(crate) mod compact;
mod greeting;
pub(crate) mod timing;

use crate::config::Config;
use crate::frame::Frame;
use crate::health::Pulse;
use crate::inbox::Inbox;
use crate::outbox::Pushed;
use crate::rtt::Rtt;
use crate::stats::Totals;
use crate::time::Instant;

/// Our end, as every link sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ours<'a> {
    /// The greatest time that the session was told.
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) epoch: u32,
    pub(crate) pushed: Pushed<'a>,
}

/// A peer, as both wires see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Theirs {
    pub(crate) player: u16,
    /// Whether its transport is open.
    pub(crate) open: bool,
    /// Whether a datagram has proved that inputs can flow.
    pub(crate) connected: bool,
    pub(crate) inbox: Inbox,
    pub(crate) pulse: Pulse,
    pub(crate) rtt: Rtt,
    pub(crate) totals: Totals,
}

impl Theirs {
    pub(crate) fn new(player: u16, ours: &Ours<'_>) -> Self {
        Self {
            player,
            open: true,
            connected: false,
            inbox: Inbox::new(ours.first_frame().position(), ours.pushed.rows(), ours.pushed.size()),
            pulse: Pulse::new(ours.now),
            rtt: Rtt::default(),
            totals: Totals::default(),
        }
    }

    /// Takes a round-trip time that the link trusts.
    pub(crate) fn sample_rtt(&mut self, micros: u64, config: &Config) {
        self.rtt.sample(micros);
        self.pulse.judge_latency(self.rtt.mean_us().unwrap_or(0), config);
    }
}

impl Ours<'_> {
    pub(crate) fn first_frame(&self) -> Frame {
        self.config.first_frame
    }
}
