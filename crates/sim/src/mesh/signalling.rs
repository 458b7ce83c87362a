//! Signalling: what a lobby server tells the programs of a game, reliably and after a while.

use super::game::Game;
use super::program::{Program, State};
use inputwire::Departure;

/// How often it looks at the game.
const LOOK_US: u64 = 20_000;

/// What a program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Remove a peer.
    Remove { program: usize, player: u16, generation: u32 },
    /// Add a peer that joins from a frame.
    Add { program: usize, player: u16, generation: u32, from: u32 },
    /// Start, add all others from a frame, and play.
    Start { player: u16, generation: u32, from: u32 },
}

/// The state of signalling.
#[derive(Debug, Default)]
pub(super) struct Signalling {
    /// How many want to join.
    pub(super) wanted: u32,
    pub(super) tasks: Vec<(u64, Task)>,
    /// Nothing more is to happen.
    pub(super) is_over: bool,
    next_look: u64,
    /// How often each player has joined.
    joined: [u32; 16],
}

impl Signalling {
    /// When it has something to do.
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        self.tasks.iter().map(|(at, _)| *at).chain([self.next_look]).min().map(|at| at.max(now))
    }
}

impl<const N: usize, const W: usize> Game<'_, N, W> {
    pub(super) fn signal(&mut self) {
        let now = self.now;
        while let Some(place) = self.signalling.tasks.iter().position(|(at, _)| *at <= now) {
            let (_, task) = self.signalling.tasks.remove(place);
            self.perform(task);
        }
        if self.signalling.next_look <= now {
            self.signalling.next_look = now + LOOK_US;
            self.look();
        }
    }

    fn schedule(&mut self, task: Task) {
        let at = self.now + 1 + self.rng.below(self.plan.heard_us);
        self.signalling.tasks.push((at, task));
    }

    /// Has the departed removed once all agree on who they are, and then lets somebody join.
    fn look(&mut self) {
        let wants = self.signalling.wanted > 0;
        if self.signalling.is_over || !self.signalling.tasks.is_empty() || !wants && !self.plan.removes {
            return;
        }
        let Some(named) = self.settled() else { return };
        let programs: Vec<_> = self.playing().map(|program| program.number).collect();
        for &program in &programs {
            for &(player, generation) in &named {
                self.schedule(Task::Remove { program, player, generation });
            }
        }
        if wants && named.is_empty() {
            self.signalling.wanted -= 1;
            self.invite(&programs);
        }
    }

    /// Who has departed, if all who play say the same, everything is settled and no epoch is only begun by some.
    fn settled(&self) -> Option<Vec<(u16, u32)>> {
        let named = |program: &Program<N, W>| {
            let mut named: Vec<_> = program.peers().filter(|(_, departure)| *departure != Departure::Present).collect();
            named.sort_by_key(|(known, _)| known.player);
            named.into_iter().map(|(known, _)| (known.player, known.generation)).collect::<Vec<_>>()
        };
        let reported = |program: &Program<N, W>| {
            program.peers().all(|(known, departure)| {
                let got = known.epochs.get(&program.epoch());
                departure == Departure::Present || got.is_some_and(|got| got.departed.is_some())
            })
        };
        let first = self.playing().next()?;
        let all = named(first);
        let same = self.playing().all(|program| {
            let is_settled = program.session.departures_settled() && reported(program);
            is_settled && program.epoch() == first.epoch() && named(program) == all && !program.is_again
        });
        let others = self.playing().filter(|other| other.number != first.number).count();
        // Nobody joins half of a game that has split.
        let whole = first.peers().count() == others + all.len();
        (same && whole).then_some(all)
    }

    /// Lets a player join who is not there: one who left, if there is one.
    fn invite(&mut self, programs: &[usize]) {
        let plays = |player: &u16| self.playing().any(|program| program.player == *player);
        let Some(player) = (0..=self.plan.players).find(|player| !plays(player)) else { return };
        let joined = &mut self.signalling.joined[usize::from(player)];
        *joined += 1;
        let generation = *joined;
        let next = self.playing().map(|program| program.session.next_frame().get()).max().unwrap_or(0);
        let frames = self.plan.heard_us / self.plan.frame_us;
        let frames = if self.plan.is_hasty { self.rng.below(frames + 1) } else { frames };
        let from = next + u32::try_from(frames + 3 + self.rng.below(4)).unwrap_or(0);
        self.stop(player);
        self.count.joins += 1;
        self.count.returns += u64::from(player < self.plan.players);
        for &program in programs {
            self.schedule(Task::Add { program, player, generation, from });
        }
        self.schedule(Task::Start { player, generation, from });
    }

    fn perform(&mut self, task: Task) {
        let now = self.now;
        match task {
            Task::Remove { program, player, generation } => {
                if self.programs[program].state != State::Stopped {
                    self.programs[program].remove(now, player, generation);
                }
            }
            Task::Add { program, player, generation, from } => {
                let program = &mut self.programs[program];
                if program.is_playing() && program.add(now, player, generation, Some(from)).is_err() {
                    self.call_off(player, generation);
                }
            }
            Task::Start { player, generation, from } => {
                // All who were told of it: each had all others as peers then, and none is removed before this. What one of them
                // has named since is for all to agree on.
                let peers = |program: &Program<N, W>| {
                    let peers = program.peers().map(|(known, _)| (known.player, known.generation));
                    peers.chain([(program.player, program.generation)]).collect::<Vec<_>>()
                };
                // One that was started in the place of another knows those of the game that was.
                let first = self.playing().find(|program| !program.is_again);
                let first = first.map(|program| (peers(program), program.session.epoch()));
                let Some((peers, epoch)) = first else { return };
                let number = self.start(player, generation);
                self.programs[number].begin_epoch(now, epoch);
                for (other, generation) in peers.into_iter().filter(|(other, _)| *other != player) {
                    let added = self.programs[number].add(now, other, generation, Some(from));
                    added.expect("room for all, and nothing pushed");
                }
            }
        }
    }

    /// One of the programs cannot take the player in, since another one has left: it has to try again.
    fn call_off(&mut self, player: u16, generation: u32) {
        self.stop(player);
        self.signalling.tasks.retain(|(_, task)| matches!(task, Task::Remove { .. }));
        let programs: Vec<_> = self.playing().map(|program| program.number).collect();
        for program in programs {
            self.schedule(Task::Remove { program, player, generation });
        }
    }
}
