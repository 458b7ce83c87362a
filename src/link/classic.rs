//! A peer on the classic wire (PROTOCOL 2): redundancy instead of acknowledgement, and pings of their own.

use super::{Ours, Theirs};
use crate::error::DatagramError;
use crate::floor::Floor;
use crate::frame::Frame;
use crate::inbox::Admission;
use crate::outbox::Pushed;
use crate::stats::tally;
use crate::time::{Instant, divided};
use crate::wire::classic::{Inputs, Packet, double_bits, emit, newest, parse};

/// How many of our pings can be answered late.
const OUTSTANDING: usize = 8;
const DEFAULT_PING_US: u64 = 500_000;
/// How many pongs make half of the sliding minimum of round trips.
const SHORTEST_OF: u8 = 32;

/// What the classic wire keeps for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classic {
    /// Our inputs below this frame have been sent once.
    told: u32,
    /// When our last pings were sent that are not answered.
    pings: [Option<Instant>; OUTSTANDING],
    pinged_at: Option<Instant>,
    /// The newest ping of the peer that has not been answered, and the newest validation ping.
    ping: Option<u64>,
    validation: Option<u64>,
    /// The frames that the peer asked for last, and when it was answered.
    asked: Option<(u32, u32)>,
    answered_at: Option<Instant>,
    /// When we asked for frames last.
    requested_at: Option<Instant>,
    /// When the newest known frame moved: a peer may have played on while nothing came through.
    moved_at: Instant,
    shortest_us: Floor<u32, SHORTEST_OF>,
    /// Whether an input contradicted a known one in this epoch.
    pub(crate) conflict: bool,
}

impl Classic {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn new(ours: &Ours) -> Self {
        Self {
            told: ours.outbox.first,
            pings: [None; OUTSTANDING],
            pinged_at: None,
            ping: None,
            validation: None,
            asked: None,
            answered_at: None,
            requested_at: None,
            moved_at: ours.now,
            shortest_us: Floor::new(),
            conflict: false,
        }
    }

    /// The transport is open again: old pings are void, and the next one is due.
    pub(crate) fn open(&mut self) {
        self.pings = [None; OUTSTANDING];
        self.shortest_us = Floor::new();
        self.pinged_at = None;
        self.ping = None;
        self.validation = None;
        self.asked = None;
    }

    pub(crate) fn begin_epoch(&mut self, ours: &Ours) {
        self.told = ours.outbox.first;
        self.asked = None;
        self.requested_at = None;
        self.moved_at = ours.now;
        self.conflict = false;
    }

    pub(crate) fn ping_us(ours: &Ours) -> u64 {
        ours.config.ping_us().unwrap_or(DEFAULT_PING_US)
    }

    /// Judges a datagram, then applies it.
    pub(crate) fn handle(
        &mut self,
        ours: &Ours,
        theirs: &mut Theirs,
        rows: &mut [u8],
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        match parse(datagram)? {
            Packet::Input { player, current, inputs } => {
                self.judge_inputs(ours, theirs, player, Some(current), inputs.clone())?;
                self.take_inputs(ours, theirs, rows, inputs);
            }
            Packet::InputResponse { player, inputs } => {
                self.judge_inputs(ours, theirs, player, None, inputs.clone())?;
                self.take_inputs(ours, theirs, rows, inputs);
            }
            Packet::Ping(echo) => self.ping = Some(echo),
            Packet::ValidationPing(echo) => self.validation = Some(echo),
            Packet::Pong(echo) => {
                let sent_at = self.take_ping(echo).ok_or(DatagramError::UnknownPing)?;
                let rtt_us = ours.now.since(sent_at);
                self.shortest_us.sample(u32::try_from(rtt_us).unwrap_or(u32::MAX));
                theirs.sample_rtt(ours, rtt_us);
                theirs.pulse.answer(ours.now);
            }
            // We never send a validation ping, so nothing can answer one.
            Packet::ValidationPong(_) => return Err(DatagramError::UnknownPing),
            Packet::KeepAlive => {}
            Packet::InputRequest { first, last } if first > last => return Err(DatagramError::Order),
            Packet::InputRequest { first, last } => self.asked = Some((first, last)),
        }
        theirs.pulse.hear(ours.now, Self::ping_us(ours), &ours.config);
        if !core::mem::replace(&mut theirs.connected, true) {
            theirs.pulse.answer(ours.now);
        }
        Ok(())
    }

    fn judge_inputs(
        &self,
        ours: &Ours,
        theirs: &Theirs,
        player: u16,
        current: Option<u32>,
        inputs: Inputs<'_>,
    ) -> Result<(), DatagramError> {
        if player != theirs.player {
            return Err(DatagramError::WrongPlayer);
        }
        if let Some(newest) = newest(inputs, current)? {
            let end = newest.saturating_add(1);
            let beyond = end.saturating_sub(theirs.inbox.end()).saturating_sub(ours.outbox.window());
            // Twice the frames that the silence had time for: clocks differ, and a peer may catch up.
            let silence = ours.now.since(self.moved_at);
            if u64::from(beyond).saturating_mul(ours.config.frame_us()) > silence.saturating_mul(2) {
                return Err(DatagramError::TooFar);
            }
            // The last number is nobody's: an end after it could not be told.
            if newest == u32::MAX {
                return Err(DatagramError::FrameRange);
            }
        }
        Ok(())
    }

