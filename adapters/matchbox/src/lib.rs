//! Drives an [`inputwire`] session over [`matchbox_socket`]: WebRTC between browsers and native programs.
//!
//! `README.md` shows the whole loop.
//!
//! # Who is which player
//!
//! A room has places, numbered from 0. Each end tells every other one, on a reliable channel beside that of the inputs, whether it
//! has a place and which. When all are there, those without one take the free places in the order of their matchbox ids. So
//! all ends of a new room agree, and whoever comes later takes the place of one who left: a player who was disconnected, or
//! started anew, is the same player again. Its session reports a new run as `Restarted`.

mod error;
mod places;
mod room;

/// The code of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

use inputwire::{ConfigBuilder, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
use matchbox_socket::{ChannelConfig, MessageLoopFuture, WebRtcSocket, WebRtcSocketBuilder};
use tracing::{debug, info, trace};

pub use error::{MatchError, PushInputError};
pub use matchbox_socket;

use places::Places;
use room::{INPUTS, PLACES, Room};

/// Opens a socket with the two channels that a [`Match`] needs. The future is its message loop, for your runtime.
#[must_use]
pub fn socket(room_url: impl Into<String>) -> (WebRtcSocket, MessageLoopFuture) {
    with_channels(WebRtcSocket::builder(room_url)).build()
}

/// Adds the two channels to a builder of your own, such as one with ICE servers. They must be its first ones.
#[must_use]
pub fn with_channels(builder: WebRtcSocketBuilder) -> WebRtcSocketBuilder {
    builder.add_channel(ChannelConfig::unreliable()).add_channel(ChannelConfig::reliable())
}

/// What has happened in a match.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening<const INPUT_LEN: usize> {
    /// The room is full, and this end has its place. Once.
    Seated {
        /// The local player number.
        player: u16,
    },
    /// Another player is connected, for the first time or again.
    Joined {
        /// Its number.
        player: u16,
    },
    /// Another player is no longer connected. Whoever joins next takes its place.
    Left {
        /// Its number.
        player: u16,
    },
    /// What the session reports.
    Session(Event<INPUT_LEN>),
}

