//! A plan as a readable schedule: only what is unusual.

use std::fmt;

use super::network::Faults;
use super::plan::{EndpointPlan, Plan};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, window) = self.sizes;
        writeln!(
            f,
            "{:?}, {} us: {} endpoints, inputs of {size}, a window of {window}, a frame of {} us, {}",
            self.mode,
            self.length_us,
            self.endpoints.len(),
            self.frame_us,
            match (self.keyed, self.short_tags) {
                (true, true) => "a key, short tags",
                (true, false) => "a key",
                (false, _) => "no key",
            },
        )?;
        writeln!(
            f,
            "  first frame {}, epoch {}, redundancy {}, copies {}, at most {} bytes, {} frames held, wild {}, classic {:?}",
            self.first_frame,
            self.first_epoch,
            self.redundancy,
            self.early_copies,
            self.max_datagram_size,
            self.hold,
            self.wild,
            self.classic.iter().filter(|classic| **classic).count(),
        )?;
        if let Some((endpoint, mismatch)) = self.mismatch {
            writeln!(f, "  endpoint {endpoint} differs: {mismatch:?}")?;
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            writeln!(f, "  endpoint {index}: {endpoint}")?;
        }
        for (link, faults) in self.faults.iter().enumerate() {
            let (from, to) = (link / self.endpoints.len(), link % self.endpoints.len());
            if from != to {
                write!(f, "  {from} to {to}:{faults}")?;
                if let Some(narrow) = self.narrow[link] {
                    write!(f, " {narrow:?}")?;
                }
                writeln!(f, "; healed: {} us", self.healed_us[link])?;
            }
        }
        self.actions.iter().try_for_each(|(at, action)| writeln!(f, "  at {at}: {action:?}"))
    }
}

impl fmt::Display for EndpointPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} us, clock {} at {}/1000", self.starts_at, self.origin, self.permille)?;
        write!(f, ", incarnation {}, lag {} us, jitter {} us", self.incarnation, self.lag_us, self.jitter_us)?;
        if let Some(ping_ms) = self.ping_ms {
            write!(f, ", ping {ping_ms} ms")?;
        }
        if self.input_delay > 0 {
            write!(f, ", input delay {}", self.input_delay)?;
        }
        let habits = [
            ("signalled", self.signalled),
            ("lazy", self.lazy),
            ("skips", self.skips),
            ("events first", self.events_first),
            ("never pushes", !self.pushes),
        ];
        habits.iter().filter(|(_, has)| *has).try_for_each(|(habit, _)| write!(f, ", {habit}"))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permille = [
            ("loss", self.loss),
            ("late", self.late),
            ("hold", self.hold),
            ("duplicate", self.duplicate),
            ("replay", self.replay),
            ("flip", self.flip),
            ("truncate", self.truncate),
            ("extend", self.extend),
            ("reflect", self.reflect),
            ("misdirect", self.misdirect),
        ];
        permille.iter().filter(|(_, odds)| *odds > 0).try_for_each(|(name, odds)| write!(f, " {name} {odds}/1000"))?;
        let spans =
            [("delay", self.delay_us), ("late", self.late_us), ("jitter", self.jitter_us), ("bad", self.bad_us)];
        spans.iter().filter(|(_, us)| *us > 0).try_for_each(|(name, us)| write!(f, " {name} {us} us"))
    }
}
