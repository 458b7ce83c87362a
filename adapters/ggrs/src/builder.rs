//! From settings to sessions.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use crate::address::{Address, Events};
use crate::api::{
    Config, DesyncDetection, GgrsError, NonBlockingSocket, PlayerHandle, PlayerType, SessionState, NULL_FRAME,
};
use crate::clock::Clock;
use crate::local::LocalPlayer;
use crate::p2p::{input_delay, P2PSession, Remote, Spectator};
use crate::slots::Slots;
use crate::spectator::SpectatorSession;
use crate::synctest::SyncTestSession;
use crate::timeline::{Place, Saving, Timeline};
use crate::wire::{self, Terms, Timing, MAX_PEERS, MAX_PREDICTION};

/// A spectator may be told to catch up from at most so many frames behind.
const MOST_FRAMES_BEHIND: usize = 60;

/// Collects the settings of a session.
///
/// ```
/// # use ggrs::{Config, Message, NonBlockingSocket, PlayerType, PredictRepeatLast, SessionBuilder, SessionState};
/// struct Game;
/// impl Config for Game {
///     type Input = u8;
///     type InputPredictor = PredictRepeatLast;
///     type State = u64;
///     type Address = u16;
/// }
/// # struct Socket;
/// # impl NonBlockingSocket<u16> for Socket {
/// #     fn send_to(&mut self, _: &Message, _: &u16) {}
/// #     fn receive_all_messages(&mut self) -> Vec<(u16, Message)> { Vec::new() }
/// # }
/// # let socket = Socket;
/// let session = SessionBuilder::<Game>::new()
///     .with_num_players(2)?
///     .with_input_delay(2)
///     .add_player(PlayerType::Local, 0)?
///     .add_player(PlayerType::Remote(7001), 1)?
///     .start_p2p_session(socket)?;
/// assert_eq!(session.current_state(), SessionState::Synchronizing);
/// # Ok::<(), ggrs::GgrsError>(())
/// ```
pub struct SessionBuilder<T>
where
    T: Config,
{
    num_players: usize,
    handles: BTreeMap<PlayerHandle, PlayerType<T::Address>>,
    max_prediction: usize,
    input_delay: usize,
    sparse_saving: bool,
    desync_detection: DesyncDetection,
    timing: Timing,
    check_distance: usize,
    max_frames_behind: usize,
    catchup_speed: usize,
}

impl<T: Config> Default for SessionBuilder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Config> Debug for SessionBuilder<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("num_players", &self.num_players)
            .field("handles", &self.handles)
            .field("max_prediction", &self.max_prediction)
            .field("input_delay", &self.input_delay)
            .field("sparse_saving", &self.sparse_saving)
            .field("desync_detection", &self.desync_detection)
            .field("timing", &self.timing)
            .field("check_distance", &self.check_distance)
            .field("max_frames_behind", &self.max_frames_behind)
            .field("catchup_speed", &self.catchup_speed)
            .finish()
    }
}

impl<T: Config> SessionBuilder<T> {
    /// Starts from two players, 60 frames a second, 8 predicted frames, no input delay, and a disconnect timeout of 2 s.
    pub fn new() -> Self {
        Self {
            num_players: 2,
            handles: BTreeMap::new(),
            max_prediction: 8,
            input_delay: 0,
            sparse_saving: false,
            desync_detection: DesyncDetection::Off,
            timing: Timing {
                fps: 60,
                disconnect_timeout: Duration::from_secs(2),
                notify_delay: Duration::from_millis(500),
            },
            check_distance: 2,
            max_frames_behind: 10,
            catchup_speed: 1,
        }
    }

    /// Adds a player, from 0 to `num_players - 1`, or a spectator, from `num_players` on.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if the handle is taken, or out of its range.
    pub fn add_player(
        mut self,
        player_type: PlayerType<T::Address>,
        player_handle: PlayerHandle,
    ) -> Result<Self, GgrsError> {
        if self.handles.contains_key(&player_handle) {
            return Err(GgrsError::invalid(format!("handle {player_handle} is taken")));
        }
        check_handle(&player_type, player_handle, self.num_players)?;
        self.handles.insert(player_handle, player_type);
        Ok(self)
    }

    /// Predicts at most so many frames (default 8, at most 58). With 0 this is lockstep: no frame is played before its inputs are
    /// known, and nothing is saved or loaded.
    pub fn with_max_prediction_window(mut self, window: usize) -> Self {
        self.max_prediction = window.min(MAX_PREDICTION);
        self
    }

    /// Delays local inputs by so many frames (default 0, at most 30).
    pub fn with_input_delay(mut self, delay: usize) -> Self {
        self.input_delay = delay;
        self
    }

