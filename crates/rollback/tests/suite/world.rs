//! Games of many players over a hostile network, each endpoint against a plain simulation of the inputs that were pushed.

use std::collections::HashMap;
use std::time::Duration;

use inputwire::{
    Config, Departure, Epoch, Frame, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session,
};
use inputwire_rollback::{Rollback, RollbackEvent, Step};
use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::{Rng, nth};

use crate::game::{Game, LEN};

const MAX_PEERS: usize = 7;
/// How often the world looks at everything.
const TICK_US: u64 = 4_000;
const SECOND_US: u64 = 1_000_000;
/// The time in which the network is hostile, and the one in which it has healed.
const HOSTILE_US: u64 = 4 * SECOND_US;
const HEALED_US: u64 = 4 * SECOND_US;

pub(crate) type Driver = Rollback<Game, Session<MAX_PEERS, LEN>, MAX_PEERS, LEN>;
/// From which frame of which epoch players that departed play again.
type Back = HashMap<usize, (Epoch, u32)>;

/// What one game is like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) players: usize,
    pub(crate) max_prediction: u32,
    pub(crate) faults: Faults,
    /// Each endpoint draws a new input delay every so many frames or so, up to this many frames; 0 for never.
    pub(crate) delay_every: u64,
    pub(crate) max_delay: u64,
    /// The last frame of each round.
    pub(crate) round: Option<u32>,
    /// When a player is restarted, and which.
    pub(crate) restart: Option<(u64, usize)>,
    /// When players leave, which, and whether they say goodbye. At least two stay.
    pub(crate) leaves: Vec<(u64, usize, bool)>,
    /// Whether the first one that left comes back.
    pub(crate) rejoins: bool,
    pub(crate) first_frame: u32,
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::new(seed);
        let players = rng.between(2, 8);
        let faults = Faults {
            loss: u32::try_from(rng.below(600)).expect("a part of a thousand"),
            delay_us: rng.below(100_000),
            jitter_us: rng.below(60_000),
            duplicate: 20,
            late: 50,
            late_us: 200_000,
            ..Faults::default()
        };
        let round = rng.pick(&[None, None, None, Some(40), Some(90)]);
        let leaves = if players > 2 && !rng.one_in(3) { rng.between(1, (players - 2).min(2)) } else { 0 };
        let rejoins = round.is_none() && rng.one_in(2);
        let latest = if rejoins { 3 * SECOND_US / 2 } else { HOSTILE_US };
        let leave = |number| (rng.between(SECOND_US / 2, latest), usize::from(number == 1), rng.one_in(2));
        let leaves: Vec<_> = (0..leaves).map(leave).collect();
        Self {
            seed,
            players: usize::try_from(players).expect("a few"),
            max_prediction: rng.pick(&[0, 1, 4, 8, 8, 8]),
            faults,
            delay_every: rng.pick(&[0, 0, 10, 60]),
            max_delay: rng.pick(&[2, 6, 30]),
            round,
            restart: (leaves.is_empty() && rng.one_in(4)).then(|| (rng.between(SECOND_US, HOSTILE_US), rng.index(2))),
            leaves,
            rejoins,
            first_frame: rng.pick(&[0, 0, 3]),
        }
    }
}

/// What a game came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Played {
    pub(crate) confirmed: u64,
    pub(crate) resimulated: u64,
    pub(crate) epochs: u32,
    pub(crate) departed: u32,
    pub(crate) joined: u32,
    /// Players who lost the others, although nobody left.
    pub(crate) lost: u32,
}

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Plays,
    /// Waits for the state before its first frame.
    Joins(u32),
    /// Says goodbye.
    Closes,
    Dead,
    /// The others play on without it.
    Dropped,
}

