//! inputwire alone: datagrams are handled when they arrive, and events are polled at once.

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, Session};

use crate::duel::{Datagrams, Endpoint};

/// The only peer of each session here.
pub const PEER: PeerId = PeerId::new(0);

/// Makes a session for two players.
pub fn session<const N: usize>(player: u8) -> Session<1, N> {
    let config =
        Config::builder().session_id(0x1bad_cafe).local_player(u16::from(player)).incarnation(0x5eed_0000_0001);
    let mut session = Session::new(config.build().expect("valid"));
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(u16::from(1 - player))).expect("a free slot");
    session
}

/// Polls all datagrams that are due.
pub fn drain<const N: usize>(session: &mut Session<1, N>, buf: &mut [u8; MAX_DATAGRAM_SIZE], out: &mut Datagrams) {
    while let Some(transmit) = session.poll_transmit(buf) {
        out.push(transmit.datagram);
    }
}

pub fn rtt_ms<const N: usize>(session: &Session<1, N>) -> Option<f64> {
    Some(session.peer(PEER)?.stats().rtt?.smoothed.as_secs_f64() * 1_000.0)
}

pub struct Bare<const N: usize> {
    session: Session<1, N>,
    buf: [u8; MAX_DATAGRAM_SIZE],
    known: u64,
    hash: u64,
}

impl<const N: usize> Bare<N> {
    fn poll_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                self.known = u64::from(frame.get()) + 1;
                self.hash = input.iter().fold(self.hash, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte));
            }
        }
    }
}

impl<const N: usize> Endpoint<N> for Bare<N> {
    fn new(player: u8) -> Self {
        Self { session: session(player), buf: [0; MAX_DATAGRAM_SIZE], known: 0, hash: 0 }
    }

    fn arrive(&mut self, now: u64, datagram: &[u8], out: &mut Datagrams) {
        let _ = self.session.handle_datagram(Instant::from_micros(now), PEER, datagram);
        self.poll_events();
        drain(&mut self.session, &mut self.buf, out);
    }

    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let pushed = self.session.push_input(Instant::from_micros(now), input).is_ok();
        self.poll_events();
        drain(&mut self.session, &mut self.buf, out);
        pushed
    }

    fn deadline(&self) -> Option<u64> {
        self.session.poll_timeout().map(Instant::as_micros)
    }

    fn wake(&mut self, now: u64, out: &mut Datagrams) {
        self.session.handle_timeout(Instant::from_micros(now));
        self.poll_events();
        drain(&mut self.session, &mut self.buf, out);
    }

    fn known(&self) -> u64 {
        self.known
    }

    fn rtt_ms(&self) -> Option<f64> {
        rtt_ms(&self.session)
    }

    fn hash(&self) -> u64 {
        self.hash
    }
}
