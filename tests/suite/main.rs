//! The tests of the public API: one binary, a module a subject.

mod around;
mod calls;
mod classic;
mod compact;
mod failover;
mod hostile;
mod laws;
mod layers;
mod pace;
mod promises;
mod regressions;
mod sim;
mod support;
mod world;