struct End {
    life: Life,
    /// Whether it stays to the end. What only a leaver knew, nobody agrees on.
    stays: bool,
    player: usize,
    driver: Driver,
    rng: Rng,
    input: [u8; LEN],
    next_step: u64,
    /// The frames up to here are recorded, in this epoch.
    recorded: (Epoch, u32),
    /// After a restart: the epochs in which this run can have no confirmed frame.
    silent_through: Option<Epoch>,
    confirmed: u64,
    checked: Option<(Epoch, Frame)>,
}

/// The inputs that were pushed, by epoch, player and frame.
type Pushed = HashMap<(Epoch, usize, u32), [u8; LEN]>;
/// What the endpoints saw. It is judged in the end, when it is known who was dropped: an endpoint that has not heard yet that the
/// others play on without it plays another game for a while.
#[derive(Default)]
struct Log {
    /// The states after confirmed frames.
    confirmed: Vec<(usize, Epoch, Frame, Game)>,
    /// The ends of the frames of players that departed.
    departed: Vec<(usize, Epoch, usize, u32)>,
    /// Two endpoints whose states did not agree.
    desyncs: Vec<(usize, Epoch, usize)>,
}

struct World {
    plan: Plan,
    now: u64,
    network: Network,
    ends: Vec<End>,
    pushed: Pushed,
    back: Back,
    log: Log,
    /// The first and last epoch in which two runs of a player may have taken part.
    contested: Option<(Epoch, Epoch)>,
}

/// Plays a game.
///
/// # Panics
///
/// If a confirmed state differs from the plain simulation, if a desync is reported, or if the healed game stands still.
pub(crate) fn play(plan: &Plan) -> Played {
    let mut network = Network::new(plan.players, plan.seed);
    for (from, to) in pairs(plan.players) {
        network.set_faults(from, to, plan.faults);
    }
    let everyone: Vec<usize> = (0..plan.players).collect();
    let ends = everyone.iter().map(|player| End::new(plan, *player, 1, &everyone, None)).collect();
    let plan = plan.clone();
    let mut world = World {
        plan,
        now: 0,
        network,
        ends,
        pushed: HashMap::new(),
        back: HashMap::new(),
        log: Log::default(),
        contested: None,
    };
    world.run();
    world.judge();
    let stats = world.ends.iter().map(|end| end.driver.stats());
    Played {
        confirmed: world.ends.iter().map(|end| end.confirmed).sum(),
        resimulated: stats.map(|stats| stats.resimulated).sum(),
        epochs: world.ends.iter().map(|end| end.driver.session().epoch().get()).max().unwrap_or(0),
        departed: u32::try_from(world.log.departed.len()).expect("a few"),
        joined: u32::try_from(world.back.len()).expect("a few"),
        lost: u32::try_from(world.ends.iter().filter(|end| end.stays && !world.has_stayed(end.player)).count())
            .expect("a few"),
    }
}

fn pairs(players: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..players).flat_map(move |from| (0..players).filter(move |to| *to != from).map(move |to| (from, to)))
}

fn is_contested(contested: Option<(Epoch, Epoch)>, epoch: Epoch) -> bool {
    contested.is_some_and(|(first, last)| first <= epoch && epoch <= last)
}

impl End {
    /// A run of a player with these others; `from` is the frame from which it joins.
    fn new(plan: &Plan, player: usize, run: u64, players: &[usize], from: Option<u32>) -> Self {
        let number = |player| u16::try_from(player).expect("a few");
        // A player that is restarted has more time to come back.
        let patience = if plan.leaves.is_empty() { 5_000 } else { 2_000 };
        let config = Config::builder()
            .local_player(number(player))
            .incarnation(nth(plan.seed, run * 100 + player as u64) | 1 << 40)
            .disconnect_after(Duration::from_millis(patience))
            .first_frame(Frame::new(plan.first_frame));
        let mut session = Session::new(config.build().expect("valid settings"));
        for other in players.iter().filter(|other| **other != player) {
            let peer = PeerConfig::compact(number(*other));
            let peer = from.map(Frame::new).into_iter().fold(peer, PeerConfig::from);
            session.add_peer(Instant::ORIGIN, peer).expect("a free place");
        }
        let driver = Rollback::new(session, Game::new(0))
            .with_checksums(10, |game| game.hash)
            .with_max_prediction(plan.max_prediction);
        let rng = Rng::new(nth(plan.seed, 7_000 + run * 100 + player as u64));
        Self {
            life: from.map_or(Life::Plays, Life::Joins),
            stays: from.is_some() || plan.leaves.iter().all(|(_, leaver, _)| *leaver != player),
            player,
            driver,
            rng,
            input: [0; LEN],
            next_step: 0,
            recorded: (Epoch::new(0), from.unwrap_or(plan.first_frame)),
            silent_through: None,
            confirmed: 0,
            checked: None,
        }
    }

