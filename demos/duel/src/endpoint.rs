//! One endpoint: a session, and a game that plays on with guesses and corrects them.
//!
//! The game exists twice. The *confirmed* one is final: every input of both players is known, or never will be. The *shown*
//! one goes on from there to the present, with the peer's last known input in the place of each missing one.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use inputwire::{Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerId, PeerRef, PeerStats, PushError, Session};
use inputwire_sim::rng::nth;

use crate::game::{FIRE, Game};
use crate::link::Side;
use crate::meter::Meter;
use crate::net::Net;
use crate::scheme::{FRAME, INPUT_DELAY, Scheme, WINDOW};
use crate::tape::{Fate, Tape};

/// How many confirmed states are kept for the comparison with the peer's.
const HISTORY: usize = 8 * WINDOW;
/// The first byte of the datagram with which a classic peer requests missing inputs (PROTOCOL 2.1).
const INPUT_REQUEST: u8 = 0x12;

/// The keys that are pressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hands {
    pub(crate) course: u8,
    pub(crate) fire: bool,
}

/// Counted at the socket, for the comparison with the statistics of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) sent: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
}

/// What an endpoint still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Everything.
    Play,
    /// It sends what its session has to send, but pushes no inputs.
    Rest,
    /// It only receives.
    Listen,
}

/// One endpoint of a duel.
#[derive(Debug)]
pub(crate) struct Endpoint {
    side: Side,
    seed: u64,
    repair: bool,
    session: Session<1, 1, WINDOW>,
    peer: PeerId,
    /// The inputs from the first unconfirmed frame on.
    local: BTreeMap<u32, u8>,
    remote: BTreeMap<u32, u8>,
    confirmed: Game,
    /// The peer's last confirmed input: the guess for the missing ones.
    guess: u8,
    history: VecDeque<Game>,
    next_tick: Instant,
    pub(crate) shown: Game,
    pub(crate) tape: Tape,
    pub(crate) meter: Meter,
    pub(crate) counted: Counted,
    /// Ticks at which the game stood still because the window was full.
    pub(crate) waited: u32,
    pub(crate) waiting: bool,
    pub(crate) hands: Option<Hands>,
    pub(crate) activity: Activity,
}

impl Endpoint {
    pub(crate) fn new(now: Instant, side: Side, scheme: Scheme, seed: u64, repair: bool) -> Self {
        let mut session = Session::new(scheme.config(side.player(), seed));
        let peer = session.add_peer(now, scheme.peer(side.other().player())).expect("a free slot");
        let game = Game::new(seed);
        Self {
            side,
            seed,
            repair,
            session,
            peer,
            local: BTreeMap::new(),
            remote: BTreeMap::new(),
            confirmed: game,
            guess: 0,
            history: VecDeque::from([game]),
            next_tick: now,
            shown: game,
            tape: Tape::new(INPUT_DELAY),
            meter: Meter::default(),
            counted: Counted::default(),
            waited: 0,
            waiting: false,
            hands: None,
            activity: Activity::Play,
        }
    }

    /// Does everything that is due now.
    pub(crate) fn run(&mut self, now: Instant, net: &mut impl Net) -> io::Result<()> {
        while let Some(datagram) = net.receive(now, self.side)? {
            self.handle(now, &datagram);
        }
        self.session.handle_timeout(now);
        self.drain_events();
        if self.activity == Activity::Play && self.next_tick <= now {
            self.tick(now);
        }
        if self.activity != Activity::Listen {
            self.transmit(now, net)?;
        }
        if self.meter.is_due(now) {
            self.meter.observe(&self.stats());
        }
        Ok(())
    }

