//! A run: endpoints, the network between them, and one event after the other in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::breach::{Breach, ensure};
use super::endpoint::{Endpoint, Label, Run, fill};
use super::machine::{Build, INPUT_MAX};
use super::network::Network;
use super::plan::{Mode, Narrow, Plan};
use super::rng::{Rng, mix};
use super::tally::{Kind, Tally};
use inputwire::{Frame, PushError};

/// How long a run goes on after all endpoints must have met.
const AFTERMATH_US: u64 = 800_000;

/// The frames from one checksum to the next.
const CHECKSUM_EVERY: u32 = 8;

/// Something that happens at a known time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheduled {
    Start(usize),
    Act(usize),
    Thaw(usize),
    Resume(usize),
    Doze(usize),
    Follow(usize),
    Stop(usize),
    Second(usize),
    Reopen(usize, usize),
    Readmit(usize),
    Heal,
    Settle,
}

/// A second program of a player, which says hellos to a peer and hears nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SecondProgram {
    pub(crate) endpoint: usize,
    pub(crate) peer: usize,
    /// Whether its settings are others.
    pub(crate) other: bool,
    pub(crate) incarnation: u64,
    /// How many hellos are left.
    pub(crate) hellos: u32,
}

/// See the [module](self).
pub(crate) struct World<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) build: &'p Build<'p>,
    pub(crate) now: u64,
    pub(crate) network: Network,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) runs: Vec<Run>,
    pub(crate) labels: Vec<Label>,
    pub(crate) seconds: Vec<SecondProgram>,
    pub(crate) session: u64,
    pub(crate) healed: bool,
    /// When all endpoints have met after the healing.
    pub(crate) quiet_from: u64,
    pub(crate) rng: Rng,
    pub(crate) tally: Tally,
    /// A hash of everything that was sent and delivered.
    pub(crate) trace: u64,
    scheduled: BinaryHeap<Reverse<(u64, Scheduled)>>,
    until: u64,
}

impl<'p> World<'p> {
    pub(crate) fn new(plan: &'p Plan, build: &'p Build<'p>) -> Self {
        let count = plan.endpoints.len();
        let mut world = Self {
            plan,
            build,
            now: 0,
            network: Network::new(count, mix(plan.seed)),
            endpoints: (0..count).map(|index| Endpoint::new(plan, index, build)).collect(),
            runs: Vec::new(),
            labels: Vec::new(),
            seconds: Vec::new(),
            session: mix(plan.seed ^ 1),
            healed: false,
            quiet_from: u64::MAX,
            rng: Rng::new(mix(plan.seed ^ 2)),
            tally: Tally::one_seed(),
            trace: 0,
            scheduled: BinaryHeap::new(),
            until: plan.length_us,
        };
        for from in 0..count {
            for to in 0..count {
                world.network.set_faults(from, to, plan.faults[from * count + to]);
                world.network.set_bottleneck(from, to, plan.narrow[from * count + to].map(Narrow::bottleneck));
            }
        }
        for (index, endpoint) in plan.endpoints.iter().enumerate() {
            let run = Run { session: world.session, pushed: Vec::new() };
            world.endpoints[index].run = index;
            world.runs.push(run);
            world.at(endpoint.starts_at, Scheduled::Start(index));
        }
        for (index, (at, _)) in plan.actions.iter().enumerate() {
            world.at(*at, Scheduled::Act(index));
        }
        if plan.mode == Mode::Liveness {
            let settled = plan.length_us + plan.settle_us();
            world.quiet_from = settled;
            world.until = settled + AFTERMATH_US + plan.quiet_us();
            world.at(plan.length_us, Scheduled::Heal);
            world.at(settled, Scheduled::Settle);
        }
        world.count_plan();
        world
    }

    fn count_plan(&mut self) {
        let plan = self.plan;
        let mut count = |kind, holds: bool| (0..u32::from(holds)).for_each(|_| self.tally.count(kind));
        count(Kind::Mesh, plan.endpoints.len() > 2);
        count(Kind::Keyed, plan.keyed);
        count(Kind::Classic, plan.classic(0, 1));
        count(Kind::Mismatch, plan.mismatch.is_some());
        count(Kind::Skew, plan.endpoints.iter().any(|endpoint| endpoint.permille != 1_000));
    }

