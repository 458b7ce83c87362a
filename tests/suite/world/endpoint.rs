//! The endpoints of the small world: every state found so far, and the state that each act leads to.

use std::collections::HashMap;
use std::fmt::{self, Write};

use inputwire::{
    Config, DatagramError, Epoch, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PushError, Session,
};

use crate::support::{PEER, peer};

/// Everything happens at this time; datagrams are sent later, when everything that waits for time is due.
const NOW: Instant = Instant::from_micros(1_000_000);
const LATER: Instant = Instant::from_micros(1_250_000);

/// The most epochs that can be needed: one at will, and one for each restart.
const EPOCHS: usize = 3;

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
    /// The endpoint restarts.
    Restart,
}

/// The inputs that an endpoint pushed in one of its runs, by epoch, and those of the other that were delivered to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct History {
    pushed: [Vec<u8>; EPOCHS],
    delivered: [Vec<u8>; EPOCHS],
}

/// One endpoint in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    session: Session<1, 1, 2>,
    /// One for each run, the present one last.
    histories: Vec<History>,
    /// The epoch to which the application should follow.
    follow: Option<Epoch>,
}

impl Side {
    fn new(side: usize, run: u32, greets: bool) -> Self {
        let player = u16::from(side == 1);
        let config = Config::builder().session_id(5).local_player(player).incarnation(run).build().expect("valid");
        let mut session = Session::new(config);
        let peer = PeerConfig::compact(1 - player);
        // Where no endpoint restarts, both know each other from the start and need no hello.
        let peer = if greets { peer } else { peer.incarnation(1) };
        session.add_peer(NOW, peer).expect("room");
        Self { session, histories: vec![History::default()], follow: None }
    }

    /// Whether the application has reason to follow to another epoch.
    pub(super) fn should_follow(&self) -> bool {
        self.follow.is_some()
    }

    fn epoch(&self) -> usize {
        self.session.epoch().get() as usize
    }

    fn history(&mut self) -> &mut History {
        self.histories.last_mut().expect("there is always one")
    }

    fn pushed(&self) -> usize {
        self.histories.last().map_or(0, |history| history.pushed[self.epoch()].len())
    }

    fn push(&mut self, input: u8) -> bool {
        let full = peer(&self.session).unacked() == 2;
        match self.session.push_input(NOW, [input]) {
            Ok(frame) => {
                assert!(!full && frame.get() as usize == self.pushed());
                let epoch = self.epoch();
                self.history().pushed[epoch].push(input);
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
                assert_eq!(frame.get() as usize, self.history().delivered[epoch].len(), "each frame once, in order");
                self.history().delivered[epoch].push(input);
            }
            Event::Peer { event, .. } => match event {
                PeerEvent::EpochAhead { epoch } => self.follow = self.follow.max(Some(epoch)),
                PeerEvent::Restarted => {
                    self.follow = self.follow.max(Some(Epoch::new(self.session.epoch().get() + 1)));
                }
                PeerEvent::OutOfSync | PeerEvent::Mismatch { .. } | PeerEvent::PeerClosed => panic!("{event:?}"),
                _ => {}
            },
            _ => {}
        }
        true
    }

    /// Law 1: every delivered input was pushed by the other endpoint in the same epoch of one of its runs.
    pub(super) fn assert_delivered_from(&self, other: &Self) {
        for history in &self.histories {
            for (epoch, delivered) in history.delivered.iter().enumerate() {
                let pushed = other.histories.iter().any(|history| history.pushed[epoch].starts_with(delivered));
                assert!(pushed, "delivered, but never pushed: {self:?} {other:?}");
            }
        }
    }

    /// Law 7: every input that the other endpoint lacks is still here.
    pub(super) fn acknowledged_by(&self, other: &Self) -> bool {
        let acked = self.session.next_frame().get() - peer(&self.session).unacked();
        let recv_next = peer(&other.session).last_frame().map_or(0, |frame| frame.get() + 1);
        self.epoch() != other.epoch() || self.histories.len() + other.histories.len() > 2 || acked <= recv_next
    }

    /// Whether everything pushed in the present epoch is delivered and acknowledged.
    pub(super) fn all_done(one: &Self, other: &Self) -> bool {
        let delivered_all = |to: &Self, from: &Self| {
            let (Some(to), Some(from)) = (to.histories.last(), from.histories.last()) else { return false };
            let epoch = one.epoch();
            to.delivered[epoch] == from.pushed[epoch]
        };
        one.epoch() == other.epoch()
            && [one, other].iter().all(|side| peer(&side.session).unacked() == 0 && !side.should_follow())
            && delivered_all(one, other)
            && delivered_all(other, one)
    }
}

/// All states of both endpoints found so far, by number.
pub(super) struct Endpoints {
    greets: bool,
    sides: [Vec<Side>; 2],
    numbers: [HashMap<u128, u32>; 2],
    acts: [HashMap<(u32, Act), Option<u32>>; 2],
    datagrams: [Vec<Vec<u8>>; 2],
    sends: [HashMap<u32, u128>; 2],
}

impl Endpoints {
    pub(super) fn new(greets: bool) -> Self {
        Self {
            greets,
            sides: Default::default(),
            numbers: Default::default(),
            acts: Default::default(),
            datagrams: Default::default(),
            sends: Default::default(),
        }
    }

    pub(super) fn start(&mut self) -> [u32; 2] {
        [0, 1].map(|side| self.number(side, Side::new(side, 1, self.greets)))
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
            Act::Restart if state.histories.len() == 1 => {
                let earlier = std::mem::take(&mut state.histories);
                state = Side::new(side, 2, self.greets);
                state.histories.splice(..0, earlier);
                true
            }
            Act::Restart => false,
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

    /// Returns the set of datagrams that an endpoint can send in a state. Sending them only changes when they are resent,
    /// which does not matter here.
    pub(super) fn sends(&mut self, side: usize, number: u32) -> u128 {
        if let Some(known) = self.sends[side].get(&number) {
            return *known;
        }
        let mut session = self.get(side, number).session.clone();
        session.handle_timeout(LATER);
        let mut set = 0;
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = session.poll_transmit(&mut buf) {
            if self.greets || transmit.datagram[0] >= 0x80 {
                let datagrams = &mut self.datagrams[side];
                let place = datagrams.iter().position(|datagram| datagram == transmit.datagram);
                let place = place.unwrap_or_else(|| {
                    datagrams.push(transmit.datagram.to_vec());
                    datagrams.len() - 1
                });
                set |= 1_u128.checked_shl(u32::try_from(place).expect("few")).expect("at most 128 datagrams");
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
