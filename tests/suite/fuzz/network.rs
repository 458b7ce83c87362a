//! Two ends and a network that does what the fuzzer wants, until it heals: laws 1, 2, 8, 9 and 10.
//!
//! On the compact wire ends restart and begin epochs as they like; the bounds of law 10 are the simulator's business, here
//! everything has to be told before long. With a key any bytes may arrive. Without one a check of 16 bits would let
//! some pass, and on the classic wire nothing tells two epochs apart, so there the network only loses and disorders.

use inputwire::{Config, Epoch, Event, PeerConfig, PeerId, Session};

use super::bytes::Bytes;
use super::watch::{at, drain, tell, wake};

const PEER: PeerId = PeerId::new(0);
/// A frame, in microseconds.
const T: u64 = 16_667;
/// Everything is told within this time after the network healed: epochs settle with the third hello at the latest. The
/// classic wire asks for a hole once a round trip, and a pong that was long under way says that this is long.
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

/// One end, and what it must have been told.
#[derive(Debug)]
struct End<const INPUT: usize, const WINDOW: usize> {
    session: Session<1, INPUT, WINDOW>,
    /// Its own run, and the peer's whose inputs came in this epoch.
    run: u8,
    source: Option<u8>,
    /// The next frame to be told; on the classic wire a bit for each that was.
    told: u32,
    seen: Vec<bool>,
    lost: u32,
    /// The epoch to begin, since the peer is ahead or started anew.
    follow: Option<u32>,
}

struct World<const INPUT: usize, const WINDOW: usize> {
    wire: Wire,
    peer: fn(u16) -> PeerConfig<INPUT>,
    ends: [End<INPUT, WINDOW>; 2],
    now: u64,
    /// Datagrams on their way, by receiver, and everything that was ever said.
    flying: [Vec<Vec<u8>>; 2],
    said: [Vec<Vec<u8>>; 2],
}

/// What a player does in a frame, so that nobody can take it for anything else.
fn act<const INPUT: usize>(player: usize, run: u8, epoch: u32, frame: u32) -> [u8; INPUT] {
    let [low, high, ..] = (frame / 3).to_le_bytes();
    let mark = low.wrapping_mul(29) ^ high ^ u8::from(player == 1);
    let whole = [run, epoch.to_le_bytes()[0], low, mark];
    std::array::from_fn(|place| if INPUT == 1 { mark } else { whole[place] })
}

impl<const INPUT: usize, const WINDOW: usize> World<INPUT, WINDOW> {
    fn new(wire: Wire, peer: fn(u16) -> PeerConfig<INPUT>) -> Self {
        let end = |player| End {
            session: Self::session(wire, peer, player, 1, 0),
            run: 1,
            source: None,
            told: 0,
            seen: Vec::new(),
            lost: 0,
            follow: None,
        };
        let none = || [Vec::new(), Vec::new()];
        Self { wire, peer, ends: [end(0), end(1)], now: 0, flying: none(), said: none() }
    }

    fn session(
        wire: Wire,
        peer: fn(u16) -> PeerConfig<INPUT>,
        player: u16,
        run: u8,
        now: u64,
    ) -> Session<1, INPUT, WINDOW> {
        let mut config = Config::builder().player(player).incarnation(run.into());
        if wire == Wire::Keyed {
            config = config.key([1; 16]);
        }
        let mut session = Session::new(config.build().expect("a configuration"));
        session.add_peer(at(now), peer(1 - player)).expect("room for a peer");
        session
    }

    fn play(mut self, mut bytes: Bytes<'_>) {
        for _ in 0..64 {
            if bytes.is_empty() {
                break;
            }
            self.happen(&mut bytes);
        }
        self.heal();
    }

    fn happen(&mut self, bytes: &mut Bytes<'_>) {
        let what = bytes.u8();
        let end = usize::from(what >> 7);
        let stable = self.wire != Wire::Keyed;
        match what & 31 {
            0..=5 => {
                self.pass(T);
                (0..2).for_each(|end| self.push(end));
            }
            6 => self.pass(u64::from(bytes.u8()) * 500),
            7 => self.pass(u64::from(bytes.u8()) * 100_000),
            8 | 9 => self.push(end),
            10..=12 => self.say(end),
            13..=15 => self.listen(end),
            16..=19 => {
                let count = self.flying[end].len().min(usize::from(bytes.below(8)) + 1);
                for datagram in self.flying[end].drain(..count).collect::<Vec<_>>() {
                    self.deliver(end, &datagram);
                }
            }
            20 | 21 if !self.flying[end].is_empty() => {
                let index = usize::from(bytes.u8()) % self.flying[end].len();
                let datagram = self.flying[end].swap_remove(index);
                self.deliver(end, &datagram);
            }
            22 => {
                let lost = usize::from(bytes.u8());
                self.flying[end].truncate(lost % 4);
            }
            23 | 24 if !self.said[end].is_empty() => {
                let back = usize::from(bytes.u8());
                let datagram = self.said[end][self.said[end].len() - 1 - back % self.said[end].len()].clone();
                self.deliver(end, &datagram);
            }
            25 if !stable => {
                let mut datagram = self.said[end].last().cloned().unwrap_or_default();
                let (place, change) = (usize::from(bytes.u8()), bytes.u8());
                if let Some(byte) = datagram.get_mut(place) {
                    *byte ^= change;
                } else {
                    datagram.push(change);
                }
                self.deliver(end, &datagram);
            }
            26 | 27 if !stable => self.begin(end, self.ends[end].session.epoch().get() + 1 + u32::from(bytes.below(5))),
            28 if !stable => self.restart(end),
            29 => self.ends[end].session.close_peer(at(self.now), PEER),
            30 => self.ends[end].session.open_peer(at(self.now), PEER),
            _ => self.follow(end),
        }
    }