    /// Disconnects who has never connected, although nothing is lost any more.
    fn give_up_strangers(&mut self, now: u64) {
        let session = self.driver.session();
        let is_stranger = |peer: &PeerId| session.peer(*peer).is_some_and(|peer| peer.health() == Health::Connecting);
        let strangers: Vec<_> = session.peers().filter(is_stranger).collect();
        for peer in strangers {
            self.driver.disconnect_peer(Instant::from_micros(now), peer);
        }
    }

    /// The peer of another player.
    fn peer(&self, player: usize) -> PeerId {
        let peer = self.driver.session().peer_of(u16::try_from(player).expect("a few"));
        peer.expect("every other player is a peer")
    }

    /// Plays a frame if one is due.
    fn step(&mut self, now: u64, plan: &Plan) {
        if now < self.next_step {
            return;
        }
        if self.rng.one_in(8) {
            let [low, high, ..] = self.rng.next().to_le_bytes();
            self.input = [low, high];
        }
        if plan.delay_every > 0 && self.rng.one_in(plan.delay_every) {
            let delay = self.rng.below(plan.max_delay + 1);
            self.driver.set_input_delay(u32::try_from(delay).expect("a few"));
        }
        let limit = plan.max_prediction;
        let step = self.driver.step(Instant::from_micros(now), self.input, Game::advance);
        if let Step::Advanced { resimulated, .. } = step {
            assert!(resimulated <= limit, "{resimulated} frames again, with {limit} predicted at most");
        }
        let interval = self.driver.frame_interval().as_micros();
        // Some frames take longer.
        let hiccup = if self.rng.one_in(40) { self.rng.below(80_000) } else { 0 };
        self.next_step = now + u64::try_from(interval).expect("a frame") + hiccup;
    }

