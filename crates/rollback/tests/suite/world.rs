//! Games of many players over a hostile network, each endpoint against a plain simulation of the inputs that were pushed.

mod kind;
mod wild;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use inputwire::{
    Config, Departure, Epoch, Event, Frame, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef,
    Session,
};
use inputwire_rollback::{Rollback, RollbackEvent, Step};
use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::{Rng, nth};

use crate::game::{Game, LEN};
pub(crate) use kind::{Kind, Kinds};
use wild::Wild;

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
    /// Who leaves does so when it plays one of the last frames of a round, if there are rounds. Then its last datagrams
    /// reach one of the others only, for this long, and it may be that nothing reaches it.
    pub(crate) last_words: Option<LastWords>,
    /// Whether players that departed are removed before their last frame is confirmed.
    pub(crate) removes_early: bool,
    /// How many turns of the loop pass between two in which events are taken.
    pub(crate) polls_each: u64,
    /// Of two players, one removes the other, which plays on.
    pub(crate) removal: Option<(u64, usize)>,
    /// How long each player holds its session without a driver, and whether it takes the events meanwhile. One that joins does
    /// so as well.
    pub(crate) lobby: Option<Vec<(u64, bool)>>,
    /// The last player joins from this frame, which all know from the start.
    pub(crate) late: Option<u32>,
    pub(crate) start: Start,
    /// What happens besides.
    wild: Option<Wild>,
}

/// The state from which an epoch starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It is always the same one.
    Same,
    /// The number of the epoch tells it. Every endpoint chooses it where an epoch has begun.
    OfEpoch,
}

impl Start {
    fn state(self, epoch: Epoch) -> Game {
        match self {
            Self::Same => Game::new(0),
            Self::OfEpoch => Game::new(epoch.get().into()),
        }
    }
}

