//! The driver: a session, the latest states of a game, and one call a frame.

use core::array::from_fn;
use core::time::Duration;

use inputwire::{
    AddPeerError, DatagramError, Endpoint, Epoch, EpochError, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent,
    PeerId, PeerRef, PushError, Session, Transmit,
};

use crate::inputs::Inputs;
use crate::states::{Cloned, SaveState, Saved};
use crate::timeline::{Settings, Timeline};

/// A game over a session: it predicts, compares, rolls back, checks, and waits where it must.
///
/// `S` is the state of the game, `E` the session or whatever stands for one. `MAX_PEERS`, `INPUT_LEN` and `WINDOW` are those
/// of the session. `RING` is how many states there are: that of the latest confirmed frame, one more for each frame
/// predicted, and the first of the epoch.
///
/// Its methods are those of a [`Session`], in the same four kinds, except that [`step`](Self::step) takes the place of
/// `push_input`. Everything else of the session is found at [`session`](Self::session). Drain events until `None` before
/// each step: inputs are taken there.
#[derive(Clone, Debug)]
pub struct Rollback<
    S,
    E,
    const MAX_PEERS: usize,
    const INPUT_LEN: usize,
    const RING: usize = 10,
    const WINDOW: usize = 120,
> {
    timeline: Timeline<E, MAX_PEERS, INPUT_LEN, RING, WINDOW>,
    /// By slot; the last one is the first state of an epoch.
    states: [S; RING],
    hash: fn(&S) -> u64,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The game has moved on by one frame.
    Advanced {
        /// The frame that was played.
        frame: Frame,
        /// How many frames before it were played again first.
        resimulated: u32,
    },
    /// The game stands still until more inputs of this peer are known.
    Waiting(PeerId),
    /// The [last frame](Rollback::end_round) of the round was played; the next round begins once every player has all inputs. Or an
    /// epoch has begun in this step; the next one plays its first frame.
    RoundOver,
    /// The game stands still, since the session takes no input.
    Full(PushError),
}

/// What a player should see or the game should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RollbackEvent {
    /// A later epoch has begun, and the game is at its first state: the round has [ended](Rollback::end_round), a player was
    /// restarted, or continued after inputs that are missing here. No frame was played yet, so it may [start
    /// from](Rollback::start_from) another state. [`Lost`](PeerEvent::Lost) inputs of a classic peer begin none:
    /// their frames keep what was predicted, or are zeros where they were not played yet.
    EpochBegun {
        /// The epoch.
        epoch: Epoch,
    },
    /// The others play on without the local player: the session is closed. Who comes back joins with a new one.
    Dropped {
        /// The peer that told it.
        by: PeerId,
    },
    /// Something happened to a peer. [`Flushed`](PeerEvent::Flushed) and [`OutOfSync`](PeerEvent::OutOfSync) are never reported,
    /// since they are answered already. [`EpochAhead`](PeerEvent::EpochAhead) is reported only before the first step of an epoch: a
    /// late joiner that still waits for its state learns from it that the round has ended. Otherwise the next step answers it.
    Peer {
        /// Which peer.
        peer: PeerId,
        /// What happened.
        event: PeerEvent,
    },
}

/// Counters, from the start of the driver on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollbackStats {
    /// Frames played, without those played again.
    pub frames: u64,
    /// Frames played again.
    pub resimulated: u64,
    /// How often frames were played again.
    pub rollbacks: u64,
    /// The most frames that were played again at once.
    pub deepest: u32,
    /// Steps in which the game had to wait for a peer.
    pub waited: u64,
}

impl RollbackStats {
    pub(crate) fn count_rollback(&mut self, depth: u32) {
        self.resimulated = self.resimulated.saturating_add(depth.into());
        self.rollbacks = self.rollbacks.saturating_add(1);
        self.deepest = self.deepest.max(depth);
    }
}

impl<S, E, const MAX_PEERS: usize, const INPUT_LEN: usize, const RING: usize, const WINDOW: usize>
    Rollback<S, E, MAX_PEERS, INPUT_LEN, RING, WINDOW>
