//! The code of the fuzz targets: `run(data)` of a module takes any bytes and panics if a law is broken.
//!
//! The targets in `fuzz/` include this directory, and `corpus.rs` replays their corpus, so that plain `cargo test` does
//! too. Hence it uses only the standard library and the crate itself.

mod bytes;
mod cast;
mod draw;
mod reference;
mod seal;

pub mod calls;
pub mod codec;
pub mod datagram;
pub mod deadlines;
pub mod hello;
pub mod network;
pub mod seeds;
pub mod twin;
pub mod watch;
pub mod word;

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 8] = [
    ("calls", calls::run),
    ("codec", codec::run),
    ("datagram", datagram::run),
    ("deadlines", deadlines::run),
    ("hello", hello::run),
    ("network", network::run),
    ("twin", twin::run),
    ("word", word::run),
];