/// How the others hear of one who dies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastWords {
    for_us: u64,
    /// Which of the others is reached.
    reaches: usize,
    is_deaf: bool,
    /// How many frames before the last one of the round it begins.
    before: u32,
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
        let mut plan = Self {
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
            last_words: None,
            removes_early: false,
            polls_each: 1,
            removal: None,
            lobby: None,
            late: None,
            start: Start::Same,
            wild: None,
        };
        plan.draw_turns(rng);
        plan.draw_rounds(rng);
        if rng.one_in(4) {
            plan.wild = Some(Wild::draw(rng, &plan));
        }
        plan
    }

    /// Draws what is rare.
    fn draw_turns(&mut self, rng: &mut Rng) {
        if !self.leaves.is_empty() && rng.one_in(2) {
            self.last_words = Some(LastWords {
                for_us: rng.between(20_000, 200_000),
                reaches: rng.index(self.players),
                is_deaf: rng.one_in(2),
                before: u32::try_from(rng.below(8)).expect("a few"),
            });
        }
        // Of more than two survivors, one may go on before two others agree.
        if self.last_words.is_some() && self.round.is_some() && rng.one_in(2) {
            self.players = 3;
            self.leaves.truncate(1);
        }
        self.removes_early = rng.one_in(2);
        self.polls_each = rng.pick(&[1, 1, 5, 50]);
        if self.restart.is_some() {
            return;
        }
        if self.players == 2 && rng.one_in(2) {
            self.removal = Some((rng.between(SECOND_US / 2, HOSTILE_US), rng.index(2)));
        }
        if rng.one_in(3) {
            let longest = rng.pick(&[SECOND_US / 2, 7 * SECOND_US / 2]);
            self.lobby = Some((0..self.players).map(|_| (rng.below(longest), rng.one_in(2))).collect());
        }
        if self.players > 2 && self.round.is_none() && rng.one_in(4) {
            self.late = Some(self.first_frame + u32::try_from(rng.between(2, 60)).expect("a few"));
        }
    }

    /// Draws what rounds are like.
    fn draw_rounds(&mut self, rng: &mut Rng) {
        if self.round.is_none() {
            return;
        }
        if rng.one_in(2) {
            self.start = Start::OfEpoch;
            // An event is taken before the next step, or it comes too late to choose.
            self.polls_each = 1;
        }
        let few = u32::try_from(rng.below(100)).expect("a few");
        match rng.below(8) {
            0 => self.round = Some(self.first_frame + few % 20),
            1 => {
                self.first_frame = u32::MAX - 10 - few;
                self.round = Some(u32::MAX - 1 - few % 4);
                // Behind the last frame there is none from which a player could join.
                return;
            }
            _ => {}
        }
        if !self.leaves.is_empty() && rng.one_in(2) {
            self.rejoins = true;
            for (at, ..) in &mut self.leaves {
                *at = rng.between(SECOND_US / 2, 3 * SECOND_US / 2);
            }
        }
        if self.players > 2 && self.restart.is_none() && rng.one_in(4) {
            self.late = Some(self.first_frame + u32::try_from(rng.between(2, 60)).expect("a few"));
        }
    }

    /// Whether rounds are so short that most of the time goes by between them.
    fn is_short(&self) -> bool {
        self.round.is_some_and(|last| last - self.first_frame < 20)
    }

    /// Whether no round ends early, and no reachable player is given up.
    fn keeps_rounds(&self) -> bool {
        self.wild.as_ref().is_none_or(Wild::keeps_rounds)
    }

    /// The kinds that follow from the plan alone.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        let short = self.is_short().then_some(Kind::ShortRounds);
        let last = (self.first_frame > u32::MAX / 2).then_some(Kind::LastFrames);
        short.into_iter().chain(last).chain(self.wild.iter().flat_map(Wild::kinds))
    }

    /// Whether a player leaves, or is removed.
    fn leaves(&self, player: usize) -> bool {
        let is_removed = self.removal.is_some_and(|(_, by)| by != player);
        is_removed || self.leaves.iter().any(|(_, leaver, _)| *leaver == player)
    }

    /// A driver over a session.
    fn drive(&self, session: Session<MAX_PEERS, LEN>) -> Driver {
        let first = self.start.state(session.epoch());
        Rollback::new(session, first).with_checksums(10, |game| game.hash).with_max_prediction(self.max_prediction)
    }
}

/// What a game came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Played {
    pub(crate) confirmed: u64,
    pub(crate) resimulated: u64,
    pub(crate) epochs: u32,
    pub(crate) departed: u32,
    pub(crate) joined: u32,
    /// Players who lost the others, although nobody left.
    pub(crate) lost: u32,
    pub(crate) kinds: Kinds,
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
    /// Until when it has no driver, and whether it takes the events.
    lobby: Option<(u64, bool)>,
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
    /// Who began which epoch, in this order, and whether all who had left were disconnected there.
    begun: Vec<(usize, Epoch, bool)>,
    /// Who left, from when on its datagrams may not have arrived and when it was gone: by the number of those that had begun an
    /// epoch.
    left: Vec<(usize, usize, usize)>,
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
    /// The players that are about to die: when, who, and whether with a goodbye. Until then some of their datagrams are lost.
    dying: Vec<(u64, usize, bool)>,
    /// Who was removed while it played on, and in which epoch.
    removed: Option<(usize, Epoch)>,
    /// Whether all have removed those who departed.
    are_gone_removed: bool,
    wild: Option<Wild>,
    kinds: Kinds,
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
    let latecomer = plan.players - 1;
    let from = |player| plan.late.filter(|_| player == latecomer);
    let ends =
        everyone.iter().map(|player| End::new(plan, *player, 1, &everyone, from(*player), Epoch::new(0))).collect();
    let wild = plan.wild.clone();
    let kinds = plan.kinds().map(|kind| (kind, 1)).collect();
    let plan = plan.clone();
    let back = plan.late.map(|from| (latecomer, (Epoch::new(0), from)));
    let mut world = World {
        plan,
        now: 0,
        network,
        ends,
        pushed: HashMap::new(),
        back: back.into_iter().collect(),
        log: Log::default(),
        contested: None,
        dying: Vec::new(),
        removed: None,
        are_gone_removed: false,
        wild,
        kinds,
    };
    world.run();
    world.judge();
    world.judge_rounds();
    world.count_kinds();
    let stats = world.ends.iter().map(|end| end.driver.stats());
    Played {
        confirmed: world.ends.iter().map(|end| end.confirmed).sum(),
        resimulated: stats.map(|stats| stats.resimulated).sum(),
        epochs: world.ends.iter().map(|end| end.driver.session().epoch().get()).max().unwrap_or(0),
        departed: u32::try_from(world.log.departed.len()).expect("a few"),
        joined: u32::try_from(world.back.len()).expect("a few"),
        lost: u32::try_from(world.ends.iter().filter(|end| end.stays && !world.has_stayed(end.player)).count())
            .expect("a few"),
        kinds: world.kinds,
    }
}

