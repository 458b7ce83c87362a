//! The packed form: the same rows in the fewest chunks.

use alloc::vec::Vec;

use crate::chunk::Follows;
use crate::coder::ChunkEncoder;
use crate::reader::FeedReader;

/// Takes every row that a reader can give, and returns them as a feed of its own: the header, and the longest chunks. The
/// model learns in a chunk, so this is a half or a third of the live chunks. Equal rows give equal bytes.
///
/// ```
/// use inputwire_feed::{FeedReader, FeedWriter, Settings, pack};
///
/// let mut writer = FeedWriter::new(Settings::new(7, [0], 1))?;
/// let mut live = writer.header().to_vec();
/// for frame in 0..600 {
///     writer.push_row(writer.next_frame(), &[Some(&[frame as u8 & 4])])?;
///     live.extend(writer.poll_chunk().unwrap_or_default());
/// }
/// writer.finish();
/// live.extend(writer.poll_chunk().unwrap_or_default());
///
/// let (mut reader, rest) = FeedReader::open_file(&live)?;
/// rest?;
/// let packed = pack(&mut reader);
/// assert!(reader.is_complete() && packed.len() < live.len() / 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn pack(reader: &mut FeedReader) -> Vec<u8> {
    let mut out = reader.header_bytes().to_vec();
    let shape = *reader.shape();
    let (epoch, frame) = reader.position();
    let mut encoder = ChunkEncoder::new(shape, epoch.get(), frame.get());
    while let Some(row) = reader.next_row() {
        let mut buf = row.buf.clone();
        if row.epoch != encoder.epoch() {
            out.extend(encoder.begin_epoch(row.epoch()));
        } else if encoder.rows() == shape.max_rows() {
            out.extend(encoder.finish(Follows::Rows));
        }
        encoder.push(&mut buf);
    }
    let (epoch, _) = reader.position();
    if epoch.get() != encoder.epoch() {
        out.extend(encoder.begin_epoch(epoch));
    }
    if reader.is_complete() {
        out.extend(encoder.finish(Follows::Nothing));
    } else if encoder.rows() > 0 {
        out.extend(encoder.finish(Follows::Rows));
    }
    out
}
