//! Prints the traces of so many seeds, one line for a thousand: `determinism [SEEDS [FIRST]]`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use determinism::trace;

/// The seeds of one line.
const STEP: u64 = 1_000;

fn main() {
    let argument = |place, default| std::env::args().nth(place).map_or(default, |text| text.parse().expect("a number"));
    let first: u64 = argument(2, 0);
    let seeds = first + argument(1, 100_000);
    let next = AtomicU64::new(first);
    let lines = Mutex::new(Vec::new());
    let work = || {
        loop {
            let first = next.fetch_add(STEP, Ordering::Relaxed);
            if first >= seeds {
                return;
            }
            let line = (first, trace(first, STEP.min(seeds - first)));
            lines.lock().expect("no thread panics").push(line);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut lines = lines.into_inner().expect("no thread panics");
    lines.sort_unstable();
    lines.iter().for_each(|(first, trace)| println!("{first} {trace:016x}"));
}
