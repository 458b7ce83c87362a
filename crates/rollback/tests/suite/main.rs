//! The driver over virtual time.

mod classic;
mod corpus;
mod departures;
mod driver;
mod fuzz;
mod game;
mod pair;
mod planted;
mod schedules;
mod world;
