//! The network: a UDP socket for one peer, reached directly or through a relay, that drops some of the datagrams that it sends.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::time::{Duration, Instant};

use inputwire_failover::Route;
use inputwire_sim::rng::Rng;

use crate::options::Options;

pub(crate) struct Socket {
    udp: UdpSocket,
    peer: SocketAddr,
    relay: Option<SocketAddr>,
    /// The time during which the direct route is dead.
    cut: Range<Instant>,
    loss_percent: f64,
    rng: Rng,
    /// As long as the longest UDP datagram, so that none is cut to a valid length.
    buf: Vec<u8>,
    /// Datagrams dropped on purpose.
    pub(crate) dropped: u64,
    /// Datagrams sent through the relay, as copies of those sent directly.
    pub(crate) relayed: u64,
    /// Datagrams that the operating system refused.
    pub(crate) unsent: u64,
    /// Datagrams from other addresses.
    pub(crate) strangers: u64,
}

impl Socket {
    pub(crate) fn bind(options: &Options) -> Result<Self, String> {
        let listen = options.listen;
        let udp = UdpSocket::bind(listen).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => {
                format!("{listen} is in use: is a player running there already? Try another --listen.")
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
            rng: Rng::new(options.seed),
            buf: vec![0; 1 << 16],
            dropped: 0,
            relayed: 0,
            unsent: 0,
            strangers: 0,
        })
    }

    /// Sends a datagram. A failure counts as loss, which the session makes up for.
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
        if cut || self.is_unlucky() {
            self.dropped += 1;
        } else if self.udp.send_to(datagram, to).is_err() {
            self.unsent += 1;
        }
    }

    fn is_unlucky(&mut self) -> bool {
        let millionths = u32::try_from(self.rng.below(1_000_000)).unwrap_or(0);
        f64::from(millionths) < self.loss_percent * 10_000.0
    }

    /// Keeps the place at the relay, and the address translation before it, alive.
    pub(crate) fn keep_relay(&self) {
        if let Some(relay) = self.relay {
            let _ = self.udp.send_to(&[], relay);
        }
    }

    /// Waits for a datagram from the peer for at most `limit`.
    pub(crate) fn receive(&mut self, limit: Duration) -> io::Result<Option<(Route, &[u8])>> {
        // Zero would mean no limit. Some systems round up by a few milliseconds, which does no harm.
        self.udp.set_read_timeout(Some(limit.max(Duration::from_micros(1))))?;
        let (len, route) = match self.udp.recv_from(&mut self.buf) {
            Ok((len, from)) if from == self.peer => (len, Route::Direct),
            Ok((len, from)) if Some(from) == self.relay => (len, Route::Relay),
            Ok(_) => {
                self.strangers += 1;
                return Ok(None);
            }
            Err(error) if is_transient(error.kind()) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(self.buf.get(..len).map(|datagram| (route, datagram)))
    }
}

/// Whether the socket can still be used: nothing arrived in time, or, on some systems, an earlier datagram reached a port where
/// the peer does not listen yet.
fn is_transient(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(kind, WouldBlock | TimedOut | Interrupted | ConnectionReset | ConnectionRefused)
}
