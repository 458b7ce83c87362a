//! One peer: its wire-independent state (`Remote`), its receive window and its link. Only the link knows the wire.

use crate::checksum::Checksum;
use crate::config::{MAX_DATAGRAM_SIZE, PeerSettings};
use crate::error::{DatagramError, PushError};
use crate::estimate::liveness::{Health, Limits};
use crate::estimate::time_sync::Pace;
use crate::event::PeerEvent;
use crate::ids::{Frame, PeerId};
use crate::link::compact::timing::TimingEstimator;
use crate::link::{Link, Written};
use crate::local::Local;
use crate::remote::{Remote, Transport};
use crate::stats::{PeerStats, Totals};
use crate::time::{Instant, duration_from_micros, saturating_micros_u32};
use crate::timer::{Deadline, Timer};
use crate::window::recv::{RecvView, RecvWindow, Undelivered};
use crate::window::send::SendView;

/// One peer, without the bytes of its inputs: so it is not generic over `INPUT_LEN` and is compiled once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    remote: Remote,
    recv: RecvWindow,
    link: Link,
    reported: Reported,
}

/// What has been reported of a peer: an event is a difference between this and what is true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reported {
    connected: bool,
    health: Health,
}

impl Peer {
    /// `local_run` is the run of this endpoint on the link to this peer.
    pub(crate) fn new(id: PeerId, local: &Local, settings: &PeerSettings, local_run: u64) -> Self {
        let send = &local.send;
        let link = Link::new(local, settings, local_run);
        let limits = Limits::new(link.ping_us(local), &local.config);
        Self {
            id,
            remote: Remote::new(settings.player, local, limits),
            recv: RecvWindow::new(send.first(), send.capacity(), send.input_len()),
            link,
            reported: Reported::default(),
        }
    }

    pub(crate) fn player(&self) -> u16 {
        self.remote.player
    }

    pub(crate) fn transport_closed(&mut self) {
        self.remote.transport = Transport::Closed;
    }

    pub(crate) fn transport_opened(&mut self, local: &Local) {
        if self.remote.transport == Transport::Closed && local.closed_at.is_none() {
            self.remote.transport_opened(local);
            self.link.transport_opened(local);
        }
    }

    /// The session was closed: what the peer has not acknowledged is delivered, then byes are sent, where the wire has them.
    pub(crate) fn close(&mut self, local: &Local) {
        if self.remote.is_open() {
            self.remote.transport = Transport::Closing;
            self.link.close(local);
        }
    }

    /// Whether nothing is left to send, once the session was closed.
    pub(crate) fn is_closed(&self, local: &Local) -> bool {
        self.link.is_closed(local, &self.remote)
    }

    /// The greatest epoch that the peer announced.
    pub(crate) fn announced(&self) -> u32 {
        self.link.announced()
    }

    /// Whether an epoch of the reserve may be begun for this peer: it is ahead, or was started anew.
    pub(crate) fn needs_epoch(&self, local: &Local) -> bool {
        self.link.needs_epoch(local)
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local, slots: &mut [u8]) {
        RecvView { window: &mut self.recv, slots }.restart();
        self.remote.restart_arrivals();
        self.link.begin_epoch(local, &mut self.remote);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn handle_datagram(
        &mut self,
        local: &Local,
        slots: &mut [u8],
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        let outcome = if datagram.len() > MAX_DATAGRAM_SIZE {
            Err(DatagramError::TooLong)
        } else {
            let mut recv = RecvView { window: &mut self.recv, slots };
            self.link.handle(local, &mut self.remote, &mut recv, datagram)
        };
        match outcome {
            Ok(()) => self.remote.totals.receive(datagram.len()),
            Err(reason) => self.remote.totals.refused.count(reason),
        }
        outcome
    }

    /// Writes the next datagram that is due.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn poll_transmit(&mut self, local: &Local, send: &SendView<'_>, buf: &mut [u8]) -> Option<Written> {
        let written = self.link.poll_transmit(local, &mut self.remote, &self.recv, send, buf)?;
        self.remote.totals.send(written.len);
        Some(written)
    }

