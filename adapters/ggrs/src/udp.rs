//! A socket for UDP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use inputwire::MAX_DATAGRAM_SIZE;

use crate::api::NonBlockingSocket;
use crate::message::Message;

/// At most so many datagrams are taken in one call, so that a flood does not hold the game.
const AT_ONCE: usize = 1_024;

/// A UDP socket that never blocks.
#[derive(Debug)]
pub struct UdpNonBlockingSocket {
    socket: UdpSocket,
}

impl UdpNonBlockingSocket {
    /// Binds a port of all IPv4 addresses of this machine.
    ///
    /// # Errors
    ///
    /// If the port cannot be bound.
    pub fn bind_to_port(port: u16) -> Result<Self, io::Error> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }
}

impl NonBlockingSocket<SocketAddr> for UdpNonBlockingSocket {
    fn send_to(&mut self, msg: &Message, addr: &SocketAddr) {
        // A datagram that cannot be sent now is a lost one.
        let _ = self.socket.send_to(msg.bytes(), addr);
    }

    fn receive_all_messages(&mut self) -> Vec<(SocketAddr, Message)> {
        let mut buf = [0; MAX_DATAGRAM_SIZE + 1];
        let mut messages = Vec::new();
        for _ in 0..AT_ONCE {
            match self.socket.recv_from(&mut buf) {
                Ok((len, from)) => messages.push((from, Message::new(buf.get(..len).unwrap_or_default()))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Some systems report here that an earlier datagram found nobody.
                Err(_) => {}
            }
        }
        messages
    }
}
