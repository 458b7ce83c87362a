//! A peer on the compact wire (PROTOCOL 3): everything unacknowledged in every datagram.

mod checksums;
mod closing;
mod congestion;
mod diagnosis;
mod handshake;
pub(crate) mod inputs;
mod schedule;
pub(crate) mod timing;
mod words;

use super::Written;
use crate::cache::Cache;
use crate::checksum::Checksum;
use crate::config::PeerSettings;
use crate::error::DatagramError;
use crate::estimate::liveness::Limits;
use crate::estimate::margin::Margin;
use crate::estimate::rtt::Rtt;
use crate::event::PeerEvent;
use crate::local::Local;
use crate::num::div_rem;
use crate::once::Once;
use crate::remote::Remote;
use crate::time::Instant;
use crate::window::recv::{RecvView, RecvWindow};
use crate::window::send::SendView;
use crate::wire::compact::control::{
    BYE, Bye, CHECKSUMS, HELLO, Hello, SealedBye, Settings, emit_bye, emit_hello, parse_hello,
};
use crate::wire::compact::tag::{EndpointId, Key, TagContext, TagState};
use crate::wire::compact::{Header, INPUT, Sealed, Timing};
use checksums::ChecksumExchange;
use closing::Closing;
use diagnosis::Diagnosis;
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
    margin: Margin,
    /// The key of this pair, or else the session's.
    key: Option<Key>,
    handshake: Handshake,
    diagnosis: Diagnosis,
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
    /// `local_run` is the run of this endpoint on this link.
    pub(crate) fn new(local: &Local, settings: &PeerSettings, join_frame: u32, local_run: u64) -> Self {
        let mut compact = Self {
            acked: join_frame,
            progress_at: local.now,
            schedule: Schedule::default(),
            timing: TimingEstimator::default(),
            margin: Margin::new(settings.target_margin),
            key: settings.key.or(local.config.key()),
            handshake: Handshake::new(local.now, local_run, settings.incarnation),
            diagnosis: Diagnosis::new(),
            tags: Cache(None),
            out_of_sync: Once::Unset,
            flushed_end: join_frame,
            checksums: ChecksumExchange::default(),
            closing: Closing::default(),
        };
        compact.renew_tags(local, settings.player);
        compact
    }

    /// The transport is open again: a hello is due, and the peer has time to respond.
    pub(crate) fn transport_opened(&mut self, local: &Local) {
        self.handshake.renew(local.now);
        self.progress_at = local.now;
        self.margin.restart();
    }

    /// The session was closed: byes are due once every input is acknowledged, or at once if nothing is to be delivered.
    pub(crate) fn close(&mut self, local: &Local, delivers: bool) {
        if !delivers || self.unacked(local) == 0 {
            self.closing.flush(local.now);
        }
    }

    /// Whether nothing is left to send, once the session was closed.
    pub(crate) fn is_closed(&self, local: &Local, remote: &Remote) -> bool {
        !self.delivers(local, remote) && self.bye_due(local, remote).is_none()
    }

    /// Whether an epoch of the reserve may be begun for this peer.
    pub(crate) fn needs_epoch(&self, local: &Local) -> bool {
        self.handshake.needs_epoch(local) || self.out_of_sync != Once::Unset
    }

    /// The greatest epoch that the peer announced.
    pub(crate) fn announced(&self) -> u32 {
        self.handshake.announced()
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local, remote: &mut Remote) {
        remote.liveness.expect_no_response();
        remote.liveness.owe(None);
        self.acked = local.first_frame();
        self.progress_at = local.now;
        self.schedule.begin_epoch();
        self.margin.restart();
        self.handshake.begin_epoch(local.now);
        self.out_of_sync = Once::Unset;
        self.flushed_end = self.acked;
        self.checksums = ChecksumExchange::default();
        self.renew_tags(local, remote.player);
    }

    /// Notes that only a new epoch repairs what this endpoint lacks.
    pub(crate) fn out_of_sync(&mut self) {
        self.out_of_sync.set();
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

    /// How early the local inputs come to the peer.
    pub(crate) fn margin(&self) -> &Margin {
        &self.margin
    }

    pub(crate) fn timing(&self) -> &TimingEstimator {
        &self.timing
    }

    /// The lead that the peer announced of late: it does so with each of its pings.
    pub(crate) fn announced_lead(&self, local: &Local) -> Option<i8> {
        self.timing.lead(local.now, self.longer_ping_us(local))
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
            // Whatever else a named peer sends is left unread.
            _ if !remote.standing.is_present() => Ok(()),
            HELLO => self.handle_hello(local, remote, datagram),
            BYE => self.handle_bye(local, remote, datagram),
            CHECKSUMS => {
                let tags = self.tags.as_ref().ok_or(DatagramError::NotReady)?;
                self.checksums.handle(local, &tags.incoming, datagram)?;
                self.prove(local, remote);
                Ok(())
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
        let Some(tags) = self.tags.as_ref() else {
            let tag_len = TagContext::input_tag_len(self.key.as_ref(), local.config.short_tags());
            let is_whole = Sealed::split(datagram, tag_len.into()).is_some();
            return Err(if is_whole { DatagramError::NotReady } else { DatagramError::Truncated });
        };
        let sealed = Sealed::split(datagram, tags.incoming.tag_len()).ok_or(DatagramError::Truncated)?;
        if !sealed.is_of_epoch(local.epoch()) {
            return Err(DatagramError::OtherEpoch);
        }
        let recv_next = recv.window.recv_next();
        let end = sealed.end(recv_next).ok_or(DatagramError::FrameRange)?;
        let ack = sealed.ack(remote.send_end(local)).ok_or(DatagramError::FrameRange)?;
        let packet = sealed.open(&tags.incoming, local.epoch(), end, ack)?;
        if !remote.standing.is_present() {
            self.owe_farewell(remote, datagram);
            return Ok(());
        }
        inputs::receive(local, remote, recv, &packet).inspect_err(|reason| {
            // A datagram that follows one that was cut, and that was lost, is ahead as well, but passes.
            let passes = packet.header.count > 0 && end.saturating_sub(recv_next) <= local.window();
            if *reason == DatagramError::OutOfSync && !passes {
                self.out_of_sync.set();
            }
        })?;

        let acknowledged = ack > self.acked;
        let brings_new = recv.window.recv_next() > recv_next;
        if brings_new {
            self.margin.sample(ack, end);
        }
        let progress = acknowledged || brings_new;
        if acknowledged {
            self.acked = ack;
            remote.liveness.owe((ack < self.schedule.sent_end()).then_some(local.now));
        }
        if progress {
            self.progress_at = local.now;
        }
        self.timing.count();
        let used = packet.header.timing.and_then(|timing| self.timing.receive(local.now, timing));
        let rtt_us = used.and_then(|used| used.rtt_us);
        if let Some(rtt_us) = rtt_us {
            remote.sample_rtt(local, rtt_us);
        }
        let is_first = !self.handshake.is_linked();
        if is_first {
            self.prove(local, remote);
            self.handshake.link(local.now);
            remote.standing.source = self.handshake.source();
        }
        if acknowledged || rtt_us.is_some() || is_first {
            remote.liveness.respond(local.now);
        }
        // A possible replay is no sign of life.
        if progress || used.is_some() {
            self.sign_of_life(local, remote);
            self.handshake.answered();
        }
        if remote.is_closing() && self.unacked(local) == 0 {
            self.closing.flush(local.now);
        }
        if packet.header.count > 0 {
            self.schedule.owe_ack(local.now);
        }
        remote.connected = true;
        Ok(())
    }

    fn handle_hello(&mut self, local: &Local, remote: &mut Remote, datagram: &[u8]) -> Result<(), DatagramError> {
        let state = TagState::new(self.key.as_ref());
        let received = parse_hello(datagram, &state, local.config.session_id()).inspect_err(|reason| {
            if *reason == DatagramError::BadTag && !remote.liveness.is_alive(local.now) {
                self.diagnosis.unreadable(local.now);
            }
        })?;
        let settings = settings(local, self.key.as_ref());
        let (liveness, diagnosis) = (&remote.liveness, &mut self.diagnosis);
        let outcome = self.handshake.receive(local, remote.player, &settings, received, liveness, diagnosis)?;
        self.diagnosis.readable();
        match outcome {
            HelloOutcome::Ignored => return Ok(()),
            HelloOutcome::Candidate => {
                self.renew_tags(local, remote.player);
                return Ok(());
            }
            HelloOutcome::Alive => {}
            HelloOutcome::Believed => {
                self.margin.restart();
                self.closing.restart();
                remote.rtt = Rtt::default();
                remote.connected = false;
                remote.liveness.expect_no_response();
                self.renew_tags(local, remote.player);
            }
        }
        if outcome == HelloOutcome::Believed || self.timing.is_stale() {
            self.timing.restart();
        }
        // Whether the run was alive until now is judged by what held until now.
        self.sign_of_life(local, remote);
        self.renew_limits(local, remote);
        if self.handshake.announced() != local.epoch() {
            remote.liveness.expect_no_response();
        }
        Ok(())
    }

    /// The peer's goodbye, if there is one and a key proves it.
    pub(crate) fn keyed_bye(&self) -> Option<Bye> {
        self.key.and_then(|_| self.closing.received())
    }

    fn handle_bye(&mut self, local: &Local, remote: &Remote, datagram: &[u8]) -> Result<(), DatagramError> {
        let sealed = SealedBye::split(datagram, TagState::new(self.key.as_ref()).tag_len())?;
        let run = self.handshake.run().ok_or(DatagramError::NotReady)?;
        let bye = sealed.open(&self.outgoing(local, remote.player, run).reversed().bye())?;
        if bye.named != self.handshake.local_run() {
            return Err(DatagramError::OtherRun);
        }
        self.closing.receive(bye);
        Ok(())
    }

    /// Notes a datagram under the tag of both runs, which proves the peer's run where it was not known.
    fn prove(&mut self, local: &Local, remote: &mut Remote) {
        if self.handshake.prove(local.now) {
            self.renew_limits(local, remote);
        }
    }

    fn sign_of_life(&mut self, local: &Local, remote: &mut Remote) {
        let was_alive = remote.liveness.receive(local.now, local.judged_at());
        self.diagnosis.sign_of_life(was_alive);
        self.handshake.sign_of_life();
    }

    /// The longer ping interval of both endpoints sets how long the peer may be silent.
    fn renew_limits(&self, local: &Local, remote: &mut Remote) {
        remote.liveness.set_limits(Limits::new(self.longer_ping_us(local), &local.config));
    }

    /// The longer ping interval of both endpoints.
    fn longer_ping_us(&self, local: &Local) -> u64 {
        Self::ping_us(local).max(self.handshake.ping_us())
    }

    /// Writes the next datagram that is due. Each kind is due once while time stands still.
    pub(crate) fn poll_transmit(
        &mut self,
        local: &Local,
        remote: &mut Remote,
        recv: &RecvWindow,
        send: &SendView<'_>,
        buf: &mut [u8],
    ) -> Option<Written> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= local.now);
        let mut last = false;
        let len = if is_due(self.hello_due(local, remote)) {
            self.emit_hello(local, remote.player, buf)
        } else if is_due(self.bye_due(local, remote)) {
            self.emit_bye(local, remote.player, buf)
        } else if is_due(self.input_due(local, remote)) {
            last = !is_due(self.checksums_due(local, remote));
            self.emit_input(local, remote, recv, send, buf)
        } else if is_due(self.checksums_due(local, remote)) {
            self.checksums.emit(local, &self.tags.as_ref()?.outgoing, buf)
        } else {
            None
        };
        len.map(|len| Written { len, last })
    }

    fn emit_hello(&mut self, local: &Local, player: u16, buf: &mut [u8]) -> Option<usize> {
        let (number, named) = self.handshake.send(local.now);
        let hello = Hello {
            sender: local.config.local_player(),
            receiver: player,
            settings: settings(local, self.key.as_ref()),
            ping_ms: u16::try_from(div_rem(Self::ping_us(local), 1_000).0).unwrap_or(u16::MAX),
            epoch: local.epoch(),
            incarnation: self.handshake.local_run(),
            number,
            named,
            asks: self.timing.is_stale(),
        };
        emit_hello(buf, &hello, &TagState::new(self.key.as_ref()), local.config.session_id())
    }

    fn emit_bye(&mut self, local: &Local, player: u16, buf: &mut [u8]) -> Option<usize> {
        self.closing.sent(local.now);
        let run = self.handshake.run()?;
        let bye = Bye { named: run, epoch: local.epoch(), end: local.send.send_next() };
        emit_bye(buf, bye, &self.outgoing(local, player, run).bye())
    }

    fn emit_input(
        &mut self,
        local: &Local,
        remote: &mut Remote,
        recv: &RecvWindow,
        send: &SendView<'_>,
        buf: &mut [u8],
    ) -> Option<usize> {
        // While datagrams are held back, each carries a timing block.
        let is_timed = self.timing.send(local.now, Self::ping_us(local)) || self.rest_us(local, remote).is_some();
        let timing = is_timed.then(|| self.timing_block(local, remote));
        let begin = self.first_to_send(local, remote);
        let header = Header { epoch: local.epoch(), end: begin, count: 0, ack: recv.recv_next(), timing };
        let limit = local.config.max_datagram_size();
        // The first input that is owed follows zeros: who joins has not the one before it.
        let joins = begin == remote.standing.join_frame();
        let carried = inputs::emit(buf, header, send, joins, limit, &self.tags.as_ref()?.outgoing)?;

        let send_next = remote.send_end(local);
        if self.acked >= self.schedule.sent_end() {
            self.progress_at = local.now;
            remote.liveness.owe((self.acked < send_next).then_some(local.now));
        }
        self.schedule.sent(local.now, send_next, self.acked, &carried);
        Some(carried.len)
    }

    fn timing_block(&mut self, local: &Local, remote: &Remote) -> Timing {
        let ping_us = Self::ping_us(local);
        let heard = local.now.since(remote.liveness.received_at()) <= remote.liveness.interrupt_us() >> 1;
        let lead = self.timing.shortest_us().and_then(|us| remote.time_sync.announced(local.measures(us)));
        self.timing.block(local.now, ping_us, heard, lead)
    }

    /// The first input of the next datagram.
    fn first_to_send(&self, local: &Local, remote: &Remote) -> u32 {
        if !self.schedule.was_cut() {
            return self.acked;
        }
        let round_trip_us = remote.rtt.smoothed_us().map(|us| us.saturating_add(local.config.frame_us()));
        self.schedule.begin_after_cut(local.now, self.acked, round_trip_us)
    }

    /// Returns what only this wire can report, and what leaves the window as it is.
    pub(crate) fn poll_event(&mut self, local: &Local) -> Option<PeerEvent> {
        let key = self.key.as_ref();
        if let Some(finding) = self.diagnosis.poll_event(|| settings(local, key)) {
            Some(finding)
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
            self.closing.poll_barrier_event()
        }
    }

    fn renew_tags(&mut self, local: &Local, player: u16) {
        self.tags.0 = self.handshake.playing().map(|run| {
            let outgoing = self.outgoing(local, player, run);
            Tags { outgoing: outgoing.inputs(local.epoch()), incoming: outgoing.reversed().inputs(local.epoch()) }
        });
    }

    /// The tag context of datagrams to a run of a player.
    fn outgoing(&self, local: &Local, player: u16, run: u64) -> TagContext {
        TagContext {
            key: self.key,
            short: local.config.short_tags(),
            session_id: local.config.session_id(),
            sender: EndpointId { player: local.config.local_player(), incarnation: self.handshake.local_run() },
            receiver: EndpointId { player, incarnation: run },
            input_len: local.send.input_len(),
            window: local.send.capacity(),
            first_frame: local.first_frame(),
        }
    }
}

/// What this endpoint announces.
fn settings(local: &Local, key: Option<&Key>) -> Settings {
    Settings {
        input_len: local.send.input_len(),
        window: local.send.capacity(),
        tag_len: TagContext::input_tag_len(key, local.config.short_tags()),
        frame_us: local.config.frame_us_u32(),
        first_frame: local.first_frame(),
    }
}
