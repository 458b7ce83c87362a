//! The network: a UDP socket that hears one peer, directly or by a relay, and loses some of what it sends on purpose.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::time::{Duration, Instant};

use inputwire::Route;

use crate::options::Options;
use crate::random::Random;

pub(crate) struct Socket {
    udp: UdpSocket,
    peer: SocketAddr,
    relay: Option<SocketAddr>,
    /// In this time the direct route is dead.
    cut: Range<Instant>,
    loss_percent: f64,
    random: Random,
    /// Room for anything that UDP can bring, so that nothing is cut to a size at which it would look right.
    buffer: Vec<u8>,
    /// Datagrams lost on purpose.
    pub(crate) dropped: u64,
    /// Datagrams sent by the relay, as a copy of what went directly.
    pub(crate) relayed: u64,
    /// Datagrams that the system did not take.
    pub(crate) unsent: u64,
    /// Datagrams from anybody but the peer.
    pub(crate) strangers: u64,
}

impl Socket {
    pub(crate) fn bind(options: &Options) -> Result<Self, String> {
        let listen = options.listen;
        let udp = UdpSocket::bind(listen).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => {
                format!("{listen} is in use: is a peer running there already? Try another --listen.")
            }
            ErrorKind::AddrNotAvailable => {
                format!("{listen} is no address of this machine: try --listen 0.0.0.0:PORT.")
            }
            _ => format!("cannot listen on {listen}: {error}"),
        })?;
        let now = Instant::now();
        Ok(Self {
            udp,
            peer: options.peer,
            relay: options.relay,
            cut: now + options.cut.start..now + options.cut.end,
            loss_percent: options.loss_percent,
            random: Random::new(options.seed),
            buffer: vec![0; 1 << 16],
            dropped: 0,
            relayed: 0,
            unsent: 0,
            strangers: 0,
        })
    }

    /// Sends a datagram. One that cannot be sent is one that got lost: the session will make up for it.
    pub(crate) fn send(&mut self, route: Route, datagram: &[u8]) {
        let to = match route {
            Route::Direct => self.peer,
            Route::Relay => {
                let Some(relay) = self.relay else { return };
                self.relayed += 1;
                relay
            }
        };
        let cut = route == Route::Direct && self.cut.contains(&Instant::now());
        if cut || self.random.chance(self.loss_percent) {
            self.dropped += 1;
        } else if self.udp.send_to(datagram, to).is_err() {
            self.unsent += 1;
        }
    }

    /// Tells the relay, and what stands before it, that we are still here.
    pub(crate) fn keep_relay(&self) {
        if let Some(relay) = self.relay {
            let _ = self.udp.send_to(&[], relay);
        }
    }

    /// Waits for a datagram from the peer, at most for `limit`. `None`: none came.
    pub(crate) fn receive(&mut self, limit: Duration) -> io::Result<Option<(Route, &[u8])>> {
        // A limit of zero would mean to wait forever. The system rounds up by some milliseconds, which hurts nobody.
        self.udp.set_read_timeout(Some(limit.max(Duration::from_micros(1))))?;
        let (len, route) = match self.udp.recv_from(&mut self.buffer) {
            Ok((len, from)) if from == self.peer => (len, Route::Direct),
            Ok((len, from)) if Some(from) == self.relay => (len, Route::Relay),
            Ok(_) => {
                self.strangers += 1;
                return Ok(None);
            }
            Err(error) if is_passing(error.kind()) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(self.buffer.get(..len).map(|datagram| (route, datagram)))
    }
}

/// Whether the socket is as good as before: nothing came in time, or, on some systems, nobody listened where an earlier
/// datagram went; the peer may come yet.
fn is_passing(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(kind, WouldBlock | TimedOut | Interrupted | ConnectionReset | ConnectionRefused)
}