    /// Sets the number of players (default 2).
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for none, and if a handle that was added is out of its range by it.
    pub fn with_num_players(mut self, num_players: usize) -> Result<Self, GgrsError> {
        if num_players == 0 {
            return Err(GgrsError::invalid("a game has at least one player"));
        }
        for (handle, player_type) in &self.handles {
            check_handle(player_type, *handle, num_players)?;
        }
        self.num_players = num_players;
        Ok(self)
    }

    /// Saves at confirmed frames only, and as rarely as possible: for states that are dear to save and cheap to play.
    pub fn with_sparse_saving_mode(mut self, sparse_saving: bool) -> Self {
        self.sparse_saving = sparse_saving;
        self
    }

    /// Compares the checksums of saved states, the same at every end.
    pub fn with_desync_detection_mode(mut self, desync_detection: DesyncDetection) -> Self {
        self.desync_detection = desync_detection;
        self
    }

    /// Gives an address up after so much silence (default 2 s).
    pub fn with_disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.timing.disconnect_timeout = timeout;
        self
    }

    /// Reports an interruption after so much silence (default 500 ms).
    pub fn with_disconnect_notify_delay(mut self, notify_delay: Duration) -> Self {
        self.timing.notify_delay = notify_delay;
        self
    }

    /// Sets how many frames there are in a second (default 60).
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for 0.
    pub fn with_fps(mut self, fps: usize) -> Result<Self, GgrsError> {
        if fps == 0 {
            return Err(GgrsError::invalid("a game has at least one frame a second"));
        }
        self.timing.fps = fps;
        Ok(self)
    }

    /// Plays so many frames again in each frame of a sync test (default 2).
    pub fn with_check_distance(mut self, check_distance: usize) -> Self {
        self.check_distance = check_distance;
        self
    }

    /// Lets a spectator catch up once it is more than so many frames behind (default 10).
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for 0, and for 60 and more.
    pub fn with_max_frames_behind(mut self, max_frames_behind: usize) -> Result<Self, GgrsError> {
        if !(1..MOST_FRAMES_BEHIND).contains(&max_frames_behind) {
            return Err(GgrsError::invalid(format!("a spectator is 1 to {} frames behind", MOST_FRAMES_BEHIND - 1)));
        }
        self.max_frames_behind = max_frames_behind;
        Ok(self)
    }

    /// Plays at most so many frames at once while a spectator catches up (default 1).
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for 0.
    pub fn with_catchup_speed(mut self, catchup_speed: usize) -> Result<Self, GgrsError> {
        if catchup_speed == 0 {
            return Err(GgrsError::invalid("a spectator plays at least one frame at once"));
        }
        self.catchup_speed = catchup_speed;
        Ok(self)
    }

    /// Starts a game with others. Nothing is sent before the session is polled.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if players are missing, there are too many addresses, or the inputs are too long.
    pub fn start_p2p_session(
        self,
        socket: impl NonBlockingSocket<T::Address> + 'static,
    ) -> Result<P2PSession<T>, GgrsError> {
        if (0..self.num_players).any(|handle| !self.handles.contains_key(&handle)) {
            return Err(GgrsError::invalid(format!("not all of the {} players were added", self.num_players)));
        }
        if self.desync_detection == (DesyncDetection::On { interval: 0 }) {
            return Err(GgrsError::invalid("checksums are compared every frame at most: the interval is at least 1"));
        }
        let mut local = Place { number: number(self.num_players), handles: Vec::new(), known_end: 0 };
        let mut remotes: Vec<(T::Address, Place)> = Vec::new();
        let mut spectators: Vec<T::Address> = Vec::new();
        for (handle, player_type) in &self.handles {
            match player_type {
                PlayerType::Local => local.handles.push(*handle),
                PlayerType::Remote(addr) => {
                    if let Some((_, place)) = remotes.iter_mut().find(|(other, _)| other == addr) {
                        place.handles.push(*handle);
                    } else {
                        let place = Place { number: number(*handle), handles: vec![*handle], known_end: 0 };
                        remotes.push((addr.clone(), place));
                    }
                }
                PlayerType::Spectator(addr) if spectators.contains(addr) => {}
                PlayerType::Spectator(addr) => spectators.push(addr.clone()),
            }
        }
        if let Some(lowest) = local.handles.first() {
            local.number = number(*lowest);
        }
        if remotes.len() > MAX_PEERS || self.num_players > usize::from(u16::MAX) {
            return Err(GgrsError::invalid(format!("there are at most {MAX_PEERS} other addresses")));
        }

        let slots = Slots::<T::Input>::new();
        let places: Vec<Place> = remotes.iter().map(|(_, place)| place.clone()).chain([local.clone()]).collect();
        let most = places.iter().map(|place| place.handles.len()).max().unwrap_or(1);
        let too_long = || {
            let most = "255 bytes with up to 3 other addresses, 128 with up to 7, 64 with more";
            GgrsError::invalid(format!("the inputs of the players at one address are too long: {most}"))
        };
        let terms = Terms {
            num_players: self.num_players,
            row_len: slots.row_len(most, 0).ok_or_else(too_long)?,
            timing: self.timing,
        };
        let clock = Clock::start();
        let now = clock.now();
        let others: Vec<u16> = remotes.iter().map(|(_, place)| place.number).collect();
        let wire = wire::players(now, terms, local.number, &others, 0).ok_or_else(too_long)?;

        let too_long =
            || GgrsError::invalid("the inputs of all players are longer than 255 bytes: too long for spectators");
        let mut watching = Vec::new();
        for addr in spectators {
            let row_len = slots.row_len(self.num_players, 1).ok_or_else(too_long)?;
            let feed = wire::feed(now, Terms { row_len, ..terms }, true).ok_or_else(too_long)?;
            watching.push(Spectator { address: Address::new(addr), feed, next: 0 });
        }

        let saving = match (self.max_prediction, self.sparse_saving) {
            (0, _) => Saving::None,
            (_, true) => Saving::Sparse,
            (_, false) => Saving::All,
        };
        let delay = input_delay(self.input_delay);
        let state =
            if remotes.is_empty() && watching.is_empty() { SessionState::Running } else { SessionState::Synchronizing };
        let mut session = P2PSession {
            socket: Box::new(socket),
            clock,
            wire,
            terms,
            number: local.number,
            locals: local.handles.iter().map(|handle| LocalPlayer::new(*handle, delay)).collect(),
            rows: VecDeque::new(),
            remotes: remotes
                .into_iter()
                .map(|(addr, place)| Remote { address: Address::new(addr), number: place.number })
                .collect(),
            spectators: watching,
            handles: self.handles,
            timeline: Timeline::new(saving, self.max_prediction, slots.len(), places),
            slots,
            events: Events::new(),
            state,
            max_prediction: self.max_prediction,
            desync_detection: self.desync_detection,
            next_checksum: match self.desync_detection {
                DesyncDetection::On { interval } => i32::try_from(interval).unwrap_or(i32::MAX),
                DesyncDetection::Off => 0,
            },
            recommended_at: NULL_FRAME,
            is_dropped: false,
        };
        session.tell_delay();
        Ok(session)
    }

    /// Starts to watch the game of a host. Nothing is sent before the session is polled.
    ///
    /// It never starts if the host has another number of players, or their inputs are longer than 255 bytes in all.
    pub fn start_spectator_session(
        self,
        host_addr: T::Address,
        socket: impl NonBlockingSocket<T::Address> + 'static,
    ) -> SpectatorSession<T> {
        let slots = Slots::<T::Input>::new();
        let clock = Clock::start();
        let row_len = slots.row_len(self.num_players, 1);
        let terms = row_len.map(|row_len| Terms { num_players: self.num_players, row_len, timing: self.timing });
        SpectatorSession {
            socket: Box::new(socket),
            clock,
            host: Address::new(host_addr),
            feed: terms.and_then(|terms| wire::feed(clock.now(), terms, false)),
            timing: self.timing,
            num_players: self.num_players,
            slots,
            rows: VecDeque::new(),
            current: NULL_FRAME,
            events: Events::new(),
            max_frames_behind: self.max_frames_behind,
            catchup_speed: self.catchup_speed,
        }
    }

    /// Starts a sync test: all players are local.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if the check distance is not below the prediction window, or saving is sparse.
    pub fn start_synctest_session(self) -> Result<SyncTestSession<T>, GgrsError> {
        if self.check_distance >= self.max_prediction {
            return Err(GgrsError::invalid("the check distance must be below the prediction window"));
        }
        if self.sparse_saving {
            return Err(GgrsError::invalid("a sync test saves every frame: switch sparse saving off"));
        }
        let delay = input_delay(self.input_delay);
        Ok(SyncTestSession::new(self.num_players, self.max_prediction, self.check_distance, delay))
    }
}

/// The number of a handle on the wire.
fn number(handle: PlayerHandle) -> u16 {
    u16::try_from(handle).unwrap_or(u16::MAX)
}

fn check_handle<A>(player_type: &PlayerType<A>, handle: PlayerHandle, num_players: usize) -> Result<(), GgrsError>
where
    A: Clone + PartialEq + Eq + std::hash::Hash,
{
    match player_type {
        PlayerType::Local | PlayerType::Remote(_) if handle >= num_players => {
            Err(GgrsError::invalid(format!("the handle of a player is below {num_players}, not {handle}")))
        }
        PlayerType::Spectator(_) if handle < num_players => {
            Err(GgrsError::invalid(format!("the handle of a spectator is {num_players} or more, not {handle}")))
        }
        _ => Ok(()),
    }
}
