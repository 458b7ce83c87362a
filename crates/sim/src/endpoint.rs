//! An endpoint as the oracle sees it: its session, its clock, its habits, and what it must know about each other one.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use inputwire::{Config, Frame, Instant, PeerId};

use super::clock::Clock;
use super::machine::{Build, Machine};
use super::make::Spec;
use super::network::Datagram;
use super::plan::{EndpointPlan, Mismatch, Plan};
use super::rng::mix;
use super::runs::Runs;
use super::sabotage::Saboteur;

/// The key of every plan with a key, except at an endpoint whose key is wrong on purpose.
pub const KEY: [u8; 16] = [7; 16];

/// One start of an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) session: u64,
    /// For each epoch, the frame after the latest pushed one.
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

/// A call that comes later than this after it was due is late.
const LATE_US: u64 = 25_000;

/// What the oracle knew about a datagram when it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) run: usize,
    /// The incarnation of the sender on the link, and that of the receiver for which it was, where one is known.
    pub(crate) incarnation: u64,
    pub(crate) to_run: Option<u64>,
    pub(crate) session: u64,
    /// A second program of the sender sent it, with other settings.
    pub(crate) foreign: bool,
    pub(crate) epoch: u32,
    /// The frame after the latest carried input, and the next one to receive, in full.
    pub(crate) input_end: u64,
    pub(crate) ack: u64,
    /// It begins where one that was cut ended.
    pub(crate) follows: bool,
}

/// What one endpoint must know about another.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) id: Option<PeerId>,
    /// The runs of both endpoints; compact wire only.
    pub(crate) runs: Runs,
    /// The start of the other endpoint whose inputs were received in this epoch.
    pub(crate) source: Option<usize>,
    pub(crate) recv_next: u64,
    pub(crate) acked: u64,
    /// The next frame to be delivered, and on the classic wire all that were delivered.
    pub(crate) delivered: u64,
    pub(crate) delivered_frames: BTreeSet<u32>,
    /// On the classic wire: the frame after the latest received one, when that changed by the clock of this endpoint, and
    /// how many frames were reported as lost.
    pub(crate) front: u64,
    pub(crate) front_at: u64,
    pub(crate) lost: u64,
    /// On the classic wire: every local frame below this one was sent, and what was sent that the other endpoint need not
    /// answer.
    pub(crate) sent_end: u64,
    pub(crate) unanswered: Unanswered,
    /// On the compact wire: where the last input datagram ended, if it was cut.
    pub(crate) cut_end: Option<u64>,
    /// When one was cut last, in true time.
    pub(crate) cut_at: Option<u64>,
    /// The latest accepted datagram with a timing block, and the run that sent it.
    pub(crate) block: Option<(u64, usize)>,
    /// How many older ones came since then, and the low byte of the last number.
    pub(crate) old_blocks: (u32, u8),
    /// When the first datagram arrived that is not acknowledged yet.
    pub(crate) ack_owed_since: Option<u64>,
    /// A forged datagram was accepted, so nothing can be demanded of this link any more.
    pub(crate) tainted: bool,
    /// The transport is closed.
    pub(crate) closed: bool,
    /// The other endpoint said goodbye under a key: nothing more is taken of it, and it holds nothing back.
    pub(crate) left: bool,
    /// A datagram of one that left was accepted, so it may be told so; and when it was last.
    pub(crate) told_due: bool,
    pub(crate) told_at: Option<u64>,
    /// When, by the clock of this endpoint, a hello and a response with inputs were sent; and pings without a pong.
    pub(crate) hello_at: Option<u64>,
    pub(crate) response_at: Option<u64>,
    pub(crate) pings: [bool; 2],
    pub(crate) progress_at: u64,
    /// The least of the latest round trips so far.
    pub(crate) least_rtt_us: Option<u64>,
    /// When one was longer than that by a queue, by the clock of this endpoint.
    pub(crate) queued_at: Option<u64>,
    /// When the transport opened. Until the first datagram of the other endpoint, its silence counts from then.
    pub(crate) opened_at: u64,
    /// A hello with other settings was accepted, and that was reported.
    pub(crate) mismatch: bool,
    pub(crate) mismatch_reported: bool,
    /// The last sign of life by the clock of this endpoint, over whatever transport.
    pub(crate) lived_at: Option<u64>,
    /// The hello that was just handled is a sign of life.
    pub(crate) hello_lives: bool,
    /// Restarts of the other endpoint that are not reported yet.
    pub(crate) restarts: u32,
    /// A second program said hello as the other endpoint.
    pub(crate) doubled: bool,
    /// Deadlines hold for the inputs that the other endpoint pushes from some time on.
    pub(crate) live: bool,
    pub(crate) live_from: u64,
    pub(crate) deadlines: VecDeque<Deadline>,
    /// Deadlines for the acknowledgement of all inputs below a frame.
    pub(crate) acks: VecDeque<Deadline>,
}

