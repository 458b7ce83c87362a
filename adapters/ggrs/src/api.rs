//! The types, traits and errors that a game names.

use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::marker::{MaybeSendSync, SavedState};
use crate::message::Message;

/// No frame.
pub const NULL_FRAME: i32 = -1;

/// The number of a frame, from 0.
pub type Frame = i32;

/// The number of a player or spectator: players are 0 to `num_players - 1`, spectators come after them.
pub type PlayerHandle = usize;

/// Whether the ends of a game compare the checksums of their states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesyncDetection {
    /// They compare those of every `interval`-th frame.
    On {
        /// In frames, at least 1; the same at every end.
        interval: u32,
    },
    /// They compare nothing.
    Off,
}

impl Display for DesyncDetection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::On { interval } => write!(f, "On (interval: {interval})"),
            Self::Off => f.write_str("Off"),
        }
    }
}

/// Where a player or spectator is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlayerType<A>
where
    A: Clone + PartialEq + Eq + Hash,
{
    /// At this end.
    #[default]
    Local,
    /// At another end, with this address.
    Remote(A),
    /// At this address, where the game is only watched.
    Spectator(A),
}

impl<A: Clone + PartialEq + Eq + Hash + Display> Display for PlayerType<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("Local"),
            Self::Remote(address) => write!(f, "Remote({address})"),
            Self::Spectator(address) => write!(f, "Spectator({address})"),
        }
    }
}

/// Whether a session plays yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// It waits for the first answer of every address.
    Synchronizing,
    /// It takes inputs and plays.
    Running,
}

impl Display for SessionState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Synchronizing => "Synchronizing",
            Self::Running => "Running",
        })
    }
}

/// How much the input of a player is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputStatus {
    /// It is the one that the player gave for this frame.
    Confirmed,
    /// It is a guess: the frame is played again if it turns out to be wrong.
    Predicted,
    /// The player has left, and this is the default input.
    Disconnected,
}

impl Display for InputStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "Confirmed",
            Self::Predicted => "Predicted",
            Self::Disconnected => "Disconnected",
        })
    }
}

/// What happened to a session. Taking note of it is up to the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GgrsEvent<T>
where
    T: Config,
{
    /// An address has answered; `count` of `total` steps are done.
    Synchronizing {
        /// The address.
        addr: T::Address,
        /// The number of steps.
        total: u32,
        /// How many are done.
        count: u32,
    },
    /// An address is ready to play.
    Synchronized {
        /// The address.
        addr: T::Address,
    },
    /// An address has left, or was silent for the disconnect timeout.
    Disconnected {
        /// The address.
        addr: T::Address,
    },
    /// An address is silent.
    NetworkInterrupted {
        /// The address.
        addr: T::Address,
        /// In how many milliseconds it is given up.
        disconnect_timeout: u128,
    },
    /// An address that was silent is heard again.
    NetworkResumed {
        /// The address.
        addr: T::Address,
    },
    /// The game is ahead of another one, and should wait.
    WaitRecommendation {
        /// For how many frames.
        skip_frames: u32,
    },
    /// The games at both ends differ. Reported once for each address, for the first frame compared that does.
    DesyncDetected {
        /// The frame whose saved state differs.
        frame: Frame,
        /// The checksum of this end, folded to 64 bits.
        local_checksum: u128,
        /// The checksum of the other end, folded to 64 bits.
        remote_checksum: u128,
        /// The address of the other end.
        addr: T::Address,
    },
}

/// What a game is to do next. The requests of a call are carried out in their order.
pub enum GgrsRequest<T>
where
    T: Config,
{
    /// Save the state.
    SaveGameState {
        /// Where to.
        cell: GameStateCell<T::State>,
        /// The frame that the state comes before.
        frame: Frame,
    },
    /// Go back to a saved state.
    LoadGameState {
        /// Where it is.
        cell: GameStateCell<T::State>,
        /// The frame that the state comes before.
        frame: Frame,
    },
    /// Play a frame.
    AdvanceFrame {
        /// The input of each player, by handle.
        inputs: Vec<(T::Input, InputStatus)>,
    },
}

/// The types of a game.
pub trait Config: 'static + MaybeSendSync {
    /// The input of one player for one frame. Its default stands for no input.
    type Input: Copy + Clone + PartialEq + Default + Serialize + DeserializeOwned + MaybeSendSync;

    /// Guesses the inputs that are not here yet.
    type InputPredictor: InputPredictor<Self::Input>;

    /// The state that a game saves.
    type State: SavedState;

    /// The address of another end.
    type Address: Clone + PartialEq + Eq + Hash + Debug + MaybeSendSync;
}

/// Carries messages between addresses; they may be lost, reordered and doubled.
pub trait NonBlockingSocket<A>: MaybeSendSync
where
    A: Clone + PartialEq + Eq + Hash + MaybeSendSync,
{
    /// Sends a message.
    fn send_to(&mut self, msg: &Message, addr: &A);

    /// Returns all messages that have arrived since the last call, with the addresses that they came from.
    fn receive_all_messages(&mut self) -> Vec<(A, Message)>;
}

