//! The C interface of `inputwire`.
//!
//! The caller owns all memory and lends it for the length of a call. A session is `iw_session_size` bytes that begin
//! with a header; a pointer to anything else (null, misaligned, too short, or without that header) gets an error status.
//! There is no heap, no thread, no clock and no global state here, and the WebAssembly build imports nothing.
//!
//! | module | |
//! |---|---|
//! | `session` | the functions that change a session |
//! | `getters` | the functions that only read one |
//! | `hello` | whose hello a datagram is |
//! | `failover` | two routes to a peer |
//! | `memory` | everything that touches a pointer |
//! | `any_session` | sessions of every size behind one trait |
//! | `status`, `types`, `stats` | the values that cross the border |

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

mod any_session;
mod failover;
mod getters;
mod hello;
mod memory;
mod session;
mod stats;
mod status;
mod types;

#[cfg(not(feature = "std"))]
mod panic;

pub use failover::*;
pub use getters::*;
pub use hello::*;
pub use memory::IwSession;
pub use session::*;
pub use stats::*;
pub use status::{IwStatus, iw_status_text};
pub use types::*;