    fn pass(&mut self, micros: u64) {
        self.now += micros;
        for end in &mut self.ends {
            end.session.handle_timeout(at(self.now));
            wake(&end.session, self.now);
        }
    }

    fn push(&mut self, end: usize) {
        let End { session, run, .. } = &mut self.ends[end];
        let input = act(end, *run, session.epoch().get(), session.next_frame().get());
        // A full window is no fault: the peer does not hear us.
        let _ = session.push_input(at(self.now), input);
    }

    fn say(&mut self, end: usize) {
        let (flying, said) = (&mut self.flying[1 - end], &mut self.said[1 - end]);
        drain(&mut self.ends[end].session, |_, datagram| {
            flying.push(datagram.to_vec());
            said.push(datagram.to_vec());
        });
    }

    fn deliver(&mut self, end: usize, datagram: &[u8]) {
        let _ = self.ends[end].session.handle_datagram(at(self.now), PEER, datagram);
        wake(&self.ends[end].session, self.now);
    }

    fn listen(&mut self, end: usize) {
        let classic = self.wire == Wire::Classic;
        let runs = self.ends[1 - end].run;
        let End { session, source, told, seen, lost, follow, .. } = &mut self.ends[end];
        let epoch = session.epoch().get();
        tell(session, |event| match event {
            Event::Input { frame, input, .. } => {
                let frame = frame.get();
                let run = if INPUT == 1 { 1 } else { input[0] };
                assert_eq!(*source.get_or_insert(run), run, "inputs of two runs in one epoch");
                assert!(run <= runs, "an input of a run that never was");
                assert_eq!(input, act(1 - end, run, epoch, frame), "law 1: frame {frame}");
                if classic {
                    let place = usize::try_from(frame).expect("an index");
                    seen.resize(seen.len().max(place + 1), false);
                    assert!(!std::mem::replace(&mut seen[place], true), "law 2: frame {frame} is told twice");
                } else {
                    assert_eq!(frame, *told, "law 2");
                }
                *told = (*told).max(frame + 1);
            }
            Event::Lost { count, .. } if classic => *lost += count,
            Event::PeerAhead { epoch, .. } => *follow = (*follow).max(Some(epoch.get())),
            Event::Restarted { .. } => *follow = (*follow).max(Some(epoch + 1)),
            Event::OutOfStep { .. } | Event::Mismatch { .. } | Event::Conflict { .. } | Event::Lost { .. } => {
                panic!("between honest ends: {event:?}")
            }
            _ => {}
        });
    }

    fn begin(&mut self, end: usize, epoch: u32) {
        let end = &mut self.ends[end];
        if end.session.begin_epoch(at(self.now), Epoch::new(epoch)).is_ok() {
            (end.source, end.told) = (None, 0);
            end.follow = end.follow.filter(|ahead| *ahead > epoch);
        }
    }

    fn follow(&mut self, end: usize) {
        self.listen(end);
        if let Some(epoch) = self.ends[end].follow.take() {
            self.begin(end, epoch);
        }
    }

    fn restart(&mut self, end: usize) {
        let run = self.ends[end].run + 1;
        let player = u16::from(end == 1);
        self.ends[end] = End {
            session: Self::session(self.wire, self.peer, player, run, self.now),
            run,
            source: None,
            told: 0,
            seen: Vec::new(),
            lost: 0,
            follow: None,
        };
    }

    /// From now on everything arrives at once, and everybody takes and follows.
    fn heal(&mut self) {
        self.flying.iter_mut().for_each(Vec::clear);
        let limit = self.now + SETTLED + if self.wire == Wire::Classic { 2 * self.now } else { 0 };
        for end in &mut self.ends {
            end.session.open_peer(at(self.now), PEER);
        }
        // One input more, as soon as there is room, so that a link that lost its last datagram has something to say.
        let mut owing = [true; 2];
        loop {
            for end in [0, 1, 0, 1] {
                self.say(end);
                for datagram in std::mem::take(&mut self.flying[1 - end]) {
                    self.deliver(1 - end, &datagram);
                }
                self.follow(1 - end);
            }
            let agreed = self.ends[0].session.epoch() == self.ends[1].session.epoch();
            if agreed && owing == [false; 2] && self.is_told() {
                return;
            }
            let owed = owing;
            for (end, owing) in owing.iter_mut().enumerate().filter(|_| agreed) {
                let before = self.ends[end].session.next_frame();
                if *owing {
                    self.push(end);
                    *owing = self.ends[end].session.next_frame() == before;
                }
            }
            // What was pushed is due now, and needs saying, not waking.
            if owing != owed {
                continue;
            }
            let due = self.ends.iter().filter_map(|end| wake(&end.session, self.now)).min();
            let due = due.expect("a link that sleeps for ever");
            let due = if owing == [false; 2] { due } else { due.min(self.now + T) };
            assert!(due < limit, "law 10: not told long after the network healed");
            self.pass(due - self.now);
        }
    }

    fn is_told(&self) -> bool {
        (0..2).all(|end| {
            let next = self.ends[1 - end].session.next_frame().get();
            let End { session, told, seen, lost, .. } = &self.ends[end];
            let arrived = u32::try_from(seen.iter().filter(|seen| **seen).count()).expect("few");
            *told == next
                && if self.wire == Wire::Classic { arrived + lost == next } else { session.unacked(PEER) == 0 }
        })
    }
}
