//! The ends of the small world of departures: every state found so far, and what each act leads to.
//!
//! Whatever waits for time is due when an end is drained, since its clock then goes on by a second. So states differ by what an
//! end knows, not by when.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use inputwire::{
    Config, Departure, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session,
};

use super::super::{number, rewrite};
use crate::support::incarnation;

/// How many players there are at most.
pub(super) const ENDS: usize = 4;
/// The epoch of the start, and one at will.
pub(super) const EPOCHS: usize = 2;
/// The frame from which the last player joins, if it does.
pub(super) const JOIN: u32 = 2;
const STEP_US: u64 = 1_000_000;
/// No peer is ever judged by its silence.
const NEVER: Duration = Duration::from_secs(3_000);

const HELLO: u8 = 0x20;
const BYE: u8 = 0x21;
const WORD: u8 = 0x23;
const INPUT: u8 = 0x80;

/// What an end does, or what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Push,
    /// A datagram of another end arrives.
    Receive {
        from: usize,
        datagram: u16,
    },
    /// The application takes an input, or what is reported of a departure.
    Take,
    /// The application disconnects a player.
    Disconnect(usize),
    /// The application closes the session.
    Close,
    /// The application begins epoch 1.
    Begin,
    /// The application adds the player that joins.
    Add(usize),
    /// The application removes a player.
    Remove(usize),
    /// Time passes.
    Pass,
}

/// Datagrams of different kinds do not take the place of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Inputs,
    Word,
    Bye,
}

/// A datagram that an end sends, by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) to: usize,
    pub(super) kind: Kind,
    pub(super) datagram: u16,
}

/// The state that an act leads to, and what is sent then.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) next: u32,
    pub(super) sent: Vec<Sent>,
}

/// How the ends are set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// How many there are.
    pub(super) ends: usize,
    pub(super) keyed: bool,
    /// The last one joins late.
    pub(super) joins: bool,
    /// Applications take events when they like, one by one.
    pub(super) lazy: bool,
}

/// One end in one state.
#[derive(Clone)]
pub(super) struct End {
    session: Session<3, 1, 2>,
    now: u64,
    player: usize,
    tag_len: usize,
    peers: [Option<PeerId>; ENDS],
    /// The first frame of each player here, and the one after its last pushed or delivered input; by epoch.
    starts: [[u32; ENDS]; EPOCHS],
    pub(super) ends: [[u32; ENDS]; EPOCHS],
    /// The frame after the last input of each player that was reported as departed, by epoch.
    pub(super) departed: [[Option<u32>; ENDS]; EPOCHS],
    pub(super) named: [bool; ENDS],
    pub(super) is_open: bool,
}

impl fmt::Debug for End {
    /// How every player takes part, and what has passed between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = format!("{:?}", self.session);
        write!(f, "player {}, open {}, epochs {:?}", self.player, self.is_open, self.ends)?;
        session.split("standing: ").skip(1).try_for_each(|rest| {
            let len = rest.find('}').unwrap_or(rest.len());
            write!(f, "\n    {}", &rest[..len])
        })
    }
}

impl End {
    fn new(setup: Setup, player: usize) -> Self {
        let number = u16::try_from(player).expect("few");
        let mut config = Config::builder()
            .session_id(5)
            .local_player(number)
            .incarnation(incarnation(number))
            .interrupt_after(NEVER / 2)
            .disconnect_after(NEVER);
        if setup.keyed {
            config = config.key([7; 16]);
        }
        let mut end = Self {
            session: Session::new(config.build().expect("valid")),
            now: STEP_US,
            player,
            tag_len: if setup.keyed { 8 } else { 2 },
            peers: [None; ENDS],
            starts: Default::default(),
            ends: Default::default(),
            departed: Default::default(),
            named: [false; ENDS],
            is_open: true,
        };
        let joins = |player| setup.joins && player == setup.ends - 1;
        for peer in (0..setup.ends).filter(|peer| *peer != player && !joins(*peer)) {
            end.add(peer, joins(player).then_some(JOIN)).expect("room");
        }
        if joins(player) {
            (end.starts[0][player], end.ends[0][player]) = (JOIN, JOIN);
        }
        end
    }

