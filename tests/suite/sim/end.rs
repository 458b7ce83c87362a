//! One end as the oracle sees it: its session, its clock, its habits, and what it must know of each other end.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use inputwire::{Config, Frame, Instant, PeerId};

use super::clock::Clock;
use super::driven::Spec;
use super::machine::{Build, Machine};
use super::network::Datagram;
use super::plan::{EndPlan, Mismatch, Plan};
use super::rng::mix;
use super::sabotage::Saboteur;

/// The key of a world that has one; an end with a wrong key has another one.
pub(crate) const KEY: [u8; 16] = [7; 16];

/// One start of an end.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) session: u64,
    pub(crate) incarnation: u32,
    /// For each epoch, the frame after the newest pushed one.
    pub(crate) pushed: Vec<(u32, u64)>,
}

impl Run {
    pub(crate) fn pushed_in(&self, epoch: u32) -> u64 {
        self.pushed.iter().rev().find(|(of, _)| *of == epoch).map_or(0, |(_, next)| *next)
    }

    pub(crate) fn push(&mut self, epoch: u32, next: u64) {
        match self.pushed.last_mut() {
            Some((of, pushed)) if *of == epoch => *pushed = next,
            _ => self.pushed.push((epoch, next)),
        }
    }
}

/// What the oracle knew when a datagram was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) run: usize,
    /// The run of the receiver that the sender knew of.
    pub(crate) to_run: Option<usize>,
    pub(crate) session: u64,
    pub(crate) epoch: u32,
    /// The frame after the newest input carried, and the next one wanted, in full.
    pub(crate) end: u64,
    pub(crate) ack: u64,
}

/// What one end must know of another.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) id: Option<PeerId>,
    /// The run of the other that this end has learned of.
    pub(crate) knows: Option<usize>,
    /// The other started anew, and no epoch was begun since.
    pub(crate) halted: bool,
    /// The run whose inputs came in this epoch.
    pub(crate) source: Option<usize>,
    pub(crate) want: u64,
    pub(crate) acked: u64,
    /// The next frame to be told, and on the classic wire all that were.
    pub(crate) told: u64,
    pub(crate) told_frames: BTreeSet<u32>,
    /// On the classic wire: the frame after the newest that came, when that moved by the clock of this end, and how many
    /// were told to be lost.
    pub(crate) front: u64,
    pub(crate) front_at: u64,
    pub(crate) lost: u64,
    /// The newest datagram with a timing block that was accepted, and the run that sent it.
    pub(crate) block: Option<(usize, usize)>,
    /// When the first datagram came that is owed an acknowledgement.
    pub(crate) owes_since: Option<u64>,
    /// A false datagram was accepted: what is known of this link is void.
    pub(crate) lax: bool,
    pub(crate) closed: bool,
    /// When, by the clock of this end: a hello, an answer with inputs; and pings that wait for their pongs.
    pub(crate) hello_at: Option<u64>,
    pub(crate) response_at: Option<u64>,
    pub(crate) pings: [bool; 2],
    pub(crate) moved_at: u64,
    /// When the transport opened: until the other is heard, its silence counts from then.
    pub(crate) opened_at: u64,
    /// A hello with other settings was accepted, and that was told.
    pub(crate) mismatch: bool,
    pub(crate) mismatch_told: bool,
    /// Deadlines hold for the inputs of the other that are pushed from some moment on.
    pub(crate) live: bool,
    pub(crate) live_from: u64,
    pub(crate) demands: VecDeque<Demand>,
    /// Deadlines by which the other acknowledges all inputs of ours below a frame.
    pub(crate) acks: VecDeque<Demand>,
}

/// An input of the other end is told, or one of ours acknowledged, by a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub(crate) by: u64,
    pub(crate) frame: u64,
}

/// See the [module](self).
pub(crate) struct End {
    pub(crate) plan: EndPlan,
    pub(crate) machine: Box<dyn Machine>,
    pub(crate) alive: bool,
    pub(crate) run: usize,
    pub(crate) incarnation: u32,
    pub(crate) clock: Clock,
    /// The greatest time that the session was told.
    pub(crate) seen: u64,
    pub(crate) tick_at: u64,
    pub(crate) wake_at: Option<u64>,
    pub(crate) follow: Option<u32>,
    pub(crate) stalled: bool,
    pub(crate) muted_until: u64,
    pub(crate) deaf_until: u64,
    pub(crate) backlog: Vec<Datagram>,
    pub(crate) epoch: u32,
    pub(crate) first: u64,
    pub(crate) next: u64,
    /// The frame whose state is hashed next.
    pub(crate) hashed: u32,
    pub(crate) ping_us: u64,
    pub(crate) links: Vec<Link>,
}