    fn drain(&mut self, now: u64, plan: &Plan, back: &Back, log: &mut Log, network: &mut Network) {
        while let Some(event) = self.driver.poll_event() {
            let epoch = self.driver.session().epoch();
            let player_of = |peer| usize::from(self.driver.session().peer(peer).expect("a peer").player());
            match event {
                RollbackEvent::Peer { peer, event: PeerEvent::Desync { .. } } if self.stays => {
                    log.desyncs.push((self.player, epoch, player_of(peer)));
                }
                RollbackEvent::Peer { peer, event: PeerEvent::Departed { last } } if self.stays => {
                    let player = player_of(peer);
                    let from =
                        back.get(&player).filter(|(of, _)| *of == epoch).map_or(plan.first_frame, |(_, from)| *from);
                    let end = last.map_or(from, |last| last.get() + 1);
                    log.departed.push((self.player, epoch, player, end));
                }
                RollbackEvent::Dropped { .. } => self.life = Life::Dropped,
                _ => {}
            }
        }
        if self.life == Life::Plays {
            self.play(now, plan);
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = self.driver.poll_transmit(&mut buf) {
            let to = self.driver.session().peer(transmit.peer).expect("a peer").player();
            network.send(now, self.player, usize::from(to), transmit.datagram);
        }
    }

    fn play(&mut self, now: u64, plan: &Plan) {
        self.step(now, plan);
        // Half of the players know how long a round is, the others see that it is over.
        let is_over = |last| self.player.is_multiple_of(2) || self.driver.confirmed_frame() >= Some(last);
        if let Some(last) = plan.round.map(Frame::new).filter(|last| is_over(*last)) {
            self.driver.end_round(last, Game::new(0));
        }
    }

    fn confirmed(&self) -> Option<(Frame, Game)> {
        self.driver.confirmed_state().map(|(frame, state)| (frame, state.clone()))
    }

    /// Notes the latest confirmed state, if it is a new one.
    fn note_confirmed(&mut self, log: &mut Log, first_frame: u32) {
        let epoch = self.driver.session().epoch();
        let Some((frame, state)) = self.confirmed().filter(|(frame, _)| self.checked != Some((epoch, *frame))) else {
            return;
        };
        let before = self.checked.filter(|(before, _)| *before == epoch);
        let next = before.map_or(first_frame, |(_, frame)| frame.get() + 1);
        assert!(frame.get() >= next, "confirmed frames went back");
        self.confirmed += u64::from(frame.get() + 1 - next);
        self.checked = Some((epoch, frame));
        log.confirmed.push((self.player, epoch, frame, state));
    }

    fn record(&mut self, pushed: &mut Pushed, first_frame: u32) {
        let session = self.driver.session();
        let epoch = session.epoch();
        if self.recorded.0 != epoch {
            self.recorded = (epoch, first_frame);
        }
        if self.silent_through >= Some(epoch) {
            return;
        }
        for frame in self.recorded.1..session.next_frame().get() {
            let input = session.local_input(Frame::new(frame)).expect("just pushed");
            pushed.insert((epoch, self.player, frame), input);
        }
        self.recorded.1 = session.next_frame().get();
    }
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}", self.plan)?;
        for end in &self.ends {
            let session = end.driver.session();
            let (epoch, confirmed, next) = (session.epoch(), end.driver.confirmed_frame(), session.next_frame());
            writeln!(f, "player {} in epoch {epoch}: confirmed {confirmed:?}, next {next}", end.player)?;
            for peer in session.peers().filter_map(|peer| session.peer(peer)) {
                let (player, last, unacked) = (peer.player(), peer.last_frame(), peer.unacked());
                writeln!(f, "    knows {last:?} of player {player}, which lacks {unacked}: {:?}", peer.health())?;
            }
        }
        Ok(())
    }
}

impl World {
    fn run(&mut self) {
        let mut confirmed = Vec::new();
        while self.now < HOSTILE_US + HEALED_US {
            if self.now == HOSTILE_US {
                for (from, to) in pairs(self.plan.players) {
                    self.network.heal(from, to, 20_000);
                }
            }
            if self.now == HOSTILE_US + HEALED_US - SECOND_US {
                confirmed = self.ends.iter().map(|end| end.confirmed).collect();
            }
            self.tick();
            self.now += TICK_US;
        }
        for (end, before) in self.ends.iter().zip(confirmed).filter(|(end, _)| self.has_stayed(end.player)) {
            let played = end.confirmed - before;
            let least = if self.plan.max_prediction < 4 { 5 } else { 15 };
            assert!(played > least, "player {} confirmed {played} frames in the last second:\n{self}", end.player);
        }
    }

