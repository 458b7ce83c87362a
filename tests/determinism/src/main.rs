//! Prints the traces of the seeds from 0 on, one line for a thousand: `determinism [SEEDS]`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use determinism::trace;

/// The seeds of one line.
const STEP: u64 = 1_000;

fn main() {
    let seeds: u64 = std::env::args().nth(1).map_or(100_000, |text| text.parse().expect("a number of seeds"));
    let next = AtomicU64::new(0);
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
