//! One number for what many sessions did: every datagram and every input told, in order and with its time.

#[path = "../../suite/sim/mod.rs"]
mod sim;

use sim::plan::{Mode, Plan};
use sim::rng::mix;

/// The traces of a range of seeds, in both modes, in one number. Zero if a law was broken.
#[unsafe(no_mangle)]
pub extern "C" fn trace(first: u64, count: u64) -> u64 {
    let mut all = mix(first ^ count);
    for seed in first..first + count {
        for mode in [Mode::Safety, Mode::Liveness] {
            let outcome = sim::run(&Plan::draw(seed, mode));
            if outcome.breach.is_some() {
                return 0;
            }
            all = mix(all ^ outcome.trace);
        }
    }
    all
}