    fn tick(&mut self) {
        if let Some((at, player)) = self.plan.restart
            && self.now >= at
        {
            // Where an input of the former run is not known, one of the present run may be taken instead.
            let epochs = self.ends.iter().map(|end| end.driver.session().epoch());
            let (earliest, latest) = (epochs.clone().min(), epochs.max());
            let knows = |end: &End| {
                let session = end.driver.session();
                session.peer(end.peer(player)).is_some_and(|peer| peer.last_frame().is_some())
            };
            let mut others = self.ends.iter().filter(|end| end.player != player);
            if earliest != latest || !others.all(knows) {
                self.contested = earliest.zip(latest);
            }
            let everyone: Vec<usize> = (0..self.plan.players).collect();
            let mut end = End::new(&self.plan, player, 2, &everyone, None);
            end.silent_through = latest;
            end.confirmed = self.ends[player].confirmed;
            self.ends[player] = end;
            self.plan.restart = None;
        }
        self.leave_and_join();
        while let Some(datagram) = self.network.deliver(self.now) {
            let end = &mut self.ends[datagram.to];
            let from = end.driver.session().peer_of(u16::try_from(datagram.from).expect("a few"));
            if let Some(from) = from.filter(|_| end.life != Life::Dead) {
                let _ = end.driver.handle_datagram(Instant::from_micros(datagram.at), from, &datagram.bytes);
            }
        }
        for end in self.ends.iter_mut().filter(|end| end.life != Life::Dead) {
            end.driver.handle_timeout(Instant::from_micros(self.now));
            if self.now == HOSTILE_US + SECOND_US {
                end.give_up_strangers(self.now);
            }
            end.drain(self.now, &self.plan, &self.back, &mut self.log, &mut self.network);
            end.record(&mut self.pushed, self.plan.first_frame);
            if end.life == Life::Closes && end.driver.session().is_closed() {
                end.life = Life::Dead;
            }
        }
        for end in self.ends.iter_mut().filter(|end| end.life == Life::Plays && end.stays) {
            end.note_confirmed(&mut self.log, self.plan.first_frame);
        }
    }

    fn leave_and_join(&mut self) {
        let now = Instant::from_micros(self.now);
        let is_due = |(at, ..): &mut (u64, usize, bool)| *at <= self.now;
        for (_, player, goodbye) in self.plan.leaves.extract_if(.., is_due) {
            let end = &mut self.ends[player];
            if goodbye {
                end.driver.close(now);
            }
            end.life = if goodbye { Life::Closes } else { Life::Dead };
        }
        if self.plan.rejoins && self.now < HOSTILE_US {
            self.rejoin(now);
        }
        // The state before the first frame of a joiner comes from one of those who play.
        let states: Vec<_> =
            self.ends.iter().filter(|end| end.life == Life::Plays).filter_map(End::confirmed).collect();
        for end in &mut self.ends {
            if let Life::Joins(from) = end.life
                && let Some((frame, state)) = states.iter().find(|(frame, _)| frame.get() + 1 == from)
            {
                end.driver.start_from(state.clone());
                end.life = Life::Plays;
                end.next_step = self.now;
                end.checked = Some((Epoch::new(0), *frame));
            }
        }
    }

    /// Lets a player come back that has departed everywhere.
    fn rejoin(&mut self, now: Instant) {
        let Some(player) = self.ends.iter().position(|end| end.life == Life::Dead) else { return };
        let ends = self.log.departed.iter().filter(|(by, ..)| self.ends[*by].life == Life::Plays);
        let Some(latest) = ends.map(|(.., end)| *end).max() else { return };
        let number = |player| u16::try_from(player).expect("a few");
        let gone: Vec<usize> = self.ends.iter().filter(|end| end.life == Life::Dead).map(|end| end.player).collect();
        let is_settled = |other: &End| {
            let session = other.driver.session();
            let has_departed = |player: &usize| {
                let peer = session.peer_of(number(*player)).and_then(|peer| session.peer(peer));
                peer.is_some_and(|peer| matches!(peer.departure(), Departure::Departed { .. }))
            };
            // A player that was lost and plays on may have departed, too.
            let peers = session.peers().filter_map(|peer| session.peer(peer));
            let all_gone = peers.filter(|peer| peer.departure() != Departure::Present).count() == gone.len();
            // The last frame of everyone that left is confirmed.
            let is_confirmed = other.driver.confirmed_frame() >= Some(Frame::new(latest));
            session.departures_settled() && is_confirmed && all_gone && gone.iter().all(has_departed)
        };
        let mut others: Vec<_> = self.ends.iter_mut().filter(|other| other.life != Life::Dead).collect();
        let all_play = others.iter().all(|other| other.life == Life::Plays && is_settled(other));
        if !self.plan.leaves.is_empty() || !all_play {
            return;
        }
        let pushed = others.iter().map(|other| other.driver.session().next_frame().get()).max().expect("others");
        let from = pushed + 40;
        for other in &mut others {
            for player in &gone {
                let peer = other.driver.session().peer_of(number(*player)).expect("not removed yet");
                other.driver.remove_peer(now, peer);
            }
            let peer = PeerConfig::compact(number(player)).from(Frame::new(from));
            other.driver.add_peer(now, peer).expect("its place is free");
        }
        let players: Vec<usize> = others.iter().map(|other| other.player).collect();
        self.back.insert(player, (others[0].driver.session().epoch(), from));
        self.ends[player] = End::new(&self.plan, player, 3, &players, Some(from));
        self.plan.rejoins = false;
    }

