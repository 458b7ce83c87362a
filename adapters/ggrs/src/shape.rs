//! How many bytes a value of a type takes at most, found by deserialising the type from nothing.
//!
//! Types without a bound (strings, sequences, maps) cannot be `Copy` unless they hold everything themselves, so they are counted
//! with the size of the whole type.

use std::fmt::{self, Display, Formatter};

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// More walks than that are not made: then a type is taken to be as long as the longest walk so far.
const MOST_WALKS: usize = 10_000;
/// A type that goes on for longer has no place in a datagram.
const LONGEST: usize = 4_096;

/// Returns how many bytes a value takes at most, as `bincode` 1 writes it.
pub(crate) fn longest<T: DeserializeOwned>() -> usize {
    let mut search = Search { walks: 0, longest: 0, walk: walk::<T> };
    let mut choices = Vec::new();
    loop {
        let walk = search.walk(&choices);
        if choices.len() >= walk.forks.len() || search.walks > MOST_WALKS {
            return search.longest;
        }
        choices = search.best(choices);
    }
}

/// The variant of an enum that a walk took.
#[derive(Clone, Copy)]
struct Fork {
    variants: usize,
    start: usize,
    end: usize,
}

/// One way through a type, with one variant of each enum.
struct Walk {
    /// In the order of their beginnings.
    forks: Vec<Fork>,
    len: usize,
    choices: Vec<usize>,
    /// What a value without a bound is counted with.
    unbounded: usize,
}

fn walk<T: DeserializeOwned>(choices: Vec<usize>) -> Walk {
    let mut walk = Walk { forks: Vec::new(), len: 0, choices, unbounded: size_of::<T>().saturating_add(8) };
    // A type may refuse the values of the walk; what was seen of it until then counts.
    let _ = T::deserialize(&mut walk);
    walk
}

/// Finds the longest variant of one enum after the other. What comes after an enum does not depend on its variant.
struct Search {
    walks: usize,
    longest: usize,
    walk: fn(Vec<usize>) -> Walk,
}

impl Search {
    fn walk(&mut self, choices: &[usize]) -> Walk {
        self.walks = self.walks.saturating_add(1);
        let walk = (self.walk)(choices.to_vec());
        self.longest = self.longest.max(walk.len);
        walk
    }

    /// Chooses the next variant, and those of the enums within it.
    fn best(&mut self, choices: Vec<usize>) -> Vec<usize> {
        let at = choices.len();
        let variants = self.walk(&choices).forks.get(at).map_or(0, |fork| fork.variants);
        let (mut best, mut best_len) = (None, 0);
        for variant in 0..variants {
            let mut trial = choices.clone();
            trial.push(variant);
            let len = loop {
                let walk = self.walk(&trial);
                let Some(fork) = walk.forks.get(at) else { break 0 };
                let next = walk.forks.get(trial.len());
                match next {
                    Some(next) if next.start < fork.end && self.walks <= MOST_WALKS => trial = self.best(trial),
                    _ => break fork.end.saturating_sub(fork.start),
                }
            };
            if best.is_none() || len > best_len {
                (best, best_len) = (Some(trial), len);
            }
        }
        best.unwrap_or_else(|| {
            let mut none = choices;
            none.push(0);
            none
        })
    }
}

impl Walk {
    fn pass(&mut self, bytes: usize) -> Result<(), End> {
        self.len = self.len.saturating_add(bytes);
        if self.len > LONGEST {
            return Err(End);
        }
        Ok(())
    }
}

/// The walk ends here.
#[derive(Debug)]
struct End;

impl Display for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the type takes no such value")
    }
}

impl std::error::Error for End {}

impl serde::de::Error for End {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $value:expr, $bytes:literal;)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
            self.pass($bytes)?;
            visitor.$visit($value)
        })*
    };
}

