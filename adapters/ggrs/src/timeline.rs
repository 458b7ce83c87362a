//! The requests of a call, in their order; where the states are, and with which inputs the latest frames were played.
//!
//! The rollback driver says from which frame to play again and with what. It saves in slots of its own, and only what it may have
//! to go back to; the game is asked to save as its mode says, and the slots become frames here.

use inputwire_rollback::Status;

use crate::api::{Config, Frame, GameStateCell, GgrsRequest, InputPredictor, InputStatus, PlayerHandle};
use crate::slots::Slots;
use crate::wire::Game;

/// When the game saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saving {
    /// Before each frame.
    All,
    /// At confirmed frames, and as few as possible.
    Sparse,
    /// Never: there is no prediction.
    None,
}

/// One end, and which players are there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its number on the wire.
    pub(crate) number: u16,
    /// In ascending order, as in its rows.
    pub(crate) handles: Vec<PlayerHandle>,
    /// The frame up to which its inputs are known.
    pub(crate) known_end: Frame,
}

/// The inputs with which a frame was played.
struct Played<I> {
    frame: Frame,
    inputs: Vec<(I, InputStatus)>,
}

/// What a session asks of its game.
pub(crate) struct Timeline<T: Config> {
    saving: Saving,
    window: Frame,
    slot_len: usize,
    places: Vec<Place>,
    /// The state before the frame f, at `f % len`.
    cells: Vec<GameStateCell<T::State>>,
    /// Which frame the driver saved in each of its slots.
    slots: Vec<Frame>,
    /// How the frame f was played, at `f % len`.
    played: Vec<Played<T::Input>>,
    /// The inputs for the next frame, by handle.
    inputs: Vec<(T::Input, InputStatus)>,
    last_saved: Frame,
    requests: Vec<GgrsRequest<T>>,
    /// The next frame to play for the first time.
    current: Frame,
    /// The frame that the state of the game comes before.
    live: Frame,
    /// The confirmed frame at which to save, if saving is sparse.
    confirmed: Frame,
    /// Whether the state was just loaded.
    is_loaded: bool,
    /// Whether everything before the current frame was asked for.
    is_ready: bool,
}

impl<T: Config> Timeline<T> {
    pub(crate) fn new(saving: Saving, window: usize, slot_len: usize, places: Vec<Place>) -> Self {
        let players = places.iter().map(|place| place.handles.len()).sum();
        let len = window.saturating_add(2);
        Self {
            saving,
            window: Frame::try_from(window).unwrap_or(Frame::MAX),
            slot_len,
            places,
            cells: std::iter::repeat_with(GameStateCell::default).take(len).collect(),
            slots: Vec::new(),
            played: std::iter::repeat_with(|| Played { frame: -1, inputs: Vec::new() }).take(len).collect(),
            inputs: vec![(T::Input::default(), InputStatus::Disconnected); players],
            last_saved: 0,
            requests: Vec::new(),
            current: 0,
            live: 0,
            confirmed: -1,
            is_loaded: false,
            is_ready: false,
        }
    }

    /// The next frame to play for the first time.
    pub(crate) const fn current(&self) -> Frame {
        self.current
    }

    /// Starts the requests of a call: the latest frame whose inputs are all known, and up to which frame those of each place are.
    pub(crate) fn begin(&mut self, confirmed: Frame, known_end: impl Fn(u16) -> Frame) {
        for place in &mut self.places {
            place.known_end = known_end(place.number);
        }
        self.requests.clear();
        self.live = self.current;
        self.confirmed = confirmed;
        (self.is_loaded, self.is_ready) = (false, false);
        if self.current == 0 && self.saving != Saving::None {
            self.ask_save(0);
        }
    }

    /// Ends the requests of a call, in which the current frame was played or not.
    pub(crate) fn finish(&mut self, is_played: bool) -> Vec<GgrsRequest<T>> {
        self.ready();
        if is_played {
            self.current = self.current.saturating_add(1);
        }
        std::mem::take(&mut self.requests)
    }

    /// The inputs with which a frame was played last.
    pub(crate) fn played(&self, frame: Frame) -> Option<&[(T::Input, InputStatus)]> {
        let played = self.played.get(place(frame, self.played.len()))?;
        (played.frame == frame).then_some(&played.inputs)
    }

    /// The checksum of the state before a frame, if it is still here.
    pub(crate) fn checksum(&self, frame: Frame) -> Option<u128> {
        self.cell(frame).checksum(frame)
    }

    fn cell(&self, frame: Frame) -> GameStateCell<T::State> {
        self.cells.get(place(frame, self.cells.len())).cloned().unwrap_or_default()
    }

