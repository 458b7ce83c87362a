//! The session: the local endpoint and every peer.
//!
//! Time enters only here. A session keeps the latest `now`, so its time never decreases.

use heapless::{Vec, VecView};

use crate::cache::Cache;
use crate::checksum::Checksum;
use crate::config::{Config, MAX_DATAGRAM_SIZE, PeerConfig, PeerSettings, Wire};
use crate::cursor::PollCursor;
use crate::departure::{Departure, NamedBy};
use crate::error::{AddPeerError, ChecksumError, DatagramError, EpochError, PushError};
use crate::estimate::liveness::Health;
use crate::estimate::time_sync::Pace;
use crate::event::Event;
use crate::ids::{Epoch, Frame, PeerId};
use crate::link::Written;
use crate::local::{LATE_US, Local};
use crate::mesh;
use crate::peer::Peer;
use crate::stats::PeerStats;
use crate::time::{Instant, duration_from_micros};
use crate::timer::Timer;
use crate::window::recv::Undelivered;
use crate::window::send::SendBuffer;

/// The local endpoint of a game between peers: a window of local inputs, and the state of each peer.
///
/// `MAX_PEERS` is how many peers there can be at once, `INPUT_LEN` the bytes of an input (1 to 255), and `WINDOW` how many
/// frames of each player are kept (2 to 127). `INPUT_LEN` and `WINDOW` are the same at every endpoint.
///
/// # Four kinds of methods
///
/// - **Actions** are what the application does: [`add_peer`](Self::add_peer), [`push_input`](Self::push_input),
///   [`skip_to`](Self::skip_to), [`set_input_delay`](Self::set_input_delay), [`begin_epoch`](Self::begin_epoch),
///   [`push_checksum`](Self::push_checksum), [`disconnect_peer`](Self::disconnect_peer), [`remove_peer`](Self::remove_peer),
///   [`clear_counters`](Self::clear_counters), [`close`](Self::close).
/// - **`handle_*`** is what the world does: a datagram arrived, time passed, a transport closed or opened.
/// - **`poll_*`** is what is new. Drain events until `None`, then datagrams until `None`: inputs that are taken are
///   acknowledged in the datagrams that follow. Then sleep until [`poll_timeout`](Self::poll_timeout).
/// - **Getters** show the state and change nothing; those about a peer are found at [`peer`](Self::peer).
///
/// Every `now` comes from one monotonic clock. A `now` earlier than the latest one counts as the latest; a call that is late by
/// half the interrupt limit is reported as [`LocalStall`](Event::LocalStall). No order of calls is wrong.
/// A [`PeerId`] that is not in the session is ignored; only [`handle_datagram`](Self::handle_datagram) says `UnknownPeer`.
///
/// ```
/// use inputwire::{Config, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
///
/// let now = Instant::ORIGIN; // of the caller's clock
/// let incarnation = 0x9e37_79b9_7f4a_7c15; // drawn at random at each start
/// let config = Config::builder().session_id(0x1bad_cafe).local_player(0).incarnation(incarnation).build()?;
/// let mut session = Session::<1, 2>::new(config);
/// let peer = session.add_peer(now, PeerConfig::compact(1))?;
/// let frame = session.push_input(now, [0b101, 7])?;
/// assert_eq!(session.local_input(frame), Some([0b101, 7]));
///
/// let mut buf = [0; MAX_DATAGRAM_SIZE];
/// let transmit = session.poll_transmit(&mut buf).expect("a hello is due");
/// assert_eq!((transmit.peer, transmit.datagram.len()), (peer, 50));
/// assert!(session.poll_timeout() > Some(now));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize = 120> {
    local: Local,
    inputs: SendBuffer<INPUT_LEN, WINDOW>,
    peers: Vec<Peer, MAX_PEERS>,
    /// The inputs of each peer, in the order of `peers`.
    slots: [[[u8; INPUT_LEN]; WINDOW]; MAX_PEERS],
    /// How many peers were added: the number of the next one.
    added: u32,
    /// A local stall that has not been reported, in microseconds.
    stalled_us: u64,
    /// Who told that this endpoint was disconnected, before it has been reported.
    dropped_by: Option<PeerId>,
    cursor: Cache<PollCursor>,
    /// The soonest deadline of all peers at the end of the last complete drain; `None` where every peer is to be visited.
    due: Cache<Option<Instant>>,
}

