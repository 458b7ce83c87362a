//! One peer: what it has, what we heard of it, and what we told of it.

use crate::checksum::Checksum;
use crate::config::{DATAGRAM_MAX, Peering, Wire};
use crate::error::{DatagramError, PushError};
use crate::event::Event;
use crate::frame::{Frame, PeerId};
use crate::health::{Health, Pulse, interrupt_us};
use crate::inbox::Untold;
use crate::link::classic::Classic;
use crate::link::compact::Compact;
use crate::link::timing::Clocks;
use crate::link::{Ours, Theirs, Written};
use crate::outbox::Pushed;
use crate::pace::{Arrivals, Pace};
use crate::stats::{PeerStats, Totals};
use crate::time::{Instant, earlier, short_micros, span};

/// One peer, but for the bytes of its inputs, so that this is compiled once for every size of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    theirs: Theirs,
    link: Link,
    told: Told,
}

/// The state of the wire that a peer speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
enum Link {
    Compact(Compact),
    Classic(Classic),
}

/// What the application was told of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    connected: bool,
    health: Health,
    conflict: bool,
}

impl Peer {
    pub(crate) fn new(id: PeerId, ours: &Ours, peering: Peering) -> Self {
        let Peering { wire, player, incarnation } = peering;
        let link = match wire {
            Wire::Compact => Link::Compact(Compact::new(ours, player, incarnation)),
            Wire::Classic => Link::Classic(Classic::new(ours)),
        };
        Self { id, theirs: Theirs::new(player, ours), link, told: Told::default() }
    }

    pub(crate) fn player(&self) -> u16 {
        self.theirs.player
    }

    pub(crate) fn close(&mut self) {
        self.theirs.open = false;
    }

    pub(crate) fn open(&mut self, ours: &Ours) {
        if self.theirs.open {
            return;
        }
        self.theirs.open = true;
        self.theirs.pulse = Pulse::new(ours.now);
        self.theirs.forget_rtt();
        match &mut self.link {
            Link::Compact(link) => link.open(ours),
            Link::Classic(link) => link.open(),
        }
    }

    /// Says goodbye where the wire has a word for it, and closes.
    pub(crate) fn leave(&mut self) {
        if let Link::Compact(link) = &mut self.link
            && self.theirs.open
        {
            link.leave(&self.theirs);
        }
        self.close();
    }

    pub(crate) fn begin_epoch(&mut self, ours: &Ours, rows: &mut [u8]) {
        self.theirs.inbox.restart(rows);
        self.theirs.arrivals = Arrivals::new();
        self.told.conflict = false;
        match &mut self.link {
            Link::Compact(link) => link.begin_epoch(ours, &mut self.theirs),
            Link::Classic(link) => link.begin_epoch(ours),
        }
    }

    /// Whether the oldest input in our window may go.
    pub(crate) fn judge_push(&self, ours: &Ours) -> Result<(), PushError> {
        match &self.link {
            Link::Compact(link) if link.unacked(ours) >= ours.outbox.window() => Err(PushError::WindowFull(self.id)),
            _ => Ok(()),
        }
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn handle_datagram(
        &mut self,
        ours: &Ours,
        rows: &mut [u8],
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        let outcome = match &mut self.link {
            _ if datagram.len() > DATAGRAM_MAX => Err(DatagramError::TooLong),
            Link::Compact(link) => link.handle(ours, &mut self.theirs, rows, datagram),
            Link::Classic(link) => link.handle(ours, &mut self.theirs, rows, datagram),
        };
        match outcome {
            Ok(()) => self.theirs.totals.receive(datagram.len()),
            Err(reason) => self.theirs.totals.refused.count(reason),
        }
        outcome
    }

    pub(crate) fn clear_counters(&mut self) {
        self.theirs.totals = Totals::default();
        self.theirs.inbox.clear_lost_inputs();
        if let Link::Compact(link) = &mut self.link {
            link.clear_counters();
        }
    }

    /// The next datagram that is due, written into `room`.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn poll_transmit(&mut self, ours: &Ours, pushed: &Pushed<'_>, room: &mut [u8]) -> Option<Written> {
        let written = match &mut self.link {
            Link::Compact(link) => link.poll(ours, &self.theirs, pushed, room),
            Link::Classic(link) => link.poll(ours, &self.theirs, pushed, room).map(|len| Written { len, last: false }),
        }?;
        self.theirs.totals.send(written.len);
        Some(written)
    }