    /// Returns when to call [`run`](Self::run) next, unless a datagram arrives earlier.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let tick = (self.activity == Activity::Play).then_some(self.next_tick);
        tick.into_iter().chain(self.session.poll_timeout()).min()
    }

    pub(crate) fn stats(&self) -> PeerStats {
        self.session.peer(self.peer).map(PeerRef::stats).expect("the peer is never removed")
    }

    /// Returns how many inputs were pushed.
    pub(crate) fn pushed(&self) -> u32 {
        self.session.next_frame().get() - INPUT_DELAY
    }

    /// Returns how many frames are shown with a guess.
    pub(crate) fn guessed(&self) -> u32 {
        self.shown.frame - self.confirmed.frame
    }

    /// Returns the first frame that is not confirmed.
    pub(crate) fn confirmed_end(&self) -> u32 {
        self.confirmed.frame
    }

    /// Returns the confirmed state before a frame, while it is kept.
    pub(crate) fn state(&self, frame: u32) -> Option<&Game> {
        let back = self.confirmed.frame.checked_sub(frame)?;
        let index = self.history.len().checked_sub(1)?.checked_sub(back as usize)?;
        self.history.get(index)
    }

    fn handle(&mut self, now: Instant, datagram: &[u8]) {
        self.counted.received += 1;
        if self.session.handle_datagram(now, self.peer, datagram).is_ok() {
            self.counted.received_bytes += datagram.len() as u64;
        }
        self.drain_events();
    }

    /// Polls the events: after each datagram, so that its inputs can be told from those of others.
    fn drain_events(&mut self) {
        let mut arrived = Vec::new();
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input: [input], .. } = event {
                arrived.push((frame.get(), input));
            }
        }
        if arrived.is_empty() {
            return;
        }
        let newest = arrived.iter().map(|(frame, _)| *frame).max();
        for (frame, input) in arrived {
            let fate = if frame < self.shown.frame {
                Fate::Late
            } else if Some(frame) == newest {
                Fate::OnTime
            } else {
                Fate::Rescued
            };
            self.tape.mark(frame, fate);
            self.remote.insert(frame, input);
        }
        self.play_to(self.shown.frame);
    }

    /// Plays one frame, unless the window is full. Then the game stands still, and loses nothing.
    fn tick(&mut self, now: Instant) {
        let input = self.decide();
        self.waiting = match self.session.push_input(now, [input]) {
            Ok(frame) => {
                self.local.insert(frame.get(), input);
                self.play_to(self.shown.frame + 1);
                false
            }
            Err(PushError::WindowFull(_)) => true,
            Err(error) => unreachable!("{error}"),
        };
        self.waited += u32::from(self.waiting);
        let interval = self.session.peer(self.peer).and_then(PeerRef::pace).map_or(FRAME, |pace| pace.stretch(FRAME));
        // A tick that is late by more than a frame is not made up for.
        self.next_tick = self.next_tick.saturating_add(interval).max(now);
    }

    fn decide(&mut self) -> u8 {
        match &mut self.hands {
            Some(hands) => hands.course | if std::mem::take(&mut hands.fire) { FIRE } else { 0 },
            None => self.shown.bot(self.side.index(), nth(self.seed, self.side.index() as u64)),
        }
    }

    /// Plays to the frame `end`, and confirms as many frames as possible.
    fn play_to(&mut self, end: u32) {
        self.confirm(end);
        self.show(end);
    }

    /// Confirms the frames whose inputs are known, or never will be.
    fn confirm(&mut self, end: u32) {
        let last = self.session.peer(self.peer).and_then(PeerRef::last_frame);
        while self.confirmed.frame < end {
            let frame = self.confirmed.frame;
            // All events were polled. A frame up to the last one without an input has left the window.
            match self.remote.remove(&frame) {
                Some(input) => self.guess = input,
                None if frame < INPUT_DELAY => {}
                None if last.is_some_and(|last| Frame::new(frame) <= last) => self.tape.mark(frame, Fate::Never),
                None => break,
            }
            let local = self.local.remove(&frame).unwrap_or(0);
            self.confirmed.step(self.in_order(local, self.guess));
            self.history.push_back(self.confirmed);
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    /// Plays on from the confirmed state to the frame `end`.
    fn show(&mut self, end: u32) {
        self.shown = self.confirmed;
        let mut guess = self.guess;
        for frame in self.confirmed.frame..end {
            guess = self.remote.get(&frame).copied().unwrap_or(guess);
            let local = self.local.get(&frame).copied().unwrap_or(0);
            self.shown.step(self.in_order(local, guess));
        }
    }

    /// Returns both inputs in the order of the players.
    fn in_order(&self, local: u8, remote: u8) -> [u8; 2] {
        if self.side == Side::A { [local, remote] } else { [remote, local] }
    }

    fn transmit(&mut self, now: Instant, net: &mut impl Net) -> io::Result<()> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            self.counted.sent += 1;
            self.counted.sent_bytes += transmit.datagram.len() as u64;
            // The schemes are compared by their redundancy alone, unless repair is switched on.
            if self.repair || transmit.datagram.first() != Some(&INPUT_REQUEST) {
                net.send(now, self.side, transmit.datagram)?;
            }
        }
        Ok(())
    }
}
