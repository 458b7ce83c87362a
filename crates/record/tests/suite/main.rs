//! Recordings of games and of the simulator, replayed, damaged, and kept.

mod damage;
mod game;
mod kept;
mod played;
mod simulated;
mod simulator;