    /// The earliest moment after now at which something is due. What is due already needs draining, not waking.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn poll_timeout(&self, ours: &Ours) -> Option<Instant> {
        let link = match &self.link {
            Link::Compact(link) => link.due(ours, &self.theirs),
            Link::Classic(link) => {
                let [ping, request, response] = link.due(ours, &self.theirs);
                [ping, request, response, None, None]
            }
        };
        let health = if self.theirs.open { self.theirs.pulse.due(self.ping_us(ours), &ours.config) } else { [None; 3] };
        let next = |first, due: &[Option<Instant>]| {
            due.iter().fold(first, |first, due| earlier(first, due.filter(|due| *due > ours.now)))
        };
        next(next(None, &link), &health)
    }

    /// What is true and was not told, but for inputs, which come after everything else.
    pub(crate) fn poll_event(&mut self, ours: &Ours) -> Option<Event<0>> {
        self.link_event(ours).or_else(|| self.own_event(ours))
    }

    /// The next input that was not told.
    pub(crate) fn poll_input(&mut self) -> Option<Untold> {
        self.theirs.inbox.tell()
    }

    fn own_event(&mut self, ours: &Ours) -> Option<Event<0>> {
        let peer = self.id;
        if self.theirs.connected != self.told.connected {
            self.told.connected = self.theirs.connected;
            if self.told.connected {
                return Some(Event::Connected { peer });
            }
        }
        let health = self.health(ours);
        if health != self.told.health {
            self.told.health = health;
            let silence = self.theirs.pulse.tell_silence(ours.now, health);
            return Some(Event::Health { peer, health, silence });
        }
        let lost = self.theirs.inbox.tell_lost()?;
        Some(Event::Lost { peer, first: Frame::new(lost.first), count: lost.count })
    }

    fn link_event(&mut self, ours: &Ours) -> Option<Event<0>> {
        let peer = self.id;
        match &mut self.link {
            Link::Compact(link) => link.tell(ours, peer),
            Link::Classic(link) => {
                let news = link.conflict && !self.told.conflict;
                self.told.conflict = link.conflict;
                news.then_some(Event::Conflict { peer })
            }
        }
    }

    fn health(&self, ours: &Ours) -> Health {
        if self.theirs.open {
            self.theirs.pulse.health(ours.now, self.ping_us(ours), &ours.config)
        } else {
            Health::Disconnected
        }
    }

    fn ping_us(&self, ours: &Ours) -> u64 {
        match &self.link {
            Link::Compact(_) => Compact::ping_us(ours),
            Link::Classic(_) => Classic::ping_us(ours),
        }
    }

    /// We were not called for `micros` after something was due. Returns whether that is long enough to matter.
    pub(crate) fn stall(&mut self, ours: &Ours, micros: u64) -> bool {
        // Half of the limit: the other half may have been silent before.
        let stalled = self.theirs.open && micros >= interrupt_us(self.ping_us(ours), &ours.config) >> 1;
        if stalled {
            self.theirs.pulse.skip(micros);
        }
        stalled
    }

    /// Whether the peer may still need our checksum of a frame.
    pub(crate) fn needs_checksum(&self, ours: &Ours, frame: u32) -> bool {
        match &self.link {
            Link::Compact(link) => self.theirs.open && link.needs_checksum(ours, frame),
            Link::Classic(_) => false,
        }
    }

    pub(crate) fn push_checksum(&mut self, checksum: Checksum) {
        if let Link::Compact(link) = &mut self.link {
            link.push_checksum(checksum);
        }
    }

    /// The newest frame that is known, with its input.
    pub(crate) fn newest<'a>(&self, rows: &'a [u8]) -> Option<(Frame, &'a [u8])> {
        let frame = self.theirs.inbox.end().checked_sub(1)?;
        Some((Frame::new(frame), self.theirs.inbox.input(rows, frame)?))
    }

    pub(crate) fn pace(&self, ours: &Ours) -> Option<Pace> {
        let shortest_us = match &self.link {
            Link::Compact(link) => link.clocks().shortest_us(),
            Link::Classic(link) => link.shortest_us(),
        }?;
        self.theirs.pace(ours, shortest_us)
    }

    /// How many frames of input delay hide the way to us: the usual latency, three times its jitter, and a frame.
    pub(crate) fn suggested_delay(&self, ours: &Ours) -> Option<u32> {
        let rtt = self.theirs.rtt.stats()?;
        let jitter = self.clocks().and_then(Clocks::jitter).unwrap_or(rtt.variation);
        let late_us =
            u64::from(short_micros(rtt.mean) >> 1).saturating_add(u64::from(short_micros(jitter.saturating_mul(3))));
        let frames = late_us.div_ceil(ours.config.frame_us().max(1));
        u32::try_from(frames).ok()?.checked_add(1)
    }

    fn clocks(&self) -> Option<&Clocks> {
        match &self.link {
            Link::Compact(link) => Some(link.clocks()),
            Link::Classic(_) => None,
        }
    }

    pub(crate) fn input<'a>(&self, rows: &'a [u8], frame: Frame) -> Option<&'a [u8]> {
        self.theirs.inbox.input(rows, frame.get())
    }

    pub(crate) fn known(&self) -> Option<Frame> {
        self.theirs.inbox.known_to().map(Frame::new)
    }

    pub(crate) fn unacked(&self, ours: &Ours) -> u32 {
        match &self.link {
            Link::Compact(link) => link.unacked(ours),
            Link::Classic(_) => 0,
        }
    }

    pub(crate) fn stats(&self, ours: &Ours) -> PeerStats {
        let clocks = self.clocks();
        PeerStats {
            at: ours.now,
            health: self.health(ours),
            rtt: self.theirs.rtt.stats(),
            latency: self.theirs.rtt.mean_us().map(|mean| span(mean >> 1)),
            jitter: clocks.and_then(Clocks::jitter),
            silence: self.theirs.pulse.heard_for(ours.now),
            longest_silence: self.theirs.pulse.longest_silence(ours.now),
            inbound_lost: clocks.and_then(Clocks::lost),
            unacked: self.unacked(ours),
            window: u32::from(ours.outbox.rows()),
            gaps: self.theirs.inbox.gaps(),
            lost_inputs: self.theirs.inbox.lost_inputs(),
            totals: self.theirs.totals,
        }
    }
}
