//! Numbers as bytes: LEB128, seven bits in a byte, the lowest first, in the fewest bytes.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Appends a number.
#[cfg(feature = "alloc")]
pub(crate) fn put(out: &mut Vec<u8>, mut number: u32) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// Why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end within it.
    CutOff,
    /// It is no number of 32 bits in its fewest bytes.
    Malformed,
}

/// Reads fields from the front of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(whole: &'a [u8]) -> Self {
        Self { whole, rest: whole }
    }

    /// What was read so far.
    pub(crate) fn read(&self) -> &'a [u8] {
        let count = self.whole.len().saturating_sub(self.rest.len());
        self.whole.get(..count).unwrap_or(self.whole)
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::CutOff)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Fault::CutOff)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads what [`put`] appends.
    pub(crate) fn number(&mut self) -> Result<u32, Fault> {
        let mut number = 0_u64;
        for shift in (0..35_u32).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let shortest = shift == 0 || byte != 0;
                return u32::try_from(number).ok().filter(|_| shortest).ok_or(Fault::Malformed);
            }
        }
        Err(Fault::Malformed)
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec::Vec;

    use super::{Fault, Fields, put};

    #[test]
    fn every_number_is_read_back_and_has_one_form() {
        for number in [0, 1, 127, 128, 300, 1 << 14, 1 << 28, u32::MAX - 1, u32::MAX] {
            let mut out = Vec::new();
            put(&mut out, number);
            let mut fields = Fields::new(&out);
            assert_eq!(fields.number(), Ok(number));
            assert!(fields.rest().is_empty());
            assert_eq!(Fields::new(&out[..out.len() - 1]).number(), Err(Fault::CutOff));
            let last = out.len() - 1;
            out[last] |= 0x80;
            out.push(0);
            assert_eq!(Fields::new(&out).number(), Err(Fault::Malformed));
        }
        assert_eq!(Fields::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).number(), Err(Fault::Malformed));
    }
}
