//! The run: ends, a network between them, and one moment after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::breach::{Breach, demand};
use super::end::{End, Label, Run, fill};
use super::machine::{Build, INPUT_MAX};
use super::network::Network;
use super::plan::{Mode, Plan};
use super::rng::{Rng, mix};
use super::tally::{Kind, Tally};
use inputwire::PushError;

/// How long a run goes on after everybody must know everybody.
const AFTERMATH_US: u64 = 800_000;

/// How many frames are between two checksums.
const CHECKSUM_EVERY: u32 = 8;

/// A moment that is known before it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Later {
    Start(usize),
    Act(usize),
    Thaw(usize),
    Resume(usize),
    Follow(usize),
    Reopen(usize, usize),
    Heal,
    Settle,
}

/// See the [module](self).
pub(crate) struct World<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) build: &'p Build<'p>,
    pub(crate) now: u64,
    pub(crate) network: Network,
    pub(crate) ends: Vec<End>,
    pub(crate) runs: Vec<Run>,
    pub(crate) labels: Vec<Label>,
    pub(crate) session: u64,
    pub(crate) healed: bool,
    pub(crate) rng: Rng,
    pub(crate) tally: Tally,
    /// A hash of everything that was sent and told.
    pub(crate) trace: u64,
    later: BinaryHeap<Reverse<(u64, Later)>>,
    until: u64,
}

impl<'p> World<'p> {
    pub(crate) fn new(plan: &'p Plan, build: &'p Build<'p>) -> Self {
        let count = plan.ends.len();
        let mut world = Self {
            plan,
            build,
            now: 0,
            network: Network::new(count, mix(plan.seed)),
            ends: (0..count).map(|index| End::new(plan, index, build)).collect(),
            runs: Vec::new(),
            labels: Vec::new(),
            session: mix(plan.seed ^ 1),
            healed: false,
            rng: Rng::new(mix(plan.seed ^ 2)),
            tally: Tally::one_seed(),
            trace: 0,
            later: BinaryHeap::new(),
            until: plan.length_us,
        };
        for from in 0..count {
            for to in 0..count {
                world.network.set_faults(from, to, plan.faults[from * count + to]);
            }
        }
        for (index, end) in plan.ends.iter().enumerate() {
            let run = Run { session: world.session, incarnation: end.incarnation, pushed: Vec::new() };
            world.ends[index].run = index;
            world.runs.push(run);
            world.at(end.starts_at, Later::Start(index));
        }
        for (index, (at, _)) in plan.actions.iter().enumerate() {
            world.at(*at, Later::Act(index));
        }
        if plan.mode == Mode::Liveness {
            let settled = plan.length_us + plan.settle_us();
            world.until = settled + AFTERMATH_US;
            world.at(plan.length_us, Later::Heal);
            world.at(settled, Later::Settle);
        }
        world.count_what_the_plan_is();
        world
    }

    fn count_what_the_plan_is(&mut self) {
        let plan = self.plan;
        let mut count = |kind, holds: bool| (0..u32::from(holds)).for_each(|_| self.tally.count(kind));
        count(Kind::Mesh, plan.ends.len() > 2);
        count(Kind::Keyed, plan.keyed);
        count(Kind::Classic, plan.classic(0, 1));
        count(Kind::Mismatch, plan.mismatch.is_some());
        count(Kind::Skew, plan.ends.iter().any(|end| end.permille != 1_000));
    }

    /// Runs to the end, or to the first law that is broken.
    pub(crate) fn run(&mut self) -> Result<(), Breach> {
        while let Some(at) = self.next().filter(|at| *at <= self.until) {
            demand(at >= self.now, "8 progress", || format!("time went back to {at}"))?;
            self.now = at;
            self.step()?;
        }
        self.now = self.until + 1;
        for index in 0..self.ends.len() {
            self.expire(index)?;
        }
        self.judge_mismatches()?;
        if self.healed {
            self.judge_silence()?;
        }
        self.tally.add(&self.network.tally);
        self.tally.virtual_us += self.until;
        Ok(())
    }

    pub(crate) fn at(&mut self, at: u64, later: Later) {
        self.later.push(Reverse((at, later)));
    }

