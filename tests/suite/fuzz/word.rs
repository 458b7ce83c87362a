//! Departures among three or four ends, under the fuzzer's control, until the network heals; or with forged words besides.
//!
//! Ends die, say goodbye, accuse others and begin an epoch, and the network loses, repeats and reorders. Then all that play agree on
//! who left with which last input, nothing that was delivered is taken back, and in the end everything is settled and silent. Each
//! word that is sent says what its sender has, in the one encoding of PROTOCOL 3.12.
//!
//! Whoever has the key may lie about who left, and no two ends need agree then. What one end delivers keeps its order all the same,
//! and a word that it refuses changes nothing.

use std::sync::OnceLock;

use inputwire::{Config, Departure, Epoch, Event, Frame, PeerConfig, PeerEvent, PeerId, PeerRef, Session};

use super::bytes::Bytes;
use super::reference::{decode, encode};
use super::seal::Seal;
use super::watch::{at, drain, may_be_reported, poll, same, similar, wake};

const ENDS: usize = 4;
const EPOCHS: usize = 2;
const INPUT_LEN: usize = 2;
const WINDOW: usize = 6;
const SESSION_ID: u64 = 5;
const KEY: [u8; 16] = [7; 16];
/// Pauses between what an end sends, in microseconds: a ping interval, and a frame.
const PAUSE: u64 = 200_000;
const T: u64 = 16_667;
/// Silence never disconnects a player.
const NEVER: std::time::Duration = std::time::Duration::from_secs(3_000);
/// Rounds in which everything arrives, after which everything is settled.
const ROUNDS: usize = 24;

const WORD: u8 = 0x23;

type Mesh = Session<3, INPUT_LEN, WINDOW>;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let what = bytes.u8();
    let mut world = scenes()[usize::from(what & 3)].clone();
    world.is_forged = what & 4 != 0;
    world.is_lazy = what & 8 != 0;
    world.play(bytes);
}

/// Three ends and four that have met, without a key and with one.
fn scenes() -> &'static [World; 4] {
    static SCENES: OnceLock<[World; 4]> = OnceLock::new();
    SCENES.get_or_init(|| [(3, false), (3, true), (4, false), (4, true)].map(|(ends, keyed)| World::met(ends, keyed)))
}

/// One end, and what its application knows.
#[derive(Clone, Debug)]
struct End {
    session: Mesh,
    peers: [Option<PeerId>; ENDS],
    /// The frame after the last input of each player, pushed here or delivered; by epoch.
    ends: [[u32; ENDS]; EPOCHS],
    /// The frame after the last input of each player that was reported as departed; by epoch.
    departed: [[Option<u32>; ENDS]; EPOCHS],
    /// Who was ever disconnected here.
    named: [bool; ENDS],
    /// Whether it still plays, or was closed or dropped.
    is_open: bool,
    is_dead: bool,
}

#[derive(Clone, Debug)]
struct World {
    keyed: bool,
    ends: Vec<End>,
    now: u64,
    /// Datagrams in flight and all datagrams ever sent, by receiver, each with its sender.
    in_flight: [Vec<(usize, Vec<u8>)>; ENDS],
    sent: [Vec<(usize, Vec<u8>)>; ENDS],
    /// How often somebody may yet leave, or be accused.
    leaves: u8,
    accusations: u8,
    is_forged: bool,
    /// Whether applications take events only now and then.
    is_lazy: bool,
}

fn number(player: usize) -> u16 {
    u16::try_from(player).expect("few")
}

fn incarnation(player: usize) -> u64 {
    0x5eed_0000_0020 + u64::from(number(player))
}

/// What a word says of the run of any player: its bits 32 to 47.
const SOURCE: u16 = 0x5eed;

/// The input of a player in a frame, which can be mistaken for no other.
fn act(player: usize, epoch: usize, frame: u32) -> [u8; INPUT_LEN] {
    [u8::try_from(player * 50 + epoch * 20 + 3).expect("a byte"), frame.to_le_bytes()[0] ^ 0x55]
}