    fn take_inputs(&mut self, ours: &Ours, theirs: &mut Theirs, rows: &mut [u8], inputs: Inputs<'_>) {
        let end = theirs.inbox.end();
        let mut carried = false;
        let mut new = false;
        for (frame, action) in inputs {
            carried = true;
            match theirs.inbox.admit(rows, frame, &[action]) {
                Admission::New => new = true,
                Admission::Conflict => {
                    self.conflict = true;
                    tally(&mut theirs.totals.conflicts);
                }
                Admission::Known | Admission::Old => {}
            }
        }
        if theirs.inbox.end() > end {
            self.moved_at = ours.now;
            theirs.arrive(ours, theirs.inbox.end());
        }
        if carried && !new {
            tally(&mut theirs.totals.duplicates);
        }
    }

    /// The shortest of the last round trips.
    pub(crate) fn shortest_us(&self) -> Option<u32> {
        self.shortest_us.get()
    }

    /// The outstanding ping with this stamp; it can be answered once. Pings are 20 ms apart, so no two have one stamp.
    fn take_ping(&mut self, echo: u64) -> Option<Instant> {
        self.pings.iter_mut().find(|ping| ping.is_some_and(|at| stamp(at) == echo))?.take()
    }

    /// The next datagram that is due, written into `room`; returns its length.
    pub(crate) fn poll(&mut self, ours: &Ours, theirs: &Theirs, pushed: &Pushed<'_>, room: &mut [u8]) -> Option<usize> {
        if theirs.open { emit(room, self.packet(ours, theirs, pushed)?) } else { None }
    }

    /// The next packet that is due.
    fn packet<'a>(
        &mut self,
        ours: &Ours,
        theirs: &Theirs,
        pushed: &Pushed<'a>,
    ) -> Option<Packet<impl Iterator<Item = (u32, u8)> + use<'a>>> {
        if self.told != ours.outbox.next {
            self.told = ours.outbox.next;
            let redundancy = u32::from(ours.config.redundancy);
            let first = ours.outbox.next.saturating_sub(redundancy).max(ours.outbox.oldest());
            let current = ours.outbox.next.saturating_sub(1);
            let inputs = inputs(pushed, first, ours.outbox.next);
            return Some(Packet::Input { player: ours.config.player, current, inputs });
        }
        if let Some(echo) = self.ping.take() {
            return Some(Packet::Pong(echo));
        }
        if let Some(echo) = self.validation.take() {
            return Some(Packet::ValidationPong(echo));
        }
        if self.ping_due(ours) <= ours.now {
            return Some(Packet::Ping(self.send_ping(ours.now)));
        }
        if let Some((due, first, last)) = self.request(ours, theirs)
            && due <= ours.now
        {
            self.requested_at = Some(ours.now);
            return Some(Packet::InputRequest { first, last });
        }
        let (due, first, end) = self.response(ours)?;
        if due > ours.now {
            return None;
        }
        // What we have nothing for is forgotten without an answer.
        self.asked = None;
        if first >= end {
            return None;
        }
        self.answered_at = Some(ours.now);
        let inputs = inputs(pushed, first, end);
        Some(Packet::InputResponse { player: ours.config.player, inputs })
    }

    /// When something will be due that is not yet.
    pub(crate) fn due(&self, ours: &Ours, theirs: &Theirs) -> [Option<Instant>; 3] {
        if !theirs.open {
            return [None; 3];
        }
        let request = self.request(ours, theirs).map(|(due, ..)| due);
        let response = self.response(ours).map(|(due, ..)| due);
        [Some(self.ping_due(ours)), request, response]
    }

    fn ping_due(&self, ours: &Ours) -> Instant {
        self.pinged_at.map_or(Instant::ORIGIN, |at| at.after(Self::ping_us(ours)))
    }

    fn send_ping(&mut self, now: Instant) -> u64 {
        self.pinged_at = Some(now);
        // What was answered is less than any moment; then the oldest ping leaves.
        if let Some(place) = self.pings.iter_mut().min() {
            *place = Some(now);
        }
        stamp(now)
    }

    /// The holes that no later datagram of the peer will fill, and when to ask for them: once a round trip.
    fn request(&self, ours: &Ours, theirs: &Theirs) -> Option<(Instant, u32, u32)> {
        let limit = theirs.inbox.end().saturating_sub(u32::from(ours.config.redundancy));
        let last = theirs.inbox.highest_hole_below(limit)?;
        let first = theirs.inbox.lowest_hole()?;
        let interval = theirs.rtt.smoothed_us().unwrap_or_else(|| Self::ping_us(ours));
        let due = self.requested_at.map_or(Instant::ORIGIN, |at| at.after(interval.max(ours.config.frame_us())));
        Some((due, first, last))
    }

    /// The frames of ours that the peer asked for and that are still here, and when to send them: once a ping interval.
    fn response(&self, ours: &Ours) -> Option<(Instant, u32, u32)> {
        let (first, last) = self.asked?;
        let first = first.max(ours.outbox.oldest());
        let end = last.saturating_add(1).min(ours.outbox.next);
        let due = self.answered_at.map_or(Instant::ORIGIN, |at| at.after(Self::ping_us(ours)));
        Some((due, first, end))
    }
}

/// Our inputs of a range of frames that are still here.
fn inputs<'a>(pushed: &Pushed<'a>, first: u32, end: u32) -> impl Iterator<Item = (u32, u8)> + use<'a> {
    let pushed = *pushed;
    (first..end).map(move |frame| {
        let input = pushed.input(Frame::new(frame)).and_then(<[u8]>::first);
        (frame, input.copied().unwrap_or(0))
    })
}

/// How a ping says when it was sent: whole milliseconds, as a double.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn stamp(at: Instant) -> u64 {
    double_bits(divided(at.as_micros(), 1_000).0)
}
