//! What a game was told: which inputs of the other player reached it, and when.
//!
//! An input counts from the moment at which the game gets it as certain. A rollback loop hands an input to its game only when it plays
//! the frame, or plays it again: never where the prediction was right, and the game has it already. So the games that measure this
//! predict wrongly on purpose, in every frame. That changes nothing that is sent.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::peers::Wrap;

/// The inputs of the other player that reached a game.
#[derive(Clone, Debug)]
pub struct Told<const N: usize> {
    is_on: bool,
    /// By frame: when, and what.
    pub inputs: Vec<Option<(u64, [u8; N])>>,
}

impl<const N: usize> Told<N> {
    /// `is_on`: whether notes are taken at all.
    pub fn new(is_on: bool) -> Self {
        Self { is_on, inputs: Vec::new() }
    }

    /// Takes note of an input, unless the game had it already.
    pub fn note(&mut self, now: u64, frame: u32, input: [u8; N]) {
        if !self.is_on {
            return;
        }
        let frame = frame as usize;
        if self.inputs.len() <= frame {
            self.inputs.resize(frame + 1, None);
        }
        self.inputs[frame].get_or_insert((now, input));
    }
}

/// An input that equals none but its own copies, so that every prediction from an earlier one is wrong. On the wire it is its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh<const N: usize> {
    bytes: [u8; N],
    number: u64,
}

impl<const N: usize> Fresh<N> {
    fn new(bytes: [u8; N]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { bytes, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl<const N: usize> Default for Fresh<N> {
    fn default() -> Self {
        Self::new([0; N])
    }
}

impl<const N: usize> Serialize for Fresh<N>
where
    [u8; N]: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.bytes.serialize(serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Fresh<N>
where
    [u8; N]: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; N]>::deserialize(deserializer).map(Self::new)
    }
}

impl<const N: usize> Wrap<N> for Fresh<N>
where
    [u8; N]: Wrap<N>,
{
    fn wrap(bytes: [u8; N]) -> Self {
        Self::new(bytes)
    }

    fn unwrap(self) -> [u8; N] {
        self.bytes
    }
}

/// Buttons alone.
impl Wrap<2> for [u8; 2] {
    fn wrap(bytes: [u8; 2]) -> Self {
        bytes
    }

    fn unwrap(self) -> [u8; 2] {
        self
    }
}