impl End {
    fn new(player: usize, ends: usize, keyed: bool) -> Self {
        let mut config = Config::builder().session_id(SESSION_ID).local_player(number(player));
        config = config.incarnation(incarnation(player)).interrupt_after(NEVER / 2).disconnect_after(NEVER);
        if keyed {
            config = config.key(KEY);
        }
        let mut session = Session::new(config.build().expect("a configuration"));
        let mut peers = [None; ENDS];
        for other in (0..ends).filter(|other| *other != player) {
            let peer = PeerConfig::compact(number(other)).incarnation(incarnation(other));
            peers[other] = Some(session.add_peer(at(0), peer).expect("room for a peer"));
        }
        Self {
            session,
            peers,
            ends: Default::default(),
            departed: Default::default(),
            named: [false; ENDS],
            is_open: true,
            is_dead: false,
        }
    }

    fn epoch(&self) -> usize {
        usize::try_from(self.session.epoch().get()).expect("small")
    }

    fn peer(&self, player: usize) -> Option<PeerRef<'_, INPUT_LEN>> {
        self.session.peer(self.peers[player]?)
    }

    fn departure(&self, player: usize) -> Option<Departure> {
        self.peer(player).map(PeerRef::departure)
    }

    fn player_of(&self, peer: PeerId) -> usize {
        self.peers.iter().position(|other| *other == Some(peer)).expect("a peer")
    }

    fn plays(&self) -> bool {
        self.is_open && !self.is_dead
    }

    /// The frame after the newest input of a player that is known here, delivered or not.
    fn recv_next(&self, player: usize) -> u32 {
        self.peer(player).and_then(PeerRef::last_frame).map_or(0, |frame| frame.get() + 1)
    }

    fn note_named(&mut self) {
        for player in 0..ENDS {
            self.named[player] |= self.departure(player).is_some_and(|departure| departure != Departure::Present);
        }
    }

    /// Takes every event.
    fn poll(&mut self, is_forged: bool) {
        let epoch = self.epoch();
        let Self { session, peers, ends, departed, is_open, .. } = self;
        let player_of = |peer| peers.iter().position(|other| *other == Some(peer)).expect("a peer");
        poll(session, |event| match event {
            Event::Input { peer, frame, input } => {
                let player = player_of(peer);
                let next = &mut ends[epoch][player];
                assert_eq!(frame.get(), *next, "law 2: an input of {player} is out of order");
                assert_eq!(departed[epoch][player], None, "an input of {player}, which has departed");
                assert!(is_forged || input == act(player, epoch, *next), "law 1: frame {next} of {player}");
                *next += 1;
            }
            Event::Dropped { .. } => *is_open = false,
            Event::Peer { peer, event: PeerEvent::Departed { last } } => {
                let player = player_of(peer);
                let end = last.map_or(0, |last| last.get() + 1);
                assert_eq!(departed[epoch][player].replace(end), None, "{player} departed twice");
                assert_eq!(ends[epoch][player], end, "{player} departed at a frame that is not its last");
            }
            // A lie may say that there is more than anybody can repair.
            Event::Peer { event: PeerEvent::OutOfSync, .. } if is_forged => {}
            Event::Peer { event: PeerEvent::OutOfSync | PeerEvent::Conflict | PeerEvent::Restarted, .. } => {
                panic!("between honest ends: {event:?}")
            }
            _ => {}
        });
    }
}

impl World {
    /// Ends that have met.
    fn met(ends: usize, keyed: bool) -> Self {
        let ends = (0..ends).map(|player| End::new(player, ends, keyed)).collect();
        let mut world = Self {
            keyed,
            ends,
            now: 0,
            in_flight: Default::default(),
            sent: Default::default(),
            leaves: 2,
            accusations: 2,
            is_forged: false,
            is_lazy: false,
        };
        (0..6).for_each(|_| world.round(PAUSE));
        assert!(world.ends.iter().all(|end| end.ends[0] == [0; ENDS]));
        world.sent = Default::default();
        world
    }

