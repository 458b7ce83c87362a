//! The tests of the public API: one binary, a module a subject.

mod around;
mod calls;
mod classic;
mod compact;
mod config;
mod corpus;
mod errors;
mod failover;
#[expect(unreachable_pub, reason = "the fuzz targets are a crate of their own")]
mod fuzz;
mod harvest;
mod hostile;
mod laws;
mod layers;
mod pace;
mod promises;
mod regressions;
mod seeds;
mod sim;
mod support;
mod world;
