//! A recording of a session: every call with its time and bytes, and everything that came of it.
//!
//! A session is pure: equal calls get equal answers. So a recording is the bug itself, and not a tale about it. A
//! [`Recorder`] stands where the session stood, with the same methods; [`Replay`] plays what it wrote, and names the first
//! call whose answer is another one now.
//!
//! ```
//! use inputwire::{Config, Event, Instant, PeerConfig};
//! use inputwire_record::{Recorder, Replay};
//!
//! let config = Config::builder().session(7).player(0).build()?;
//! let mut session: Recorder<Vec<u8>, 1, 1> = Recorder::new(config, Vec::new());
//! let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
//! session.push_input(Instant::from_micros(5), [42])?;
//! assert_eq!(session.unacked(peer), 1);
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
//! A recording holds the session id, all datagrams and all inputs, but never the key: to replay a session that has one,
//! give it to [`Replay::open`]. `docs/RECORDING.md` describes the format.
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
mod machine;
mod outcome;
mod recorder;
mod replay;
mod setup;
mod tape;

pub use call::Call;
pub use error::{FileError, Stop};
pub use outcome::Outcome;
pub use recorder::Recorder;
pub use replay::{Replay, Step};
pub use setup::Setup;
pub use tape::Tape;
