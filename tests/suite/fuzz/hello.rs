//! Hellos, forged with the right tag, to two endpoints in every phase of the handshake: laws 3, 4, 8, 9 and 14, and the law of
//! runs.
//!
//! The forger has the key, if there is one, sees every hello, and sends nothing else. While both runs are alive, inputs flow
//! whatever it says. When it stops, the endpoints find each other, unless it spoke in the name of a run of theirs, or announced
//! epochs that nobody began.

use std::sync::OnceLock;

use inputwire::{Config, DatagramError, Epoch, Event, Field, Hello, HelloError, PeerConfig, PeerEvent, Session};

use super::bytes::Bytes;
use super::cast::{KEY, PEER, SESSION_ID};
use super::datagram;
use super::seal::{Greeting, HELLO_BODY, Seal};
use super::watch::{at, drain, poll, wake};

const INPUT_LEN: usize = 4;
const WINDOW: usize = 8;
/// A frame, in microseconds.
const T: u64 = 16_667;
/// No pause is longer, so that no call is late.
const STEP: u64 = 25_000;
/// A peer that was received within this time is alive, whatever ping interval a hello names.
const ALIVE: u64 = 400_000;
/// How long it takes the endpoints to find each other once the forger is silent.
const SETTLED: u64 = 5_000_000;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let scenes = scenes();
    scenes[usize::from(bytes.u8()) % scenes.len()].clone().play(bytes);
}

fn scenes() -> &'static [World] {
    static SCENES: OnceLock<Vec<World>> = OnceLock::new();
    SCENES.get_or_init(|| {
        let tags = [(None, false), (Some(KEY), false), (Some(KEY), true)];
        tags.into_iter().flat_map(|(key, short_tags)| World::phases(key, short_tags)).collect()
    })
}

/// One endpoint, and what was delivered to it.
#[derive(Clone, Debug)]
struct Endpoint {
    session: Session<1, INPUT_LEN, WINDOW>,
    run: u8,
    /// The run of the peer whose inputs were delivered in this epoch, and the next frame of it.
    source: Option<u8>,
    next: u32,
    /// The epoch to begin, since the peer is ahead or restarted.
    follow: Option<u32>,
    /// The number of the last hello sent.
    number: u32,
}

#[derive(Clone, Debug)]
struct World {
    key: Option<[u8; 16]>,
    short_tags: bool,
    endpoints: [Endpoint; 2],
    now: u64,
    /// Every hello that was sent to an endpoint.
    hellos: [Vec<Vec<u8>>; 2],
    /// When both last received the input that the other had just pushed, if nothing has come between since.
    flowed_at: Option<u64>,
    /// Whether the forger spoke in the name of a run of theirs, or announced an epoch far ahead.
    is_spoiled: bool,
}

/// The incarnation of a run of a player.
fn incarnation(player: usize, run: u8) -> u64 {
    (u64::from(run) << 32) + u64::from(player == 1)
}

/// The input of a player in a frame, which can be mistaken for no other.
fn act(player: usize, run: u8, epoch: u32, frame: u32) -> [u8; INPUT_LEN] {
    let [low, high, ..] = (frame / 3).to_le_bytes();
    [run, epoch.to_le_bytes()[0], low, low.wrapping_mul(29) ^ high ^ u8::from(player == 1)]
}

impl World {
    fn new(key: Option<[u8; 16]>, short_tags: bool) -> Self {
        let endpoints = [0, 1].map(|player| Endpoint::new(key, short_tags, player, 1, 0));
        let hellos = [Vec::new(), Vec::new()];
        Self { key, short_tags, endpoints, now: 0, hellos, flowed_at: None, is_spoiled: false }
    }

    /// A world in each phase of the handshake.
    fn phases(key: Option<[u8; 16]>, short_tags: bool) -> Vec<Self> {
        let unknown = Self::new(key, short_tags);
        let mut meeting = unknown.clone();
        meeting.one_way(1);
        let mut running = unknown.clone();
        (0..8).for_each(|_| running.frame());
        assert!(running.flowed_at.is_some(), "both have met");
        let mut interrupted = running.clone();
        interrupted.idle(800_000);
        let mut restarted = interrupted.clone();
        restarted.restart(1);
        let mut replaced = restarted.clone();
        (0..40).for_each(|_| replaced.exchange());
        vec![unknown, meeting, running, interrupted, restarted, replaced]
    }

