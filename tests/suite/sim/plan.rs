//! The schedule of a run: everything that is decided before it starts, drawn from one seed.
//!
//! Only the dice of the network are thrown later, and from the same seed. So a plan can be printed, and parts of it be
//! left out to see whether they matter.

use super::machine::SIZES;
use super::network::Faults;
use super::rng::Rng;
use super::sabotage::Sabotage;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

/// Whether faults ever stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They never do; nothing wrong may happen.
    Safety,
    /// They stop at some moment; from then on all must go right within the stated bounds.
    Liveness,
}

/// Something that happens to an end, or to the network, at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Outage {
        from: usize,
        to: usize,
        us: u64,
    },
    Blackout {
        us: u64,
    },
    /// A clock jumps.
    Step {
        end: usize,
        ahead: bool,
        us: u64,
    },
    /// A clock jumps to within `before_us` of the end of time.
    FarClock {
        end: usize,
        before_us: u64,
    },
    Freeze {
        end: usize,
        us: u64,
    },
    /// An end does nothing at all; its datagrams wait.
    Stall {
        end: usize,
        us: u64,
    },
    /// An end takes no datagrams to send.
    Mute {
        end: usize,
        us: u64,
    },
    /// An end takes no events.
    Deaf {
        end: usize,
        us: u64,
    },
    Epoch {
        end: usize,
        by: u32,
    },
    Restart {
        end: usize,
        gap_us: u64,
    },
    /// Everybody starts anew, in another session.
    Rematch,
    Close {
        end: usize,
        peer: usize,
        us: u64,
    },
    Remove {
        end: usize,
        peer: usize,
    },
    /// An end says goodbye, and is back after a while.
    Leave {
        end: usize,
        us: u64,
    },
}

/// What one end is set up with that the others are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    Input,
    Window,
    FirstFrame,
    FrameInterval,
    Player,
    Session,
    Key,
}

/// How one end runs.
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndPlan {
    /// Its clock: what it shows at first, and local milliseconds in a true second.
    pub(crate) origin: u64,
    pub(crate) permille: u32,
    pub(crate) incarnation: u32,
    /// It is told the incarnations of the others when it starts.
    pub(crate) signalled: bool,
    pub(crate) starts_at: u64,
    /// It polls once a frame only, not when it is woken or a datagram comes.
    pub(crate) lazy: bool,
    pub(crate) events_first: bool,
    /// It pushes inputs.
    pub(crate) pushes: bool,
    /// How late it follows into an epoch, and how much later than it should a frame may be.
    pub(crate) lag_us: u64,
    pub(crate) jitter_us: u64,
}

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) ends: Vec<EndPlan>,
    pub(crate) sizes: (usize, usize),
    /// For each pair of ends, `low * ends + high`.
    pub(crate) classic: Vec<bool>,
    pub(crate) keyed: bool,
    pub(crate) frame_us: u64,
    pub(crate) ping_ms: Option<u64>,
    pub(crate) first_frame: u32,
    pub(crate) first_epoch: u32,
    pub(crate) redundancy: u8,
    pub(crate) early_copies: bool,
    pub(crate) datagram_max: usize,
    /// An input stays for so many frames, and whether it changes as a whole or a little.
    pub(crate) hold: u64,
    pub(crate) wild: bool,
    pub(crate) mismatch: Option<(usize, Mismatch)>,
    /// What end 0 does wrong; nothing, but in tests of the simulator itself.
    pub(crate) sabotage: Option<Sabotage>,
    /// For each direction, `from * ends + to`: its faults, and its delay once it is healed.
    pub(crate) faults: Vec<Faults>,
    pub(crate) healed_us: Vec<u64>,
    pub(crate) actions: Vec<(u64, Action)>,
    /// When faults stop, in the mode in which they do; and when the run ends in the other.
    pub(crate) length_us: u64,
}

