//! Why a file is not played, or not played on.

use std::fmt;

use inputwire::ConfigError;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// It does not begin as a recording does.
    NotARecording,
    /// It is a recording of a version that is not known here.
    Version(u8),
    /// The block at this place is not what was written.
    Damaged {
        /// Bytes before it.
        at: usize,
    },
    /// The file ends in the middle of a block: whoever wrote it was killed, or it was not copied whole.
    CutOff {
        /// Bytes before the block.
        at: usize,
    },
    /// The record with this number, in an intact block, makes no sense.
    Malformed {
        /// Records before it; 0 is the setup.
        number: u64,
    },
    /// No session of these sizes is compiled in.
    Sizes {
        /// How many peers there can be.
        peers: usize,
        /// Bytes of an input.
        input: usize,
        /// Frames in a window.
        window: usize,
    },
    /// Its settings are none.
    Config(ConfigError),
    /// The session has a key, which a recording never holds: give it.
    KeyMissing,
    /// The session has no key.
    KeyNotNeeded,
}

/// Why a replay ends before its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The file is at fault.
    File(FileError),
    /// What comes of this call is another thing now.
    Differs {
        /// Records before it; 0 is the setup.
        number: u64,
        /// The newest time that the session had been told, in microseconds.
        micros: u64,
        /// The call.
        call: String,
        /// What came of it when it was recorded.
        recorded: String,
        /// What comes of it now.
        replayed: String,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecording => f.write_str("this is no recording of a session"),
            Self::Version(version) => write!(f, "a recording of version {version}, which is not known here"),
            Self::Damaged { at } => write!(f, "the block at byte {at} is damaged: it is not what was written"),
            Self::CutOff { at } => {
                write!(f, "the file ends within the block at byte {at}: its writer was killed, or a copy was cut off")
            }
            Self::Malformed { number } => write!(f, "record {number} makes no sense"),
            Self::Sizes { peers, input, window } => {
                write!(
                    f,
                    "no session for {peers} peers, inputs of {input} bytes and a window of {window} is compiled in"
                )
            }
            Self::Config(error) => write!(f, "the settings are refused: {error}"),
            Self::KeyMissing => f.write_str("the session has a key, which a recording never holds: give it"),
            Self::KeyNotNeeded => f.write_str("the session has no key: give none"),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Differs { number, micros, call, recorded, replayed } => {
                write!(f, "record {number} at {micros} us: {call}\n  recorded: {recorded}\n  replayed: {replayed}")
            }
        }
    }
}

impl std::error::Error for FileError {}
impl std::error::Error for Stop {}

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}