    /// Whether a frame of a player comes after its return.
    fn is_back(&self, epoch: Epoch, player: usize, frame: u32) -> bool {
        self.back.get(&player).is_some_and(|back| (epoch, frame) >= *back)
    }

    /// Whether a player has stayed in the game of the others, since its return if it left. Two who lose each other may both go on.
    fn has_stayed(&self, player: usize) -> bool {
        let end = &self.ends[player];
        let is_back = self.back.contains_key(&player);
        let was_lost = |(by, epoch, whom, end): &(usize, Epoch, usize, u32)| {
            *whom == player && self.ends[*by].stays && self.is_back(*epoch, player, *end) == is_back
        };
        end.life == Life::Plays && end.stays && !self.log.departed.iter().any(was_lost)
    }

    /// Compares what those saw that stayed with a plain simulation.
    fn judge(&self) {
        let stayed = |player: usize| self.has_stayed(player);
        let counts = |by: usize, epoch| stayed(by) && !is_contested(self.contested, epoch);
        let mut absent = HashMap::new();
        for (_, epoch, player, end) in self.log.departed.iter().filter(|(by, epoch, ..)| counts(*by, *epoch)) {
            let known = absent.entry((*epoch, *player, self.is_back(*epoch, *player, *end))).or_insert(*end);
            assert_eq!(known, end, "player {player} departed at two frames of epoch {epoch}:\n{self}");
        }
        for (by, epoch, with) in self.log.desyncs.iter().filter(|(by, epoch, _)| counts(*by, *epoch)) {
            assert!(!stayed(*with), "a desync between players {by} and {with} in epoch {epoch}:\n{self}");
        }
        let is_absent = |epoch, player, frame| {
            absent.get(&(epoch, player, self.is_back(epoch, player, frame))).is_some_and(|end| frame >= *end)
        };
        let mut plain = HashMap::<_, Vec<Game>>::new();
        for (by, epoch, frame, state) in self.log.confirmed.iter().filter(|(by, epoch, ..)| counts(*by, *epoch)) {
            let states = plain.entry(*epoch).or_default();
            let index = (frame.get() - self.plan.first_frame) as usize;
            while states.len() <= index {
                let mut game = states.last().cloned().unwrap_or_else(|| Game::new(0));
                let frame = self.plan.first_frame + u32::try_from(states.len()).expect("few frames");
                let present = (0..self.plan.players).filter(|player| !is_absent(*epoch, *player, frame));
                game.play(present.map(|player| {
                    let input = self.pushed.get(&(*epoch, player, frame));
                    (u16::try_from(player).expect("a few"), *input.expect("a confirmed frame was pushed by everyone"))
                }));
                states.push(game);
            }
            assert_eq!(*state, states[index], "player {by}, epoch {epoch}, frame {frame}, absent {absent:?}:\n{self}");
        }
    }
}
