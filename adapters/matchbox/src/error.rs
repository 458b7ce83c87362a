//! Why a match cannot begin or go on.

use std::fmt;

use inputwire::{AddPeerError, ConfigError, PushError};

/// Why a match cannot begin or go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatchError {
    /// A room has two players or more, and no more than the session has room for.
    Players {
        /// How many were asked for.
        players: u16,
        /// The most that there can be.
        most: usize,
    },
    /// The settings are invalid.
    Config(ConfigError),
    /// A peer cannot be added.
    AddPeer(AddPeerError),
    /// The socket is closed, or has not the channels of [`socket`](crate::socket).
    Closed,
}

impl fmt::Display for MatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Players { players, most } => write!(f, "{players} players: a room has 2 to {most}"),
            Self::Config(error) => write!(f, "the settings are invalid: {error}"),
            Self::AddPeer(error) => write!(f, "a player cannot be added: {error}"),
            Self::Closed => f.write_str(
                "the socket is closed: its message loop has ended, the signalling server cannot be reached, or it was not opened by `socket`",
            ),
        }
    }
}

impl std::error::Error for MatchError {}

/// Why an input is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushInputError {
    /// The room is not full yet.
    NotSeated,
    /// The session refuses it.
    Session(PushError),
}

impl fmt::Display for PushInputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSeated => f.write_str("no place yet: wait for `Happening::Seated`"),
            Self::Session(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PushInputError {}
