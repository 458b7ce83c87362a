//! The driver over virtual time.

mod driver;
mod game;
mod pair;
mod planted;
mod schedules;
mod world;