    fn play(mut self, mut bytes: Bytes<'_>) {
        for _ in 0..48 {
            if bytes.is_empty() {
                break;
            }
            self.step(&mut bytes);
            self.check();
        }
        if !self.is_forged {
            self.heal();
        }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let what = bytes.u8();
        let count = self.ends.len();
        let (one, other) = (usize::from(what >> 4) % count, usize::from(what >> 6) % (count - 1));
        // Another end than the first one.
        let other = (one + 1 + other) % count;
        match what & 15 {
            0 | 1 => self.push(one),
            2 | 3 => {
                self.now += T;
                self.send(one);
            }
            4 => {
                self.now += PAUSE;
                self.send(one);
            }
            5 | 6 => {
                for (from, datagram) in std::mem::take(&mut self.in_flight[one]) {
                    self.receive(one, from, &datagram);
                }
            }
            7 if !self.in_flight[one].is_empty() => {
                let index = usize::from(bytes.u8()) % self.in_flight[one].len();
                let (from, datagram) = self.in_flight[one].swap_remove(index);
                self.receive(one, from, &datagram);
            }
            8 if !self.sent[one].is_empty() => {
                let back = usize::from(bytes.u8()) % self.sent[one].len();
                let (from, datagram) = self.sent[one][self.sent[one].len() - 1 - back].clone();
                self.receive(one, from, &datagram);
            }
            9 => self.in_flight[one].retain(|(from, _)| *from != other),
            10 if self.leaves > 0 && self.ends[one].plays() => {
                self.leaves -= 1;
                self.ends[one].is_dead = true;
            }
            11 if self.leaves > 0 && self.ends[one].plays() => {
                self.leaves -= 1;
                self.ends[one].session.close(at(self.now));
                self.ends[one].is_open = false;
            }
            12 => self.disconnect(one, other),
            13 if self.ends[one].epoch() == 0 && bytes.below(4) == 0 => self.begin(one),
            13 => self.poll(one),
            14 if self.is_forged || self.keyed => {
                let word = if self.is_forged { self.forge(one, other, bytes) } else { self.corrupt(one, bytes) };
                self.receive(one, other, &word);
            }
            _ => {
                (0..count).for_each(|player| self.push(player));
                self.round(T);
            }
        }
    }

    fn push(&mut self, player: usize) {
        let (now, end) = (self.now, &mut self.ends[player]);
        let epoch = end.epoch();
        let frame = end.ends[epoch][player];
        // A full window is no fault: somebody may have left.
        if end.plays() && end.session.push_input(at(now), act(player, epoch, frame)) == Ok(Frame::new(frame)) {
            end.ends[epoch][player] += 1;
        }
    }

    fn disconnect(&mut self, player: usize, other: usize) {
        let is_accused = self.ends[other].plays();
        let end = &mut self.ends[player];
        if !end.plays() || end.departure(other) != Some(Departure::Present) || is_accused && self.accusations == 0 {
            return;
        }
        self.accusations -= u8::from(is_accused);
        let peer = end.peers[other].expect("a peer");
        end.session.disconnect_peer(at(self.now), peer);
        end.note_named();
    }

    fn begin(&mut self, player: usize) {
        self.poll(player);
        let end = &mut self.ends[player];
        if end.plays() {
            end.session.begin_epoch(at(self.now), Epoch::new(1)).expect("a newer epoch");
            end.note_named();
        }
    }

    fn poll(&mut self, player: usize) {
        self.ends[player].poll(self.is_forged);
    }

    fn seal(&self, from: usize, to: usize, epoch: u32) -> Seal {
        Seal {
            key: self.keyed.then_some(KEY),
            short_tags: false,
            session_id: SESSION_ID,
            sender: (number(from), incarnation(from)),
            receiver: (number(to), incarnation(to)),
            epoch,
            input_len: INPUT_LEN.to_le_bytes()[0],
            window: WINDOW.to_le_bytes()[0],
            first_frame: 0,
        }
    }

