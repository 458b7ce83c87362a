//! Two endpoints, and a link between them that delays everything alike.

use std::collections::VecDeque;

use inputwire::{Config, Departure, Endpoint, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, Session};
use inputwire_rollback::{Inputs, Rollback, RollbackEvent, Step};

use crate::game::{Game, LEN};

/// One frame, in microseconds.
pub(crate) const FRAME_US: u64 = 16_667;

pub(crate) type Driver<M = Session<1, LEN>, const RING: usize = 10> = Rollback<Game, M, 1, LEN, RING>;

pub(crate) fn config(player: u16) -> Config {
    let config = Config::builder().local_player(player).incarnation((1 << 40) + u64::from(player));
    config.build().expect("valid settings")
}

/// A session whose peer is the other player.
pub(crate) fn session(player: u16) -> Session<1, LEN> {
    let mut session = Session::new(config(player));
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).expect("a free place");
    session
}

pub(crate) fn driver(player: u16) -> Driver {
    Rollback::new(session(player), Game::new(0)).with_checksums(10, |game| game.hash)
}

/// Two drivers and what is between them.
pub(crate) struct Pair<A, B> {
    pub(crate) a: A,
    pub(crate) b: B,
    /// The delay of the link, in frames.
    pub(crate) delay: usize,
    pub(crate) now: u64,
    to_a: VecDeque<Vec<Vec<u8>>>,
    to_b: VecDeque<Vec<Vec<u8>>>,
    pub(crate) events: Vec<RollbackEvent>,
}

/// One end of a pair, whatever its types.
pub(crate) trait End {
    fn receive(&mut self, now: Instant, datagram: &[u8]);
    /// Takes events, plays a frame and sends.
    fn frame(&mut self, now: Instant, input: [u8; LEN], events: &mut Vec<RollbackEvent>) -> (Step, Vec<Vec<u8>>);
}

impl<M: Endpoint<1, LEN, 120>, const RING: usize> End for Driver<M, RING> {
    fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let peer = self.session().peers().next().expect("a peer");
        let _ = self.handle_datagram(now, peer, datagram);
    }

    fn frame(&mut self, now: Instant, input: [u8; LEN], events: &mut Vec<RollbackEvent>) -> (Step, Vec<Vec<u8>>) {
        self.handle_timeout(now);
        events.extend(std::iter::from_fn(|| self.poll_event()));
        let step = self.step(now, input, Game::advance);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sent = Vec::new();
        while let Some(transmit) = self.poll_transmit(&mut buf) {
            sent.push(transmit.datagram.to_vec());
        }
        (step, sent)
    }
}

impl<A: End, B: End> Pair<A, B> {
    pub(crate) fn new(a: A, b: B, delay: usize) -> Self {
        Self { a, b, delay, now: 0, to_a: VecDeque::new(), to_b: VecDeque::new(), events: Vec::new() }
    }

    /// Plays a frame at both ends.
    pub(crate) fn frame(&mut self, inputs: [[u8; LEN]; 2]) -> [Step; 2] {
        self.now += FRAME_US;
        let now = Instant::from_micros(self.now);
        while self.to_a.len() > self.delay {
            self.to_a.pop_front().into_iter().flatten().for_each(|datagram| self.a.receive(now, &datagram));
        }
        while self.to_b.len() > self.delay {
            self.to_b.pop_front().into_iter().flatten().for_each(|datagram| self.b.receive(now, &datagram));
        }
        let (a, sent) = self.a.frame(now, inputs[0], &mut self.events);
        self.to_b.push_back(sent);
        let (b, sent) = self.b.frame(now, inputs[1], &mut self.events);
        self.to_a.push_back(sent);
        [a, b]
    }

    /// Plays frames with held buttons that change now and then.
    pub(crate) fn frames(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.now / FRAME_US;
            let [a, ..] = (number / 7).to_le_bytes();
            let [b, ..] = (number / 11).to_le_bytes();
            self.frame([[a, 0], [b, 1]]);
        }
    }
}

/// The input that a game gets, as a number: for games that only write down what they see.
pub(crate) fn seen(inputs: &Inputs<'_, LEN>, player: u16) -> u8 {
    let [low, _] = inputs.input(player);
    low
}

pub(crate) fn frame(number: u32) -> Frame {
    Frame::new(number)
}

/// The only peer of a driver, and whether the driver plays with it.
pub(crate) fn plays_with(driver: &Driver) -> bool {
    let session = driver.session();
    let peer = session.peers().next().and_then(|peer| session.peer(peer)).expect("a peer");
    peer.departure() == Departure::Present
}

pub(crate) fn is_desync(event: &RollbackEvent) -> bool {
    matches!(event, RollbackEvent::Peer { event: PeerEvent::Desync { .. }, .. })
}
