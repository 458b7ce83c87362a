//! The tests of the public API: one binary, a module a subject.

mod laws;
mod layers;
mod sim;
