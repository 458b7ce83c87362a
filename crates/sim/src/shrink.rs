//! Shrinks a plan that breaks a law: leaves out one part after the other, as long as the same law stays broken.

use std::fmt;
use std::str::FromStr;

use super::network::Faults;
use super::plan::{Mode, Plan};
use super::{Outcome, run};

/// A part to leave out of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The n-th action of the plan as it was drawn.
    Action(usize),
    /// A fault of the network, by its index in `FAULTS`.
    Fault(usize),
    /// A habit of the endpoints, or an unusual setting, by its index in `QUIRKS`.
    Quirk(usize),
    /// Everything after this many microseconds.
    Until(u64),
}

type Mend = fn(&mut Faults);
type Tame = fn(&mut Plan);

const FAULTS: [(&str, Mend); 13] = [
    ("loss", |faults| faults.loss = 0),
    ("burst", |faults| faults.bad_us = 0),
    ("delay", |faults| faults.delay_us = 0),
    ("jitter", |faults| faults.jitter_us = 0),
    ("late-by", |faults| faults.late = 0),
    ("hold", |faults| faults.hold = 0),
    ("duplicate", |faults| faults.duplicate = 0),
    ("replay", |faults| faults.replay = 0),
    ("flip", |faults| faults.flip = 0),
    ("truncate", |faults| faults.truncate = 0),
    ("extend", |faults| faults.extend = 0),
    ("reflect", |faults| faults.reflect = 0),
    ("misdirect", |faults| faults.misdirect = 0),
];

const QUIRKS: [(&str, Tame); 19] = [
    ("skew", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.permille = 1_000)),
    ("origin", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.origin = 0)),
    ("skips", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.skips = false)),
    ("lazy", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.lazy = false)),
    ("late", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.starts_at = 0)),
    ("lag", |plan| plan.endpoints.iter_mut().for_each(|endpoint| (endpoint.lag_us, endpoint.jitter_us) = (0, 0))),
    ("signalled", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.signalled = false)),
    ("order", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.events_first = true)),
    ("silent", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.pushes = true)),
    ("mismatch", |plan| plan.mismatch = None),
    ("first-epoch", |plan| plan.first_epoch = 0),
    ("first-frame", |plan| plan.first_frame = 0),
    ("copies", |plan| plan.early_copies = false),
    ("small", |plan| plan.max_datagram_size = 1_024),
    ("ping", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.ping_ms = None)),
    ("narrow", |plan| plan.narrow.fill(None)),
    ("sizes", |plan| plan.sizes = (1, 120)),
    ("input-delay", |plan| plan.endpoints.iter_mut().for_each(|endpoint| endpoint.input_delay = 0)),
    ("patient", |plan| plan.patient = false),
];

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(index) => write!(f, "a{index}"),
            Self::Fault(index) => f.write_str(FAULTS[*index].0),
            Self::Quirk(index) => f.write_str(QUIRKS[*index].0),
            Self::Until(us) => write!(f, "t{us}"),
        }
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = FAULTS.iter().position(|(name, _)| *name == text).map(Self::Fault);
        let quirk = QUIRKS.iter().position(|(name, _)| *name == text).map(Self::Quirk);
        let action = text.strip_prefix('a').and_then(|number| number.parse().ok()).map(Self::Action);
        let until = text.strip_prefix('t').and_then(|number| number.parse().ok()).map(Self::Until);
        fault.or(quirk).or(action).or(until).ok_or_else(|| format!("no such cut: {text}"))
    }
}

impl Plan {
    /// Returns this plan without some parts of it.
    ///
    /// # Panics
    ///
    /// If a cut has an index that [`Cut::from_str`] does not give.
    #[must_use]
    pub fn without(&self, cuts: &[Cut]) -> Self {
        let mut plan = self.clone();
        let mut index = 0;
        plan.actions.retain(|_| {
            index += 1;
            !cuts.contains(&Cut::Action(index - 1))
        });
        for cut in cuts {
            match *cut {
                Cut::Action(_) => {}
                Cut::Fault(index) => plan.faults.iter_mut().for_each(FAULTS[index].1),
                Cut::Quirk(index) => QUIRKS[index].1(&mut plan),
                Cut::Until(us) => plan.length_us = us,
            }
        }
        plan
    }
}

/// A plan that breaks a law, shrunk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What is left of the plan.
    pub plan: Plan,
    /// What was left out.
    pub cuts: Vec<Cut>,
    /// What the shrunk plan does.
    pub outcome: Outcome,
}

/// Shrinks a plan that breaks a law. Returns `None` if it breaks none.
#[must_use]
pub fn shrink(plan: &Plan) -> Option<Finding> {
    let mut outcome = run(plan);
    let (at, breach) = outcome.breach.clone()?;
    let mut cuts = Vec::new();
    let mut tries = vec![Cut::Until(at + 1)];
    tries.extend((0..QUIRKS.len()).map(Cut::Quirk));
    tries.extend((0..FAULTS.len()).map(Cut::Fault));
    tries.extend((0..plan.actions.len()).map(Cut::Action));
    if plan.mode == Mode::Liveness {
        tries.extend((1..8).map(|eighth| Cut::Until(plan.length_us * eighth / 8)));
    }
    for _ in 0..2 {
        for cut in &tries {
            if cuts.contains(cut) {
                continue;
            }
            cuts.push(*cut);
            let smaller = run(&plan.without(&cuts));
            if smaller.breach.as_ref().is_some_and(|(_, other)| other.law == breach.law) {
                outcome = smaller;
            } else {
                cuts.pop();
            }
        }
    }
    Some(Finding { plan: plan.without(&cuts), cuts, outcome })
}

/// The breach, the command that reproduces it, and the plan as a schedule.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((at, breach)) = &self.outcome.breach {
            writeln!(f, "{breach} (after {at} us)")?;
        }
        let cuts: Vec<String> = self.cuts.iter().map(Cut::to_string).collect();
        let mode = if self.plan.mode == Mode::Safety { "safety" } else { "liveness" };
        writeln!(
            f,
            "SIM_SEED={} SIM_MODE={mode} SIM_WITHOUT={} cargo test sim_one -- --ignored",
            self.plan.seed,
            cuts.join(",")
        )?;
        write!(f, "{}", self.plan)
    }
}
