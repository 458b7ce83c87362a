//! The ends of the small world: every state of an end that was met, and what each act makes of it.

use std::collections::HashMap;
use std::fmt::{self, Write};

use inputwire::{Config, DATAGRAM_MAX, Epoch, Event, Instant, PeerConfig, PeerId, PushError, Session};

const PEER: PeerId = PeerId::new(0);
/// When everything happens; what is sent is sent a little later, so that whatever waits for time is due.
const NOW: Instant = Instant::from_micros(1_000_000);
const LATER: Instant = Instant::from_micros(1_250_000);

/// As many epochs as can be needed: one at will, and one for each restart.
const EPOCHS: usize = 3;

/// What can happen to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Push(u8),
    /// The other end's datagram with this number arrives.
    Receive(u8),
    /// An event is taken.
    Take,
    /// The epoch begins to which the application is asked to follow, or else epoch 1.
    Begin,
    /// The end starts anew.
    Restart,
}

/// What an end pushed in one of its runs, by epoch, and what it was told of the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Tale {
    pushed: [Vec<u8>; EPOCHS],
    told: [Vec<u8>; EPOCHS],
}

/// One end in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    session: Session<1, 1, 2>,
    /// Of each run, the present one last.
    tales: Vec<Tale>,
    /// The epoch to which the application should follow.
    asked: Option<Epoch>,
}

impl Side {
    fn new(side: usize, run: u32, greets: bool) -> Self {
        let player = u16::from(side == 1);
        let config = Config::builder().session(5).player(player).incarnation(run).build().expect("valid");
        let mut session = Session::new(config);
        let peer = PeerConfig::compact(1 - player);
        // Where nobody restarts, both know each other from the start and need no greeting.
        let peer = if greets { peer } else { peer.incarnation(1) };
        session.add_peer(NOW, peer).expect("room");
        Self { session, tales: Vec::new(), asked: None }.with_tale()
    }

    fn with_tale(mut self) -> Self {
        self.tales.push(Tale::default());
        self
    }

    /// Whether the application was asked to follow to another epoch.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    fn epoch(&self) -> usize {
        self.session.epoch().get() as usize
    }

    fn tale(&mut self) -> &mut Tale {
        self.tales.last_mut().expect("there is always one")
    }

    fn pushed(&self) -> usize {
        self.tales.last().map_or(0, |tale| tale.pushed[self.epoch()].len())
    }

    fn push(&mut self, input: u8) -> bool {
        let full = self.session.unacked(PEER) == 2;
        match self.session.push_input(NOW, [input]) {
            Ok(frame) => {
                assert!(!full && frame.get() as usize == self.pushed());
                let epoch = self.epoch();
                self.tale().pushed[epoch].push(input);
                true
            }
            Err(error) => {
                assert!(full && error == PushError::WindowFull(PEER), "{error}");
                false
            }
        }
    }

    /// Law 3 and law 5 at every delivery.
    fn receive(&mut self, datagram: &[u8]) -> bool {
        let mut before = self.session.clone();
        let outcome = self.session.handle_datagram(NOW, PEER, datagram);
        self.session.clear_counters();
        if outcome.is_err() {
            before.clear_counters();
            assert!(before == self.session || is_out_of_step(outcome), "{outcome:?} changed something");
        }
        assert!(self.session.unacked(PEER) <= before.unacked(PEER));
        assert!(self.session.known(PEER) >= before.known(PEER));
        before != self.session
    }

    /// Takes an event and holds an input against laws 1 and 2 as far as one end can.
    fn take(&mut self) -> bool {
        let Some(event) = self.session.poll_event() else {
            return false;
        };
        match event {
            Event::Input { frame, input: [input], .. } => {
                let epoch = self.epoch();
                assert_eq!(frame.get() as usize, self.tale().told[epoch].len(), "each frame once, in order");
                self.tale().told[epoch].push(input);
            }
            Event::PeerAhead { epoch, .. } => self.asked = self.asked.max(Some(epoch)),
            Event::Restarted { .. } => self.asked = self.asked.max(Some(Epoch::new(self.session.epoch().get() + 1))),
            Event::OutOfStep { .. } | Event::Mismatch { .. } | Event::Left { .. } => panic!("{event:?}"),
            _ => {}
        }
        true
    }

    /// Law 1: everything told is what the other pushed in the same epoch of one of its runs.
    pub(super) fn assert_told_of(&self, other: &Self) {
        for tale in &self.tales {
            for (epoch, told) in tale.told.iter().enumerate() {
                let pushed = other.tales.iter().any(|tale| tale.pushed[epoch].starts_with(told));
                assert!(pushed, "told what was never pushed: {self:?} {other:?}");
            }
        }
    }

    /// Law 7: what the other lacks is still here.
    pub(super) fn acknowledged_by(&self, other: &Self) -> bool {
        let acked = self.session.next_frame().get() - self.session.unacked(PEER);
        let known = other.session.known(PEER).map_or(0, |frame| frame.get() + 1);
        self.epoch() != other.epoch() || self.tales.len() + other.tales.len() > 2 || acked <= known
    }

    /// Everything pushed in the present epoch is told and acknowledged.
    pub(super) fn all_well(one: &Self, other: &Self) -> bool {
        let told_all = |to: &Self, from: &Self| {
            let (Some(to), Some(from)) = (to.tales.last(), from.tales.last()) else { return false };
            let epoch = one.epoch();
            to.told[epoch] == from.pushed[epoch]
        };
        one.epoch() == other.epoch()
            && [one, other].iter().all(|side| side.session.unacked(PEER) == 0 && !side.is_asked())
            && told_all(one, other)
            && told_all(other, one)
    }
}