    /// What an end sends is in flight.
    fn send(&mut self, player: usize) {
        let now = self.now;
        if self.ends[player].is_dead {
            return;
        }
        let end = &mut self.ends[player];
        end.session.handle_timeout(at(now));
        end.note_named();
        let mut sent = Vec::new();
        drain(&mut end.session, |peer, datagram| sent.push((peer, datagram.to_vec())));
        wake(&end.session, now);
        for (peer, datagram) in sent {
            let to = self.ends[player].player_of(peer);
            if datagram[0] == WORD {
                self.check_word(player, to, &datagram);
            }
            self.in_flight[to].push((player, datagram.clone()));
            self.sent[to].push((player, datagram));
        }
    }

    fn receive(&mut self, player: usize, from: usize, datagram: &[u8]) {
        let (now, end) = (self.now, &mut self.ends[player]);
        let Some(peer) = end.peers[from].filter(|_| !end.is_dead) else { return };
        let was_named = end.named[from];
        let mut spared = end.session.clone();
        let outcome = end.session.handle_datagram(at(now), peer, datagram);
        wake(&end.session, now);
        spared.handle_timeout(at(now));
        if let Err(reason) = outcome {
            let is_same = if may_be_reported(reason, datagram, spared.peer(peer)) {
                similar(&end.session, &spared)
            } else {
                same(&mut end.session, &mut spared)
            };
            assert!(is_same, "law 3: {reason:?} changed the session: {datagram:02x?}");
        } else if datagram[0] == WORD {
            let mut twice = end.session.clone();
            let _ = twice.handle_datagram(at(now), peer, datagram);
            assert!(same(&mut end.session, &mut twice), "law 4: a word twice is not like once: {datagram:02x?}");
        }
        if was_named {
            // It learns at most that it is out.
            let mut due = Vec::new();
            drain(&mut spared, |to, sent| due.push((to, sent[0])));
            drain(&mut end.session.clone(), |to, sent| {
                let is_caused = to == peer && !due.contains(&(to, sent[0]));
                assert!(
                    !is_caused || sent.len() <= datagram.len(),
                    "law 14: {datagram:02x?} is answered by {sent:02x?}"
                );
            });
        }
        end.note_named();
        if !self.is_lazy {
            self.poll(player);
        }
    }

    /// Every word says what its sender has, in one encoding.
    fn check_word(&self, from: usize, to: usize, word: &[u8]) {
        let end = &self.ends[from];
        let seal = self.seal(from, to, end.session.epoch().get());
        let rest = &word[1 + seal.len()..];
        assert_eq!(seal.word(rest), word, "another tag");
        let [flags, count, stays, entries @ ..] = rest else { panic!("a word of {} bytes", word.len()) };
        let (entries, more) = entries.split_at(usize::from(*count) * 8);
        let (stays, inputs) = more.split_at(usize::from(*stays) * 2);
        let (entries, _) = entries.as_chunks::<8>();
        let said: Vec<(usize, u16, u32)> = entries
            .iter()
            .map(|[a, b, c, d, end @ ..]| {
                let [player, source] = [[*a, *b], [*c, *d]].map(u16::from_be_bytes);
                (usize::from(player), source, u32::from_be_bytes(*end))
            })
            .collect();
        let named = |player: &usize| end.departure(*player).is_some_and(|departure| departure != Departure::Present);
        if named(&to) {
            assert_eq!(rest, [0, 0, 0], "more than that it is out");
            return;
        }
        let staying = (0..ENDS).filter(|player| end.departure(*player) == Some(Departure::Present));
        assert!(
            staying.flat_map(|player| number(player).to_be_bytes()).eq(stays.iter().copied()),
            "who stays: {rest:?}"
        );
        let known: Vec<_> = (0..ENDS).filter(named).map(|player| (player, end.recv_next(player))).collect();
        assert!(
            said.iter().map(|(player, ..)| player).eq(known.iter().map(|(player, _)| player)),
            "{said:?}, {known:?}"
        );
        for (&(player, source, said), &(_, known)) in said.iter().zip(&known) {
            let is_met = source == SOURCE || (source == 0 && known == 0);
            assert!(is_met || self.is_forged, "{known} inputs of {player} are of the run {source:04x}");
            // A departure is final: of a lie that came before it, the greatest end stays.
            let is_final = matches!(end.departure(player), Some(Departure::Departed { .. }));
            assert!(
                said == known || (self.is_forged && is_final && said > known),
                "{said} of {player}: {from} has {known}"
            );
        }
        assert_eq!((flags & 4 != 0, flags >> 3), (!inputs.is_empty(), 0));
        let [place, count, base, more @ ..] = inputs else { return };
        let (base, body) = more
            .split_first_chunk::<3>()
            .map_or((0, more), |([a, b, c], body)| (u32::from_be_bytes([*base, *a, *b, *c]), body));
        let (player, player_end) = known[usize::from(*place)];
        assert!(*count > 0 && base + u32::from(*count) <= player_end, "inputs that {from} does not have");
        let inputs = decode::<INPUT_LEN>(body, usize::from(*count), [0; INPUT_LEN]).expect("a body");
        assert_eq!(encode([0; INPUT_LEN], &inputs), body, "another encoding");
        let epoch = end.epoch();
        let given: Vec<_> = (base..).take(inputs.len()).map(|frame| act(player, epoch, frame)).collect();
        assert!(self.is_forged || inputs == given, "not the inputs of {player}: {inputs:02x?}");
    }