    /// The soonest deadline after now. What is due already needs draining, not waking.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn soonest_deadline(&self, local: &Local) -> Option<(Instant, Timer)> {
        let mut soonest = None;
        let mut consider = |deadline: &Deadline| soonest = deadline.sooner(soonest, local.now);
        // Of those at one moment the first counts: what becomes of the peer, rather than what is sent then.
        if self.remote.is_open() {
            for Deadline { at, timer } in self.remote.liveness.deadlines(self.remote.rtt.smoothed_us()) {
                consider(&timer.at(at.and_then(|at| local.judges(at))));
            }
        }
        self.link.deadlines(local, &self.remote, &self.recv).iter().for_each(&mut consider);
        soonest
    }

    /// Returns the next event that leaves the window as it is: these come before all inputs.
    pub(crate) fn poll_event(&mut self, local: &Local) -> Option<PeerEvent> {
        if let Some(event) = self.link.poll_event(local) {
            return Some(event);
        }
        if self.remote.connected != self.reported.connected {
            self.reported.connected = self.remote.connected;
            if self.reported.connected {
                return Some(PeerEvent::Connected);
            }
        }
        let health = self.health(local);
        if health != self.reported.health {
            self.reported.health = health;
            let silence = self.remote.liveness.take_silence(local.judged_at(), health);
            return Some(PeerEvent::Health { health, silence });
        }
        let lost = self.recv.take_lost()?;
        Some(PeerEvent::Lost { first: Frame::new(lost.first), count: lost.count })
    }

    /// Returns the next input to deliver, which is the last thing to poll if no barrier event follows.
    pub(crate) fn poll_input(&mut self, local: &Local) -> Option<Undelivered> {
        let undelivered = self.recv.take_undelivered()?;
        Some(Undelivered { last: undelivered.last && !self.link.has_barrier_event(local), ..undelivered })
    }

    /// Returns the next event that makes an application throw its window away: these come after all inputs.
    pub(crate) fn poll_barrier_event(&mut self, local: &Local) -> Option<PeerEvent> {
        self.link.poll_barrier_event(local)
    }

    /// Whether a call that comes `micros` late is a local stall.
    pub(crate) fn is_stalled(&self, micros: u64) -> bool {
        // Half of the limit: the peer may have been silent for the other half before.
        self.remote.is_open() && micros >= self.remote.liveness.interrupt_us() >> 1
    }

    /// Whether the oldest input may leave the send window.
    pub(crate) fn validate_push(&self, local: &Local) -> Result<(), PushError> {
        if self.unacked(local) >= local.window() { Err(PushError::WindowFull(self.id)) } else { Ok(()) }
    }

    /// How many local inputs an open peer on a wire without acknowledgement has never been sent.
    pub(crate) fn unsent(&self, local: &Local) -> u32 {
        if self.remote.is_open() { self.link.unsent(local) } else { 0 }
    }

    /// Whether the peer may still need the local checksum of a frame.
    pub(crate) fn needs_checksum(&self, local: &Local, frame: u32) -> bool {
        self.remote.is_open() && self.link.needs_checksum(local, frame)
    }

    pub(crate) fn push_checksum(&mut self, checksum: Checksum) {
        self.link.push_checksum(checksum);
    }

    pub(crate) fn clear_counters(&mut self) {
        self.remote.totals = Totals::default();
        self.recv.clear_lost_inputs();
        self.link.clear_counters();
    }

    pub(crate) fn health(&self, local: &Local) -> Health {
        let Remote { liveness, rtt, .. } = &self.remote;
        if self.remote.is_open() { liveness.health(local.judged_at(), rtt.smoothed_us()) } else { Health::Disconnected }
    }

    /// The slot of a frame that is known and still in the window.
    pub(crate) fn slot(&self, frame: Frame) -> Option<u8> {
        self.recv.slot(frame.get())
    }

    /// The latest known frame, with its slot.
    pub(crate) fn latest(&self) -> Option<(Frame, u8)> {
        let frame = Frame::new(self.recv.recv_next().checked_sub(1)?);
        Some((frame, self.slot(frame)?))
    }

    /// Whether the inputs of all frames up to this one are known.
    pub(crate) fn is_confirmed(&self, frame: u32) -> bool {
        frame < self.recv.lowest_missing().unwrap_or(self.recv.recv_next())
    }

    /// The latest frame without a missing one below it.
    pub(crate) fn last_frame(&self) -> Option<Frame> {
        self.recv.last_frame().map(Frame::new)
    }

    pub(crate) fn unacked(&self, local: &Local) -> u32 {
        self.link.unacked(local)
    }

    pub(crate) fn pace(&self, local: &Local) -> Option<Pace> {
        self.remote.time_sync.pace(local.measures(self.link.shortest_us()?), self.link.told_lead(local))
    }

    /// How many frames of input delay hide the way from the peer: the shortest way and what inputs are later than that, and a
    /// frame. On the classic wire, which does not show how late an input is, the mean latency and three times its variation.
    pub(crate) fn suggested_delay(&self, local: &Local) -> Option<u32> {
        let late_us = if let Some(timing) = self.link.timing() {
            (timing.shortest_us()? >> 1).saturating_add(self.remote.lateness.get())
        } else {
            let rtt = self.remote.rtt.stats()?;
            (saturating_micros_u32(rtt.mean) >> 1)
                .saturating_add(saturating_micros_u32(rtt.variation.saturating_mul(3)))
        };
        late_us.div_ceil(local.config.frame_us_u32().max(1)).checked_add(1)
    }

    pub(crate) fn stats(&self, local: &Local) -> PeerStats {
        let Remote { liveness, rtt, totals, .. } = &self.remote;
        let timing = self.link.timing();
        PeerStats {
            at: local.now,
            health: self.health(local),
            rtt: rtt.stats(),
            latency: rtt.mean_us().map(|mean| duration_from_micros(mean >> 1)),
            jitter: timing.and_then(TimingEstimator::jitter),
            silence: liveness.silence(local.now),
            longest_silence: liveness.longest_silence(local.judged_at()),
            inbound_lost: timing.and_then(TimingEstimator::inbound_lost),
            unacked: self.unacked(local),
            window: local.window(),
            missing: self.recv.missing_count(),
            lost_inputs: self.recv.lost_inputs(),
            totals: *totals,
        }
    }
}
