//! The check of a record: CRC-32/ISO-HDLC, as in zip files.

use crc::{CRC_32_ISO_HDLC, Crc};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The check of a header.
pub(crate) fn of(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// The check of a chunk, which covers that of its header.
pub(crate) fn after(header: u32, bytes: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&header.to_be_bytes());
    digest.update(bytes);
    digest.finalize()
}
