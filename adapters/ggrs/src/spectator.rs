//! A session that watches the game of others.

use std::collections::vec_deque::Drain;
use std::collections::VecDeque;

use inputwire::{Health, Instant, MAX_DATAGRAM_SIZE};

use crate::address::{Address, Events};
use crate::api::{
    Config, Frame, GgrsError, GgrsEvent, GgrsRequest, InputStatus, NetworkStats, NonBlockingSocket, SessionState,
};
use crate::clock::Clock;
use crate::message::Message;
use crate::slots::Slots;
use crate::wire::{Feed, FeedEvent, Timing};

/// Plays the confirmed frames of a host, without inputs of its own.
pub struct SpectatorSession<T>
where
    T: Config,
{
    pub(crate) socket: Box<dyn NonBlockingSocket<T::Address>>,
    pub(crate) clock: Clock,
    pub(crate) host: Address<T::Address>,
    /// None if the inputs of all players are longer than a row can be: then it never starts.
    pub(crate) feed: Option<Box<dyn Feed>>,
    pub(crate) timing: Timing,
    pub(crate) num_players: usize,
    pub(crate) slots: Slots<T::Input>,
    /// The rows that were not played yet. None is ever dropped.
    pub(crate) rows: VecDeque<Vec<u8>>,
    pub(crate) current: Frame,
    pub(crate) events: Events<T>,
    pub(crate) max_frames_behind: usize,
    pub(crate) catchup_speed: usize,
}

impl<T: Config> SpectatorSession<T> {
    /// Returns whether the host has answered.
    pub fn current_state(&self) -> SessionState {
        if self.host.is_synchronized() {
            SessionState::Running
        } else {
            SessionState::Synchronizing
        }
    }

    /// Returns how many frames are here that were not played yet.
    pub fn frames_behind_host(&self) -> usize {
        self.rows.len()
    }

    /// Returns how good the connection to the host is.
    ///
    /// # Errors
    ///
    /// `NotEnoughData` in the first second; `NotSynchronized` if the host is gone.
    pub fn network_stats(&self) -> Result<NetworkStats, GgrsError> {
        let connection = self.feed.as_ref().and_then(|feed| feed.connection());
        self.host.stats(self.clock.now(), connection)
    }

    /// Takes what has happened since the last call; of more than 100 events the oldest are dropped.
    pub fn events(&mut self) -> Drain<'_, GgrsEvent<T>> {
        self.events.drain()
    }

    /// Plays a frame, or up to the catch-up speed if it is too far behind. Polls before.
    ///
    /// # Errors
    ///
    /// `NotSynchronized` before the host has answered; `PredictionThreshold` if the next frame is not here.
    pub fn advance_frame(&mut self) -> Result<Vec<GgrsRequest<T>>, GgrsError> {
        self.poll_remote_clients();
        if self.current_state() != SessionState::Running {
            return Err(GgrsError::NotSynchronized);
        }
        let is_late = self.rows.len() > self.max_frames_behind;
        let count = if is_late { self.catchup_speed } else { 1 }.min(self.rows.len());
        if count == 0 {
            return Err(GgrsError::PredictionThreshold);
        }
        self.current = self.current.saturating_add(Frame::try_from(count).unwrap_or(Frame::MAX));
        let slot_len = self.slots.len();
        let read = |row: Vec<u8>| {
            let slots = row.chunks_exact(slot_len.saturating_add(1)).take(self.num_players);
            let inputs = slots.map(|slot| match slot.split_last() {
                Some((0, slot)) => (Slots::read(slot), InputStatus::Confirmed),
                _ => (T::Input::default(), InputStatus::Disconnected),
            });
            GgrsRequest::AdvanceFrame { inputs: inputs.collect() }
        };
        Ok(self.rows.drain(..count).map(read).collect())
    }

    /// Receives and sends what there is to receive and to send.
    pub fn poll_remote_clients(&mut self) {
        let now = self.clock.now();
        let messages = self.socket.receive_all_messages();
        let Some(feed) = self.feed.as_mut().filter(|_| !self.host.is_gone()) else { return };
        for (from, message) in messages {
            if from == self.host.addr {
                // What is refused has changed nothing.
                let _ = feed.handle_datagram(now, message.bytes());
            }
        }
        feed.handle_timeout(now);
        let mut rows = Vec::new();
        let mut lost = false;
        while let Some(event) = feed.poll_event(&mut rows) {
            match event {
                FeedEvent::Connected => self.host.connect(now, &mut self.events),
                FeedEvent::Health(Health::Disconnected) | FeedEvent::Lost => lost = true,
                FeedEvent::Health(health) => self.host.health(health, self.timing.patience(), &mut self.events),
            }
        }
        self.rows.extend(rows);
        if lost {
            self.host.lose(&mut self.events);
        }
        self.transmit(now);
    }

    fn transmit(&mut self, now: Instant) {
        let Some(feed) = &mut self.feed else { return };
        feed.handle_timeout(now);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(len) = feed.poll_transmit(&mut buf) {
            self.socket.send_to(&Message::new(buf.get(..len).unwrap_or_default()), &self.host.addr);
        }
    }

    /// Returns the last frame that was played.
    pub fn current_frame(&self) -> Frame {
        self.current
    }

    /// Returns the number of players.
    pub fn num_players(&self) -> usize {
        self.num_players
    }
}
