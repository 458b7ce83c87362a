//! A plan: everything about a run that is decided before it starts, drawn from one seed.
//!
//! Only the network draws more numbers later, from the same seed. So a plan can be printed, and parts of it can be left
//! out to see whether they matter.

use inputwire::Epoch;

use super::bottleneck::{Bottleneck, Cross, PACKET, Queue, Rate};
use super::machine::SIZES;
use super::network::Faults;
use super::rng::Rng;
use super::sabotage::Sabotage;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

/// Whether faults ever stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They never do; nothing wrong may happen.
    Safety,
    /// They stop after some time. From then on progress is demanded within stated bounds.
    Liveness,
}

/// Something that happens at some time to an endpoint, or to the network. Each `us` is how long it lasts, in
/// microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the endpoints that it is about, and times")]
pub enum Action {
    /// One direction of the network delivers nothing.
    Outage { from: usize, to: usize, us: u64 },
    /// The whole network delivers nothing.
    Blackout { us: u64 },
    /// A clock jumps by `us`.
    Step { endpoint: usize, ahead: bool, us: u64 },
    /// A clock jumps to `before_us` before the largest time.
    FarClock { endpoint: usize, before_us: u64 },
    /// A clock stands still.
    Freeze { endpoint: usize, us: u64 },
    /// An endpoint does nothing at all; its datagrams wait.
    Stall { endpoint: usize, us: u64 },
    /// A machine sleeps: its clock stands still, and its datagrams wait.
    Sleep { endpoint: usize, us: u64 },
    /// An endpoint does something only each `every_us`; in between its datagrams wait.
    Late { endpoint: usize, us: u64, every_us: u64 },
    /// An endpoint does not call `poll_transmit`.
    Mute { endpoint: usize, us: u64 },
    /// An endpoint does not call `poll_event`.
    Deaf { endpoint: usize, us: u64 },
    /// An endpoint begins the epoch that is `by` later.
    Epoch { endpoint: usize, by: u32 },
    /// An endpoint crashes, and restarts after `gap_us`; with the same incarnation, which must not be, if `reuse`.
    Restart { endpoint: usize, gap_us: u64, reuse: bool },
    /// All endpoints restart with another session id.
    Rematch,
    /// The transport to a peer closes, and opens again.
    CloseTransport { endpoint: usize, peer: usize, us: u64 },
    /// An endpoint removes a peer for good.
    Remove { endpoint: usize, peer: usize },
    /// An endpoint removes a peer and adds it again.
    Rejoin { endpoint: usize, peer: usize },
    /// A second program of a player says a few hellos to a peer; with another window or input size, if `other`.
    Second { endpoint: usize, peer: usize, other: bool, hellos: u32 },
    /// An endpoint closes its session, and restarts.
    Close { endpoint: usize, us: u64 },
}

/// The setting in which one endpoint differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the settings")]
pub enum Mismatch {
    InputLen,
    Window,
    FirstFrame,
    FrameInterval,
    Player,
    SessionId,
    Key,
    TagSize,
}

/// How one endpoint runs.
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointPlan {
    /// What its clock shows at the start, in microseconds.
    pub origin: u64,
    /// The rate of its clock, in a thousandth of the true rate.
    pub permille: u32,
    /// The incarnation at its first start.
    pub incarnation: u64,
    /// Its ping interval, if not the default.
    pub ping_ms: Option<u64>,
    /// Whether it knows the incarnations of the others when it starts.
    pub signalled: bool,
    /// When it starts.
    pub starts_at: u64,
    /// Whether it polls once in a frame only, and not at deadlines or when a datagram arrives.
    pub lazy: bool,
    /// Whether it sometimes jumps ahead, until the faults stop.
    pub skips: bool,
    /// Whether it polls events before transmits.
    pub events_first: bool,
    /// Whether it pushes inputs.
    pub pushes: bool,
    /// How late it follows into an epoch.
    pub lag_us: u64,
    /// How late a frame may be.
    pub jitter_us: u64,
    /// The input delay that it tells, in frames.
    pub input_delay: u32,
}

/// A narrow link: its rate and its queue, and when foreign traffic fills that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it, with their units")]
pub struct Narrow {
    pub kbit: u64,
    pub queue_us: u64,
    pub jam_from_us: u64,
    pub jam_until_us: u64,
}

impl Narrow {
    /// How long after the end of the faults a datagram may still arrive that waited: a foreign packet may be before it.
    fn longest_us(self) -> u64 {
        self.queue_us + u64::try_from(PACKET).expect("a length") * 8 * MS / self.kbit
    }

