//! One endpoint: a game over a session, who plays it, and what is measured of it.

use std::io;

use inputwire::{Instant, MAX_DATAGRAM_SIZE, PeerId, PeerRef, PeerStats};
use inputwire_sim::rng::nth;

use crate::engine::{ByHand, Driven, Duelist, Engine};
use crate::game::{FIRE, Game};
use crate::link::Side;
use crate::meter::Meter;
use crate::net::Net;
use crate::scheme::{FRAME, INPUT_DELAY, Scheme};
use crate::tape::Tape;

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
    engine: Box<dyn Engine>,
    peer: PeerId,
    next_tick: Instant,
    pub(crate) tape: Tape,
    pub(crate) meter: Meter,
    pub(crate) counted: Counted,
    /// Ticks at which the game stood still, since too many inputs were missing or not acknowledged.
    pub(crate) waited: u32,
    pub(crate) waiting: bool,
    pub(crate) hands: Option<Hands>,
    pub(crate) activity: Activity,
}

impl Endpoint {
    pub(crate) fn new(now: Instant, side: Side, scheme: Scheme, seed: u64, repair: bool) -> Self {
        let mut session = Duelist::new(scheme.config(side.player(), seed));
        let peer = session.add_peer(now, scheme.peer(side.other().player())).expect("a free slot");
        let game = Game::new(seed);
        let engine: Box<dyn Engine> = match scheme {
            Scheme::Compact => Box::new(Driven::new(session, peer, game)),
            Scheme::Single | Scheme::Last3 | Scheme::Last10 => Box::new(ByHand::new(session, peer, side, game)),
        };
        Self {
            side,
            seed,
            repair,
            engine,
            peer,
            next_tick: now,
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
        self.engine.session_mut().handle_timeout(now);
        self.engine.take_events(&mut self.tape);
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
        tick.into_iter().chain(self.engine.session().poll_timeout()).min()
    }

    pub(crate) fn stats(&self) -> PeerStats {
        self.engine.session().peer(self.peer).map(PeerRef::stats).expect("the peer is never removed")
    }

    /// Returns how many inputs were pushed.
    pub(crate) fn pushed(&self) -> u32 {
        self.engine.session().next_frame().get().saturating_sub(INPUT_DELAY)
    }

    /// Returns how many frames are shown with a guess.
    pub(crate) fn guessed(&self) -> u32 {
        self.shown().frame - self.confirmed_end()
    }

    /// Returns the first frame that is not confirmed.
    pub(crate) fn confirmed_end(&self) -> u32 {
        self.engine.confirmed().latest().frame
    }

    /// Returns the state to draw.
    pub(crate) fn shown(&self) -> &Game {
        self.engine.shown()
    }

    /// Returns the confirmed state before a frame, while it is kept.
    pub(crate) fn state(&self, frame: u32) -> Option<&Game> {
        self.engine.confirmed().state(frame)
    }

    fn handle(&mut self, now: Instant, datagram: &[u8]) {
        self.counted.received += 1;
        if self.engine.session_mut().handle_datagram(now, self.peer, datagram).is_ok() {
            self.counted.received_bytes += datagram.len() as u64;
        }
        self.engine.take_events(&mut self.tape);
    }

    /// Plays one frame, if the game need not wait.
    fn tick(&mut self, now: Instant) {
        let input = self.decide();
        self.waiting = !self.engine.tick(now, input, &mut self.tape);
        self.waited += u32::from(self.waiting);
        let pace = self.engine.session().peer(self.peer).and_then(PeerRef::pace);
        let interval = pace.map_or(FRAME, |pace| pace.stretch(FRAME));
        // A tick that is late by more than a frame is not made up for.
        self.next_tick = self.next_tick.saturating_add(interval).max(now);
    }

    fn decide(&mut self) -> u8 {
        match &mut self.hands {
            Some(hands) => hands.course | if std::mem::take(&mut hands.fire) { FIRE } else { 0 },
            None => self.engine.shown().bot(self.side.index(), nth(self.seed, self.side.index() as u64)),
        }
    }

    fn transmit(&mut self, now: Instant, net: &mut impl Net) -> io::Result<()> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = self.engine.session_mut().poll_transmit(&mut buf) {
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
