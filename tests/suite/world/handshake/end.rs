//! One end of the handshake's world: a session, its application, and what must hold of both.

use std::cell::OnceCell;
use std::rc::Rc;

use inputwire::{
    Config, DatagramError, Epoch, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session,
};

use super::KEPT_HELLOS;
use super::look::{self, Look, Seen};
use crate::support::forge::{Seal, hello_number};
use crate::support::{SESSION_ID, Wire};

/// A step of time.
pub(super) const STEP_US: u64 = 100_000;
/// The silence after which a run may be replaced.
const SILENCE_US: u64 = 500_000;
/// How many inputs a program pushes in an epoch.
const FRAMES: u32 = 2;

pub(super) fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// The number of a run of an end: 0 for its first one. Each time that a peer is added begins a run.
pub(super) fn incarnation(side: usize, run: u8) -> u64 {
    let bases = [0xa000_0000_0000, 0xb000_0000_0000];
    bases[side] + (u64::from(run) << 32)
}

/// The run that a forger speaks for.
const FORGED: u64 = 0xf000_0000_0000;

/// A datagram, and who sent it.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) bytes: Vec<u8>,
    /// The run of the sender, if it is no forger, and the run for which it is.
    pub(super) run: Option<u64>,
    pub(super) to_run: Option<u64>,
    pub(super) epoch: u32,
    /// How many input datagrams the sender had sent to this peer by then.
    pub(super) sent: u32,
}

/// What an end can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Restart,
    /// It removes its peer and adds it again.
    AddAgain,
    /// It begins an epoch without a reason, ...
    Begin,
    /// ... or because it must.
    Follow,
    Push,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub(super) struct End {
    side: usize,
    pub(super) session: Session<1, 1, 2>,
    pub(super) peer: PeerId,
    pub(super) run: u8,
    /// How often this run has removed its peer.
    removed: u8,
    /// The greatest number of a hello of each run of the peer that was a sign of life.
    heard: Vec<(u64, u32)>,
    /// The run of the peer whose inputs were delivered in this epoch, and how many.
    source: Option<u8>,
    delivered: u32,
    /// The application has reason to begin the next epoch, or this one.
    pub(super) follow: Option<Epoch>,
    /// The last hellos of this run.
    pub(super) last_hellos: Vec<Rc<Packet>>,
    sent: u32,
    /// The run of the peer under which inputs are sent.
    playing: Option<u64>,
    look: OnceCell<Look>,
}

impl End {
    pub(super) fn new(side: usize, now: u64) -> Self {
        Self::run(side, 0, now)
    }

    fn run(side: usize, run: u8, now: u64) -> Self {
        let player = u16::from(side == 1);
        let config = Config::builder().session_id(SESSION_ID).local_player(player).incarnation(incarnation(side, run));
        let mut session = Session::new(config.build().expect("valid"));
        let peer = session.add_peer(at(now), PeerConfig::compact(1 - player)).expect("room");
        let last_hellos = Vec::new();
        let mut end = Self {
            side,
            session,
            peer,
            run,
            removed: 0,
            heard: Vec::new(),
            source: None,
            delivered: 0,
            follow: None,
            last_hellos,
            sent: 0,
            playing: None,
            look: OnceCell::new(),
        };
        end.push(now);
        end
    }

    /// The run of this end on its link.
    fn local_run(&self) -> u64 {
        incarnation(self.side, self.run) + u64::from(self.removed)
    }

    /// What the session looks like.
    pub(super) fn look(&self) -> &Look {
        self.look.get_or_init(|| look::of_session(&self.session))
    }

    /// Notes that the session is about to change.
    pub(super) fn changes(&mut self) {
        self.look.take();
    }

    pub(super) fn source(&self) -> Option<u8> {
        self.source
    }

    /// Pushes an input that names its run, its epoch and its frame.
    fn push(&mut self, now: u64) -> bool {
        let frame = self.session.next_frame().get();
        let epoch = self.session.epoch().get();
        frame < FRAMES && self.session.push_input(at(now), [input(self.run, epoch, frame)]).is_ok()
    }