    /// A word to an end about the others, near what it knows of them, with the right tag.
    fn forge(&self, to: usize, from: usize, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let end = &self.ends[to];
        let (players, shape) = (bytes.u8(), bytes.u8());
        let near = |player: usize, bytes: &mut Bytes<'_>| match bytes.u8() {
            255 => u32::MAX - u32::from(bytes.u8()),
            by => (end.recv_next(player) + u32::from(by % 16)).saturating_sub(8),
        };
        let mut set = Vec::new();
        for player in (0..6).filter(|player| players >> player & 1 == 1) {
            let about = player.min(ENDS - 1);
            let end = near(about, bytes);
            // An end may not say, or may have them of another run.
            let source = [SOURCE, SOURCE, 0, SOURCE + 8][usize::from(bytes.below(4))];
            set.push((player, source, end));
        }
        if shape & 0xc0 == 0xc0 {
            set.reverse();
        }
        let count = u8::try_from(set.len()).expect("few");
        let flags = if count == 0 { shape & 0x40 } else { shape & 7 };
        let others = bytes.u8();
        let is_there = |player: usize| {
            let is_present = player < ENDS && end.departure(player) == Some(Departure::Present);
            player == to || player != from && is_present
        };
        // Mostly those who do.
        let stays = |player: &usize| if others < 128 { is_there(*player) } else { others >> *player & 1 == 1 };
        let stays: Vec<_> = if count == 0 { Vec::new() } else { (0..6).filter(stays).collect() };
        let mut rest = vec![flags, count, u8::try_from(stays.len()).expect("few")];
        for (player, source, end) in &set {
            rest.extend(number(*player).to_be_bytes());
            rest.extend(source.to_be_bytes());
            rest.extend(end.to_be_bytes());
        }
        rest.extend(stays.iter().flat_map(|player| number(*player).to_be_bytes()));
        if flags & 4 != 0 {
            let place = bytes.below(count + 1);
            let of = set.get(usize::from(place)).map_or(0, |(player, ..)| *player).min(ENDS - 1);
            let (count, base) = (bytes.below(8), near(of, bytes));
            rest.extend([place, count]);
            rest.extend(base.to_be_bytes());
            if shape & 8 == 0 {
                let inputs: Vec<_> = (0..count).map(|_| [bytes.u8(), 7]).collect();
                rest.extend(encode([0; INPUT_LEN], &inputs));
            } else {
                let length = bytes.below(16);
                rest.extend(bytes.take(length.into()));
            }
        }
        // A tag of another epoch is wrong.
        let epoch = end.session.epoch().get() + u32::from(shape & 0x30 == 0x30);
        self.seal(from, to, epoch).word(&rest)
    }

    /// The latest word to an end with some other byte. With a key it is refused.
    fn corrupt(&self, to: usize, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let word = self.sent[to].iter().rev().map(|(_, datagram)| datagram).find(|datagram| datagram[0] == WORD);
        let mut word = word.cloned().unwrap_or_else(|| vec![WORD; 12]);
        let (place, change) = (usize::from(bytes.u8()) % word.len(), bytes.u8());
        word[place] ^= change;
        word
    }

    /// The laws that hold at any time.
    fn check(&self) {
        if self.is_forged {
            return;
        }
        for (one, one_end) in self.ends.iter().enumerate() {
            for (other, other_end) in self.ends.iter().enumerate().filter(|(other, _)| *other != one) {
                for epoch in 0..EPOCHS {
                    let pushed = other_end.ends[epoch][other];
                    assert!(one_end.ends[epoch][other] <= pushed, "{one} has inputs that {other} did not push");
                    if one_end.named[other] || other_end.named[one] {
                        continue;
                    }
                    for player in 0..ENDS {
                        let [here, there] = [one_end, other_end].map(|end| end.departed[epoch][player]);
                        let agree = here.is_none() || there.is_none() || here == there;
                        assert!(agree, "{player} departed at {here:?} for {one}, at {there:?} for {other}");
                    }
                }
            }
        }
    }

    /// Everything that all send now arrives.
    fn round(&mut self, pause: u64) {
        self.now += pause;
        for _ in 0..3 {
            (0..self.ends.len()).for_each(|player| self.send(player));
            for player in 0..self.ends.len() {
                for (from, datagram) in std::mem::take(&mut self.in_flight[player]) {
                    self.receive(player, from, &datagram);
                }
            }
        }
    }

    /// From now on everything arrives, and applications do their part: everything is settled before long.
    fn heal(&mut self) {
        self.in_flight = Default::default();
        for _ in 0..ROUNDS {
            self.act_as_applications();
            let before = self.words();
            self.round(PAUSE);
            (0..self.ends.len()).for_each(|player| self.poll(player));
            self.check();
            if self.words() == before && self.waits_for().is_none() {
                return;
            }
        }
        panic!("not settled long after the network healed: {:?}", self.waits_for());
    }

    fn words(&self) -> usize {
        self.sent.iter().flatten().filter(|(_, datagram)| datagram[0] == WORD).count()
    }

    /// Applications take what is there, follow to an epoch, and disconnect who is gone.
    fn act_as_applications(&mut self) {
        (0..self.ends.len()).for_each(|player| self.poll(player));
        let begun = self.ends.iter().any(|end| end.epoch() > 0);
        for player in 0..self.ends.len() {
            if begun && self.ends[player].epoch() == 0 {
                self.begin(player);
            }
            for other in 0..self.ends.len() {
                if other != player && !self.ends[other].plays() {
                    self.disconnect(player, other);
                }
            }
        }
    }

    /// What is not settled.
    fn waits_for(&self) -> Option<String> {
        for (player, end) in self.ends.iter().enumerate().filter(|(_, end)| end.plays()) {
            let reported = |player: usize| match end.departure(player) {
                None | Some(Departure::Present) => true,
                Some(Departure::Departed { .. }) => end.departed[end.epoch()][player].is_some(),
                Some(_) => false,
            };
            if !end.session.departures_settled() || !(0..ENDS).all(reported) {
                return Some(format!("{player} is not settled"));
            }
            if end.session.clone().push_input(at(self.now), [0; INPUT_LEN]).is_err() {
                return Some(format!("{player} cannot push"));
            }
            for (other, other_end) in self.ends.iter().enumerate() {
                let is_present = end.departure(other) == Some(Departure::Present);
                if is_present && (!other_end.plays() || other_end.named[player]) {
                    return Some(format!("{player} plays with {other}"));
                }
            }
        }
        None
    }
}
