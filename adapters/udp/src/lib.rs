//! Real UDP sockets for [`inputwire`], on tokio.
//!
//! - [`Driver`]: one session on one socket, in one task.
//! - [`Server`]: many clients on one socket, with a session for each, admission by hello, changed addresses, and limits. Its state
//!   machine, [`Clients`], works without a socket.
//! - [`Socket`]: what both are made of.
//!
//! Everything is reported to [`tracing`]: clients that come, move and leave at `info`, what a server does about its socket at `debug`, and
//! refused datagrams at `trace`.

mod clients;
mod clock;
mod driver;
mod error;
mod server;
mod socket;

/// The code of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use clients::{ClientId, Clients, Counters, LeaveReason, Limits, Refusal, ServerEvent};
pub use driver::Driver;
pub use error::{ClientError, UdpError};
pub use server::Server;
pub use socket::Socket;
