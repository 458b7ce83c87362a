//! The rules of the classic wire (PROTOCOL 2), one by one.

mod epochs;
mod health;
mod pings;
mod receiving;
mod requests;
mod sending;
mod validation;

use inputwire::{ConfigBuilder, DatagramError, PeerConfig, Session};

use crate::support::{PEER, Wire, at, due, endpoint};

/// The session of player 0, whose peer is player 1.
fn classic(settings: ConfigBuilder) -> Session<1, 1> {
    endpoint(settings, PeerConfig::classic(1))
}

fn fresh() -> Session<1, 1> {
    classic(Wire::Classic.settings(0))
}

/// Takes the datagrams of one type that are due at this time.
fn of_type(session: &mut Session<1, 1>, now: u64, kind: u8) -> Vec<Vec<u8>> {
    due(session, now).into_iter().filter(|datagram| datagram[0] == kind).collect()
}

/// The pong that answers a ping.
fn pong(ping: &[u8]) -> Vec<u8> {
    [&[0x03], &ping[1..]].concat()
}

fn hand(session: &mut Session<1, 1>, now: u64, datagram: &[u8]) -> Result<(), DatagramError> {
    session.handle_datagram(at(now), PEER, datagram)
}
