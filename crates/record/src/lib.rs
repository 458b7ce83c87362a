//! Recordings of [`inputwire`] sessions: every call with its time and bytes, and its outcome.
//!
//! A session is deterministic: equal calls have equal outcomes. So a recording reproduces a bug, instead of describing it.
//! A [`Recorder`] takes the place of a session, since both implement [`Endpoint`](inputwire::Endpoint); a [`Replay`] plays
//! the recording, and stops at the first call that has another outcome now.
//!
//! ```
//! use inputwire::{Config, Endpoint, Instant, PeerConfig, PeerRef};
//! use inputwire_record::{Recorder, Replay};
//!
//! // A program draws its incarnation at random, anew at each start.
//! let config = Config::builder().session_id(7).local_player(0).incarnation(0x5eed_0000_0001).build()?;
//! let mut session: Recorder<Vec<u8>, 1, 1> = Recorder::new(config, Vec::new());
//! let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
//! session.push_input(Instant::from_micros(5), [42])?;
//! assert_eq!(session.peer(peer).map(PeerRef::unacked), Some(1));
//! let recording = session.finish()?;
//!
//! let mut replay = Replay::open(&recording, None)?;
//! while let Some(step) = replay.step()? {
//!     println!("{:?} {:?}", step.call, step.outcome);
//! }
//! assert_eq!(replay.next_frame().get(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A recording holds the session id, every datagram and every input, but never a key: to replay a session with keys, pass
//! them to [`Replay::open`], as [`Keys`] if pairs have their own. `docs/RECORDING.md` describes the format.
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

mod block;
mod bytes;
mod call;
mod error;
mod keys;
mod machine;
mod outcome;
mod recorder;
mod records;
mod replay;
mod setup;
mod tape;

pub use call::Call;
pub use error::{FileError, Stop};
pub use keys::Keys;
pub use outcome::Outcome;
pub use recorder::Recorder;
pub use records::Records;
pub use replay::{Replay, Step};
pub use setup::Setup;
pub use tape::Tape;
