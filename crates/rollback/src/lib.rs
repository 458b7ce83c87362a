//! Rollback and lockstep for games on [`inputwire`]: one call a frame, over a session that you drive as before.
//!
//! A game gives a state that can be cloned, and a function that plays one frame of it. [`Rollback`] predicts the inputs that are
//! not here yet, plays again what it predicted wrongly, compares checksums of confirmed frames with every peer, waits for who
//! is too far behind, and answers epochs, restarts, departures and late joiners. With a prediction of 0 it is lockstep. Like the
//! session it has no I/O, no clock, no heap and no panic.
//!
//! ```
//! use inputwire::{Config, Instant, PeerConfig, Session};
//! use inputwire_rollback::{Rollback, Step};
//!
//! let config = Config::builder().local_player(0).incarnation(0x5eed_0000_0001).build()?; // draw it at random
//! let mut driver = Rollback::<u32, _, 1, 1>::new(Session::new(config), 0).with_checksums(10, |state| u64::from(*state));
//! let peer = driver.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
//!
//! // Once a frame, between receiving and sending.
//! let now = Instant::from_micros(16_667);
//! driver.handle_timeout(now);
//! while let Some(event) = driver.poll_event() {
//!     println!("{event:?}"); // what a player should see
//! }
//! let step = driver.step(now, [1], |state, inputs| {
//!     *state += u32::from(inputs.input(0)[0]) + 2 * u32::from(inputs.input(1)[0]);
//! });
//! assert!(matches!(step, Step::Advanced { resimulated: 0, .. }));
//! assert_eq!((driver.state(), driver.confirmed_state()), (&1, None)); // with a prediction of player 1
//! # let _ = peer;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`SyncTest`] finds what makes a game diverge, without a network. The guide of [`inputwire`] has a page for each.
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

mod inputs;
mod rollback;
mod states;
mod sync_test;
mod timeline;
mod track;

pub use inputs::{Inputs, PlayerInput, Status};
pub use rollback::{Rollback, RollbackEvent, RollbackStats, Step};
pub use states::SaveState;
pub use sync_test::{Mismatch, SyncTest};
