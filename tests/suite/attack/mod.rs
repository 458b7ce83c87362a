//! One more attack on the finished protocol, by role: docs/SECURITY.md has the table.

mod clock;
mod insider;
mod replay;
