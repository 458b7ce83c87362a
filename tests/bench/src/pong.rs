//! Pong of the driver's example, on the driver and on ggrs, over the same link in memory.

use ggrs::{Config, InputStatus, P2PSession, PlayerType, PredictRepeatLast, SessionBuilder};
use inputwire::{Instant, MAX_DATAGRAM_SIZE, Session};
use inputwire_rollback::{Rollback, Step};

use crate::bare::{PEER, rtt_ms, session};
use crate::duel::{Datagrams, Depths, Endpoint};
use crate::peers::ggrs::{Socket, frame};
use crate::peers::{Shared, hand_over, wire};

#[path = "../../../crates/rollback/examples/pong/game.rs"]
#[expect(dead_code, reason = "the example uses more of it")]
mod game;
use game::Pong;

/// A game that never ends.
fn pong() -> Pong {
    Pong::new(2, u8::MAX)
}

pub struct Ours {
    driver: Rollback<Pong, Session<1, 1>, 1, 1>,
    buf: [u8; MAX_DATAGRAM_SIZE],
    arrived: Datagrams,
}

impl Endpoint<1> for Ours {
    fn new(player: u8) -> Self {
        let driver = Rollback::new(session(player), pong()).with_checksums(10, Pong::hash);
        Self { driver, buf: [0; MAX_DATAGRAM_SIZE], arrived: Datagrams::with_capacity() }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.arrived.push(datagram);
    }

    fn frame(&mut self, now: u64, input: [u8; 1], out: &mut Datagrams) -> bool {
        let now = Instant::from_micros(now);
        self.driver.handle_timeout(now);
        for datagram in self.arrived.iter() {
            let _ = self.driver.handle_datagram(now, PEER, datagram);
        }
        self.arrived.clear();
        while self.driver.poll_event().is_some() {}
        let step = self.driver.step(now, input, Pong::play);
        while let Some(transmit) = self.driver.poll_transmit(&mut self.buf) {
            out.push(transmit.datagram);
        }
        matches!(step, Step::Advanced { .. })
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn wake(&mut self, _: u64, _: &mut Datagrams) {}

    fn known(&self) -> u64 {
        let last = self.driver.session().peer(PEER).and_then(|peer| peer.last_frame());
        last.map_or(0, |frame| u64::from(frame.get()) + 1)
    }

    fn rtt_ms(&self) -> Option<f64> {
        rtt_ms(self.driver.session())
    }

    fn hash(&self) -> u64 {
        self.driver.state().hash()
    }

    fn depths(&self) -> Depths {
        let stats = self.driver.stats();
        (stats.rollbacks, stats.resimulated, stats.deepest)
    }
}

struct Setup;

impl Config for Setup {
    type Input = u8;
    type InputPredictor = PredictRepeatLast;
    type State = Pong;
    type Address = u8;
}

pub struct Ggrs {
    session: P2PSession<Setup>,
    player: usize,
    wire: Shared,
    state: Pong,
    depths: Depths,
}

impl Endpoint<1> for Ggrs {
    fn new(player: u8) -> Self {
        let (wire, player) = (wire(), usize::from(player));
        let session = SessionBuilder::new()
            .with_num_players(2)
            .and_then(|builder| builder.with_fps(60))
            .and_then(|builder| builder.add_player(PlayerType::Local, player))
            .and_then(|builder| builder.add_player(PlayerType::Remote(0), 1 - player))
            .map(|builder| builder.with_desync_detection_mode(ggrs::DesyncDetection::On { interval: 10 }))
            .and_then(|builder| builder.start_p2p_session(Socket(wire.clone())))
            .expect("valid");
        Self { session, player, wire, state: pong(), depths: (0, 0, 0) }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.wire.borrow_mut().arrived.push(datagram);
    }

    fn frame(&mut self, _: u64, [input]: [u8; 1], out: &mut Datagrams) -> bool {
        let mut advanced = 0;
        let play = |state: &mut Pong, inputs: &[(u8, InputStatus)]| {
            state.advance([Some(inputs[0].0), Some(inputs[1].0), None, None]);
            advanced += 1;
        };
        let hash = |state: &Pong| Some(u128::from(state.hash()));
        let played = frame(&mut self.session, self.player, input, &mut self.state, hash, play);
        let again = advanced - u32::from(played && advanced > 0);
        self.depths.0 += u64::from(again > 0);
        self.depths.1 += u64::from(again);
        self.depths.2 = self.depths.2.max(again);
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
        self.state.hash()
    }

    fn depths(&self) -> Depths {
        self.depths
    }
}