where
    S: Clone,
    E: Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>,
{
    const SIZES: () = {
        assert!(RING >= 2, "RING must be 2 at least: the present state, and the first of the epoch");
        assert!(RING * 2 <= WINDOW, "RING must be at most half of WINDOW");
    };

    /// The longest input delay, in frames. Two endpoints with this delay and the deepest prediction still find every input
    /// in the window of the session.
    pub const MAX_INPUT_DELAY: u32 = {
        let [delay, ..] = (WINDOW / 4).to_le_bytes();
        u32::from_le_bytes([delay, 0, 0, 0])
    };

    /// The most frames that can be predicted.
    const MAX_PREDICTION: u32 = {
        let [frames, ..] = RING.saturating_sub(2).to_le_bytes();
        u32::from_le_bytes([frames, 0, 0, 0])
    };

    /// Creates a driver over a session in which no input was pushed in the present epoch, and the state from which each epoch starts.
    ///
    /// The session may be that of a lobby: it may have its peers already, also late joiners and players who leave or have left. Their
    /// inputs are played, even if they were taken before, while they are in the window of the session. Who takes
    /// [`EpochAhead`](PeerEvent::EpochAhead), [`Restarted`](PeerEvent::Restarted) or [`OutOfSync`](PeerEvent::OutOfSync) before the
    /// driver does must begin the epoch that they ask for, and who takes [`PeerClosed`](PeerEvent::PeerClosed) disconnects that player:
    /// they are not reported again.
    ///
    /// It predicts at most 8 frames, repeats the latest input as a prediction, has no input delay and no checksums.
    #[must_use]
    pub fn new(session: E, first: S) -> Self {
        const { Self::SIZES };
        let settings = Settings {
            predictor: None,
            max_prediction: Self::MAX_PREDICTION.min(8),
            input_delay: 0,
            checksum_every: 0,
        };
        Self { timeline: Timeline::new(session, settings), states: from_fn(|_| first.clone()), hash: |_| 0 }
    }

    /// Has all endpoints compare the hashes of their states after each frame that is divisible by `every`, once it is confirmed.
    /// A difference is reported as [`PeerEvent::Desync`]. `every` is the same at every endpoint; 10 or so. With 0 nothing is
    /// compared.
    #[must_use]
    pub fn with_checksums(mut self, every: u32, hash: fn(&S) -> u64) -> Self {
        self.timeline.settings.checksum_every = every;
        self.hash = hash;
        self
    }

    /// Predicts inputs with a function of the latest known input, and of how many frames it is older. It returns the same for
    /// the same arguments. Before the first input, it gets zeros.
    #[must_use]
    pub fn with_predictor(mut self, predictor: fn(&[u8; INPUT_LEN], u32) -> [u8; INPUT_LEN]) -> Self {
        self.timeline.settings.predictor = Some(predictor);
        self
    }

    /// Predicts at most so many frames, and at most `RING - 2`. With 0 this is lockstep: no frame is played before its inputs are
    /// known, and no state is ever copied.
    #[must_use]
    pub fn with_max_prediction(mut self, frames: u32) -> Self {
        self.set_max_prediction(frames);
        self
    }

    /// Starts with an input delay, as [`set_input_delay`](Self::set_input_delay).
    #[must_use]
    pub fn with_input_delay(mut self, frames: u32) -> Self {
        self.set_input_delay(frames);
        self
    }

    // Actions.

    /// As [`Session::add_peer`]. A player that joins late is added [`from`](PeerConfig::from) its first frame at every endpoint; its
    /// own game [starts from](Self::start_from) the state before that frame.
    ///
    /// # Errors
    ///
    /// As there; [`EpochRunning`](AddPeerError::EpochRunning) also after the first step of an epoch, unless the peer joins late.
    pub fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        self.timeline.add_peer(now, peer)
    }

    /// As [`Session::disconnect_peer`]: the game goes on without a player. The driver does it by itself where
    /// the health of a peer is [`Disconnected`](inputwire::Health::Disconnected), or it has closed its session.
    pub fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.timeline.endpoint.disconnect_peer(now, peer);
    }

    /// As [`Session::remove_peer`], once the last frame of the player is confirmed; its inputs after that one stay zeros, and nothing
    /// more is reported of it. A player that has not departed ends with what is known of it here, whatever it does and others know:
    /// in a game of three and more, [`disconnect_peer`](Self::disconnect_peer) comes first, as there.
    pub fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.timeline.remove_peer(now, peer);
    }

    /// Starts this epoch from another state than the first one: a late joiner's, from those who play, or the one that belongs to its
    /// number, when [`EpochBegun`](RollbackEvent::EpochBegun) is reported. Later epochs start from the first one all the same. Before
    /// the first step.
    pub fn start_from(&mut self, state: S) {
        let slot = self.timeline.slot_before(self.timeline.next);
        if let Some(place) = self.states.get_mut(slot) {
            *place = state;
        }
    }

    /// Plays one frame, once a frame. First plays again what was predicted wrongly.
    ///
    /// `input` is what the local player does now; it is used in this frame, or in the one `input_delay` later. `advance` plays a
    /// frame: it changes the state as the inputs say, and depends on nothing else. It may be called many times, so sounds and
    /// the like wait for [`confirmed_state`](Self::confirmed_state).
    ///
    /// If the game stands still, `input` may be lost: read the controls anew in the next step.
    pub fn step(
        &mut self,
        now: Instant,
        input: [u8; INPUT_LEN],
        advance: impl FnMut(&mut S, &Inputs<'_, INPUT_LEN>),
    ) -> Step {
        let mut states = Cloned { states: &mut self.states, hash: self.hash, advance };
        self.timeline.step(now, input, &mut states)
    }

    /// As [`step`](Self::step), for a game that keeps its state itself; `S` is `()` then, and
    /// [`with_checksums`](Self::with_checksums) needs no more than `|()| 0`.
    pub fn step_saved(&mut self, now: Instant, input: [u8; INPUT_LEN], game: &mut impl SaveState<INPUT_LEN>) -> Step {
        let live = self.timeline.slot_before(self.timeline.next);
        self.timeline.step(now, input, &mut Saved { game, live, is_kept: false })
    }

    /// Ends the round with this frame, and begins the next epoch from the state `first`, as soon as every player has the local inputs of
    /// the round, theirs are here, and [departures are settled](Session::departures_settled);
    /// [`EpochBegun`](RollbackEvent::EpochBegun) is reported then. Until then the game stands still behind the last frame, as it does
    /// for a player that has not connected: the application gives that one up.
    ///
    /// A player may die when this endpoint needs nothing more of it and another one lacks its last inputs. If this endpoint has begun
    /// the next epoch by then, the other one follows without the frames that it cannot confirm. So does one of three and more
    /// survivors that has not agreed with all others yet.
    ///
    /// Every endpoint calls it for the same frame: all know the length of a round, or see in their
    /// [`confirmed_state`](Self::confirmed_state) that it is over. An end that is left behind may never see that, and starts from its
    /// first state before this call: where all know the next state early, call it early. Epochs that follow from a restart start from
    /// this state, too.
    pub fn end_round(&mut self, last: Frame, first: S) {
        self.timeline.end_round(last);
        self.keep_first(first);
    }

    /// Begins the next epoch from this state at once, and so ends the present one for all. Inputs that are on the way are lost:
    /// [`end_round`](Self::end_round) waits for them. The others start from a state of theirs, and differ until they begin an epoch
    /// from this one, too.
    ///
    /// # Errors
    ///
    /// As [`Session::begin_epoch`].
    pub fn begin_epoch(&mut self, now: Instant, first: S) -> Result<(), EpochError> {
        self.timeline.begin_epoch(now)?;
        if let Some(state) = self.states.first_mut() {
            state.clone_from(&first);
        }
        self.keep_first(first);
        Ok(())
    }

    fn keep_first(&mut self, first: S) {
        if let Some(state) = self.states.last_mut() {
            *state = first;
        }
    }

    /// Delays local inputs by so many frames, and at most [`MAX_INPUT_DELAY`](Self::MAX_INPUT_DELAY). It may change at any time, at
    /// each endpoint by itself: a longer delay repeats an input, a shorter one drops one.
    pub fn set_input_delay(&mut self, frames: u32) {
        let frames = frames.min(Self::MAX_INPUT_DELAY);
        self.timeline.settings.input_delay = frames;
        self.timeline.endpoint.set_input_delay(frames);
    }

    /// As [`with_max_prediction`](Self::with_max_prediction), at any time, at each endpoint by itself.
    pub fn set_max_prediction(&mut self, frames: u32) {
        self.timeline.settings.max_prediction = frames.min(Self::MAX_PREDICTION);
    }

    /// As [`Session::close`].
    pub fn close(&mut self, now: Instant) {
        self.timeline.endpoint.close(now);
    }

    // What the world does.

    /// As [`Session::handle_datagram`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.timeline.endpoint.handle_datagram(now, from, datagram)
    }

    /// As [`Session::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.timeline.endpoint.handle_timeout(now);
    }

    /// As [`Session::handle_transport_closed`].
    pub fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.timeline.endpoint.handle_transport_closed(now, peer);
    }

    /// As [`Session::handle_transport_opened`].
    pub fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.timeline.endpoint.handle_transport_opened(now, peer);
    }

    // What is new.

    /// Returns the next event that a player should see, or `None`. Takes the inputs of the peers on the way.
    pub fn poll_event(&mut self) -> Option<RollbackEvent> {
        self.timeline.poll_event()
    }

    /// As [`Session::poll_transmit`].
    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.timeline.endpoint.poll_transmit(buf)
    }

    /// As [`Session::poll_transmit_to`].
    pub fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.timeline.endpoint.poll_transmit_to(peer, buf)
    }

    /// As [`Session::poll_timeout`]; the next step is due by the clock of the game.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.timeline.endpoint.poll_timeout()
    }

    // Getters.

    /// The session, for everything that it knows.
    pub fn session(&self) -> &Session<MAX_PEERS, INPUT_LEN, WINDOW> {
        self.timeline.endpoint.session()
    }

    /// What stands for the session, such as a recorder.
    pub const fn endpoint(&self) -> &E {
        &self.timeline.endpoint
    }

    /// What stands for the session; a recorder takes notes by it. Whoever pushes inputs here, or takes events, breaks the game.
    pub const fn endpoint_mut(&mut self) -> &mut E {
        &mut self.timeline.endpoint
    }

    /// Gives back what stands for the session.
    pub fn into_endpoint(self) -> E {
        self.timeline.endpoint
    }

    /// The present state, with predictions: to draw.
    #[expect(clippy::indexing_slicing, reason = "a slot is below RING - 1, as the linker proves")]
    pub fn state(&self) -> &S {
        &self.states[self.timeline.slot_before(self.timeline.next)]
    }

    /// The latest frame that no input can change any more, and the state after it: for sounds, scores and saves. `None` before
    /// the first.
    pub fn confirmed_state(&self) -> Option<(Frame, &S)> {
        let frame = self.confirmed_frame()?;
        Some((frame, self.states.get(self.timeline.slot_before(self.timeline.confirmed))?))
    }

    /// The latest frame that was played and that no input can change any more.
    pub fn confirmed_frame(&self) -> Option<Frame> {
        self.timeline.confirmed_frame()
    }

    /// The input of a player for a confirmed frame, while it is in the window of the session; all zeros if the player was not in
    /// the game, or has been removed since. A feed reads whole rows from [`endpoint`](Self::endpoint).
    pub fn confirmed_input(&self, player: u16, frame: Frame) -> Option<[u8; INPUT_LEN]> {
        self.timeline.confirmed_input(player, frame)
    }

    /// The input delay, in frames.
    pub const fn input_delay(&self) -> u32 {
        self.timeline.settings.input_delay
    }

    /// How long the present frame should last: an endpoint that is ahead of any peer waits for it; none hurries.
    pub fn frame_interval(&self) -> Duration {
        let session = self.session();
        let interval = session.config().frame_interval();
        let paces = session.peers().filter_map(|peer| session.peer(peer).and_then(PeerRef::pace));
        paces.map(|pace| pace.stretch(interval)).fold(interval, Duration::max)
    }

    /// What happened so far, in figures.
    pub const fn stats(&self) -> RollbackStats {
        self.timeline.stats
    }
}