/// A datagram to send, borrowed from the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Transmit<'b> {
    /// The peer to send it to.
    pub peer: PeerId,
    /// The bytes; never empty.
    pub datagram: &'b [u8],
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Session<MAX_PEERS, INPUT_LEN, WINDOW> {
    pub(crate) const SIZES: () = {
        assert!(MAX_PEERS >= 1 && MAX_PEERS < 1 << 16, "MAX_PEERS must be 1 to 65,535");
        assert!(INPUT_LEN >= 1 && INPUT_LEN <= 255, "INPUT_LEN must be 1 to 255");
        assert!(WINDOW >= 2 && WINDOW <= 127, "WINDOW must be 2 to 127");
    };

    /// Whether it pays to remember who has something to send and to report.
    const SEVERAL: bool = MAX_PEERS > 1;

    /// Creates a session without peers, in epoch 0. It works in a `static`.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        const { Self::SIZES };
        let ([window, ..], [input_len, ..]) = (WINDOW.to_le_bytes(), INPUT_LEN.to_le_bytes());
        Self {
            local: Local::new(config, window, input_len),
            inputs: SendBuffer::new(),
            peers: Vec::new(),
            slots: [[[0; INPUT_LEN]; WINDOW]; MAX_PEERS],
            added: 0,
            stalled_us: 0,
            dropped_by: None,
            cursor: Cache(PollCursor::ALL),
            due: Cache(None),
        }
    }

    // Actions.

    /// Adds a peer whose transport is open.
    ///
    /// # Errors
    ///
    /// [`Full`](AddPeerError::Full), [`PlayerTaken`](AddPeerError::PlayerTaken),
    /// [`NoIncarnation`](AddPeerError::NoIncarnation) for a peer on the compact wire,
    /// [`EpochRunning`](AddPeerError::EpochRunning) once frames of this epoch have left the window, or a player with this number
    /// has left the game, unless the peer joins [`from`](PeerConfig::from) a frame beyond both,
    /// [`Departed`](AddPeerError::Departed) while a departed peer is still there,
    /// [`MeshTooLarge`](AddPeerError::MeshTooLarge) or [`MaxDatagramSize`](AddPeerError::MaxDatagramSize) where words would not fit
    /// a datagram, or [`Closed`](AddPeerError::Closed) after [`close`](Self::close).
    pub fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        self.begin_call(now);
        let id = PeerId::new(self.added);
        let local_run = self.incarnation();
        add_peer(&mut self.local, &mut self.peers, id, &peer.0, local_run)?;
        self.added = self.added.saturating_add(1);
        Ok(id)
    }

    /// Takes nothing more of a peer. All survivors of a mesh agree on its last input, and each gets every input that one of them has;
    /// then [`Departed`](crate::PeerEvent::Departed) is reported. Until then it holds the send window where it does. Where only two
    /// play, and with [`mesh`](crate::ConfigBuilder::mesh) off, it has departed at once.
    ///
    /// If it plays on, it is [`Dropped`](Event::Dropped). So that two who lose each other do not both go, the one with the greater
    /// player number waits 200 ms longer before this call.
    pub fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.begin_call(now);
        if let Some(at) = self.position(peer) {
            mesh::name(&self.local, &mut self.peers, at, NamedBy::Local);
        }
    }

    /// Removes a peer; it no longer holds back the send window. A peer that is added later meets a new run of this endpoint.
    ///
    /// In a game of three and more, [`disconnect_peer`](Self::disconnect_peer) comes first, and this once
    /// [`departures_settled`](Self::departures_settled), at every endpoint: what others lack of the peer goes with it.
    pub fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.begin_call(now);
        // The compiler does not see that the place is one of a peer, so that `remove` does not panic.
        let Some(at) = self.position(peer).filter(|at| *at < self.peers.len()) else { return };
        let peer = self.peers.remove(at);
        // The slots behind move up, and those of the peer, cleared, to the end.
        if let Some(slots) = self.slots.get_mut(at..)
            && let Some(removed) = slots.first_mut()
        {
            removed.as_flattened_mut().fill(0);
            slots.rotate_left(1);
        }
        mesh::removed(&mut self.local, &mut self.peers, &peer);
    }

    /// Records the local input of the next frame and returns that frame. It is sent with the next poll.
    ///
    /// # Errors
    ///
    /// [`WindowFull`](PushError::WindowFull) names the peer that has not acknowledged the oldest input in the window;
    /// [`TooFarAhead`](PushError::TooFarAhead) the one that is [`max_lead`](crate::ConfigBuilder::max_lead) frames behind;
    /// [`FramesExhausted`](PushError::FramesExhausted) after 2^32 - 1 frames; [`Closed`](PushError::Closed) after
    /// [`close`](Self::close). Nothing is recorded then.
    pub fn push_input(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        self.advance_clock(now);
        if Self::SEVERAL {
            self.cursor.visit_all_transmits();
            self.due.0 = None;
        } else {
            self.cursor.transmit = 0;
        }
        let frame = validate_push(&self.local, &self.peers)?;
        self.inputs.push(&mut self.local.send, self.local.now, input);
        Ok(frame)
    }

    /// Pushes `input` for every frame before `frame`, for a game that jumps ahead after a pause, and returns the frame that the
    /// next push gets. Every peer gets each of these inputs, many in a datagram, as if it had been pushed by itself.
    ///
    /// It stops after `WINDOW` inputs, and earlier where the next one would have to wait for an acknowledgement, or would push
    /// one out of the window that an open peer on the classic wire has never been sent: then drain, and call it again, until
    /// it returns `frame`. With an earlier `frame` it does nothing.
    ///
    /// ```
    /// use inputwire::{Config, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
    ///
    /// let now = Instant::ORIGIN;
    /// let mut session = Session::<1, 1>::new(Config::builder().build()?);
    /// session.add_peer(now, PeerConfig::classic(1))?;
    /// let mut buf = [0; MAX_DATAGRAM_SIZE];
    /// while session.skip_to(now, Frame::new(300), [0])? < Frame::new(300) {
    ///     while session.poll_transmit(&mut buf).is_some() {} // send it
    /// }
    /// assert_eq!(session.push_input(now, [7]), Ok(Frame::new(300)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FramesExhausted`](PushError::FramesExhausted) and [`Closed`](PushError::Closed) as for a push; the frames before are pushed.
    pub fn skip_to(&mut self, now: Instant, frame: Frame, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        self.advance_clock(now);
        for _ in 0..WINDOW {
            if self.next_frame() >= frame || !may_skip(&self.local, &self.peers) {
                break;
            }
            self.push_input(now, input)?;
        }
        Ok(self.next_frame())
    }

    /// Begins a later epoch: windows are emptied, frames count from `first_frame`, peers stay.
    ///
    /// Inputs that are unacknowledged or undelivered are abandoned. So begin an epoch when all local inputs are acknowledged
    /// and all of the peers' are delivered, or to follow a peer that is ahead.
    ///
    /// # Errors
    ///
    /// [`NotNewer`](EpochError::NotNewer) unless `epoch` is greater than the present one;
    /// [`TooGreat`](EpochError::TooGreat) above [`Epoch::MAX`], or above [`Epoch::LAST_FREE`] unless a peer is ahead, out of
    /// sync or was started anew; [`Closed`](EpochError::Closed) after [`close`](Self::close).
    pub fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.begin_call(now);
        validate_epoch(&self.local, &self.peers, epoch)?;
        self.local.begin_epoch(epoch.get());
        self.inputs = SendBuffer::new();
        for (peer, slots) in self.peers.iter_mut().zip(&mut self.slots) {
            peer.begin_epoch(&self.local, slots.as_flattened_mut());
        }
        mesh::reopen(&self.local, &mut self.peers);
        Ok(())
    }

    /// Records a hash of the game's state after a frame, to be compared with every peer's on the compact wire. A game pushes
    /// one every tenth frame or so, once the frame is [confirmed](Self::confirmed_frame).
    ///
    /// # Errors
    ///
    /// [`NotNewer`](ChecksumError::NotNewer) if the frame is not later than that of the latest checksum in this epoch;
    /// [`NotConfirmed`](ChecksumError::NotConfirmed) unless it was pushed and every peer's inputs up to it are known;
    /// [`Full`](ChecksumError::Full) when a peer has not acknowledged the oldest of 16 within the window. Nothing is
    /// recorded then.
    pub fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.begin_call(now);
        let checksum = Checksum { frame: frame.get(), hash };
        push_checksum(&self.local, &mut self.peers, checksum)?;
        self.local.checksums.push(checksum);
        Ok(())
    }

    /// Closes the session for good: nothing can be pushed any more. On the compact wire, go on draining until
    /// [`is_closed`](Self::is_closed): what is unacknowledged is delivered, for 2 s at most, and three byes are sent, a frame
    /// apart.
    ///
    /// Who comes back creates a new session, with a new incarnation.
    pub fn close(&mut self, now: Instant) {
        self.begin_call(now);
        close(&mut self.local, &mut self.peers, true);
    }

    /// Tells how many frames the game delays local inputs, at the start and whenever that changes: a delay is no lead, so every
    /// [`pace`](PeerRef::pace) takes it out. More than 255 count as 255.
    pub fn set_input_delay(&mut self, frames: u32) {
        self.local.send.input_delay = u8::try_from(frames).unwrap_or(u8::MAX);
    }

    /// Sets every counter in [`PeerStats`] to zero, and measures loss anew. Nothing else depends on them.
    pub fn clear_counters(&mut self) {
        self.peers.iter_mut().for_each(Peer::clear_counters);
    }

    // What the world does.

    /// Handles a datagram that came from a peer.
    ///
    /// # Errors
    ///
    /// Says exactly why a datagram was refused. A refused one changes nothing except a counter; the reason is fit for a log,
    /// and needs no other attention.
    pub fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.advance_clock(now);
        if mesh::concerns(datagram) {
            let outcome = self.handle_departure(from, datagram);
            if outcome.as_ref().err().is_none_or(|reason| reason.may_be_reported()) {
                self.visit_all();
            }
            return outcome;
        }
        let at = self.position(from).ok_or(DatagramError::UnknownPeer)?;
        let peer = self.peers.get_mut(at).ok_or(DatagramError::UnknownPeer)?;
        let slots = self.slots.get_mut(at).ok_or(DatagramError::UnknownPeer)?;
        if !Self::SEVERAL {
            self.cursor.restart();
            return peer.handle_datagram(&self.local, slots.as_flattened_mut(), datagram);
        }
        let outcome = peer.handle_datagram(&self.local, slots.as_flattened_mut(), datagram);
        if outcome.as_ref().err().is_none_or(|reason| reason.may_be_reported()) {
            self.cursor.visit(at);
        }
        outcome
    }

    /// Notes that time has passed, when [`poll_timeout`](Self::poll_timeout) asked for it or at any other moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance_clock(now);
    }

    /// Notes that the transport to a peer closed: its state is kept, nothing is sent to it, and it counts as disconnected.
    pub fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.with_peer(now, peer, |_, peer| peer.transport_closed());
    }

    /// Notes that the transport to a peer is open again: unacknowledged inputs are sent, and RTT starts anew. After
    /// [`close`](Self::close) it brings nothing back.
    pub fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.with_peer(now, peer, |local, peer| peer.transport_opened(local));
    }

    // What is new.

    /// Returns the next event, or `None`. For each peer, what makes an application throw its window away
    /// ([`OutOfSync`](crate::PeerEvent::OutOfSync), [`Restarted`](crate::PeerEvent::Restarted),
    /// [`EpochAhead`](crate::PeerEvent::EpochAhead), [`PeerClosed`](crate::PeerEvent::PeerClosed)) and
    /// [`Departed`](crate::PeerEvent::Departed) follow every input that is held, and everything else comes before them.
    ///
    /// Up to `WINDOW` inputs that are not taken are acknowledged all the same; further ones are not before some are taken.
    pub fn poll_event(&mut self) -> Option<Event<INPUT_LEN>> {
        if self.stalled_us > 0 {
            let duration = duration_from_micros(core::mem::take(&mut self.stalled_us));
            return Some(Event::LocalStall { duration });
        }
        while let Some(peer) = self.peers.get_mut(Self::place(&self.cursor, self.cursor.event)) {
            if let Some(event) = peer.poll_event(&self.local) {
                return Some(Event::Peer { peer: peer.id, event });
            }
            if let Some(Undelivered { frame, slot, last }) = peer.poll_input(&self.local) {
                let slots = self.slots.get(usize::from(self.cursor.event))?;
                if last {
                    self.cursor.pass_event();
                }
                let input = *slots.get(usize::from(slot))?;
                return Some(Event::Input { peer: peer.id, frame: Frame::new(frame), input });
            }
            if let Some(event) = peer.poll_barrier_event(&self.local) {
                return Some(Event::Peer { peer: peer.id, event });
            }
            self.cursor.pass_event();
        }
        self.dropped_by.take().map(|by| Event::Dropped { by })
    }

    /// Returns the next datagram to send, or `None`. While the channel is congested, do not poll: the next datagram
    /// carries everything, up to date.
    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        while let Some(peer) = self.peers.get_mut(Self::place(&self.cursor, self.cursor.transmit)) {
            let written = peer.poll_transmit(&self.local, &self.inputs.view(&self.local.send), buf);
            if let Some(Written { len, last }) = written {
                if last {
                    self.cursor.pass_transmit(Self::SEVERAL);
                }
                return Some(Transmit { peer: peer.id, datagram: buf.get(..len)? });
            }
            let at = usize::from(self.cursor.transmit);
            if peer.remote.standing.active_at().is_some()
                && let Some((peer, len)) = self.poll_word(at, buf)
            {
                return Some(Transmit { peer, datagram: buf.get(..len)? });
            }
            self.cursor.pass_transmit(Self::SEVERAL);
        }
        let has_event = |cursor: &PollCursor| self.peers.get(Self::place(cursor, cursor.event)).is_some();
        if Self::SEVERAL && !self.cursor.is_drained() && !has_event(&self.cursor) {
            settle(&self.local, &self.peers, &mut self.cursor, &mut self.due);
        }
        None
    }

    /// Returns the next datagram to one peer, or `None`. Where peers have channels of their own, one whose channel is congested
    /// is not polled: its next datagram still carries everything, and the others do not wait.
    pub fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        let at = self.position(peer)?;
        if Self::SEVERAL {
            self.cursor.visit(at);
        }
        let found = self.peers.get_mut(at)?;
        let len = match found.poll_transmit(&self.local, &self.inputs.view(&self.local.send), buf) {
            Some(Written { len, .. }) => len,
            None => self.poll_word(at, buf)?.1,
        };
        Some(Transmit { peer, datagram: buf.get(..len)? })
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) next: always later than the latest `now`, drained or
    /// not. `None` if nothing will be due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if Self::SEVERAL && self.cursor.is_drained() && self.due.is_some() {
            return *self.due;
        }
        soonest_deadline(&self.local, &self.peers).map(|(at, ..)| at)
    }

    /// Returns which timer [`poll_timeout`](Self::poll_timeout) waits for, and for which peer; for logs.
    #[must_use]
    pub fn timeout_reason(&self) -> Option<(PeerId, Timer)> {
        soonest_deadline(&self.local, &self.peers).map(|(_, timer, peer)| (peer, timer))
    }

    // Getters.

    /// The settings of this session.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.local.config
    }

    /// The present epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch::new(self.local.epoch())
    }

    /// The epoch to begin next: later than the present one and than that of every peer. `None` when none is left, and once the
    /// session is closed.
    #[must_use]
    pub fn next_epoch(&self) -> Option<Epoch> {
        let latest = self.peers.iter().map(Peer::announced).fold(self.local.epoch(), u32::max);
        let next = Epoch::new(latest.checked_add(1)?);
        validate_epoch(&self.local, &self.peers, next).is_ok().then_some(next)
    }

    /// The incarnation that this endpoint has for the peer that is added next, for signalling: that of the settings, and one
    /// more for each peer removed. `None` if the settings have none.
    #[must_use]
    pub fn incarnation(&self) -> Option<u64> {
        let present = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
        let removed = self.added.saturating_sub(present);
        Some(self.local.config.incarnation()?.wrapping_add(removed.into()).max(1))
    }

    /// Whether every peer that left has departed, every survivor knows what this endpoint knows of it, and has been sent that this
    /// endpoint knows the same. Once that is so at all endpoints, they may [remove](Self::remove_peer) it.
    #[must_use]
    pub fn departures_settled(&self) -> bool {
        mesh::is_settled(&self.peers)
    }

    /// Whether the session was closed and nothing is left to send.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.local.closed_at.is_some() && self.peers.iter().all(|peer| peer.is_closed(&self.local))
    }

    /// The frame that the next push gets.
    #[must_use]
    pub fn next_frame(&self) -> Frame {
        Frame::new(self.local.send.send_next())
    }

    /// Returns the lowest [`last_frame`](PeerRef::last_frame) of all peers that have not departed, also of those that only
    /// listen; `None` if one has none, or without such peers.
    #[must_use]
    pub fn confirmed_frame(&self) -> Option<Frame> {
        let playing = self.peers.iter().filter(|peer| !peer.remote.standing.is_departed());
        let last_frames = playing.map(|peer| peer.last_frame(&self.local));
        last_frames.reduce(core::cmp::min).flatten()
    }

    /// The local input of a frame, while it is in the window.
    #[must_use]
    pub fn local_input(&self, frame: Frame) -> Option<[u8; INPUT_LEN]> {
        self.inputs.input(&self.local.send, frame)
    }

    /// The peers, in the order in which they were added.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.peers.iter().map(|peer| peer.id)
    }

    /// A peer, for everything that is known about it; `None` if it was never added or was removed.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> Option<PeerRef<'_, INPUT_LEN>> {
        let at = self.position(id)?;
        Some(PeerRef { local: &self.local, peer: self.peers.get(at)?, slots: self.slots.get(at)? })
    }

    /// The peer with a player number.
    #[must_use]
    pub fn peer_of(&self, player: u16) -> Option<PeerId> {
        self.peers.iter().find(|peer| peer.player() == player).map(|peer| peer.id)
    }

    // Private.

    /// Begins a call after which there may be something to send and to report.
    fn begin_call(&mut self, now: Instant) {
        self.advance_clock(now);
        self.visit_all();
    }

    /// Every peer may have something to send and to report.
    fn visit_all(&mut self) {
        if Self::SEVERAL {
            *self.cursor = PollCursor::ALL;
            self.due.0 = None;
        } else {
            self.cursor.restart();
        }
    }

    /// Where a peer stands.
    fn position(&self, id: PeerId) -> Option<usize> {
        if Self::SEVERAL {
            return position(&self.peers, id);
        }
        let only = self.peers.first()?;
        (only.id == id).then_some(0)
    }

    /// Where a drain at `position` is among the peers; beyond all of them where nobody is left to visit.
    fn place(cursor: &PollCursor, position: u16) -> usize {
        if !Self::SEVERAL || cursor.is_before_end(position) { position.into() } else { usize::MAX }
    }

    /// Ignores a `now` earlier than the latest one; notes a late call, and whether it is a local stall.
    fn advance_clock(&mut self, now: Instant) {
        let now = now.min(Instant::LAST);
        if now <= self.local.now {
            return;
        }
        if Self::SEVERAL && self.due.is_some_and(|due| now < due) {
            // A call may be late all the same where the drain was not completed.
            if self.cursor.is_drained() || now.since(self.local.now) <= LATE_US {
                self.cursor.rewind();
                self.local.now = now;
                return;
            }
        }
        self.visit_all();
        if now.since(self.local.now) > LATE_US {
            let late = note_late_call(&mut self.local, &self.peers, now);
            self.stalled_us = self.stalled_us.saturating_add(late);
        }
        self.local.now = now;
    }

    /// Handles a datagram that may change who takes part.
    #[cold]
    fn handle_departure(&mut self, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        let at = self.position(from).ok_or(DatagramError::UnknownPeer)?;
        let slots = self.slots.as_flattened_mut().as_flattened_mut();
        if mesh::handle_datagram(&self.local, &mut self.peers, slots, at, datagram)? == mesh::Outcome::Dropped {
            self.dropped_by = Some(from);
            close(&mut self.local, &mut self.peers, false);
        }
        Ok(())
    }

    /// Writes the word that is due to a peer.
    #[cold]
    fn poll_word(&mut self, at: usize, buf: &mut [u8]) -> Option<(PeerId, usize)> {
        let slots = self.slots.as_flattened().as_flattened();
        let len = mesh::poll_word(&self.local, &mut self.peers, slots, at, buf)?;
        Some((self.peers.get(at)?.id, len))
    }

    fn with_peer(&mut self, now: Instant, id: PeerId, act: impl FnOnce(&Local, &mut Peer)) {
        self.begin_call(now);
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == id) {
            act(&self.local, peer);
        }
    }
}

