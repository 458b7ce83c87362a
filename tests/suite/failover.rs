//! Two routes to a peer: the rules one by one, and whole games whose direct route dies and comes back.

mod rules;
mod world;
mod worlds;
