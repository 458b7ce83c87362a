//! A UDP socket that receives in batches.

use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{SocketAddr, ToSocketAddrs};

use inputwire::MAX_DATAGRAM_SIZE;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::debug;

use crate::error::UdpError;

/// What the system is asked to hold for a program that is late; it may give less.
const SYSTEM_BUFFER: usize = 4 << 20;

/// A UDP socket of a tokio runtime that receives many datagrams with one call, where the system can (`recvmmsg`, GRO).
///
/// [`Server`](crate::Server) and [`Driver`](crate::Driver) own one; a program of its own kind can use it alone.
pub struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    /// Room for a batch.
    buffer: Box<[u8]>,
    /// How long each part of it is: the longest datagram, times how many the system puts together.
    part: usize,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("io", &self.io).finish_non_exhaustive()
    }
}

impl Socket {
    /// Opens a socket, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Bind`](UdpError::Bind).
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, UdpError> {
        Self::from_std(std::net::UdpSocket::bind(address).map_err(UdpError::Bind)?)
    }

    /// Takes a socket that is open already, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Bind`](UdpError::Bind) if the system does not let it be used so.
    pub fn from_std(socket: std::net::UdpSocket) -> Result<Self, UdpError> {
        let state = UdpSocketState::new((&socket).into()).map_err(UdpError::Bind)?;
        // Without them the socket only overflows sooner.
        let _ = state.set_recv_buffer_size((&socket).into(), SYSTEM_BUFFER);
        let _ = state.set_send_buffer_size((&socket).into(), SYSTEM_BUFFER);
        // One byte more than any datagram, so that a longer one is not taken for a whole one.
        let part = (MAX_DATAGRAM_SIZE + 1) * state.gro_segments();
        let buffer = vec![0; part * BATCH_SIZE].into_boxed_slice();
        Ok(Self { io: UdpSocket::from_std(socket).map_err(UdpError::Bind)?, state, buffer, part })
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// That of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// Waits until a datagram may be there. Can be cancelled.
    ///
    /// # Errors
    ///
    /// [`Receive`](UdpError::Receive).
    pub async fn readable(&self) -> Result<(), UdpError> {
        self.io.readable().await.map_err(UdpError::Receive)
    }

    /// Waits until the system takes datagrams again. Can be cancelled.
    ///
    /// # Errors
    ///
    /// [`Receive`](UdpError::Receive).
    pub async fn writable(&self) -> Result<(), UdpError> {
        self.io.writable().await.map_err(UdpError::Receive)
    }

    /// Receives a batch of datagrams that are there already, and returns how many; 0 if there is none.
    ///
    /// # Errors
    ///
    /// [`Receive`](UdpError::Receive). What one peer causes, such as a closed port, is no error.
    pub fn receive(&mut self, mut each: impl FnMut(SocketAddr, &[u8])) -> Result<usize, UdpError> {
        let Self { io, state, buffer, part } = self;
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut parts = buffer.chunks_exact_mut(*part);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
        let received = io.try_io(Interest::READABLE, || state.recv((&*io).into(), &mut slices, &mut metas));
        let batches = match received {
            Ok(batches) => batches,
            Err(error) if is_passing(&error) => return Ok(0),
            Err(error) => return Err(UdpError::Receive(error)),
        };
        let mut count = 0;
        for (meta, slice) in metas.iter().zip(&slices).take(batches) {
            let Some(bytes) = slice.get(..meta.len) else { continue };
            // An empty datagram has no stride, and is none of a session.
            for datagram in bytes.chunks(meta.stride.max(1)) {
                count += 1;
                each(meta.addr, datagram);
            }
        }
        Ok(count)
    }

    /// Sends a datagram, or loses it. Returns `false` if the system takes none at the moment: then stop polling until the socket is
    /// [`writable`](Self::writable).
    #[must_use]
    pub fn send(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        let transmit = Transmit { destination: to, ecn: None, contents: datagram, segment_size: None, src_ip: None };
        let try_send = || self.state.try_send((&self.io).into(), &transmit);
        // The runtime takes a socket that it has not looked at yet for full: the first hello would be lost. It is asked only where the
        // system refuses, so that `writable` waits.
        let sent = match try_send() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.io.try_io(Interest::WRITABLE, try_send),
            sent => sent,
        };
        match sent {
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => {
                // The error may be permanent, such as that of an IPv6 address on an IPv4 socket. Nothing else tells why no answer comes.
                debug!(%to, len = datagram.len(), %error, "not sent");
                true
            }
            Ok(()) => true,
        }
    }
}

/// Whether an error says nothing about the socket itself: nothing is there, or a peer has closed its port.
fn is_passing(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, WouldBlock};
    let passing = [WouldBlock, Interrupted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable];
    passing.contains(&error.kind())
}
