//! The two wires: bytes to packets and back, and nothing else.

pub(crate) mod body;
pub(crate) mod check;
pub(crate) mod classic;
pub(crate) mod compact;
pub(crate) mod control;
#[cfg(test)]
mod tests;
