//! The endpoints of the small world: every state found so far, and the state that each act leads to.

use std::collections::HashMap;
use std::fmt::{self, Write};

use inputwire::{
    Config, DatagramError, Epoch, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PushError, Session,
};

use crate::support::{PEER, incarnation, peer};

/// Everything happens at this time; datagrams are sent later, when everything that waits for time is due.
const NOW: Instant = Instant::from_micros(1_000_000);
const LATER: Instant = Instant::from_micros(1_250_000);

/// The epoch of the start, and one at will.
const EPOCHS: usize = 2;

/// What can happen to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Push(u8),
    /// The other endpoint's datagram with this number arrives.
    Receive(u8),
    /// An event is polled.
    Poll,
    /// The endpoint follows to a later epoch if it has reason to, or else begins epoch 1.
    Begin,
    /// The endpoint says the hello that is due when it begins an epoch.
    Greet,
}

/// The inputs that an endpoint pushed, by epoch, and those of the other that were delivered to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct History {
    pushed: [Vec<u8>; EPOCHS],
    delivered: [Vec<u8>; EPOCHS],
}

/// One endpoint in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    session: Session<1, 1, 2>,
    history: History,
    /// The number of the last datagram that is a hello.
    hello: Option<u8>,
    /// The epoch to which the application should follow.
    follow: Option<Epoch>,
}

impl Side {
    fn new(side: usize) -> Self {
        let player = u16::from(side == 1);
        let config = Config::builder().session_id(5).local_player(player).incarnation(incarnation(player));
        let mut session = Session::new(config.build().expect("valid"));
        // Both know each other from the start; how they meet is the subject of a world of its own.
        let peer = PeerConfig::compact(1 - player).incarnation(incarnation(1 - player));
        session.add_peer(NOW, peer).expect("room");
        Self { session, history: History::default(), hello: None, follow: None }
    }

    /// Whether the application has reason to follow to another epoch.
    pub(super) fn should_follow(&self) -> bool {
        self.follow.is_some()
    }

    fn epoch(&self) -> usize {
        self.session.epoch().get() as usize
    }

    fn pushed(&self) -> usize {
        self.history.pushed[self.epoch()].len()
    }

    fn push(&mut self, input: u8) -> bool {
        let full = peer(&self.session).unacked() == 2;
        match self.session.push_input(NOW, [input]) {
            Ok(frame) => {
                assert!(!full && frame.get() as usize == self.pushed());
                let epoch = self.epoch();
                self.history.pushed[epoch].push(input);
                true
            }
            Err(error) => {
                assert!(full && error == PushError::WindowFull(PEER), "{error}");
                false
            }
        }
    }

    /// Receives a datagram, and asserts laws 3 and 5.
    fn receive(&mut self, datagram: &[u8]) -> bool {
        let mut before = self.session.clone();
        let outcome = self.session.handle_datagram(NOW, PEER, datagram);
        self.session.clear_counters();
        if outcome.is_err() {
            before.clear_counters();
            assert!(
                before == self.session || outcome == Err(DatagramError::OutOfSync),
                "{outcome:?} changed something"
            );
        }
        assert!(peer(&self.session).unacked() <= peer(&before).unacked());
        assert!(peer(&self.session).last_frame() >= peer(&before).last_frame());
        before != self.session
    }

    /// Polls an event, and asserts law 2 of an input.
    fn poll(&mut self) -> bool {
        let Some(event) = self.session.poll_event() else {
            return false;
        };
        match event {
            Event::Input { frame, input: [input], .. } => {
                let epoch = self.epoch();
                assert_eq!(frame.get() as usize, self.history.delivered[epoch].len(), "each frame once, in order");
                self.history.delivered[epoch].push(input);
            }
            Event::Peer { event, .. } => match event {
                PeerEvent::EpochAhead { epoch } => self.follow = self.follow.max(Some(epoch)),
                PeerEvent::Connected | PeerEvent::Health { .. } | PeerEvent::Flushed => {}
                event => panic!("{event:?}"),
            },
            _ => {}
        }
        true
    }

    /// Law 1: every delivered input was pushed by the other endpoint in the same epoch.
    pub(super) fn assert_delivered_from(&self, other: &Self) {
        for (delivered, pushed) in self.history.delivered.iter().zip(&other.history.pushed) {
            assert!(pushed.starts_with(delivered), "delivered, but never pushed: {self:?} {other:?}");
        }
    }

    /// Law 7: every input that the other endpoint lacks is still here.
    pub(super) fn acknowledged_by(&self, other: &Self) -> bool {
        let acked = self.session.next_frame().get() - peer(&self.session).unacked();
        let recv_next = peer(&other.session).last_frame().map_or(0, |frame| frame.get() + 1);
        self.epoch() != other.epoch() || acked <= recv_next
    }

    /// Whether everything pushed in the present epoch is delivered and acknowledged.
    pub(super) fn all_done(one: &Self, other: &Self) -> bool {
        let epoch = one.epoch();
        let delivered_all = |to: &Self, from: &Self| to.history.delivered[epoch] == from.history.pushed[epoch];
        one.epoch() == other.epoch()
            && [one, other].iter().all(|side| peer(&side.session).unacked() == 0 && !side.should_follow())
            && delivered_all(one, other)
            && delivered_all(other, one)
    }
}

