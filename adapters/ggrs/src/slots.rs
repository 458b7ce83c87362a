//! Inputs to bytes: one slot a player, so that every end finds them at the same place.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::shape::longest;

/// The longest row of inputs.
pub(crate) const LONGEST_ROW: usize = 255;

/// Where the inputs are in a row.
pub(crate) struct Slots<I> {
    /// The bytes of one input; unused ones are zeros, which cost nothing on the wire.
    len: usize,
    input: PhantomData<fn() -> I>,
}

impl<I: Copy + Default + Serialize + DeserializeOwned> Slots<I> {
    pub(crate) fn new() -> Self {
        let default = bincode::serialized_size(&I::default()).ok().and_then(|len| usize::try_from(len).ok());
        Self { len: longest::<I>().max(default.unwrap_or(0)).max(1), input: PhantomData }
    }

    /// The bytes of an input.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The length of a row of so many inputs with `extra` bytes each; `None` if that is too long.
    pub(crate) fn row_len(&self, inputs: usize, extra: usize) -> Option<usize> {
        self.len.checked_add(extra)?.checked_mul(inputs).filter(|len| *len <= LONGEST_ROW)
    }

    /// Writes an input into its slot. Returns whether it fits.
    pub(crate) fn write(input: &I, slot: &mut [u8]) -> bool {
        slot.fill(0);
        let mut rest = &mut *slot;
        let is_written = bincode::serialize_into(&mut rest, input).is_ok();
        if !is_written {
            slot.fill(0);
        }
        is_written
    }

    /// Reads an input. What nobody can have written is the default, at every end alike.
    pub(crate) fn read(slot: &[u8]) -> I {
        bincode::deserialize(slot).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::Slots;

    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
    enum Move {
        #[default]
        None,
        To(u8, u8),
    }

    #[test]
    fn every_input_fits_its_slot_and_comes_back() {
        let slots = Slots::<(Move, Option<u16>)>::new();
        assert_eq!(slots.len(), 4 + 2 + 3);
        let mut slot = [7; 9];
        for input in [(Move::None, None), (Move::To(1, 2), None), (Move::None, Some(9)), (Move::To(3, 4), Some(5))] {
            assert!(Slots::write(&input, &mut slot));
            assert_eq!(Slots::<(Move, Option<u16>)>::read(&slot), input);
        }
    }

    #[test]
    fn an_input_that_does_not_fit_leaves_zeros() {
        let mut slot = [7; 3];
        assert!(!Slots::write(&u64::MAX, &mut slot));
        assert_eq!(slot, [0; 3]);
    }

    #[test]
    fn bytes_that_are_no_input_are_the_default() {
        assert_eq!(Slots::<Move>::read(&[9, 9, 9, 9, 9, 9]), Move::None);
        assert_eq!(Slots::<Move>::read(&[]), Move::None);
        assert!(!Slots::<bool>::read(&[2]));
    }

    #[test]
    fn rows_that_are_too_long_have_no_length() {
        let slots = Slots::<[u64; 4]>::new();
        assert_eq!([slots.row_len(7, 0), slots.row_len(8, 0), slots.row_len(7, 5)], [Some(224), None, None]);
        assert_eq!(slots.row_len(usize::MAX, 0), None);
    }
}
