//! The feed: what writers write, what readers make of it in any order, and what sessions give.

mod bytes;
mod corpus;
mod fuzz;
mod orders;
mod reader;
mod session;
mod support;
mod texts;
mod vectors;
mod writer;
