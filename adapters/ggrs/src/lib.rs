//! The interface of ggrs 0.13 on [`inputwire`]: a game that uses ggrs, alone or through `bevy_ggrs`, takes the wire of inputwire by
//! one line in its `Cargo.toml`.
//!
//! ```toml
//! [patch.crates-io]
//! ggrs = { path = "../inputwire/adapters/ggrs" }
//! ```
//!
//! All ends of a game must do so, since the wires differ. The README says what changes for players, and what is deliberately
//! different. A new game is better off with the driver itself, `inputwire-rollback`.
#![warn(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod address;
mod api;
mod builder;
mod clock;
mod local;
mod marker;
mod message;
mod p2p;
mod shape;
mod slots;
mod spectator;
mod synctest;
#[cfg(test)]
mod tests;
mod timeline;
mod udp;
mod wire;

pub use api::{
    Config, DesyncDetection, Frame, GameStateAccessor, GameStateCell, GgrsError, GgrsEvent, GgrsRequest,
    InputPredictor, InputStatus, NetworkStats, NonBlockingSocket, PlayerHandle, PlayerType, PredictDefault,
    PredictRepeatLast, SessionState, NULL_FRAME,
};
pub use builder::SessionBuilder;
pub use message::Message;
pub use p2p::P2PSession;
pub use spectator::SpectatorSession;
pub use synctest::SyncTestSession;
pub use udp::UdpNonBlockingSocket;
