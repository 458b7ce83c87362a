//! ggrs 0.13.

use std::marker::PhantomData;

use ggrs::{
    Config, GgrsRequest, InputStatus, Message, NonBlockingSocket, P2PSession, PlayerType, PredictRepeatLast,
    SessionBuilder, SessionState,
};

use super::{Shared, Wrap, hand_over, take_arrived, wire};
use crate::duel::{Datagrams, Endpoint};
use crate::game::State;

/// Inputs of the type in `I`.
pub struct Setup<I>(PhantomData<I>);

impl<const N: usize, I: Wrap<N>> Config for Setup<(I, [(); N])> {
    type Input = I;
    type InputPredictor = PredictRepeatLast;
    type State = State;
    type Address = u8;
}

/// A socket in memory.
pub struct Socket(pub Shared);

impl NonBlockingSocket<u8> for Socket {
    fn send_to(&mut self, message: &Message, _: &u8) {
        let bytes = bincode::serialize(message).expect("a message of its own");
        self.0.borrow_mut().sent.push(&bytes);
    }

    fn receive_all_messages(&mut self) -> Vec<(u8, Message)> {
        take_arrived(&self.0, |datagram| bincode::deserialize(datagram).ok())
    }
}

/// Plays a frame of a session, if it runs and need not wait. Returns whether it did.
pub fn frame<C: Config<State: Clone>>(
    session: &mut P2PSession<C>,
    player: usize,
    input: C::Input,
    state: &mut C::State,
    hash: impl Fn(&C::State) -> Option<u128>,
    mut play: impl FnMut(&mut C::State, &[(C::Input, InputStatus)]),
) -> bool {
    session.poll_remote_clients();
    session.events().for_each(drop);
    if session.current_state() != SessionState::Running {
        return false;
    }
    session.add_local_input(player, input).expect("a local player");
    let before = session.current_frame();
    let Ok(requests) = session.advance_frame() else { return false };
    for request in requests {
        match request {
            GgrsRequest::SaveGameState { cell, frame } => {
                cell.save(frame, Some(state.clone()), hash(state));
            }
            GgrsRequest::LoadGameState { cell, .. } => *state = cell.load().expect("saved"),
            GgrsRequest::AdvanceFrame { inputs } => play(state, &inputs),
        }
    }
    // It also returns `Ok` when it only waits.
    session.current_frame() != before
}

pub struct Ggrs<I: Wrap<N>, const N: usize> {
    session: P2PSession<Setup<(I, [(); N])>>,
    player: usize,
    wire: Shared,
    state: State,
}

impl<I: Wrap<N>, const N: usize> Endpoint<N> for Ggrs<I, N> {
    fn new(player: u8) -> Self {
        let wire = wire();
        let player = usize::from(player);
        let session = SessionBuilder::new()
            .with_num_players(2)
            .and_then(|builder| builder.with_fps(60))
            .and_then(|builder| builder.add_player(PlayerType::Local, player))
            .and_then(|builder| builder.add_player(PlayerType::Remote(0), 1 - player))
            .and_then(|builder| builder.start_p2p_session(Socket(wire.clone())))
            .expect("valid");
        Self { session, player, wire, state: State::default() }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.wire.borrow_mut().arrived.push(datagram);
    }

    fn frame(&mut self, _: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let play = |state: &mut State, inputs: &[(I, InputStatus)]| {
            state.play([inputs[0].0.unwrap(), inputs[1].0.unwrap()]);
        };
        let played = frame(&mut self.session, self.player, I::wrap(input), &mut self.state, |_| None, play);
        hand_over(&self.wire, out);
        played
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn wake(&mut self, _: u64, _: &mut Datagrams) {}

    fn known(&self) -> u64 {
        u64::try_from(self.session.confirmed_frame() + 1).unwrap_or(0)
    }

    fn rtt_ms(&self) -> Option<f64> {
        self.session.network_stats(1 - self.player).ok().map(|stats| stats.ping as f64)
    }

    fn hash(&self) -> u64 {
        self.state.hash
    }
}
