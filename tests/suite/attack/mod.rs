//! One more attack on the finished protocol, by role: docs/SECURITY.md has the table.

mod blind;
mod clock;
mod driver;
mod eight;
mod idle;
mod insider;
mod narrow;
mod order;
mod replay;
mod second;
