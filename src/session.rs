//! The machine: our inputs and every peer. What it knows is in `session/view.rs`.
//!
//! All time enters here, and no call takes it back: the session keeps the greatest moment it was told.

use heapless::Vec;

use crate::checksum::Checksum;
use crate::config::{Config, DATAGRAM_MAX, PeerConfig};
use crate::error::{AddPeerError, ChecksumError, DatagramError, EpochError, PushError};
use crate::event::Event;
use crate::frame::{Epoch, Frame, PeerId};
use crate::inbox::Untold;
use crate::link::{Ours, Written};
use crate::outbox::Inputs;
use crate::peer::Peer;
use crate::time::{Instant, span};

mod seats;
mod view;

/// A pause between two calls that is shorter is no stall with any configuration: half of 2.5 ping intervals of 20 ms.
const STALL_MIN_US: u64 = 25_000;

/// Our end of a game between peers: one window of our inputs, and what we know of each peer.
///
/// `PEERS` is how many peers there can be at once, `INPUT` the bytes of one input (1 to 255), and `WINDOW` how many
/// frames of each player are kept (2 to 127); `INPUT` and `WINDOW` are the same at every end.
///
/// ```
/// use inputwire::{Config, DATAGRAM_MAX, Instant, PeerConfig, Session};
///
/// let now = Instant::ORIGIN; // of a clock of yours
/// let mut session = Session::<1, 2>::new(Config::builder().session(0x1bad_cafe).player(0).build()?);
/// let peer = session.add_peer(now, PeerConfig::compact(1))?;
/// let frame = session.push_input(now, [0b101, 7])?;
/// assert_eq!(session.own_input(frame), Some([0b101, 7]));
///
/// let mut buf = [0; DATAGRAM_MAX];
/// let transmit = session.poll_transmit(&mut buf).expect("a greeting is due");
/// assert_eq!((transmit.peer, transmit.datagram.len()), (peer, 28));
/// assert!(session.poll_timeout() > Some(now));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session<const PEERS: usize, const INPUT: usize, const WINDOW: usize = 120> {
    ours: Ours,
    inputs: Inputs<INPUT, WINDOW>,
    peers: Vec<Peer, PEERS>,
    /// The window of each peer.
    windows: [[[u8; INPUT]; WINDOW]; PEERS],
    /// Peers added so far: the number of the next one.
    added: u32,
    /// How long we were not called though something was due, in microseconds, while that is not told.
    stalled_us: u64,
    turn: Turn,
}

/// How far the seats were polled since time passed or something happened last. What was polled stays polled: a poll makes
/// nothing due, and a push nothing to tell.
#[derive(Clone, Debug)]
struct Turn {
    /// The seats before this one have said everything.
    saying: u16,
    /// The seats before this one have told everything.
    telling: u16,
}

impl Turn {
    const fn new() -> Self {
        Self { saying: 0, telling: 0 }
    }
}

/// A turn only saves work.
impl PartialEq for Turn {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Turn {}

/// A datagram to be sent, borrowed from the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit<'b> {
    /// To whom.
    pub peer: PeerId,
    /// The bytes; never none.
    pub datagram: &'b [u8],
}

impl<const PEERS: usize, const INPUT: usize, const WINDOW: usize> Session<PEERS, INPUT, WINDOW> {
    const SIZES: () = {
        assert!(PEERS >= 1 && PEERS < 1 << 16, "a session has room for 1 to 65,535 peers");
        assert!(INPUT >= 1 && INPUT <= 255, "an input is 1 to 255 bytes");
        assert!(WINDOW >= 2 && WINDOW <= 127, "a window is 2 to 127 frames");
    };

