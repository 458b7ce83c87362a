//! This crate inside a small rollback loop, which does what the peers do around their protocols: it keeps the inputs
//! that arrived for the next frame, saves the state of each frame, predicts, and plays again from the first wrong guess.

use inputwire::{DATAGRAM_MAX, Event, Frame, Instant, Session};

use crate::duel::{Datagrams, End};
use crate::ours::{PEER, drain, rtt_ms, session};

/// How many frames may be predicted, as the peers have it.
pub const PREDICTION: u64 = 8;
/// Frames whose states and guesses are kept.
const KEPT: usize = 16;

/// The state of a game that is as small as a game can be, the same for all.
#[derive(Clone, Copy, Default)]
pub struct State {
    pub frame: u32,
    pub hash: u64,
}

impl State {
    /// Plays a frame with the inputs of both players.
    pub fn play<const N: usize>(&mut self, inputs: [[u8; N]; 2]) {
        for byte in inputs.as_flattened() {
            self.hash = self.hash.wrapping_mul(31) ^ u64::from(*byte);
        }
        self.frame += 1;
    }
}

pub struct Loop<const N: usize> {
    player: u8,
    session: Session<1, N>,
    buf: [u8; DATAGRAM_MAX],
    arrived: Datagrams,
    state: State,
    /// The state before each frame, and what was guessed in it.
    states: [State; KEPT],
    guesses: [[u8; N]; KEPT],
    next: u64,
    known: u64,
    newest: [u8; N],
}

impl<const N: usize> Loop<N> {
    /// Takes what has arrived; returns the first frame that was guessed wrong.
    fn take(&mut self, now: Instant) -> Option<u64> {
        for datagram in self.arrived.iter() {
            let _ = self.session.handle_datagram(now, PEER, datagram);
        }
        self.arrived.clear();
        let mut wrong = None;
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                let frame = u64::from(frame.get());
                if frame < self.next && self.guesses[frame as usize % KEPT] != input {
                    wrong = wrong.or(Some(frame));
                }
                self.known = frame + 1;
                self.newest = input;
            }
        }
        wrong
    }

    fn play(&mut self, frame: u64, own: [u8; N]) {
        let theirs = if frame < self.known {
            self.session.input(PEER, Frame::new(frame as u32)).expect("in the window")
        } else {
            self.newest
        };
        self.states[frame as usize % KEPT] = self.state;
        self.guesses[frame as usize % KEPT] = theirs;
        self.state.play(if self.player == 0 { [own, theirs] } else { [theirs, own] });
    }
}

impl<const N: usize> End<N> for Loop<N> {
    fn new(player: u8) -> Self {
        Self {
            player,
            session: session(player),
            buf: [0; DATAGRAM_MAX],
            arrived: Datagrams::roomy(),
            state: State::default(),
            states: [State::default(); KEPT],
            guesses: [[0; N]; KEPT],
            next: 0,
            known: 0,
            newest: [0; N],
        }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.arrived.push(datagram);
    }

    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let now = Instant::from_micros(now);
        self.session.handle_timeout(now);
        if let Some(wrong) = self.take(now) {
            self.state = self.states[wrong as usize % KEPT];
            for frame in wrong..self.next {
                let own = self.session.own_input(Frame::new(frame as u32)).expect("in the window");
                self.play(frame, own);
            }
        }
        let waits = self.next >= self.known + PREDICTION || self.session.push_input(now, input).is_err();
        if !waits {
            self.play(self.next, input);
            self.next += 1;
        }
        drain(&mut self.session, &mut self.buf, out);
        !waits
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn wake(&mut self, _: u64, _: &mut Datagrams) {}

    fn known(&self) -> u64 {
        self.known
    }

    fn rtt_ms(&self) -> Option<f64> {
        rtt_ms(&self.session)
    }

    fn hash(&self) -> u64 {
        self.state.hash
    }
}
