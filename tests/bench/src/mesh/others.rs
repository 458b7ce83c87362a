//! The other libraries with several players, as they are set up to play on without one: they give up a silent
//! player by themselves.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Member, PLAYERS, Sent};
use crate::game::State;

/// What is on the way into a session and out of it, with the other player.
#[derive(Default)]
struct Wire {
    arrived: Vec<Sent>,
    sent: Vec<Sent>,
}

type Shared = Rc<RefCell<Wire>>;

/// Returns the messages that arrived, except those that cannot be decoded.
fn take_arrived<M>(wire: &Shared, read: impl Fn(&[u8]) -> Option<M>) -> Vec<(u8, M)> {
    let arrived = std::mem::take(&mut wire.borrow_mut().arrived);
    arrived.into_iter().filter_map(|(from, datagram)| Some((u8::try_from(from).ok()?, read(&datagram)?))).collect()
}

/// Mixes the inputs of all players into the state.
fn mix(state: &mut State, inputs: impl Iterator<Item = u8>) {
    state.hash = inputs.fold(state.hash, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte));
    state.frame += 1;
}

pub mod ggrs {
    //! ggrs 0.13.

    use ggrs::{
        Config, InputStatus, Message, NonBlockingSocket, P2PSession, PlayerType, PredictRepeatLast, SessionBuilder,
    };

    use super::{Member, PLAYERS, Sent, Shared, State, mix, take_arrived};
    use crate::peers::ggrs::frame;

    struct Setup;

    impl Config for Setup {
        type Input = u8;
        type InputPredictor = PredictRepeatLast;
        type State = State;
        type Address = u8;
    }

    struct Socket(Shared);

    impl NonBlockingSocket<u8> for Socket {
        fn send_to(&mut self, message: &Message, to: &u8) {
            let bytes = bincode::serialize(message).expect("a message of its own");
            self.0.borrow_mut().sent.push((usize::from(*to), bytes));
        }

        fn receive_all_messages(&mut self) -> Vec<(u8, Message)> {
            take_arrived(&self.0, |datagram| bincode::deserialize(datagram).ok())
        }
    }

    pub struct Ggrs {
        session: P2PSession<Setup>,
        player: usize,
        wire: Shared,
        state: State,
    }

    impl Member for Ggrs {
        fn new(player: usize) -> Self {
            let wire = Shared::default();
            let mut builder =
                SessionBuilder::new().with_num_players(PLAYERS).expect("valid").with_fps(60).expect("valid");
            for other in 0..PLAYERS {
                let kind = if other == player { PlayerType::Local } else { PlayerType::Remote(other as u8) };
                builder = builder.add_player(kind, other).expect("a free place");
            }
            let session = builder.start_p2p_session(Socket(wire.clone())).expect("valid");
            Self { session, player, wire, state: State::default() }
        }

        fn arrive(&mut self, _: u64, from: usize, datagram: &[u8]) {
            self.wire.borrow_mut().arrived.push((from, datagram.to_vec()));
        }

        fn frame(&mut self, _: u64, [byte]: [u8; 1], out: &mut Vec<Sent>) -> bool {
            let play =
                |state: &mut State, inputs: &[(u8, InputStatus)]| mix(state, inputs.iter().map(|(byte, _)| *byte));
            let played = frame(&mut self.session, self.player, byte, &mut self.state, |_| None, play);
            out.append(&mut self.wire.borrow_mut().sent);
            played
        }
    }
}

pub mod fortress {
    //! fortress-rollback 0.13.

    use fortress_rollback::network::codec;
    use fortress_rollback::{
        Config, DisconnectBehavior, InputStatus, Message, NonBlockingSocket, P2PSession, SessionBuilder,
    };

    use super::{Member, PLAYERS, Sent, Shared, State, mix, take_arrived};
    use crate::peers::fortress::frame;

    struct Setup;

    impl Config for Setup {
        type Input = u8;
        type State = State;
        type Address = u8;
    }

    struct Socket(Shared);

    impl NonBlockingSocket<u8> for Socket {
        fn send_to(&mut self, message: &Message, to: &u8) {
            let mut buf = [0; 2048];
            let len = codec::encode_into(message, &mut buf).expect("a message of its own");
            self.0.borrow_mut().sent.push((usize::from(*to), buf[..len].to_vec()));
        }

        fn receive_all_messages(&mut self) -> Vec<(u8, Message)> {
            take_arrived(&self.0, |datagram| codec::decode_message(datagram).ok().map(|(message, _)| message))
        }
    }

    pub struct Fortress {
        session: P2PSession<Setup>,
        player: usize,
        wire: Shared,
        state: State,
    }

    impl Member for Fortress {
        fn new(player: usize) -> Self {
            let wire = Shared::default();
            let mut builder =
                SessionBuilder::new().with_num_players(PLAYERS).expect("valid").with_fps(60).expect("valid");
            for other in 0..PLAYERS {
                builder = if other == player {
                    builder.add_local_player(other).expect("a free place")
                } else {
                    builder.add_remote_player(other, other as u8).expect("a free place")
                };
            }
            let builder = builder.with_disconnect_behavior(DisconnectBehavior::ContinueWithout);
            let session = builder.start_p2p_session(Socket(wire.clone())).expect("valid");
            Self { session, player, wire, state: State::default() }
        }

        fn arrive(&mut self, _: u64, from: usize, datagram: &[u8]) {
            self.wire.borrow_mut().arrived.push((from, datagram.to_vec()));
        }

        fn frame(&mut self, _: u64, [byte]: [u8; 1], out: &mut Vec<Sent>) -> bool {
            let play =
                |state: &mut State, inputs: &[(u8, InputStatus)]| mix(state, inputs.iter().map(|(byte, _)| *byte));
            let played = frame(&mut self.session, self.player, byte, &mut self.state, play);
            out.append(&mut self.wire.borrow_mut().sent);
            played
        }
    }
}