    pub(crate) fn bottleneck(self) -> Bottleneck {
        let mut link = Bottleneck::new(Rate::steady(self.kbit * 1_000), Queue::Time(self.queue_us));
        if self.jam_from_us < self.jam_until_us {
            let bits_per_second = 4 * self.kbit * 1_000;
            link.add_cross(Cross { from_us: self.jam_from_us, until_us: self.jam_until_us, bits_per_second });
        }
        link
    }
}

/// Everything about a run that is decided before it starts. Prints as a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Plan {
    /// The seed that it was drawn from, and that the network draws from.
    pub seed: u64,
    /// Whether faults stop.
    pub mode: Mode,
    /// The endpoints, 2 to 4.
    pub endpoints: Vec<EndpointPlan>,
    /// Bytes of an input, and frames in the window.
    pub sizes: (usize, usize),
    /// Which pairs of endpoints use the classic wire, at `low * endpoints.len() + high`.
    pub classic: Vec<bool>,
    /// Whether the endpoints have a key, and whether the tags of their inputs are short then.
    pub keyed: bool,
    /// See `keyed`.
    pub short_tags: bool,
    /// The frame interval.
    pub frame_us: u64,
    /// The first frame of each epoch.
    pub first_frame: u32,
    /// The epoch that each start begins at once; 0 for none.
    pub first_epoch: u32,
    /// The redundancy on the classic wire.
    pub redundancy: u8,
    /// Whether early copies are on.
    pub early_copies: bool,
    /// The most bytes in a datagram.
    pub max_datagram_size: usize,
    /// For how many frames an input stays the same.
    pub hold: u64,
    /// Whether an input changes as a whole, or a little.
    pub wild: bool,
    /// The endpoint with another setting, if one has.
    pub mismatch: Option<(usize, Mismatch)>,
    /// What endpoint 0 does wrong. Never drawn: for tests of the simulator.
    pub sabotage: Option<Sabotage>,
    /// The faults of each direction, at `from * endpoints.len() + to`.
    pub faults: Vec<Faults>,
    /// The narrow ones among the directions, at the same index.
    pub narrow: Vec<Option<Narrow>>,
    /// The delay of each direction after the healing, at the same index.
    pub healed_us: Vec<u64>,
    /// What happens, and when.
    pub actions: Vec<(u64, Action)>,
    /// When faults stop in [`Mode::Liveness`], and when the run ends in [`Mode::Safety`].
    pub length_us: u64,
    /// Whether the run goes on after the healing until what is said about time follows from the quiet network alone.
    pub patient: bool,
}

/// The most frames for which a run is patient.
const PATIENT_FRAMES: u64 = 1_200;

impl Plan {
    /// Draws a plan.
    #[must_use]
    pub fn draw(seed: u64, mode: Mode) -> Self {
        let rng = &mut Rng::new(seed);
        let endpoints = rng.pick(&[2, 2, 2, 2, 2, 3, 4]);
        let frame_us = rng.pick(&[16_667, 16_667, 16_667, 33_333, 8_333, 50_000, 100_000, 4_000, 1_000_000]);
        let mut length_us = rng.between(SECOND, 4 * SECOND) * frame_us.clamp(8_000, 33_333) / 16_667;
        let flood = rng.one_in(48);
        let long = rng.one_in(40);
        if long {
            length_us = rng.between(12 * SECOND, 45 * SECOND);
        }
        let sizes = match rng.below(8) {
            0..=3 => SIZES[0],
            4 => SIZES[1],
            _ => rng.pick(SIZES),
        };
        let all_classic = sizes.0 == 1 && rng.one_in(5);
        let mixed = sizes.0 == 1 && rng.one_in(12);
        let shared_faults = draw_faults(rng, length_us);
        let separate = rng.one_in(2);
        let faults = (0..endpoints * endpoints).map(|_| match (flood, separate) {
            (true, _) => Faults { hold: 300, hold_depth: 5_000, delay_us: 20 * MS, ..Faults::default() },
            (_, true) => draw_faults(rng, length_us),
            _ => shared_faults,
        });
        let faults = faults.collect();
        let mut plan = Self {
            seed,
            mode,
            endpoints: (0..endpoints).map(|_| draw_endpoint(rng, frame_us)).collect(),
            sizes,
            classic: (0..endpoints * endpoints).map(|_| all_classic || mixed && rng.one_in(2)).collect(),
            keyed: rng.one_in(2),
            short_tags: rng.one_in(3),
            frame_us: if flood { 1_000 } else { frame_us },
            first_frame: if rng.one_in(4) { rng.pick(&[1, 3, 200, 70_000, u32::MAX - 150]) } else { 0 },
            first_epoch: if rng.one_in(8) {
                rng.pick(&[1, 3, 1_000_000, Epoch::LAST_FREE.get() - 2, Epoch::LAST_FREE.get()])
            } else {
                0
            },
            redundancy: rng.pick(&[3, 3, 1, 2, 10, 15]),
            early_copies: rng.one_in(6),
            max_datagram_size: if rng.one_in(6) { rng.pick(&[56, 100, 500]) } else { 1_024 },
            hold: rng.pick(&[1, 1, 3, 10, 60]),
            wild: rng.one_in(2),
            sabotage: None,
            mismatch: rng.one_in(16).then(|| (rng.index(endpoints), draw_mismatch(rng))),
            faults,
            narrow: vec![None; endpoints * endpoints],
            healed_us: (0..endpoints * endpoints).map(|_| rng.magnitude(150 * MS)).collect(),
            actions: Vec::new(),
            length_us: if flood { 9 * SECOND } else { length_us },
            patient: false,
        };
        plan.make_sense_of_mismatch();
        plan.draw_actions(rng, mode, long);
        for endpoint in &mut plan.endpoints {
            endpoint.skips = rng.one_in(6);
        }
        plan.draw_narrow(rng);
        plan.draw_times(rng, long);
        plan
    }

