//! What happened in a run. A simulator that injects no faults proves nothing, so every fault is counted.

use std::fmt;

macro_rules! kinds {
    ($($name:ident $text:literal)*) => {
        /// A kind of fault, or of setup, that a run can have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Kind {
            $($name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in a printed [`Tally`].
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    Queued "queued" Overflowed "overflowed" Lost "lost" Burst "burst" Outage "outage" Delayed "delayed" Reordered "reordered" Overtaken "overtaken-by-1000"
    Duplicated "duplicated" Replayed "replayed" OldEpoch "old-epoch" OldRun "old-run" OldSession "old-session"
    Flipped "flipped" Truncated "truncated" Extended "extended" Reflected "reflected" Misdirected "misdirected"
    Skew "skew" Step "step" StepBack "step-back" FarClock "far-clock" Freeze "freeze" Sleep "sleep" Late "called-late" Stall "stall" Mute "mute" Deaf "deaf"
    Epoch "epoch" Restart "restart" Rematch "rematch" TransportClosed "transport-closed" Removed "removed"
    Rejoined "rejoined" Reused "reused" Second "second-program"
    Closed "closed" Departed "departed" Mismatch "mismatch" Mesh "mesh" Classic "classic" Keyed "keyed" Cut "cut" Full "window-full" Skipped "skipped"
    Exhausted "frames-exhausted" Healed "healed"
}

/// The counters of one run, or of many.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    kinds: [u64; Kind::ALL.len()],
    /// Runs.
    pub seeds: u64,
    /// Starts of sessions.
    pub sessions: u64,
    /// Inputs pushed.
    pub pushed: u64,
    /// Inputs delivered to the other endpoints.
    pub delivered: u64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Virtual time that passed, in microseconds.
    pub virtual_us: u64,
    /// Datagrams without a keyed tag that had to be refused.
    pub forged: u64,
    /// Those of them that were accepted, since 16 bits of tag cannot refuse all.
    pub forged_accepted: u64,
    /// Inputs whose deadline after the healing of the network was kept.
    pub deadlines: u64,
    /// Leads that were compared with what the simulator knows, after the healing of the network.
    pub leads: u64,
    /// Comparisons of a session with its twin, for laws 3 and 4.
    pub twins: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            kinds: [0; Kind::ALL.len()],
            seeds: 0,
            sessions: 0,
            pushed: 0,
            delivered: 0,
            datagrams: 0,
            virtual_us: 0,
            forged: 0,
            forged_accepted: 0,
            deadlines: 0,
            leads: 0,
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

    /// Returns how often something of this kind happened.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.kinds[kind as usize]
    }

    /// Adds the counters of other runs.
    pub fn add(&mut self, other: &Self) {
        self.kinds.iter_mut().zip(other.kinds).for_each(|(sum, more)| *sum += more);
        self.seeds += other.seeds;
        self.sessions += other.sessions;
        self.pushed += other.pushed;
        self.delivered += other.delivered;
        self.datagrams += other.datagrams;
        self.virtual_us += other.virtual_us;
        self.forged += other.forged;
        self.forged_accepted += other.forged_accepted;
        self.deadlines += other.deadlines;
        self.leads += other.leads;
        self.twins += other.twins;
    }

    /// Returns how many forged datagrams a tag of 16 bits may accept: six standard deviations above the mean.
    #[must_use]
    pub fn forged_accepted_limit(&self) -> u64 {
        let expected = self.forged / 65_536;
        expected + 6 * (expected + 1).isqrt() + 2
    }
}

/// Two lines: the counters, and the kinds of faults.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} seeds | {} sessions | {} inputs pushed | {} delivered | {} virtual hours | {} datagrams | {} twins \
             | {} deadlines kept | {} leads | {} of {} forged ones accepted without a key |",
            self.seeds,
            self.sessions,
            self.pushed,
            self.delivered,
            self.virtual_us / 3_600_000_000,
            self.datagrams,
            self.twins,
            self.deadlines,
            self.leads,
            self.forged_accepted,
            self.forged,
        )?;
        f.write_str("\n| faults:")?;
        Kind::ALL.iter().try_for_each(|kind| write!(f, " {} {}", kind.name(), self.of(*kind)))?;
        f.write_str(" |")
    }
}
