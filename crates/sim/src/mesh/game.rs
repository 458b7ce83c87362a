//! A game: its programs, the network between them and the time.

use inputwire::Departure;

use super::plan::{Act, PLAYERS, Plan};
use super::program::{Around, Program, Pushed, State};
use super::signalling::Signalling;
use super::{Count, Departed, Outcome};
use crate::breach::{Breach, ensure};
use crate::network::{Faults, Network};
use crate::rng::{Rng, nth};

const SECOND: u64 = 1_000_000;
/// The delay of every link once the network has healed.
const HEALED: Faults = Faults { delay_us: 10_000, ..no_faults() };
/// How long a healed network may take to settle beyond some times the silence after which a peer counts as lost.
const SETTLE_US: u64 = 12 * SECOND;
/// How long something that was sent before may come after that.
const STRAY_US: u64 = SECOND / 2;
/// How long a settled game is watched, after what was under way when it settled.
const WATCH_US: u64 = SECOND;

const fn no_faults() -> Faults {
    Faults {
        loss: 0,
        good_us: 0,
        bad_us: 0,
        delay_us: 0,
        jitter_us: 0,
        late: 0,
        late_us: 0,
        hold: 0,
        hold_depth: 0,
        duplicate: 0,
        replay: 0,
        flip: 0,
        truncate: 0,
        extend: 0,
        reflect: 0,
        misdirect: 0,
    }
}

pub(super) struct Game<'p, const N: usize, const W: usize> {
    pub(super) plan: &'p Plan,
    pub(super) now: u64,
    pub(super) rng: Rng,
    pub(super) network: Network,
    /// All programs that ever were, and the one that runs for each player.
    pub(super) programs: Vec<Program<N, W>>,
    pub(super) running: Vec<Option<usize>>,
    /// The program that sent each datagram, by its number.
    senders: Vec<usize>,
    pub(super) pushed: Vec<Pushed>,
    pub(super) signalling: Signalling,
    pub(super) count: Count,
    departed: Vec<Departed>,
    /// How many acts of the plan are done.
    done: usize,
}

