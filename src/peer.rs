//! One peer: what it has, what we heard of it, and what we told of it.

use core::time::Duration;

use crate::config::{PeerConfig, Wire};
use crate::error::{DatagramError, PushError};
use crate::event::Event;
use crate::frame::{Epoch, Frame, PeerId};
use crate::health::{Health, Pulse};
use crate::link::classic::Classic;
use crate::link::compact::{Compact, News};
use crate::link::timing::Clocks;
use crate::link::{Ours, Theirs};
use crate::rtt::Rtt;
use crate::stats::{PeerStats, Totals};
use crate::time::{Instant, earlier};

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
    pub(crate) fn new<const INPUT: usize>(id: PeerId, ours: &Ours<'_>, config: &PeerConfig<INPUT>) -> Self {
        let link = match config.wire {
            Wire::Compact => Link::Compact(Compact::new(ours, config)),
            Wire::Classic => Link::Classic(Classic::new(ours)),
        };
        Self { id, theirs: Theirs::new(config.player, ours), link, told: Told::default() }
    }

    pub(crate) fn player(&self) -> u16 {
        self.theirs.player
    }

    pub(crate) fn close(&mut self) {
        self.theirs.open = false;
    }

    pub(crate) fn open(&mut self, ours: &Ours<'_>) {
        if self.theirs.open {
            return;
        }
        self.theirs.open = true;
        self.theirs.pulse = Pulse::new(ours.now);
        self.theirs.rtt = Rtt::default();
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

    pub(crate) fn begin_epoch(&mut self, ours: &Ours<'_>, rows: &mut [u8]) {
        self.theirs.inbox.restart(rows);
        self.told.conflict = false;
        match &mut self.link {
            Link::Compact(link) => link.begin_epoch(ours, &self.theirs),
            Link::Classic(link) => link.begin_epoch(ours),
        }
    }

    /// Whether the oldest input in our window may go.
    pub(crate) fn judge_push(&self, ours: &Ours<'_>) -> Result<(), PushError> {
        match &self.link {
            Link::Compact(link) if link.unacked(ours) >= ours.pushed.window => Err(PushError::WindowFull(self.id)),
            _ => Ok(()),
        }
    }

    /// An input is about to be pushed.
    pub(crate) fn push(&mut self, ours: &Ours<'_>) {
        if let Link::Compact(link) = &mut self.link {
            link.push(ours);
        }
    }

    pub(crate) fn handle_datagram(
        &mut self,
        ours: &Ours<'_>,
        rows: &mut [u8],
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        let outcome = match &mut self.link {
            Link::Compact(link) => link.handle(ours, &mut self.theirs, rows, datagram),
            Link::Classic(link) => link.handle(ours, &mut self.theirs, rows, datagram),
        };
        match outcome {
            Ok(()) => self.theirs.totals.receive(datagram.len()),
            Err(reason) => self.refuse(reason),
        }
        outcome
    }

    /// Counts a datagram that is refused.
    pub(crate) fn refuse(&mut self, reason: DatagramError) {
        self.theirs.totals.refused.count(reason);
    }

    pub(crate) fn clear_counters(&mut self) {
        self.theirs.totals = Totals::default();
        self.theirs.inbox.clear_lost_inputs();
        if let Link::Compact(link) = &mut self.link {
            link.clear_counters();
        }
    }

    /// The next datagram that is due, written into `room`; returns its length.
    pub(crate) fn poll_transmit(&mut self, ours: &Ours<'_>, room: &mut [u8]) -> Option<usize> {
        let len = match &mut self.link {
            Link::Compact(link) => link.poll(ours, &self.theirs, room),
            Link::Classic(link) => link.poll(ours, &self.theirs, room),
        }?;
        self.theirs.totals.send(len);
        Some(len)
    }

    /// The earliest moment after now at which something is due. What is due already needs draining, not waking.
    pub(crate) fn poll_timeout(&self, ours: &Ours<'_>) -> Option<Instant> {
        let link = match &self.link {
            Link::Compact(link) => link.due(ours, &self.theirs),
            Link::Classic(link) => link.due(ours, &self.theirs),
        };
        let health = self.theirs.pulse.due(self.ping_us(ours), ours.config).map(|due| due.filter(|_| self.theirs.open));
        link.into_iter()
            .chain(health)
            .flatten()
            .filter(|due| *due > ours.now)
            .fold(None, |first, due| earlier(first, Some(due)))
    }

    /// What is true and was not told.
    pub(crate) fn poll_event<const INPUT: usize>(&mut self, ours: &Ours<'_>, rows: &[u8]) -> Option<Event<INPUT>> {
        let peer = self.id;
        if let Some(event) = self.link_event(ours) {
            return Some(event);
        }
        if self.theirs.connected != self.told.connected {
            self.told.connected = self.theirs.connected;
            if self.told.connected {
                return Some(Event::Connected { peer });
            }
        }
        let health = self.health(ours);
        if health != self.told.health {
            self.told.health = health;
            return Some(Event::Health { peer, health });
        }
        if let Some(lost) = self.theirs.inbox.tell_lost() {
            let count = u32::try_from(lost.count).unwrap_or(u32::MAX);
            return Some(Event::Lost { peer, first: Frame::at(lost.first), count });
        }
        let frame = self.theirs.inbox.tell()?;
        let input = self.theirs.inbox.input(rows, frame)?.try_into().ok()?;
        Some(Event::Input { peer, frame: Frame::at(frame), input })
    }

    fn link_event<const INPUT: usize>(&mut self, ours: &Ours<'_>) -> Option<Event<INPUT>> {
        let peer = self.id;
        match &mut self.link {
            Link::Compact(link) => Some(match link.tell(ours, &self.theirs)? {
                News::Restarted => Event::Restarted { peer },
                News::Mismatch(field, ours, theirs) => Event::Mismatch { peer, field, ours, theirs },
                News::Ahead(epoch) => Event::PeerAhead { peer, epoch: Epoch::new(epoch) },
                News::OutOfStep => Event::OutOfStep { peer },
                News::Left => Event::Left { peer },
            }),
            Link::Classic(link) => {
                let news = link.conflict && !self.told.conflict;
                self.told.conflict = link.conflict;
                news.then_some(Event::Conflict { peer })
            }
        }
    }

    fn health(&self, ours: &Ours<'_>) -> Health {
        if self.theirs.open {
            self.theirs.pulse.health(ours.now, self.ping_us(ours), ours.config)
        } else {
            Health::Disconnected
        }
    }

    fn ping_us(&self, ours: &Ours<'_>) -> u64 {
        match &self.link {
            Link::Compact(_) => Compact::ping_us(ours),
            Link::Classic(_) => Classic::ping_us(ours),
        }
    }

    pub(crate) fn input<'a>(&self, rows: &'a [u8], frame: Frame) -> Option<&'a [u8]> {
        self.theirs.inbox.input(rows, frame.position())
    }

    pub(crate) fn known(&self) -> Option<Frame> {
        self.theirs.inbox.known_to().map(Frame::at)
    }

    pub(crate) fn unacked(&self, ours: &Ours<'_>) -> u32 {
        match &self.link {
            Link::Compact(link) => u32::try_from(link.unacked(ours)).unwrap_or(u32::MAX),
            Link::Classic(_) => 0,
        }
    }

    pub(crate) fn stats(&self, ours: &Ours<'_>) -> PeerStats {
        let clocks = match &self.link {
            Link::Compact(link) => Some(link.clocks()),
            Link::Classic(_) => None,
        };
        PeerStats {
            health: self.health(ours),
            rtt: self.theirs.rtt.stats(),
            latency: self.theirs.rtt.mean_us().map(|mean| Duration::from_micros(mean >> 1)),
            jitter: clocks.and_then(Clocks::jitter),
            silence: self.theirs.pulse.heard_for(ours.now),
            inbound_lost: clocks.and_then(Clocks::lost),
            unacked: self.unacked(ours),
            gaps: self.theirs.inbox.gaps(),
            lost_inputs: self.theirs.inbox.lost_inputs(),
            totals: self.theirs.totals,
        }
    }
}