    /// Lets machines sleep and call late, tells input delays, and makes some runs patient.
    fn draw_times(&mut self, rng: &mut Rng, long: bool) {
        let longest = if long { 20 * SECOND } else { self.length_us / 2 };
        while rng.one_in(5) {
            let (endpoint, us) = (rng.index(self.endpoints.len()), rng.magnitude(longest));
            let action = if rng.one_in(2) {
                Action::Sleep { endpoint, us }
            } else {
                Action::Late { endpoint, us, every_us: rng.magnitude(5 * SECOND) }
            };
            self.actions.push((rng.below(self.length_us), action));
        }
        self.actions.sort_by_key(|(at, _)| *at);
        for endpoint in &mut self.endpoints {
            endpoint.input_delay = if rng.one_in(4) { rng.pick(&[1, 2, 3, 6]) } else { 0 };
        }
        self.patient = rng.one_in(4);
    }

    /// Makes some links narrow, and lets some datagrams overtake others by time.
    fn draw_narrow(&mut self, rng: &mut Rng) {
        let narrow = rng.one_in(5);
        let late = rng.one_in(6);
        for (link, faults) in self.narrow.iter_mut().zip(&mut self.faults) {
            if narrow && rng.one_in(2) {
                let from = rng.below(self.length_us);
                let jam_us = if rng.one_in(2) { rng.magnitude(3 * SECOND) } else { 0 };
                *link = Some(Narrow {
                    kbit: rng.between(8, 512),
                    queue_us: rng.magnitude(2 * SECOND),
                    jam_from_us: from,
                    jam_until_us: from + jam_us,
                });
            }
            if late {
                (faults.late, faults.late_us) = (rng.pick(&[10, 100, 500]), rng.magnitude(SECOND));
            }
        }
    }

    /// How long a datagram may be under way in one direction before the healing, unless it is held back.
    pub(crate) fn under_way_us(&self, link: usize) -> u64 {
        let faults = &self.faults[link];
        let waits = self.narrow[link].map_or(0, Narrow::longest_us);
        faults.delay_us + faults.jitter_us + faults.late_us + waits
    }

    fn draw_actions(&mut self, rng: &mut Rng, mode: Mode, long: bool) {
        let count = if rng.one_in(3) { 0 } else { rng.magnitude(10) };
        let longest = if long { 15 * SECOND } else { self.length_us / 2 };
        for _ in 0..count {
            let action = draw_action(rng, self.endpoints.len(), longest);
            // A clock that has reached the largest time stays there, and no deadline can be kept.
            if mode == Mode::Safety || !matches!(action, Action::FarClock { .. }) {
                self.actions.push((rng.below(self.length_us), action));
            }
        }
        self.actions.sort_by_key(|(at, _)| *at);
    }

    fn make_sense_of_mismatch(&mut self) {
        match self.mismatch {
            // The classic wire has no hello that could report it.
            Some(_) if self.classic.contains(&true) => self.mismatch = None,
            Some((_, Mismatch::Key | Mismatch::TagSize)) if !self.keyed => self.mismatch = None,
            _ => {}
        }
    }

    pub(crate) fn classic(&self, one: usize, other: usize) -> bool {
        self.classic[one.min(other) * self.endpoints.len() + one.max(other)]
    }