    pub(super) fn act(&mut self, now: u64, what: Move) -> bool {
        self.changes();
        match what {
            Move::Push => self.push(now),
            Move::Restart => {
                *self = Self::run(self.side, self.run + 1, now);
                true
            }
            Move::AddAgain => {
                self.session.remove_peer(at(now), self.peer);
                let player = u16::from(self.side == 0);
                match self.session.add_peer(at(now), PeerConfig::compact(player)) {
                    Ok(peer) => self.peer = peer,
                    Err(error) => panic!("{error}"),
                }
                self.removed += 1;
                (self.source, self.delivered, self.follow) = (None, 0, None);
                (self.last_hellos, self.heard, self.sent, self.playing) = (Vec::new(), Vec::new(), 0, None);
                true
            }
            Move::Begin => {
                let next = self.session.next_epoch().filter(|_| self.follow.is_none());
                next.is_some_and(|epoch| self.begin(now, epoch))
            }
            Move::Follow => self.follow.take().is_some_and(|epoch| self.begin(now, epoch)),
        }
    }

    fn begin(&mut self, now: u64, epoch: Epoch) -> bool {
        if self.session.begin_epoch(at(now), epoch).is_err() {
            return false;
        }
        (self.source, self.delivered) = (None, 0);
        self.follow = self.follow.filter(|follow| *follow > epoch);
        self.playing = self.look().seen.playing();
        self.push(now);
        self.changes();
        true
    }

    /// How long the peer has been silent; the session may not have been called for some of that time.
    fn silence_us(&self, now: u64) -> Option<u64> {
        let stats = self.session.peer(self.peer).expect("a peer").stats();
        Some(u64::try_from(stats.silence?.as_micros()).expect("short") + now - stats.at.as_micros())
    }

    /// A hello of a forger who knows everything but a key: of a run that nobody has, in a late epoch; or one that claims to answer
    /// the last hello, while the peer's run is alive.
    pub(super) fn forged(&self, now: u64, answers: bool) -> Option<Packet> {
        let (to, from) = if self.side == 0 { (0, 1) } else { (1, 0) };
        let seen = self.look().seen;
        let seal = Seal {
            window: 2,
            sender: (from, FORGED),
            receiver: (to, seen.local_run),
            epoch: 9,
            ..Seal::new(Wire::Compact, from, to)
        };
        let seal = if answers { seal.playing(u32::MAX, u32::MAX) } else { seal };
        let alive = seen.linked_ever && self.silence_us(now).is_some_and(|silence| silence < SILENCE_US);
        (alive || !answers).then(|| Packet { bytes: seal.hello(), run: None, to_run: None, epoch: 9, sent: 0 })
    }

    /// Receives a datagram that must be accepted.
    pub(super) fn hear(&mut self, now: u64, datagram: &[u8]) -> Result<(), String> {
        self.changes();
        self.session.handle_datagram(at(now), self.peer, datagram).map_err(|reason| format!("{reason:?}: {datagram:?}"))
    }

    /// Receives a datagram, without a look at what it does.
    pub(super) fn take_in(&mut self, now: u64, packet: &Packet) {
        let _ = self.session.handle_datagram(at(now), self.peer, &packet.bytes);
        self.changes();
    }

    /// Receives a datagram, which was taken before or not. Returns whether it is taken.
    pub(super) fn receive(&mut self, now: u64, packet: &Packet, taken: bool) -> Result<bool, String> {
        let (before, silence) = (self.look().seen, self.silence_us(now));
        let was = self.session.clone();
        let outcome = self.session.handle_datagram(at(now), self.peer, &packet.bytes);
        self.session.clear_counters();
        if self.session == was {
            return Ok(outcome.is_ok());
        }
        self.changes();
        let after = self.look().seen;
        self.playing = after.playing();
        if before.run != after.run {
            // A run that was linked is replaced after a silence only, ...
            let silent = silence.is_none_or(|silence| silence >= SILENCE_US);
            if before.linked_ever && !(silent && after.halted) {
                return Err(format!("run {:x?} replaced by {:x?} after {silence:?} us", before.run, after.run));
            }
            // ... by none that a forger made up.
            if after.run == Some(FORGED) {
                return Err("a forged run is believed".to_owned());
            }
        }
        let lives = self.silence_us(now) == Some(0) && silence != Some(0);
        if lives && !(after.run == packet.run && self.is_news(packet, taken)) {
            return Err(format!("a sign of life that is none: {packet:?} for {after:?}"));
        }
        if before.linked_ever && silence.is_some_and(|silence| silence < SILENCE_US) {
            // While the peer's run is alive, nobody else changes what is sent to it or taken from it.
            let others = packet.run != before.run;
            if others && (Seen { owed: before.owed, ..after } != before) {
                return Err(format!("{packet:?} changed {before:?} to {after:?}"));
            }
            if others && packet.bytes[0] == 0x20 && outcome != Err(DatagramError::OtherRun) {
                return Err(format!("{packet:?} was not refused as another run: {outcome:?}"));
            }
        }
        Ok(outcome.is_ok())
    }

