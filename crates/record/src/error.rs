//! Why a file cannot be replayed, or a replay stops.

use std::fmt;

use inputwire::ConfigError;

/// Why a file cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// It does not start with the bytes of a recording.
    NotARecording,
    /// It is a recording of a version that this crate does not support.
    Version(u8),
    /// A block is not as it was written.
    Damaged {
        /// The offset of the block.
        at: usize,
    },
    /// The file ends within a block: its writer was killed, or a copy was cut off.
    CutOff {
        /// The offset of the block.
        at: usize,
    },
    /// A record cannot be parsed, although its block is intact.
    Malformed {
        /// The number of the record; 0 is the setup.
        number: u64,
    },
    /// No session of these sizes is compiled in.
    Sizes {
        /// The most peers.
        peers: usize,
        /// Bytes of an input.
        input: usize,
        /// Frames in a window.
        window: usize,
    },
    /// Its settings are invalid.
    Config(ConfigError),
    /// The session has a key, which no recording holds, and none was given.
    KeyMissing,
    /// A key was given, but the session has none.
    KeyNotNeeded,
    /// A peer has a key for its pair, which no recording holds, and none was given for its player.
    PeerKeyMissing {
        /// The player number of the peer.
        player: u16,
    },
}

/// Why a replay stops before the end of its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The file cannot be replayed any further.
    File(FileError),
    /// A call has another outcome than when it was recorded.
    Differs {
        /// The number of the record; 0 is the setup.
        number: u64,
        /// The time of the last call that had one, in microseconds.
        micros: u64,
        /// The call.
        call: String,
        /// Its outcome when it was recorded.
        recorded: String,
        /// Its outcome now.
        replayed: String,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecording => f.write_str("this is not a recording of a session"),
            Self::Version(version) => write!(f, "recordings of version {version} are not supported"),
            Self::Damaged { at } => write!(f, "the block at byte {at} is damaged"),
            Self::CutOff { at } => {
                write!(f, "the file ends within the block at byte {at}: its writer was killed, or a copy was cut off")
            }
            Self::Malformed { number } => write!(f, "record {number} is malformed"),
            Self::Sizes { peers, input, window } => {
                write!(
                    f,
                    "no session for {peers} peers, inputs of {input} bytes and a window of {window} frames is compiled in"
                )
            }
            Self::Config(error) => write!(f, "the settings are invalid: {error}"),
            Self::KeyMissing => f.write_str("the session has a key, which the recording does not hold: pass it"),
            Self::KeyNotNeeded => f.write_str("the session has no key: pass none"),
            Self::PeerKeyMissing { player } => {
                write!(f, "the pair with player {player} has a key, which the recording does not hold: pass it")
            }
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
