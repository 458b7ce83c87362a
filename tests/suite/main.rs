//! The tests of the public API: one binary, a module a subject.

mod calls;
mod classic;
mod compact;
mod failover;
mod hostile;
mod laws;
mod layers;
mod promises;
mod regressions;
mod sim;
mod support;