    /// Whether a datagram is a sign of life for the first time: it was never taken, or is a hello with a greater number
    /// than all that were signs of life.
    fn is_news(&mut self, packet: &Packet, taken: bool) -> bool {
        let Some(run) = packet.run.filter(|_| packet.bytes[0] == 0x20) else { return !taken };
        let number = hello_number(&packet.bytes);
        if let Some((_, greatest)) = self.heard.iter_mut().find(|(other, _)| *other == run) {
            return std::mem::replace(greatest, number.max(*greatest)) < number;
        }
        self.heard.push((run, number));
        true
    }

    /// Takes what is reported and what is due.
    pub(super) fn drain(&mut self, now: u64, peer_run: u8) -> Result<Vec<Packet>, String> {
        self.session.handle_timeout(at(now));
        while let Some(event) = self.session.poll_event() {
            self.changes();
            self.take(event, peer_run)?;
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sent = Vec::new();
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            let bytes = transmit.datagram.to_vec();
            self.sent += u32::from(bytes[0] >= 0x80);
            let (run, epoch) = (Some(self.local_run()), self.session.epoch().get());
            let to_run = if bytes[0] == 0x20 { None } else { self.playing };
            sent.push(Packet { bytes, run, to_run, epoch, sent: self.sent });
        }
        if !sent.is_empty() {
            self.changes();
        }
        for hello in sent.iter().filter(|packet| packet.bytes[0] == 0x20) {
            self.last_hellos.push(Rc::new(hello.clone()));
            let surplus = self.last_hellos.len().saturating_sub(KEPT_HELLOS);
            self.last_hellos.drain(..surplus);
        }
        Ok(sent)
    }

    fn take(&mut self, event: Event<1>, peer_run: u8) -> Result<(), String> {
        match event {
            Event::Input { frame, input: [input], .. } => {
                let (run, epoch, number) = (input >> 5, u32::from(input >> 1 & 15), u32::from(input & 1));
                let source = *self.source.get_or_insert(run);
                let in_order = frame.get() == self.delivered && number == self.delivered;
                if run != source || run > peer_run || epoch != self.session.epoch().get() || !in_order {
                    return Err(format!(
                        "an input of run {run}, epoch {epoch}, frame {number} is delivered to {self:?}"
                    ));
                }
                self.delivered += 1;
            }
            Event::Peer { event, .. } => match event {
                PeerEvent::Restarted => self.follow = self.follow.max(self.session.next_epoch()),
                PeerEvent::EpochAhead { epoch } => self.follow = self.follow.max(Some(epoch)),
                PeerEvent::Connected
                | PeerEvent::Health { .. }
                | PeerEvent::Flushed
                | PeerEvent::SecondRun
                | PeerEvent::Replaced => {}
                event => return Err(format!("{event:?}")),
            },
            event => return Err(format!("{event:?}")),
        }
        Ok(())
    }

    /// Whether everything that the other end pushed in the same epoch was delivered here, and acknowledged.
    pub(super) fn has_all_of(&self, other: &Self) -> bool {
        self.session.epoch() == other.session.epoch()
            && self.follow.is_none()
            && self.source == Some(other.run)
            && self.delivered == other.session.next_frame().get()
            && other.session.peer(other.peer).map(PeerRef::unacked) == Some(0)
    }
}

/// An input that names its run, its epoch and its frame.
fn input(run: u8, epoch: u32, frame: u32) -> u8 {
    let [epoch, frame] = [epoch, frame].map(|number| u8::try_from(number).expect("few"));
    assert!(run < 8 && epoch < 16 && frame < 2);
    run << 5 | epoch << 1 | frame
}

/// The hello of a second process of the peer of this end, whose window is another one.
pub(super) fn other_settings(side: usize) -> Vec<u8> {
    let (to, from) = if side == 0 { (0, 1) } else { (1, 0) };
    let seal = Seal { window: 77, sender: (from, FORGED), epoch: 3, ..Seal::new(Wire::Compact, from, to) };
    seal.hello()
}

/// The number of a hello that is on its way.
pub(super) fn number_of(packet: &Packet) -> u32 {
    hello_number(&packet.bytes)
}
