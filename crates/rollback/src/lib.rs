//! Rollback and lockstep for games on [`inputwire`].
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
