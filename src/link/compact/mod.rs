//! A peer on the compact wire (PROTOCOL 3): everything unacknowledged in every datagram.

mod checksums;
mod closing;
mod handshake;
pub(crate) mod inputs;
mod schedule;
pub(crate) mod timing;

use super::Written;
use crate::cache::Cache;
use crate::checksum::Checksum;
use crate::error::DatagramError;
use crate::estimate::liveness::Limits;
use crate::estimate::rtt::Rtt;
use crate::event::PeerEvent;
use crate::local::Local;
use crate::num::div_rem;
use crate::once::Once;
use crate::remote::Remote;
use crate::time::Instant;
use crate::window::recv::{RecvView, RecvWindow};
use crate::window::send::SendView;
use crate::wire::compact::control::{BYE, CHECKSUMS, HELLO, Hello, emit_bye, emit_hello, parse_bye, parse_hello};
use crate::wire::compact::tag::{EndpointId, TagContext, TagState};
use crate::wire::compact::{Header, INPUT, Sealed};
use checksums::ChecksumExchange;
use closing::Closing;
use handshake::{Handshake, HelloOutcome};
use schedule::Schedule;
use timing::TimingEstimator;

const DEFAULT_PING_US: u64 = 200_000;

/// What the compact wire keeps for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compact {
    /// Local inputs below this frame are acknowledged.
    acked: u32,
    /// When `acked` or `recv_next` last advanced, or when the oldest unacknowledged input was first sent, if later.
    progress_at: Instant,
    schedule: Schedule,
    timing: TimingEstimator,
    handshake: Handshake,
    /// The tag states of this epoch; `None` while inputs may not flow.
    tags: Cache<Option<Tags>>,
    out_of_sync: Once,
    /// The `send_next` at which `Flushed` was last reported.
    flushed_end: u32,
    checksums: ChecksumExchange,
    closing: Closing,
}

/// One tag for each direction.
#[derive(Clone)]
struct Tags {
    outgoing: TagState,
    incoming: TagState,
}

impl Compact {
    pub(crate) fn new(local: &Local, player: u16, incarnation: Option<u32>) -> Self {
        let mut compact = Self {
            acked: local.send.first(),
            progress_at: local.now,
            schedule: Schedule::default(),
            timing: TimingEstimator::new(),
            handshake: Handshake::new(local.now, incarnation),
            tags: Cache(None),
            out_of_sync: Once::Unset,
            flushed_end: local.send.first(),
            checksums: ChecksumExchange::default(),
            closing: Closing::default(),
        };
        compact.renew_tags(local, player);
        compact
    }

    /// The transport is open again: a hello is due, and the peer has time to respond.
    pub(crate) fn transport_opened(&mut self, local: &Local) {
        self.handshake.renew(local.now);
        self.progress_at = local.now;
        self.closing.cancel();
    }

    /// Ends the link from this side, if the peer knows of it.
    pub(crate) fn close(&mut self, remote: &Remote) {
        if remote.open && remote.liveness.was_received() && self.handshake.incarnation().is_some() {
            self.closing.begin();
        }
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local, remote: &mut Remote) {
        remote.liveness.expect_no_response();
        self.acked = local.send.first();
        self.progress_at = local.now;
        self.schedule.begin_epoch();
        self.handshake.begin_epoch(local.now);
        self.out_of_sync = Once::Unset;
        self.flushed_end = self.acked;
        self.checksums = ChecksumExchange::default();
        self.renew_tags(local, remote.player);
    }

    pub(crate) fn push_checksum(&mut self, checksum: Checksum) {
        self.checksums.push(checksum);
    }

    pub(crate) fn needs_checksum(&self, local: &Local, frame: u32) -> bool {
        self.checksums.needs(local, frame)
    }

    pub(crate) fn unacked(&self, local: &Local) -> u32 {
        local.send.send_next().saturating_sub(self.acked)
    }

    pub(crate) fn timing(&self) -> &TimingEstimator {
        &self.timing
    }

    pub(crate) fn clear_counters(&mut self) {
        self.timing.clear_counters();
    }

    pub(crate) fn ping_us(local: &Local) -> u64 {
        local.config.ping_us().unwrap_or(DEFAULT_PING_US)
    }