/// Everything known about one peer of a session.
///
/// ```
/// use inputwire::{Config, Instant, PeerConfig, Session};
///
/// let config = Config::builder().local_player(0).incarnation(0x5eed_0000_0001).build()?;
/// let mut session = Session::<1, 1>::new(config);
/// let id = session.add_peer(Instant::ORIGIN, PeerConfig::compact(7))?;
/// session.push_input(Instant::ORIGIN, [1])?;
///
/// let peer = session.peer(id).expect("it was just added");
/// assert_eq!((peer.player(), peer.unacked(), peer.last_frame()), (7, 1, None));
/// assert_eq!(session.peer_of(7), Some(id));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PeerRef<'s, const INPUT_LEN: usize> {
    local: &'s Local,
    peer: &'s Peer,
    slots: &'s [[u8; INPUT_LEN]],
}

impl<const INPUT_LEN: usize> PeerRef<'_, INPUT_LEN> {
    /// The id of the peer.
    #[must_use]
    pub fn id(self) -> PeerId {
        self.peer.id
    }

    /// The player number of the peer.
    #[must_use]
    pub fn player(self) -> u16 {
        self.peer.player()
    }

    /// How the peer is doing.
    #[must_use]
    pub fn health(self) -> Health {
        self.peer.health(self.local)
    }

    /// Whether the peer still plays.
    #[must_use]
    pub fn departure(self) -> Departure {
        self.peer.departure()
    }

    /// Returns the latest frame up to which nothing is missing; lost frames do not count as missing.
    #[must_use]
    pub fn last_frame(self) -> Option<Frame> {
        self.peer.last_frame(self.local)
    }

    /// The peer's input of a frame, while it is in the window: a game needs no buffer of its own.
    #[must_use]
    pub fn remote_input(self, frame: Frame) -> Option<[u8; INPUT_LEN]> {
        self.slots.get(usize::from(self.peer.slot(frame)?)).copied()
    }

    /// The latest frame known in this epoch, with its input: what a game predicts from. On the classic wire frames below it
    /// may be missing.
    #[must_use]
    pub fn latest_input(self) -> Option<(Frame, [u8; INPUT_LEN])> {
        let (frame, slot) = self.peer.latest()?;
        Some((frame, *self.slots.get(usize::from(slot))?))
    }

    /// How many local inputs the peer has not acknowledged; 0 on the classic wire.
    #[must_use]
    pub fn unacked(self) -> u32 {
        self.peer.unacked(self.local)
    }

    /// How far the local game is ahead of the peer's, and what to do about it; `None` until both play and the round trip is
    /// known.
    #[must_use]
    pub fn pace(self) -> Option<Pace> {
        self.peer.pace(self.local)
    }

    /// How early the local inputs come to the peer, in thousandths of a frame: the least of its latest 32 to 64 datagrams with new
    /// inputs, from -128,000 to 127,000. At 0 and above, it had each input when it pushed its own of the same frame;
    /// below, some came later. `None` until both play, and on the classic wire.
    #[must_use]
    pub fn margin_millis(self) -> Option<i32> {
        self.peer.margin_millis(self.local)
    }

    /// How many frames of input delay hide latency and jitter; `None` until the round trip is known.
    #[must_use]
    pub fn suggested_delay(self) -> Option<u32> {
        self.peer.suggested_delay(self.local)
    }

    /// Everything known about the peer, in figures.
    #[must_use]
    pub fn stats(self) -> PeerStats {
        self.peer.stats(self.local)
    }
}

