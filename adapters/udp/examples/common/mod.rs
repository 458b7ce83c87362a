//! What the examples share: a game whose server gathers inputs, its players, and lines that are worse than the loopback.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod bare;
pub mod crowd;
pub mod game;
pub mod line;
pub mod options;
pub mod player;
pub mod report;
pub mod serve;
pub mod usage;

/// Whatever can go wrong in an example.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;