    /// Validates a datagram, then applies it.
    pub(crate) fn handle(
        &mut self,
        local: &Local,
        remote: &mut Remote,
        recv: &mut RecvView<'_>,
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        match *datagram.first().ok_or(DatagramError::Truncated)? {
            INPUT.. => self.handle_input(local, remote, recv, datagram),
            HELLO => self.handle_hello(local, remote, datagram),
            BYE => self.handle_bye(local, remote, datagram),
            CHECKSUMS => {
                let tags = self.tags.as_ref().ok_or(DatagramError::NotReady)?;
                self.checksums.handle(local, &tags.incoming, datagram)
            }
            _ => Err(DatagramError::UnknownType),
        }
    }

    fn handle_input(
        &mut self,
        local: &Local,
        remote: &mut Remote,
        recv: &mut RecvView<'_>,
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        let sealed = Sealed::split(datagram, local.config.tag_len()).ok_or(DatagramError::Truncated)?;
        let tags = self.tags.as_ref().ok_or(DatagramError::NotReady)?;
        if !sealed.is_of_epoch(local.epoch) {
            return Err(DatagramError::OtherEpoch);
        }
        let recv_next = recv.window.recv_next();
        let end = sealed.end(recv_next).ok_or(DatagramError::FrameRange)?;
        let ack = sealed.ack(local.send.send_next()).ok_or(DatagramError::FrameRange)?;
        let packet = sealed.open(&tags.incoming, local.epoch, end, ack)?;
        inputs::receive(local, remote, recv, &packet).inspect_err(|reason| {
            if *reason == DatagramError::OutOfSync {
                self.out_of_sync.set();
            }
        })?;

        let acknowledged = ack > self.acked;
        let progress = acknowledged || recv.window.recv_next() > recv_next;
        self.acked = self.acked.max(ack);
        if progress {
            self.progress_at = local.now;
        }
        let used = self.timing.receive(local.now, packet.header.timing);
        let rtt_us = used.and_then(|used| used.rtt_us);
        if let Some(rtt_us) = rtt_us {
            remote.sample_rtt(local, rtt_us);
        }
        let linked = self.handshake.link();
        if acknowledged || rtt_us.is_some() || linked {
            remote.liveness.respond(local.now);
        }
        // A possible replay is no sign of life.
        if progress || used.is_some() {
            remote.liveness.receive(local.now);
        }
        if packet.header.count > 0 {
            self.schedule.owe_ack(local.now);
        }
        remote.connected = true;
        Ok(())
    }

    fn handle_hello(&mut self, local: &Local, remote: &mut Remote, datagram: &[u8]) -> Result<(), DatagramError> {
        let received = parse_hello(datagram, &TagState::new(local.config.key()), local.config.session_id())?;
        match self.handshake.receive(&hello(local, remote.player), received)? {
            HelloOutcome::WrongPlayers => return Ok(()),
            HelloOutcome::Accepted => {}
            HelloOutcome::Restarted => {
                self.timing.restart();
                self.closing.restart();
                remote.rtt = Rtt::default();
                remote.connected = false;
                remote.liveness.expect_no_response();
            }
        }
        // The longer ping interval counts.
        remote.liveness.set_limits(Limits::new(Self::ping_us(local).max(self.handshake.ping_us()), &local.config));
        remote.liveness.receive(local.now);
        if self.handshake.announced() != local.epoch {
            remote.liveness.expect_no_response();
        }
        self.renew_tags(local, remote.player);
        Ok(())
    }

    fn handle_bye(&mut self, local: &Local, remote: &Remote, datagram: &[u8]) -> Result<(), DatagramError> {
        let incarnation = self.handshake.incarnation().ok_or(DatagramError::NotReady)?;
        parse_bye(datagram, &outgoing(local, remote.player, incarnation).reversed())?;
        self.closing.receive();
        Ok(())
    }

