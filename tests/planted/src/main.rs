//! Runs the simulator seed by seed, in both modes, until a law is broken.
//!
//! ```text
//! hunt [SEEDS]        status 0: no law was broken; 1: one was, and it is printed with its seed
//! ```

#[path = "../../suite/sim/mod.rs"]
mod sim;

use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sim::batch::share;
use sim::breach::Breach;
use sim::plan::{Mode, Plan};
use sim::tally::Tally;

const SEEDS: u64 = 10_000;

/// What is known so far.
#[derive(Default)]
struct Hunt {
    first: Option<(u64, Mode, Breach)>,
    tally: Tally,
}

fn main() -> ExitCode {
    let seeds = std::env::args().nth(1).map_or(SEEDS, |text| text.parse().expect("a number of seeds"));
    // A panic is a breach like any other, and is told as one.
    panic::set_hook(Box::new(|_| {}));
    let end = AtomicU64::new(seeds);
    let hunt = Mutex::new(Hunt::default());
    share(0..seeds, |taken| {
        for seed in taken.take_while(|seed| *seed < end.load(Ordering::Relaxed)) {
            for mode in [Mode::Safety, Mode::Liveness] {
                let outcome = sim::run(&Plan::draw(seed, mode));
                let mut hunt = hunt.lock().expect("no thread panics");
                hunt.tally.add(&outcome.tally);
                let Some((_, breach)) = outcome.breach else { continue };
                // Every seed below the lowest that broke a law is still run, so the answer is the same each time.
                end.fetch_min(seed, Ordering::Relaxed);
                if hunt.first.as_ref().is_none_or(|(before, ..)| seed < *before) {
                    hunt.first = Some((seed, mode, breach));
                }
                break;
            }
        }
    });

    let Hunt { first, tally } = hunt.into_inner().expect("no thread panics");
    if let Some((seed, mode, breach)) = first {
        println!("seed {seed} {mode:?}: {breach}");
        return ExitCode::FAILURE;
    }
    let (accepted, limit) = (tally.false_accepted, tally.false_accepted_limit());
    if accepted > limit {
        println!("seeds to {seeds}: check: {accepted} false datagrams passed; chance allows {limit}");
        return ExitCode::FAILURE;
    }
    println!("no law was broken in {seeds} seeds");
    ExitCode::SUCCESS
}
