//! The driver over virtual time.

mod classic;
mod corpus;
mod departures;
mod driver;
mod fuzz;
mod game;
mod mesh;
mod pair;
mod planted;
mod rounds;
mod schedules;
mod take_over;
mod world;
