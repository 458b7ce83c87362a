//! A driver: one session on one socket, in one task of a tokio runtime.

use std::net::{SocketAddr, ToSocketAddrs};

use inputwire::{
    AddPeerError, Config, DatagramError, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PushError,
    Session,
};
use tracing::field::display;
use tracing::{Span, debug, info, info_span, trace, warn};

use crate::clock::Clock;
use crate::error::UdpError;
use crate::socket::Socket;

/// A session on a socket of its own.
///
/// While [`next_event`](Self::next_event) waits, it receives, sends, and keeps every deadline. So one task owns the
/// driver, and waits for events and for its next frame in turn:
///
/// ```no_run
/// use inputwire::{Config, Event, PeerConfig, PeerEvent};
/// use inputwire_udp::Driver;
/// use std::time::Duration;
///
/// # fn read_buttons() -> u8 { 0 }
/// # fn random() -> u64 { 1 << 63 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::builder().session_id(3).local_player(0).incarnation(random()).build()?;
/// let mut driver = Driver::<1, 1>::bind("0.0.0.0:7000", config)?;
/// driver.add_peer("192.0.2.7:7000".parse()?, PeerConfig::compact(1))?;
/// let mut frames = tokio::time::interval(Duration::from_micros(16_667));
/// loop {
///     tokio::select! {
///         event = driver.next_event() => match event? {
///             Event::Input { frame, input, .. } => println!("{frame}: {input:?}"),
///             Event::Peer { event: PeerEvent::PeerClosed { .. }, .. } => break,
///             other => println!("{other:?}"),
///         },
///         _ = frames.tick() => {
///             // `WindowFull` while the peer is away: push again in the next frame.
///             let _ = driver.push_input([read_buttons()]);
///         }
///     }
/// }
/// driver.close().await?; // what is unacknowledged is delivered, then the goodbyes
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Driver<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize = 120> {
    session: Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    socket: Socket,
    clock: Clock,
    /// Where each peer is.
    peers: Vec<(PeerId, SocketAddr)>,
    /// The system takes no datagrams at the moment.
    is_congested: bool,
    span: Span,
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Driver<MAX_PEERS, INPUT_LEN, WINDOW> {
    /// Opens a socket for a new session, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Bind`](UdpError::Bind).
    pub fn bind(address: impl ToSocketAddrs, config: Config) -> Result<Self, UdpError> {
        Ok(Self::new(Socket::bind(address)?, config))
    }

    /// Starts a new session on a socket that is open already.
    #[must_use]
    pub fn new(socket: Socket, config: Config) -> Self {
        let address = socket.local_addr().ok().map(display);
        let span = info_span!("driver", player = config.local_player(), address);
        let clock = Clock::start();
        Self { session: Session::new(config), socket, clock, peers: Vec::new(), is_congested: false, span }
    }

    /// Adds a peer that is at this address.
    ///
    /// # Errors
    ///
    /// As [`Session::add_peer`].
    pub fn add_peer(&mut self, address: SocketAddr, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        let id = self.session.add_peer(self.clock.now(), peer)?;
        self.span.in_scope(|| info!(peer = %id, player = peer.player(), %address, "peer added"));
        self.note_shared(id, address);
        self.peers.push((id, address));
        self.send();
        Ok(id)
    }

    /// Removes a peer; as [`Session::remove_peer`].
    pub fn remove_peer(&mut self, peer: PeerId) {
        self.session.remove_peer(self.clock.now(), peer);
        self.peers.retain(|(id, _)| *id != peer);
    }

    /// Notes that a peer has another address from now on, as signalling tells.
    pub fn set_address(&mut self, peer: PeerId, address: SocketAddr) {
        self.note_shared(peer, address);
        for (_, found) in self.peers.iter_mut().filter(|(id, _)| *id == peer) {
            *found = address;
        }
    }

    /// Says that another peer is at an address: a datagram from there is taken for that of one of them only.
    fn note_shared(&self, peer: PeerId, address: SocketAddr) {
        let other = self.peers.iter().find(|(other, found)| *other != peer && *found == address);
        if let Some((other, _)) = other {
            self.span
                .in_scope(|| warn!(%peer, %other, %address, "two peers at one address: one of them is never heard"));
        }
    }

    /// Records the local input of the next frame, and sends it.
    ///
    /// # Errors
    ///
    /// As [`Session::push_input`].
    pub fn push_input(&mut self, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        let frame = self.session.push_input(self.clock.now(), input)?;
        self.send();
        Ok(frame)
    }

    /// Calls the session with the time: for epochs, checksums and whatever else it does. What is due is sent after it.
    pub fn with_session<T>(&mut self, act: impl FnOnce(&mut Session<MAX_PEERS, INPUT_LEN, WINDOW>, Instant) -> T) -> T {
        let result = act(&mut self.session, self.clock.now());
        self.send();
        result
    }

    /// The session, for its getters.
    #[must_use]
    pub const fn session(&self) -> &Session<MAX_PEERS, INPUT_LEN, WINDOW> {
        &self.session
    }

    /// The address of the socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// The time: that of every `now` of this driver.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the next event. Until there is one, datagrams are received and sent. Can be cancelled: nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Receive`](UdpError::Receive) if the socket is of no use any more.
    pub async fn next_event(&mut self) -> Result<Event<INPUT_LEN>, UdpError> {
        loop {
            self.session.handle_timeout(self.clock.now());
            if let Some(event) = self.session.poll_event() {
                return Ok(event);
            }
            self.send();
            self.wait().await?;
        }
    }

    /// Closes the session: whatever the peers have not acknowledged is delivered, for 2 s at most, and goodbyes are sent. What is
    /// reported meanwhile is dropped.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub async fn close(mut self) -> Result<(), UdpError> {
        self.span.in_scope(|| debug!("closing"));
        self.session.close(self.clock.now());
        loop {
            self.session.handle_timeout(self.clock.now());
            while self.session.poll_event().is_some() {}
            self.send();
            if self.session.is_closed() {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Waits for the next datagram or deadline, and takes a batch of datagrams.
    async fn wait(&mut self) -> Result<(), UdpError> {
        let deadline = self.session.poll_timeout();
        tokio::select! {
            biased;
            readable = self.socket.readable() => readable?,
            writable = self.socket.writable(), if self.is_congested => writable?,
            () = self.clock.sleep_until(deadline) => {}
        }
        self.is_congested = false;
        let Self { session, socket, clock, peers, span, .. } = self;
        let _entered = span.enter();
        let now = clock.now();
        socket.receive(|from, datagram| {
            let peer = peers.iter().find(|(_, address)| *address == from);
            let handled = match peer {
                Some((peer, _)) => session.handle_datagram(now, *peer, datagram),
                None => Err(DatagramError::UnknownPeer),
            };
            if let Err(reason) = handled {
                trace!(%from, len = datagram.len(), %reason, "refused");
            }
        })?;
        Ok(())
    }

    fn send(&mut self) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while !self.is_congested
            && let Some(transmit) = self.session.poll_transmit(&mut buf)
        {
            let Some((_, to)) = self.peers.iter().find(|(peer, _)| *peer == transmit.peer) else { continue };
            // A datagram that the system does not take counts as lost.
            self.is_congested = !self.socket.send(*to, transmit.datagram);
        }
    }
}