    /// Writes the next datagram that is due. Each kind is due once while time stands still.
    pub(crate) fn poll_transmit(
        &mut self,
        local: &Local,
        remote: &Remote,
        recv: &RecvWindow,
        send: &SendView<'_>,
        buf: &mut [u8],
    ) -> Option<Written> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= local.now);
        let mut last = false;
        let len = if is_due(self.hello_due(local, remote)) {
            self.handshake.hello_sent(local.now);
            let state = TagState::new(local.config.key());
            emit_hello(buf, &hello(local, remote.player), &state, local.config.session_id())
        } else if is_due(self.bye_due(local, remote)) {
            self.closing.sent(local.now);
            emit_bye(buf, &outgoing(local, remote.player, self.handshake.incarnation()?))
        } else if is_due(self.input_due(local, remote)) {
            last = !is_due(self.checksums_due(local, remote));
            self.emit_input(local, recv, send, buf)
        } else if is_due(self.checksums_due(local, remote)) {
            self.checksums.emit(local, &self.tags.as_ref()?.outgoing, buf)
        } else {
            None
        };
        len.map(|len| Written { len, last })
    }

    fn emit_input(&mut self, local: &Local, recv: &RecvWindow, send: &SendView<'_>, buf: &mut [u8]) -> Option<usize> {
        let timing = self.timing.send(local.now, Self::ping_us(local));
        if self.acked >= self.schedule.sent_end() {
            self.progress_at = local.now;
        }
        self.schedule.sent(local.now, local.send.send_next());

        let header = Header { epoch: local.epoch, end: self.acked, count: 0, ack: recv.recv_next(), timing };
        inputs::emit(buf, header, send, local.config.max_datagram_size(), &self.tags.as_ref()?.outgoing)
    }

    /// Returns what only this wire can report, and what leaves the window as it is.
    pub(crate) fn poll_event(&mut self, local: &Local) -> Option<PeerEvent> {
        if let Some(mismatch) = self.handshake.take_mismatch() {
            Some(mismatch)
        } else if let Some(desync) = self.checksums.poll_event() {
            Some(desync)
        } else if self.flush_due(local).is_some_and(|at| at <= local.now) {
            self.flushed_end = local.send.send_next();
            Some(PeerEvent::Flushed)
        } else {
            None
        }
    }

    /// Whether `poll_barrier_event` would return something.
    pub(crate) fn has_barrier_event(&self, local: &Local) -> bool {
        self.out_of_sync == Once::Pending || self.handshake.has_barrier_event(local) || self.closing.has_event()
    }

    /// Returns what makes an application throw its window away, so that it follows every input that is held.
    pub(crate) fn poll_barrier_event(&mut self, local: &Local) -> Option<PeerEvent> {
        if self.out_of_sync.take() {
            Some(PeerEvent::OutOfSync)
        } else if let Some(event) = self.handshake.poll_barrier_event(local) {
            Some(event)
        } else {
            self.closing.take_peer_closed().then_some(PeerEvent::PeerClosed)
        }
    }

    fn renew_tags(&mut self, local: &Local, player: u16) {
        self.tags.0 = self.handshake.running().map(|incarnation| {
            let outgoing = outgoing(local, player, incarnation);
            Tags { outgoing: outgoing.state(local.epoch), incoming: outgoing.reversed().state(local.epoch) }
        });
    }
}

/// The hello that this endpoint sends to a player.
fn hello(local: &Local, receiver: u16) -> Hello {
    Hello {
        sender: local.config.local_player(),
        receiver,
        input_len: local.send.input_len(),
        window: local.send.capacity(),
        frame_us: u32::try_from(local.config.frame_us()).unwrap_or(u32::MAX),
        ping_ms: u16::try_from(div_rem(Compact::ping_us(local), 1_000).0).unwrap_or(u16::MAX),
        first_frame: local.send.first(),
        epoch: local.epoch,
        incarnation: local.config.incarnation(),
    }
}

/// The tag context of datagrams to a run of a player.
fn outgoing(local: &Local, player: u16, incarnation: u32) -> TagContext {
    TagContext {
        key: local.config.key().copied(),
        session_id: local.config.session_id(),
        sender: EndpointId { player: local.config.local_player(), incarnation: local.config.incarnation() },
        receiver: EndpointId { player, incarnation },
        input_len: local.send.input_len(),
        window: local.send.capacity(),
    }
}
