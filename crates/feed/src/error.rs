//! Why something is refused; each text says what to do.

use core::fmt;

use inputwire::{Epoch, Frame};

/// Why bytes are not the record of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// They do not start with the bytes of a feed.
    NotAFeed,
    /// They are a feed of a version that this crate does not support.
    Version(u8),
    /// They end within a record.
    CutOff,
    /// The check does not fit: damaged bytes, or the chunk of another feed.
    BadCheck,
    /// A field has a value that no writer gives it.
    Malformed,
    /// Bytes follow the record where it stands alone.
    TrailingBytes,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFeed => f.write_str("these bytes are not a feed: check the file or the stream"),
            Self::Version(version) => {
                write!(f, "feeds of version {version} are not supported: use a newer inputwire-feed")
            }
            Self::CutOff => {
                f.write_str("the bytes end within a record: fetch the rest, or ignore it if its writer was killed")
            }
            Self::BadCheck => {
                f.write_str("the check of this record does not fit: it is damaged, or of another feed; fetch it again")
            }
            Self::Malformed => {
                f.write_str("the record holds a value that no writer writes: whoever sent it does not follow FEED.md")
            }
            Self::TrailingBytes => f.write_str("bytes follow the record: pass one record at a time"),
        }
    }
}

impl core::error::Error for RecordError {}

/// Why settings are invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// There are no players, or more than 64.
    Players(usize),
    /// The player numbers do not ascend strictly.
    PlayerOrder,
    /// An input has no bytes.
    InputLen,
    /// The frame interval is zero.
    FrameInterval,
    /// The first frame is the reserved 2^32 - 1.
    FirstFrame,
    /// A chunk has no rows, or more than this.
    ChunkRows(u32),
    /// The game's own bytes are more than 65,535.
    Game(usize),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Players(count) => write!(f, "{count} players: a feed has 1 to 64"),
            Self::PlayerOrder => f.write_str("list every player number once, in ascending order"),
            Self::InputLen => f.write_str("an input needs 1 to 255 bytes"),
            Self::FrameInterval => f.write_str("the frame interval must be at least one microsecond"),
            Self::FirstFrame => f.write_str("the last frame number is reserved: start earlier"),
            Self::ChunkRows(most) => write!(f, "a chunk of inputs of this size has 1 to {most} rows"),
            Self::Game(len) => {
                write!(f, "{len} bytes of the game's own: at most 65,535 fit; publish the rest elsewhere")
            }
        }
    }
}

impl core::error::Error for SettingsError {}

/// Why a writer refuses a row, a checksum or an epoch. Nothing changes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// Rows are written in order, and this is not the frame that is next.
    NotNext {
        /// The frame that is.
        next: Frame,
    },
    /// The row has another number of seats.
    Seats {
        /// How many it needs.
        needed: usize,
    },
    /// An input has another size.
    InputLen {
        /// How many bytes it needs.
        needed: usize,
    },
    /// Every frame of the epoch is used.
    NoMoreFrames,
    /// So many rows wait for the checksum of this frame that no more are taken.
    ChecksumMissing {
        /// The frame.
        frame: Frame,
    },
    /// The feed expects no checksum of this frame.
    NotDue {
        /// The next frame with a checksum, if any is to come.
        next: Option<Frame>,
    },
    /// Another checksum was written for this frame.
    ChecksumDiffers {
        /// The one that was written.
        written: u64,
    },
    /// The epoch is not greater than the present one.
    EpochNotNewer,
    /// The feed was finished.
    Finished,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNext { next } => write!(f, "rows are written in order: write frame {next} next"),
            Self::Seats { needed } => {
                write!(f, "a row of this feed has {needed} seats: pass None for an absent player")
            }
            Self::InputLen { needed } => write!(f, "an input of this feed has {needed} bytes"),
            Self::NoMoreFrames => f.write_str("the frame numbers of this epoch are used up: begin another one"),
            Self::ChecksumMissing { frame } => {
                write!(f, "push the checksum of frame {frame} first: the rows after it wait for it")
            }
            Self::NotDue { next: Some(next) } => {
                write!(f, "no checksum is due for this frame: the next is that of frame {next}")
            }
            Self::NotDue { next: None } => f.write_str("no checksum is due: the settings of this feed have none"),
            Self::ChecksumDiffers { written } => {
                write!(f, "the checksum {written:016x} was written for this frame: the local game contradicts itself")
            }
            Self::EpochNotNewer => f.write_str("epochs only grow: begin a later one"),
            Self::Finished => f.write_str("the feed is finished: nothing can be added to it"),
        }
    }
}

impl core::error::Error for WriteError {}

/// Why a reader refuses a record. Nothing changes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertError {
    /// It is not a record of this feed.
    Record(RecordError),
    /// It contradicts a chunk that the reader holds: two publishers disagree.
    Conflict {
        /// The epoch.
        epoch: Epoch,
        /// The first frame whose rows differ.
        frame: Frame,
    },
    /// The header of another feed.
    OtherFeed,
    /// The reader holds as many bytes as it may: take rows, or fetch the missing ones first.
    Full,
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => error.fmt(f),
            Self::Conflict { epoch, frame } => write!(
                f,
                "two publishers disagree about frame {frame} of epoch {epoch}: their games have diverged, or one of them lies"
            ),
            Self::OtherFeed => f.write_str("this is the header of another feed: open a reader of its own for it"),
            Self::Full => f.write_str("too many chunks wait for missing ones: take rows, and fetch what is missing"),
        }
    }
}

impl core::error::Error for InsertError {}

impl From<RecordError> for InsertError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}