    /// Whether inputs can ever flow between two ends.
    pub(crate) fn compatible(&self, one: usize, other: usize) -> bool {
        match self.mismatch {
            Some((endpoint, mismatch)) => (one != endpoint && other != endpoint) || mismatch == Mismatch::FrameInterval,
            None => true,
        }
    }

    pub(crate) fn delay_of(&self, from: usize, to: usize) -> u64 {
        self.healed_us[from * self.endpoints.len() + to]
    }

    /// The frame interval of an endpoint.
    pub(crate) fn frame_us_of(&self, endpoint: usize) -> u64 {
        self.frame_us + u64::from(self.mismatch == Some((endpoint, Mismatch::FrameInterval)))
    }

    /// How long an endpoint waits before it resends unacknowledged inputs, or acknowledges without any of its own.
    pub(crate) fn ack_delay_us(&self, endpoint: usize) -> u64 {
        self.frame_us_of(endpoint) * 3 / 2
    }

    /// The true time that `us` microseconds of the slowest clock take.
    pub(crate) fn stretched(us: u64) -> u64 {
        us * 20 / 19 + 2
    }

    /// The ping interval of an endpoint.
    pub(crate) fn ping_us_of(&self, endpoint: usize, classic: bool) -> u64 {
        self.endpoints[endpoint].ping_ms.map_or(if classic { 500 * MS } else { 200 * MS }, |ms| ms * MS)
    }

