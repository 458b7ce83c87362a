//! One end: a session, and a game that plays on with guesses and puts them right.
//!
//! The game is played twice. *Confirmed* is what is certain: every input of both players is known, or will never be.
//! *Shown* goes on from there to the present, with the peer's last known input wherever one is missing.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use inputwire::{DATAGRAM_MAX, Event, Frame, Instant, PeerId, PeerStats, PushError, Session};

use crate::game::{FIRE, Game, mix};
use crate::link::Side;
use crate::meter::Meter;
use crate::net::Net;
use crate::scheme::{FRAME, INPUT_DELAY, Scheme, WINDOW};
use crate::tape::{Fate, Tape};

/// How many confirmed states are kept, to be compared with the peer's.
const HISTORY: usize = 8 * WINDOW;
/// The first byte of the datagram by which a classic peer asks for what it misses (PROTOCOL 2.1).
const INPUT_REQUEST: u8 = 0x12;

/// What somebody at the keyboard does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hands {
    pub(crate) course: u8,
    pub(crate) fire: bool,
}

/// Counted at the socket, to be compared with what the session says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) sent: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
}

/// What an end takes part in; each less than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It plays.
    Play,
    /// It says what its session has to say, but pushes nothing.
    Rest,
    /// It only listens.
    Listen,
}

/// One end of a duel.
#[derive(Debug)]
pub(crate) struct End {
    side: Side,
    seed: u64,
    repair: bool,
    session: Session<1, 1, WINDOW>,
    peer: PeerId,
    /// Inputs from the first frame that is not confirmed on.
    own: BTreeMap<u32, u8>,
    theirs: BTreeMap<u32, u8>,
    confirmed: Game,
    /// The peer's last confirmed input: the guess for those that are missing.
    guess: u8,
    history: VecDeque<Game>,
    next_tick: Instant,
    pub(crate) shown: Game,
    pub(crate) tape: Tape,
    pub(crate) meter: Meter,
    pub(crate) counted: Counted,
    /// Ticks at which the game stood still, as the window was full.
    pub(crate) waited: u32,
    pub(crate) waiting: bool,
    pub(crate) hands: Option<Hands>,
    pub(crate) activity: Activity,
}

impl End {
    pub(crate) fn new(now: Instant, side: Side, scheme: Scheme, seed: u64, repair: bool) -> Self {
        let mut session = Session::new(scheme.config(side.player(), seed));
        let peer = session.add_peer(now, scheme.peer(side.other().player())).expect("room for one peer");
        let game = Game::new(seed);
        Self {
            side,
            seed,
            repair,
            session,
            peer,
            own: BTreeMap::new(),
            theirs: BTreeMap::new(),
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

    /// When there is something to do next, but for datagrams that come.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let tick = (self.activity == Activity::Play).then_some(self.next_tick);
        tick.into_iter().chain(self.session.poll_timeout()).min()
    }

    pub(crate) fn stats(&self) -> PeerStats {
        self.session.stats(self.peer).expect("the peer stays")
    }

    /// How many inputs were pushed.
    pub(crate) fn pushed(&self) -> u32 {
        self.session.next_frame().get() - INPUT_DELAY
    }

    /// How many frames are shown with a guess.
    pub(crate) fn guessed(&self) -> u32 {
        self.shown.frame - self.confirmed.frame
    }

    /// The first frame that is not confirmed.
    pub(crate) fn confirmed_end(&self) -> u32 {
        self.confirmed.frame
    }

    /// The confirmed state before a frame, while it is kept.
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

    /// Takes what there is to be told. After each datagram, so that it is known what one datagram brought.
    fn drain_events(&mut self) {
        let mut came = Vec::new();
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input: [input], .. } = event {
                came.push((frame.get(), input));
            }
        }
        if came.is_empty() {
            return;
        }
        let newest = came.iter().map(|(frame, _)| *frame).max();
        for (frame, input) in came {
            let fate = if frame < self.shown.frame {
                Fate::Late
            } else if Some(frame) == newest {
                Fate::OnTime
            } else {
                Fate::Rescued
            };
            self.tape.mark(frame, fate);
            self.theirs.insert(frame, input);
        }
        self.play_to(self.shown.frame);
    }

    /// Plays one frame, unless the window is full: then the game stands still, and nothing is lost.
    fn tick(&mut self, now: Instant) {
        let input = self.decide();
        self.waiting = match self.session.push_input(now, [input]) {
            Ok(frame) => {
                self.own.insert(frame.get(), input);
                self.play_to(self.shown.frame + 1);
                false
            }
            Err(PushError::WindowFull(_)) => true,
            Err(error) => unreachable!("{error}"),
        };
        self.waited += u32::from(self.waiting);
        let interval = self.session.pace(self.peer).map_or(FRAME, |pace| pace.stretch(FRAME));
        // Who was late by more than a frame does not hurry.
        self.next_tick = self.next_tick.saturating_add(interval).max(now);
    }

    fn decide(&mut self) -> u8 {
        match &mut self.hands {
            Some(hands) => hands.course | if std::mem::take(&mut hands.fire) { FIRE } else { 0 },
            None => self.shown.bot(self.side.index(), mix(self.seed, self.side.index() as u64)),
        }
    }

    /// Plays to the frame `end`, as much of it as possible for good.
    fn play_to(&mut self, end: u32) {
        self.confirm(end);
        self.show(end);
    }

    /// Plays the frames of which everything is known, or of which the rest will never be.
    fn confirm(&mut self, end: u32) {
        let known = self.session.known(self.peer);
        while self.confirmed.frame < end {
            let frame = self.confirmed.frame;
            // Everything was told. What is at or below the known frame and was not has left the window.
            match self.theirs.remove(&frame) {
                Some(input) => self.guess = input,
                None if frame < INPUT_DELAY => {}
                None if known.is_some_and(|known| Frame::new(frame) <= known) => self.tape.mark(frame, Fate::Never),
                None => break,
            }
            let own = self.own.remove(&frame).unwrap_or(0);
            self.confirmed.step(self.seats(own, self.guess));
            self.history.push_back(self.confirmed);
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    /// Plays on from what is confirmed to the frame `end`.
    fn show(&mut self, end: u32) {
        self.shown = self.confirmed;
        let mut guess = self.guess;
        for frame in self.confirmed.frame..end {
            guess = self.theirs.get(&frame).copied().unwrap_or(guess);
            let own = self.own.get(&frame).copied().unwrap_or(0);
            self.shown.step(self.seats(own, guess));
        }
    }

    /// Our input and the peer's, in the order of the players.
    fn seats(&self, own: u8, theirs: u8) -> [u8; 2] {
        if self.side == Side::A { [own, theirs] } else { [theirs, own] }
    }

    fn transmit(&mut self, now: Instant, net: &mut impl Net) -> io::Result<()> {
        let mut buf = [0; DATAGRAM_MAX];
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            self.counted.sent += 1;
            self.counted.sent_bytes += transmit.datagram.len() as u64;
            // The schemes are shown as they are: redundancy alone, unless repair is asked for.
            if self.repair || transmit.datagram.first() != Some(&INPUT_REQUEST) {
                net.send(now, self.side, transmit.datagram)?;
            }
        }
        Ok(())
    }
}