impl Link {
    /// Whether so many old timing blocks came that the peer is asked for a hello.
    pub(crate) fn is_stale(&self) -> bool {
        self.old_blocks.0 >= 8
    }

    /// Whether the other endpoint has to acknowledge inputs before they leave the window.
    pub(crate) fn holds_window(&self) -> bool {
        self.id.is_some() && !self.left
    }

    /// Nothing can be demanded of the link in time.
    pub(crate) fn relieve(&mut self) {
        self.live = false;
        self.deadlines.clear();
        self.acks.clear();
    }
}

/// Validation pings and requests on the classic wire, over the present transport.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unanswered {
    /// Validation pings, less those after the tenth that a validation ping of the other endpoint asked for; none may follow an
    /// answer, or an INPUT.
    pub(crate) validation_pings: u32,
    pub(crate) validated: bool,
    /// Requests since the last response of the other endpoint, and when the last one was sent in this epoch.
    pub(crate) requests: u32,
    pub(crate) requested_at: Option<u64>,
}

impl Unanswered {
    /// The shortest time between two requests. A round trip may make it longer.
    pub(crate) fn request_us(&self, frame_us: u64) -> u64 {
        match self.requests {
            0..3 => frame_us,
            3..10 => frame_us.max(1_000_000),
            _ => frame_us.max(8_000_000),
        }
    }

    /// Notes an accepted datagram.
    pub(crate) fn receive(&mut self, kind: u8) {
        match kind {
            0x01 | 0x11 => self.validated = true,
            0x10 => self.validation_pings = self.validation_pings.min(9),
            0x13 => self.requests = 0,
            _ => {}
        }
    }
}

/// By when an input must be delivered, or all below it acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) by: u64,
    /// How long whoever owes it was at rest then, because datagrams queued.
    pub(crate) rest_us: u64,
    pub(crate) frame: u64,
}