    fn play(mut self, mut bytes: Bytes<'_>) {
        for _ in 0..16 {
            if bytes.is_empty() {
                break;
            }
            self.step(&mut bytes);
        }
        self.settle();
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let what = bytes.u8();
        let side = usize::from(what >> 7);
        match what & 15 {
            0..=5 => {
                let forged = self.forge(side, bytes);
                self.receive(side, &forged);
                self.flow();
            }
            6 => {
                let length = usize::from(bytes.below(80));
                let raw = [&[0x20], bytes.take(length)].concat();
                self.receive(side, &raw);
                self.flow();
            }
            7 if !self.hellos[side].is_empty() => {
                let back = usize::from(bytes.u8()) % self.hellos[side].len();
                let hello = self.hellos[side][self.hellos[side].len() - 1 - back].clone();
                self.receive(side, &hello);
                self.flow();
            }
            8 | 9 => (0..=bytes.below(4)).for_each(|_| self.frame()),
            10 => self.idle(u64::from(bytes.u8()) * 500),
            11 => self.idle(u64::from(bytes.below(8)) * 160_000),
            12 => self.restart(side),
            13 => self.follow(side),
            14 => self.one_way(side),
            _ => {
                let epoch = self.endpoints[side].session.epoch().get() + 1;
                self.begin(side, epoch);
            }
        }
    }

    /// A hello to an endpoint, of a run of its peer or of any other, with the right tag.
    fn forge(&mut self, side: usize, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let Endpoint { session, run, number, .. } = &self.endpoints[side];
        let peer_run = self.endpoints[1 - side].run;
        let (what, how) = (bytes.u8(), bytes.u8());
        let sender = match what & 7 {
            0 => incarnation(1 - side, peer_run),
            1 => incarnation(1 - side, peer_run - 1),
            2 => incarnation(side, *run),
            3 => 0,
            other => 0xbad << 40 | u64::from(other),
        };
        let named = match what >> 3 & 7 {
            0 => 0,
            1 => incarnation(side, run - 1),
            2 => 0xbad << 40,
            _ => incarnation(side, *run),
        };
        let said = match how & 7 {
            0 => bytes.u32(),
            1 => 0,
            _ => bytes.u8().into(),
        };
        let answered = match how >> 3 & 7 {
            0 => bytes.u32(),
            1 => 0,
            back => (number + 2).saturating_sub(back.into()),
        };
        let local = session.epoch().get();
        let epoch = match how >> 6 {
            0 | 1 => local,
            2 => local + 1,
            _ => u32::from(bytes.u8()) << 24 | u32::from(bytes.u8()),
        };
        let player = |side: usize| u16::from(side == 1);
        let seal = Seal {
            key: self.key,
            short_tags: self.short_tags,
            session_id: SESSION_ID,
            sender: (player(1 - side), sender),
            receiver: (player(side), incarnation(side, *run)),
            epoch,
            input_len: INPUT_LEN.to_le_bytes()[0],
            window: WINDOW.to_le_bytes()[0],
            first_frame: 0,
        };
        let greeting = Greeting { number: said, named, answered, playing: what & 0x40 != 0 };
        let mut body = seal.hello_body(16_667, 200, greeting).to_vec();
        if what & 0x80 != 0 {
            for _ in 0..=bytes.below(3) {
                let place = usize::from(bytes.u8()) % HELLO_BODY;
                body[place] = bytes.u8();
            }
            match bytes.below(8) {
                6 => body.truncate(usize::from(bytes.u8()) % HELLO_BODY),
                7 => body.push(bytes.u8()),
                _ => {}
            }
        }
        seal.hello_of(&body)
    }

    /// Hands a hello to an endpoint, and holds it to what it says of itself.
    fn receive(&mut self, side: usize, hello: &[u8]) {
        self.spoil(side, hello);
        let now = self.now;
        let Endpoint { session, .. } = &mut self.endpoints[side];
        let mut spared = session.clone();
        let outcome = session.handle_datagram(at(now), PEER, hello);
        wake(session, now);
        datagram::check(session, spared.clone(), now, hello, outcome);
        check_fits(&spared, hello, outcome);

        // What it causes: at most a hello, which is no longer. Inputs flow to a run that is known.
        spared.handle_timeout(at(now));
        let (mut caused, mut due) = (Vec::new(), Vec::new());
        drain(&mut session.clone(), |_, sent| caused.push(sent.to_vec()));
        drain(&mut spared, |_, sent| due.push(sent[0]));
        caused.retain(|sent: &Vec<u8>| !due.contains(&sent[0]));
        for sent in caused {
            let is_hello = sent[0] == 0x20 && sent.len() <= hello.len();
            let is_first = sent[0] >= 0x80 && outcome.is_ok();
            assert!(is_hello || is_first, "law 14: {hello:02x?} is answered by {sent:02x?}");
        }
    }

