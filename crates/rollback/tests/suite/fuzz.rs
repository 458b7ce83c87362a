//! The body of the fuzz target `driver`: two or three drivers and the network between them, under the fuzzer's control, until it
//! heals.
//!
//! Every confirmed frame of every player that stays must equal a plain simulation of the inputs that were pushed. The driver asks
//! a game for frames in their order, for no confirmed one again, and for no state that the game did not save. All have a key,
//! so that hostile datagrams are refused. Only the standard library and the crates themselves are used, since the target includes
//! this file.

use std::collections::HashMap;
use std::time::Duration;

use inputwire::{Config, Epoch, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, Session};
use inputwire_rollback::{Inputs, Rollback, RollbackEvent, SaveState, Status, Step};

const INPUT_LEN: usize = 2;
const WINDOW: usize = 20;
const RING: usize = 8;
/// The most frames that are predicted.
const DEEPEST: u32 = 6;
/// A frame, in microseconds.
const T: u64 = 16_667;
/// Silence never disconnects a player, so no two players lose each other.
const NEVER: Duration = Duration::from_secs(3_000);
/// Frames after which the healed game has confirmed some more: a round may have to end first.
const HEALED: u32 = 120;

type Driver = Rollback<Game, Session<2, INPUT_LEN, WINDOW>, 2, INPUT_LEN, RING, WINDOW>;

/// A game whose state is a hash of every input of every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Game {
    hash: u64,
    frames: u32,
}

impl Game {
    const FIRST: Self = Self { hash: 1, frames: 0 };

    fn play(&mut self, inputs: impl IntoIterator<Item = (u16, [u8; INPUT_LEN])>) {
        for (player, [low, high]) in inputs {
            let input = u64::from(player) << 16 | u64::from(high) << 8 | u64::from(low);
            self.hash = (self.hash ^ input).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        self.hash = self.hash.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ self.hash >> 31;
        self.frames += 1;
    }
}

/// The game at one end: what it keeps itself, if it does, and what it was asked for.
#[derive(Debug)]
struct Table {
    live: Game,
    saved: [Option<Game>; RING - 1],
    /// The state after each frame of this epoch, as it was played last.
    after: Vec<Game>,
    /// The frames below were confirmed before the present step.
    confirmed: u32,
    /// The next frame that may be played in the present step.
    next: Option<u32>,
    /// Whether an epoch has begun in the present step.
    has_begun: bool,
    local: u16,
    predicts: bool,
}

impl Table {
    /// Notes that a frame is played from this state.
    fn play(&mut self, state: &mut Game, inputs: &Inputs<'_, INPUT_LEN>) {
        let frame = state.frames;
        assert!(frame >= self.confirmed, "frame {frame} is played again, and {} is confirmed", self.confirmed);
        assert!(self.next.is_none_or(|next| next == frame), "frame {frame} is played, and not {:?}", self.next);
        let index = usize::try_from(frame).expect("an index");
        assert!(index <= self.after.len(), "frame {frame} is played before the one before it");
        let before = index.checked_sub(1).map_or(Game::FIRST, |before| self.after[before]);
        assert_eq!(*state, before, "frame {frame} is played from another state");
        assert_eq!(inputs.get(self.local).status, Status::Confirmed);
        state.play(inputs.present().map(|player| (player.player, player.input)));
        self.after.truncate(index);
        self.after.push(*state);
        self.next = Some(frame + 1);
    }

    fn begin_epoch(&mut self) {
        self.saved = [None; RING - 1];
        self.after.clear();
        (self.confirmed, self.next, self.has_begun) = (0, None, true);
    }
}

impl SaveState<INPUT_LEN> for Table {
    fn save(&mut self, slot: usize) {
        self.saved[slot] = Some(self.live);
    }

    fn load(&mut self, slot: usize) {
        self.live = self.saved[slot].expect("a state is loaded that was not saved in this epoch");
    }

    fn reset(&mut self) {
        self.live = Game::FIRST;
        self.begin_epoch();
    }

    fn advance(&mut self, inputs: &Inputs<'_, INPUT_LEN>) {
        let mut state = self.live;
        self.play(&mut state, inputs);
        self.live = state;
    }

    fn hash(&self, slot: usize) -> u64 {
        self.saved[slot].expect("a state is hashed that was not saved in this epoch").hash
    }

