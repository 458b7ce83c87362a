//! What fails between a feed and the broker.

use std::fmt;

use inputwire_feed::{InsertError, RecordError};

/// Why a feed cannot be published or watched.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The broker refuses, or cannot be reached; the text is its own.
    Broker(String),
    /// The name of a match has other characters than letters, digits, `-` and `_`.
    Name(String),
    /// What a publisher is given is no record of a feed.
    Record(RecordError),
    /// A message of the stream contradicts the feed.
    Feed(InsertError),
    /// The subscription has ended: the client was closed.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(text) => write!(f, "the broker: {text}"),
            Self::Name(name) => write!(f, "{name:?} cannot name a match: use letters, digits, - and _"),
            Self::Record(error) => error.fmt(f),
            Self::Feed(error) => error.fmt(f),
            Self::Closed => f.write_str("the subscription has ended: open another watcher"),
        }
    }
}

impl std::error::Error for Error {}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<InsertError> for Error {
    fn from(error: InsertError) -> Self {
        Self::Feed(error)
    }
}

/// Turns what the client reports into an error.
pub(crate) fn broker(error: impl fmt::Display) -> Error {
    Error::Broker(error.to_string())
}
