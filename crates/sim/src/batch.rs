//! Many seeds at once, on all cores.
//!
//! Three variables of the environment choose them: `SIM_SEEDS` (how many), `SIM_FIRST` (the first), `SIM_THREADS` (how
//! many at a time).

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::plan::{Mode, Plan};
use super::run;
use super::shrink::{Cut, Finding, shrink};
use super::tally::Tally;

/// How many findings each thread shrinks, which takes many runs.
const FINDINGS: usize = 5;
/// Large sessions are moved when they are made, and without optimisation more than once.
const STACK: usize = 64 << 20;

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// Returns the plan that `SIM_SEED`, `SIM_MODE` and `SIM_WITHOUT` name, as a [`Finding`] prints them. `None` without
/// `SIM_SEED`.
///
/// # Panics
///
/// If a variable cannot be parsed.
#[must_use]
pub fn plan_from_env() -> Option<Plan> {
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

/// The outcome of many runs.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Batch {
    /// The sum over all runs.
    pub tally: Tally,
    /// How many seeds broke a law.
    pub broken: usize,
    /// The first of those, shrunk.
    pub findings: Vec<Finding>,
}

/// Runs `count` seeds, unless the environment says otherwise.
///
/// # Panics
///
/// If a variable of the environment is not a number.
#[must_use]
pub fn run_many(mode: Mode, count: u64) -> Batch {
    let first = from_env("SIM_FIRST", 0);
    let end = first + from_env("SIM_SEEDS", count);
    let batch = Mutex::new(Batch::default());
    share(first..end, |seeds| {
        let mut own = Batch::default();
        for seed in seeds {
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
    });
    batch.into_inner().expect("no thread panics")
}

/// Shares seeds among threads. Each thread takes the next seed whenever it is done with one.
///
/// # Panics
///
/// If `work` panics, or `SIM_THREADS` is not a number.
pub fn share(seeds: Range<u64>, work: impl Fn(&mut dyn Iterator<Item = u64>) + Sync) {
    let next = AtomicU64::new(seeds.start);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end);
    let threads =
        from_env("SIM_THREADS", thread::available_parallelism().map_or(1, |n| n.get().try_into().unwrap_or(1)));
    thread::scope(|scope| {
        for _ in 0..threads {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, || work(&mut std::iter::from_fn(take))).expect("a thread");
        }
    });
}

impl Batch {
    /// Prints every finding and the command that reproduces it.
    ///
    /// # Panics
    ///
    /// If a seed broke a law, or more forged datagrams were accepted than chance allows.
    pub fn expect_no_finding(&self) {
        for finding in &self.findings {
            eprintln!("{finding}");
        }
        assert!(self.broken == 0, "{} seeds broke a law; see the findings above", self.broken);
        let (accepted, limit) = (self.tally.forged_accepted, self.tally.forged_accepted_limit());
        assert!(accepted <= limit, "{accepted} forged datagrams were accepted; chance allows {limit}");
    }
}
