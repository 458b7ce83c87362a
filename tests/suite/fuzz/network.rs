//! Two endpoints and a network under the fuzzer's control, until it heals: laws 1, 2, 8, 9 and 10.
//!
//! With a key, endpoints restart and begin epochs at any time, and any bytes may arrive. Otherwise the network only loses,
//! repeats and reorders: a tag of 16 bits would let some forged bytes pass, and the classic wire cannot distinguish epochs.
//! The exact bounds of law 10 are left to the simulator; here everything must be delivered before long.

use inputwire::{Config, Departure, Epoch, Event, PeerConfig, PeerEvent, PeerId, PeerRef, PushError, Session};

use super::bytes::Bytes;
use super::watch::{at, drain, poll, wake};

const PEER: PeerId = PeerId::new(0);
/// A frame, in microseconds.
const T: u64 = 16_667;
/// Everything is delivered within this time after the network heals: epochs settle with the third hello at the latest.
/// The classic wire requests missing frames once a round trip, which a long-delayed pong makes seem long.
const SETTLED: u64 = 3_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Compact,
    Keyed,
    Classic,
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(8) {
        0 => World::<1, 120>::new(Wire::Classic, PeerConfig::classic).play(bytes),
        1 => World::<1, 120>::new(Wire::Compact, PeerConfig::compact).play(bytes),
        2 | 3 => World::<4, 5>::new(Wire::Keyed, PeerConfig::compact).play(bytes),
        _ => World::<4, 120>::new(Wire::Keyed, PeerConfig::compact).play(bytes),
    }
}

/// One endpoint, and what was delivered to it.
#[derive(Debug)]
struct Endpoint<const INPUT_LEN: usize, const WINDOW: usize> {
    session: Session<1, INPUT_LEN, WINDOW>,
    /// Its own run, and the run of the peer whose inputs were delivered in this epoch.
    run: u8,
    source: Option<u8>,
    /// The next frame to be delivered; on the classic wire also whether each frame was.
    next: u32,
    delivered: Vec<bool>,
    lost: u32,
    /// The epoch to begin, since the peer is ahead or restarted.
    follow: Option<u32>,
}

struct World<const INPUT_LEN: usize, const WINDOW: usize> {
    wire: Wire,
    peer: fn(u16) -> PeerConfig<INPUT_LEN>,
    endpoints: [Endpoint<INPUT_LEN, WINDOW>; 2],
    now: u64,
    /// Datagrams in flight and all datagrams ever sent, by receiver.
    in_flight: [Vec<Vec<u8>>; 2],
    sent: [Vec<Vec<u8>>; 2],
}

/// The input of a player in a frame, which can be mistaken for no other.
fn act<const INPUT_LEN: usize>(player: usize, run: u8, epoch: u32, frame: u32) -> [u8; INPUT_LEN] {
    let [low, high, ..] = (frame / 3).to_le_bytes();
    let mark = low.wrapping_mul(29) ^ high ^ u8::from(player == 1);
    let whole = [run, epoch.to_le_bytes()[0], low, mark];
    std::array::from_fn(|place| if INPUT_LEN == 1 { mark } else { whole[place] })
}

impl<const INPUT_LEN: usize, const WINDOW: usize> World<INPUT_LEN, WINDOW> {
    fn new(wire: Wire, peer: fn(u16) -> PeerConfig<INPUT_LEN>) -> Self {
        let endpoints = [0, 1].map(|player| Self::endpoint(wire, peer, player, 1, 0));
        let none = || [Vec::new(), Vec::new()];
        Self { wire, peer, endpoints, now: 0, in_flight: none(), sent: none() }
    }

    fn endpoint(
        wire: Wire,
        peer: fn(u16) -> PeerConfig<INPUT_LEN>,
        player: u16,
        run: u8,
        now: u64,
    ) -> Endpoint<INPUT_LEN, WINDOW> {
        let mut config = Config::builder().local_player(player).incarnation((u64::from(run) << 32) + u64::from(player));
        if wire == Wire::Keyed {
            config = config.key([1; 16]);
        }
        let mut session = Session::new(config.build().expect("a configuration"));
        session.add_peer(at(now), peer(1 - player)).expect("room for a peer");
        Endpoint { session, run, source: None, next: 0, delivered: Vec::new(), lost: 0, follow: None }
    }

