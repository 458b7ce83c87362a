//! A peer on the compact wire (PROTOCOL 3): everything unacknowledged in every datagram.

use super::agreement::{Agreement, Difference};
use super::farewell::Farewell;
use super::greeting::{Acquaintance, Acquainted};
use super::timing::Clocks;
use super::{Ours, Theirs, Told, Written};
use crate::checksum::Checksum;
use crate::error::DatagramError;
use crate::event::Event;
use crate::frame::{Epoch, Frame, PeerId};
use crate::outbox::Pushed;
use crate::rtt::Rtt;
use crate::schedule::Schedule;
use crate::stats::tally;
use crate::time::{Instant, divided};
use crate::wire::body::{self, INPUT_MAX};
use crate::wire::check::{Check, Context, End};
use crate::wire::compact::{Draft, Expected, INPUT, Packet, emit, is_long_enough, parse};
use crate::wire::control::{BYE, CHECKSUMS, HELLO, Hello, emit_bye, emit_hello, parse_bye, parse_hello};

mod due;

const DEFAULT_PING_US: u64 = 200_000;
/// What counts as a short input, in bytes.
const SHORT: usize = 16;

/// What the compact wire keeps for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compact {
    /// The next frame of ours that the peer wants: those below it are acknowledged.
    acked: u32,
    /// When `acked` or the next frame wanted moved, or else when the peer was first told what it has to acknowledge.
    moved_at: Instant,
    schedule: Schedule,
    clocks: Clocks,
    acquaintance: Acquaintance,
    /// The part of the check that stays for an epoch, in each direction, while the link runs.
    checks: Option<Checks>,
    out_of_step: Told,
    /// The frame that the next push got when the application was told last that everything is acknowledged.
    flushed: u32,
    agreement: Agreement,
    farewell: Farewell,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Checks {
    outgoing: Check,
    incoming: Check,
}

impl Compact {
    pub(crate) fn new(ours: &Ours, player: u16, incarnation: Option<u32>) -> Self {
        let mut compact = Self {
            acked: ours.outbox.first,
            moved_at: ours.now,
            schedule: Schedule::default(),
            clocks: Clocks::new(),
            acquaintance: Acquaintance::new(ours.now, incarnation),
            checks: None,
            out_of_step: Told::Nothing,
            flushed: ours.outbox.first,
            agreement: Agreement::default(),
            farewell: Farewell::default(),
        };
        compact.renew_checks(ours, player);
        compact
    }

    /// The transport is open again: say hello, and give the peer time to answer.
    pub(crate) fn open(&mut self, ours: &Ours) {
        self.acquaintance.open(ours.now);
        self.moved_at = ours.now;
        self.farewell.stay();
    }

    pub(crate) fn begin_epoch(&mut self, ours: &Ours, theirs: &mut Theirs) {
        theirs.pulse.expect_no_answer();
        self.acked = ours.outbox.first;
        self.moved_at = ours.now;
        self.schedule.begin_epoch();
        self.acquaintance.begin_epoch(ours.now);
        self.out_of_step = Told::Nothing;
        self.flushed = self.acked;
        self.agreement = Agreement::default();
        self.renew_checks(ours, theirs.player);
    }

    /// Says goodbye, if the peer ever spoke to us.
    pub(crate) fn leave(&mut self, theirs: &Theirs) {
        if theirs.pulse.was_heard() && self.acquaintance.incarnation().is_some() {
            self.farewell.leave();
        }
    }

    /// A checksum of ours is there to be compared.
    pub(crate) fn push_checksum(&mut self, checksum: Checksum) {
        self.agreement.push(checksum);
    }

    pub(crate) fn needs_checksum(&self, ours: &Ours, frame: u32) -> bool {
        self.agreement.needs(ours, frame)
    }

    pub(crate) fn unacked(&self, ours: &Ours) -> u32 {
        ours.outbox.next.saturating_sub(self.acked)
    }

    pub(crate) fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    pub(crate) fn clear_counters(&mut self) {
        self.clocks.clear_counters();
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
        match *datagram.first().ok_or(DatagramError::Truncated)? {
            INPUT.. => self.handle_input(ours, theirs, rows, datagram),
            HELLO => self.handle_hello(ours, theirs, datagram),
            BYE => self.handle_bye(ours, theirs, datagram),
            CHECKSUMS => {
                let check = &self.checks.as_ref().ok_or(DatagramError::NotReady)?.incoming;
                self.agreement.handle(ours, check, datagram)
            }
            _ => Err(DatagramError::UnknownType),
        }
    }

