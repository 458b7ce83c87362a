//! Recordings: written in simulated games, played again, damaged, and kept.

mod damage;
mod game;
mod kept;
mod played;
