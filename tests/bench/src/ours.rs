//! This crate, bare: datagrams are handled when they arrive, events are taken at once.

use inputwire::{Config, DATAGRAM_MAX, Event, Instant, PeerConfig, PeerId, Session};

use crate::duel::{Datagrams, End};

/// The only peer of each session here.
pub const PEER: PeerId = PeerId::new(0);

/// A session for two.
pub fn session<const N: usize>(player: u8) -> Session<1, N> {
    let config = Config::builder().session(0x1bad_cafe).player(u16::from(player)).build().expect("valid");
    let mut session = Session::new(config);
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(u16::from(1 - player))).expect("room");
    session
}

/// Sends everything that is due.
pub fn drain<const N: usize>(session: &mut Session<1, N>, buf: &mut [u8; DATAGRAM_MAX], out: &mut Datagrams) {
    while let Some(transmit) = session.poll_transmit(buf) {
        out.push(transmit.datagram);
    }
}

pub fn rtt_ms<const N: usize>(session: &Session<1, N>) -> Option<f64> {
    Some(session.stats(PEER)?.rtt?.smoothed.as_secs_f64() * 1_000.0)
}

pub struct Bare<const N: usize> {
    session: Session<1, N>,
    buf: [u8; DATAGRAM_MAX],
    known: u64,
    hash: u64,
}

impl<const N: usize> Bare<N> {
    fn take(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                self.known = u64::from(frame.get()) + 1;
                self.hash = input.iter().fold(self.hash, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte));
            }
        }
    }
}

impl<const N: usize> End<N> for Bare<N> {
    fn new(player: u8) -> Self {
        Self { session: session(player), buf: [0; DATAGRAM_MAX], known: 0, hash: 0 }
    }

    fn arrive(&mut self, now: u64, datagram: &[u8], out: &mut Datagrams) {
        let _ = self.session.handle_datagram(Instant::from_micros(now), PEER, datagram);
        self.take();
        drain(&mut self.session, &mut self.buf, out);
    }

    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let pushed = self.session.push_input(Instant::from_micros(now), input).is_ok();
        self.take();
        drain(&mut self.session, &mut self.buf, out);
        pushed
    }

    fn deadline(&self) -> Option<u64> {
        self.session.poll_timeout().map(Instant::as_micros)
    }

    fn wake(&mut self, now: u64, out: &mut Datagrams) {
        self.session.handle_timeout(Instant::from_micros(now));
        self.take();
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
