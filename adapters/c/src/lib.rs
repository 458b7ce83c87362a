//! The C interface of `inputwire`.
//!
//! The caller owns the memory and lends it: a session is `iw_session_size` bytes anywhere, with a header before it by
//! which null, misaligned, short and foreign memory is told from a session and answered by a status. There is no heap,
//! no thread, no clock and no global state in here, and compiled to WebAssembly it imports nothing.
//!
//! `session.rs` and `view.rs` are the functions; `memory.rs` is what they know of pointers; `machine.rs` makes one of
//! the sessions of all sizes; `status.rs`, `types.rs` and `stats.rs` are what goes in and out.

#![no_std]
#![deny(
    clippy::alloc_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unreachable,
    clippy::unwrap_used
)]

#[cfg(feature = "std")]
extern crate std;

mod machine;
mod memory;
mod session;
mod stats;
mod status;
mod types;
mod view;

#[cfg(not(feature = "std"))]
mod last;

pub use memory::IwSession;
pub use session::*;
pub use stats::*;
pub use status::{IwStatus, iw_status_text};
pub use types::*;
pub use view::*;
