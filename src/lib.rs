//! **Player inputs over lossy networks, as a state machine; you bring the socket.**
//!
//! In a game between peers, what a player does in a frame must reach every other player within a frame or two, over a
//! network that loses, delays, reorders and repeats. This crate is that part of a rollback or lockstep engine, on its own:
//! it takes inputs, datagrams and the time, and returns datagrams, events and the moment at which it wants to be called.
//!
//! It is pure and synchronous: no I/O, no clock, no heap, no randomness, no unsafe code, no panic; `no_std` without a feature.
//! It is **not** a socket, a rollback engine, a matchmaker or encryption: those are yours.
//!
//! # The whole loop
//!
//! Both endpoints of a game, in one process. Every third datagram is lost, and every input arrives all the same: a datagram
//! carries all inputs that the peer has not acknowledged, so whichever one survives brings everything.
//!
//! ```
//! use std::time::Duration;
//! use inputwire::{Config, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
//!
//! /// One of two players: one peer, inputs of one byte.
//! fn start(player: u16) -> Result<Session<1, 1>, Box<dyn std::error::Error>> {
//!     // A program draws its incarnation at random, anew at each start.
//!     let config = Config::builder().session_id(0x1bad_cafe).local_player(player).incarnation(0x5eed_0000_0001);
//!     let mut session = Session::new(config.build()?);
//!     session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player))?;
//!     Ok(session)
//! }
//!
//! let mut players = [start(0)?, start(1)?];
//! let mut buf = [0; MAX_DATAGRAM_SIZE];
//! let (mut now, mut datagrams, mut delivered) = (Instant::ORIGIN, 0, [0, 0]);
//! for frame in 0..60_u8 {
//!     for player in [0, 1] {
//!         // What the application does, and what the world does.
//!         players[player].push_input(now, [frame])?;
//!         players[player].handle_timeout(now);
//!         // What is new: events first, so that inputs which are taken are acknowledged in the datagrams that follow.
//!         while let Some(event) = players[player].poll_event() {
//!             if let Event::Input { frame, input, .. } = event {
//!                 assert_eq!((frame, input), (Frame::new(delivered[player]), [delivered[player] as u8]));
//!                 delivered[player] += 1;
//!             }
//!         }
//!         while let Some(transmit) = players[player].poll_transmit(&mut buf) {
//!             datagrams += 1;
//!             let other = &mut players[1 - player];
//!             let peer = other.peers().next().expect("it was added");
//!             if datagrams % 3 != 0 {
//!                 let _ = other.handle_datagram(now, peer, transmit.datagram); // a refusal is for the log
//!             }
//!         }
//!     }
//!     // A program sleeps until `poll_timeout` or its next frame, whichever is sooner, or until a datagram arrives.
//!     now = now.saturating_add(Duration::from_micros(16_667));
//! }
//! assert!(delivered.iter().all(|inputs| *inputs >= 57)); // of 60: the latest may still be under way
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read on
//!
//! | | |
//! |---|---|
//! | [`Session`] | the machine: its four kinds of methods, and the order in which to call them |
//! | [`Event`], [`PeerEvent`] | what it reports |
//! | [`Config`], [`PeerConfig`] | its settings |
//! | [`PeerRef`], [`PeerStats`], [`Pace`] | what it knows about a peer |
//! | [`Endpoint`] | what may stand in its place: a recorder, a simulator |
//! | [`guide`] | one page for each world: threads, tokio, browser, rollback, lockstep, leaving, servers, microcontrollers |
//! | [`guide::protocol`] | both wires, byte by byte |
//! | [`guide::design`] | how the crate is built, and why |
//!
//! # Features
//!
//! Off by default, and `no_std` too:
//!
//! | | |
//! |---|---|
//! | `defmt` | settings, events, statistics and errors in the logs of microcontrollers; never a key |
//! | `serde` | [settings](guide::settings#settings-from-a-file), events and statistics in any of serde's formats; never a key |
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::alloc_instead_of_core,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::string_slice,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

// The layers: a module uses only modules of the groups above its own, and a test reads the sources to see that. Where an
// attribute keeps a function out of line on 32 bits, a call is shorter there than the arithmetic in it.

mod cache;
mod cursor;
mod ids;
mod num;
mod once;
#[cfg(feature = "serde")]
mod tuple;

mod checksum;
mod error;
mod time;

mod timer;
mod wire;

mod config;

mod estimate;
mod window;

mod event;
mod stats;

mod departure;
mod former;

mod local;

mod remote;

mod link;

mod peer;

mod mesh;

mod session;

mod endpoint;
mod hello;
#[cfg(feature = "defmt")]
mod log;
#[cfg(feature = "serde")]
mod serialize;

#[cfg(any(doc, doctest))]
pub mod guide;

/// The code of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use config::{Config, ConfigBuilder, MAX_DATAGRAM_SIZE, PeerConfig};
pub use departure::Departure;
pub use endpoint::Endpoint;
pub use error::{AddPeerError, ChecksumError, ConfigError, DatagramError, EpochError, PushError};
pub use estimate::liveness::Health;
pub use estimate::rtt::RttStats;
pub use estimate::time_sync::Pace;
pub use event::{Event, Field, PeerEvent};
pub use hello::{Hello, HelloError};
pub use ids::{Epoch, Frame, PeerId};
pub use session::{PeerRef, Session, Transmit};
pub use stats::{PeerStats, Refused, StatsDelta, Totals};
pub use time::Instant;
pub use timer::Timer;
