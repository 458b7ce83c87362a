//! The tests of the public API: one binary, with a module for each subject.

mod around;
mod attack;
mod calls;
mod classic;
mod compact;
mod config;
mod corpus;
mod errors;
#[expect(unreachable_pub, reason = "the fuzz targets are a crate of their own")]
mod fuzz;
mod harvest;
mod hello;
mod hostile;
mod jam;
mod laws;
mod layers;
mod migrating;
mod pace;
mod planted;
mod promises;
mod regressions;
mod seeds;
mod server;
mod skip;
mod support;
mod time;
mod world;
