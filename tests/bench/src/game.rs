//! inputwire in a small rollback loop, which does the same as the other libraries: it keeps datagrams for the next frame,
//! saves the state of each frame, predicts, and rolls back to the first wrong prediction.

use inputwire::{Event, Frame, Instant, MAX_DATAGRAM_SIZE, Session};

use crate::bare::{PEER, drain, rtt_ms, session};
use crate::duel::{Datagrams, Depths, Endpoint};

/// The most predicted frames, which is the default of the other libraries.
pub const PREDICTION: u64 = 8;
/// The frames whose states and predictions are kept.
const KEPT: usize = 16;

/// The state of the smallest game, the same for all libraries.
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
    buf: [u8; MAX_DATAGRAM_SIZE],
    arrived: Datagrams,
    state: State,
    /// The state before each frame, and the prediction in it.
    states: [State; KEPT],
    predictions: [[u8; N]; KEPT],
    next: u64,
    known: u64,
    newest: [u8; N],
    depths: Depths,
}

impl<const N: usize> Loop<N> {
    /// Handles what has arrived. Returns the first frame with a wrong prediction.
    fn handle_arrived(&mut self, now: Instant) -> Option<u64> {
        for datagram in self.arrived.iter() {
            let _ = self.session.handle_datagram(now, PEER, datagram);
        }
        self.arrived.clear();
        let mut wrong = None;
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                let frame = u64::from(frame.get());
                if frame < self.next && self.predictions[frame as usize % KEPT] != input {
                    wrong = wrong.or(Some(frame));
                }
                self.known = frame + 1;
                self.newest = input;
            }
        }
        wrong
    }

    fn play(&mut self, frame: u64, local: [u8; N]) {
        let remote = if frame < self.known {
            self.session.peer(PEER).and_then(|peer| peer.remote_input(Frame::new(frame as u32))).expect("in the window")
        } else {
            self.newest
        };
        self.states[frame as usize % KEPT] = self.state;
        self.predictions[frame as usize % KEPT] = remote;
        self.state.play(if self.player == 0 { [local, remote] } else { [remote, local] });
    }
}

impl<const N: usize> Endpoint<N> for Loop<N> {
    fn new(player: u8) -> Self {
        Self {
            player,
            session: session(player),
            buf: [0; MAX_DATAGRAM_SIZE],
            arrived: Datagrams::with_capacity(),
            state: State::default(),
            states: [State::default(); KEPT],
            predictions: [[0; N]; KEPT],
            next: 0,
            known: 0,
            newest: [0; N],
            depths: (0, 0, 0),
        }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.arrived.push(datagram);
    }

    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let now = Instant::from_micros(now);
        self.session.handle_timeout(now);
        if let Some(wrong) = self.handle_arrived(now) {
            self.state = self.states[wrong as usize % KEPT];
            let depth = self.next - wrong;
            self.depths = (self.depths.0 + 1, self.depths.1 + depth, self.depths.2.max(depth as u32));
            for frame in wrong..self.next {
                let local = self.session.local_input(Frame::new(frame as u32)).expect("in the window");
                self.play(frame, local);
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

    fn depths(&self) -> Depths {
        self.depths
    }
}
