//! Numbers and strings as bytes. Numbers are LEB128: seven bits in a byte, the lowest first.

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// Appends an optional number: 0 for none, else the number plus one.
pub(crate) fn put_option(out: &mut Vec<u8>, number: Option<u32>) {
    put(out, number.map_or(0, |number| u64::from(number).saturating_add(1)));
}

/// Appends the difference of two numbers, which is short if they are close.
pub(crate) fn put_step(out: &mut Vec<u8>, from: u64, to: u64) {
    let forward = to.wrapping_sub(from);
    let folded = if forward >> 63 == 0 { forward << 1 } else { !(forward << 1) };
    put(out, folded);
}

/// Appends bytes, preceded by their count.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

/// Reads what the functions above append. Each method returns `None` if it finds something else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Reads a number that fits a smaller type.
    pub(crate) fn small<N: TryFrom<u64>>(&mut self) -> Option<N> {
        N::try_from(self.number()?).ok()
    }

    #[expect(clippy::option_option, reason = "an absent number differs from one that cannot be read")]
    pub(crate) fn option(&mut self) -> Option<Option<u32>> {
        match self.number()?.checked_sub(1) {
            None => Some(None),
            Some(number) => u32::try_from(number).ok().map(Some),
        }
    }

    /// Reads a number as its difference from another one.
    pub(crate) fn step(&mut self, from: u64) -> Option<u64> {
        let folded = self.number()?;
        let forward = if folded & 1 == 0 { folded >> 1 } else { !(folded >> 1) };
        Some(from.wrapping_add(forward))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.small()?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, put, put_bytes, put_option, put_step};

    const NUMBERS: [u64; 9] = [0, 1, 127, 128, 300, 1 << 35, 1 << 63, u64::MAX - 1, u64::MAX];

    #[test]
    fn everything_that_is_appended_is_read_back() {
        for number in NUMBERS {
            for other in NUMBERS {
                let mut out = Vec::new();
                put(&mut out, number);
                put_step(&mut out, number, other);
                put_option(&mut out, u32::try_from(number).ok());
                put_bytes(&mut out, b"text");
                let mut reader = Reader::new(&out);
                assert_eq!(reader.number(), Some(number));
                assert_eq!(reader.step(number), Some(other));
                assert_eq!(reader.option(), Some(u32::try_from(number).ok()));
                assert_eq!(reader.text(), Some("text"));
                assert!(reader.is_empty());
                assert_eq!(reader.number(), None);
            }
        }
    }

    #[test]
    fn a_number_that_does_not_end_is_none() {
        assert_eq!(Reader::new(&[0xff; 20]).number(), None);
        assert_eq!(Reader::new(&[0x80]).number(), None);
    }
}
