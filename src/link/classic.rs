//! A peer on the classic wire (PROTOCOL 2): redundancy instead of acknowledgement, and pings of its own.

use crate::error::DatagramError;
use crate::estimate::windowed_min::WindowedMin;
use crate::event::PeerEvent;
use crate::ids::Frame;
use crate::local::Local;
use crate::num::{div_rem, increment};
use crate::once::Once;
use crate::remote::Remote;
use crate::time::Instant;
use crate::timer::{Deadline, Timer};
use crate::window::recv::{InsertOutcome, RecvView, RecvWindow};
use crate::window::send::SendView;
use crate::wire::classic::{Inputs, Packet, double_bits, emit, latest, parse};

/// How many pings can be answered late.
const OUTSTANDING: usize = 8;
const DEFAULT_PING_US: u64 = 500_000;
/// How many pongs make half of the sliding minimum of round trips.
const SHORTEST_OF: u8 = 32;

/// What the classic wire keeps for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classic {
    /// Local inputs below this frame have been sent.
    sent_end: u32,
    /// When the last pings were sent that are not answered yet.
    pings: [Option<Instant>; OUTSTANDING],
    pinged_at: Option<Instant>,
    /// The latest ping of the peer that has not been answered, and the latest validation ping.
    ping: Option<u64>,
    validation: Option<u64>,
    /// The frames that the peer requested last, and when a request of its was last answered.
    requested: Option<(u32, u32)>,
    responded_at: Option<Instant>,
    /// When missing frames were last requested from the peer.
    request_sent_at: Option<Instant>,
    /// When the latest known frame moved: a peer may have played on while nothing got through.
    progress_at: Instant,
    shortest_us: WindowedMin<u32, SHORTEST_OF>,
    /// An input contradicted a known one in this epoch.
    conflict: Once,
}

impl Classic {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn new(local: &Local) -> Self {
        Self {
            sent_end: local.send.first(),
            pings: [None; OUTSTANDING],
            pinged_at: None,
            ping: None,
            validation: None,
            requested: None,
            responded_at: None,
            request_sent_at: None,
            progress_at: local.now,
            shortest_us: WindowedMin::new(),
            conflict: Once::Unset,
        }
    }

    /// The transport is open again: earlier pings are void, and the next one is due.
    pub(crate) fn transport_opened(&mut self) {
        self.pings = [None; OUTSTANDING];
        self.shortest_us = WindowedMin::new();
        self.pinged_at = None;
        self.ping = None;
        self.validation = None;
        self.requested = None;
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local) {
        self.sent_end = local.send.first();
        self.requested = None;
        self.request_sent_at = None;
        self.progress_at = local.now;
        self.conflict = Once::Unset;
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
        match parse(datagram)? {
            Packet::Input { player, current, inputs } => {
                self.validate_inputs(local, remote, recv.window, player, Some(current), inputs.clone())?;
                self.insert_inputs(local, remote, recv, inputs);
            }
            Packet::InputResponse { player, inputs } => {
                self.validate_inputs(local, remote, recv.window, player, None, inputs.clone())?;
                self.insert_inputs(local, remote, recv, inputs);
            }
            Packet::Ping(echo) => self.ping = Some(echo),
            Packet::ValidationPing(echo) => self.validation = Some(echo),
            Packet::Pong(echo) => {
                let sent_at = self.take_ping(echo).ok_or(DatagramError::UnknownPing)?;
                let rtt_us = local.now.since(sent_at);
                self.shortest_us.sample(u32::try_from(rtt_us).unwrap_or(u32::MAX));
                remote.sample_rtt(local, rtt_us);
                remote.liveness.respond(local.now);
            }
            // No validation ping is ever sent, so nothing can answer one.
            Packet::ValidationPong(_) => return Err(DatagramError::UnknownPing),
            Packet::KeepAlive => {}
            Packet::InputRequest { first, last } if first > last => return Err(DatagramError::NotAscending),
            Packet::InputRequest { first, last } => self.requested = Some((first, last)),
        }
        remote.liveness.receive(local.now);
        if !core::mem::replace(&mut remote.connected, true) {
            remote.liveness.respond(local.now);
        }
        Ok(())
    }

    fn validate_inputs(
        &self,
        local: &Local,
        remote: &Remote,
        recv: &RecvWindow,
        player: u16,
        current: Option<u32>,
        inputs: Inputs<'_>,
    ) -> Result<(), DatagramError> {
        if player != remote.player {
            return Err(DatagramError::WrongPlayer);
        }
        if let Some(latest) = latest(inputs, current)? {
            let end = latest.saturating_add(1);
            let beyond = end.saturating_sub(recv.recv_next()).saturating_sub(local.window());
            // Twice the frames that the silence had time for: clocks differ, and a peer may catch up.
            let silence = local.now.since(self.progress_at);
            if u64::from(beyond).saturating_mul(local.config.frame_us()) > silence.saturating_mul(2) {
                return Err(DatagramError::TooFar);
            }
            // The last frame number is reserved: it has no end.
            if latest == u32::MAX {
                return Err(DatagramError::FrameRange);
            }
        }
        Ok(())
    }

    fn insert_inputs(&mut self, local: &Local, remote: &mut Remote, recv: &mut RecvView<'_>, inputs: Inputs<'_>) {
        let recv_next = recv.window.recv_next();
        let mut carried = false;
        let mut new = false;
        for (frame, action) in inputs {
            carried = true;
            match recv.insert(frame, &[action]) {
                InsertOutcome::New => new = true,
                InsertOutcome::Conflict => {
                    self.conflict.set();
                    increment(&mut remote.totals.conflicts);
                }
                InsertOutcome::Known | InsertOutcome::Old => {}
            }
        }
        if recv.window.recv_next() > recv_next {
            self.progress_at = local.now;
            remote.sample_arrival(local, recv.window.recv_next());
        }
        if carried && !new {
            increment(&mut remote.totals.duplicates);
        }
    }

