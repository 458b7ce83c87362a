use std::cell::RefCell;
use std::rc::Rc;

use ggrs::{
    Config, GgrsRequest, Message, NonBlockingSocket, P2PSession, PlayerType, PredictRepeatLast, SessionBuilder,
    SessionState,
};
use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::Rng;

use crate::{clock, Measured, Scene, FRAME_US};

/// The frames before anything is counted, which include the handshake.
const WARM_UP: u64 = 120;
/// How much later than the one before it an end plays its frames.
const PHASE_US: u64 = 10_000;

struct Setup;

impl Config for Setup {
    type Input = u8;
    type InputPredictor = PredictRepeatLast;
    type State = State;
    type Address = usize;
}

#[derive(Clone, Copy, Default, PartialEq)]
struct State {
    frame: i32,
    hash: u64,
}

#[derive(Default)]
struct Buffers {
    arrived: Vec<(usize, Vec<u8>)>,
    sent: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Default)]
struct Socket(Rc<RefCell<Buffers>>);

impl NonBlockingSocket<usize> for Socket {
    fn send_to(&mut self, message: &Message, to: &usize) {
        let bytes = bincode::serialize(message).expect("a message");
        self.0.borrow_mut().sent.push((*to, bytes));
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        let arrived = std::mem::take(&mut self.0.borrow_mut().arrived);
        arrived.into_iter().filter_map(|(from, bytes)| Some((from, bincode::deserialize(&bytes).ok()?))).collect()
    }
}

struct End {
    session: P2PSession<Setup>,
    socket: Socket,
    state: State,
    /// The hashes before each frame.
    hashes: Vec<u64>,
    buttons: u8,
    rng: Rng,
    recovered_at: Option<u64>,
}

impl End {
    fn new(scene: &Scene, me: usize) -> Self {
        let mut builder = SessionBuilder::new()
            .with_num_players(scene.players)
            .expect("players")
            .with_max_prediction_window(scene.window)
            .with_input_delay(scene.input_delay);
        for handle in 0..scene.players {
            let place = if handle == me { PlayerType::Local } else { PlayerType::Remote(handle) };
            builder = builder.add_player(place, handle).expect("a free handle");
        }
        let socket = Socket::default();
        let session = builder.start_p2p_session(socket.clone()).expect("valid");
        let rng = Rng::new(scene.seed * 16 + me as u64);
        Self { session, socket, state: State::default(), hashes: Vec::new(), buttons: 0, rng, recovered_at: None }
    }

    /// Plays a frame as a game does. Returns whether there was one.
    fn frame(&mut self, me: usize) -> bool {
        self.session.poll_remote_clients();
        self.session.events().for_each(drop);
        if self.session.current_state() != SessionState::Running {
            return false;
        }
        self.session.add_local_input(me, self.buttons).expect("a local player");
        let before = self.session.current_frame();
        let Ok(requests) = self.session.advance_frame() else { return false };
        for request in requests {
            match request {
                GgrsRequest::SaveGameState { cell, frame } => cell.save(frame, Some(self.state), None),
                GgrsRequest::LoadGameState { cell, .. } => self.state = cell.load().expect("saved"),
                GgrsRequest::AdvanceFrame { inputs } => {
                    self.hashes.truncate(self.state.frame as usize);
                    self.hashes.push(self.state.hash);
                    for (input, _) in inputs {
                        self.state.hash = (self.state.hash ^ u64::from(input)).wrapping_mul(0x0100_0000_01b3);
                    }
                    self.state.frame += 1;
                }
            }
        }
        self.session.current_frame() != before
    }
}

/// Plays a scene.
pub fn play(scene: &Scene) -> Measured {
    clock::set(0);
    let mut ends: Vec<End> = (0..scene.players).map(|me| End::new(scene, me)).collect();
    let mut network = Network::new(scene.players, scene.seed);
    for from in 0..scene.players {
        for to in 0..scene.players {
            let faults = Faults { loss: scene.loss, delay_us: scene.rtt_us / 2, ..Faults::default() };
            network.set_faults(from, to, faults);
        }
    }
    let mut measured = Measured::default();
    let mut is_cut = false;
    for number in 0..(WARM_UP + scene.frames) * scene.players as u64 {
        let (round, me) = (number / scene.players as u64, (number % scene.players as u64) as usize);
        let now = round * FRAME_US + PHASE_US * me as u64 / (scene.players as u64 - 1).max(1);
        while let Some(at) = network.next_arrival().filter(|at| *at <= now) {
            while let Some(datagram) = network.deliver(at) {
                ends[datagram.to].socket.0.borrow_mut().arrived.push((datagram.from, datagram.bytes));
            }
        }
        clock::set(now);
        if let Some((start, length)) = scene.cut.filter(|(start, _)| !is_cut && now >= *start) {
            is_cut = true;
            for from in 0..scene.players {
                for to in 0..scene.players {
                    network.cut(from, to, start + length);
                }
            }
        }
        let end = &mut ends[me];
        // A button is pressed or released in every eighth frame.
        if end.rng.chance(120) {
            end.buttons ^= 1 << end.rng.below(4);
        }
        let before = clock::ticks();
        let is_played = end.frame(me);
        let ticks = clock::ticks() - before;
        let healed = scene.cut.map(|(start, length)| start + length);
        if is_played && healed.is_some_and(|healed| now >= healed) && end.recovered_at.is_none() {
            end.recovered_at = Some(now);
        }
        let counts = round >= WARM_UP;
        for (to, bytes) in std::mem::take(&mut end.socket.0.borrow_mut().sent) {
            network.send(now, me, to, &bytes);
            if counts {
                measured.datagrams += 1;
                measured.bytes += bytes.len() as u64;
            }
        }
        if counts {
            measured.frames += 1;
            measured.stalled += u64::from(!is_played);
            measured.nanos += clock::nanos(ticks);
        }
    }
    let healed = scene.cut.map_or(0, |(start, length)| start + length);
    measured.recovered_us = ends.iter().filter_map(|end| end.recovered_at).map(|at| at - healed).collect();
    let confirmed = |end: &End| end.hashes.len().saturating_sub(1).min(end.session.confirmed_frame().max(0) as usize);
    let common = ends.iter().map(confirmed).min().unwrap_or(0);
    let hash = |end: &End| end.hashes.get(common).copied();
    measured.is_equal = ends.iter().all(|end| hash(end) == hash(&ends[0]));
    measured
}