    /// Runs to the end, or until a law is broken.
    pub(crate) fn run(&mut self) -> Result<(), Breach> {
        while let Some(at) = self.next().filter(|at| *at <= self.until) {
            ensure(at >= self.now, "8 progress", || format!("time went back to {at}"))?;
            self.now = at;
            self.step()?;
        }
        self.now = self.until + 1;
        for index in 0..self.endpoints.len() {
            self.check_deadlines(index)?;
        }
        self.check_mismatches()?;
        if self.healed {
            self.check_silence()?;
            self.check_times()?;
        }
        self.tally.add(&self.network.tally);
        self.tally.virtual_us += self.until;
        Ok(())
    }

    pub(crate) fn at(&mut self, at: u64, scheduled: Scheduled) {
        self.scheduled.push(Reverse((at, scheduled)));
    }

    fn next(&self) -> Option<u64> {
        let endpoints = self.endpoints.iter().filter(|endpoint| endpoint.alive && !endpoint.stalled);
        let own = endpoints.map(|endpoint| endpoint.tick_at.min(endpoint.wake_at.unwrap_or(u64::MAX)));
        let scheduled = self.scheduled.peek().map(|Reverse((at, _))| *at);
        own.chain(scheduled).chain(self.network.next_arrival()).min()
    }

