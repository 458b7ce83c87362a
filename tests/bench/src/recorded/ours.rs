//! inputwire: a bare session, and the rollback driver over one.

use std::time::Duration;

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
use inputwire_rollback::{Rollback, Status, Step};

use super::play::{Game, Setup};
use super::told::Told;
use crate::bare::{PEER, drain, rtt_ms};
use crate::duel::{Datagrams, FRAME_US};
use crate::game::State;

const FRAME: Duration = Duration::from_micros(FRAME_US);

fn session<const N: usize>(player: u8, setup: Setup) -> Session<1, N> {
    let mut config = Config::builder()
        .session_id(0x1bad_cafe)
        .local_player(u16::from(player))
        .incarnation(0x5eed_0000_0001 + u64::from(player));
    if let Some(silence) = setup.patience {
        config = config.disconnect_after(silence);
    }
    let mut session = Session::new(config.build().expect("valid"));
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(u16::from(1 - player))).expect("a free slot");
    session
}

/// A session alone: datagrams are handled when they arrive, and inputs taken at once. It never waits for the other player.
pub struct Bare<const N: usize> {
    session: Session<1, N>,
    buf: [u8; MAX_DATAGRAM_SIZE],
    told: Told<N>,
}

impl<const N: usize> Bare<N> {
    fn drain(&mut self, now: u64, out: &mut Datagrams) {
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                self.told.note(now, frame.get(), input);
            }
        }
        drain(&mut self.session, &mut self.buf, out);
    }
}

impl<const N: usize> Game<N> for Bare<N> {
    fn new(player: u8, setup: Setup) -> Self {
        Self { session: session(player, setup), buf: [0; MAX_DATAGRAM_SIZE], told: Told::new(setup.is_told) }
    }

    fn arrive(&mut self, now: u64, datagram: &[u8], out: &mut Datagrams) {
        let _ = self.session.handle_datagram(Instant::from_micros(now), PEER, datagram);
        self.drain(now, out);
    }

    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let is_pushed = self.session.push_input(Instant::from_micros(now), input).is_ok();
        self.drain(now, out);
        is_pushed
    }

    fn interval_us(&self) -> u64 {
        let pace = self.session.peer(PEER).and_then(|peer| peer.pace());
        pace.map_or(FRAME, |pace| pace.stretch(FRAME)).as_micros() as u64
    }

    fn deadline(&self) -> Option<u64> {
        self.session.poll_timeout().map(Instant::as_micros)
    }

    fn wake(&mut self, now: u64, out: &mut Datagrams) {
        self.session.handle_timeout(Instant::from_micros(now));
        self.drain(now, out);
    }

    fn told(&self) -> &Told<N> {
        &self.told
    }

    fn rtt_ms(&self) -> Option<f64> {
        rtt_ms(&self.session)
    }
}

/// The driver, which predicts up to eight frames and reads the network once a frame.
pub struct Driver<const N: usize> {
    driver: Rollback<State, Session<1, N>, 1, N>,
    player: u16,
    buf: [u8; MAX_DATAGRAM_SIZE],
    arrived: Datagrams,
    told: Told<N>,
}

impl<const N: usize> Game<N> for Driver<N> {
    fn new(player: u8, setup: Setup) -> Self {
        let mut driver = Rollback::new(session(player, setup), State::default());
        if setup.is_told {
            driver = driver.with_predictor(|latest, _| latest.map(|byte| !byte));
        }
        Self {
            driver,
            player: player.into(),
            buf: [0; MAX_DATAGRAM_SIZE],
            arrived: Datagrams::with_capacity(),
            told: Told::new(setup.is_told),
        }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.arrived.push(datagram);
    }

    fn frame(&mut self, now_us: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let now = Instant::from_micros(now_us);
        self.driver.handle_timeout(now);
        for datagram in self.arrived.iter() {
            let _ = self.driver.handle_datagram(now, PEER, datagram);
        }
        self.arrived.clear();
        while self.driver.poll_event().is_some() {}
        let (told, other) = (&mut self.told, 1 - self.player);
        let step = self.driver.step(now, input, |state, inputs| {
            let remote = inputs.get(other);
            if remote.status == Status::Confirmed {
                told.note(now_us, state.frame, remote.input);
            }
            state.play([inputs.input(0), inputs.input(1)]);
        });
        while let Some(transmit) = self.driver.poll_transmit(&mut self.buf) {
            out.push(transmit.datagram);
        }
        matches!(step, Step::Advanced { .. })
    }

    fn interval_us(&self) -> u64 {
        self.driver.frame_interval().as_micros() as u64
    }

    fn told(&self) -> &Told<N> {
        &self.told
    }

    fn rtt_ms(&self) -> Option<f64> {
        rtt_ms(self.driver.session())
    }
}