    fn play(mut self, mut bytes: Bytes<'_>) {
        for _ in 0..64 {
            if bytes.is_empty() {
                break;
            }
            self.step(&mut bytes);
        }
        self.heal();
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let what = bytes.u8();
        let side = usize::from(what >> 7);
        let keyed = self.wire == Wire::Keyed;
        match what & 31 {
            0..=5 => {
                self.pass(T);
                (0..2).for_each(|side| self.push(side));
            }
            6 => self.pass(u64::from(bytes.u8()) * 500),
            7 => self.pass(u64::from(bytes.u8()) * 100_000),
            8 | 9 => self.push(side),
            10..=12 => self.send(side),
            13..=15 => self.poll(side),
            16..=19 => {
                let count = self.in_flight[side].len().min(usize::from(bytes.below(8)) + 1);
                for datagram in self.in_flight[side].drain(..count).collect::<Vec<_>>() {
                    self.receive(side, &datagram);
                }
            }
            20 | 21 if !self.in_flight[side].is_empty() => {
                let index = usize::from(bytes.u8()) % self.in_flight[side].len();
                let datagram = self.in_flight[side].swap_remove(index);
                self.receive(side, &datagram);
            }
            22 => {
                let kept = usize::from(bytes.u8());
                self.in_flight[side].truncate(kept % 4);
            }
            23 | 24 if !self.sent[side].is_empty() => {
                let back = usize::from(bytes.u8());
                let datagram = self.sent[side][self.sent[side].len() - 1 - back % self.sent[side].len()].clone();
                self.receive(side, &datagram);
            }
            25 if keyed => {
                let mut datagram = self.sent[side].last().cloned().unwrap_or_default();
                let (place, change) = (usize::from(bytes.u8()), bytes.u8());
                if let Some(byte) = datagram.get_mut(place) {
                    *byte ^= change;
                } else {
                    datagram.push(change);
                }
                self.receive(side, &datagram);
            }
            26 | 27 if keyed => {
                let epoch = self.endpoints[side].session.epoch().get() + 1 + u32::from(bytes.below(5));
                self.begin(side, epoch);
            }
            28 if keyed => self.restart(side),
            31 if keyed && what & 0x60 == 0x60 => self.endpoints[side].session.disconnect_peer(at(self.now), PEER),
            31 if keyed && what & 0x60 == 0x40 => self.endpoints[side].session.close(at(self.now)),
            29 => self.endpoints[side].session.handle_transport_closed(at(self.now), PEER),
            30 => self.endpoints[side].session.handle_transport_opened(at(self.now), PEER),
            _ => self.follow(side),
        }
    }

    fn pass(&mut self, micros: u64) {
        self.now += micros;
        for Endpoint { session, .. } in &mut self.endpoints {
            session.handle_timeout(at(self.now));
            wake(session, self.now);
        }
    }

    fn push(&mut self, side: usize) {
        let Endpoint { session, run, .. } = &mut self.endpoints[side];
        let input = act(side, *run, session.epoch().get(), session.next_frame().get());
        // A full window is no fault: the peer may receive nothing.
        let _ = session.push_input(at(self.now), input);
    }

    fn send(&mut self, side: usize) {
        let (in_flight, sent) = (&mut self.in_flight[1 - side], &mut self.sent[1 - side]);
        drain(&mut self.endpoints[side].session, |_, datagram| {
            in_flight.push(datagram.to_vec());
            sent.push(datagram.to_vec());
        });
    }

    fn receive(&mut self, side: usize, datagram: &[u8]) {
        let Endpoint { session, .. } = &mut self.endpoints[side];
        let _ = session.handle_datagram(at(self.now), PEER, datagram);
        wake(session, self.now);
    }

