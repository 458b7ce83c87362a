//! Checked reading and writing of big-endian numbers; no other file uses byteorder.

use byteorder::{BigEndian, ByteOrder};

/// Reads from the front of a slice; `None` where it is too short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (head, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*head)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(BigEndian::read_u16)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(read_u32)
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn u64(&mut self) -> Option<u64> {
        Some(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    pub(crate) fn array<const COUNT: usize>(&mut self) -> Option<&'a [u8; COUNT]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(head)
    }

    /// The bytes not read yet.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "unaligned bytes are assembled where they are read")]
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn read_u32(bytes: &[u8; 4]) -> u32 {
    BigEndian::read_u32(bytes)
}

/// Writes from the front of a slice. Bytes past its end are only counted, and `finish` returns `None`.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    buf: &'a mut [u8],
    written: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, written: 0 }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        // Two slices in a row show the compiler that both lengths are equal.
        if let Some(place) = self.buf.get_mut(self.written..).and_then(|buf| buf.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
        self.written = self.written.saturating_add(bytes.len());
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn u16(&mut self, value: u16) {
        let mut bytes = [0; 2];
        BigEndian::write_u16(&mut bytes, value);
        self.bytes(&bytes);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn u32(&mut self, value: u32) {
        let mut bytes = [0; 4];
        BigEndian::write_u32(&mut bytes, value);
        self.bytes(&bytes);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn u64(&mut self, value: u64) {
        // In halves, as it is read: swapping eight bytes is long where registers have 32 bits.
        let [high @ .., a, b, c, d] = value.to_be_bytes();
        self.u32(u32::from_be_bytes(high));
        self.u32(u32::from_be_bytes([a, b, c, d]));
    }

    /// The length of what was written, or `None` if it does not fit.
    pub(crate) const fn finish(self) -> Option<usize> {
        if self.written > self.buf.len() { None } else { Some(self.written) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};

    fn written(len: usize) -> (Option<usize>, [u8; 13]) {
        let mut bytes = [0xaa; 13];
        let mut to = Writer::new(&mut bytes[..len]);
        to.u8(1);
        to.u64(0x0203_0405_0607_0809);
        to.u32(0x0a0b_0c0d);
        (to.finish(), bytes)
    }

    #[test]
    fn a_writer_that_runs_out_of_space_returns_none_and_writes_nothing_past_the_end() {
        assert_eq!(written(13), (Some(13), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]));
        for len in 0..13 {
            let (finished, bytes) = written(len);
            assert_eq!(finished, None, "{len}");
            assert!(bytes[len..].iter().all(|byte| *byte == 0xaa), "{len}");
        }
    }

    #[test]
    fn a_reader_returns_what_was_written_and_nothing_past_the_end() {
        let (_, bytes) = written(13);
        let mut from = Reader::new(&bytes);
        assert_eq!((from.u8(), from.u64(), from.u32()), (Some(1), Some(0x0203_0405_0607_0809), Some(0x0a0b_0c0d)));
        assert_eq!((from.u8(), from.u16(), from.u32(), from.u64()), (None, None, None, None));
    }
}