fn is_out_of_step(outcome: Result<(), inputwire::DatagramError>) -> bool {
    outcome == Err(inputwire::DatagramError::OutOfStep)
}

/// All states of both ends that were met, by number.
pub(super) struct Ends {
    greets: bool,
    sides: [Vec<Side>; 2],
    numbers: [HashMap<u128, u32>; 2],
    acts: [HashMap<(u32, Act), Option<u32>>; 2],
    datagrams: [Vec<Vec<u8>>; 2],
    sends: [HashMap<u32, u128>; 2],
}

impl Ends {
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

    /// How many states of an end were met.
    pub(super) fn count(&self) -> usize {
        self.sides.iter().map(Vec::len).sum()
    }

    fn number(&mut self, side: usize, mut state: Side) -> u32 {
        // How far a session was polled only saves work, and makes no other state.
        state.session.handle_timeout(NOW);
        let mut hash = Fnv::new();
        write!(hash, "{state:?}").expect("hashing does not fail");
        let next = u32::try_from(self.sides[side].len()).expect("few ends");
        let number = *self.numbers[side].entry(hash.0).or_insert(next);
        if number == next {
            self.sides[side].push(state);
        }
        number
    }

    /// What an act makes of an end, if it makes anything of it. With `eager`, all events are taken after it.
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
            Act::Take => state.take(),
            Act::Begin => {
                let epoch = state.asked.take().unwrap_or(Epoch::new(1));
                (epoch.get() as usize) < EPOCHS && state.session.begin_epoch(NOW, epoch).is_ok()
            }
            Act::Restart if state.tales.len() == 1 => {
                let tales = state.tales.clone();
                state = Side::new(side, 2, self.greets);
                state.tales = tales;
                state = state.with_tale();
                true
            }
            Act::Restart => false,
        };
        if eager {
            while state.take() {}
        }
        let next = changed.then(|| self.number(side, state));
        self.acts[side].insert((number, act), next);
        next
    }

    /// An application that follows its peer to the next epoch when it is told to.
    pub(super) fn follow(&mut self, side: usize, number: u32) -> u32 {
        let asked = self.get(side, number).asked;
        asked.and_then(|_| self.act(side, number, Act::Begin, 0, true)).unwrap_or(number)
    }

    /// The datagrams that an end can send in a state, as a set of numbers. Sending them changes nothing that matters
    /// here: when they are sent again.
    pub(super) fn sends(&mut self, side: usize, number: u32) -> u128 {
        if let Some(known) = self.sends[side].get(&number) {
            return *known;
        }
        let mut session = self.get(side, number).session.clone();
        session.handle_timeout(LATER);
        let mut set = 0;
        let mut buf = [0; DATAGRAM_MAX];
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

/// A hash that what is written goes into; 128 bits, so that no two of some millions are taken for one.
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