impl Plan {
    pub(crate) fn draw(seed: u64, mode: Mode) -> Self {
        let rng = &mut Rng::new(seed);
        let ends = rng.pick(&[2, 2, 2, 2, 2, 3, 4]);
        let frame_us = rng.pick(&[16_667, 16_667, 16_667, 33_333, 8_333, 50_000, 100_000, 4_000]);
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
        let worlds_faults = draw_faults(rng, length_us);
        let each_its_own = rng.one_in(2);
        let faults = (0..ends * ends).map(|_| match (flood, each_its_own) {
            (true, _) => Faults { hold: 300, hold_depth: 5_000, delay_us: 20 * MS, ..Faults::default() },
            (_, true) => draw_faults(rng, length_us),
            _ => worlds_faults,
        });
        let faults = faults.collect();
        let mut plan = Self {
            seed,
            mode,
            ends: (0..ends).map(|_| draw_end(rng, frame_us)).collect(),
            sizes,
            classic: (0..ends * ends).map(|_| all_classic || mixed && rng.one_in(2)).collect(),
            keyed: rng.one_in(2),
            frame_us: if flood { 1_000 } else { frame_us },
            ping_ms: rng.one_in(3).then(|| rng.pick(&[20, 50, 100, 333, 1_000, 1_900])),
            first_frame: if rng.one_in(4) { rng.pick(&[1, 3, 200, 70_000, u32::MAX - 150]) } else { 0 },
            first_epoch: if rng.one_in(8) { rng.pick(&[1, 3, 1_000_000]) } else { 0 },
            redundancy: rng.pick(&[3, 3, 1, 2, 10, 15]),
            early_copies: rng.one_in(6),
            datagram_max: if rng.one_in(6) { rng.pick(&[64, 100, 500]) } else { 1_024 },
            hold: rng.pick(&[1, 1, 3, 10, 60]),
            wild: rng.one_in(2),
            sabotage: None,
            mismatch: rng.one_in(16).then(|| (rng.index(ends), draw_mismatch(rng))),
            faults,
            healed_us: (0..ends * ends).map(|_| rng.magnitude(150 * MS)).collect(),
            actions: Vec::new(),
            length_us: if flood { 9 * SECOND } else { length_us },
        };
        plan.make_sense_of_mismatch();
        plan.draw_actions(rng, mode, long);
        plan
    }

    fn draw_actions(&mut self, rng: &mut Rng, mode: Mode, long: bool) {
        let count = if rng.one_in(3) { 0 } else { rng.magnitude(10) };
        let longest = if long { 15 * SECOND } else { self.length_us / 2 };
        for _ in 0..count {
            let action = draw_action(rng, self.ends.len(), longest);
            // From the end of time no clock comes back, and nobody can keep a deadline.
            if mode == Mode::Safety || !matches!(action, Action::FarClock { .. }) {
                self.actions.push((rng.below(self.length_us), action));
            }
        }
        self.actions.sort_by_key(|(at, _)| *at);
    }

    fn make_sense_of_mismatch(&mut self) {
        match self.mismatch {
            // The classic wire cannot tell.
            Some(_) if self.classic.contains(&true) => self.mismatch = None,
            Some((_, Mismatch::Key)) if !self.keyed => self.mismatch = None,
            // Only hello tells these, so inputs may flow before it where signalling told the incarnation.
            Some((_, Mismatch::FirstFrame | Mismatch::Player)) => {
                self.ends.iter_mut().for_each(|end| end.signalled = false);
            }
            _ => {}
        }
    }

    pub(crate) fn classic(&self, one: usize, other: usize) -> bool {
        self.classic[one.min(other) * self.ends.len() + one.max(other)]
    }

    /// Whether inputs can ever flow between two ends.
    pub(crate) fn compatible(&self, one: usize, other: usize) -> bool {
        match self.mismatch {
            Some((end, mismatch)) => (one != end && other != end) || mismatch == Mismatch::FrameInterval,
            None => true,
        }
    }