/// All states of both endpoints found so far, by number.
pub(super) struct Endpoints {
    sides: [Vec<Side>; 2],
    numbers: [HashMap<u128, u32>; 2],
    acts: [HashMap<(u32, Act), Option<u32>>; 2],
    datagrams: [Vec<Vec<u8>>; 2],
    sends: [HashMap<u32, u128>; 2],
}

impl Endpoints {
    pub(super) fn new() -> Self {
        Self {
            sides: Default::default(),
            numbers: Default::default(),
            acts: Default::default(),
            datagrams: Default::default(),
            sends: Default::default(),
        }
    }

    pub(super) fn start(&mut self) -> [u32; 2] {
        [0, 1].map(|side| self.number(side, Side::new(side)))
    }

    pub(super) fn get(&self, side: usize, number: u32) -> &Side {
        &self.sides[side][number as usize]
    }

    /// How many states of an endpoint were found.
    pub(super) fn count(&self) -> usize {
        self.sides.iter().map(Vec::len).sum()
    }

    fn number(&mut self, side: usize, mut state: Side) -> u32 {
        // The poll cursor only saves work, and makes no different state.
        state.session.handle_timeout(NOW);
        let mut hash = Fnv::new();
        write!(hash, "{state:?}").expect("hashing does not fail");
        let next = u32::try_from(self.sides[side].len()).expect("few states");
        let number = *self.numbers[side].entry(hash.0).or_insert(next);
        if number == next {
            self.sides[side].push(state);
        }
        number
    }

    /// Returns the state that an act leads to, if it changes anything. With `eager`, all events are polled after it.
    pub(super) fn act(&mut self, side: usize, number: u32, act: Act, frames: usize, eager: bool) -> Option<u32> {
        // Only a push depends on how many frames there are.
        if matches!(act, Act::Push(_)) && self.get(side, number).pushed() >= frames {
            return None;
        }
        if let Some(known) = self.acts[side].get(&(number, act)) {
            return *known;
        }
        let mut state = self.get(side, number).clone();
        let changed = match act {
            Act::Push(input) => state.push(input),
            Act::Receive(datagram) => state.receive(&self.datagrams[1 - side][usize::from(datagram)]),
            Act::Poll => state.poll(),
            Act::Begin => {
                let epoch = state.follow.take().unwrap_or(Epoch::new(1));
                (epoch.get() as usize) < EPOCHS && state.session.begin_epoch(NOW, epoch).is_ok()
            }
            Act::Greet if state.epoch() > 0 => {
                let mut buf = [0; MAX_DATAGRAM_SIZE];
                // A hello comes before everything else that is due.
                let hello = state.session.poll_transmit(&mut buf).map(|transmit| transmit.datagram.to_vec());
                let hello = hello.filter(|hello| hello[0] == 0x20);
                state.session.clear_counters();
                state.hello = hello.map(|hello| self.place(side, &hello)).or(state.hello);
                state.hello != self.get(side, number).hello
            }
            Act::Greet => false,
        };
        if eager {
            while state.poll() {}
        }
        let next = changed.then(|| self.number(side, state));
        self.acts[side].insert((number, act), next);
        next
    }

    /// Follows the peer to a later epoch, if there is reason to.
    pub(super) fn follow(&mut self, side: usize, number: u32) -> u32 {
        let follow = self.get(side, number).follow;
        follow.and_then(|_| self.act(side, number, Act::Begin, 0, true)).unwrap_or(number)
    }

    /// The number of a datagram of an endpoint.
    fn place(&mut self, side: usize, datagram: &[u8]) -> u8 {
        let datagrams = &mut self.datagrams[side];
        let place = datagrams.iter().position(|known| known == datagram).unwrap_or_else(|| {
            datagrams.push(datagram.to_vec());
            datagrams.len() - 1
        });
        u8::try_from(place).ok().filter(|place| *place < 128).expect("at most 128 datagrams")
    }

    /// Returns the set of datagrams that an endpoint can send in a state: its last hello, and an input datagram. Sending that
    /// only changes when it is resent, which does not matter here.
    pub(super) fn sends(&mut self, side: usize, number: u32) -> u128 {
        if let Some(known) = self.sends[side].get(&number) {
            return *known;
        }
        let state = self.get(side, number);
        let mut session = state.session.clone();
        session.handle_timeout(LATER);
        let mut set = state.hello.map_or(0, |hello| 1 << hello);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = session.poll_transmit(&mut buf) {
            if transmit.datagram[0] >= 0x80 {
                set |= 1 << self.place(side, transmit.datagram);
            }
        }
        self.sends[side].insert(number, set);
        set
    }
}

/// A hash of written text (FNV-1a), of 128 bits, so that no two of some millions of states collide.
struct Fnv(u128);

impl Fnv {
    const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        Ok(())
    }
}
