//! The state that each wire keeps for a peer: what a datagram changes, and what the next one says.

pub(crate) mod agreement;
pub(crate) mod classic;
pub(crate) mod compact;
mod farewell;
mod greeting;
pub(crate) mod timing;

use crate::checksum::{Checksums, OWN};
use crate::config::Config;
use crate::health::Pulse;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::pace::{Arrivals, Pace};
use crate::rtt::Rtt;
use crate::stats::Totals;
use crate::time::Instant;

/// Our end, as every link sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    /// The greatest time that the session was told.
    pub(crate) now: Instant,
    /// When our last stall ended.
    pub(crate) woken_at: Instant,
    pub(crate) config: Config,
    pub(crate) epoch: u32,
    pub(crate) outbox: Outbox,
    /// The newest state hashes of our game in this epoch.
    pub(crate) checksums: Checksums<OWN>,
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
    pub(crate) arrivals: Arrivals,
    pub(crate) totals: Totals,
}

impl Theirs {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn new(player: u16, ours: &Ours) -> Self {
        Self {
            player,
            open: true,
            connected: false,
            inbox: Inbox::new(ours.outbox.first, ours.outbox.rows(), ours.outbox.size()),
            pulse: Pulse::new(ours.now),
            rtt: Rtt::default(),
            arrivals: Arrivals::new(),
            totals: Totals::default(),
        }
    }

    /// Takes a round-trip time that the link trusts. One that began before a stall of ours has measured the stall.
    pub(crate) fn sample_rtt(&mut self, ours: &Ours, micros: u64) {
        if micros <= ours.now.since(ours.woken_at) {
            self.rtt.sample(micros);
            self.pulse.judge_latency(self.rtt.mean_us().unwrap_or(0), &ours.config);
        }
    }

    /// Forgets the round trips: the way to the peer is another one.
    pub(crate) fn forget_rtt(&mut self) {
        self.rtt = Rtt::default();
        self.arrivals = Arrivals::new();
    }

    /// Takes note that an input of the peer arrived that is newer than all before it: that of the frame below `end`.
    pub(crate) fn arrive(&mut self, ours: &Ours, end: u32) {
        self.arrivals.arrive(ours.now, end, ours.config.frame_us());
    }

    /// How far ahead of the peer we are, once both play, given the shortest round trip.
    pub(crate) fn pace(&self, ours: &Ours, shortest_us: u32) -> Option<Pace> {
        let outbox = &ours.outbox;
        if outbox.next == outbox.first {
            return None;
        }
        self.arrivals.pace(outbox.newest_at, outbox.next, ours.config.frame_us(), shortest_us)
    }
}

impl Ours {
    pub(crate) const fn new(config: Config, window: u8, size: u8) -> Self {
        Self {
            now: Instant::ORIGIN,
            woken_at: Instant::ORIGIN,
            config,
            epoch: 0,
            outbox: Outbox::new(config.first_frame, window, size),
            checksums: Checksums::new(),
        }
    }

    /// Begins an epoch: nothing was pushed in it yet.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.outbox.restart();
        self.checksums = Checksums::new();
    }
}

/// A datagram that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) len: usize,
    /// Whether it is clear already that nothing else is due to the peer at this moment.
    pub(crate) last: bool,
}

/// Something that is told once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Told {
    #[default]
    Nothing,
    Not,
    Already,
}

impl Told {
    pub(crate) fn happen(&mut self) {
        if *self == Self::Nothing {
            *self = Self::Not;
        }
    }

    pub(crate) fn tell(&mut self) -> bool {
        let news = *self == Self::Not;
        if news {
            *self = Self::Already;
        }
        news
    }
}
