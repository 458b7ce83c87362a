//! This crate beside its peers: the same inputs, the same deterministic link, the same virtual time.

pub mod clock;
pub mod duel;
pub mod game;
pub mod heap;
pub mod inputs;
pub mod limits;
pub mod network;
pub mod ours;
pub mod peers;
pub mod report;
