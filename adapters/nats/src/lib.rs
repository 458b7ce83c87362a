//! Publishes and watches [feeds](inputwire_feed) over NATS `JetStream`: one stream for each match.
//!
//! - A [`Publisher`] stores the header and the chunks in the stream of its match. Each has its id as the message id, so the chunks of a
//!   second publisher with the same rows vanish.
//! - A [`Watcher`] subscribes to the subject, replays what the stream holds, and then lives on the subscription alone, which
//!   costs the server no state for each watcher. Whenever the connection was lost, it replays what it may have missed.
//!
//! Logs go to `tracing`: connections at `info`, trouble with the broker and refused messages at `warn`, stored chunks and
//! replays at `debug`.
//!
//! `examples/spectate` is a whole program: publishers, watchers, a crowd, and files behind an HTTP server instead of a broker.
#![warn(missing_debug_implementations, unreachable_pub)]

mod connection;
mod error;
mod held;
mod publisher;
mod watcher;

pub use connection::Connection;
pub use error::Error;
pub use held::Held;
pub use publisher::Publisher;
pub use watcher::Watcher;
