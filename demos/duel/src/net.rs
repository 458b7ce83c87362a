//! The ways of datagrams from one endpoint to the other: in memory, or through real sockets and a relay.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use inputwire::{Instant, MAX_DATAGRAM_SIZE};

use crate::link::{Link, Side};

/// A way for datagrams between the two endpoints, through a bad link.
pub(crate) trait Net {
    /// Forwards the datagrams under way.
    fn carry(&mut self, now: Instant) -> io::Result<()>;
    /// Sends a datagram to the other side.
    fn send(&mut self, now: Instant, from: Side, datagram: &[u8]) -> io::Result<()>;
    /// Returns a datagram that has arrived at a side.
    fn receive(&mut self, now: Instant, to: Side) -> io::Result<Option<Vec<u8>>>;
    /// Returns the link that all datagrams take.
    fn link(&mut self) -> &mut Link;
}

/// The link alone, in virtual time.
impl Net for Link {
    fn carry(&mut self, _: Instant) -> io::Result<()> {
        Ok(())
    }

    fn send(&mut self, now: Instant, from: Side, datagram: &[u8]) -> io::Result<()> {
        self.put(now, from, datagram);
        Ok(())
    }

    fn receive(&mut self, now: Instant, to: Side) -> io::Result<Option<Vec<u8>>> {
        Ok(self.take(now, to))
    }

    fn link(&mut self) -> &mut Link {
        self
    }
}

/// Three sockets on loopback: one for each endpoint, and one for a relay to which both send.
#[derive(Debug)]
pub(crate) struct Udp {
    endpoints: [UdpSocket; 2],
    addresses: [SocketAddr; 2],
    relay: UdpSocket,
    link: Link,
}

impl Udp {
    pub(crate) fn new(seed: u64) -> io::Result<Self> {
        let relay = socket()?;
        let endpoints = [socket()?, socket()?];
        for endpoint in &endpoints {
            endpoint.connect(relay.local_addr()?)?;
        }
        let addresses = [endpoints[0].local_addr()?, endpoints[1].local_addr()?];
        Ok(Self { endpoints, addresses, relay, link: Link::new(seed) })
    }
}

impl Net for Udp {
    /// Lets the relay receive datagrams, and forward those whose delay is over.
    fn carry(&mut self, now: Instant) -> io::Result<()> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some((len, source)) = ready(self.relay.recv_from(&mut buf))? {
            if let Some(from) = Side::BOTH.into_iter().find(|side| self.addresses[side.index()] == source) {
                self.link.put(now, from, &buf[..len]);
            }
        }
        for to in Side::BOTH {
            while let Some(datagram) = self.link.take(now, to) {
                // A datagram for a full socket buffer is lost, too.
                let _ = ready(self.relay.send_to(&datagram, self.addresses[to.index()]))?;
            }
        }
        Ok(())
    }

    fn send(&mut self, _: Instant, from: Side, datagram: &[u8]) -> io::Result<()> {
        ready(self.endpoints[from.index()].send(datagram)).map(drop)
    }

    fn receive(&mut self, _: Instant, to: Side) -> io::Result<Option<Vec<u8>>> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        Ok(ready(self.endpoints[to.index()].recv(&mut buf))?.map(|len| buf[..len].to_vec()))
    }

    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Returns the outcome of a call, or `None` if it would have blocked.
fn ready<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use inputwire::Instant;

    use super::{Net, Udp};
    use crate::link::Side;

    #[test]
    fn a_datagram_crosses_three_sockets() {
        let mut net = Udp::new(7).unwrap();
        net.link().knobs.delay = std::time::Duration::ZERO;
        net.send(Instant::ORIGIN, Side::A, b"hello").unwrap();
        let mut tries = 0..1_000;
        let received = tries.find_map(|_| {
            net.carry(Instant::ORIGIN).unwrap();
            net.receive(Instant::ORIGIN, Side::B).unwrap()
        });
        assert_eq!(received.as_deref(), Some(&b"hello"[..]));
        assert_eq!(net.receive(Instant::ORIGIN, Side::A).unwrap(), None);
    }
}
