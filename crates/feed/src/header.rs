//! The header: the record with which every feed begins.
//!
//! ```text
//! 0          8   9         17  18  19         23      27      31      33         37        37+2s  39+2s      39+2s+g
//! +----------+---+---------+---+---+----------+-------+-------+-------+----------+-----------+-----+-- - - --+-----+
//! | 89 iwfeed|ver| feed id | s |len| interval | first | first | chunk | checksum | s x player|  g  |  game's |CRC32|
//! |    0a    |   |         |   |   | in us    | epoch | frame | rows  |  every   |           |     |  bytes  |     |
//! +----------+---+---------+---+---+----------+-------+-------+-------+----------+-----------+-----+-- - - --+-----+
//! ```

use core::time::Duration;

use inputwire::{Epoch, Frame};

use crate::bytes::{Fault, Fields};
use crate::check;
use crate::error::{RecordError, SettingsError};

pub(crate) const MAGIC: [u8; 8] = *b"\x89iwfeed\n";
pub(crate) const VERSION: u8 = 1;
/// Seats of a feed at most.
pub const MAX_SEATS: usize = 64;
const MAX_CHUNK_ROWS: u32 = 65_536;
/// Seats times bytes of an input and one, times rows: what decoding a chunk may cost.
const MAX_CELLS: u32 = 1 << 20;

/// The header of a feed, as it stands in the bytes.
///
/// ```
/// use inputwire_feed::{FeedWriter, Header, Settings};
///
/// let writer = FeedWriter::new(Settings::new(7, [0, 1], 1))?;
/// let (header, rest) = Header::parse(writer.header())?;
/// assert_eq!((header.feed_id(), header.players().count(), header.input_len()), (7, 2, 1));
/// assert!(rest.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub(crate) shape: Shape,
    feed_id: u64,
    frame_interval_us: u32,
    players: &'a [u8],
    game: &'a [u8],
}

/// What chunks need to know of their header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) seats: u8,
    pub(crate) input_len: u8,
    pub(crate) first_epoch: u32,
    pub(crate) first_frame: u32,
    pub(crate) chunk_rows: u16,
    pub(crate) checksum_every: u32,
    /// The header's CRC, which the check of every chunk covers.
    pub(crate) check: u32,
}

impl<'a> Header<'a> {
    /// Reads a header from the front of bytes, and returns the bytes that follow it.
    ///
    /// # Errors
    ///
    /// As [`RecordError`] says.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let start = bytes.get(..MAGIC.len().min(bytes.len())).unwrap_or_default();
        if bytes.is_empty() || !MAGIC.starts_with(start) {
            return Err(RecordError::NotAFeed);
        }
        let mut fields = Fields::new(bytes);
        fields.take(MAGIC.len())?;
        let version = fields.byte()?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let feed_id = fields.array().map(u64::from_be_bytes)?;
        let (seats, input_len, frame_interval_us) = (fields.byte()?, fields.byte()?, fields.u32()?);
        let (first_epoch, first_frame) = (fields.u32()?, fields.u32()?);
        let (chunk_rows, checksum_every) = (fields.u16()?, fields.u32()?);
        let players = fields.take(usize::from(seats).saturating_mul(2))?;
        let game_len = fields.u16()?;
        let game = fields.take(usize::from(game_len))?;
        let check = check::of(fields.read());
        if fields.u32()? != check {
            return Err(RecordError::BadCheck);
        }
        let shape = Shape { seats, input_len, first_epoch, first_frame, chunk_rows, checksum_every, check };
        let header = Self { shape, feed_id, frame_interval_us, players, game };
        header.validate().map_err(|_| RecordError::Malformed)?;
        Ok((header, fields.rest()))
    }

    fn validate(&self) -> Result<(), SettingsError> {
        let seats = usize::from(self.shape.seats);
        if !(1..=MAX_SEATS).contains(&seats) {
            return Err(SettingsError::Players(seats));
        }
        if !self.players().is_sorted_by(|one, next| one < next) {
            return Err(SettingsError::PlayerOrder);
        }
        self.shape.validate(self.frame_interval_us)
    }

    /// Which match it is; the session id will do.
    #[must_use]
    pub const fn feed_id(&self) -> u64 {
        self.feed_id
    }

    /// The player numbers, one for each seat, ascending.
    pub fn players(&self) -> impl Iterator<Item = u16> + Clone + use<'a> {
        let (pairs, _) = self.players.as_chunks();
        pairs.iter().map(|pair| u16::from_be_bytes(*pair))
    }

    /// Bytes of an input.
    #[must_use]
    pub fn input_len(&self) -> usize {
        usize::from(self.shape.input_len)
    }

    /// The time between two frames.
    #[must_use]
    pub fn frame_interval(&self) -> Duration {
        Duration::from_micros(u64::from(self.frame_interval_us))
    }

    /// The epoch of the first rows.
    #[must_use]
    pub const fn first_epoch(&self) -> Epoch {
        Epoch::new(self.shape.first_epoch)
    }

    /// The frame with which every epoch begins.
    #[must_use]
    pub const fn first_frame(&self) -> Frame {
        Frame::new(self.shape.first_frame)
    }

    /// The rows of a live chunk.
    #[must_use]
    pub const fn chunk_rows(&self) -> u16 {
        self.shape.chunk_rows
    }

    /// Every how many frames a row may carry a checksum, counted from the first frame of an epoch; 0 for never.
    #[must_use]
    pub const fn checksum_every(&self) -> u32 {
        self.shape.checksum_every
    }

    /// The game's own bytes: its version, the map, the names.
    #[must_use]
    pub const fn game(&self) -> &'a [u8] {
        self.game
    }
}

impl Shape {
    pub(crate) fn validate(&self, frame_interval_us: u32) -> Result<(), SettingsError> {
        if self.input_len == 0 {
            return Err(SettingsError::InputLen);
        }
        if frame_interval_us == 0 {
            return Err(SettingsError::FrameInterval);
        }
        if self.first_frame == u32::MAX {
            return Err(SettingsError::FirstFrame);
        }
        if !(1..=self.max_rows()).contains(&u32::from(self.chunk_rows)) {
            return Err(SettingsError::ChunkRows(self.max_rows().min(u32::from(u16::MAX))));
        }
        Ok(())
    }

    /// The most rows of a chunk.
    pub(crate) fn max_rows(&self) -> u32 {
        let cells = u32::from(self.seats).saturating_mul(u32::from(self.input_len).saturating_add(1));
        MAX_CELLS.checked_div(cells).unwrap_or(0).min(MAX_CHUNK_ROWS)
    }
}

#[cfg(feature = "alloc")]
impl Shape {
    /// Whether the row of a frame may carry a checksum.
    pub(crate) fn is_due(&self, frame: u32) -> bool {
        frame.checked_sub(self.first_frame).is_some_and(|since| since.checked_rem(self.checksum_every) == Some(0))
    }

    /// The first frame from this one on that may carry a checksum.
    pub(crate) fn next_due(&self, frame: u32) -> Option<u32> {
        let since = frame.saturating_sub(self.first_frame);
        let rest = since.checked_rem(self.checksum_every)?;
        let wait = if rest == 0 { 0 } else { self.checksum_every.saturating_sub(rest) };
        self.first_frame.checked_add(since)?.checked_add(wait)
    }
}

impl From<Fault> for RecordError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::CutOff => Self::CutOff,
            Fault::Malformed => Self::Malformed,
        }
    }
}
