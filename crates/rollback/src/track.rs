//! What the driver keeps of one player: which inputs are known, and with which ones the latest frames were simulated.

use inputwire::{Departure, Epoch, Frame, Instant, PeerId, PeerRef};

use crate::inputs::{PlayerInput, Status};

/// Predicts an input from the latest known one and the number of frames since that; without one the latest is repeated.
pub(crate) type Predictor<const INPUT_LEN: usize> = Option<fn(&[u8; INPUT_LEN], u32) -> [u8; INPUT_LEN]>;

/// Whether a player can still be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Here,
    /// Its health was `Disconnected` in the latest event, or may have been before the driver took over: it has been since this time,
    /// or it is not now. It may change and change back without an event.
    Watched(Option<Instant>),
    /// It has closed its session.
    Closed,
    /// It was disconnected.
    Left,
}

/// One remote player.
#[derive(Clone, Debug)]
pub(crate) struct Track<const INPUT_LEN: usize, const RING: usize> {
    pub(crate) id: PeerId,
    pub(crate) player: u16,
    /// The player's first frame; its inputs before are zeros, and known.
    first: u32,
    /// The end of the frames in which nothing about this player can change any more, since its inputs are known; `u32::MAX`
    /// once it has departed.
    pub(crate) end: u32,
    /// Bit i: the input of frame `end + i` is known. The classic wire leaves gaps.
    beyond: u128,
    /// The end of the player's frames; `u32::MAX` until it has departed. Its inputs from there on are zeros, and known.
    pub(crate) last_end: u32,
    /// The greatest frame ends there, too, so `last_end` does not tell.
    has_departed: bool,
    /// The latest known input, and the frame after it.
    latest: [u8; INPUT_LEN],
    pub(crate) latest_end: u32,
    /// With what the frame f was simulated, at `f % RING`.
    used: [[u8; INPUT_LEN]; RING],
    pub(crate) presence: Presence,
    /// The later epoch that the player has begun.
    pub(crate) ahead: Option<Epoch>,
    /// Whether the player was restarted, or misses inputs: only a later epoch lets them flow again.
    pub(crate) is_broken: bool,
    /// Whether the application has removed the player; its peer stays until its last frame is confirmed.
    pub(crate) is_removed: bool,
}

impl<const INPUT_LEN: usize, const RING: usize> Track<INPUT_LEN, RING> {
    pub(crate) const fn new(id: PeerId, player: u16, first: Frame) -> Self {
        let first = first.get();
        Self {
            id,
            player,
            first,
            end: first,
            beyond: 0,
            last_end: u32::MAX,
            has_departed: false,
            latest: [0; INPUT_LEN],
            latest_end: first,
            used: [[0; INPUT_LEN]; RING],
            presence: Presence::Here,
            ahead: None,
            is_broken: false,
            is_removed: false,
        }
    }

    /// Takes over a player of a session that has been used before. Of what happened so far, its state tells enough: the window has
    /// no frame before the one from which the player takes part, and `first` is the first one that is played here.
    pub(crate) fn of(peer: PeerRef<'_, INPUT_LEN>, first: Frame, window: u32) -> Self {
        let end = peer.last_frame().map_or(0, |last| last.get().saturating_add(1));
        let latest_end = peer.latest_input().map_or(end, |(latest, _)| latest.get().saturating_add(1));
        let input = |frame| peer.remote_input(Frame::new(frame));
        let oldest = latest_end.saturating_sub(window);
        let joined = (oldest..end).find(|frame| input(*frame).is_some()).unwrap_or(end);
        let mut track = Self::new(peer.id(), peer.player(), first.max(Frame::new(joined)));
        for (frame, input) in (track.first..latest_end).filter_map(|frame| Some((frame, input(frame)?))) {
            track.learn(frame, input);
        }
        if let Some(last) = peer.last_frame() {
            track.give_up_through(last);
        }
        track.presence = if peer.departure() == Departure::Present { Presence::Watched(None) } else { Presence::Left };
        if let Departure::Departed { last } = peer.departure() {
            track.depart(last);
        }
        track
    }

    /// Whether something about the player is still to be answered.
    pub(crate) fn is_disturbed(&self) -> bool {
        let is_settled = matches!(self.presence, Presence::Here) || self.has_departed();
        !is_settled || self.is_removed || self.is_broken || self.ahead.is_some()
    }

    /// Starts over at the first frame of an epoch.
    pub(crate) fn begin_epoch(&mut self, first: Frame) {
        *self = Self { presence: self.presence, ..Self::new(self.id, self.player, first) };
    }

