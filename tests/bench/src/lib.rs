//! inputwire beside ggrs and fortress-rollback: with the same inputs, the same deterministic link and the same virtual
//! time.

pub mod bare;
pub mod clock;
pub mod driver;
pub mod duel;
pub mod game;
pub mod heap;
pub mod inputs;
pub mod jam;
pub mod limits;
pub mod mesh;
pub mod network;
pub mod peers;
pub mod pong;
pub mod recorded;
pub mod report;
