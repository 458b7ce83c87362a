//! The confirmed inputs of a match as a stream of small chunks: for spectators, replays and late joiners of an
//! [`inputwire`] game.
//!
//! A lockstep or rollback game is a function of its inputs. Whoever has the inputs of all players from the start can show the whole
//! match, at the price of the inputs alone. Those who watch are never peers of the players, who would otherwise wait for them.
//!
//! - A [`FeedWriter`] takes one *row* for each frame: the confirmed inputs of all players. It gives *chunks* of about a second.
//!   Equal inputs give equal bytes at every player, so any or all of them publish, and duplicates vanish by the chunk's [id](Chunk::id).
//! - A [`FeedReader`] takes chunks in any order, any number of times, and gives the rows in order. It tells which rows are
//!   missing.
//! - [`pack`] writes the same rows in the fewest bytes, for download: a match of ten minutes of two players with a byte of
//!   buttons each is about 9 KB.
//! - A [`Tap`] takes the rows out of a session.
//!
//! ```
//! use inputwire_feed::{FeedReader, FeedWriter, Settings};
//!
//! // At every player.
//! let mut writer = FeedWriter::new(Settings::new(7, [0, 1], 1).checksum_every(30).game(b"duel 1.4"))?;
//! let mut chunks = Vec::new();
//! for frame in 0..120_u8 {
//!     writer.push_row(writer.next_frame(), &[Some(&[frame & 8]), Some(&[1])])?;
//!     if writer.due_checksum() == Some(inputwire::Frame::new(frame.into())) {
//!         writer.push_checksum(inputwire::Frame::new(frame.into()), 42)?; // the game's hash of its state after this frame
//!     }
//!     chunks.extend(writer.poll_chunk());
//! }
//! writer.finish();
//! chunks.extend(writer.poll_chunk());
//!
//! // At a watcher: the chunks arrive in any order.
//! let mut reader = FeedReader::open(writer.header())?;
//! for chunk in chunks.iter().rev() {
//!     reader.insert(chunk)?;
//! }
//! while let Some(row) = reader.next_row() {
//!     let inputs: Vec<_> = row.inputs().collect(); // simulate the frame with them
//!     if let Some(hash) = row.checksum() {
//!         assert_eq!(hash, 42, "diverged by frame {}: {inputs:?}", row.frame());
//!     }
//! }
//! assert!(reader.is_complete());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The transport is an engine of your choice: a stream of a message broker, or files behind an HTTP server. The bytes are specified in
//! `docs/FEED.md`; a feed carries no authentication of its own, so let only players publish.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod bytes;
mod check;
mod chunk;
mod error;
mod header;

#[cfg(feature = "alloc")]
mod coder;
#[cfg(feature = "alloc")]
mod logistic;
#[cfg(feature = "alloc")]
mod model;
#[cfg(feature = "alloc")]
mod pack;
#[cfg(feature = "alloc")]
mod range;
#[cfg(feature = "alloc")]
mod reader;
#[cfg(feature = "alloc")]
mod row;
#[cfg(feature = "alloc")]
mod settings;
#[cfg(feature = "alloc")]
mod tap;
#[cfg(feature = "alloc")]
mod writer;

pub use chunk::{Chunk, ChunkId, Follows};
pub use error::{InsertError, RecordError, SettingsError, WriteError};
pub use header::{Header, MAX_SEATS};

#[cfg(feature = "alloc")]
pub use {
    pack::pack,
    reader::{FeedReader, Gap, Inserted},
    row::Row,
    settings::Settings,
    tap::{Tap, TapError},
    writer::FeedWriter,
};