fn pairs(players: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..players).flat_map(move |from| (0..players).filter(move |to| *to != from).map(move |to| (from, to)))
}

fn is_contested(contested: Option<(Epoch, Epoch)>, epoch: Epoch) -> bool {
    contested.is_some_and(|(first, last)| first <= epoch && epoch <= last)
}

impl End {
    /// A run of a player with these others; `from` is the frame of the epoch from which it joins.
    fn new(plan: &Plan, player: usize, run: u64, players: &[usize], from: Option<u32>, epoch: Epoch) -> Self {
        let number = |player| u16::try_from(player).expect("a few");
        // A player that is restarted has more time to come back.
        let may_go = !plan.leaves.is_empty() || plan.wild.is_some() && plan.restart.is_none();
        let patience = if may_go { 2_000 } else { 5_000 };
        let config = Config::builder()
            .local_player(number(player))
            .incarnation(nth(plan.seed, run * 100 + player as u64) | 1 << 40)
            .disconnect_after(Duration::from_millis(patience))
            .first_frame(Frame::new(plan.first_frame));
        let config = plan.wild.iter().fold(config, |config, wild| wild.configure(config));
        let mut session = Session::new(config.build().expect("valid settings"));
        if epoch > session.epoch() {
            session.begin_epoch(Instant::ORIGIN, epoch).expect("a later one");
        }
        for other in players.iter().filter(|other| **other != player) {
            let peer = PeerConfig::compact(number(*other));
            // The latecomer is the last of them all.
            let late = plan.late.filter(|_| run == 1 && *other + 1 == plan.players);
            let peer = from.or(late).map(Frame::new).into_iter().fold(peer, PeerConfig::from);
            session.add_peer(Instant::ORIGIN, peer).expect("a free place");
        }
        let driver = plan.drive(session);
        let lobby = plan.lobby.as_ref().and_then(|lobby| lobby.get(player).copied());
        let rng = Rng::new(nth(plan.seed, 7_000 + run * 100 + player as u64));
        Self {
            life: from.map_or(Life::Plays, Life::Joins),
            stays: run == 3 || !plan.leaves(player),
            player,
            driver,
            rng,
            input: [0; LEN],
            next_step: 0,
            recorded: (epoch, from.unwrap_or(plan.first_frame)),
            silent_through: None,
            confirmed: 0,
            checked: None,
            lobby: lobby.map(|(until, takes)| (if from.is_some() { u64::MAX } else { until }, takes)),
        }
    }

