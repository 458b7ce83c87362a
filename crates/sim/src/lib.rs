//! A hostile network in virtual time, and the laws that [`inputwire`] sessions keep on it.
//!
//! A seed gives a [`Plan`]: how many endpoints there are, how they are set up, what happens to them and when, and what
//! the network does to their datagrams. [`run`] plays it in virtual time and stops at the first [`Breach`] of a law
//! (`docs/DESIGN.md` lists them). Equal seeds give equal runs, on every machine.
//!
//! ```
//! use inputwire_sim::plan::{Mode, Plan};
//! use inputwire_sim::run;
//!
//! let plan = Plan::draw(7, Mode::Safety);
//! println!("{plan}"); // as a schedule
//! let outcome = run(&plan);
//! assert_eq!(outcome.breach, None);
//! ```
//!
//! | module | |
//! |---|---|
//! | [`network`] | the network alone, which carries bytes of any kind: for the tests of a game |
//! | [`stage`] | programs that play over it in virtual time: your game at each end |
//! | [`bottleneck`] | links with a rate and a queue, foreign traffic and recorded links |
//! | [`duel`], [`inputs`] | two games over that network, and how old each input was when it became known |
//! | [`jam`] | a narrow link that foreign traffic fills for a while, and when a duel over it is well again |
//! | [`rng`] | the generator of random numbers |
//! | [`plan`], [`tally`], [`breach`] | what goes into a run, and what comes out of it |
//! | [`make`] | runs with something else in the place of each session, such as a recorder |
//! | [`batch`], [`shrink`] | many seeds at once, and a smaller plan for each that breaks a law |
//! | [`sabotage`] | sessions that misbehave on purpose, to test the simulator itself |

mod actions;
mod arrive;
pub mod batch;
pub mod bottleneck;
pub mod breach;
mod clock;
mod drain;
pub mod duel;
mod endpoint;
pub mod inputs;
pub mod jam;
mod liveness;
mod machine;
pub mod make;
pub mod network;
pub mod plan;
pub mod rng;
mod runs;
pub mod sabotage;
mod show;
pub mod shrink;
pub mod stage;
pub mod tally;
mod world;

/// The guide's page, whose code is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/simulator.md")]
mod guide {}

use std::panic::AssertUnwindSafe;

use breach::Breach;
use machine::machine_of;
use make::{MakeEndpoint, PlainSession};
use plan::Plan;
use tally::Tally;
use world::World;

pub use endpoint::KEY;

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happened in the run.
    pub tally: Tally,
    /// A hash of every datagram that was sent and every input that was delivered, in order and with their times.
    pub trace: u64,
    /// The law that was broken, and after how many microseconds.
    pub breach: Option<(u64, Breach)>,
}

/// Runs a plan. A panic counts as a breach.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    run_with(plan, &PlainSession)
}

/// Runs a plan with the endpoints that `make` makes.
pub fn run_with(plan: &Plan, make: &impl MakeEndpoint) -> Outcome {
    let build = |spec: &make::Spec| machine_of(make, spec);
    let run = || {
        let mut world = World::new(plan, &build);
        let outcome = world.run();
        Outcome { trace: world.trace, breach: outcome.err().map(|breach| (world.now, breach)), tally: world.tally }
    };
    // The world is dropped in the unwinding, so no broken invariant of it is ever seen.
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        let breach = Some((0, Breach::of("13 totality", what)));
        Outcome { tally: Tally::default(), trace: 0, breach }
    })
}
