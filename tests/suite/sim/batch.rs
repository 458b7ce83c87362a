//! Many seeds at once, and how they are asked for.
//!
//! `SIM_SEEDS` says how many, `SIM_FIRST` which is the first, `SIM_THREADS` how many run at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::plan::{Mode, Plan};
use super::run;
use super::shrink::{Cut, Finding, shrink};
use super::tally::Tally;

/// How many findings are worth being reduced.
const FINDINGS: usize = 5;

/// A number from the environment.
pub(crate) fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// The one plan that `SIM_SEED`, `SIM_MODE` and `SIM_WITHOUT` name: what a finding prints.
pub(crate) fn plan_from_env() -> Option<Plan> {
    let seed = std::env::var("SIM_SEED").ok()?.parse().expect("SIM_SEED is a number");
    let mode = match std::env::var("SIM_MODE").as_deref() {
        Ok("liveness") => Mode::Liveness,
        _ => Mode::Safety,
    };
    let without = std::env::var("SIM_WITHOUT").unwrap_or_default();
    let cuts = without.split(',').filter(|cut| !cut.is_empty());
    let cuts: Vec<Cut> = cuts.map(|cut| cut.parse().unwrap_or_else(|error| panic!("{error}"))).collect();
    Some(Plan::draw(seed, mode).without(&cuts))
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) tally: Tally,
    pub(crate) broken: usize,
    pub(crate) findings: Vec<Finding>,
}

/// Runs `count` seeds, or what the environment says.
pub(crate) fn run_many(mode: Mode, count: u64) -> Batch {
    let first = from_env("SIM_FIRST", 0);
    let end = first + from_env("SIM_SEEDS", count);
    let next = AtomicU64::new(first);
    let batch = Mutex::new(Batch::default());
    let work = || {
        let mut own = Batch::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let plan = Plan::draw(seed, mode);
            let outcome = run(&plan);
            own.tally.add(&outcome.tally);
            if outcome.breach.is_some() {
                own.broken += 1;
                if own.findings.len() < FINDINGS {
                    own.findings.extend(shrink(&plan));
                }
            }
        }
        let mut batch = batch.lock().expect("no thread panics");
        batch.tally.add(&own.tally);
        batch.broken += own.broken;
        batch.findings.append(&mut own.findings);
    };
    let threads =
        from_env("SIM_THREADS", thread::available_parallelism().map_or(1, |n| n.get().try_into().unwrap_or(1)));
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    batch.into_inner().expect("no thread panics")
}

impl Batch {
    /// Fails with every finding, reduced, and the line that runs it again.
    pub(crate) fn expect_no_finding(&self) {
        for finding in &self.findings {
            eprintln!("{finding}");
        }
        assert!(self.broken == 0, "{} seeds broke a law; see the findings above", self.broken);
        let (accepted, limit) = (self.tally.false_accepted, self.tally.false_accepted_limit());
        assert!(accepted <= limit, "{accepted} false datagrams passed the check; chance allows {limit}");
    }
}
