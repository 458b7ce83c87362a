//! The blocks of a file: records, and a CRC that covers them and everything before them.
//!
//! ```text
//! 0     2     4            4+n   8+n
//! +-----+-----+-- - - - ---+-----+
//! |  n  | ~n  |  records   | CRC |     u16, u16, n bytes, u32; big-endian
//! +-----+-----+-- - - - ---+-----+
//! ```

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::bytes::Reader;
use crate::error::FileError;

/// The first bytes of a file. The last one is the version of the format.
pub(crate) const MAGIC: [u8; 8] = *b"\x89iwrec\n\x01";

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Computes the CRC of a block from the CRC before it and its bytes.
fn crc(before: u32, head: &[u8], records: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&before.to_be_bytes());
    digest.update(head);
    digest.update(records);
    digest.finalize()
}

/// The CRC that stands before the first block.
pub(crate) fn start() -> u32 {
    CRC.checksum(&MAGIC)
}

/// Writes records as blocks. Returns the bytes, and the CRC of the last block.
pub(crate) fn enclose(chain: u32, records: &[u8]) -> (Vec<u8>, u32) {
    let (mut bytes, mut chain) = (Vec::new(), chain);
    for records in records.chunks(usize::from(u16::MAX)) {
        let len = u16::try_from(records.len()).unwrap_or(u16::MAX);
        let (one, other) = (len.to_be_bytes(), (!len).to_be_bytes());
        let head = [one, other].concat();
        chain = crc(chain, &head, records);
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(records);
        bytes.extend_from_slice(&chain.to_be_bytes());
    }
    (bytes, chain)
}

/// The blocks of a file, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<'a> {
    file: &'a [u8],
    rest: Reader<'a>,
    chain: u32,
}

impl<'a> Blocks<'a> {
    pub(crate) fn open(file: &'a [u8]) -> Result<Self, FileError> {
        let mut rest = Reader::new(file);
        let magic = rest.take(MAGIC.len()).ok_or(FileError::NotARecording)?;
        match (magic.split_last(), MAGIC.split_last()) {
            (Some((version, name)), Some((supported, expected))) if name == expected => {
                if version != supported {
                    return Err(FileError::Version(*version));
                }
            }
            _ => return Err(FileError::NotARecording),
        }
        Ok(Self { file, rest, chain: start() })
    }

    /// Returns how many bytes were read.
    pub(crate) fn position(&self) -> usize {
        self.file.len().saturating_sub(self.rest.rest().len())
    }

    /// Returns the records of the next block, or `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<&'a [u8]>, FileError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (at, mut rest) = (self.position(), self.rest);
        let head = rest.take(4).ok_or(FileError::CutOff { at })?;
        let &[a, b, c, d] = head else { return Err(FileError::Damaged { at }) };
        let (len, inverted) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if len != !inverted || len == 0 {
            return Err(FileError::Damaged { at });
        }
        let records = rest.take(usize::from(len)).ok_or(FileError::CutOff { at })?;
        let found = rest.take(4).ok_or(FileError::CutOff { at })?;
        let expected = crc(self.chain, head, records);
        if found != expected.to_be_bytes() {
            return Err(FileError::Damaged { at });
        }
        (self.rest, self.chain) = (rest, expected);
        Ok(Some(records))
    }
}
