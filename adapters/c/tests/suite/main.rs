//! What the C interface promises, called as C calls it: with pointers.

#![allow(clippy::cast_possible_truncation, reason = "numbers here are small, or any will do")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "each call hands over memory of this test; what is more is said")]

mod calls;
mod fuzz;
mod hostile;
mod play;
mod support;