    /// How long after the healing a run goes on once all endpoints have met.
    pub(crate) fn quiet_us(&self) -> u64 {
        let pairs = (0..self.endpoints.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
        let longest = pairs.map(|(one, other)| self.forgets_after_us(one, other)).max().unwrap_or(0);
        if self.patient && longest < PATIENT_FRAMES * self.frame_us { longest } else { 0 }
    }

    /// How long two endpoints remember what they saw of each other's time on the compact wire (PROTOCOL 3.6): 64 arrivals, and 32
    /// timing blocks, each of which goes with a frame.
    pub(crate) fn forgets_after_us(&self, one: usize, other: usize) -> u64 {
        let frame_us = self.frame_us_of(one).max(self.frame_us_of(other));
        let ping_us = self.ping_us_of(one, false).max(self.ping_us_of(other, false));
        Self::stretched(66 * frame_us + 34 * (ping_us + frame_us))
            + self.delay_of(one, other)
            + self.delay_of(other, one)
    }

    /// The longest ping interval.
    fn longest_ping_us(&self) -> u64 {
        (0..self.endpoints.len()).map(|endpoint| self.ping_us_of(endpoint, false)).max().unwrap_or(0)
    }

    /// Bytes of the tag of a hello or a bye.
    pub(crate) fn control_tag_len(&self) -> usize {
        if self.keyed { 8 } else { 2 }
    }

    /// Bytes of the tag of inputs and checksums.
    pub(crate) fn input_tag_len(&self, endpoint: usize) -> usize {
        let short = self.short_tags != (self.mismatch == Some((endpoint, Mismatch::TagSize)));
        if self.keyed && short { 4 } else { self.control_tag_len() }
    }

    /// Whether a clock ever jumps ahead.
    pub(crate) fn has_jumps(&self) -> bool {
        let jumps = |action: &Action| matches!(action, Action::Step { ahead: true, .. } | Action::FarClock { .. });
        self.actions.iter().any(|(_, action)| jumps(action))
    }

    /// Whether an endpoint ever starts anew, removes a peer or is doubled.
    pub(crate) fn has_restarts(&self) -> bool {
        let restarts = |action: &Action| {
            matches!(
                action,
                Action::Restart { .. }
                    | Action::Rematch
                    | Action::Close { .. }
                    | Action::Remove { .. }
                    | Action::Rejoin { .. }
                    | Action::Second { .. }
            )
        };
        self.actions.iter().any(|(_, action)| restarts(action))
    }

    /// How long after the healing all endpoints have met, whatever happened before: what is under way arrives, a run that
    /// is over falls silent, hellos are answered, the epochs that restarts begin follow one after the other, and the first
    /// datagrams of the last epoch arrive.
    pub(crate) fn settle_us(&self) -> u64 {
        let delay = self.healed_us.iter().max().copied().unwrap_or(0);
        let endpoints = u64::try_from(self.endpoints.len()).expect("a number of ends");
        let under_way_us = (0..self.faults.len()).map(|link| self.under_way_us(link)).max().unwrap_or(0);
        let ping_us = Self::stretched(self.longest_ping_us());
        let silence_us = Self::stretched(500 * MS).max(ping_us * 5 / 2);
        under_way_us + silence_us + 4 * ping_us + (2 * endpoints + 6) * delay + 3 * Self::stretched(self.frame_us)
    }
}

fn draw_endpoint(rng: &mut Rng, frame_us: u64) -> EndpointPlan {
    let skewed = rng.one_in(3);
    EndpointPlan {
        origin: if rng.one_in(3) { rng.magnitude(1 << 60) } else { 0 },
        permille: if skewed { rng.pick(&[950, 990, 999, 1_001, 1_010, 1_050]) } else { 1_000 },
        incarnation: rng.between(1 << 32, u64::MAX),
        ping_ms: rng.one_in(3).then(|| rng.pick(&[20, 50, 100, 333, 1_000, 1_900, 10_000])),
        signalled: rng.one_in(4),
        starts_at: if rng.one_in(3) { rng.magnitude(SECOND) } else { 0 },
        lazy: rng.one_in(4),
        skips: false,
        events_first: rng.one_in(2),
        pushes: !rng.one_in(12),
        lag_us: if rng.one_in(3) { rng.magnitude(500 * MS) } else { 0 },
        jitter_us: if rng.one_in(3) { rng.magnitude(frame_us) } else { 0 },
        input_delay: 0,
    }
}

fn draw_faults(rng: &mut Rng, length_us: u64) -> Faults {
    let mut faults = Faults::default();
    if rng.one_in(2) {
        faults.loss = u32::try_from(rng.below(901)).expect("small");
    }
    if rng.one_in(6) {
        faults.bad_us = rng.magnitude(5 * SECOND);
        faults.good_us = rng.magnitude(3 * SECOND);
    }
    if !rng.one_in(4) {
        faults.delay_us = rng.magnitude((length_us / 4).min(5 * SECOND));
    }
    if rng.one_in(3) {
        faults.jitter_us = rng.magnitude(length_us / 4);
    }
    if rng.one_in(6) {
        faults.hold = rng.pick(&[10, 100, 500]);
        faults.hold_depth = rng.magnitude(5_000);
    }
    let mut sometimes = |odds: u64, most: u64| {
        let drawn = if rng.one_in(odds) { rng.magnitude(most) } else { 0 };
        u32::try_from(drawn).expect("small")
    };
    faults.duplicate = sometimes(4, 500);
    faults.replay = sometimes(3, 500);
    faults.flip = sometimes(5, 500);
    faults.truncate = sometimes(6, 300);
    faults.extend = sometimes(6, 300);
    faults.reflect = sometimes(5, 300);
    faults.misdirect = sometimes(5, 300);
    faults
}

fn draw_mismatch(rng: &mut Rng) -> Mismatch {
    rng.pick(&[
        Mismatch::InputLen,
        Mismatch::Window,
        Mismatch::FirstFrame,
        Mismatch::FrameInterval,
        Mismatch::Player,
        Mismatch::SessionId,
        Mismatch::Key,
        Mismatch::TagSize,
    ])
}

fn draw_action(rng: &mut Rng, endpoints: usize, longest: u64) -> Action {
    let us = rng.magnitude(longest);
    let endpoint = rng.index(endpoints);
    let other = (endpoint + 1 + rng.index(endpoints - 1)) % endpoints;
    match rng.below(28) {
        0..=3 => Action::Outage { from: endpoint, to: other, us },
        4 | 5 => Action::Blackout { us },
        6 | 7 => Action::Step { endpoint, ahead: rng.one_in(2), us: rng.magnitude(86_400 * SECOND) },
        8 => Action::Freeze { endpoint, us },
        9 => Action::Stall { endpoint, us },
        10 => Action::Mute { endpoint, us },
        11 | 12 => Action::Deaf { endpoint, us },
        13..=15 => Action::Epoch { endpoint, by: rng.pick(&[1, 1, 1, 2, 4, 1_000]) },
        16..=18 => Action::Restart { endpoint, gap_us: rng.magnitude(longest), reuse: rng.one_in(12) },
        19 => Action::Rematch,
        20 => Action::CloseTransport { endpoint, peer: other, us },
        21 if endpoints > 2 => Action::Remove { endpoint, peer: other },
        21 | 22 => Action::Close { endpoint, us },
        23 | 24 => Action::Rejoin { endpoint, peer: other },
        25 | 26 => {
            let hellos = u32::try_from(rng.magnitude(12)).expect("few");
            Action::Second { endpoint, peer: other, other: rng.one_in(2), hellos }
        }
        _ => Action::FarClock { endpoint, before_us: rng.magnitude(10 * SECOND) - 1 },
    }
}