    fn predict(&mut self, player: u16, latest: Option<&[u8; INPUT_LEN]>, frames_since: u32) -> Option<[u8; INPUT_LEN]> {
        assert!(player != self.local && frames_since > 0);
        latest.filter(|_| self.predicts).map(|[low, high]| [low.wrapping_add(1), *high])
    }
}

/// One player.
struct End {
    driver: Driver,
    table: Table,
    /// Whether the game keeps its state itself.
    saves: bool,
    epoch: Epoch,
    /// The frame after the last one that was noted as pushed, and after the last one noted as confirmed.
    pushed: u32,
    noted: u32,
    /// The frame that is advanced next.
    next: Option<Frame>,
    is_dead: bool,
    /// Whether it stays to the end.
    stays: bool,
}

struct World {
    ends: Vec<End>,
    now: u64,
    /// Datagrams in flight and all datagrams ever sent, by receiver, each with its sender.
    in_flight: Vec<Vec<(usize, Vec<u8>)>>,
    sent: Vec<Vec<(usize, Vec<u8>)>>,
    /// What was pushed, by epoch, player and frame.
    pushed: HashMap<(Epoch, usize, u32), [u8; INPUT_LEN]>,
    /// The states after confirmed frames of those who stay.
    confirmed: Vec<(usize, Epoch, u32, Game)>,
    /// The frame after the last one of who left, by epoch.
    departed: HashMap<(Epoch, usize), u32>,
    leaver: Option<usize>,
}

/// Decisions; once the bytes are used up, all are 0.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn number(player: usize) -> u16 {
    u16::try_from(player).expect("few")
}

pub(crate) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut world = World::new(&mut bytes);
    for _ in 0..64 {
        if bytes.0.is_empty() {
            break;
        }
        world.step(&mut bytes);
    }
    world.heal();
    world.judge();
}

impl End {
    fn new(player: usize, ends: usize, how: u8) -> Self {
        let config = Config::builder()
            .local_player(number(player))
            .incarnation(0x5eed_0000_0020 + u64::from(number(player)))
            .key([3; 16])
            .interrupt_after(NEVER / 2)
            .disconnect_after(NEVER);
        let mut session = Session::new(config.build().expect("a configuration"));
        for other in (0..ends).filter(|other| *other != player) {
            session.add_peer(at(0), PeerConfig::compact(number(other))).expect("room for a peer");
        }
        let mut driver = Rollback::new(session, Game::FIRST)
            .with_checksums(3, |game: &Game| game.hash)
            .with_max_prediction([DEEPEST, 0, 1, 3][usize::from(how & 3)]);
        if how & 4 != 0 {
            driver = driver.with_predictor(|[low, high], since| [low.wrapping_add(since.to_le_bytes()[0]), *high]);
        }
        let table = Table {
            live: Game::FIRST,
            saved: [None; RING - 1],
            after: Vec::new(),
            confirmed: 0,
            next: None,
            has_begun: false,
            local: number(player),
            predicts: how & 8 != 0,
        };
        let epoch = driver.session().epoch();
        let saves = how & 16 != 0;
        Self { driver, table, saves, epoch, pushed: 0, noted: 0, next: None, is_dead: false, stays: true }
    }

    fn plays(&self) -> bool {
        self.stays && !self.is_dead
    }

    /// Plays a frame if that is possible.
    fn play(&mut self, now: u64, input: [u8; INPUT_LEN]) {
        let Self { driver, table, .. } = self;
        table.confirmed = driver.confirmed_frame().map_or(0, |frame| frame.get() + 1);
        (table.next, table.has_begun) = (None, false);
        let step = if self.saves {
            driver.step_saved(at(now), input, table)
        } else {
            driver.step(at(now), input, |state, inputs| {
                if state.frames == 0 && table.confirmed > 0 {
                    table.begin_epoch();
                }
                table.play(state, inputs);
            })
        };
        let epoch = driver.session().epoch();
        if epoch == self.epoch {
            assert!(!table.has_begun, "only a later epoch starts over");
        } else {
            (self.epoch, self.pushed, self.noted, self.next) = (epoch, 0, 0, None);
            if table.next.is_none() {
                table.begin_epoch();
            }
        }
        if let Step::Advanced { frame, resimulated } = step {
            assert!(resimulated <= DEEPEST, "{resimulated} frames again");
            assert!(self.next.is_none_or(|next| next == frame), "frame {frame} comes after {:?}", self.next);
            self.next = Some(Frame::new(frame.get() + 1));
            assert_eq!(self.table.next, Some(frame.get() + 1), "the frame was not played");
        }
        if !self.saves
            && let Some(last) = self.table.after.last()
        {
            assert_eq!(self.driver.state(), last, "the present state is another one");
        }
    }
}