// What a session does with its peers, without its sizes in the type, so that it is compiled once for all of them.

fn add_peer(
    local: &mut Local,
    peers: &mut VecView<Peer>,
    id: PeerId,
    settings: &PeerSettings,
    local_run: Option<u64>,
) -> Result<(), AddPeerError> {
    if local.closed_at.is_some() {
        return Err(AddPeerError::Closed);
    }
    let local_run = match settings.wire {
        Wire::Compact => local_run.ok_or(AddPeerError::NoIncarnation)?,
        Wire::Classic => 0,
    };
    let taken = peers.iter().any(|other| other.player() == settings.player);
    if taken || settings.player == local.config.local_player() {
        return Err(AddPeerError::PlayerTaken);
    }
    let begins = match settings.from {
        Some(from) => validate_join(local, peers, settings, from.get())?,
        None if local.send.oldest() > local.first_frame() => return Err(AddPeerError::EpochRunning),
        None => None,
    };
    mesh::validate_add(local, peers, settings)?;
    // No number would be left for the next one.
    if id.get() == u32::MAX {
        return Err(AddPeerError::Full);
    }
    peers.push(Peer::new(id, local, settings, local_run)).map_err(|_| AddPeerError::Full)?;
    if let Some(frame) = begins {
        local.send.begin_at(frame);
    }
    mesh::added(local, peers);
    Ok(())
}

