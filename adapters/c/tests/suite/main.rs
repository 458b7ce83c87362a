//! The promises of the C interface, tested through pointers as C would.

#![allow(clippy::cast_possible_truncation, reason = "numbers here are small, or their value does not matter")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "calls lend memory of the test itself; exceptions have a comment"
)]

mod calls;
mod failover;
mod fuzz;
mod hello;
mod hostile;
mod leave;
mod margin;
mod play;
mod support;
