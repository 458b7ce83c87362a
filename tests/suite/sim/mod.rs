//! The hostile network: many small worlds, each drawn from one seed, each held against the laws while it runs.
//!
//! A seed gives a [`Plan`]: how many ends, how they are set up, what befalls them and when, and what the network does to
//! their datagrams. A [`World`] runs it in virtual time and stops at the first [`Breach`] of a law.
//!
//! ```text
//! let plan = Plan::draw(seed, Mode::Safety);       // prints as a schedule
//! let outcome = run(&plan);                        // its tally, and the law that was broken, if one was
//! ```
//!
//! [`Network`] alone knows nothing of sessions: a game tests its own code over it, with the same faults. Fuzz targets,
//! benchmarks and demonstrations include this folder by path.
#![allow(dead_code, reason = "each user needs another part of it")]

mod arrive;
pub(crate) mod batch;
pub(crate) mod breach;
pub(crate) mod clock;
mod drain;
pub(crate) mod driven;
pub(crate) mod end;
mod happen;
mod liveness;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod plan;
pub(crate) mod rng;
pub(crate) mod sabotage;
mod show;
pub(crate) mod shrink;
pub(crate) mod tally;
mod world;

use std::panic::AssertUnwindSafe;

use breach::Breach;
use driven::Plain;
use machine::{Build, build};
use plan::Plan;
use tally::Tally;
use world::World;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// A hash of all that was sent and told, in order and with its times.
    pub(crate) trace: u64,
    /// The law that was broken, and when.
    pub(crate) breach: Option<(u64, Breach)>,
}

/// Runs a plan. A panic is a breach of the law that there is none.
pub(crate) fn run(plan: &Plan) -> Outcome {
    run_with(plan, &|spec| build(&Plain, spec))
}

/// Runs a plan with sessions that somebody else makes.
pub(crate) fn run_with(plan: &Plan, build: &Build<'_>) -> Outcome {
    let run = || {
        let mut world = World::new(plan, build);
        let outcome = world.run();
        Outcome { trace: world.trace, breach: outcome.err().map(|breach| (world.now, breach)), tally: world.tally }
    };
    // Nothing of a world outlives it.
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        let breach = Some((0, Breach::of("13 totality", what)));
        Outcome { tally: Tally::default(), trace: 0, breach }
    })
}
