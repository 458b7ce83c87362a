//! Runs the simulator seed by seed, in both modes and now and then as a bout, until a law is broken.

use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use inputwire_sim::batch::share;
use inputwire_sim::bout::Bout;
use inputwire_sim::breach::Breach;
use inputwire_sim::plan::{Mode, Plan};
use inputwire_sim::run;
use inputwire_sim::tally::Tally;

/// Every so many seeds two games play a bout, too.
const BOUT_EVERY: u64 = 4;

/// The breach of the lowest seed so far, and the sum of all runs.
#[derive(Default)]
struct Hunt {
    first: Option<(u64, &'static str, Breach)>,
    tally: Tally,
}

/// Hunts within this many seeds, and prints what came of it.
pub(crate) fn hunt(seeds: u64) -> ExitCode {
    // A panic is reported as a breach.
    panic::set_hook(Box::new(|_| {}));
    let end = AtomicU64::new(seeds);
    let hunt = Mutex::new(Hunt::default());
    share(0..seeds, |taken| {
        for seed in taken.take_while(|seed| *seed < end.load(Ordering::Relaxed)) {
            for (mode, name) in [(Mode::Safety, "Safety"), (Mode::Liveness, "Liveness")] {
                let outcome = run(&Plan::draw(seed, mode));
                let mut hunt = hunt.lock().expect("no thread panics");
                hunt.tally.add(&outcome.tally);
                let Some((_, breach)) = outcome.breach else { continue };
                // Every seed below the lowest one with a breach is still run, so the result is always the same.
                end.fetch_min(seed, Ordering::Relaxed);
                if hunt.first.as_ref().is_none_or(|(before, ..)| seed < *before) {
                    hunt.first = Some((seed, name, breach));
                }
                break;
            }
            if seed % BOUT_EVERY == 0
                && let Some(breach) = Bout::draw(seed).run()
            {
                let mut hunt = hunt.lock().expect("no thread panics");
                end.fetch_min(seed, Ordering::Relaxed);
                if hunt.first.as_ref().is_none_or(|(before, ..)| seed < *before) {
                    hunt.first = Some((seed, "bout", breach));
                }
            }
        }
    });

    let Hunt { first, tally } = hunt.into_inner().expect("no thread panics");
    if let Some((seed, mode, breach)) = first {
        println!("seed {seed} {mode}: {breach}");
        return ExitCode::FAILURE;
    }
    let (accepted, limit) = (tally.forged_accepted, tally.forged_accepted_limit());
    if accepted > limit {
        println!("seeds to {seeds}: tag: {accepted} forged datagrams were accepted; chance allows {limit}");
        return ExitCode::FAILURE;
    }
    println!("no law was broken in {seeds} seeds");
    ExitCode::SUCCESS
}
