//! The driver over virtual time.

mod game;
mod schedules;
mod world;
