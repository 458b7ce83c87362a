//! The machine: our inputs and every peer. What it knows is in `session/view.rs`.
//!
//! All time enters here, and no call takes it back: the session keeps the greatest moment it was told.

use core::time::Duration;

use heapless::Vec;

use crate::checksum::{Checksum, Checksums, OWN};
use crate::config::{Config, DATAGRAM_MAX, PeerConfig};
use crate::error::{AddPeerError, ChecksumError, DatagramError, EpochError, PushError};
use crate::event::Event;
use crate::frame::{Epoch, Frame, PeerId};
use crate::link::Ours;
use crate::link::compact::Said;
use crate::outbox::Outbox;
use crate::peer::{Peer, Telling};
use crate::time::{Instant, earlier};

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
    config: Config,
    now: Instant,
    epoch: Epoch,
    outbox: Outbox<INPUT, WINDOW>,
    seats: Vec<Seat<INPUT, WINDOW>, PEERS>,
    /// Peers added so far: the number of the next one.
    added: u32,
    /// The newest state hashes of our game in this epoch.
    checksums: Checksums<OWN>,
    /// How long we were not called though something was due, in microseconds, while that is not told.
    stalled_us: u64,
    /// When the last such pause ended.
    woken_at: Instant,
    turn: Turn,
}

/// How far the seats were polled since something happened last. What was polled stays polled: a poll makes nothing due.
#[derive(Clone, Debug, Default)]
struct Turn {
    /// The seats before this one have said everything, and what this one has said.
    saying: u16,
    said: Said,
    /// The seats before this one have told everything, and what this one has told.
    telling: u16,
    told: Telling,
}

impl Turn {
    const fn new() -> Self {
        Self { saying: 0, said: Said::Nothing, telling: 0, told: Telling::Everything }
    }
}