macro_rules! unbounded {
    ($($deserialize:ident $visit:ident $value:expr;)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
            self.pass(self.unbounded)?;
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Walk {
    type Error = End;

    // Not 0: some types refuse it.
    numbers! {
        deserialize_bool visit_bool true, 1;
        deserialize_i8 visit_i8 1, 1;
        deserialize_i16 visit_i16 1, 2;
        deserialize_i32 visit_i32 1, 4;
        deserialize_i64 visit_i64 1, 8;
        deserialize_i128 visit_i128 1, 16;
        deserialize_u8 visit_u8 1, 1;
        deserialize_u16 visit_u16 1, 2;
        deserialize_u32 visit_u32 1, 4;
        deserialize_u64 visit_u64 1, 8;
        deserialize_u128 visit_u128 1, 16;
        deserialize_f32 visit_f32 1.0, 4;
        deserialize_f64 visit_f64 1.0, 8;
        deserialize_char visit_char 'a', 4;
    }

    unbounded! {
        deserialize_str visit_str "";
        deserialize_string visit_str "";
        deserialize_bytes visit_bytes &[];
        deserialize_byte_buf visit_bytes &[];
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, End> {
        Err(End)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, End> {
        Err(End)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, End> {
        Err(End)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.pass(1)?;
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, End> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, End> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.pass(self.unbounded)?;
        visitor.visit_seq(Elements { walk: self, left: 0 })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        self.pass(self.unbounded)?;
        visitor.visit_map(Elements { walk: self, left: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, End> {
        visitor.visit_seq(Elements { walk: self, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, End> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, End> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, End> {
        let at = self.forks.len();
        self.forks.push(Fork { variants: variants.len(), start: self.len, end: usize::MAX });
        let value = self.pass(4).and_then(|()| {
            let variant = self.choices.get(at).copied().unwrap_or(0);
            visitor.visit_enum(Variant { walk: self, variant: u32::try_from(variant).unwrap_or(u32::MAX) })
        });
        let end = self.len;
        if let Some(fork) = self.forks.get_mut(at) {
            fork.end = end;
        }
        value
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Elements<'w> {
    walk: &'w mut Walk,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = End;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, End> {
        match self.left.checked_sub(1) {
            None => Ok(None),
            Some(left) => {
                self.left = left;
                seed.deserialize(&mut *self.walk).map(Some)
            }
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = End;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, _: S) -> Result<Option<S::Value>, End> {
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, _: S) -> Result<S::Value, End> {
        Err(End)
    }
}

struct Variant<'w> {
    walk: &'w mut Walk,
    variant: u32,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = End;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), End> {
        let value = seed.deserialize(IntoDeserializer::<End>::into_deserializer(self.variant))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = End;

    fn unit_variant(self) -> Result<(), End> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, End> {
        seed.deserialize(self.walk)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, End> {
        visitor.visit_seq(Elements { walk: self.walk, left: len })
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, End> {
        visitor.visit_seq(Elements { walk: self.walk, left: fields.len() })
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::longest;

    #[derive(Clone, Copy, Default, Serialize, Deserialize)]
    enum Inner {
        #[default]
        Nothing,
        Small(u8),
        Large {
            x: u64,
            y: Option<u64>,
        },
    }

    #[derive(Clone, Copy, Default, Serialize, Deserialize)]
    enum Outer {
        #[default]
        Nothing,
        One(Inner),
        Two(Inner, Inner),
        Bytes([u8; 30]),
    }

    #[derive(Clone, Copy, Default, Serialize, Deserialize)]
    struct Pad {
        buttons: u16,
        stick: (f32, f32),
        last: Outer,
        first: Option<Outer>,
    }

    #[test]
    fn plain_types_are_as_long_as_they_are_written() {
        assert_eq!([longest::<()>(), longest::<bool>(), longest::<u8>(), longest::<usize>()], [0, 1, 1, 8]);
        assert_eq!([longest::<(u8, u32)>(), longest::<[u16; 5]>(), longest::<Option<f64>>()], [5, 10, 9]);
        assert_eq!([longest::<char>(), longest::<std::num::NonZeroU16>(), longest::<i128>()], [4, 2, 16]);
    }

    #[test]
    fn enums_are_as_long_as_their_longest_variants() {
        let large = Inner::Large { x: 1, y: Some(1) };
        assert_eq!(longest::<Inner>() as u64, bincode::serialized_size(&large).expect("a size"));
        let two = Outer::Two(large, large);
        assert_eq!(longest::<Outer>() as u64, bincode::serialized_size(&two).expect("a size"));
        let pad = Pad { last: two, first: Some(two), ..Pad::default() };
        assert_eq!(longest::<Pad>() as u64, bincode::serialized_size(&pad).expect("a size"));
    }

    #[test]
    fn many_enums_beside_each_other_take_no_time() {
        assert_eq!(longest::<[[Outer; 4]; 4]>(), 16 * longest::<Outer>());
    }

    #[test]
    fn what_has_no_bound_or_no_end_is_found_long_and_not_walked_for_ever() {
        assert!(longest::<String>() > 24);
        assert!(longest::<Vec<u8>>() > 24);
        assert!(longest::<[[u64; 32]; 32]>() > 255);
    }
}
