//! What goes over a socket: the bytes of one datagram.

use std::fmt::{self, Formatter};

use inputwire::MAX_DATAGRAM_SIZE;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a [`NonBlockingSocket`](crate::NonBlockingSocket) carries.
///
/// It is serialised as a tuple of its bytes, so that binary formats add none. Whatever it is deserialised from becomes a message:
/// the session tells its own from others, and a socket need not expect failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Vec<u8>);

impl Message {
    /// Whatever is longer than the longest datagram is cut; then it is refused like any other that is damaged.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.get(..MAX_DATAGRAM_SIZE).unwrap_or(bytes).to_vec())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(MAX_DATAGRAM_SIZE, Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Message;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a datagram")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Message, A::Error> {
        let mut bytes = Vec::with_capacity(64);
        // A format without lengths ends with an error: there are no more bytes.
        while bytes.len() < MAX_DATAGRAM_SIZE {
            match seq.next_element() {
                Ok(Some(byte)) => bytes.push(byte),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(Message(bytes))
    }
}