    /// Takes the events of a session without a driver.
    fn wait(&mut self, now: u64, plan: &Plan, back: &Back, log: &mut Log) {
        let is_closed = self.driver.session().is_closed() || self.life == Life::Dropped;
        if is_closed && self.lobby.is_some() {
            // A lobby that takes no events does not learn of it.
            self.life = Life::Dropped;
        }
        let Some((until, takes)) = self.lobby.filter(|_| !is_closed) else { return };
        while takes && let Some(event) = self.driver.endpoint_mut().poll_event() {
            match event {
                // The driver would not see them again.
                Event::Peer { event: event @ (PeerEvent::EpochAhead { .. } | PeerEvent::OutOfSync), .. } => {
                    let session = self.driver.endpoint_mut();
                    // There is none where it was dropped.
                    let Some(next) = session.next_epoch() else { continue };
                    let asked = if let PeerEvent::EpochAhead { epoch } = event { epoch } else { next };
                    // A second peer may ask for the one that the first one asked for.
                    if asked > session.epoch() {
                        session.begin_epoch(Instant::from_micros(now), asked).expect("a later one");
                    }
                }
                Event::Peer { peer, event } => self.note(RollbackEvent::Peer { peer, event }, plan, back, log),
                Event::Dropped { by } => self.note(RollbackEvent::Dropped { by }, plan, back, log),
                _ => {}
            }
        }
        if now >= until {
            self.take_over(plan);
        }
    }

    /// Begins to drive the session.
    fn take_over(&mut self, plan: &Plan) {
        if self.lobby.take().is_some() {
            self.driver = plan.drive(self.driver.clone().into_endpoint());
        }
    }

