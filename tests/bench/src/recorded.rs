//! Games of two people, played again from their recorded inputs over the simulator's network, with any of the libraries.
//!
//! Each game follows the pace that its library recommends, as the examples of the libraries do.

pub mod limit;
pub mod others;
pub mod ours;
pub mod path;
pub mod play;
pub mod told;