/// Validates the frame from which a peer joins. Returns the frame at which this endpoint begins, if it is the one that joins.
fn validate_join(
    local: &Local,
    peers: &[Peer],
    settings: &PeerSettings,
    from: u32,
) -> Result<Option<u32>, AddPeerError> {
    let send = &local.send;
    let joins = !send.has_begun() && peers.iter().all(|peer| peer.remote.standing.join_frame() == from);
    let is_ahead = if joins { from >= local.first_frame() } else { from > send.send_next() };
    if !is_ahead || from == u32::MAX || settings.wire == Wire::Classic {
        return Err(AddPeerError::EpochRunning);
    }
    Ok(joins.then_some(from))
}

/// Closes the session; what is unacknowledged is delivered first, if it is to be.
fn close(local: &mut Local, peers: &mut [Peer], delivers: bool) {
    if local.closed_at.is_none() {
        local.closed_at = Some(local.now);
        for peer in peers {
            peer.close(local, delivers);
        }
    }
}

/// Whether the next push needs no acknowledgement first, and pushes nothing unsent out of the window.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn may_skip(local: &Local, peers: &[Peer]) -> bool {
    peers.iter().all(|peer| peer.validate_push(local).is_ok() && peer.unsent(local) < local.window())
}

/// The frame of the next push, if no peer needs the oldest input any more.
fn validate_push(local: &Local, peers: &[Peer]) -> Result<Frame, PushError> {
    if local.closed_at.is_some() {
        return Err(PushError::Closed);
    }
    if local.send.send_next() == u32::MAX {
        return Err(PushError::FramesExhausted);
    }
    peers.iter().try_for_each(|peer| peer.validate_push(local))?;
    Ok(Frame::new(local.send.send_next()))
}