    fn poll(&mut self, side: usize) {
        let classic = self.wire == Wire::Classic;
        let runs = self.endpoints[1 - side].run;
        let Endpoint { session, source, next, delivered, lost, follow, .. } = &mut self.endpoints[side];
        let epoch = session.epoch().get();
        poll(session, |event| match event {
            Event::Input { frame, input, .. } => {
                let frame = frame.get();
                let run = if INPUT_LEN == 1 { 1 } else { input[0] };
                assert_eq!(*source.get_or_insert(run), run, "inputs of two runs in one epoch");
                assert!(run <= runs, "an input of a run that never was");
                assert_eq!(input, act(1 - side, run, epoch, frame), "law 1: frame {frame}");
                if classic {
                    let place = usize::try_from(frame).expect("an index");
                    delivered.resize(delivered.len().max(place + 1), false);
                    assert!(!std::mem::replace(&mut delivered[place], true), "law 2: frame {frame} is delivered twice");
                } else {
                    assert_eq!(frame, *next, "law 2");
                }
                *next = (*next).max(frame + 1);
            }
            Event::Peer { event, .. } => match event {
                PeerEvent::Lost { count, .. } if classic => *lost += count,
                PeerEvent::EpochAhead { epoch } => *follow = (*follow).max(Some(epoch.get())),
                PeerEvent::Restarted => *follow = (*follow).max(Some(epoch + 1)),
                PeerEvent::OutOfSync | PeerEvent::Mismatch { .. } | PeerEvent::Conflict | PeerEvent::Lost { .. } => {
                    panic!("between honest endpoints: {event:?}")
                }
                _ => {}
            },
            _ => {}
        });
    }

    fn begin(&mut self, side: usize, epoch: u32) {
        let endpoint = &mut self.endpoints[side];
        if endpoint.session.begin_epoch(at(self.now), Epoch::new(epoch)).is_ok() {
            (endpoint.source, endpoint.next) = (None, 0);
            endpoint.follow = endpoint.follow.filter(|ahead| *ahead > epoch);
        }
    }

    fn follow(&mut self, side: usize) {
        self.poll(side);
        if let Some(epoch) = self.endpoints[side].follow.take() {
            self.begin(side, epoch);
        }
    }

    fn restart(&mut self, side: usize) {
        let run = self.endpoints[side].run + 1;
        self.endpoints[side] = Self::endpoint(self.wire, self.peer, u16::from(side == 1), run, self.now);
    }

    /// From now on everything arrives at once, and both applications poll and follow.
    fn heal(&mut self) {
        self.in_flight.iter_mut().for_each(Vec::clear);
        let limit = self.now + SETTLED + if self.wire == Wire::Classic { 2 * self.now } else { 0 };
        for side in 0..2 {
            let Endpoint { session, .. } = &mut self.endpoints[side];
            session.handle_transport_opened(at(self.now), PEER);
            // Whoever closed its session, or has disconnected the other, begins another one.
            let left = session.peer(PEER).is_none_or(|peer| peer.departure() != Departure::Present);
            if left || session.clone().push_input(at(self.now), [0; INPUT_LEN]) == Err(PushError::Closed) {
                self.restart(side);
            }
        }
        // Each endpoint pushes one more input as soon as it can, so that even a lost last datagram has a successor.
        let mut owing = [true; 2];
        loop {
            for side in [0, 1, 0, 1] {
                self.send(side);
                for datagram in std::mem::take(&mut self.in_flight[1 - side]) {
                    self.receive(1 - side, &datagram);
                }
                self.follow(1 - side);
            }
            let agreed = self.endpoints[0].session.epoch() == self.endpoints[1].session.epoch();
            if agreed && owing == [false; 2] && self.is_settled() {
                return;
            }
            let owed = owing;
            for (side, owing) in owing.iter_mut().enumerate().filter(|_| agreed) {
                let before = self.endpoints[side].session.next_frame();
                if *owing {
                    self.push(side);
                    *owing = self.endpoints[side].session.next_frame() == before;
                }
            }
            // A push is due at once, without a wake.
            if owing != owed {
                continue;
            }
            let due = self.endpoints.iter().filter_map(|endpoint| wake(&endpoint.session, self.now)).min();
            let due = due.expect("a link that sleeps for ever");
            let due = if owing == [false; 2] { due } else { due.min(self.now + T) };
            assert!(due < limit, "law 10: not delivered long after the network healed");
            self.pass(due - self.now);
        }
    }

    /// Whether everything pushed is delivered and acknowledged, or reported as lost on the classic wire.
    fn is_settled(&self) -> bool {
        (0..2).all(|side| {
            let pushed = self.endpoints[1 - side].session.next_frame().get();
            let Endpoint { session, next, delivered, lost, .. } = &self.endpoints[side];
            let arrived = u32::try_from(delivered.iter().filter(|delivered| **delivered).count()).expect("few");
            *next == pushed
                && match self.wire {
                    Wire::Classic => arrived + lost == pushed,
                    _ => session.peer(PEER).map(PeerRef::unacked) == Some(0),
                }
        })
    }
}