    /// Takes note of a hello that speaks for a run of the peer, or announces an epoch far ahead.
    fn spoil(&mut self, side: usize, hello: &[u8]) {
        let tag_len = if self.key.is_some() { 8 } else { 2 };
        let Some(body) = hello.get(1 + tag_len..) else { return };
        let (Some(epoch), Some(run)) = (body.get(19..23), body.get(23..31)) else { return };
        let epoch = u32::from_be_bytes(epoch.try_into().expect("four bytes"));
        let run = u64::from_be_bytes(run.try_into().expect("eight bytes"));
        let is_far = epoch > self.endpoints[side].session.epoch().get() + 1;
        let is_of_peer = (1..=self.endpoints[1 - side].run).any(|known| run == incarnation(1 - side, known));
        let is_genuine = self.hellos[side].iter().any(|sent| sent == hello);
        self.is_spoiled |= !is_genuine && (is_far || is_of_peer);
    }

    /// While both runs are alive, what is pushed arrives at once.
    fn flow(&mut self) {
        if self.flowed_at.is_some_and(|flowed_at| self.now < flowed_at + ALIVE) {
            self.frame();
            assert!(self.flowed_at.is_some(), "the law of runs: a hello stopped the inputs");
        }
    }

    /// Both push an input, and everything arrives.
    fn frame(&mut self) {
        let pushed = [0, 1].map(|side| {
            let Endpoint { session, run, .. } = &mut self.endpoints[side];
            let input = act(side, *run, session.epoch().get(), session.next_frame().get());
            // A full window is no fault, but proves nobody alive: nothing new is sent then.
            session.push_input(at(self.now), input).is_ok()
        });
        self.exchange();
        let arrived = (0..2).all(|side| {
            let [one, other] = [side, 1 - side].map(|side| &self.endpoints[side]);
            let is_same = one.session.epoch() == other.session.epoch();
            is_same && one.source == Some(other.run) && one.next == other.session.next_frame().get()
        });
        self.flowed_at = match (arrived, pushed) {
            (true, [true, true]) => Some(self.now),
            (arrived, _) => self.flowed_at.filter(|_| arrived),
        };
    }

    /// Time passes, and everything that is sent arrives.
    fn exchange(&mut self) {
        self.now += T;
        for side in [0, 1, 0, 1] {
            self.one_way(side);
        }
        (0..2).for_each(|side| self.poll(side));
    }

    /// What an endpoint has to send arrives.
    fn one_way(&mut self, side: usize) {
        let now = self.now;
        let [one, other] = &mut self.endpoints;
        let (sender, receiver) = if side == 0 { (one, other) } else { (other, one) };
        let tag_len = if self.key.is_some() { 8 } else { 2 };
        sender.session.handle_timeout(at(now));
        drain(&mut sender.session, |_, sent| {
            if sent[0] == 0x20 {
                let number = &sent[1 + tag_len + 31..][..4];
                sender.number = u32::from_be_bytes(number.try_into().expect("four bytes"));
                self.hellos[1 - side].push(sent.to_vec());
            }
            let _ = receiver.session.handle_datagram(at(now), PEER, sent);
            wake(&receiver.session, now);
        });
    }

    /// Time passes in small steps, and everything that is sent is lost, except the hellos that the forger keeps.
    fn idle(&mut self, micros: u64) {
        let until = self.now + micros;
        let tag_len = if self.key.is_some() { 8 } else { 2 };
        while self.now < until {
            self.now = until.min(self.now + STEP);
            for (side, endpoint) in self.endpoints.iter_mut().enumerate() {
                endpoint.session.handle_timeout(at(self.now));
                drain(&mut endpoint.session, |_, sent| {
                    if sent[0] == 0x20 {
                        let number = &sent[1 + tag_len + 31..][..4];
                        endpoint.number = u32::from_be_bytes(number.try_into().expect("four bytes"));
                        self.hellos[1 - side].push(sent.to_vec());
                    }
                });
                wake(&endpoint.session, self.now);
            }
        }
    }