    pub(crate) fn delay_of(&self, from: usize, to: usize) -> u64 {
        self.healed_us[from * self.ends.len() + to]
    }

    /// The frame interval that an end was set up with.
    pub(crate) fn frame_us_of(&self, end: usize) -> u64 {
        self.frame_us + u64::from(self.mismatch == Some((end, Mismatch::FrameInterval)))
    }

    /// How long an end waits before it repeats what is not acknowledged, or acknowledges with nothing else to say.
    pub(crate) fn patience_us(&self, end: usize) -> u64 {
        self.frame_us_of(end) * 3 / 2
    }

    /// The true time that `us` microseconds of the slowest clock may take.
    pub(crate) fn stretched(us: u64) -> u64 {
        us * 20 / 19 + 2
    }

    pub(crate) fn ping_us(&self, classic: bool) -> u64 {
        self.ping_ms.map_or(if classic { 500 * MS } else { 200 * MS }, |ms| ms * MS)
    }

    /// How long after the network healed everybody knows everybody, whatever happened before: a hello, the epochs that
    /// restarts begin one after the other, and the first datagrams of the last of them.
    pub(crate) fn settle_us(&self) -> u64 {
        let delay = self.healed_us.iter().max().copied().unwrap_or(0);
        let ends = u64::try_from(self.ends.len()).expect("a number of ends");
        2 * Self::stretched(self.ping_us(false)) + (2 * ends + 2) * delay + 3 * Self::stretched(self.frame_us)
    }
}

fn draw_end(rng: &mut Rng, frame_us: u64) -> EndPlan {
    let skewed = rng.one_in(3);
    EndPlan {
        origin: if rng.one_in(3) { rng.magnitude(1 << 60) } else { 0 },
        permille: if skewed { rng.pick(&[950, 990, 999, 1_001, 1_010, 1_050]) } else { 1_000 },
        incarnation: if rng.one_in(6) { 1_u32 << rng.below(31) } else { 1 },
        signalled: rng.one_in(4),
        starts_at: if rng.one_in(3) { rng.magnitude(SECOND) } else { 0 },
        lazy: rng.one_in(4),
        events_first: rng.one_in(2),
        pushes: !rng.one_in(12),
        lag_us: if rng.one_in(3) { rng.magnitude(500 * MS) } else { 0 },
        jitter_us: if rng.one_in(3) { rng.magnitude(frame_us) } else { 0 },
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
        Mismatch::Input,
        Mismatch::Window,
        Mismatch::FirstFrame,
        Mismatch::FrameInterval,
        Mismatch::Player,
        Mismatch::Session,
        Mismatch::Key,
    ])
}

fn draw_action(rng: &mut Rng, ends: usize, longest: u64) -> Action {
    let us = rng.magnitude(longest);
    let end = rng.index(ends);
    let other = (end + 1 + rng.index(ends - 1)) % ends;
    match rng.below(24) {
        0..=3 => Action::Outage { from: end, to: other, us },
        4 | 5 => Action::Blackout { us },
        6 | 7 => Action::Step { end, ahead: rng.one_in(2), us: rng.magnitude(86_400 * SECOND) },
        8 => Action::Freeze { end, us },
        9 => Action::Stall { end, us },
        10 => Action::Mute { end, us },
        11 | 12 => Action::Deaf { end, us },
        13..=15 => Action::Epoch { end, by: rng.pick(&[1, 1, 1, 2, 4, 1_000]) },
        16..=18 => Action::Restart { end, gap_us: rng.magnitude(longest) },
        19 => Action::Rematch,
        20 => Action::Close { end, peer: other, us },
        21 if ends > 2 => Action::Remove { end, peer: other },
        21 | 22 => Action::Leave { end, us },
        _ => Action::FarClock { end, before_us: rng.magnitude(10 * SECOND) - 1 },
    }
}