    fn at(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    fn epoch(&self) -> usize {
        usize::try_from(self.session.epoch().get()).expect("small")
    }

    fn add(&mut self, player: usize, from: Option<u32>) -> Option<()> {
        let number = u16::try_from(player).expect("few");
        let mut peer = PeerConfig::compact(number).incarnation(incarnation(number));
        if let Some(from) = from {
            peer = peer.from(Frame::new(from));
            self.starts[0][player] = from;
            self.ends[0][player] = from;
        }
        self.peers[player] = Some(self.session.add_peer(self.at(), peer).ok()?);
        Some(())
    }

    /// Whether a player is a peer, and how it takes part.
    pub(super) fn departure(&self, player: usize) -> Option<Departure> {
        Some(self.session.peer(self.peers[player]?)?.departure())
    }

    /// Whether nothing is left to agree on, and to report.
    pub(super) fn is_settled(&self) -> bool {
        let reported = |player: usize| match self.departure(player) {
            None | Some(Departure::Present) => true,
            Some(Departure::Departed { .. }) => self.departed[self.epoch()][player].is_some(),
            Some(_) => false,
        };
        self.session.departures_settled() && (0..ENDS).all(reported)
    }

    pub(super) fn can_push(&self) -> bool {
        self.session.clone().push_input(self.at(), [0]).is_ok()
    }

    /// The frame after the last input that it pushed in the present epoch.
    pub(super) fn pushed(&self) -> u32 {
        self.ends[self.epoch()][self.player]
    }

    /// The frame after the last input of a player that was delivered, or none.
    pub(super) fn received(&self, epoch: usize, player: usize) -> Option<u32> {
        Some(self.ends[epoch][player]).filter(|end| *end > self.starts[epoch][player])
    }

    pub(super) fn begun(&self) -> bool {
        self.epoch() > 0
    }

    /// Does what an act says; returns whether it was possible.
    fn perform(&mut self, act: Act, datagram: &[u8]) -> Result<bool, String> {
        let (now, epoch) = (self.at(), self.epoch());
        match act {
            Act::Push => {
                let frame = self.ends[epoch][self.player];
                match self.session.push_input(now, [input(self.player, epoch, frame)]) {
                    Ok(pushed) if pushed.get() == frame => self.ends[epoch][self.player] += 1,
                    Ok(pushed) => return Err(format!("pushed {pushed}, not {frame}")),
                    Err(_) => return Ok(false),
                }
            }
            Act::Receive { from, .. } => {
                let Some(peer) = self.peers[from] else { return Ok(false) };
                // What is refused changes nothing.
                return Ok(self.session.handle_datagram(now, peer, datagram).is_ok());
            }
            Act::Take => return self.take(),
            Act::Disconnect(player) => {
                let Some(peer) = self.peers[player].filter(|_| self.is_open) else { return Ok(false) };
                if self.departure(player) != Some(Departure::Present) {
                    return Ok(false);
                }
                self.session.disconnect_peer(now, peer);
            }
            Act::Close => {
                if !std::mem::take(&mut self.is_open) {
                    return Ok(false);
                }
                self.session.close(now);
            }
            Act::Begin => {
                self.starts[1] = [0; ENDS];
                return Ok(self.session.begin_epoch(now, Epoch::new(1)).is_ok());
            }
            Act::Add(player) => {
                let may = self.is_open && self.peers[player].is_none();
                return Ok(may && self.add(player, Some(JOIN)).is_some());
            }
            Act::Remove(player) => {
                let Some(peer) = self.peers[player].take() else { return Ok(false) };
                self.session.remove_peer(now, peer);
            }
            Act::Pass => {}
        }
        Ok(true)
    }

    /// Takes the next event that counts; returns whether there was one.
    fn take(&mut self) -> Result<bool, String> {
        let epoch = self.epoch();
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { peer, frame, input: [given] } => {
                    let player = self.player_of(peer);
                    let next = &mut self.ends[epoch][player];
                    if frame.get() != *next || self.departed[epoch][player].is_some() {
                        return Err(format!("frame {frame} of {player} is not the next one, {next}"));
                    }
                    if given != input(player, epoch, frame.get()) {
                        return Err(format!("frame {frame} of {player} was not pushed like that"));
                    }
                    *next += 1;
                }
                Event::Dropped { .. } => self.is_open = false,
                Event::Peer { peer, event: PeerEvent::Departed { last } } => {
                    let player = self.player_of(peer);
                    let end = last.map_or(self.starts[epoch][player], |last| last.get() + 1);
                    if self.departed[epoch][player].replace(end).is_some() || self.ends[epoch][player] != end {
                        return Err(format!("{player} departed at {end}: {self:?}"));
                    }
                }
                Event::Peer { event: PeerEvent::OutOfSync | PeerEvent::Conflict | PeerEvent::Restarted, .. } => {
                    return Err(format!("{event:?}"));
                }
                _ => continue,
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn player_of(&self, peer: PeerId) -> usize {
        self.peers.iter().position(|other| *other == Some(peer)).expect("a peer")
    }

    /// Takes all datagrams that are due a second later.
    fn send(&mut self) -> Result<Vec<(usize, Vec<u8>)>, String> {
        self.now += STEP_US;
        self.session.handle_timeout(self.at());
        for player in 0..ENDS {
            self.named[player] |= self.departure(player).is_some_and(|departure| departure != Departure::Present);
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sent = Vec::new();
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            let to = transmit.peer;
            let datagram = transmit.datagram.to_vec();
            sent.push((self.player_of(to), datagram));
            if sent.len() > 100 {
                return Err(format!("no end of datagrams: {self:?}"));
            }
        }
        let talks = |(to, datagram): &(usize, Vec<u8>)| {
            datagram[0] == WORD && (self.named == [false; ENDS] || self.named[*to] != (datagram[self.tag_len + 2] == 0))
        };
        if let Some((to, word)) = sent.iter().find(|sent| talks(sent)) {
            return Err(format!("{to} is sent the word {word:?}, and named are {:?}", self.named));
        }
        Ok(sent)
    }

    /// What tells one state from another: everything but estimates, counters and moments, of which only counts whether there are
    /// any. Those of a goodbye count, but for their distance.
    fn look(&self) -> u128 {
        let mut text = String::with_capacity(8_192);
        write!(text, "{:?}", self.session).expect("writing to a string does not fail");
        let mut left = String::with_capacity(4_096);
        rewrite(&text, &mut left, |name, value, left| {
            let moment = value.starts_with("Instant(") || value.starts_with("Some(Instant(");
            if moment && matches!(name, "flushed_at" | "sent_at" | "closed_at") {
                write!(left, "{}", (self.now.saturating_sub(number(value)) / STEP_US).min(3)).expect("written");
            }
            moment || LEFT_OUT.contains(&name)
        });
        let known = (self.peers, self.starts, self.ends, self.departed, self.named, self.is_open);
        write!(left, "{known:?}").expect("written");
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &left).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        hash(0) << 64 | hash(1)
    }
}

/// Fields that make no different state.
const LEFT_OUT: [&str; 25] = [
    "now",
    "late_call",
    "stall_ended_at",
    "config",
    "pushed_at",
    "checksums",
    "liveness",
    "rtt",
    "time_sync",
    "lateness",
    "totals",
    "timing",
    "schedule",
    "diagnosis",
    "reported",
    "progress_at",
    "flushed_end",
    "sent_number",
    "sent_number_alive",
    "received_number",
    "connected",
    "hello_at",
    "since",
    "stalled_us",
    "cursor",
];

/// What a player pushes.
fn input(player: usize, epoch: usize, frame: u32) -> u8 {
    let player = u8::try_from(player).expect("few");
    let epoch = u8::try_from(epoch).expect("few");
    1 + player * 60 + epoch * 30 + u8::try_from(frame).expect("few").min(28)
}

/// What each act leads to from each state, unless it is impossible.
type Steps = HashMap<(u32, Act), Option<Rc<Step>>>;

/// All states found so far, by number, what leads from one to another, and the datagrams.
pub(super) struct Ends {
    pub(super) setup: Setup,
    states: [Vec<End>; ENDS],
    numbers: [HashMap<u128, u32>; ENDS],
    steps: [Steps; ENDS],
    datagrams: [Vec<Vec<u8>>; ENDS],
    known: [HashMap<(usize, Vec<u8>), u16>; ENDS],
}

impl Ends {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            states: Default::default(),
            numbers: Default::default(),
            steps: Default::default(),
            datagrams: Default::default(),
            known: Default::default(),
        }
    }

    /// The states at the start: all who are there have met.
    pub(super) fn start(&mut self) -> [u32; ENDS] {
        let mut ends: Vec<_> = (0..self.setup.ends).map(|player| End::new(self.setup, player)).collect();
        for _ in 0..6 {
            let sent: Vec<_> = ends.iter_mut().map(|end| end.send().expect("nothing is wrong at the start")).collect();
            for (from, (to, datagram)) in
                sent.iter().enumerate().flat_map(|(from, sent)| sent.iter().map(move |sent| (from, sent)))
            {
                let end = &mut ends[*to];
                let Some(peer) = end.peers[from] else { continue };
                let _ = end.session.handle_datagram(end.at(), peer, datagram);
                while end.take().expect("nothing is wrong at the start") {}
            }
        }
        let mut numbers = [0; ENDS];
        for (player, end) in ends.into_iter().enumerate() {
            numbers[player] = self.number(player, end);
        }
        numbers
    }

    pub(super) fn get(&self, player: usize, number: u32) -> &End {
        &self.states[player][usize::try_from(number).expect("few")]
    }

    /// How many states were found.
    pub(super) fn count(&self) -> usize {
        self.states.iter().map(Vec::len).sum()
    }

    fn number(&mut self, player: usize, end: End) -> u32 {
        let next = u32::try_from(self.states[player].len()).expect("few");
        let number = *self.numbers[player].entry(end.look()).or_insert(next);
        if number == next {
            self.states[player].push(end);
        }
        number
    }

    /// What an act leads to, unless it is impossible.
    pub(super) fn act(&mut self, player: usize, number: u32, act: Act) -> Result<Option<Rc<Step>>, String> {
        if let Some(step) = self.steps[player].get(&(number, act)) {
            return Ok(step.clone());
        }
        let mut end = self.get(player, number).clone();
        let datagram = match act {
            Act::Receive { from, datagram } => self.datagrams[from][usize::from(datagram)].as_slice(),
            _ => &[],
        };
        let mut step = None;
        if end.perform(act, datagram)? {
            while !self.setup.lazy && end.take()? {}
            let sent = end.send()?;
            while !self.setup.lazy && end.take()? {}
            let sent = sent.into_iter().filter_map(|(to, datagram)| self.place(player, to, datagram)).collect();
            step = Some(Rc::new(Step { next: self.number(player, end), sent }));
        }
        self.steps[player].insert((number, act), step.clone());
        Ok(step)
    }

    /// The number of a datagram. Those that differ in their timing blocks only are the same.
    fn place(&mut self, player: usize, to: usize, datagram: Vec<u8>) -> Option<Sent> {
        let kind = match datagram[0] {
            HELLO => return None,
            BYE => Kind::Bye,
            WORD => Kind::Word,
            INPUT.. => Kind::Inputs,
            _ => return None,
        };
        let mut essence = datagram.clone();
        if kind == Kind::Inputs {
            let tag_len = if self.setup.keyed { 8 } else { 2 };
            let timed = if datagram[0] & 0x40 != 0 { 8 } else { 0 };
            essence.drain(3..3 + tag_len + timed);
            essence[0] &= !0x40;
        }
        let datagrams = &mut self.datagrams[player];
        let next = u16::try_from(datagrams.len()).expect("few datagrams");
        let number = *self.known[player].entry((to, essence)).or_insert(next);
        if number == next {
            datagrams.push(datagram);
        }
        Some(Sent { to, kind, datagram: number })
    }
}