    fn poll(&mut self, side: usize) {
        let runs = self.endpoints[1 - side].run;
        let Endpoint { session, source, next, follow, .. } = &mut self.endpoints[side];
        let epoch = session.epoch().get();
        poll(session, |event| match event {
            Event::Input { frame, input, .. } => {
                let [run, ..] = input;
                assert_eq!(*source.get_or_insert(run), run, "inputs of two runs in one epoch");
                assert!(run <= runs, "an input of a run that never was");
                assert_eq!((frame.get(), input), (*next, act(1 - side, run, epoch, *next)), "laws 1 and 2");
                *next += 1;
            }
            Event::Peer { event: PeerEvent::EpochAhead { epoch }, .. } => *follow = (*follow).max(Some(epoch.get())),
            Event::Peer { event: PeerEvent::Restarted, .. } => *follow = (*follow).max(Some(epoch + 1)),
            Event::Peer { event: PeerEvent::OutOfSync | PeerEvent::Departing { .. }, .. } | Event::Dropped { .. } => {
                panic!("no hello does that: {event:?}")
            }
            _ => {}
        });
    }

    fn follow(&mut self, side: usize) {
        self.poll(side);
        if let Some(epoch) = self.endpoints[side].follow.take() {
            self.begin(side, epoch);
        }
    }

    fn begin(&mut self, side: usize, epoch: u32) {
        let endpoint = &mut self.endpoints[side];
        if endpoint.session.begin_epoch(at(self.now), Epoch::new(epoch)).is_ok() {
            (endpoint.source, endpoint.next) = (None, 0);
            endpoint.follow = endpoint.follow.filter(|ahead| *ahead > epoch);
            self.flowed_at = None;
        }
    }

    fn restart(&mut self, side: usize) {
        let run = self.endpoints[side].run;
        if run < u8::MAX {
            self.endpoints[side] = Endpoint::new(self.key, self.short_tags, side, run + 1, self.now);
            self.flowed_at = None;
        }
    }

    /// The forger is silent from now on: the endpoints find each other.
    fn settle(&mut self) {
        let limit = self.now + if self.is_spoiled { 0 } else { SETTLED };
        while self.now < limit {
            (0..2).for_each(|side| self.follow(side));
            self.frame();
            if self.flowed_at.is_some() {
                return;
            }
        }
        assert!(self.is_spoiled, "no inputs flow long after the last forged hello");
    }
}

impl Endpoint {
    fn new(key: Option<[u8; 16]>, short_tags: bool, player: usize, run: u8, now: u64) -> Self {
        let number = u16::from(player == 1);
        let mut config = Config::builder().session_id(SESSION_ID).local_player(number);
        config = config.incarnation(incarnation(player, run)).short_tags(short_tags);
        if let Some(key) = key {
            config = config.key(key);
        }
        let mut session = Session::new(config.build().expect("a configuration"));
        session.add_peer(at(now), PeerConfig::compact(1 - number)).expect("room for a peer");
        Self { session, run, source: None, next: 0, follow: None, number: 0 }
    }
}

/// What a server reads in a hello, before it has a session for its sender, is what that session says then.
fn check_fits(session: &Session<1, INPUT_LEN, WINDOW>, datagram: &[u8], outcome: Result<(), DatagramError>) {
    let config = session.config();
    let Some(hello) = Hello::peek(datagram) else {
        assert!(outcome.is_err(), "{datagram:02x?} is no hello");
        return;
    };
    // These depend on the run that is known, which a server asks a session about.
    let taken = matches!(outcome, Ok(()) | Err(DatagramError::LateHello | DatagramError::OtherRun));
    let fits = hello.fits::<INPUT_LEN, WINDOW>(config);
    let says_same = match fits {
        // The first frame of another epoch may be another one.
        Ok(()) | Err(HelloError::Mismatch { field: Field::FirstFrame, .. }) => taken,
        Err(HelloError::Refused(reason)) => outcome == Err(reason),
        // It is reported, and has no effect. Where it is for nobody here, nothing else is read.
        Err(HelloError::Mismatch { .. } | HelloError::OtherPlayer { .. }) => outcome == Ok(()),
        Err(_) => false,
    };
    // A hello between other players is accepted, whatever else is in it.
    let is_between_others = hello.sender() != 1 - config.local_player() && outcome == Ok(());
    assert!(says_same || is_between_others, "{fits:?}, and then {outcome:?}: {datagram:02x?}");
}
