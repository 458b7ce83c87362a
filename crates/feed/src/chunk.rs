//! A chunk: consecutive rows of one epoch, which can be decoded with the header and nothing else.
//!
//! ```text
//! +------+-------+-------+------+--------+--------+-- - - - --+-----+
//! | kind | epoch | first | rows | [next] | length |  payload  |CRC32|     kind u8, numbers LEB128, CRC big-endian
//! +------+-------+-------+------+--------+--------+-- - - - --+-----+
//! ```

use core::fmt;
use core::ops::Range;

use inputwire::{Epoch, Frame};

use crate::bytes::Fields;
use crate::check;
use crate::error::RecordError;
use crate::header::{Header, Shape};

/// What follows a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Rows of the same epoch.
    Rows,
    /// An epoch: the chunk is the last one of its own.
    Epoch(Epoch),
    /// Nothing: the feed ends.
    Nothing,
}

/// A chunk, as it stands in the bytes. Its payload is not looked at: [`FeedReader`](crate::FeedReader) decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    pub(crate) epoch: u32,
    pub(crate) first: u32,
    pub(crate) rows: u32,
    pub(crate) follows: Follows,
    pub(crate) payload: &'a [u8],
    pub(crate) check: u32,
}

/// Names a chunk within its feed: equal chunks have equal ids, so it serves as a message id and as a file name.
///
/// ```
/// use inputwire_feed::{Chunk, FeedWriter, Header, Settings};
///
/// let mut writer = FeedWriter::new(Settings::new(7, [0, 1], 1).chunk_rows(1))?;
/// writer.push_row(writer.next_frame(), &[Some(&[1]), Some(&[2])])?;
/// let bytes = writer.poll_chunk().ok_or("a chunk")?;
/// let (chunk, _) = Chunk::parse(&Header::parse(writer.header())?.0, &bytes)?;
/// assert!(chunk.id().to_string().starts_with("0-0-1-")); // epoch, first frame, rows, check
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    epoch: u32,
    first: u32,
    rows: u32,
    check: u32,
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, first, rows, check } = self;
        write!(f, "{epoch}-{first}-{rows}-{check:08x}")
    }
}

impl<'a> Chunk<'a> {
    /// Reads a chunk of a feed from the front of bytes, and returns the bytes that follow it.
    ///
    /// # Errors
    ///
    /// As [`RecordError`] says.
    pub fn parse(header: &Header<'_>, bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        Self::parse_in(&header.shape, bytes)
    }

    pub(crate) fn parse_in(shape: &Shape, bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let mut fields = Fields::new(bytes);
        let kind = fields.byte()?;
        if !(1..=3).contains(&kind) {
            return Err(RecordError::Malformed);
        }
        let (epoch, first, rows) = (fields.number()?, fields.number()?, fields.number()?);
        let follows = match kind {
            1 => Follows::Rows,
            2 => {
                let step = fields.number()?;
                let next = epoch.checked_add(step).filter(|_| step > 0).ok_or(RecordError::Malformed)?;
                Follows::Epoch(Epoch::new(next))
            }
            _ => Follows::Nothing,
        };
        let len = usize::try_from(fields.number()?).map_err(|_| RecordError::Malformed)?;
        let payload = fields.take(len)?;
        let check = check::after(shape.check, fields.read());
        if fields.u32()? != check {
            return Err(RecordError::BadCheck);
        }
        let ends = first.checked_add(rows).is_some();
        let starts = epoch >= shape.first_epoch && first >= shape.first_frame;
        let sized = rows <= shape.max_rows() && if rows == 0 { kind != 1 && payload.is_empty() } else { true };
        if !(ends && starts && sized) {
            return Err(RecordError::Malformed);
        }
        Ok((Self { epoch, first, rows, follows, payload, check }, fields.rest()))
    }

    /// The epoch of its rows.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch::new(self.epoch)
    }

    /// Its frames.
    #[must_use]
    pub fn frames(&self) -> Range<u32> {
        self.first..self.end()
    }

    /// The frame of its first row, or the end of the epoch if it has none.
    #[must_use]
    pub const fn first_frame(&self) -> Frame {
        Frame::new(self.first)
    }

    /// What follows it.
    #[must_use]
    pub const fn follows(&self) -> Follows {
        self.follows
    }

    /// Bytes of its coded rows.
    #[must_use]
    pub const fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> ChunkId {
        let Self { epoch, first, rows, check, .. } = *self;
        ChunkId { epoch, first, rows, check }
    }

    pub(crate) const fn end(&self) -> u32 {
        self.first.saturating_add(self.rows)
    }
}