    fn step(&mut self) -> Result<(), Breach> {
        while let Some(Reverse((at, scheduled))) = self.scheduled.peek().copied()
            && at <= self.now
        {
            self.scheduled.pop();
            self.run_scheduled(scheduled)?;
        }
        while let Some(datagram) = self.network.deliver(self.now) {
            self.arrive(datagram)?;
        }
        for index in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[index];
            if !endpoint.alive || endpoint.stalled {
                continue;
            }
            if endpoint.tick_at <= self.now {
                self.tick(index)?;
            } else if endpoint.wake_at.is_some_and(|at| at <= self.now) {
                self.check_deadlines(index)?;
                let endpoint = &mut self.endpoints[index];
                let local = endpoint.read_clock(self.now);
                endpoint.machine.timeout(local);
                self.drain(index)?;
            }
        }
        Ok(())
    }

    /// Plays one frame, as the loop of a game does.
    fn tick(&mut self, index: usize) -> Result<(), Breach> {
        self.check_deadlines(index)?;
        let endpoint = &mut self.endpoints[index];
        let interval = self.plan.frame_us * 1_000 / u64::from(endpoint.plan.permille);
        let late = if self.healed { 0 } else { self.rng.below(endpoint.plan.jitter_us + 1) };
        endpoint.tick_at = self.now + interval + late;
        let local = endpoint.read_clock(self.now);
        if endpoint.plan.pushes && endpoint.closed_at.is_none() {
            if endpoint.plan.skips && !self.healed && self.rng.one_in(8) {
                self.skip(index)?;
            } else {
                self.push(index)?;
            }
            self.push_checksum(index)?;
        } else {
            endpoint.machine.timeout(local);
        }
        self.drain(index)
    }

    fn push(&mut self, index: usize) -> Result<(), Breach> {
        let mut input = [0; INPUT_MAX];
        let endpoint = &mut self.endpoints[index];
        let (size, window) = endpoint.machine.sizes();
        fill(self.plan, endpoint.run, endpoint.epoch, endpoint.next, &mut input[..size]);
        let local = endpoint.read_clock(self.now);
        let full = (0..endpoint.links.len())
            .any(|peer| endpoint.links[peer].holds_window() && endpoint.next - endpoint.acked(peer) >= window);
        let law = "P push";
        let pushed = endpoint.machine.push(local, &input[..size]);
        if pushed.is_err() {
            endpoint.refused_at = self.now;
        }
        match pushed {
            Ok(frame) => {
                ensure(!full, law, || "an input was accepted while the window was full".into())?;
                ensure(u64::from(frame.get()) == endpoint.next, law, || {
                    format!("frame {frame} instead of {}", endpoint.next)
                })?;
                endpoint.next += 1;
                endpoint.pushed_at = endpoint.seen;
                self.runs[endpoint.run].push(endpoint.epoch, endpoint.next);
                self.tally.pushed += 1;
                self.expect_input(index);
            }
            Err(PushError::WindowFull(peer)) => {
                self.tally.count(Kind::Full);
                let unacked = u64::from(endpoint.machine.unacked(peer));
                ensure(unacked == window, law, || format!("full with {unacked} of {window}"))?;
            }
            Err(PushError::FramesExhausted) => {
                self.tally.count(Kind::Exhausted);
                ensure(endpoint.next == u64::from(u32::MAX), law, || format!("exhausted at {}", endpoint.next))?;
            }
            Err(other) => return Err(Breach::of(law, format!("{other:?}"))),
        }
        Ok(())
    }

    /// Jumps ahead for as long as the input stays the same: no further than a window and the acknowledgements of every peer allow,
    /// and exactly as far unless a peer on the classic wire has to be sent what would leave the window.
    fn skip(&mut self, index: usize) -> Result<(), Breach> {
        let mut input = [0; INPUT_MAX];
        let endpoint = &mut self.endpoints[index];
        let (size, window) = endpoint.machine.sizes();
        fill(self.plan, endpoint.run, endpoint.epoch, endpoint.next, &mut input[..size]);
        let local = endpoint.read_clock(self.now);
        let hold = self.plan.hold;
        let goal = ((endpoint.next / hold + 1) * hold).min(u64::from(u32::MAX));
        let linked = |peer: &usize| endpoint.links[*peer].holds_window();
        let peers = (0..endpoint.links.len()).filter(linked);
        let most =
            peers.clone().map(|peer| endpoint.acked(peer) + window).fold(goal.min(endpoint.next + window), u64::min);
        let exact = peers.clone().all(|peer| !self.plan.classic(index, peer));
        let law = "P skip";
        let frame = Frame::new(u32::try_from(goal).expect("a frame"));
        let reached = match endpoint.machine.skip_to(local, frame, &input[..size]) {
            Ok(reached) => u64::from(reached.get()),
            Err(error) => return Err(Breach::of(law, format!("{error:?}"))),
        };
        ensure((endpoint.next..=most).contains(&reached) && (!exact || reached == most), law, || {
            format!("from {} to {reached} instead of {most}", endpoint.next)
        })?;
        if reached > endpoint.next {
            self.tally.count(Kind::Skipped);
            self.tally.pushed += reached - endpoint.next;
            endpoint.next = reached;
            self.runs[endpoint.run].push(endpoint.epoch, endpoint.next);
        }
        Ok(())
    }

    /// Pushes the checksum of a game that stays in sync: all players have the same state in an epoch of a session.
    fn push_checksum(&mut self, index: usize) -> Result<(), Breach> {
        let endpoint = &mut self.endpoints[index];
        let local = endpoint.read_clock(self.now);
        let Some(confirmed) = endpoint.machine.confirmed_frame() else { return Ok(()) };
        // The state after it may still change.
        if self.rng.one_in(8) && endpoint.machine.push_checksum(local, confirmed.saturating_add(1), 0) {
            return Err(Breach::of("confirmed", format!("a checksum of {confirmed} + 1 was taken")));
        }
        if confirmed < endpoint.hashed {
            return Ok(());
        }
        let frame = if endpoint.hashed == 0 { confirmed / CHECKSUM_EVERY * CHECKSUM_EVERY } else { endpoint.hashed };
        let hash = mix(self.session ^ mix(u64::from(endpoint.epoch) << 32 | u64::from(frame)));
        if endpoint.machine.push_checksum(local, frame, hash) {
            endpoint.hashed = frame.saturating_add(CHECKSUM_EVERY);
        }
        Ok(())
    }

    pub(crate) fn trace_number(&mut self, what: u64) {
        self.trace = mix(self.trace ^ what).rotate_left(7);
    }

    pub(crate) fn trace_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.trace_number(u64::from_le_bytes(word));
        }
    }
}