impl End {
    pub(crate) fn new(plan: &Plan, index: usize, build: &Build<'_>) -> Self {
        let own = plan.ends[index];
        let first = u64::from(first_frame(plan, index));
        Self {
            plan: own,
            machine: machine(plan, index, 0, own.incarnation, build),
            alive: false,
            run: 0,
            incarnation: own.incarnation,
            clock: Clock::new(own.origin, own.permille),
            seen: 0,
            tick_at: u64::MAX,
            wake_at: None,
            follow: None,
            stalled: false,
            muted_until: 0,
            deaf_until: 0,
            backlog: Vec::new(),
            epoch: 0,
            first,
            next: first,
            hashed: 0,
            ping_us: 0,
            links: Vec::new(),
        }
    }

    /// What this end's clock shows; remembered, as the session does.
    pub(crate) fn look_at_clock(&mut self, now: u64) -> Instant {
        let local = self.clock.read(now);
        self.seen = self.seen.max(local);
        Instant::from_micros(local)
    }

    /// At the end of time a session's clock stands still.
    pub(crate) fn is_at_the_end_of_time(&self) -> bool {
        self.seen >= u64::MAX - (1 << 40)
    }

    pub(crate) fn peer(&self, id: PeerId) -> Option<usize> {
        self.links.iter().position(|link| link.id == Some(id))
    }

    /// The next frame wanted from another end.
    pub(crate) fn want(&self, peer: usize) -> u64 {
        let known = self.links[peer].id.and_then(|id| self.machine.known(id));
        known.map_or(self.first, |frame| u64::from(frame) + 1)
    }

    pub(crate) fn acked(&self, peer: usize) -> u64 {
        self.next - self.links[peer].id.map_or(0, |id| u64::from(self.machine.unacked(id)))
    }

    /// Forgets what belongs to an epoch.
    pub(crate) fn enter(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.next = self.first;
        self.hashed = 0;
        for link in &mut self.links {
            link.halted = false;
            link.source = None;
            link.want = self.first;
            link.acked = self.first;
            link.told = self.first;
            link.told_frames.clear();
            (link.front, link.front_at, link.lost) = (self.first, self.seen, 0);
            link.owes_since = None;
            link.hello_at = None;
            link.moved_at = self.seen;
            link.live = false;
            link.demands.clear();
            link.acks.clear();
        }
    }
}

/// A session for an end, set up as the plan says.
pub(crate) fn machine(
    plan: &Plan,
    index: usize,
    session: u64,
    incarnation: u32,
    build: &Build<'_>,
) -> Box<dyn Machine> {
    let mismatch = plan.mismatch.filter(|(end, _)| *end == index).map(|(_, mismatch)| mismatch);
    let other = |of: Mismatch| u64::from(mismatch == Some(of));
    let sizes = match mismatch {
        Some(Mismatch::Input) => (if plan.sizes.0 == 1 { 4 } else { 1 }, 120),
        Some(Mismatch::Window) => (1, if plan.sizes.1 == 120 { 127 } else { 120 }),
        _ => plan.sizes,
    };
    let mut config = Config::builder()
        .session(session ^ other(Mismatch::Session))
        .player(player(plan, index))
        .incarnation(incarnation)
        .first_frame(Frame::new(first_frame(plan, index)))
        .frame_interval(Duration::from_micros(plan.frame_us_of(index)))
        .redundancy(plan.redundancy)
        .early_copies(plan.early_copies)
        .datagram_max(plan.datagram_max);
    if let Some(ms) = plan.ping_ms {
        config = config.ping_interval(Duration::from_millis(ms));
    }
    let key = plan.keyed.then(|| {
        let mut key = KEY;
        key[3] ^= u8::try_from(other(Mismatch::Key)).expect("a bit");
        key
    });
    if let Some(key) = key {
        config = config.key(key);
    }
    let config = config.build().expect("a plan draws what is allowed");
    let machine = build(&Spec { end: index, sizes, peers: plan.ends.len() - 1, key, config });
    match plan.sabotage {
        Some(how) if index == 0 => Box::new(Saboteur::new(machine, how)),
        _ => machine,
    }
}

/// The player number that an end has; the others expect its index.
fn player(plan: &Plan, index: usize) -> u16 {
    let wrong = plan.mismatch == Some((index, Mismatch::Player));
    u16::try_from(index).expect("few ends") + if wrong { 99 } else { 0 }
}

fn first_frame(plan: &Plan, index: usize) -> u32 {
    plan.first_frame + u32::from(plan.mismatch == Some((index, Mismatch::FirstFrame)))
}

/// What a player does in a frame: a function, so that nothing need be kept to know it.
pub(crate) fn fill(plan: &Plan, run: usize, epoch: u32, frame: u64, input: &mut [u8]) {
    let run = u64::try_from(run).expect("few runs");
    let seed = mix(plan.seed ^ mix(run << 32 | u64::from(epoch)));
    let held = mix(seed ^ (frame / plan.hold));
    if plan.wild {
        for (place, byte) in (0_u64..).zip(input) {
            *byte = mix(held ^ place).to_le_bytes()[0];
        }
    } else {
        input.fill(seed.to_le_bytes()[0]);
        let len = u64::try_from(input.len()).expect("a length");
        let [step, ..] = (held >> 32).to_le_bytes();
        let place = usize::try_from(held % len).expect("within");
        input[place] = input[place].wrapping_add(step % 12);
    }
}