    /// Whether the player has begun a later epoch, or must.
    pub(crate) const fn is_ahead(&self) -> bool {
        self.is_broken || self.ahead.is_some()
    }

    pub(crate) const fn has_departed(&self) -> bool {
        self.has_departed
    }

    /// Whether no frame from `end` on has an input of the player. One that joined and left without any has none at all.
    pub(crate) fn is_over(&self, end: u32) -> bool {
        self.last_end <= end.max(self.first)
    }

    /// Whether the player is in the game at a frame.
    pub(crate) fn is_present(&self, frame: u32) -> bool {
        (self.first..self.last_end).contains(&frame)
    }

    /// Whether the input of a frame is known.
    pub(crate) fn is_known(&self, frame: u32) -> bool {
        frame < self.end || (frame < self.latest_end && self.is_known_beyond(frame))
    }

    fn is_known_beyond(&self, frame: u32) -> bool {
        let beyond = frame.checked_sub(self.end).and_then(|bit| self.beyond.checked_shr(bit));
        beyond.is_some_and(|bits| bits & 1 == 1)
    }

    /// Takes a known input of a frame in which the player is present.
    pub(crate) fn learn(&mut self, frame: u32, input: [u8; INPUT_LEN]) {
        if frame == self.end && self.beyond == 0 {
            self.advance(1);
        } else {
            let bit = frame.checked_sub(self.end).and_then(|bit| 1_u128.checked_shl(bit));
            self.beyond |= bit.unwrap_or(0);
            self.pass(self.beyond.trailing_ones());
        }
        if frame >= self.latest_end {
            (self.latest_end, self.latest) = (frame.saturating_add(1), input);
        }
    }

    /// Counts the inputs up to a frame as known, although those that are not never will be.
    pub(crate) fn give_up_through(&mut self, frame: Frame) {
        self.pass(frame.get().saturating_add(1).saturating_sub(self.end));
        self.pass(self.beyond.trailing_ones());
    }

    fn pass(&mut self, frames: u32) {
        self.beyond = self.beyond.checked_shr(frames).unwrap_or(0);
        self.advance(frames);
    }

    fn advance(&mut self, frames: u32) {
        self.end = self.end.saturating_add(frames);
        if self.end >= self.last_end {
            self.end = u32::MAX;
        }
    }

    /// Ends the player's frames behind its last one. From there on its inputs are zeros, and once the earlier ones are known, the
    /// game no longer waits for it in this epoch. Returns that end.
    pub(crate) fn depart(&mut self, last: Option<Frame>) -> u32 {
        let end = last.map_or(self.first, |last| last.get().saturating_add(1));
        (self.last_end, self.has_departed, self.ahead, self.is_broken) = (end, true, None, false);
        self.pass(0);
        end
    }

    /// Notes the input with which a frame is simulated, at its place in a ring. Returns the one noted there before.
    pub(crate) fn replace(&mut self, slot: usize, input: [u8; INPUT_LEN]) -> [u8; INPUT_LEN] {
        self.used.get_mut(slot).map_or(input, |used| core::mem::replace(used, input))
    }

    /// The input to simulate a frame with; a known one was noted before. `of_game` is how the game itself predicts.
    pub(crate) fn input(
        &mut self,
        frame: u32,
        slot: usize,
        predictor: Predictor<INPUT_LEN>,
        of_game: impl FnOnce(u16, Option<&[u8; INPUT_LEN]>, u32) -> Option<[u8; INPUT_LEN]>,
    ) -> PlayerInput<INPUT_LEN> {
        let player = self.player;
        if !self.is_present(frame) {
            return PlayerInput { player, status: Status::Departed, input: [0; INPUT_LEN] };
        }
        if self.is_known(frame) {
            let input = self.used.get(slot).copied().unwrap_or([0; INPUT_LEN]);
            return PlayerInput { player, status: Status::Confirmed, input };
        }
        let since = frame.saturating_add(1).saturating_sub(self.latest_end);
        let latest = (self.latest_end > self.first).then_some(&self.latest);
        let input = of_game(player, latest, since)
            .unwrap_or_else(|| predictor.map_or(self.latest, |predict| predict(&self.latest, since)));
        self.replace(slot, input);
        PlayerInput { player, status: Status::Predicted, input }
    }
}

/// The place of a frame in a ring.
pub(crate) fn slot<const RING: usize>(frame: u32) -> usize {
    usize::try_from(frame).unwrap_or(0).checked_rem(RING).unwrap_or(0)
}
