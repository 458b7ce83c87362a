//! The two wires: bytes to packets and back, and nothing else. No window, no settings, no time.

pub(crate) mod bits;
pub(crate) mod bytes;
pub(crate) mod classic;
pub(crate) mod compact;
#[cfg(test)]
mod tests;