    /// Creates a session without peers, in epoch 0. It works in a `static`.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        const { Self::SIZES };
        Self {
            ours: Ours::new(config, short(WINDOW), short(INPUT)),
            inputs: Inputs::new(),
            peers: Vec::new(),
            windows: [[[0; INPUT]; WINDOW]; PEERS],
            added: 0,
            stalled_us: 0,
            turn: Turn::new(),
        }
    }

    // What we do.

    /// Adds a peer whose transport is open.
    ///
    /// # Errors
    ///
    /// [`Full`](AddPeerError::Full), [`PlayerTaken`](AddPeerError::PlayerTaken), or
    /// [`EpochRunning`](AddPeerError::EpochRunning) once frames of this epoch have left the window.
    pub fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT>) -> Result<PeerId, AddPeerError> {
        self.act(now);
        let id = PeerId::new(self.added);
        seats::add(&self.ours, &mut self.peers, id, peer.0)?;
        self.added = self.added.saturating_add(1);
        Ok(id)
    }

    /// The transport to a peer is closed: its state is kept, nothing is sent to it, and it counts as disconnected.
    pub fn close_peer(&mut self, now: Instant, peer: PeerId) {
        self.with(now, peer, |_, peer| peer.close());
    }

    /// The transport to a closed peer is open again: what is unacknowledged goes out, and RTT starts fresh.
    pub fn open_peer(&mut self, now: Instant, peer: PeerId) {
        self.with(now, peer, |ours, peer| peer.open(ours));
    }

    /// Forgets a peer. It no longer holds the window.
    pub fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.act(now);
        let Some(seat) = self.peers.iter().position(|other| other.id == peer) else { return };
        self.peers.remove(seat);
        // The windows behind it move up, and its own one, cleared, to the end.
        if let Some(windows) = self.windows.get_mut(seat..)
            && let Some(window) = windows.first_mut()
        {
            window.as_flattened_mut().fill(0);
            windows.rotate_left(1);
        }
    }

    /// Records our input of the next frame and returns that frame. It goes out with the next poll.
    ///
    /// # Errors
    ///
    /// [`WindowFull`](PushError::WindowFull) names the peer that has not acknowledged the oldest input in the window;
    /// [`FramesExhausted`](PushError::FramesExhausted) after 2^32 - 1 frames. Nothing is recorded then.
    pub fn push_input(&mut self, now: Instant, input: [u8; INPUT]) -> Result<Frame, PushError> {
        self.advance(now);
        self.turn.saying = 0;
        let frame = seats::next(&self.ours, &self.peers)?;
        self.inputs.push(&mut self.ours.outbox, self.ours.now, input);
        Ok(frame)
    }

    /// Begins a later run of frames, here: windows are emptied, frames count from `first_frame`, peers stay.
    ///
    /// What is unacknowledged is abandoned. So begin an epoch when all own inputs are acknowledged and all of the
    /// peers' are told, or when a peer is ahead.
    ///
    /// # Errors
    ///
    /// [`NotNewer`](EpochError::NotNewer) unless `epoch` is greater than the present one.
    pub fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.act(now);
        if epoch.get() <= self.ours.epoch {
            return Err(EpochError::NotNewer);
        }
        self.ours.begin_epoch(epoch.get());
        self.inputs = Inputs::new();
        for (peer, window) in self.peers.iter_mut().zip(&mut self.windows) {
            peer.begin_epoch(&self.ours, window.as_flattened_mut());
        }
        Ok(())
    }

    /// Records a hash of our game's state after a frame, to be compared with every peer's on the compact wire. A game
    /// pushes one every tenth frame or so, once the frame is [`confirmed`](Self::confirmed).
    ///
    /// # Errors
    ///
    /// [`NotNewer`](ChecksumError::NotNewer) unless the frame is greater than that of the last checksum in this epoch, and
    /// one that a push can get;
    /// [`Full`](ChecksumError::Full) when a peer has not acknowledged the oldest of 16 within the window. Nothing is
    /// recorded then.
    pub fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.act(now);
        let checksum = Checksum { frame: frame.get(), hash };
        seats::push_checksum(&self.ours, &mut self.peers, checksum)?;
        self.ours.checksums.push(checksum);
        Ok(())
    }

    /// Says goodbye to every open peer, where its wire has a word for it, and closes them all.
    pub fn leave(&mut self, now: Instant) {
        self.act(now);
        self.peers.iter_mut().for_each(Peer::leave);
    }

    /// Sets every counter in [`PeerStats`](crate::PeerStats) to zero. Nothing else depends on them.
    pub fn clear_counters(&mut self) {
        self.peers.iter_mut().for_each(Peer::clear_counters);
    }

    // What happens to us.

    /// Takes a datagram that came from a peer.
    ///
    /// # Errors
    ///
    /// Says exactly why a datagram was refused. A refused one changes nothing but a counter; it is fit for a log, and
    /// needs no other attention.
    pub fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.act(now);
        let mut seats = self.peers.iter_mut().zip(&mut self.windows);
        let (peer, window) = seats.find(|(peer, _)| peer.id == from).ok_or(DatagramError::UnknownPeer)?;
        peer.handle_datagram(&self.ours, window.as_flattened_mut(), datagram)
    }

    /// Takes note that time has passed, when [`poll_timeout`](Self::poll_timeout) said so or at any other moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    // What we say.

    /// The next datagram to send, or `None` when everything is said. A caller whose channel is congested does not poll:
    /// the next datagram will carry everything, fresh.
    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>> {
        while let Some(peer) = self.peers.get_mut(usize::from(self.turn.saying)) {
            let written = peer.poll_transmit(&self.ours, &self.inputs.view(&self.ours.outbox), buf);
            if written.is_none_or(|written| written.last) {
                self.turn.saying = self.turn.saying.saturating_add(1);
            }
            if let Some(Written { len, .. }) = written {
                return Some(Transmit { peer: peer.id, datagram: buf.get(..len)? });
            }
        }
        None
    }

    /// The next thing to tell, or `None` when everything is told. Inputs that are not taken are not acknowledged.
    pub fn poll_event(&mut self) -> Option<Event<INPUT>> {
        if self.stalled_us > 0 {
            let duration = span(core::mem::take(&mut self.stalled_us));
            return Some(Event::LocalStall { duration });
        }
        while let Some(peer) = self.peers.get_mut(usize::from(self.turn.telling)) {
            if let Some(event) = peer.poll_event(&self.ours) {
                return event.sized();
            }
            let window = self.windows.get(usize::from(self.turn.telling))?;
            let untold = peer.poll_input();
            if untold.is_none_or(|untold| untold.last) {
                self.turn.telling = self.turn.telling.saturating_add(1);
            }
            if let Some(Untold { frame, row, .. }) = untold {
                let input = *window.get(usize::from(row))?;
                return Some(Event::Input { peer: peer.id, frame: Frame::new(frame), input });
            }
        }
        None
    }

    /// When to wake the session next: always later than the newest `now`, drained or not. `None` if nothing will be due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        seats::due(&self.ours, &self.peers)
    }

    // Inside.

    /// Time passes, and something happens that may have to be said and told.
    fn act(&mut self, now: Instant) {
        self.advance(now);
        self.turn = Turn::new();
    }

    /// A clock that goes back is a clock that stood still; one that jumps ahead is a stall of our own.
    fn advance(&mut self, now: Instant) {
        let now = now.min(Instant::LAST);
        if now <= self.ours.now {
            return;
        }
        self.turn = Turn::new();
        if now.since(self.ours.now) >= STALL_MIN_US {
            let late = seats::stall(&self.ours, &mut self.peers, now);
            if late > 0 {
                self.stalled_us = self.stalled_us.saturating_add(late);
                self.ours.woken_at = now;
            }
        }
        self.ours.now = now;
    }

    fn with(&mut self, now: Instant, id: PeerId, act: impl FnOnce(&Ours, &mut Peer)) {
        self.act(now);
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == id) {
            act(&self.ours, peer);
        }
    }
}

/// A size of a session, which its constructor has checked to be below 256.
const fn short(size: usize) -> u8 {
    let [low, ..] = size.to_le_bytes();
    low
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn a_session_of_two_players_is_small() {
        assert!(size_of::<Session<1, 1>>() <= 1536, "{} bytes", size_of::<Session<1, 1>>());
    }
}