/// Whether an epoch may be begun.
fn validate_epoch(local: &Local, peers: &[Peer], epoch: Epoch) -> Result<(), EpochError> {
    if local.closed_at.is_some() {
        return Err(EpochError::Closed);
    }
    if epoch.get() <= local.epoch() {
        return Err(EpochError::NotNewer);
    }
    let reserve = peers.iter().any(|peer| peer.needs_epoch(local));
    let last = if reserve { Epoch::MAX } else { Epoch::LAST_FREE };
    if epoch <= last { Ok(()) } else { Err(EpochError::TooGreat) }
}

fn push_checksum(local: &Local, peers: &mut [Peer], checksum: Checksum) -> Result<(), ChecksumError> {
    if checksum.frame < local.checksums.end() {
        return Err(ChecksumError::NotNewer);
    }
    let known = checksum.frame < local.send.send_next();
    if !known || !peers.iter().all(|peer| peer.is_confirmed(checksum.frame)) {
        return Err(ChecksumError::NotConfirmed);
    }
    if let Some(dropped) = local.checksums.next_dropped()
        && let Some(peer) = peers.iter().find(|peer| peer.needs_checksum(local, dropped))
    {
        return Err(ChecksumError::Full(peer.id));
    }
    for peer in peers {
        peer.push_checksum(checksum);
    }
    Ok(())
}