/// See the [module](self).
pub(crate) struct Endpoint {
    pub(crate) plan: EndpointPlan,
    pub(crate) machine: Box<dyn Machine>,
    pub(crate) alive: bool,
    /// When, by its clock, its session was closed: what is unacknowledged is delivered, then goodbyes are sent.
    pub(crate) closed_at: Option<u64>,
    pub(crate) run: usize,
    pub(crate) incarnation: u64,
    /// The incarnation was used by an earlier run too, so nothing can be demanded of its links.
    pub(crate) reused: bool,
    /// How many peers were removed since it started.
    pub(crate) removed: u64,
    pub(crate) clock: Clock,
    /// The latest time that the session was given.
    pub(crate) seen: u64,
    pub(crate) tick_at: u64,
    pub(crate) wake_at: Option<u64>,
    pub(crate) follow: Option<u32>,
    pub(crate) stalled: bool,
    /// Until when it is called late only, and how long after each call the next one comes.
    pub(crate) late_until: u64,
    pub(crate) called_every_us: u64,
    /// When the last push was, by its clock, and when one was refused, in true time.
    pub(crate) pushed_at: u64,
    pub(crate) refused_at: u64,
    /// The last call that came late, and the call before it.
    pub(crate) late_call: Option<(u64, u64)>,
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

impl Endpoint {
    pub(crate) fn new(plan: &Plan, index: usize, build: &Build<'_>) -> Self {
        let own = plan.endpoints[index];
        let first = u64::from(first_frame(plan, index));
        Self {
            plan: own,
            machine: machine(plan, index, 0, own.incarnation, build),
            alive: false,
            closed_at: None,
            run: 0,
            incarnation: own.incarnation,
            reused: false,
            removed: 0,
            clock: Clock::new(own.origin, own.permille),
            seen: 0,
            tick_at: u64::MAX,
            wake_at: None,
            follow: None,
            stalled: false,
            late_until: 0,
            called_every_us: 0,
            pushed_at: 0,
            refused_at: 0,
            late_call: None,
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

    /// Reads this endpoint's clock, and remembers the latest time, as the session does.
    pub(crate) fn read_clock(&mut self, now: u64) -> Instant {
        let local = self.clock.read(now);
        if local > self.seen.saturating_add(LATE_US) {
            let due = self.machine.next_wake().map_or(u64::MAX, Instant::as_micros);
            if local > due.saturating_add(LATE_US) {
                self.late_call = Some((self.seen, local));
            }
        }
        self.seen = self.seen.max(local.min(Instant::LAST.as_micros()));
        Instant::from_micros(local)
    }

    /// Up to when silence is judged: a socket may hold what arrived before a late call.
    pub(crate) fn judged_at(&self) -> u64 {
        match self.late_call {
            Some((before, at)) if self.seen < at.saturating_add(LATE_US) => before,
            _ => self.seen,
        }
    }

    /// Whether so little time is left that a session's clock stands still.
    pub(crate) fn is_at_last_instant(&self) -> bool {
        self.seen >= Instant::LAST.as_micros()
    }

    /// What this endpoint calls itself to a peer that is added now.
    pub(crate) fn local_run(&self) -> u64 {
        self.incarnation.wrapping_add(self.removed).max(1)
    }

    pub(crate) fn peer(&self, id: PeerId) -> Option<usize> {
        self.links.iter().position(|link| link.id == Some(id))
    }

    /// Returns the next frame to receive from another endpoint.
    pub(crate) fn recv_next(&self, peer: usize) -> u64 {
        let last_frame = self.links[peer].id.and_then(|id| self.machine.last_frame(id));
        last_frame.map_or(self.first, |frame| u64::from(frame) + 1)
    }

    pub(crate) fn acked(&self, peer: usize) -> u64 {
        self.next - self.links[peer].id.map_or(0, |id| u64::from(self.machine.unacked(id)))
    }

    /// Enters an epoch, and forgets everything of the one before.
    pub(crate) fn enter(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.next = self.first;
        self.hashed = 0;
        for link in &mut self.links {
            link.runs.begin_epoch();
            link.source = None;
            link.recv_next = self.first;
            link.cut_end = None;
            link.acked = self.first;
            link.delivered = self.first;
            link.delivered_frames.clear();
            (link.front, link.front_at, link.lost) = (self.first, self.seen, 0);
            (link.sent_end, link.unanswered.requested_at) = (self.first, None);
            link.ack_owed_since = None;
            (link.told_due, link.told_at) = (false, None);
            link.hello_at = None;
            link.progress_at = self.seen;
            link.live = false;
            link.deadlines.clear();
            link.acks.clear();
        }
    }
}

/// Makes an endpoint as the plan sets it up.
pub(crate) fn machine(
    plan: &Plan,
    index: usize,
    session: u64,
    incarnation: u64,
    build: &Build<'_>,
) -> Box<dyn Machine> {
    let mismatch = plan.mismatch.filter(|(endpoint, _)| *endpoint == index).map(|(_, mismatch)| mismatch);
    let other = |of: Mismatch| u64::from(mismatch == Some(of));
    let sizes = match mismatch {
        Some(Mismatch::InputLen) => (if plan.sizes.0 == 1 { 4 } else { 1 }, 120),
        Some(Mismatch::Window) => (1, if plan.sizes.1 == 120 { 127 } else { 120 }),
        _ => plan.sizes,
    };
    let mut config = Config::builder()
        .session_id(session ^ other(Mismatch::SessionId))
        .local_player(player(plan, index))
        .incarnation(incarnation)
        .first_frame(Frame::new(first_frame(plan, index)))
        .frame_interval(Duration::from_micros(plan.frame_us_of(index)))
        .redundancy(plan.redundancy)
        .early_copies(plan.early_copies)
        .max_datagram_size(plan.max_datagram_size)
        // What survivors tell each other is more than this model of pairs knows.
        .mesh(plan.endpoints.len() == 2);
    if let Some(ms) = plan.endpoints[index].ping_ms {
        let ping = Duration::from_millis(ms);
        config = config.ping_interval(ping).disconnect_after((ping * 3).max(Duration::from_secs(5)));
    }
    config = config.short_tags(plan.short_tags != (mismatch == Some(Mismatch::TagSize)));
    let key = plan.keyed.then(|| {
        let mut key = KEY;
        key[3] ^= u8::try_from(other(Mismatch::Key)).expect("a bit");
        key
    });
    if let Some(key) = key {
        config = config.key(key);
    }
    let config = config.build().expect("a plan draws what is allowed");
    let machine = build(&Spec { endpoint: index, sizes, peers: plan.endpoints.len() - 1, key, config });
    match plan.sabotage {
        Some(how) if index == 0 => Box::new(Saboteur::new(machine, how)),
        _ => machine,
    }
}

/// Returns the player number of an endpoint. The others expect its index.
fn player(plan: &Plan, index: usize) -> u16 {
    let wrong = plan.mismatch == Some((index, Mismatch::Player));
    u16::try_from(index).expect("few ends") + if wrong { 99 } else { 0 }
}

fn first_frame(plan: &Plan, index: usize) -> u32 {
    plan.first_frame + u32::from(plan.mismatch == Some((index, Mismatch::FirstFrame)))
}

/// Fills in a player's input in a frame: a pure function, so that no input has to be stored.
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