impl<'p, const N: usize, const W: usize> Game<'p, N, W> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let slots = usize::from(PLAYERS) + 1;
        let mut game = Self {
            plan,
            now: 0,
            rng: Rng::new(nth(plan.seed, 1)),
            network: Network::new(slots, nth(plan.seed, 2)),
            programs: Vec::new(),
            running: vec![None; slots],
            senders: Vec::new(),
            pushed: Vec::new(),
            signalling: Signalling::default(),
            count: Count { games: 1, ..Count::default() },
            departed: Vec::new(),
            done: 0,
        };
        game.set_faults(plan.faults);
        for player in 0..plan.players {
            let program = game.start(player, 0);
            for other in (0..plan.players).filter(|other| *other != player) {
                game.programs[program].add(0, other, 0, None).expect("room for all");
            }
        }
        game
    }

    fn set_faults(&mut self, faults: Faults) {
        let slots = self.running.len();
        (0..slots * slots).for_each(|link| self.network.set_faults(link / slots, link % slots, faults));
    }

    /// Starts a program for a player, in the place of one that may still run.
    pub(super) fn start(&mut self, player: u16, generation: u32) -> usize {
        self.stop(player);
        let number = self.programs.len();
        self.programs.push(Program::new(self.plan, player, generation, number, self.now));
        if self.now >= self.plan.heal_us {
            self.programs[number].hurry(self.now);
        }
        self.pushed.push(Pushed { player, generation, ..Pushed::default() });
        self.running[usize::from(player)] = Some(number);
        number
    }

    /// Stops the program of a player, if one runs.
    pub(super) fn stop(&mut self, player: u16) -> Option<usize> {
        let number = self.running.get_mut(usize::from(player))?.take()?;
        self.programs[number].state = State::Stopped;
        Some(number)
    }

    /// The programs that play.
    pub(super) fn playing(&self) -> impl Iterator<Item = &Program<N, W>> {
        self.running.iter().flatten().map(|number| &self.programs[*number]).filter(|program| program.is_playing())
    }

    fn running(&mut self, player: u16) -> Option<&mut Program<N, W>> {
        let number = (*self.running.get(usize::from(player))?)?;
        Some(&mut self.programs[number])
    }

    pub(super) fn play(mut self) -> Outcome {
        let result = self.play_to_the_end();
        let breach = result.err().map(|breach| (self.now, breach));
        Outcome { count: self.count, departed: self.departed, breach }
    }

    fn play_to_the_end(&mut self) -> Result<(), Breach> {
        self.advance(self.plan.heal_us)?;
        self.heal();
        let limit = self.now + 4 * self.plan.disconnect_us + SETTLE_US;
        while let Some(why) = self.waits_for() {
            ensure(self.now < limit, "completion", || why)?;
            self.advance(self.now + 50_000)?;
        }
        self.signalling.is_over = true;
        // What was sent before it healed may still come, and is answered once.
        let quiet = self.now.max(self.plan.heal_us + STRAY_US) + 4 * HEALED.delay_us + 2 * self.plan.frame_us;
        self.advance(quiet)?;
        let before = self.next_frames();
        self.advance(self.now + WATCH_US)?;
        if let Some(why) = self.waits_for() {
            return Err(Breach::of("completion", format!("no longer: {why}")));
        }
        for program in self.playing() {
            let talks = program.word_at.is_some_and(|at| at > quiet);
            ensure(!talks, "silence", || format!("{} sent a word at {:?}", program.player, program.word_at))?;
        }
        for ((player, next), (_, was)) in self.next_frames().into_iter().zip(before) {
            ensure(next >= was + 10, "silence", || format!("{player} stands still at frame {was}"))?;
        }
        self.ensure_agreement()
    }

    fn next_frames(&self) -> Vec<(u16, u32)> {
        self.playing().map(|program| (program.player, program.session.next_frame().get())).collect()
    }

    /// From now on everything arrives, and applications are prompt. Whoever was started in the place of another one and has
    /// been left behind hears so from signalling.
    fn heal(&mut self) {
        let slots = self.running.len();
        (0..slots * slots).for_each(|link| self.network.heal(link / slots, link % slots, HEALED.delay_us));
        self.signalling.wanted = 0;
        let now = self.now;
        self.programs.iter_mut().for_each(|program| program.hurry(now));
    }

    /// What is not settled yet.
    fn waits_for(&mut self) -> Option<String> {
        self.dismiss();
        let mut running = self.running.iter().flatten().map(|number| &self.programs[*number]);
        if let Some(program) = running.find(|program| !program.is_playing() && !program.session.is_closed()) {
            return Some(format!("{} has not said goodbye yet", program.player));
        }
        if !self.signalling.tasks.is_empty() {
            return Some("signalling".into());
        }
        for program in self.playing() {
            let who = program.player;
            for (known, departure) in program.peers() {
                let player = known.player;
                let why = match departure {
                    Departure::Present => {
                        let is_there = |other: &Program<N, W>| {
                            let same = (other.player, other.generation) == (player, known.generation);
                            same && !other.has_named(program) && other.epoch() == program.epoch()
                        };
                        if program.is_well_with(known) && self.playing().any(is_there) {
                            continue;
                        }
                        format!("{who} plays with {player}, who is not there")
                    }
                    Departure::Departed { .. } => {
                        let reported = known.epochs.get(&program.epoch()).is_some_and(|got| got.departed.is_some());
                        if reported {
                            continue;
                        }
                        format!("{who} does not report that {player} has departed")
                    }
                    other => format!("{who} has {player} {other:?}"),
                };
                return Some(why);
            }
            if !program.session.departures_settled() {
                return Some(format!("{who} is not settled"));
            }
        }
        None
    }

    /// Stops the programs that only signalling can tell that they are out: their peers know the run before theirs.
    fn dismiss(&mut self) {
        let out = |game: &Self, program: &Program<N, W>| {
            let mut others = game.playing().filter(|other| other.player != program.player);
            program.is_again && others.any(|other| other.has_named(program))
        };
        let out: Vec<_> = self.playing().filter(|program| out(self, program)).map(|program| program.player).collect();
        for player in out {
            self.stop(player);
        }
    }

    fn ensure_agreement(&self) -> Result<(), Breach> {
        let mut pairs = (0..self.programs.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
        pairs.try_for_each(|(one, other)| {
            let [one, other] = [one, other].map(|number| &self.programs[number]);
            let played = one.played_with.contains(&other.number) || other.played_with.contains(&one.number);
            if !played || one.has_named(other) || other.has_named(one) {
                return Ok(());
            }
            let reports = |program: &Program<N, W>| {
                let known = program.known.iter();
                let reports = known.flat_map(|known| {
                    let departed = known.epochs.iter().filter_map(|(epoch, got)| Some((*epoch, got.departed?)));
                    departed.map(|(epoch, end)| ((known.player, known.generation, epoch), end))
                });
                reports.collect::<Vec<_>>()
            };
            for (of, end) in reports(one) {
                for (_, other_end) in reports(other).iter().filter(|(other_of, _)| of == *other_of) {
                    ensure(end == *other_end, "agreement", || {
                        format!("{of:?} departed at {end} for {}, at {other_end} for {}", one.player, other.player)
                    })?;
                }
            }
            Ok(())
        })
    }

    fn advance(&mut self, until: u64) -> Result<(), Breach> {
        loop {
            let wakes = self.running.iter().flatten().map(|number| self.programs[*number].wakes);
            let act = self.plan.acts.get(self.done).map(|(at, _)| *at);
            let next = wakes.chain(act).chain(self.network.next_arrival()).chain(self.signalling.next(self.now)).min();
            let next = next.unwrap_or(u64::MAX).max(self.now);
            if next >= until {
                self.now = until;
                return Ok(());
            }
            self.now = next;
            self.step()?;
        }
    }

    fn step(&mut self) -> Result<(), Breach> {
        let now = self.now;
        while let Some((_, act)) = self.plan.acts.get(self.done).filter(|(at, _)| *at <= now) {
            self.done += 1;
            self.act(*act);
        }
        self.signal();
        while let Some(datagram) = self.network.deliver(now) {
            let from = u16::try_from(datagram.from).expect("few players");
            if let Some(number) = self.running[datagram.to] {
                self.programs[number].handle(now, from, self.senders[datagram.id], &datagram.bytes);
            }
        }
        for number in self.running.clone().into_iter().flatten() {
            let program = &mut self.programs[number];
            if program.wakes <= now {
                let (network, senders) = (&mut self.network, &mut self.senders);
                let (pushed, count, departed) = (&mut self.pushed, &mut self.count, &mut self.departed);
                program.call(&mut Around { now, network, senders, pushed, count, departed })?;
            }
        }
        Ok(())
    }

    fn act(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Die(player) => self.count.deaths += u64::from(self.stop(player).is_some()),
            Act::Close(player) => {
                if let Some(program) = self.running(player).filter(|program| program.is_playing()) {
                    program.close(now);
                    self.count.goodbyes += 1;
                }
            }
            Act::Restart(player) => {
                let Some(before) = self.stop(player) else { return };
                self.count.restarts += 1;
                let generation = self.programs[before].generation;
                let again = self.start(player, generation);
                let peers: Vec<_> =
                    self.programs[before].peers().map(|(known, _)| (known.player, known.generation)).collect();
                self.programs[again].is_again = true;
                for (player, generation) in peers {
                    self.programs[again].add(now, player, generation, None).expect("room for all");
                }
            }
            Act::Disconnect { by, player } => {
                let mut count = self.count;
                if let Some(program) = self.running(by) {
                    program.disconnect(now, player, &mut count);
                }
                self.count = count;
            }
            Act::Cut { from, to, span_us } => self.network.cut(from.into(), to.into(), now + span_us),
            Act::Epoch(player) => {
                // Frames of a join count in one epoch.
                let is_free = self.signalling.tasks.is_empty();
                let Some(program) = self.running(player).filter(|_| is_free) else { return };
                let begun = program.session.next_epoch().is_some_and(|epoch| program.begin_epoch(now, epoch));
                self.count.epochs += u64::from(begun);
            }
            Act::Join => self.signalling.wanted += 1,
        }
    }
}
