//! Two ends play for very long over a bad link, both at the full rate of a game: every input is checked, and the state
//! of a session stays as large as it was, since all of it is in the session itself.
//!
//!     cargo run --release --example soak -- [FRAMES] [SEED]
//!
//! A frame is one simulation step, which both ends play. Half of the frames go by on each wire: 10^8 by default.

use std::time::Instant as Watch;

use inputwire::{Config, DATAGRAM_MAX, DatagramError, Epoch, Event, Instant, PeerConfig, PeerId, PushError, Session};

/// A frame, in microseconds.
const T: u64 = 16_667;
const PEER: PeerId = PeerId::new(0);
/// Frames in an epoch: a game of hours, and now and then a new one.
const EPOCH: u64 = 3_000_000;

type End = Session<1, 1>;

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
        let Soak { told, lost, pushed, sent, dropped, stalled, .. } = soak;
        println!(
            "{name}: {half} frames, {pushed} inputs pushed, {told} told and equal, {lost} lost by the wire, \
             {sent} datagrams, {dropped} dropped, {stalled} pushes that waited, {} bytes of state, {:.0} s so far",
            size_of::<End>(),
            watch.elapsed().as_secs_f64()
        );
    }
}

/// Numbers without end: SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.next() % odds == 0
    }
}

fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What a player does in a frame: held for a while, as in a game.
fn act(player: usize, epoch: u32, frame: u32) -> [u8; 1] {
    let key = u64::from(frame / 7) << 33 | u64::from(epoch) << 1 | u64::from(player == 1);
    [mix(key).to_le_bytes()[0] & 0x1f]
}

/// A datagram under way; the room for it is used again, so that the soak itself does not grow either.
#[derive(Clone)]
struct Flight {
    at: u64,
    len: usize,
    bytes: [u8; DATAGRAM_MAX],
}

struct Soak {
    ends: [End; 2],
    classic: bool,
    rng: Rng,
    now: u64,
    frames: u64,
    flights: [Vec<Flight>; 2],
    /// The frame after the newest told one, at each end.
    next: [u32; 2],
    /// While it lasts nothing arrives.
    outage: u64,
    pushed: u64,
    told: u64,
    lost: u64,
    sent: u64,
    dropped: u64,
    stalled: u64,
}

impl Soak {
    fn new(seed: u64, classic: bool, peer: fn(u16) -> PeerConfig<1>) -> Self {
        let ends = [0, 1].map(|player| {
            let mut end = End::new(Config::builder().player(player).build().expect("a configuration"));
            end.add_peer(Instant::ORIGIN, peer(1 - player)).expect("room for a peer");
            end
        });
        Self {
            ends,
            classic,
            rng: Rng(seed),
            now: 0,
            frames: 0,
            flights: [Vec::new(), Vec::new()],
            next: [0; 2],
            outage: 0,
            pushed: 0,
            told: 0,
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
            self.outage = self.now + self.rng.next() % 3_000_000;
        }
        if self.frames % EPOCH == 0 {
            return self.begin_epoch(now);
        }
        for player in 0..2 {
            let end = &mut self.ends[player];
            let input = act(player, end.epoch().get(), end.next_frame().get());
            match end.push_input(now, input) {
                Ok(_) => self.pushed += 1,
                Err(PushError::WindowFull(_)) => self.stalled += 1,
                Err(error) => panic!("{error}"),
            }
        }
        for player in 0..2 {
            self.send(player);
            self.arrive(player, now);
            self.hear(player);
        }
    }

    fn begin_epoch(&mut self, now: Instant) {
        // Nothing of the old epoch is under way: on the classic wire nobody could tell.
        self.flights.iter_mut().for_each(Vec::clear);
        for (end, next) in self.ends.iter_mut().zip(&mut self.next) {
            end.begin_epoch(now, Epoch::new(end.epoch().get() + 1)).expect("a newer epoch");
            *next = 0;
        }
    }

    fn send(&mut self, player: usize) {
        let mut buf = [0; DATAGRAM_MAX];
        while let Some(transmit) = self.ends[player].poll_transmit(&mut buf) {
            self.sent += 1;
            if self.now < self.outage || self.rng.one_in(10) {
                self.dropped += 1;
                continue;
            }
            let copies = if self.rng.one_in(50) { 2 } else { 1 };
            for _ in 0..copies {
                let len = transmit.datagram.len();
                let mut bytes = [0; DATAGRAM_MAX];
                bytes[..len].copy_from_slice(transmit.datagram);
                self.flights[1 - player].push(Flight { at: self.now + self.rng.next() % 80_000, len, bytes });
            }
        }
    }

    fn arrive(&mut self, player: usize, now: Instant) {
        let mut index = 0;
        while let Some(flight) = self.flights[player].get(index) {
            if flight.at > self.now {
                index += 1;
                continue;
            }
            let Flight { len, bytes, .. } = self.flights[player].swap_remove(index);
            match self.ends[player].handle_datagram(now, PEER, &bytes[..len]) {
                // Before the first hello, and late ones of the epoch before; a pong may come twice, or after eight others.
                Ok(()) | Err(DatagramError::NotReady | DatagramError::OtherEpoch | DatagramError::UnknownPing) => {}
                Err(error) => panic!("frame {}: {error}", self.frames),
            }
        }
    }

    fn hear(&mut self, player: usize) {
        while let Some(event) = self.ends[player].poll_event() {
            match event {
                Event::Input { frame, input, .. } => {
                    let epoch = self.ends[player].epoch().get();
                    let frame = frame.get();
                    assert_eq!(input, act(1 - player, epoch, frame), "epoch {epoch}, frame {frame}");
                    assert!(self.classic || frame == self.next[player], "epoch {epoch}, frame {frame} is out of order");
                    self.next[player] = self.next[player].max(frame + 1);
                    self.told += 1;
                }
                Event::Lost { count, .. } if self.classic => self.lost += u64::from(count),
                Event::Connected { .. } | Event::Health { .. } | Event::Flushed { .. } => {}
                event => panic!("frame {}: {event:?}", self.frames),
            }
        }
    }
}