/// A session over a matchbox room of up to `MAX_PEERS` + 1 places.
#[derive(Debug)]
pub struct Match<const MAX_PEERS: usize, const INPUT_LEN: usize> {
    room: Room,
    places: Places,
    config: ConfigBuilder,
    /// From the moment on at which this end has a place.
    session: Option<Session<MAX_PEERS, INPUT_LEN>>,
    is_reported: bool,
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize> Match<MAX_PEERS, INPUT_LEN> {
    /// Enters a room of so many players. The player number in the settings is ignored: the room gives it.
    ///
    /// # Errors
    ///
    /// If there are fewer than two players or more than `MAX_PEERS` + 1, or the settings are invalid.
    pub fn new(socket: WebRtcSocket, config: ConfigBuilder, players: u16) -> Result<Self, MatchError> {
        if players < 2 || usize::from(players) > MAX_PEERS + 1 {
            return Err(MatchError::Players { players, most: MAX_PEERS + 1 });
        }
        config.build().map_err(MatchError::Config)?;
        Ok(Self { room: Room::new(socket), places: Places::new(players), config, session: None, is_reported: false })
    }

    /// Handles what has come in: ends that come and go, and datagrams. Call it once a frame or more often, then
    /// [`poll_event`](Self::poll_event) until `None`, and [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// If the socket is closed: its message loop has ended, or the signalling server cannot be reached. Also if the session does not
    /// take a player, such as one that comes too late for this epoch: that is said once, and the others play on.
    pub fn pump(&mut self, now: Instant) -> Result<(), MatchError> {
        let local = self.room.id();
        for (id, is_connected) in self.room.changes()? {
            if is_connected {
                debug!(%id, "connected");
                self.places.connected(id);
            } else {
                debug!(%id, "disconnected");
                if let Some((session, peer)) = self.session.as_mut().zip(self.places.peer_of(&id)) {
                    session.handle_transport_closed(now, peer);
                }
                self.places.disconnected(&id);
            }
        }
        for (id, message) in self.room.receive(PLACES) {
            match self.places.announced(id, &message) {
                Ok(()) => debug!(%id, "announced its place"),
                Err(problem) => info!(%id, problem, "an announcement is ignored"),
            }
        }
        if let Some(local) = local {
            if let Some(player) = self.places.take(local) {
                info!(player, "seated");
                let config = self.config.local_player(player).build().map_err(MatchError::Config)?;
                self.session = Some(Session::new(config));
            }
            let announcement = self.places.announcement();
            for id in self.places.unannounced() {
                self.room.send(PLACES, announcement, id);
            }
        }
        let Some(session) = &mut self.session else { return Ok(()) };
        // One that comes too late for this epoch is tried again, and the others play on.
        let mut added = Ok(());
        for (id, place) in self.places.new_links() {
            let peer = match place.peer {
                Some(peer) => {
                    session.handle_transport_opened(now, peer);
                    peer
                }
                None => match session.add_peer(now, PeerConfig::compact(place.player)) {
                    Ok(peer) => peer,
                    Err(reason) => {
                        if self.places.refuse(id) {
                            added = Err(MatchError::AddPeer(reason));
                        }
                        continue;
                    }
                },
            };
            info!(%id, player = place.player, "linked");
            self.places.link(id, peer);
        }
        for (id, datagram) in self.room.receive(INPUTS) {
            let Some(peer) = self.places.peer_of(&id) else { continue };
            match session.handle_datagram(now, peer, &datagram) {
                Ok(()) => trace!(%id, len = datagram.len(), "received"),
                Err(reason) => trace!(%id, len = datagram.len(), %reason, "refused"),
            }
        }
        session.handle_timeout(now);
        added
    }

    /// Returns what has happened, or `None`.
    pub fn poll_event(&mut self, _now: Instant) -> Option<Happening<INPUT_LEN>> {
        let session = self.session.as_mut()?;
        if !std::mem::replace(&mut self.is_reported, true) {
            return Some(Happening::Seated { player: session.config().local_player() });
        }
        if let Some((player, is_here)) = self.places.poll_change() {
            return Some(if is_here { Happening::Joined { player } } else { Happening::Left { player } });
        }
        session.poll_event().map(Happening::Session)
    }

    /// Sends what is due. Call it after the events, and after a push.
    pub fn send(&mut self, now: Instant) {
        let Some(session) = &mut self.session else { return };
        session.handle_timeout(now);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = session.poll_transmit(&mut buf) {
            let Some(id) = self.places.id_of(transmit.peer) else { continue };
            trace!(%id, len = transmit.datagram.len(), "sent");
            self.room.send(INPUTS, transmit.datagram, id);
        }
    }

    /// Records the local input of the next frame. [`send`](Self::send) it then.
    ///
    /// # Errors
    ///
    /// If this end has no place yet, or as [`Session::push_input`].
    pub fn push_input(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<Frame, PushInputError> {
        let session = self.session.as_mut().ok_or(PushInputError::NotSeated)?;
        session.push_input(now, input).map_err(PushInputError::Session)
    }

    /// Returns when [`pump`](Self::pump) and [`send`](Self::send) are due even if nothing comes in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.session.as_ref()?.poll_timeout()
    }

    /// Returns whether every other player is connected.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.session.is_some() && self.places.is_full()
    }

    /// Returns the session, from [`Happening::Seated`] on: for its getters, epochs, checksums and its goodbye.
    #[must_use]
    pub const fn session(&mut self) -> Option<&mut Session<MAX_PEERS, INPUT_LEN>> {
        self.session.as_mut()
    }

    /// Leaves the room at once. To say goodbye, close the [`session`](Self::session) first, and go on until it
    /// [is closed](Session::is_closed).
    pub fn leave(mut self) {
        self.room.close();
    }
}
