//! Two routes to a peer: the rules one by one, and whole games whose direct route dies and comes back.

mod attack;
mod rules;
mod world;
mod worlds;

use inputwire::Instant;

/// The frame interval of every session here, in microseconds.
const T: u64 = 16_667;
const MS: u64 = 1_000;
const SECOND: u64 = 1_000_000;

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}
