//! Arrays as serde tuples: serde itself knows arrays of up to 32 elements only, and none whose length is a parameter.

use core::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{SerializeTuple, Serializer};

pub(crate) fn serialize<S: Serializer, const LEN: usize>(bytes: &[u8; LEN], serializer: S) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(LEN)?;
    for byte in bytes {
        tuple.serialize_element(byte)?;
    }
    tuple.end()
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, const LEN: usize>(deserializer: D) -> Result<[u8; LEN], D::Error> {
    deserializer.deserialize_tuple(LEN, Bytes)
}

struct Bytes<const LEN: usize>;

impl<'de, const LEN: usize> Visitor<'de> for Bytes<LEN> {
    type Value = [u8; LEN];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LEN} bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = [0; LEN];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = seq.next_element()?.ok_or_else(|| Error::invalid_length(at, &self))?;
        }
        Ok(bytes)
    }
}
