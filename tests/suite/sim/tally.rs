//! What really happened in a run: a simulator that injects nothing proves nothing.

use std::fmt;

macro_rules! kinds {
    ($($name:ident $text:literal)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($name,)*
        }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    Lost "lost" Burst "burst" Outage "outage" Delayed "delayed" Reordered "reordered" Overtaken "overtaken-by-1000"
    Duplicated "duplicated" Replayed "replayed" OldEpoch "old-epoch" OldRun "old-run" OldSession "old-session"
    Flipped "flipped" Truncated "truncated" Extended "extended" Reflected "reflected" Misdirected "misdirected"
    Skew "skew" Step "step" StepBack "step-back" FarClock "far-clock" Freeze "freeze" Stall "stall" Mute "mute" Deaf "deaf"
    Epoch "epoch" Restart "restart" Rematch "rematch" Closed "closed" Removed "removed" Left "left" Mismatch "mismatch"
    Mesh "mesh" Classic "classic" Keyed "keyed" Cut "cut" Full "window-full" Exhausted "frames-exhausted" Healed "healed"
}

/// Counters of one run or of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    kinds: [u64; Kind::ALL.len()],
    pub(crate) seeds: u64,
    /// Runs of ends: each start of a session counts.
    pub(crate) sessions: u64,
    /// Inputs pushed, and inputs told at the other ends.
    pub(crate) pushed: u64,
    pub(crate) told: u64,
    pub(crate) datagrams: u64,
    pub(crate) virtual_us: u64,
    /// Datagrams that no end without a key ought to accept, and those that passed the 16-bit check all the same.
    pub(crate) false_ones: u64,
    pub(crate) false_accepted: u64,
    /// Inputs whose deadline after the network healed was kept.
    pub(crate) demands: u64,
    /// Twins compared, for refusals and for repetitions.
    pub(crate) twins: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            kinds: [0; Kind::ALL.len()],
            seeds: 0,
            sessions: 0,
            pushed: 0,
            told: 0,
            datagrams: 0,
            virtual_us: 0,
            false_ones: 0,
            false_accepted: 0,
            demands: 0,
            twins: 0,
        }
    }
}

impl Tally {
    pub(crate) fn one_seed() -> Self {
        Self { seeds: 1, ..Self::default() }
    }

    pub(crate) fn count(&mut self, kind: Kind) {
        self.kinds[kind as usize] += 1;
    }

    pub(crate) fn of(&self, kind: Kind) -> u64 {
        self.kinds[kind as usize]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.kinds.iter_mut().zip(other.kinds).for_each(|(mine, theirs)| *mine += theirs);
        self.seeds += other.seeds;
        self.sessions += other.sessions;
        self.pushed += other.pushed;
        self.told += other.told;
        self.datagrams += other.datagrams;
        self.virtual_us += other.virtual_us;
        self.false_ones += other.false_ones;
        self.false_accepted += other.false_accepted;
        self.demands += other.demands;
        self.twins += other.twins;
    }

    /// How many false acceptances a 16-bit check may let pass, so rarely exceeded that it is no chance.
    pub(crate) fn false_accepted_limit(&self) -> u64 {
        let expected = self.false_ones / 65_536;
        expected + 6 * (expected + 1).isqrt() + 2
    }
}

/// One line, and one for the faults.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} seeds | {} sessions | {} frames pushed | {} told | {} virtual hours | {} datagrams | {} twins \
             | {} deadlines kept | {} of {} false ones accepted without a key |",
            self.seeds,
            self.sessions,
            self.pushed,
            self.told,
            self.virtual_us / 3_600_000_000,
            self.datagrams,
            self.twins,
            self.demands,
            self.false_accepted,
            self.false_ones,
        )?;
        f.write_str("\n| faults:")?;
        Kind::ALL.iter().try_for_each(|kind| write!(f, " {} {}", kind.name(), self.of(*kind)))?;
        f.write_str(" |")
    }
}
