//! A session that plays with others.

use std::collections::vec_deque::Drain;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use inputwire::{Health, Instant, MAX_DATAGRAM_SIZE};

use crate::address::{lead, Address, Events};
use crate::api::{
    Config, DesyncDetection, Frame, GgrsError, GgrsEvent, GgrsRequest, InputStatus, NetworkStats, NonBlockingSocket,
    PlayerHandle, PlayerType, SessionState,
};
use crate::clock::Clock;
use crate::local::LocalPlayer;
use crate::message::Message;
use crate::slots::{Slots, LONGEST_ROW};
use crate::timeline::Timeline;
use crate::wire::{self, Feed, FeedEvent, PlayerEvent, Terms, Timing, Wire, WireEvent, MAX_INPUT_DELAY};

/// A game that is so many frames ahead should wait, ...
const MUCH_AHEAD: i32 = 3;
/// ... and is told once in so many frames.
const RECOMMEND_EVERY: Frame = 60;
/// How long a call that waits for inputs sleeps between two looks.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// Another end, and the number of its players on the wire.
pub(crate) struct Remote<A> {
    pub(crate) address: Address<A>,
    pub(crate) number: u16,
}

/// An address where the game is watched.
pub(crate) struct Spectator<A> {
    pub(crate) address: Address<A>,
    pub(crate) feed: Box<dyn Feed>,
    /// The next frame to send.
    pub(crate) next: Frame,
}

/// Plays a game with the players at other addresses, and shows it to spectators.
pub struct P2PSession<T>
where
    T: Config,
{
    pub(crate) socket: Box<dyn NonBlockingSocket<T::Address>>,
    pub(crate) clock: Clock,
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) terms: Terms,
    /// The number of the local players on the wire.
    pub(crate) number: u16,
    pub(crate) handles: BTreeMap<PlayerHandle, PlayerType<T::Address>>,
    pub(crate) locals: Vec<LocalPlayer<T::Input>>,
    /// The rows of local inputs that the wire does not have yet.
    pub(crate) rows: VecDeque<Vec<u8>>,
    pub(crate) remotes: Vec<Remote<T::Address>>,
    pub(crate) spectators: Vec<Spectator<T::Address>>,
    pub(crate) slots: Slots<T::Input>,
    pub(crate) timeline: Timeline<T>,
    pub(crate) events: Events<T>,
    pub(crate) state: SessionState,
    pub(crate) max_prediction: usize,
    pub(crate) desync_detection: DesyncDetection,
    /// The next frame whose checksum is compared.
    pub(crate) next_checksum: Frame,
    /// The frame in which the game was last told to wait.
    pub(crate) recommended_at: Frame,
    /// Whether the others play on without this end.
    pub(crate) is_dropped: bool,
}

impl<T: Config> P2PSession<T> {
    /// Gives the input of a local player for the current frame; the last one before [`advance_frame`](Self::advance_frame) counts.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if the player is not a local one, or the input is longer than its type can be.
    pub fn add_local_input(&mut self, player_handle: PlayerHandle, input: T::Input) -> Result<(), GgrsError> {
        let local = self.locals.iter_mut().find(|local| local.handle == player_handle);
        let local = local.ok_or_else(|| GgrsError::invalid(format!("player {player_handle} is not a local one")))?;
        let mut slot = [0; LONGEST_ROW];
        if !slot.get_mut(..self.slots.len()).is_some_and(|slot| Slots::write(&input, slot)) {
            return Err(GgrsError::invalid("the input is longer than its type can be"));
        }
        local.pending = Some(input);
        Ok(())
    }

    /// Plays a frame: polls, and returns what the game is to do, in that order. Where inputs are missing, the current frame is not
    /// among it.
    ///
    /// # Errors
    ///
    /// `NotSynchronized` before every address has answered; `InvalidRequest` without the input of a local player.
    pub fn advance_frame(&mut self) -> Result<Vec<GgrsRequest<T>>, GgrsError> {
        let now = self.clock.now();
        self.receive(now);
        let requests = self.play(now);
        self.transmit(now);
        requests
    }