/// Notes a call that comes late. Returns for how long something was due, if that was long enough to be a local stall, else 0.
#[cold]
#[inline(never)]
fn note_late_call(local: &mut Local, peers: &[Peer], now: Instant) -> u64 {
    let late = soonest_deadline(local, peers).map_or(0, |(due, ..)| now.since(due));
    if late <= LATE_US {
        return 0;
    }
    local.call_late(now);
    if peers.iter().any(|peer| peer.is_stalled(late)) {
        local.stall_ended_at = now;
        late
    } else {
        0
    }
}

/// Where a peer stands: their numbers ascend.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn position(peers: &[Peer], id: PeerId) -> Option<usize> {
    peers.binary_search_by_key(&id.get(), |peer| peer.id.get()).ok()
}

/// Ends a complete drain: notes when the next deadline of any peer is, and whose, from those that were visited if possible.
fn settle(local: &Local, peers: &[Peer], cursor: &mut PollCursor, due: &mut Option<Instant>) {
    let range = cursor.range();
    let visited = peers.get(range.start..range.end.min(peers.len())).unwrap_or_default();
    // The last one of several: datagrams rather come in the order in which the peers were added.
    let soonest = |peers: &[Peer]| {
        let deadlines = peers.iter().rev().filter_map(|peer| Some((peer.soonest_deadline(local)?.0, peer.id)));
        deadlines.min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= Instant::LAST)
    };
    let before = due.zip(peers.get(usize::from(cursor.soonest)).map(|peer| peer.id));
    let was_visited = range.contains(&cursor.soonest.into());
    let found = match (before, soonest(visited)) {
        (None, found) => found,
        (Some((at, _)), Some(found)) if found.0 < at || was_visited && found.0 == at => Some(found),
        (before, _) if !was_visited => before,
        // Whoever had the soonest deadline no longer waits for it.
        _ => soonest(peers),
    };
    let place = found.and_then(|(_, id)| position(peers, id)).and_then(|at| u16::try_from(at).ok());
    *due = found.map(|(at, _)| at);
    *cursor = if due.is_some() { PollCursor::drained(place.unwrap_or(0)) } else { *cursor };
}

/// The soonest deadline of all peers.
fn soonest_deadline(local: &Local, peers: &[Peer]) -> Option<(Instant, Timer, PeerId)> {
    let deadlines = peers.iter().filter_map(|peer| {
        let (at, timer) = peer.soonest_deadline(local)?;
        Some((at, timer, peer.id))
    });
    deadlines.min_by_key(|(at, ..)| *at).filter(|(at, ..)| *at <= Instant::LAST)
}

#[cfg(test)]
mod tests;
