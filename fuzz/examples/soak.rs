//! Two endpoints play for very long over a bad link, at the full rate of a game. Every input is checked, and the state
//! of a session never grows, since all of it is in the session itself.
//!
//!     cargo run --release --example soak -- [FRAMES] [SEED]
//!
//! A frame is one simulation step, which both endpoints play. Half of the frames are played on each wire: 10^8 by default.

use std::time::Instant as Watch;

use inputwire::{
    Config, DatagramError, Epoch, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PushError, Session,
};
use inputwire_sim::rng::{Rng, mix};

/// A frame, in microseconds.
const T: u64 = 16_667;
const PEER: PeerId = PeerId::new(0);
/// Frames in an epoch: a game of many hours.
const EPOCH: u64 = 3_000_000;

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().expect("a number"));
    let frames = args.next().unwrap_or(100_000_000);
    let seed = args.next().unwrap_or(1);
    let watch = Watch::now();
    for (name, peer) in [("compact", PeerConfig::compact as fn(u16) -> PeerConfig<1>), ("classic", PeerConfig::classic)]
    {
        let mut soak = Soak::new(seed, name == "classic", peer);
        let half = frames / 2;
        while soak.frames < half {
            soak.frame();
        }
        let Soak { delivered, lost, pushed, sent, dropped, stalled, .. } = soak;
        println!(
            "{name}: {half} frames, {pushed} inputs pushed, {delivered} delivered and equal, {lost} lost by the wire, \
             {sent} datagrams, {dropped} dropped, {stalled} pushes that waited, {} bytes of state, {:.0} s so far",
            size_of::<Session<1, 1>>(),
            watch.elapsed().as_secs_f64()
        );
    }
}

/// The input of a player in a frame: held for a while, as in a game.
fn act(player: usize, epoch: u32, frame: u32) -> [u8; 1] {
    let key = u64::from(frame / 7) << 33 | u64::from(epoch) << 1 | u64::from(player == 1);
    [mix(key).to_le_bytes()[0] & 0x1f]
}

/// A datagram in flight, of a fixed size, so that the soak itself does not grow either.
#[derive(Clone)]
struct Flight {
    at: u64,
    len: usize,
    bytes: [u8; MAX_DATAGRAM_SIZE],
}

struct Soak {
    sessions: [Session<1, 1>; 2],
    classic: bool,
    rng: Rng,
    now: u64,
    frames: u64,
    in_flight: [Vec<Flight>; 2],
    /// The frame after the newest delivered one, at each endpoint.
    next: [u32; 2],
    /// Until this time nothing is sent.
    outage: u64,
    pushed: u64,
    delivered: u64,
    lost: u64,
    sent: u64,
    dropped: u64,
    stalled: u64,
}

impl Soak {
    fn new(seed: u64, classic: bool, peer: fn(u16) -> PeerConfig<1>) -> Self {
        let sessions = [0, 1].map(|player| {
            let config = Config::builder().local_player(player).incarnation(0x5eed_0000_0001);
            let mut session = Session::new(config.build().expect("a configuration"));
            session.add_peer(Instant::ORIGIN, peer(1 - player)).expect("room for a peer");
            session
        });
        Self {
            sessions,
            classic,
            rng: Rng::new(seed),
            now: 0,
            frames: 0,
            in_flight: [Vec::new(), Vec::new()],
            next: [0; 2],
            outage: 0,
            pushed: 0,
            delivered: 0,
            lost: 0,
            sent: 0,
            dropped: 0,
            stalled: 0,
        }
    }

    fn frame(&mut self) {
        self.frames += 1;
        self.now += T;
        let now = Instant::from_micros(self.now);
        if self.rng.one_in(20_000) {
            self.outage = self.now + self.rng.below(3_000_000);
        }
        if self.frames.is_multiple_of(EPOCH) {
            return self.begin_epoch(now);
        }
        for player in 0..2 {
            let session = &mut self.sessions[player];
            let input = act(player, session.epoch().get(), session.next_frame().get());
            match session.push_input(now, input) {
                Ok(_) => self.pushed += 1,
                Err(PushError::WindowFull(_)) => self.stalled += 1,
                Err(error) => panic!("{error}"),
            }
        }
        for player in 0..2 {
            self.send(player);
            self.receive(player, now);
            self.poll(player);
        }
    }

    fn begin_epoch(&mut self, now: Instant) {
        // Nothing of the old epoch stays in flight: the classic wire could not distinguish it.
        self.in_flight.iter_mut().for_each(Vec::clear);
        for (session, next) in self.sessions.iter_mut().zip(&mut self.next) {
            session.begin_epoch(now, Epoch::new(session.epoch().get() + 1)).expect("a newer epoch");
            *next = 0;
        }
    }

    fn send(&mut self, player: usize) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = self.sessions[player].poll_transmit(&mut buf) {
            self.sent += 1;
            if self.now < self.outage || self.rng.one_in(10) {
                self.dropped += 1;
                continue;
            }
            let copies = if self.rng.one_in(50) { 2 } else { 1 };
            for _ in 0..copies {
                let len = transmit.datagram.len();
                let mut bytes = [0; MAX_DATAGRAM_SIZE];
                bytes[..len].copy_from_slice(transmit.datagram);
                self.in_flight[1 - player].push(Flight { at: self.now + self.rng.below(80_000), len, bytes });
            }
        }
    }

    fn receive(&mut self, player: usize, now: Instant) {
        let mut index = 0;
        while let Some(flight) = self.in_flight[player].get(index) {
            if flight.at > self.now {
                index += 1;
                continue;
            }
            let Flight { len, bytes, .. } = self.in_flight[player].swap_remove(index);
            match self.sessions[player].handle_datagram(now, PEER, &bytes[..len]) {
                Ok(()) => {}
                // Before the first hello, or late from the previous epoch.
                Err(DatagramError::NotReady | DatagramError::OtherEpoch) => {}
                // A hello or a pong that is a duplicate or overtaken; a pong also after eight others.
                Err(DatagramError::LateHello | DatagramError::UnknownPing) => {}
                Err(error) => panic!("frame {}: {error}", self.frames),
            }
        }
    }

    fn poll(&mut self, player: usize) {
        while let Some(event) = self.sessions[player].poll_event() {
            match event {
                Event::Input { frame, input, .. } => {
                    let epoch = self.sessions[player].epoch().get();
                    let frame = frame.get();
                    assert_eq!(input, act(1 - player, epoch, frame), "epoch {epoch}, frame {frame}");
                    assert!(self.classic || frame == self.next[player], "epoch {epoch}, frame {frame} is out of order");
                    self.next[player] = self.next[player].max(frame + 1);
                    self.delivered += 1;
                }
                Event::Peer { event: PeerEvent::Lost { count, .. }, .. } if self.classic => {
                    self.lost += u64::from(count)
                }
                Event::Peer { event: PeerEvent::Connected | PeerEvent::Health { .. } | PeerEvent::Flushed, .. } => {}
                event => panic!("frame {}: {event:?}", self.frames),
            }
        }
    }
}
