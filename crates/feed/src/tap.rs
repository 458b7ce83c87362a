//! Rows from a session: the inputs that every player's session has in its window anyway.

use core::fmt;

use alloc::vec::Vec;
use inputwire::{Endpoint, Epoch, Frame, Session};

use crate::error::WriteError;
use crate::writer::FeedWriter;

/// Takes the confirmed rows out of a session, or of whatever stands for one, and writes them to a feed.
///
/// ```
/// use inputwire::{Config, Instant, PeerConfig, Session};
/// use inputwire_feed::{FeedWriter, Settings, Tap};
///
/// let now = Instant::ORIGIN;
/// let config = Config::builder().session_id(7).local_player(0).incarnation(0x5eed_0000_0001).build()?;
/// let mut session: Session<1, 1> = Session::new(config);
/// session.add_peer(now, PeerConfig::compact(1))?;
/// let mut writer = FeedWriter::new(Settings::of_session(session.config(), [0, 1], 1))?;
/// let mut tap = Tap::new(&writer);
///
/// session.push_input(now, [5])?;
/// tap.follow(&session, &mut writer)?; // once a frame
/// assert_eq!(writer.next_frame().get(), 0); // the peer's input is not here yet
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tap {
    seats: Vec<Seat>,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    player: u16,
    /// Where its inputs begin, and end, in an epoch.
    joined: (u32, u32),
    departed: Option<(u32, u32)>,
    /// Whether the session had it as a peer.
    met: bool,
}

/// Why rows cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TapError {
    /// The input of a frame has left the session's window: the tap was not called for too long.
    Lost {
        /// Whose input.
        player: u16,
        /// The frame.
        frame: Frame,
    },
    /// A player is no peer of the session any more, and its last frame is not known.
    Gone {
        /// Which player.
        player: u16,
    },
    /// The writer refuses the row.
    Write(WriteError),
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { player, frame } => write!(
                f,
                "the input of player {player} for frame {frame} has left the window: call `follow` in every frame"
            ),
            Self::Gone { player } => {
                write!(f, "player {player} is no peer any more: call `depart` and `follow` before `remove_peer`")
            }
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TapError {}

impl From<WriteError> for TapError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl Tap {
    /// Creates the tap for a writer.
    #[must_use]
    pub fn new(writer: &FeedWriter) -> Self {
        let seat = |player: &u16| Seat { player: *player, joined: (0, 0), departed: None, met: false };
        Self { seats: writer.players().iter().map(seat).collect() }
    }

    /// Notes that a player has no inputs before this frame of this epoch: it joins late, or comes back. Called at every
    /// writer with the same frame.
    pub fn join(&mut self, player: u16, epoch: Epoch, first: Frame) {
        for seat in self.seats.iter_mut().filter(|seat| seat.player == player) {
            (seat.joined, seat.departed) = ((epoch.get(), first.get()), None);
        }
    }

    /// Notes that a player has departed, and its last input that all survivors have: `None` if it has none in this epoch. Called
    /// at every writer with the same frame, once the survivors agree on it.
    pub fn depart(&mut self, player: u16, epoch: Epoch, last: Option<Frame>) {
        let end = last.map_or(0, |last| last.get().saturating_add(1));
        for seat in self.seats.iter_mut().filter(|seat| seat.player == player) {
            seat.departed = Some((epoch.get(), end));
        }
    }

    /// Writes every row that is confirmed: that of each frame for which the inputs of all present players are known. A player
    /// that was never a peer of the session counts as absent, so add every peer before the first call. Follows the session into
    /// its epoch. Returns the number of rows.
    ///
    /// # Errors
    ///
    /// As [`TapError`] says; the rows before are written.
    pub fn follow<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        &mut self,
        endpoint: &impl Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>,
        writer: &mut FeedWriter,
    ) -> Result<u32, TapError> {
        let session = endpoint.session();
        if session.epoch() > writer.epoch() {
            writer.begin_epoch(session.epoch())?;
        }
        for seat in &mut self.seats {
            seat.met |= session.peer_of(seat.player).is_some();
        }
        let mut rows = 0_u32;
        while session.epoch() == writer.epoch()
            && let Some(inputs) = self.row(session, writer.next_frame())?
        {
            let inputs: Vec<Option<&[u8]>> =
                inputs.iter().map(|input| input.as_ref().map(<[u8; INPUT_LEN]>::as_slice)).collect();
            writer.push_row(writer.next_frame(), &inputs)?;
            rows = rows.saturating_add(1);
        }
        Ok(rows)
    }

    /// The inputs of all seats for a frame; `None` while one is not known.
    fn row<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        &self,
        session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
        frame: Frame,
    ) -> Result<Option<Vec<Option<[u8; INPUT_LEN]>>>, TapError> {
        let mut row = Vec::with_capacity(self.seats.len());
        let mut any = false;
        for seat in &self.seats {
            let input = match seat.input(session, frame)? {
                Input::Known(input) => Some(input),
                Input::Absent => None,
                Input::Awaited => return Ok(None),
            };
            any |= input.is_some();
            row.push(input);
        }
        Ok(any.then_some(row))
    }
}

enum Input<const INPUT_LEN: usize> {
    Known([u8; INPUT_LEN]),
    Absent,
    Awaited,
}

impl Seat {
    fn input<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        &self,
        session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
        frame: Frame,
    ) -> Result<Input<INPUT_LEN>, TapError> {
        let at = (session.epoch().get(), frame.get());
        if at < self.joined || self.departed.is_some_and(|departed| at >= departed) {
            return Ok(Input::Absent);
        }
        let (input, end) = if self.player == session.config().local_player() {
            (session.local_input(frame), session.next_frame().get())
        } else {
            let Some(peer) = session.peer_of(self.player).and_then(|id| session.peer(id)) else {
                return if self.met { Err(TapError::Gone { player: self.player }) } else { Ok(Input::Absent) };
            };
            (peer.remote_input(frame), peer.last_frame().map_or(0, |last| last.get().saturating_add(1)))
        };
        match input {
            Some(input) => Ok(Input::Known(input)),
            None if frame.get() >= end => Ok(Input::Awaited),
            None => Err(TapError::Lost { player: self.player, frame }),
        }
    }
}