    /// As [`advance_frame`](Self::advance_frame); in lockstep it waits for missing inputs, at most for the time of a frame.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn advance_frame_with_wait(&mut self) -> Result<Vec<GgrsRequest<T>>, GgrsError> {
        let fps = u32::try_from(self.terms.timing.fps).unwrap_or(u32::MAX);
        self.advance_frame_with_wait_timeout(Duration::from_secs(1).checked_div(fps).unwrap_or_default())
    }

    /// As [`advance_frame`](Self::advance_frame); in lockstep it waits for missing inputs, at most for this time. In a browser it
    /// does not wait, since nothing arrives while a page is busy.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn advance_frame_with_wait_timeout(&mut self, timeout: Duration) -> Result<Vec<GgrsRequest<T>>, GgrsError> {
        let before = self.current_frame();
        let requests = self.advance_frame()?;
        if self.current_frame() != before || !self.in_lockstep_mode() || cfg!(target_family = "wasm") {
            return Ok(requests);
        }
        let looks = timeout.as_nanos().checked_div(LOOK_AGAIN.as_nanos()).unwrap_or(0);
        let start = self.clock.now();
        for _ in 0..looks {
            std::thread::sleep(LOOK_AGAIN);
            self.poll_remote_clients();
            let is_known = self.wire.known_end().is_none_or(|end| frame(end) > before);
            if is_known || self.clock.now().saturating_since(start) >= timeout {
                return self.advance_frame();
            }
        }
        Ok(requests)
    }

    /// Receives and sends what there is to receive and to send. It may be called at any time, and more often than frames are played.
    pub fn poll_remote_clients(&mut self) {
        let now = self.clock.now();
        self.receive(now);
        self.transmit(now);
    }

    /// Plays on without the players, or the spectators, at the address of this one. The others are told, and all agree on its last
    /// frame.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if it is a local player, unknown, or gone already.
    pub fn disconnect_player(&mut self, player_handle: PlayerHandle) -> Result<(), GgrsError> {
        let now = self.clock.now();
        let gone = || GgrsError::invalid(format!("{player_handle} is gone already"));
        match self.handles.get(&player_handle) {
            None => Err(GgrsError::invalid(format!("there is no {player_handle}"))),
            Some(PlayerType::Local) => Err(GgrsError::invalid(format!("{player_handle} is a local player"))),
            Some(PlayerType::Remote(addr)) => {
                let present = |remote: &&mut Remote<_>| remote.address.addr == *addr && !remote.address.is_gone();
                let remote = self.remotes.iter_mut().find(present).ok_or_else(gone)?;
                remote.address.give_up();
                self.wire.disconnect(now, remote.number);
                Ok(())
            }
            Some(PlayerType::Spectator(addr)) => {
                let present =
                    |spectator: &&mut Spectator<_>| spectator.address.addr == *addr && !spectator.address.is_gone();
                self.spectators.iter_mut().find(present).ok_or_else(gone)?.address.give_up();
                Ok(())
            }
        }
    }

    /// Changes the input delay of a local player: a longer one repeats the last input, a shorter one drops some. More than 30 frames
    /// count as 30.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if it is no local player.
    pub fn set_input_delay(&mut self, player_handle: PlayerHandle, delay: usize) -> Result<(), GgrsError> {
        let local = self.locals.iter_mut().find(|local| local.handle == player_handle);
        let local = local.ok_or_else(|| GgrsError::invalid(format!("player {player_handle} is not a local one")))?;
        local.set_delay(input_delay(delay));
        self.tell_delay();
        Ok(())
    }

    /// Returns how good the connection to the address of a player or spectator is.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if it is local or unknown; `NotEnoughData` in the first second; `NotSynchronized` if it is gone.
    pub fn network_stats(&self, player_handle: PlayerHandle) -> Result<NetworkStats, GgrsError> {
        let now = self.clock.now();
        let unknown = || GgrsError::invalid(format!("{player_handle} is not at another address"));
        match self.handles.get(&player_handle) {
            Some(PlayerType::Remote(addr)) => {
                let remote = self.remotes.iter().find(|remote| remote.address.addr == *addr).ok_or_else(unknown)?;
                remote.address.stats(now, self.wire.connection(remote.number))
            }
            Some(PlayerType::Spectator(addr)) => {
                let spectator = self.spectators.iter().find(|spectator| spectator.address.addr == *addr);
                let spectator = spectator.ok_or_else(unknown)?;
                spectator.address.stats(now, spectator.feed.connection())
            }
            Some(PlayerType::Local) | None => Err(unknown()),
        }
    }

    /// Returns the last frame for which every input is known; with an input delay it may be ahead of the current one.
    pub fn confirmed_frame(&self) -> Frame {
        let local = frame(self.wire.next_row());
        let known = self.wire.known_end().map_or(local, |end| frame(end).min(local));
        known.saturating_sub(1)
    }

    /// Returns the next frame to play.
    pub fn current_frame(&self) -> Frame {
        self.timeline.current()
    }

    /// Returns how many frames can be predicted.
    pub fn max_prediction(&self) -> usize {
        self.max_prediction
    }

    /// Returns whether no frame is predicted.
    pub fn in_lockstep_mode(&self) -> bool {
        self.max_prediction == 0
    }

    /// Returns whether the session plays yet.
    pub fn current_state(&self) -> SessionState {
        self.state
    }

    /// Takes what has happened since the last call; of more than 100 events the oldest are dropped.
    pub fn events(&mut self) -> Drain<'_, GgrsEvent<T>> {
        self.events.drain()
    }

    /// Returns the number of players.
    pub fn num_players(&self) -> usize {
        self.terms.num_players
    }

    /// Returns the number of spectators.
    pub fn num_spectators(&self) -> usize {
        self.spectator_handles().len()
    }

    /// Returns the players at this end.
    pub fn local_player_handles(&self) -> Vec<PlayerHandle> {
        self.handles_of(|place| matches!(place, PlayerType::Local))
    }

    /// Returns the players at other ends.
    pub fn remote_player_handles(&self) -> Vec<PlayerHandle> {
        self.handles_of(|place| matches!(place, PlayerType::Remote(_)))
    }

    /// Returns the spectators.
    pub fn spectator_handles(&self) -> Vec<PlayerHandle> {
        self.handles_of(|place| matches!(place, PlayerType::Spectator(_)))
    }

    /// Returns the players and spectators at an address.
    #[expect(clippy::needless_pass_by_value, reason = "the signature is that of the interface")]
    pub fn handles_by_address(&self, addr: T::Address) -> Vec<PlayerHandle> {
        self.handles_of(|place| match place {
            PlayerType::Remote(other) | PlayerType::Spectator(other) => *other == addr,
            PlayerType::Local => false,
        })
    }

    fn handles_of(&self, is_meant: impl Fn(&PlayerType<T::Address>) -> bool) -> Vec<PlayerHandle> {
        self.handles.iter().filter(|(_, place)| is_meant(place)).map(|(handle, _)| *handle).collect()
    }

    /// Returns by how many frames this game is ahead of the one that is most behind; 0 where the ends are level.
    pub fn frames_ahead(&self) -> i32 {
        let present = self.remotes.iter().filter(|remote| !remote.address.is_gone());
        present
            .filter_map(|remote| self.wire.player(remote.number).map(|player| lead(player.lead_millis)))
            .max()
            .unwrap_or(0)
    }

    /// Returns whether checksums are compared.
    pub fn desync_detection(&self) -> DesyncDetection {
        self.desync_detection
    }

    /// Tells the wire the delay that the other ends see.
    pub(crate) fn tell_delay(&mut self) {
        let delay = self.locals.iter().map(LocalPlayer::delay).max().unwrap_or(0);
        self.wire.set_input_delay(delay);
    }

    fn receive(&mut self, now: Instant) {
        for (from, message) in self.socket.receive_all_messages() {
            // What a session refuses has changed nothing, and is perhaps for the other one with this address.
            let remote = self.remotes.iter().find(|remote| remote.address.addr == from);
            if remote.is_some_and(|remote| self.wire.handle_datagram(now, remote.number, message.bytes()).is_ok()) {
                continue;
            }
            let spectator = self.spectators.iter_mut().find(|spectator| spectator.address.addr == from);
            if let Some(spectator) = spectator.filter(|spectator| !spectator.address.is_gone()) {
                let _ = spectator.feed.handle_datagram(now, message.bytes());
            }
        }
        self.wire.handle_timeout(now);
        self.take_events(now);
        for spectator in &mut self.spectators {
            spectator.attend(now, self.terms.timing, &mut self.events);
        }
        let mut remotes = self.remotes.iter().map(|remote| &remote.address);
        let mut spectators = self.spectators.iter().map(|spectator| &spectator.address);
        if remotes.all(Address::is_synchronized) && spectators.all(Address::is_synchronized) {
            self.state = SessionState::Running;
        }
    }

    fn take_events(&mut self, now: Instant) {
        let mut is_silent = false;
        while let Some(event) = self.wire.poll_event(now) {
            let (player, event) = match event {
                WireEvent::Player { player, event } => (player, event),
                WireEvent::Dropped => {
                    self.is_dropped = true;
                    self.wire.go_alone(now);
                    continue;
                }
            };
            let Some(remote) = self.remotes.iter_mut().find(|remote| remote.number == player) else { continue };
            match event {
                PlayerEvent::Connected => remote.address.connect(now, &mut self.events),
                PlayerEvent::Health(health) => {
                    is_silent |= health == Health::Disconnected;
                    remote.address.health(health, self.terms.timing.patience(), &mut self.events);
                }
                PlayerEvent::Desync { frame: at, local, remote: other } => {
                    let addr = remote.address.addr.clone();
                    self.events.push(GgrsEvent::DesyncDetected {
                        frame: frame(at).saturating_add(1),
                        local_checksum: local.into(),
                        remote_checksum: other.into(),
                        addr,
                    });
                }
            }
        }
        // Several survivors take turns, so that not both of two who lose each other go: the driver does that. Of two there is nobody
        // to agree with.
        if is_silent && (self.remotes.len() == 1 || self.state == SessionState::Synchronizing) {
            for remote in &self.remotes {
                if self.wire.player(remote.number).is_some_and(|player| player.is_silent) {
                    self.wire.disconnect(now, remote.number);
                }
            }
        }
        for remote in &mut self.remotes {
            if self.is_dropped || self.wire.player(remote.number).is_none_or(|player| !player.is_present) {
                remote.address.lose(&mut self.events);
            }
        }
    }

    fn transmit(&mut self, now: Instant) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some((player, len)) = self.wire.poll_transmit(&mut buf) {
            let remote = self.remotes.iter().find(|remote| remote.number == player);
            if let (Some(remote), Some(datagram)) = (remote, buf.get(..len)) {
                self.socket.send_to(&Message::new(datagram), &remote.address.addr);
            }
        }
        for spectator in self.spectators.iter_mut().filter(|spectator| !spectator.address.is_gone()) {
            spectator.feed.handle_timeout(now);
            while let Some(len) = spectator.feed.poll_transmit(&mut buf) {
                self.socket.send_to(&Message::new(buf.get(..len).unwrap_or_default()), &spectator.address.addr);
            }
        }
    }

    fn play(&mut self, now: Instant) -> Result<Vec<GgrsRequest<T>>, GgrsError> {
        if self.state != SessionState::Running {
            return Err(GgrsError::NotSynchronized);
        }
        if let Some(local) = self.locals.iter().find(|local| local.pending.is_none()) {
            return Err(GgrsError::invalid(format!("the input of the local player {} is missing", local.handle)));
        }
        self.push_checksums(now);
        let confirmed = self.confirmed_frame();
        self.timeline.begin(confirmed, |number| {
            self.wire
                .player(number)
                .map_or(Frame::MAX, |player| player.last_frame.map_or(0, |last| frame(last).saturating_add(1)))
        });
        let mut is_played = false;
        if self.is_dropped {
            // Everybody's frames end with what is known: what was predicted beyond is played again.
            is_played = self.step(now);
            self.replace_wire(now, is_played);
        }
        self.collect_rows();
        is_played = is_played || self.step(now);
        let requests = self.timeline.finish(is_played);
        if is_played {
            for local in &mut self.locals {
                local.pending = None;
            }
        }
        self.feed_spectators(now);
        self.recommend();
        Ok(requests)
    }

    fn step(&mut self, now: Instant) -> bool {
        // Before the first input of the others, as many frames are played as can be predicted; later, the one that is confirmed
        // counts among them.
        let depth = match self.wire.known_end() {
            Some(0) => self.max_prediction,
            _ => self.max_prediction.saturating_sub(1),
        };
        let next_row = self.wire.next_row();
        let row = self.rows.front().map(Vec::as_slice).unwrap_or_default();
        let is_played = self.wire.step(now, depth, row, &mut self.timeline);
        if self.wire.next_row() > next_row {
            self.rows.pop_front();
        }
        // Those of later frames, where there is an input delay. What the wire does not take now waits here.
        while self.rows.front().is_some_and(|row| self.wire.push(now, row).is_ok()) {
            self.rows.pop_front();
        }
        is_played
    }

    /// Plays on alone, on a wire without others; the current frame may be played already.
    fn replace_wire(&mut self, now: Instant, is_played: bool) {
        let next = u32::try_from(self.current_frame()).unwrap_or(0).saturating_add(is_played.into());
        let Some(wire) = wire::players(now, self.terms, self.number, &[], next) else { return };
        let pushed = (next..self.wire.next_row()).map_while(|frame| self.wire.local_row(frame));
        self.rows = pushed.chain(self.rows.drain(..)).collect();
        self.wire = wire;
        self.is_dropped = false;
    }

    /// Collects the local inputs of the frames for which every local player has one.
    fn collect_rows(&mut self) {
        let current = u32::try_from(self.current_frame()).unwrap_or(0);
        for local in &mut self.locals {
            local.schedule(current);
        }
        let slot_len = self.slots.len();
        while !self.locals.is_empty() && self.locals.iter().all(|local| local.front().is_some()) {
            let mut row = vec![0; slot_len.saturating_mul(self.locals.len())];
            for (local, slot) in self.locals.iter_mut().zip(row.chunks_exact_mut(slot_len)) {
                if let Some(input) = local.pop() {
                    Slots::write(&input, slot);
                }
            }
            self.rows.push_back(row);
        }
    }

    /// Pushes the checksums of the states that no input can change any more.
    fn push_checksums(&mut self, now: Instant) {
        let DesyncDetection::On { interval } = self.desync_detection else { return };
        let interval = Frame::try_from(interval).unwrap_or(Frame::MAX).max(1);
        let settled = self.wire.settled_frame().map_or(-1, frame);
        while self.next_checksum.saturating_sub(1) <= settled && self.next_checksum < self.current_frame() {
            let at = self.next_checksum;
            if let Some(checksum) = self.timeline.checksum(at) {
                self.wire.push_checksum(now, u32::try_from(at.saturating_sub(1)).unwrap_or(0), folded(checksum));
            }
            self.next_checksum = at.saturating_add(interval);
            if self.next_checksum == at {
                return;
            }
        }
    }

    /// Pushes the frames that no input can change any more to the spectators.
    fn feed_spectators(&mut self, now: Instant) {
        if self.spectators.is_empty() {
            return;
        }
        let settled = self.wire.settled_frame().map_or(-1, frame);
        let slot_len = self.slots.len().saturating_add(1);
        let mut row = vec![0; slot_len.saturating_mul(self.terms.num_players)];
        for spectator in &mut self.spectators {
            while spectator.next <= settled && !spectator.address.is_gone() {
                let Some(inputs) = self.timeline.played(spectator.next) else { break };
                for ((input, status), slot) in inputs.iter().zip(row.chunks_exact_mut(slot_len)) {
                    if let Some((last, slot)) = slot.split_last_mut() {
                        *last = u8::from(*status == InputStatus::Disconnected);
                        Slots::write(input, slot);
                    }
                }
                match spectator.feed.push(now, &row) {
                    Ok(()) => spectator.next = spectator.next.saturating_add(1),
                    Err(_) => spectator.address.lose(&mut self.events),
                }
            }
        }
    }

    fn recommend(&mut self) {
        let skip = self.frames_ahead();
        let is_due = self.current_frame().saturating_sub(self.recommended_at) >= RECOMMEND_EVERY;
        if skip >= MUCH_AHEAD && is_due {
            self.recommended_at = self.current_frame();
            self.events.push(GgrsEvent::WaitRecommendation { skip_frames: skip.unsigned_abs() });
        }
    }
}

impl<A: Clone> Spectator<A> {
    /// Takes what has happened to it.
    fn attend<T: Config<Address = A>>(&mut self, now: Instant, timing: Timing, events: &mut Events<T>) {
        if self.address.is_gone() {
            return;
        }
        self.feed.handle_timeout(now);
        let mut rows = Vec::new();
        while let Some(event) = self.feed.poll_event(&mut rows) {
            match event {
                FeedEvent::Connected => self.address.connect(now, events),
                FeedEvent::Health(Health::Disconnected) | FeedEvent::Lost => self.address.lose(events),
                FeedEvent::Health(health) => self.address.health(health, timing.patience(), events),
            }
        }
    }
}

/// A frame of the wire as one of the interface.
pub(crate) fn frame(frame: u32) -> Frame {
    Frame::try_from(frame).unwrap_or(Frame::MAX)
}

/// An input delay that the windows have room for.
pub(crate) fn input_delay(frames: usize) -> u32 {
    u32::try_from(frames.min(MAX_INPUT_DELAY)).unwrap_or(0)
}

/// A checksum in 64 bits.
fn folded(checksum: u128) -> u64 {
    let [low, high] = [checksum, checksum >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or(0)
}