/// Guesses the input of a player from its latest known one.
pub trait InputPredictor<I> {
    /// Returns the guess. It is asked once there is a known input; before, the guess is the default input.
    fn predict(previous: I) -> I;
}

/// Guesses that a player goes on as before: for inputs that say what is held.
pub struct PredictRepeatLast;

impl<I> InputPredictor<I> for PredictRepeatLast {
    fn predict(previous: I) -> I {
        previous
    }
}

/// Guesses that a player does nothing: for inputs that say what has changed.
pub struct PredictDefault;

impl<I: Default> InputPredictor<I> for PredictDefault {
    fn predict(_previous: I) -> I {
        I::default()
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GgrsError {
    /// The next frame is not here yet.
    PredictionThreshold,
    /// The call makes no sense.
    InvalidRequest {
        /// Why not.
        info: String,
    },
    /// Frames gave other states when they were played again.
    MismatchedChecksum {
        /// The next frame to play.
        current_frame: Frame,
        /// The frames whose saved states differ.
        mismatched_frames: Vec<Frame>,
    },
    /// Not every address has answered yet.
    NotSynchronized,
    /// The spectator is too far behind; it never is here, since it keeps everything.
    SpectatorTooFarBehind,
    /// There are no statistics in the first second.
    NotEnoughData,
}

impl GgrsError {
    pub(crate) fn invalid(info: impl Into<String>) -> Self {
        Self::InvalidRequest { info: info.into() }
    }
}

impl Display for GgrsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::PredictionThreshold => f.write_str("the next frame is not here yet: skip this one"),
            Self::InvalidRequest { info } => write!(f, "invalid request: {info}"),
            Self::MismatchedChecksum { current_frame, mismatched_frames } => {
                write!(f, "at frame {current_frame}, frames {mismatched_frames:?} differ when they are played again")
            }
            Self::NotSynchronized => f.write_str("not every address has answered yet: poll, and try again"),
            Self::SpectatorTooFarBehind => f.write_str("the spectator is too far behind"),
            Self::NotEnoughData => f.write_str("there are no statistics in the first second: try again later"),
        }
    }
}

impl Error for GgrsError {}

/// How good the connection to an address is.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkStats {
    /// How many inputs the other end has not acknowledged.
    pub send_queue_len: usize,
    /// The round-trip time, in milliseconds.
    pub ping: u128,
    /// How many frames this game is behind the other one; negative if it is ahead.
    pub local_frames_behind: i32,
    /// How many frames the other game is behind this one; negative if it is ahead.
    pub remote_frames_behind: i32,
}

impl NetworkStats {
    /// Returns zeros.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What is in a cell.
#[derive(Debug)]
struct Saved<S> {
    frame: Frame,
    data: Option<S>,
    checksum: Option<u128>,
}

/// A place for a saved state. Clones are the same place.
pub struct GameStateCell<T>(Arc<Mutex<Saved<T>>>);

impl<T> GameStateCell<T> {
    fn lock(&self) -> MutexGuard<'_, Saved<T>> {
        // A thread that panicked in between has left whole values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Saves the state before a frame, and its checksum. A game that keeps its states elsewhere saves `None`.
    pub fn save(&self, frame: Frame, data: Option<T>, checksum: Option<u128>) {
        *self.lock() = Saved { frame, data, checksum };
    }

    /// Lends the state that was saved, if there is one.
    ///
    /// ```
    /// let cell = ggrs::GameStateCell::default();
    /// assert!(cell.data().is_none());
    /// cell.save(7, Some("seven"), None);
    /// assert_eq!(cell.data().map(|state| state.len()), Some(5));
    /// ```
    pub fn data(&self) -> Option<GameStateAccessor<'_, T>> {
        let saved = self.lock();
        saved.data.is_some().then_some(GameStateAccessor(saved))
    }

    /// The checksum that was saved for a frame, if the cell still holds that frame.
    pub(crate) fn checksum(&self, frame: Frame) -> Option<u128> {
        let saved = self.lock();
        if saved.frame == frame {
            saved.checksum
        } else {
            None
        }
    }
}

impl<T: Clone> GameStateCell<T> {
    /// Returns a clone of the state that was saved, if there is one.
    pub fn load(&self) -> Option<T> {
        self.lock().data.clone()
    }
}

impl<T> Default for GameStateCell<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Saved { frame: NULL_FRAME, data: None, checksum: None })))
    }
}

impl<T> Clone for GameStateCell<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Debug for GameStateCell<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let saved = self.lock();
        let mut debug = f.debug_struct("GameStateCell");
        debug.field("frame", &saved.frame).field("checksum", &saved.checksum).finish_non_exhaustive()
    }
}

/// Lends a saved state.
pub struct GameStateAccessor<'c, T>(MutexGuard<'c, Saved<T>>);

impl<T> GameStateAccessor<'_, T> {
    /// Lends the state to change it. A change that the game can see makes the ends diverge.
    #[expect(clippy::missing_panics_doc, reason = "the state is there as long as it is lent")]
    pub fn as_mut_dangerous(&mut self) -> &mut T {
        self.0.data.as_mut().expect("it was there when the lock was taken")
    }
}

impl<T> Deref for GameStateAccessor<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.data.as_ref().expect("it was there when the lock was taken")
    }
}