    /// Begins the next epoch, or the latest that is known, from its state.
    fn begin_epoch(&mut self, now: Instant, plan: &Plan) {
        // Which of the two it is, the session tells only then.
        self.driver.begin_epoch(now, Game::new(0)).expect("epochs are left");
        self.driver.start_from(plan.start.state(self.driver.session().epoch()));
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

    /// Notes an event.
    fn note(&mut self, event: RollbackEvent, plan: &Plan, back: &Back, log: &mut Log) {
        let epoch = self.driver.session().epoch();
        let player_of = |peer| usize::from(self.driver.session().peer(peer).expect("a peer").player());
        match event {
            RollbackEvent::EpochBegun { epoch } if plan.start == Start::OfEpoch => {
                self.driver.start_from(plan.start.state(epoch));
            }
            RollbackEvent::Peer { peer, event: PeerEvent::Desync { .. } } if self.stays => {
                log.desyncs.push((self.player, epoch, player_of(peer)));
            }
            RollbackEvent::Peer { peer, event: PeerEvent::Departed { last } } if self.stays => {
                let player = player_of(peer);
                // Without an input it has been absent since one of the two joined.
                let joined = [player, self.player].map(|player| back.get(&player).filter(|(of, _)| *of == epoch));
                let from = joined.into_iter().flatten().map(|(_, from)| *from).max().unwrap_or(plan.first_frame);
                let end = last.map_or(from, |last| last.get() + 1);
                log.departed.push((self.player, epoch, player, end));
            }
            RollbackEvent::Dropped { .. } => self.life = Life::Dropped,
            _ => {}
        }
    }

    fn drain(&mut self, now: u64, plan: &Plan, back: &Back, log: &mut Log, network: &mut Network) {
        self.wait(now, plan, back, log);
        if self.lobby.is_none() {
            let turn = now / TICK_US + self.player as u64;
            let is_polled = now >= HOSTILE_US || turn.is_multiple_of(plan.polls_each);
            while is_polled && let Some(event) = self.driver.poll_event() {
                self.note(event, plan, back, log);
            }
            if self.life == Life::Plays {
                self.play(now, plan);
            }
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
            let next = Epoch::new(self.driver.session().epoch().get() + 1);
            self.driver.end_round(last, plan.start.state(next));
        }
    }

    /// Whether none of these plays here any more.
    fn has_named(&self, gone: &[bool]) -> bool {
        let session = self.driver.session();
        let mut peers = session.peers().filter_map(|peer| session.peer(peer));
        peers.all(|peer| !gone[usize::from(peer.player())] || peer.departure() != Departure::Present)
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
        writeln!(f, "departed: {:?}, back: {:?}", self.log.departed, self.back)?;
        writeln!(f, "begun: {:?}, left: {:?}", self.log.begun, self.log.left)?;
        for end in &self.ends {
            let session = end.driver.session();
            let (epoch, confirmed, next) = (session.epoch(), end.driver.confirmed_frame(), session.next_frame());
            writeln!(
                f,
                "player {} in epoch {epoch}: confirmed {confirmed:?}, next {next}, {:?}",
                end.player, end.life
            )?;
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
            let least = match self.plan.max_prediction {
                // Between two rounds the game stands still for a round trip.
                _ if self.plan.is_short() => 3,
                0..4 => 5,
                _ => 15,
            };
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
            let mut end = End::new(&self.plan, player, 2, &everyone, None, Epoch::new(0));
            end.silent_through = latest;
            end.confirmed = self.ends[player].confirmed;
            self.ends[player] = end;
            self.plan.restart = None;
        }
        self.leave_and_join();
        while let Some(datagram) = self.network.deliver(self.now) {
            let end = &mut self.ends[datagram.to];
            let from = end.driver.session().peer_of(u16::try_from(datagram.from).expect("a few"));
            let arrives = |(_, dying, _): &(u64, usize, bool)| {
                let words = self.plan.last_words.expect("they are drawn");
                let is_reached =
                    datagram.to == (words.reaches + usize::from(words.reaches == *dying)) % self.plan.players;
                (datagram.from != *dying || is_reached) && (datagram.to != *dying || !words.is_deaf)
            };
            let arrives = self.dying.iter().all(arrives);
            if let Some(from) = from.filter(|_| end.life != Life::Dead && arrives) {
                let _ = end.driver.handle_datagram(Instant::from_micros(datagram.at), from, &datagram.bytes);
            }
        }
        self.remove();
        self.go_wild();
        let gone: Vec<_> = self.ends.iter().map(|end| !matches!(end.life, Life::Plays | Life::Joins(_))).collect();
        for end in self.ends.iter_mut().filter(|end| end.life != Life::Dead) {
            let (epoch, life, had_named) = (end.driver.session().epoch(), end.life, end.has_named(&gone));
            end.driver.handle_timeout(Instant::from_micros(self.now));
            if self.now == HOSTILE_US + SECOND_US {
                end.give_up_strangers(self.now);
            }
            end.drain(self.now, &self.plan, &self.back, &mut self.log, &mut self.network);
            let begun = end.driver.session().epoch();
            if begun != epoch {
                self.log.begun.push((end.player, begun, had_named));
            }
            if end.life == Life::Dropped && life != Life::Dropped {
                let begun = self.log.begun.len();
                self.log.left.push((end.player, begun, begun));
            }
            end.record(&mut self.pushed, self.plan.first_frame);
            if end.life == Life::Closes && end.driver.session().is_closed() {
                end.life = Life::Dead;
            }
        }
        for end in self.ends.iter_mut().filter(|end| end.life == Life::Plays && end.stays) {
            end.note_confirmed(&mut self.log, self.plan.first_frame);
        }
    }

    /// Of two players, one removes the other, which plays on.
    fn remove(&mut self) {
        let is_due = |(at, by): &mut (u64, usize)| *at <= self.now && self.ends[*by].lobby.is_none();
        let Some((_, by)) = self.plan.removal.take_if(is_due) else { return };
        let end = &mut self.ends[by];
        let Some(peer) = end.driver.session().peers().next() else { return };
        let last = end.driver.session().peer(peer).and_then(PeerRef::last_frame);
        let epoch = end.driver.session().epoch();
        let known = last.map_or(self.plan.first_frame, |last| last.get() + 1);
        self.log.departed.push((by, epoch, 1 - by, known));
        end.driver.remove_peer(Instant::from_micros(self.now), peer);
        self.ends[1 - by].stays = false;
        self.removed = Some((1 - by, epoch));
    }

    fn leave_and_join(&mut self) {
        let now = Instant::from_micros(self.now);
        let is_due = |(at, ..): &mut (u64, usize, bool)| *at <= self.now;
        let due: Vec<_> = self.plan.leaves.extract_if(.., is_due).collect();
        for (_, player, goodbye) in due {
            let words = self.plan.last_words.filter(|_| self.ends[player].life == Life::Plays);
            // Where there are rounds, it plays on to the end of one, if that comes.
            let begins = words.zip(self.plan.round).map(|(words, last)| last.saturating_sub(words.before));
            let next = self.ends[player].driver.state().frames.saturating_add(self.plan.first_frame);
            if self.now < HOSTILE_US && begins.is_some_and(|begins| next != begins) {
                self.plan.leaves.push((self.now, player, goodbye));
            } else {
                self.dying.push((self.now + words.map_or(0, |words| words.for_us), player, goodbye));
                self.log.left.push((player, self.log.begun.len(), usize::MAX));
            }
        }
        for (_, player, goodbye) in self.dying.extract_if(.., is_due) {
            let end = &mut self.ends[player];
            if goodbye {
                end.driver.close(now);
            }
            end.life = if goodbye { Life::Closes } else { Life::Dead };
            let left = self.log.left.iter_mut().filter(|(dying, _, gone)| (*dying, *gone) == (player, usize::MAX));
            left.for_each(|(_, _, gone)| *gone = self.log.begun.len());
        }
        if self.plan.rejoins && self.now < HOSTILE_US {
            self.rejoin(now);
        }
        self.join(now);
    }

    /// Starts the players who join from the state of one who plays.
    fn join(&mut self, now: Instant) {
        let playing = || self.ends.iter().filter(|end| end.life == Life::Plays);
        let states: Vec<_> =
            playing().filter_map(|end| Some((end.driver.session().epoch(), end.confirmed()?))).collect();
        let earliest = playing().map(|end| end.driver.session().epoch()).min();
        for end in &mut self.ends {
            let Life::Joins(from) = end.life else { continue };
            let of = self.back.get(&end.player).map_or(Epoch::new(0), |(of, _)| *of);
            let is_before = |(epoch, (frame, _)): &&(Epoch, (Frame, Game))| (*epoch, frame.get() + 1) == (of, from);
            let before = states.iter().find(is_before).filter(|_| end.driver.session().epoch() == of);
            if let Some((_, (frame, state))) = before {
                end.take_over(&self.plan);
                end.driver.start_from(state.clone());
                end.checked = Some((of, *frame));
            } else if earliest > Some(of) && end.driver.session().next_epoch().is_some() {
                // The round is over before its first frame.
                end.take_over(&self.plan);
                if Some(end.driver.session().epoch()) < earliest {
                    end.begin_epoch(now, &self.plan);
                }
                *self.kinds.entry(Kind::MissedRound).or_default() += 1;
            } else {
                continue;
            }
            end.life = Life::Plays;
            end.next_step = self.now;
        }
    }

    /// Lets a player come back that has departed everywhere.
    fn rejoin(&mut self, now: Instant) {
        let Some(player) = self.ends.iter().position(|end| end.life == Life::Dead) else { return };
        // All are in the same epoch.
        let mut epochs = self.ends.iter().filter(|end| end.life != Life::Dead).map(|end| end.driver.session().epoch());
        let Some(epoch) = epochs.next().filter(|epoch| epochs.all(|other| other == *epoch)) else { return };
        let departed = self.log.departed.iter();
        let ends = departed.filter(|(by, of, ..)| *of == epoch && self.ends[*by].life == Life::Plays);
        // Where it was removed in an earlier epoch, it departs in no later one.
        let Some(latest) = ends.map(|(.., end)| *end).max().or(self.are_gone_removed.then_some(0)) else { return };
        let number = |player| u16::try_from(player).expect("a few");
        let gone: Vec<usize> = self.ends.iter().filter(|end| end.life == Life::Dead).map(|end| end.player).collect();
        let removes_early = self.plan.removes_early;
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
            let is_confirmed = removes_early || other.driver.confirmed_frame() >= Some(Frame::new(latest));
            session.departures_settled() && is_confirmed && all_gone && gone.iter().all(has_departed)
        };
        let mut others: Vec<_> = self.ends.iter_mut().filter(|other| other.life != Life::Dead).collect();
        let all_play = others.iter().all(|other| other.life == Life::Plays && other.lobby.is_none());
        if !self.plan.leaves.is_empty() || !self.dying.is_empty() || !all_play {
            return;
        }
        if !self.are_gone_removed {
            if !others.iter().all(|other| is_settled(other)) {
                return;
            }
            for other in &mut others {
                for player in &gone {
                    let peer = other.driver.session().peer_of(number(*player)).expect("not removed yet");
                    // The driver may not have reported it yet, and does so no more.
                    let departure = other.driver.session().peer(peer).map(PeerRef::departure);
                    if let Some(Departure::Departed { last }) = departure {
                        let event = RollbackEvent::Peer { peer, event: PeerEvent::Departed { last } };
                        other.note(event, &self.plan, &self.back, &mut self.log);
                    }
                    other.driver.remove_peer(now, peer);
                }
            }
            self.are_gone_removed = true;
        }
        // Each stays until its last frame is confirmed; and another one may have been lost meanwhile.
        let is_free = |other: &&mut End| {
            let session = other.driver.session();
            let mut peers = session.peers().filter_map(|peer| session.peer(peer));
            let is_in_the_way =
                |peer: PeerRef<'_, LEN>| gone.contains(&peer.player().into()) || peer.departure() != Departure::Present;
            !peers.any(is_in_the_way)
        };
        if !others.iter().all(is_free) {
            return;
        }
        let pushed = others.iter().map(|other| other.driver.session().next_frame().get()).max().expect("others");
        let from = pushed + 40;
        for other in &mut others {
            let peer = PeerConfig::compact(number(player)).from(Frame::new(from));
            other.driver.add_peer(now, peer).expect("its place is free");
        }
        let players: Vec<usize> = others.iter().map(|other| other.player).collect();
        self.back.insert(player, (epoch, from));
        self.ends[player] = End::new(&self.plan, player, 3, &players, Some(from), epoch);
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

    /// Counts what is known in the end.
    fn count_kinds(&mut self) {
        if self.plan.round.is_some() && !self.back.is_empty() {
            self.kinds.insert(Kind::JoinedRounds, u64::try_from(self.back.len()).expect("a few"));
        }
        if self.plan.start == Start::OfEpoch {
            let own: HashSet<_> = self.log.begun.iter().map(|(_, epoch, _)| *epoch).collect();
            self.kinds.insert(Kind::OwnStart, u64::try_from(own.len()).expect("a few"));
        }
    }

    /// Demands that every survivor has played a round to its end, if who left did so before anybody began the next one, or after
    /// everybody did, and were disconnected where that was begun first. Of more than two survivors, one may begin the next round before
    /// two others agree.
    fn judge_rounds(&self) {
        // A restart ends a round early, and so does an epoch that is begun at once; and one may give another up at any time.
        let is_whole = self.plan.keeps_rounds() && self.ends.iter().all(|end| end.silent_through.is_none());
        let Some(last) = self.plan.round.filter(|_| is_whole).map(Frame::new) else { return };
        let confirmed: HashSet<_> = self
            .log
            .confirmed
            .iter()
            .filter(|(_, _, frame, _)| *frame >= last)
            .map(|(by, epoch, ..)| (*by, *epoch))
            .collect();
        let stayed: Vec<_> = (0..self.plan.players).filter(|player| self.has_stayed(*player)).collect();
        let latest = self.log.begun.iter().map(|(_, epoch, _)| epoch.get()).max().unwrap_or(0);
        for (epoch, next) in (0..latest).map(|epoch| (Epoch::new(epoch), Epoch::new(epoch + 1))) {
            let is_next = |(_, epoch, _): &(usize, Epoch, bool)| *epoch == next;
            let begun = || self.log.begun.iter();
            let Some((at, (first, _, had_named))) = begun().enumerate().find(|(_, begun)| is_next(begun)) else {
                continue;
            };
            let end = begun().rposition(|begun| is_next(begun) && stayed.contains(&begun.0)).unwrap_or(at);
            let is_calm = self.log.left.iter().all(|(_, dying, gone)| *gone <= at || *dying > end);
            let is_away = |player| !self.is_back(epoch, player, last.get());
            let left = self.log.left.iter().filter(|(left, _, gone)| *gone <= at && is_away(*left)).count();
            let agree = left == 0 || self.plan.players - left == 2;
            if *had_named && is_calm && agree && confirmed.contains(&(*first, epoch)) {
                let went_on = |player: &&usize| begun().any(|(by, epoch, _)| by == *player && *epoch >= next);
                // Who joins behind the end of a round, or in a later one, has no part in it.
                let took_part =
                    |player: &&usize| !self.back.contains_key(*player) || self.is_back(epoch, **player, last.get());
                for player in stayed.iter().filter(went_on).filter(took_part) {
                    assert!(
                        confirmed.contains(&(*player, epoch)),
                        "player {player} lacks the end of epoch {epoch}:\n{self}"
                    );
                }
            }
        }
    }

    /// Compares what those saw that stayed with a plain simulation.
    fn judge(&self) {
        let stayed = |player: usize| self.has_stayed(player);
        // Where the others have given a player up, or it them, its restart ends no epoch: its second run plays the one of the first run
        // again, alone. What the two have of it are two games.
        let is_one_run = |by: usize, epoch| self.plan.keeps_rounds() || self.ends[by].silent_through < Some(epoch);
        let counts = |by: usize, epoch| stayed(by) && !is_contested(self.contested, epoch) && is_one_run(by, epoch);
        let mut absent = HashMap::new();
        if self.plan.late.is_some() {
            absent.insert((Epoch::new(0), self.plan.players - 1, false), self.plan.first_frame);
        }
        for (_, epoch, player, end) in self.log.departed.iter().filter(|(by, epoch, ..)| counts(*by, *epoch)) {
            let known = absent.entry((*epoch, *player, self.is_back(*epoch, *player, *end))).or_insert(*end);
            assert_eq!(known, end, "player {player} departed at two frames of epoch {epoch}:\n{self}");
        }
        for (by, epoch, with) in self.log.desyncs.iter().filter(|(by, epoch, _)| counts(*by, *epoch)) {
            assert!(!stayed(*with), "a desync between players {by} and {with} in epoch {epoch}:\n{self}");
        }
        // Who departed is in no later epoch, until it comes back.
        let has_departed_before = |epoch: Epoch, player: usize| {
            let mut departed = self.log.departed.iter().filter(|(by, of, ..)| counts(*by, *of));
            departed.any(|(_, of, whom, _)| *whom == player && *of < epoch)
        };
        let is_absent = |epoch, player, frame| {
            self.removed.is_some_and(|(removed, of)| removed == player && epoch > of)
                || (has_departed_before(epoch, player) && !self.is_back(epoch, player, frame))
                || absent.get(&(epoch, player, self.is_back(epoch, player, frame))).is_some_and(|end| frame >= *end)
        };
        let mut plain = HashMap::<_, Vec<Game>>::new();
        for (by, epoch, frame, state) in self.log.confirmed.iter().filter(|(by, epoch, ..)| counts(*by, *epoch)) {
            let states = plain.entry(*epoch).or_default();
            let index = (frame.get() - self.plan.first_frame) as usize;
            while states.len() <= index {
                let mut game = states.last().cloned().unwrap_or_else(|| self.plan.start.state(*epoch));
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
