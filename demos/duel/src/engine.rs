//! How an endpoint plays on while inputs are missing: with the rollback driver, or by hand where they may never come.

use std::collections::BTreeMap;
use std::fmt::Debug;

use inputwire::{Event, Frame, Instant, PeerId, PeerRef, PushError, Session};
use inputwire_rollback::{Rollback, Step};

use crate::game::Game;
use crate::history::History;
use crate::link::Side;
use crate::scheme::{INPUT_DELAY, WINDOW};
use crate::tape::{Fate, Tape};

/// The session of an endpoint.
pub(crate) type Duelist = Session<1, 1, WINDOW>;

/// A game over a session.
///
/// It exists twice. The *confirmed* one is final: every input of both players is known, or never will be. The *shown* one goes on
/// from there to the present, with a guess in the place of each missing input.
pub(crate) trait Engine: Debug {
    fn session(&self) -> &Duelist;

    /// The session, for its datagrams and timeouts.
    fn session_mut(&mut self) -> &mut Duelist;

    /// Takes the events: after each datagram, so that its inputs can be told from those of others.
    fn take_events(&mut self, tape: &mut Tape);

    /// Plays one frame. Returns false if the game has to stand still; it loses nothing.
    fn tick(&mut self, now: Instant, input: u8, tape: &mut Tape) -> bool;

    fn shown(&self) -> &Game;

    fn confirmed(&self) -> &History;
}

/// What an input that has just arrived was good for, where the frame `shown` is the next one to be played.
fn fate(frame: u32, newest: u32, shown: u32) -> Fate {
    if frame < shown {
        Fate::Late
    } else if frame == newest {
        Fate::OnTime
    } else {
        Fate::Rescued
    }
}

/// The rollback driver: every input comes, sooner or later, and a game that has guessed for [`RING`] frames waits.
#[derive(Debug)]
pub(crate) struct Driven {
    driver: Rollback<Game, Duelist, 1, 1, RING, WINDOW>,
    peer: PeerId,
    /// The end of the frames whose inputs are on the tape. Those of the input delay are not: nobody has pressed them.
    marked: u32,
    confirmed: History,
}

/// As many states as a session with this window allows.
const RING: usize = WINDOW / 2;

impl Driven {
    pub(crate) fn new(session: Duelist, peer: PeerId, game: Game) -> Self {
        let driver = Rollback::new(session, game).with_max_prediction(u32::MAX).with_input_delay(INPUT_DELAY);
        Self { driver, peer, marked: INPUT_DELAY, confirmed: History::new(game) }
    }
}

impl Engine for Driven {
    fn session(&self) -> &Duelist {
        self.driver.session()
    }

    fn session_mut(&mut self) -> &mut Duelist {
        self.driver.endpoint_mut()
    }

    fn take_events(&mut self, tape: &mut Tape) {
        while self.driver.poll_event().is_some() {}
        let Some(newest) = self.session().peer(self.peer).and_then(PeerRef::last_frame).map(Frame::get) else { return };
        for frame in self.marked..=newest {
            tape.mark(frame, fate(frame, newest, self.shown().frame));
        }
        self.marked = self.marked.max(newest + 1);
    }

    fn tick(&mut self, now: Instant, input: u8, _: &mut Tape) -> bool {
        let step =
            self.driver.step(now, [input], |game, inputs| game.step([0, 1].map(|player| inputs.input(player)[0])));
        let end = self.driver.confirmed_frame().map_or(0, |frame| frame.get() + 1);
        for frame in self.confirmed.latest().frame..end {
            let input = |player| self.driver.confirmed_input(player, Frame::new(frame)).map_or(0, |[input]| input);
            self.confirmed.step([0, 1].map(input));
        }
        matches!(step, Step::Advanced { .. })
    }

    fn shown(&self) -> &Game {
        self.driver.state()
    }

    fn confirmed(&self) -> &History {
        &self.confirmed
    }
}

/// By hand: an input that has left the window never comes, and the guess stays. The driver would stand still for it.
#[derive(Debug)]
pub(crate) struct ByHand {
    side: Side,
    session: Duelist,
    peer: PeerId,
    /// The inputs from the first unconfirmed frame on.
    local: BTreeMap<u32, u8>,
    remote: BTreeMap<u32, u8>,
    confirmed: History,
    /// The peer's last confirmed input: the guess for the missing ones.
    guess: u8,
    shown: Game,
}

impl ByHand {
    pub(crate) fn new(session: Duelist, peer: PeerId, side: Side, game: Game) -> Self {
        let (local, remote) = (BTreeMap::new(), BTreeMap::new());
        Self { side, session, peer, local, remote, confirmed: History::new(game), guess: 0, shown: game }
    }

    /// Confirms the frames before `end` whose inputs are known, or never will be.
    fn confirm(&mut self, end: u32, tape: &mut Tape) {
        let last = self.session.peer(self.peer).and_then(PeerRef::last_frame);
        for frame in self.confirmed.latest().frame..end {
            // All events were polled. A frame up to the last one without an input has left the window.
            match self.remote.remove(&frame) {
                Some(input) => self.guess = input,
                None if frame < INPUT_DELAY => {}
                None if last.is_some_and(|last| Frame::new(frame) <= last) => tape.mark(frame, Fate::Never),
                None => break,
            }
            let local = self.local.remove(&frame).unwrap_or(0);
            self.confirmed.step(self.in_order(local, self.guess));
        }
    }

    /// Plays on from the confirmed state to the frame `end`.
    fn show(&mut self, end: u32) {
        self.shown = *self.confirmed.latest();
        let mut guess = self.guess;
        for frame in self.shown.frame..end {
            guess = self.remote.get(&frame).copied().unwrap_or(guess);
            let local = self.local.get(&frame).copied().unwrap_or(0);
            self.shown.step(self.in_order(local, guess));
        }
    }

    fn play_to(&mut self, end: u32, tape: &mut Tape) {
        self.confirm(end, tape);
        self.show(end);
    }

    /// Returns both inputs in the order of the players.
    fn in_order(&self, local: u8, remote: u8) -> [u8; 2] {
        if self.side == Side::A { [local, remote] } else { [remote, local] }
    }
}

impl Engine for ByHand {
    fn session(&self) -> &Duelist {
        &self.session
    }

    fn session_mut(&mut self) -> &mut Duelist {
        &mut self.session
    }

    fn take_events(&mut self, tape: &mut Tape) {
        let mut arrived = Vec::new();
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input: [input], .. } = event {
                arrived.push((frame.get(), input));
            }
        }
        let Some(newest) = arrived.iter().map(|(frame, _)| *frame).max() else { return };
        for (frame, input) in arrived {
            tape.mark(frame, fate(frame, newest, self.shown.frame));
            self.remote.insert(frame, input);
        }
        self.play_to(self.shown.frame, tape);
    }

    fn tick(&mut self, now: Instant, input: u8, tape: &mut Tape) -> bool {
        match self.session.push_input(now, [input]) {
            Ok(frame) => {
                self.local.insert(frame.get(), input);
                self.play_to(self.shown.frame + 1, tape);
                true
            }
            Err(PushError::WindowFull(_)) => false,
            Err(error) => unreachable!("{error}"),
        }
    }

    fn shown(&self) -> &Game {
        &self.shown
    }

    fn confirmed(&self) -> &History {
        &self.confirmed
    }
}