    fn ask_save(&mut self, frame: Frame) {
        self.requests.push(GgrsRequest::SaveGameState { cell: self.cell(frame), frame });
        self.last_saved = frame;
    }

    fn ask_load(&mut self, frame: Frame) {
        self.requests.push(GgrsRequest::LoadGameState { cell: self.cell(frame), frame });
        self.live = frame;
        self.is_loaded = true;
    }

    /// Asks for what comes before the current frame.
    fn ready(&mut self) {
        if std::mem::replace(&mut self.is_ready, true) {
            return;
        }
        match self.saving {
            Saving::All => self.ask_save(self.current),
            Saving::Sparse if self.current.saturating_sub(self.last_saved) >= self.window => {
                if self.confirmed >= self.current {
                    self.ask_save(self.current);
                } else if self.confirmed > self.last_saved {
                    self.ask_load(self.last_saved);
                    self.replay(self.current);
                }
            }
            Saving::Sparse | Saving::None => {}
        }
    }

    /// Plays the frames before `end` as they were played before.
    fn replay(&mut self, end: Frame) {
        while self.live < end {
            let frame = self.live;
            let Some(mut inputs) = self.played(frame).map(<[_]>::to_vec) else { return };
            // A prediction that was right may be known by now.
            for handle in self.places.iter().filter(|place| frame < place.known_end).flat_map(|place| &place.handles) {
                if let Some((_, status @ InputStatus::Predicted)) = inputs.get_mut(*handle) {
                    *status = InputStatus::Confirmed;
                }
            }
            self.ask_play(inputs);
        }
    }

    fn ask_play(&mut self, inputs: Vec<(T::Input, InputStatus)>) {
        let is_loaded = std::mem::replace(&mut self.is_loaded, false);
        let is_due = match self.saving {
            Saving::All => self.live < self.current,
            Saving::Sparse => self.live == self.confirmed && self.live > self.last_saved,
            Saving::None => false,
        };
        if is_due && !is_loaded {
            self.ask_save(self.live);
        }
        self.requests.push(GgrsRequest::AdvanceFrame { inputs });
        self.live = self.live.saturating_add(1);
    }
}

impl<T: Config> Game for Timeline<T> {
    fn save(&mut self, slot: usize) {
        if self.slots.len() <= slot {
            self.slots.resize(slot.saturating_add(1), 0);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = self.live;
        }
    }

    fn load(&mut self, slot: usize) {
        let frame = self.slots.get(slot).copied().unwrap_or(0);
        if self.saving == Saving::Sparse {
            self.ask_load(self.last_saved.min(frame));
            self.replay(frame);
        } else {
            self.ask_load(frame);
        }
    }

    fn predict(&mut self, player: u16, latest: Option<&[u8]>, row: &mut [u8]) {
        let handles = self.places.iter().find(|place| place.number == player).map_or(0, |place| place.handles.len());
        for (at, slot) in row.chunks_exact_mut(self.slot_len).enumerate().take(handles) {
            let start = at.saturating_mul(self.slot_len);
            let latest = latest.and_then(|row| row.get(start..start.saturating_add(self.slot_len)));
            let input = latest.map_or_else(T::Input::default, |slot| T::InputPredictor::predict(Slots::read(slot)));
            Slots::write(&input, slot);
        }
    }

    fn input(&mut self, player: u16, status: Status, row: &[u8]) {
        let Some(place) = self.places.iter().find(|place| place.number == player) else { return };
        for (handle, slot) in place.handles.iter().zip(row.chunks_exact(self.slot_len)) {
            if let Some(input) = self.inputs.get_mut(*handle) {
                *input = match status {
                    Status::Confirmed => (Slots::read(slot), InputStatus::Confirmed),
                    Status::Predicted => (Slots::read(slot), InputStatus::Predicted),
                    Status::Departed => (T::Input::default(), InputStatus::Disconnected),
                };
            }
        }
    }

    fn advance(&mut self) {
        if self.live >= self.current {
            self.ready();
        }
        let (frame, len) = (self.live, self.played.len());
        if let Some(played) = self.played.get_mut(place(frame, len)) {
            played.frame = frame;
            played.inputs.clone_from(&self.inputs);
        }
        self.ask_play(self.inputs.clone());
        // A player that the wire does not know any more has left.
        self.inputs.fill((T::Input::default(), InputStatus::Disconnected));
    }
}

/// The place of a frame in a ring.
fn place(frame: Frame, len: usize) -> usize {
    usize::try_from(frame).unwrap_or(0).checked_rem(len).unwrap_or(0)
}