/// A turn only saves work.
impl PartialEq for Turn {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Turn {}

/// A peer and its window of inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat<const INPUT: usize, const WINDOW: usize> {
    peer: Peer,
    inputs: [[u8; INPUT]; WINDOW],
}

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
            config,
            now: Instant::ORIGIN,
            epoch: Epoch::new(0),
            outbox: Outbox::new(config.first_frame),
            seats: Vec::new(),
            added: 0,
            checksums: Checksums::new(),
            stalled_us: 0,
            woken_at: Instant::ORIGIN,
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
        self.advance(now);
        let id = PeerId::new(self.added);
        let (ours, seats) = self.split();
        let taken = seats.iter().any(|seat| seat.peer.player() == peer.player);
        if taken || peer.player == ours.config.player {
            return Err(AddPeerError::PlayerTaken);
        }
        if ours.pushed.oldest() > ours.first_frame().position() {
            return Err(AddPeerError::EpochRunning);
        }
        let seat = Seat { peer: Peer::new(id, &ours, &peer), inputs: [[0; INPUT]; WINDOW] };
        let added = id.get().checked_add(1).ok_or(AddPeerError::Full)?;
        self.seats.push(seat).map_err(|_| AddPeerError::Full)?;
        self.added = added;
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
        self.advance(now);
        if let Some(index) = self.seats.iter().position(|seat| seat.peer.id == peer) {
            self.seats.remove(index);
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
        let (ours, seats) = self.split();
        if ours.pushed.next >= u64::from(u32::MAX) {
            return Err(PushError::FramesExhausted);
        }
        seats.iter().try_for_each(|seat| seat.peer.judge_push(&ours))?;
        for seat in seats {
            seat.peer.push(&ours);
        }
        let frame = self.next_frame();
        self.outbox.push(self.now, input);
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
        self.advance(now);
        if epoch <= self.epoch {
            return Err(EpochError::NotNewer);
        }
        self.epoch = epoch;
        self.outbox = Outbox::new(self.config.first_frame);
        self.checksums = Checksums::new();
        let (ours, seats) = self.split();
        for seat in seats {
            seat.peer.begin_epoch(&ours, seat.inputs.as_flattened_mut());
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
        self.advance(now);
        let checksum = Checksum { frame: frame.get(), hash };
        let (ours, seats) = self.split();
        if checksum.frame < ours.checksums.end() || checksum.frame == u32::MAX {
            return Err(ChecksumError::NotNewer);
        }
        if let Some(leaving) = ours.checksums.leaving()
            && let Some(seat) = seats.iter().find(|seat| seat.peer.needs_checksum(&ours, leaving))
        {
            return Err(ChecksumError::Full(seat.peer.id));
        }
        for seat in seats {
            seat.peer.push_checksum(checksum);
        }
        self.checksums.push(checksum);
        Ok(())
    }

    /// Says goodbye to every open peer, where its wire has a word for it, and closes them all.
    pub fn leave(&mut self, now: Instant) {
        self.advance(now);
        for seat in &mut self.seats {
            seat.peer.leave();
        }
    }

    /// Sets every counter in [`PeerStats`](crate::PeerStats) to zero. Nothing else depends on them.
    pub fn clear_counters(&mut self) {
        for seat in &mut self.seats {
            seat.peer.clear_counters();
        }
    }

    // What happens to us.

    /// Takes a datagram that came from a peer.
    ///
    /// # Errors
    ///
    /// Says exactly why a datagram was refused. A refused one changes nothing but a counter; it is fit for a log, and
    /// needs no other attention.
    pub fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.advance(now);
        let (ours, seats) = self.split();
        let seat = seats.iter_mut().find(|seat| seat.peer.id == from).ok_or(DatagramError::UnknownPeer)?;
        if datagram.len() > DATAGRAM_MAX {
            seat.peer.refuse(DatagramError::TooLong);
            return Err(DatagramError::TooLong);
        }
        seat.peer.handle_datagram(&ours, seat.inputs.as_flattened_mut(), datagram)
    }

    /// Takes note that time has passed, when [`poll_timeout`](Self::poll_timeout) said so or at any other moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    // What we say.

    /// The next datagram to send, or `None` when everything is said. A caller whose channel is congested does not poll:
    /// the next datagram will carry everything, fresh.
    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>> {
        while let Some(seat) = self.seats.get_mut(usize::from(self.turn.saying)) {
            let ours = ours(self.now, self.woken_at, &self.config, self.epoch, &self.outbox, &self.checksums);
            if let Some(len) = seat.peer.poll_transmit(&ours, &mut self.turn.said, buf.as_mut_slice()) {
                return Some(Transmit { peer: seat.peer.id, datagram: buf.get(..len)? });
            }
            self.turn.saying = self.turn.saying.saturating_add(1);
            self.turn.said = Said::Nothing;
        }
        None
    }

    /// The next thing to tell, or `None` when everything is told. Inputs that are not taken are not acknowledged.
    pub fn poll_event(&mut self) -> Option<Event<INPUT>> {
        if self.stalled_us > 0 {
            let duration = Duration::from_micros(core::mem::take(&mut self.stalled_us));
            return Some(Event::LocalStall { duration });
        }
        while let Some(seat) = self.seats.get_mut(usize::from(self.turn.telling)) {
            let ours = ours(self.now, self.woken_at, &self.config, self.epoch, &self.outbox, &self.checksums);
            let event = seat.peer.poll_event(&ours, &mut self.turn.told, seat.inputs.as_flattened());
            if event.is_some() {
                return event;
            }
            self.turn.telling = self.turn.telling.saturating_add(1);
            self.turn.told = Telling::Everything;
        }
        None
    }

    /// When to wake the session next: always later than the newest `now`, drained or not. `None` if nothing will be due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ours = self.ours();
        let due = self.seats.iter().fold(None, |first, seat| earlier(first, seat.peer.poll_timeout(&ours)));
        due.filter(|due| *due <= Instant::LAST)
    }

    // Inside.

    /// A clock that goes back is a clock that stood still; one that jumps ahead is a stall of our own.
    fn advance(&mut self, now: Instant) {
        self.turn = Turn::new();
        let now = now.min(Instant::LAST);
        if now.since(self.now) >= STALL_MIN_US {
            let late = self.poll_timeout().map_or(0, |due| now.since(due));
            let (ours, seats) = self.split();
            let mut stalled = false;
            for seat in seats {
                stalled |= seat.peer.stall(&ours, late);
            }
            if stalled {
                self.stalled_us = self.stalled_us.saturating_add(late);
                self.woken_at = now;
            }
        }
        self.now = self.now.max(now);
    }

    fn with(&mut self, now: Instant, id: PeerId, act: impl FnOnce(&Ours<'_>, &mut Peer)) {
        self.advance(now);
        let (ours, seats) = self.split();
        if let Some(seat) = seats.iter_mut().find(|seat| seat.peer.id == id) {
            act(&ours, &mut seat.peer);
        }
    }

    fn ours(&self) -> Ours<'_> {
        ours(self.now, self.woken_at, &self.config, self.epoch, &self.outbox, &self.checksums)
    }

    /// Our end, to be looked at, and the peers, to be changed.
    fn split(&mut self) -> (Ours<'_>, &mut [Seat<INPUT, WINDOW>]) {
        let ours = ours(self.now, self.woken_at, &self.config, self.epoch, &self.outbox, &self.checksums);
        (ours, self.seats.as_mut_slice())
    }
}

fn ours<'a, const INPUT: usize, const WINDOW: usize>(
    now: Instant,
    woken_at: Instant,
    config: &'a Config,
    epoch: Epoch,
    outbox: &'a Outbox<INPUT, WINDOW>,
    checksums: &'a Checksums<OWN>,
) -> Ours<'a> {
    Ours { now, woken_at, config, epoch: epoch.get(), pushed: outbox.view(), checksums }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn a_session_of_two_players_is_small() {
        assert!(size_of::<Session<1, 1>>() <= 1536, "{} bytes", size_of::<Session<1, 1>>());
    }
}
