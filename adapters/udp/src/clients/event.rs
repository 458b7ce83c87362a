//! What a server reports, and why it refuses a datagram.

use std::fmt;
use std::net::SocketAddr;

use inputwire::{ConfigError, DatagramError, Event, HelloError};

/// Identifies a client of a server. No two clients of one server have equal ones, also one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// Something new about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent<const INPUT_LEN: usize> {
    /// A client is here: it has answered the server's own hello.
    Joined {
        /// The new client.
        client: ClientId,
        /// Its player number.
        player: u16,
        /// Its address.
        address: SocketAddr,
    },
    /// Its session reports something.
    Session {
        /// Whose session.
        client: ClientId,
        /// What it reports, except for the first `Connected`.
        event: Event<INPUT_LEN>,
    },
    /// A fresh datagram under the client's key has come from another address; the server sends to that one from now on.
    Moved {
        /// Which client.
        client: ClientId,
        /// The new address.
        address: SocketAddr,
    },
    /// A client is gone, and its session with it.
    Left {
        /// Who it was.
        client: ClientId,
        /// Its player number.
        player: u16,
        /// Why.
        reason: LeaveReason,
    },
}

/// Why a client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeaveReason {
    /// It said goodbye.
    Closed,
    /// Nothing came from it for [`disconnect_after`](inputwire::ConfigBuilder::disconnect_after).
    Silent,
    /// Its program was started anew; the new one joins with its next hello.
    Restarted,
    /// It was silent, and the same player has come back from another address.
    Replaced,
    /// The server closed its session, and it has everything.
    ClosedHere,
    /// The server removed it.
    Removed,
}

impl LeaveReason {
    /// Every reason.
    pub(crate) const ALL: [Self; 6] =
        [Self::Closed, Self::Silent, Self::Restarted, Self::Replaced, Self::ClosedHere, Self::Removed];

    /// A word for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::Restarted => "restarted",
            Self::Replaced => "replaced",
            Self::ClosedHere => "closed_here",
            Self::Removed => "removed",
        }
    }
}

/// Why a server does nothing with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The session of its sender refuses it.
    Session(DatagramError),
    /// It comes from an unknown address, is no hello, and no silent client has sent it.
    Stranger,
    /// Its address has sent too many a second.
    TooMany,
    /// It may come from a client whose address has changed, but too many datagrams were tried in the last moments.
    TriesUsed,
    /// The gate does not let it in.
    Gate,
    /// The gate's settings are invalid.
    Config(ConfigError),
    /// It does not fit the gate's settings.
    Hello(HelloError),
    /// Its player is here, and alive.
    Taken,
    /// There are [`max_clients`](crate::Limits::max_clients), or [`max_unproven`](crate::Limits::max_unproven) that have proven nothing.
    Full,
    /// The server is closing.
    Closing,
}

impl Refusal {
    /// A word for logs and metrics for each kind of refusal.
    pub(crate) const NAMES: [&str; 10] =
        ["session", "stranger", "too_many", "tries_used", "gate", "config", "hello", "taken", "full", "closing"];

    /// Where [`NAMES`](Self::NAMES) has its word.
    pub(crate) const fn index(&self) -> usize {
        match self {
            Self::Session(_) => 0,
            Self::Stranger => 1,
            Self::TooMany => 2,
            Self::TriesUsed => 3,
            Self::Gate => 4,
            Self::Config(_) => 5,
            Self::Hello(_) => 6,
            Self::Taken => 7,
            Self::Full => 8,
            Self::Closing => 9,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(reason) => reason.fmt(f),
            Self::Stranger => f.write_str("neither a hello nor from a client"),
            Self::TooMany => {
                f.write_str("too many datagrams from an unknown address: raise stranger_rate if it is a client's")
            }
            Self::TriesUsed => f.write_str("too many datagrams from unknown addresses: raise tries_per_second"),
            Self::Gate => f.write_str("the gate does not let it in"),
            Self::Config(error) => write!(f, "the gate's settings are invalid: {error}"),
            Self::Hello(error) => error.fmt(f),
            Self::Taken => f.write_str("its player is here and alive: wait until that one is interrupted"),
            Self::Full => f.write_str("full: raise max_clients or max_unproven"),
            Self::Closing => f.write_str("the server is closing"),
        }
    }
}

impl std::error::Error for Refusal {}
