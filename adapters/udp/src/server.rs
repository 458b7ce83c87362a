//! A server: many clients on one socket of a tokio runtime.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::{Deref, DerefMut};

use inputwire::{ConfigBuilder, Hello, Instant, MAX_DATAGRAM_SIZE};
use tracing::field::display;
use tracing::{Span, debug, info, info_span};

use crate::clients::prometheus::{alone, metric};
use crate::clients::{Clients, Limits};
use crate::clock::Clock;
use crate::error::UdpError;
use crate::socket::Socket;

/// How many datagrams are sent before the socket is read again: the system holds few datagrams for a program that sends to thousands.
const SEND_BATCH: usize = 64;

/// [`Clients`] on a socket.
///
/// A program calls [`turn`](Self::turn) in a loop, and polls the events of the clients after each. It has the methods of
/// [`Clients`] too.
///
/// ```no_run
/// use inputwire::{Config, Hello, Instant};
/// use inputwire_udp::{Limits, Server, ServerEvent};
/// use std::net::SocketAddr;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), inputwire_udp::UdpError> {
/// const SERVER: u16 = 1_000;
/// let mut server = Server::<5>::bind("0.0.0.0:7000", Limits::default())?;
/// // Whoever knows the key of its player may play.
/// let mut gate = |hello: &Hello<'_>, _from: SocketAddr| {
///     let config = Config::builder().session_id(3).local_player(SERVER).key([7; 16]).mesh(false);
///     (hello.sender() < 100).then_some(config)
/// };
/// let mut next_frame = server.now();
/// loop {
///     server.turn(next_frame, &mut gate).await?;
///     while let Some(event) = server.poll_event() {
///         if let ServerEvent::Joined { client, player, .. } = event {
///             println!("player {player} is client {client}");
///         }
///     }
///     if server.now() >= next_frame {
///         // Gather the inputs, and push to each client.
///         next_frame = next_frame.saturating_add(std::time::Duration::from_micros(16_667));
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Server<const INPUT_LEN: usize, const WINDOW: usize = 120> {
    socket: Socket,
    clients: Clients<INPUT_LEN, WINDOW>,
    clock: Clock,
    /// The system takes no datagrams at the moment.
    is_congested: bool,
    congestions: u64,
    span: Span,
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Server<INPUT_LEN, WINDOW> {
    /// Opens a socket for clients, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Bind`](UdpError::Bind).
    pub fn bind(address: impl ToSocketAddrs, limits: Limits) -> Result<Self, UdpError> {
        Ok(Self::new(Socket::bind(address)?, limits))
    }

    /// Serves clients on a socket that is open already.
    #[must_use]
    pub fn new(socket: Socket, limits: Limits) -> Self {
        let address = socket.local_addr().ok().map(display);
        let span = info_span!("server", address);
        span.in_scope(|| info!("listening"));
        let random = || RandomState::new().build_hasher().finish();
        Self {
            socket,
            clients: Clients::new(limits, [random(), random()]),
            clock: Clock::start(),
            is_congested: false,
            congestions: 0,
            span,
        }
    }

    /// The time: that of every `now` of this server.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The address that clients send to.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Sends what is due, waits until something comes in, until a timer of a client, or until `until`, and handles a batch of what has
    /// come in. Poll events after it. Can be cancelled: nothing is lost.
    ///
    /// `gate` is asked about each hello from an unknown address, as [`Clients::handle_datagram`] says.
    ///
    /// # Errors
    ///
    /// [`Receive`](UdpError::Receive) if the socket is of no use any more.
    pub async fn turn(
        &mut self,
        until: Instant,
        gate: &mut impl FnMut(&Hello<'_>, SocketAddr) -> Option<ConfigBuilder>,
    ) -> Result<(), UdpError> {
        self.send();
        let due = self.clients.poll_timeout().map_or(until, |due| due.min(until));
        // While there is more to send, what has come in is taken without waiting.
        if (self.is_congested || !self.clients.is_pending()) && due > self.now() {
            tokio::select! {
                biased;
                readable = self.socket.readable() => readable?,
                writable = self.socket.writable(), if self.is_congested => writable?,
                () = self.clock.sleep_until(Some(due)) => {}
            }
        } else {
            // Other tasks of the runtime go on, however much there is to do.
            tokio::task::yield_now().await;
        }
        let _entered = self.span.enter();
        self.is_congested = false;
        let now = self.clock.now();
        let clients = &mut self.clients;
        // A refusal is counted there.
        self.socket.receive(|from, datagram| {
            let _ = clients.handle_datagram(now, from, datagram, gate);
        })?;
        self.clients.handle_timeout(now);
        Ok(())
    }

    /// Closes the session of every client, and goes on until each has everything or two seconds have passed. Nobody is admitted
    /// meanwhile, and what is reported is dropped.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub async fn finish(&mut self) -> Result<(), UdpError> {
        self.span.in_scope(|| info!(clients = self.clients.len(), "closing"));
        self.clients.close(self.clock.now());
        while !self.clients.is_closed() {
            while self.clients.poll_event().is_some() {}
            let until = self.now().saturating_add(std::time::Duration::from_millis(100));
            self.turn(until, &mut |_, _| None).await?;
        }
        Ok(())
    }

    /// What was counted, as text in Prometheus's exposition format.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut text = self.clients.prometheus();
        metric(
            &mut text,
            "congestions_total",
            "counter",
            "How often the system took no datagrams.",
            alone(self.congestions),
        );
        text
    }

    /// Sends a batch of what is due.
    fn send(&mut self) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        for _ in 0..SEND_BATCH {
            let Some((to, datagram)) = self.clients.poll_transmit(&mut buf) else { break };
            if !self.socket.send(to, datagram) {
                // This one counts as lost.
                debug!("the system takes no datagrams");
                self.is_congested = true;
                self.congestions = self.congestions.saturating_add(1);
                break;
            }
        }
    }
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Deref for Server<INPUT_LEN, WINDOW> {
    type Target = Clients<INPUT_LEN, WINDOW>;

    fn deref(&self) -> &Self::Target {
        &self.clients
    }
}

impl<const INPUT_LEN: usize, const WINDOW: usize> DerefMut for Server<INPUT_LEN, WINDOW> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.clients
    }
}