impl World {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let count = 2 + usize::from(bytes.u8() & 1);
        let ends = (0..count).map(|player| End::new(player, count, bytes.u8())).collect();
        Self {
            ends,
            now: 0,
            in_flight: vec![Vec::new(); count],
            sent: vec![Vec::new(); count],
            pushed: HashMap::new(),
            confirmed: Vec::new(),
            departed: HashMap::new(),
            leaver: None,
        }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let what = bytes.u8();
        let count = self.ends.len();
        let one = usize::from(what >> 4) % count;
        let other = (one + 1 + usize::from(what >> 6) % (count - 1)) % count;
        match what & 15 {
            0..=2 => self.frame(one, [bytes.u8(), 0]),
            3 => {
                self.now += T;
                self.frame(one, [what, 1]);
            }
            4 | 5 => {
                for (from, datagram) in std::mem::take(&mut self.in_flight[one]) {
                    self.receive(one, from, &datagram);
                }
            }
            6 if !self.in_flight[one].is_empty() => {
                let index = usize::from(bytes.u8()) % self.in_flight[one].len();
                let (from, datagram) = self.in_flight[one].swap_remove(index);
                self.receive(one, from, &datagram);
            }
            7 if !self.sent[one].is_empty() => {
                let back = usize::from(bytes.u8()) % self.sent[one].len();
                let (from, datagram) = self.sent[one][self.sent[one].len() - 1 - back].clone();
                self.receive(one, from, &datagram);
            }
            8 => self.in_flight[one].retain(|(from, _)| *from != other),
            9 => {
                let mut hostile =
                    self.sent[one].last().map_or_else(|| vec![0x20; 56], |(_, datagram)| datagram.clone());
                let (place, change) = (usize::from(bytes.u8()), bytes.u8());
                match hostile.get_mut(place) {
                    Some(byte) => *byte ^= change,
                    None => hostile.truncate(place % 64),
                }
                self.receive(one, other, &hostile);
            }
            10 => {
                let how = bytes.u8();
                let driver = &mut self.ends[one].driver;
                driver.set_input_delay(u32::from(how & 7));
                driver.set_max_prediction(u32::from(how >> 4 & 7));
            }
            11 => self.end_round(u32::from(bytes.u8() & 7)),
            12 if bytes.u8().is_multiple_of(4) => self.begin_epoch(one),
            13 if count > 2 && self.leaver.is_none() => {
                self.leaver = Some(one);
                let end = &mut self.ends[one];
                end.stays = false;
                if bytes.u8() & 1 == 0 {
                    end.is_dead = true;
                } else {
                    end.driver.close(at(self.now));
                }
            }
            14 => self.disconnect(one),
            _ => self.round([bytes.u8(), 2]),
        }
    }

    /// One end takes events, plays a frame and sends.
    fn frame(&mut self, player: usize, input: [u8; INPUT_LEN]) {
        let (now, leaver) = (self.now, self.leaver);
        let end = &mut self.ends[player];
        if end.is_dead {
            return;
        }
        end.driver.handle_timeout(at(now));
        while let Some(event) = end.driver.poll_event() {
            let RollbackEvent::Peer { peer, event } = event else {
                assert!(
                    !matches!(event, RollbackEvent::Dropped { .. }) || !end.stays,
                    "a player that plays is accused by none"
                );
                continue;
            };
            let session = end.driver.session();
            let other = session.peer(peer).map(|peer| usize::from(peer.player())).expect("a peer");
            match event {
                PeerEvent::Desync { .. } if end.stays => assert_eq!(Some(other), leaver, "a desync with {other}"),
                PeerEvent::Departed { last } if end.stays => {
                    assert_eq!(Some(other), leaver, "{other} has not left");
                    let cut = last.map_or(0, |last| last.get() + 1);
                    let known = *self.departed.entry((session.epoch(), other)).or_insert(cut);
                    assert_eq!(known, cut, "the survivors do not agree on {other}");
                }
                PeerEvent::Restarted | PeerEvent::OutOfSync | PeerEvent::Lost { .. } | PeerEvent::Conflict => {
                    panic!("between honest players: {event:?}")
                }
                _ => {}
            }
        }
        if end.stays {
            end.play(now, input);
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = end.driver.poll_transmit(&mut buf) {
            let to = end.driver.session().peer(transmit.peer).map(|peer| usize::from(peer.player())).expect("a peer");
            self.in_flight[to].push((player, transmit.datagram.to_vec()));
            self.sent[to].push((player, transmit.datagram.to_vec()));
        }
        self.note(player);
    }

    /// Notes what was pushed and confirmed.
    fn note(&mut self, player: usize) {
        let end = &mut self.ends[player];
        let session = end.driver.session();
        for frame in end.pushed..session.next_frame().get() {
            let input = session.local_input(Frame::new(frame)).expect("just pushed");
            self.pushed.insert((end.epoch, player, frame), input);
        }
        end.pushed = session.next_frame().get();
        if !end.stays {
            return;
        }
        let confirmed = end.driver.confirmed_frame().map_or(0, |frame| frame.get() + 1);
        for frame in end.noted..confirmed {
            let state = end.table.after[usize::try_from(frame).expect("an index")];
            self.confirmed.push((player, end.epoch, frame, state));
        }
        assert!(confirmed >= end.noted, "confirmed frames went back");
        end.noted = confirmed;
        if !end.saves
            && let Some((frame, state)) = end.driver.confirmed_state()
        {
            assert_eq!(*state, end.table.after[usize::try_from(frame.get()).expect("an index")]);
        }
    }

    fn receive(&mut self, player: usize, from: usize, datagram: &[u8]) {
        let end = &mut self.ends[player];
        if let Some(peer) = end.driver.session().peer_of(number(from)).filter(|_| !end.is_dead) {
            let _ = end.driver.handle_datagram(at(self.now), peer, datagram);
        }
    }

    /// Everybody plays a frame, and everything arrives.
    fn round(&mut self, input: [u8; INPUT_LEN]) {
        self.now += T;
        for player in 0..self.ends.len() {
            self.frame(player, input);
        }
        for player in 0..self.ends.len() {
            for (from, datagram) in std::mem::take(&mut self.in_flight[player]) {
                self.receive(player, from, &datagram);
            }
        }
    }

    /// All end the round with the same frame, a few later, if they play the same one.
    fn end_round(&mut self, later: u32) {
        let plays = |end: &&mut End| end.plays();
        let epoch = self.ends.iter_mut().find(plays).map(|end| end.driver.session().epoch());
        if self.ends.iter_mut().filter(plays).any(|end| Some(end.driver.session().epoch()) != epoch) {
            return;
        }
        let next = self.ends.iter().map(|end| end.driver.session().next_frame().get()).max().unwrap_or(0);
        for end in self.ends.iter_mut().filter(plays) {
            end.driver.end_round(Frame::new(next + later), Game::FIRST);
        }
    }

    /// One ends the epoch for all, and starts over.
    fn begin_epoch(&mut self, player: usize) {
        let end = &mut self.ends[player];
        if end.plays() {
            end.driver.begin_epoch(at(self.now), Game::FIRST).expect("epochs are left");
            (end.epoch, end.pushed, end.noted, end.next) = (end.driver.session().epoch(), 0, 0, None);
            end.table.reset();
        }
    }

    /// One end notices that who left is gone.
    fn disconnect(&mut self, player: usize) {
        let (now, leaver) = (self.now, self.leaver);
        let end = &mut self.ends[player];
        if let Some(leaver) = leaver.filter(|leaver| *leaver != player && end.plays())
            && let Some(peer) = end.driver.session().peer_of(number(leaver))
        {
            end.driver.disconnect_peer(at(now), peer);
        }
    }

    /// From now on everything arrives, and the game goes on.
    fn heal(&mut self) {
        self.in_flight.iter_mut().for_each(Vec::clear);
        let before: Vec<_> = self.ends.iter().map(|end| (end.epoch, end.noted)).collect();
        for frame in 0..HEALED {
            if frame == 30 {
                (0..self.ends.len()).for_each(|player| self.disconnect(player));
            }
            self.round([frame.to_le_bytes()[0] / 4, 3]);
            let has_moved = |(end, (epoch, noted)): (&End, &(Epoch, u32))| {
                !end.plays() || end.noted >= 8 + if end.epoch > *epoch { 0 } else { *noted }
            };
            let same = self.ends.iter().filter(|end| end.plays()).map(|end| end.epoch);
            if self.ends.iter().zip(&before).all(has_moved) && same.clone().min() == same.max() {
                return;
            }
        }
        panic!("the game stands still long after the network healed");
    }

    /// Compares every confirmed state with a plain simulation.
    fn judge(&self) {
        let mut plain = HashMap::<Epoch, Vec<Game>>::new();
        // Of the last frames that a leaver played, the others may not know.
        let stay = self.confirmed.iter().filter(|(player, ..)| self.ends[*player].stays);
        for (player, epoch, frame, state) in stay {
            let states = plain.entry(*epoch).or_default();
            let index = usize::try_from(*frame).expect("an index");
            while states.len() <= index {
                let frame = u32::try_from(states.len()).expect("few frames");
                let mut game = states.last().copied().unwrap_or(Game::FIRST);
                let is_there = |player: &usize| self.departed.get(&(*epoch, *player)).is_none_or(|end| frame < *end);
                game.play((0..self.ends.len()).filter(is_there).map(|player| {
                    let input = self.pushed.get(&(*epoch, player, frame));
                    (number(player), *input.expect("a confirmed frame was pushed by everybody"))
                }));
                states.push(game);
            }
            assert_eq!(*state, states[index], "player {player}, epoch {epoch}, frame {frame}");
        }
    }
}