    fn next(&self) -> Option<u64> {
        let ends = self.ends.iter().filter(|end| end.alive && !end.stalled);
        let own = ends.map(|end| end.tick_at.min(end.wake_at.unwrap_or(u64::MAX)));
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        own.chain(later).chain(self.network.next()).min()
    }

    fn step(&mut self) -> Result<(), Breach> {
        while let Some(Reverse((at, later))) = self.later.peek().copied()
            && at <= self.now
        {
            self.later.pop();
            self.happen(later)?;
        }
        while let Some(datagram) = self.network.deliver(self.now) {
            self.arrive(datagram)?;
        }
        for index in 0..self.ends.len() {
            let end = &self.ends[index];
            if !end.alive || end.stalled {
                continue;
            }
            if end.tick_at <= self.now {
                self.tick(index)?;
            } else if end.wake_at.is_some_and(|at| at <= self.now) {
                self.expire(index)?;
                let end = &mut self.ends[index];
                let local = end.look_at_clock(self.now);
                end.machine.timeout(local);
                self.drain(index)?;
            }
        }
        Ok(())
    }

    /// The loop of a game: one frame.
    fn tick(&mut self, index: usize) -> Result<(), Breach> {
        self.expire(index)?;
        let end = &mut self.ends[index];
        let interval = self.plan.frame_us * 1_000 / u64::from(end.plan.permille);
        let late = if self.healed { 0 } else { self.rng.below(end.plan.jitter_us + 1) };
        end.tick_at = self.now + interval + late;
        let local = end.look_at_clock(self.now);
        if end.plan.pushes {
            self.push(index)?;
            self.push_checksum(index);
        } else {
            end.machine.timeout(local);
        }
        self.drain(index)
    }

    fn push(&mut self, index: usize) -> Result<(), Breach> {
        let mut input = [0; INPUT_MAX];
        let end = &mut self.ends[index];
        let (size, window) = end.machine.sizes();
        fill(self.plan, end.run, end.epoch, end.next, &mut input[..size]);
        let local = end.look_at_clock(self.now);
        let full =
            (0..end.links.len()).any(|peer| end.links[peer].id.is_some() && end.next - end.acked(peer) >= window);
        let law = "P push";
        match end.machine.push(local, &input[..size]) {
            Ok(frame) => {
                demand(!full, law, || "an input was taken while the window was full".into())?;
                demand(u64::from(frame.get()) == end.next, law, || format!("frame {frame} instead of {}", end.next))?;
                end.next += 1;
                self.runs[end.run].push(end.epoch, end.next);
                self.tally.pushed += 1;
                self.expect_input(index);
            }
            Err(PushError::WindowFull(peer)) => {
                self.tally.count(Kind::Full);
                let unacked = u64::from(end.machine.unacked(peer));
                demand(unacked == window, law, || format!("full with {unacked} of {window}"))?;
            }
            Err(PushError::FramesExhausted) => {
                self.tally.count(Kind::Exhausted);
                demand(end.next == u64::from(u32::MAX), law, || format!("used up at {}", end.next))?;
            }
            Err(other) => return Err(Breach::of(law, format!("{other:?}"))),
        }
        Ok(())
    }

    /// A game that plays well: all have the same state in an epoch of a session.
    fn push_checksum(&mut self, index: usize) {
        let end = &mut self.ends[index];
        let Some(frame) = end.machine.confirmed().filter(|frame| *frame >= end.hashed) else { return };
        let frame = if end.hashed == 0 { frame / CHECKSUM_EVERY * CHECKSUM_EVERY } else { end.hashed };
        let local = end.look_at_clock(self.now);
        let hash = mix(self.session ^ mix(u64::from(end.epoch) << 32 | u64::from(frame)));
        if end.machine.push_checksum(local, frame, hash) {
            end.hashed = frame.saturating_add(CHECKSUM_EVERY);
        }
    }

    pub(crate) fn note(&mut self, what: u64) {
        self.trace = mix(self.trace ^ what).rotate_left(7);
    }

    pub(crate) fn note_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.note(u64::from_le_bytes(word));
        }
    }
}