    fn handle_input(
        &mut self,
        ours: &Ours,
        theirs: &mut Theirs,
        rows: &mut [u8],
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        let Some(checks) = &self.checks else {
            return Err(if is_long_enough(datagram, &ours.config) {
                DatagramError::NotReady
            } else {
                DatagramError::Truncated
            });
        };
        let expected = Expected {
            epoch: ours.epoch,
            inbox: &theirs.inbox,
            rows,
            next: ours.outbox.next,
            window: ours.outbox.window(),
            check: &checks.incoming,
        };
        let size = usize::from(ours.outbox.size());
        let (mut short, mut long);
        // Most inputs are so short that clearing room for the longest one would cost more than to read them.
        let room: &mut [u8] = if size <= SHORT {
            short = [0; SHORT];
            &mut short
        } else {
            long = [0; INPUT_MAX];
            &mut long
        };
        let input = room.get_mut(..size).unwrap_or_default();
        let packet = parse(datagram, &expected, input).inspect_err(|reason| {
            if *reason == DatagramError::OutOfStep {
                self.out_of_step.happen();
            }
        })?;

        let want = theirs.inbox.end();
        take_inputs(ours, theirs, rows, &packet, input);
        let acknowledged = packet.ack > self.acked;
        let moved = acknowledged || theirs.inbox.end() > want;
        self.acked = self.acked.max(packet.ack);
        if moved {
            self.moved_at = ours.now;
        }
        let reading = self.clocks.receive(ours.now, packet.timing);
        let rtt_us = reading.and_then(|reading| reading.rtt_us);
        if let Some(rtt_us) = rtt_us {
            theirs.sample_rtt(ours, rtt_us);
        }
        let linked = self.acquaintance.link();
        if acknowledged || rtt_us.is_some() || linked {
            theirs.pulse.answer(ours.now);
        }
        // What may be a replay is no sign of life.
        if moved || reading.is_some() {
            theirs.pulse.hear(ours.now, Self::ping_us(ours), &ours.config);
        }
        if packet.count > 0 {
            self.schedule.owe(ours.now);
        }
        theirs.connected = true;
        Ok(())
    }

    fn handle_hello(&mut self, ours: &Ours, theirs: &mut Theirs, datagram: &[u8]) -> Result<(), DatagramError> {
        let greeting = parse_hello(datagram, &ours.config)?;
        match self.acquaintance.hear(&hello(ours, theirs.player), greeting)? {
            Acquainted::Stranger => return Ok(()),
            Acquainted::SameRun | Acquainted::NewRun => {}
            Acquainted::Restarted => {
                self.clocks.restart();
                self.farewell.forget();
                theirs.rtt = Rtt::default();
                theirs.connected = false;
                theirs.pulse.expect_no_answer();
            }
        }
        theirs.pulse.hear(ours.now, Self::ping_us(ours), &ours.config);
        if self.acquaintance.epoch() != ours.epoch {
            theirs.pulse.expect_no_answer();
        }
        self.renew_checks(ours, theirs.player);
        Ok(())
    }

    fn handle_bye(&mut self, ours: &Ours, theirs: &Theirs, datagram: &[u8]) -> Result<(), DatagramError> {
        let incarnation = self.acquaintance.incarnation().ok_or(DatagramError::NotReady)?;
        parse_bye(datagram, &incoming(ours, theirs.player, incarnation))?;
        self.farewell.hear();
        Ok(())
    }

