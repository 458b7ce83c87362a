//! The last inputs of each player: those pushed here, and those received from a peer.
//!
//! A window is state and bytes apart: the state (`SendWindow`, `RecvWindow`) is the same for every size of input, so links
//! are compiled once; the bytes lie in slots of their own. A view puts both together.

pub(crate) mod recv;
pub(crate) mod ring;
pub(crate) mod send;
