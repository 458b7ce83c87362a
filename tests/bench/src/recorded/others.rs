//! ggrs and fortress-rollback, over a socket in memory, with their default settings except for the patience.

use super::play::{Game, Setup};
use super::told::Told;
use crate::duel::{Datagrams, FRAME_US};
use crate::game::State;
use crate::peers::{Shared, Wrap, hand_over, wire};

/// How long a frame lasts, as in the examples of ggrs; fortress-rollback is made from it.
fn interval_us(frames_ahead: i32) -> u64 {
    if frames_ahead > 0 { FRAME_US * 11 / 10 } else { FRAME_US }
}

pub mod ggrs {
    //! ggrs 0.13.

    use ggrs::{InputStatus, P2PSession, PlayerType, SessionBuilder};

    use super::{Datagrams, Game, Setup, Shared, State, Told, Wrap, hand_over, interval_us, wire};
    use crate::peers::ggrs::{Setup as Kind, Socket, frame};

    /// Measures what it is told with inputs of the type [`Fresh`](crate::recorded::told::Fresh).
    pub struct Ggrs<I: Wrap<N>, const N: usize> {
        session: P2PSession<Kind<(I, [(); N])>>,
        player: usize,
        wire: Shared,
        state: State,
        told: Told<N>,
    }

    impl<I: Wrap<N>, const N: usize> Game<N> for Ggrs<I, N> {
        fn new(player: u8, setup: Setup) -> Self {
            let wire = wire();
            let player = usize::from(player);
            let mut builder = SessionBuilder::new()
                .with_num_players(2)
                .and_then(|builder| builder.with_fps(60))
                .and_then(|builder| builder.add_player(PlayerType::Local, player))
                .and_then(|builder| builder.add_player(PlayerType::Remote(0), 1 - player))
                .expect("valid");
            if let Some(silence) = setup.patience {
                builder = builder.with_disconnect_timeout(silence);
            }
            let session = builder.start_p2p_session(Socket(wire.clone())).expect("valid");
            Self { session, player, wire, state: State::default(), told: Told::new(setup.is_told) }
        }

        fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
            self.wire.borrow_mut().arrived.push(datagram);
        }

        fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
            let (told, other) = (&mut self.told, 1 - self.player);
            let play = |state: &mut State, inputs: &[(I, InputStatus)]| {
                if inputs[other].1 == InputStatus::Confirmed {
                    told.note(now, state.frame, inputs[other].0.unwrap());
                }
                state.play([inputs[0].0.unwrap(), inputs[1].0.unwrap()]);
            };
            let input = I::wrap(input);
            let is_played = frame(&mut self.session, self.player, input, &mut self.state, |_| None, play);
            hand_over(&self.wire, out);
            is_played
        }

        fn interval_us(&self) -> u64 {
            interval_us(self.session.frames_ahead())
        }

        fn told(&self) -> &Told<N> {
            &self.told
        }

        fn rtt_ms(&self) -> Option<f64> {
            self.session.network_stats(1 - self.player).ok().map(|stats| stats.ping as f64)
        }
    }
}

pub mod fortress {
    //! fortress-rollback 0.13.

    use fortress_rollback::{InputStatus, P2PSession, PlayerHandle, SessionBuilder};

    use super::{Datagrams, Game, Setup, Shared, State, Told, Wrap, hand_over, interval_us, wire};
    use crate::peers::fortress::{Setup as Kind, Socket, frame};

    /// Measures what it is told with inputs of the type [`Fresh`](crate::recorded::told::Fresh).
    pub struct Fortress<I: Wrap<N>, const N: usize> {
        session: P2PSession<Kind<(I, [(); N])>>,
        player: usize,
        wire: Shared,
        state: State,
        told: Told<N>,
    }

    impl<I: Wrap<N>, const N: usize> Game<N> for Fortress<I, N> {
        fn new(player: u8, setup: Setup) -> Self {
            let wire = wire();
            let player = usize::from(player);
            let mut builder = SessionBuilder::new()
                .with_num_players(2)
                .and_then(|builder| builder.with_fps(60))
                .and_then(|builder| builder.add_local_player(player))
                .and_then(|builder| builder.add_remote_player(1 - player, 0))
                .expect("valid");
            if let Some(silence) = setup.patience {
                builder = builder.with_disconnect_timeout(silence);
            }
            let session = builder.start_p2p_session(Socket::new(wire.clone())).expect("valid");
            Self { session, player, wire, state: State::default(), told: Told::new(setup.is_told) }
        }

        fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
            self.wire.borrow_mut().arrived.push(datagram);
        }

        fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
            let (told, other) = (&mut self.told, 1 - self.player);
            let play = |state: &mut State, inputs: &[(I, InputStatus)]| {
                if inputs[other].1 == InputStatus::Confirmed {
                    told.note(now, state.frame, inputs[other].0.unwrap());
                }
                state.play([inputs[0].0.unwrap(), inputs[1].0.unwrap()]);
            };
            let is_played = frame(&mut self.session, self.player, I::wrap(input), &mut self.state, play);
            hand_over(&self.wire, out);
            is_played
        }

        fn interval_us(&self) -> u64 {
            interval_us(self.session.frames_ahead())
        }

        fn told(&self) -> &Told<N> {
            &self.told
        }

        fn rtt_ms(&self) -> Option<f64> {
            self.session.network_stats(PlayerHandle::new(1 - self.player)).ok().map(|stats| stats.ping as f64)
        }
    }
}