    /// The next datagram that is due, written into `room`. Each kind is due once while time stands still.
    pub(crate) fn poll(
        &mut self,
        ours: &Ours,
        theirs: &Theirs,
        pushed: &Pushed<'_>,
        room: &mut [u8],
    ) -> Option<Written> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= ours.now);
        let mut last = false;
        let len = if is_due(self.hello_due(ours, theirs)) {
            self.acquaintance.say_hello(ours.now);
            emit_hello(room, &hello(ours, theirs.player), &ours.config)
        } else if is_due(self.bye_due(ours, theirs)) {
            self.farewell.say(ours.now);
            emit_bye(room, &outgoing(ours, theirs.player, self.acquaintance.incarnation()?))
        } else if is_due(self.input_due(ours, theirs)) {
            last = !is_due(self.checksums_due(ours, theirs));
            self.emit_input(ours, theirs, pushed, room)
        } else if is_due(self.checksums_due(ours, theirs)) {
            self.agreement.emit(ours, &self.checks.as_ref()?.outgoing, room)
        } else {
            None
        };
        len.map(|len| Written { len, last })
    }

    fn emit_input(&mut self, ours: &Ours, theirs: &Theirs, pushed: &Pushed<'_>, room: &mut [u8]) -> Option<usize> {
        let draft = Draft {
            epoch: ours.epoch,
            acked: self.acked,
            want: theirs.inbox.end(),
            timing: self.clocks.send(ours.now, Self::ping_us(ours)),
            limit: ours.config.datagram_max(),
            check: &self.checks.as_ref()?.outgoing,
        };
        if self.acked >= self.schedule.told() {
            self.moved_at = ours.now;
        }
        self.schedule.sent(ours.now, ours.outbox.next);
        emit(room, &draft, pushed)
    }

    /// What only this wire can tell of a peer, and was not told yet.
    pub(crate) fn tell(&mut self, ours: &Ours, peer: PeerId) -> Option<Event<0>> {
        if self.acquaintance.tell_restart() {
            Some(Event::Restarted { peer })
        } else if let Some((field, ours, theirs)) = self.acquaintance.tell_mismatch() {
            Some(Event::Mismatch { peer, field, ours, theirs })
        } else if let Some(epoch) = self.acquaintance.tell_ahead(ours) {
            Some(Event::PeerAhead { peer, epoch: Epoch::new(epoch) })
        } else if self.out_of_step.tell() {
            Some(Event::OutOfStep { peer })
        } else if let Some(Difference { frame, ours, theirs }) = self.agreement.tell() {
            Some(Event::Desync { peer, frame: Frame::new(frame), ours, theirs })
        } else if self.flush_due(ours).is_some_and(|at| at <= ours.now) {
            self.flushed = ours.outbox.next;
            Some(Event::Flushed { peer })
        } else {
            self.farewell.tell().then_some(Event::Left { peer })
        }
    }

    fn renew_checks(&mut self, ours: &Ours, player: u16) {
        self.checks = self.acquaintance.running().map(|incarnation| Checks {
            outgoing: outgoing(ours, player, incarnation).check(ours.epoch),
            incoming: incoming(ours, player, incarnation).check(ours.epoch),
        });
    }
}

/// Appends what is new, of which the first is in `input`, as far as there is room for it. What has none is not acknowledged,
/// and comes again.
fn take_inputs(ours: &Ours, theirs: &mut Theirs, rows: &mut [u8], packet: &Packet<'_>, input: &mut [u8]) {
    let new = packet.end.saturating_sub(theirs.inbox.end());
    if new == 0 {
        if packet.count > 0 {
            tally(&mut theirs.totals.duplicates);
        }
        return;
    }
    let taken = new.min(theirs.inbox.room());
    if taken == 0 {
        return;
    }
    theirs.arrive(ours, packet.end);
    theirs.inbox.append(rows, input);
    let mut rest = packet.rest;
    for _ in 1..taken {
        body::read(&mut rest, input);
        theirs.inbox.append(rows, input);
    }
}

fn hello(ours: &Ours, receiver: u16) -> Hello {
    Hello {
        sender: ours.config.player,
        receiver,
        input: ours.outbox.size(),
        window: ours.outbox.rows(),
        frame_us: u32::try_from(ours.config.frame_us()).unwrap_or(u32::MAX),
        ping_ms: u16::try_from(divided(Compact::ping_us(ours), 1_000).0).unwrap_or(u16::MAX),
        first_frame: ours.outbox.first,
        epoch: ours.epoch,
        incarnation: ours.config.incarnation,
    }
}

#[cfg_attr(target_pointer_width = "32", inline(never))]
fn incoming(ours: &Ours, player: u16, incarnation: u32) -> Context<'_> {
    let outgoing = outgoing(ours, player, incarnation);
    Context { sender: outgoing.receiver, receiver: outgoing.sender, ..outgoing }
}

fn outgoing(ours: &Ours, player: u16, incarnation: u32) -> Context<'_> {
    Context {
        config: &ours.config,
        sender: End { player: ours.config.player, incarnation: ours.config.incarnation },
        receiver: End { player, incarnation },
        input: u16::from(ours.outbox.size()),
        window: u16::from(ours.outbox.rows()),
    }
}
