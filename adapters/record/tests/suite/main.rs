//! Recordings: written in games and by the simulator, played again, damaged, and kept.

mod damage;
mod game;
mod kept;
mod played;
mod simulated;
mod simulator;