    /// The shortest of the last round trips.
    pub(crate) fn shortest_us(&self) -> Option<u32> {
        self.shortest_us.get()
    }

    pub(crate) fn poll_event(&mut self) -> Option<PeerEvent> {
        self.conflict.take().then_some(PeerEvent::Conflict)
    }

    /// Takes the outstanding ping with this stamp. Pings are 20 ms apart, so no two have the same one.
    fn take_ping(&mut self, echo: u64) -> Option<Instant> {
        self.pings.iter_mut().find(|ping| ping.is_some_and(|at| stamp(at) == echo))?.take()
    }

    /// Writes the next datagram that is due and returns its length.
    pub(crate) fn poll_transmit(
        &mut self,
        local: &Local,
        remote: &Remote,
        recv: &RecvWindow,
        send: &SendView<'_>,
        buf: &mut [u8],
    ) -> Option<usize> {
        if remote.is_open() { emit(buf, self.next_packet(local, remote, recv, send)?) } else { None }
    }

    fn next_packet<'a>(
        &mut self,
        local: &Local,
        remote: &Remote,
        recv: &RecvWindow,
        send: &SendView<'a>,
    ) -> Option<Packet<impl Iterator<Item = (u32, u8)> + use<'a>>> {
        let send_next = local.send.send_next();
        if self.sent_end != send_next {
            self.sent_end = send_next;
            let redundancy = u32::from(local.config.redundancy());
            let first = send_next.saturating_sub(redundancy).max(local.send.oldest());
            let inputs = inputs(send, first, send_next);
            let current = send_next.saturating_sub(1);
            return Some(Packet::Input { player: local.config.local_player(), current, inputs });
        }
        if let Some(echo) = self.ping.take() {
            return Some(Packet::Pong(echo));
        }
        if let Some(echo) = self.validation.take() {
            return Some(Packet::ValidationPong(echo));
        }
        if self.ping_due(local) <= local.now {
            return Some(Packet::Ping(self.send_ping(local.now)));
        }
        if let Some((due, first, last)) = self.next_request(local, remote, recv)
            && due <= local.now
        {
            self.request_sent_at = Some(local.now);
            return Some(Packet::InputRequest { first, last });
        }
        let (due, first, end) = self.next_response(local)?;
        if due > local.now {
            return None;
        }
        // A request for frames that are not held is dropped without a response.
        self.requested = None;
        if first >= end {
            return None;
        }
        self.responded_at = Some(local.now);
        let inputs = inputs(send, first, end);
        Some(Packet::InputResponse { player: local.config.local_player(), inputs })
    }

    pub(crate) fn deadlines(&self, local: &Local, remote: &Remote, recv: &RecvWindow) -> [Deadline; 3] {
        let open = |deadline: Option<Instant>| deadline.filter(|_| remote.is_open());
        let request = self.next_request(local, remote, recv).map(|(due, ..)| due);
        let response = self.next_response(local).map(|(due, ..)| due);
        [
            Timer::Ping.at(open(Some(self.ping_due(local)))),
            Timer::InputRequest.at(open(request)),
            Timer::InputResponse.at(open(response)),
        ]
    }

    fn ping_due(&self, local: &Local) -> Instant {
        self.pinged_at.map_or(Instant::ORIGIN, |at| at.after(Self::ping_us(local)))
    }

    /// Notes a ping and returns its stamp.
    fn send_ping(&mut self, now: Instant) -> u64 {
        self.pinged_at = Some(now);
        // `None`, a ping that was answered, is less than any moment; without one the oldest ping is dropped.
        if let Some(place) = self.pings.iter_mut().min() {
            *place = Some(now);
        }
        stamp(now)
    }

    /// The missing frames that no later datagram of the peer brings, and when to request them: once a round trip.
    fn next_request(&self, local: &Local, remote: &Remote, recv: &RecvWindow) -> Option<(Instant, u32, u32)> {
        let limit = recv.recv_next().saturating_sub(u32::from(local.config.redundancy()));
        let last = recv.highest_missing_below(limit)?;
        let first = recv.lowest_missing()?;
        let interval = remote.rtt.smoothed_us().unwrap_or_else(|| Self::ping_us(local));
        let due = self.request_sent_at.map_or(Instant::ORIGIN, |at| at.after(interval.max(local.config.frame_us())));
        Some((due, first, last))
    }

    /// The requested frames that are still held, and when to send them: once a ping interval.
    fn next_response(&self, local: &Local) -> Option<(Instant, u32, u32)> {
        let (first, last) = self.requested?;
        let first = first.max(local.send.oldest());
        let end = last.saturating_add(1).min(local.send.send_next());
        let due = self.responded_at.map_or(Instant::ORIGIN, |at| at.after(Self::ping_us(local)));
        Some((due, first, end))
    }
}

/// Local inputs of a range of frames that are held.
fn inputs<'a>(send: &SendView<'a>, first: u32, end: u32) -> impl Iterator<Item = (u32, u8)> + use<'a> {
    let send = *send;
    (first..end).map(move |frame| {
        let input = send.input(Frame::new(frame)).and_then(<[u8]>::first);
        (frame, input.copied().unwrap_or(0))
    })
}

/// The stamp of a ping: whole milliseconds, as a double.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn stamp(at: Instant) -> u64 {
    double_bits(div_rem(at.as_micros(), 1_000).0)
}
