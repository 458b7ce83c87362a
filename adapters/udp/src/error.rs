//! What can go wrong with a socket, a driver or a client.

use std::fmt;
use std::io;

use inputwire::PushError;

/// Why a socket cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum UdpError {
    /// The socket cannot be opened at this address.
    Bind(io::Error),
    /// The system does not let the socket receive. A peer that is gone is no such error.
    Receive(io::Error),
}

impl fmt::Display for UdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => {
                write!(f, "the socket cannot be opened: {error}; is the address one of this machine, and free?")
            }
            Self::Receive(error) => write!(f, "the socket cannot receive: {error}; open another one"),
        }
    }
}

impl std::error::Error for UdpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) | Self::Receive(error) => Some(error),
        }
    }
}

/// Why nothing can be pushed to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientError {
    /// It has left.
    Gone,
    /// Its session refuses the input.
    Push(PushError),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the client has left"),
            Self::Push(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {}
