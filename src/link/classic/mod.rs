//! A peer on the classic wire (PROTOCOL 2): redundancy instead of acknowledgement, and pings of its own.

pub(crate) mod pings;
pub(crate) mod requests;

use crate::error::DatagramError;
use crate::estimate::windowed_min::WindowedMin;
use crate::event::PeerEvent;
use crate::ids::Frame;
use crate::local::Local;
use crate::num::increment;
use crate::once::Once;
use crate::remote::Remote;
use crate::time::Instant;
use crate::timer::{Deadline, Timer};
use crate::window::recv::{InsertOutcome, RecvView, RecvWindow};
use crate::window::send::SendView;
use crate::wire::classic::{Inputs, Packet, emit, lowest, parse};
use pings::{Pings, Validation};
use requests::Requests;

const DEFAULT_PING_US: u64 = 500_000;
/// How many pongs make half of the sliding minimum of round trips.
const SHORTEST_OF: u8 = 32;

/// What the classic wire keeps for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classic {
    /// Local inputs below this frame have been sent.
    sent_end: u32,
    pings: Pings,
    validation_pings: Validation,
    /// The latest ping of the peer that has not been answered, and the latest validation ping.
    pong_owed: Option<u64>,
    validation_pong_owed: Option<u64>,
    /// The frames that the peer requested last, and when a request of its was last answered.
    requested: Option<(u32, u32)>,
    responded_at: Option<Instant>,
    requests: Requests,
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
            sent_end: local.first_frame(),
            pings: Pings::new(),
            validation_pings: Validation::new(),
            pong_owed: None,
            validation_pong_owed: None,
            requested: None,
            responded_at: None,
            requests: Requests::new(),
            progress_at: local.now,
            shortest_us: WindowedMin::default(),
            conflict: Once::Unset,
        }
    }

    /// The transport is open again, perhaps to another program: earlier pings are void, and the next ones are due.
    pub(crate) fn transport_opened(&mut self) {
        self.pings = Pings::new();
        self.validation_pings = Validation::new();
        self.requests = Requests::new();
        self.shortest_us = WindowedMin::default();
        self.pong_owed = None;
        self.validation_pong_owed = None;
        self.requested = None;
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local) {
        self.sent_end = local.first_frame();
        self.requested = None;
        self.requests.begin_epoch();
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
            // The current frame is for information: a peer that catches up names a later one than it sends.
            Packet::Input { player, current: _, inputs } => {
                self.validate_inputs(local, remote, recv.window, player, &inputs)?;
                self.validation_pings.end();
                self.insert_inputs(local, remote, recv, &inputs);
            }
            Packet::InputResponse { player, inputs } => {
                self.validate_inputs(local, remote, recv.window, player, &inputs)?;
                // An empty one answers nothing, and is shorter than the request that it would cause.
                if inputs.clone().next().is_some() {
                    self.requests.receive_response();
                }
                self.insert_inputs(local, remote, recv, &inputs);
            }
            Packet::Ping(echo) => self.pong_owed = Some(echo),
            Packet::ValidationPing(echo) => {
                self.validation_pong_owed = Some(echo);
                self.validation_pings.receive_ping();
            }
            Packet::Pong(echo) => {
                let sent_at = self.pings.take(echo).ok_or(DatagramError::UnknownPing)?;
                let rtt_us = local.now.since(sent_at);
                self.shortest_us.sample(u32::try_from(rtt_us).unwrap_or(u32::MAX));
                remote.sample_rtt(local, rtt_us);
                remote.liveness.respond(local.now);
            }
            Packet::ValidationPong(echo) if !self.validation_pings.receive_pong(echo) => {
                return Err(DatagramError::UnknownPing);
            }
            Packet::ValidationPong(_) => remote.liveness.respond(local.now),
            Packet::KeepAlive => {}
            Packet::InputRequest { first, last } if first > last => return Err(DatagramError::NotAscending),
            Packet::InputRequest { first, last } => self.requested = Some((first, last)),
        }
        remote.liveness.receive(local.now, local.judged_at());
        if !core::mem::replace(&mut remote.connected, true) {
            remote.liveness.respond(local.now);
        }
        Ok(())
    }

    /// Refuses inputs of another player, and those of which even the earliest is too far ahead.
    fn validate_inputs(
        &self,
        local: &Local,
        remote: &Remote,
        recv: &RecvWindow,
        player: u16,
        inputs: &Inputs<'_>,
    ) -> Result<(), DatagramError> {
        if player != remote.player {
            return Err(DatagramError::WrongPlayer);
        }
        lowest(inputs, 0).map_or(Ok(()), |(frame, _)| self.validate_frame(local, recv, frame))
    }

    /// Refuses a frame that is too far ahead.
    fn validate_frame(&self, local: &Local, recv: &RecvWindow, frame: u32) -> Result<(), DatagramError> {
        let end = frame.saturating_add(1);
        let beyond = end.saturating_sub(recv.recv_next()).saturating_sub(local.window());
        // Twice the frames that the silence had time for: clocks differ, and a peer may catch up.
        let silence = local.now.since(self.progress_at);
        if u64::from(beyond).saturating_mul(local.config.frame_us()) > silence.saturating_mul(2) {
            return Err(DatagramError::TooFar);
        }
        // The last frame number is reserved: it has no end.
        if frame == u32::MAX { Err(DatagramError::FrameRange) } else { Ok(()) }
    }

    /// Inserts the inputs in the order of their frames, up to the first that is too far ahead. Whatever their order on the
    /// wire, a repeated datagram thus changes nothing.
    fn insert_inputs(&mut self, local: &Local, remote: &mut Remote, recv: &mut RecvView<'_>, inputs: &Inputs<'_>) {
        let before = recv.window.recv_next();
        let mut new = false;
        let mut from = 0;
        while let Some((frame, action)) = lowest(inputs, from)
            && self.validate_frame(local, recv.window, frame).is_ok()
        {
            let recv_next = recv.window.recv_next();
            match recv.insert(frame, &[action]) {
                InsertOutcome::New => new = true,
                InsertOutcome::Conflict => {
                    self.conflict.set();
                    increment(&mut remote.totals.conflicts);
                }
                InsertOutcome::Known | InsertOutcome::Old => {}
            }
            if recv.window.recv_next() > recv_next {
                self.progress_at = local.now;
            }
            from = frame.saturating_add(1);
        }
        if recv.window.recv_next() > before {
            remote.sample_arrival(local, recv.window.recv_next());
        }
        if from > 0 && !new {
            increment(&mut remote.totals.duplicates);
        }
    }

    /// How many local inputs no datagram has carried.
    pub(crate) fn unsent(&self, local: &Local) -> u32 {
        local.send.send_next().saturating_sub(self.sent_end)
    }

    /// The shortest of the last round trips.
    pub(crate) fn shortest_us(&self) -> Option<u32> {
        self.shortest_us.get()
    }

    pub(crate) fn poll_event(&mut self) -> Option<PeerEvent> {
        self.conflict.take().then_some(PeerEvent::Conflict)
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
            let redundant = send_next.saturating_sub(local.config.redundancy().into());
            // Everything that no datagram has carried yet, too: there is no other chance for it.
            let first = redundant.min(self.sent_end).max(local.send.oldest());
            self.sent_end = send_next;
            let inputs = inputs(send, first, send_next);
            let current = send_next.saturating_sub(1);
            return Some(Packet::Input { player: local.config.local_player(), current, inputs });
        }
        if let Some(echo) = self.pong_owed.take() {
            return Some(Packet::Pong(echo));
        }
        if let Some(echo) = self.validation_pong_owed.take() {
            return Some(Packet::ValidationPong(echo));
        }
        let ping_us = Self::ping_us(local);
        if self.pings.due(ping_us) <= local.now {
            return Some(Packet::Ping(self.pings.send(local.now)));
        }
        if self.validation_pings.due(ping_us).is_some_and(|due| due <= local.now) {
            return Some(Packet::ValidationPing(self.validation_pings.send(local.now)));
        }
        if let Some((due, first, last)) = self.next_request(local, remote, recv)
            && due <= local.now
        {
            self.requests.send(local.now);
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

    pub(crate) fn deadlines(&self, local: &Local, remote: &Remote, recv: &RecvWindow) -> [Deadline; 4] {
        let open = |deadline: Option<Instant>| deadline.filter(|_| remote.is_open());
        let ping_us = Self::ping_us(local);
        let request = self.next_request(local, remote, recv).map(|(due, ..)| due);
        let response = self.next_response(local).map(|(due, ..)| due);
        [
            Timer::Ping.at(open(Some(self.pings.due(ping_us)))),
            Timer::ValidationPing.at(open(self.validation_pings.due(ping_us))),
            Timer::InputRequest.at(open(request)),
            Timer::InputResponse.at(open(response)),
        ]
    }

    /// The missing frames that no later datagram of the peer brings, and when to request them: once a round trip, while the
    /// peer responds.
    fn next_request(&self, local: &Local, remote: &Remote, recv: &RecvWindow) -> Option<(Instant, u32, u32)> {
        let limit = recv.recv_next().saturating_sub(u32::from(local.config.redundancy()));
        let last = recv.highest_missing_below(limit)?;
        let first = recv.lowest_missing()?;
        let interval = remote.rtt.smoothed_us().unwrap_or_else(|| Self::ping_us(local));
        Some((self.requests.due(interval.max(local.config.frame_us())), first, last))
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
