//! A session that plays alone, and plays every frame again to find what is not deterministic.

use std::collections::{BTreeMap, VecDeque};

use crate::api::{Config, Frame, GameStateCell, GgrsError, GgrsRequest, InputStatus, PlayerHandle};
use crate::local::LocalPlayer;

/// Plays a game locally; in each frame it goes back by the check distance and plays on from there again.
pub struct SyncTestSession<T>
where
    T: Config,
{
    locals: Vec<LocalPlayer<T::Input>>,
    max_prediction: usize,
    check_distance: usize,
    current: Frame,
    /// The state before the frame f, at `f % len`.
    cells: Vec<GameStateCell<T::State>>,
    /// The inputs of the latest frames up to the current one, the oldest first.
    inputs: VecDeque<Vec<(T::Input, InputStatus)>>,
    /// The first checksums of the latest frames.
    first: BTreeMap<Frame, Option<u128>>,
}

impl<T: Config> SyncTestSession<T> {
    pub(crate) fn new(num_players: usize, max_prediction: usize, check_distance: usize, input_delay: u32) -> Self {
        let cells = check_distance.saturating_add(2);
        Self {
            locals: (0..num_players).map(|handle| LocalPlayer::new(handle, input_delay)).collect(),
            max_prediction,
            check_distance,
            current: 0,
            cells: std::iter::repeat_with(GameStateCell::default).take(cells).collect(),
            inputs: VecDeque::new(),
            first: BTreeMap::new(),
        }
    }

    /// Gives the input of a player for the current frame; the last one before [`advance_frame`](Self::advance_frame) counts.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` if there is no such player.
    pub fn add_local_input(&mut self, player_handle: PlayerHandle, input: T::Input) -> Result<(), GgrsError> {
        let local = self.locals.get_mut(player_handle);
        let local = local.ok_or_else(|| GgrsError::invalid(format!("there is no player {player_handle}")))?;
        local.pending = Some(input);
        Ok(())
    }

    /// Plays a frame, after the latest ones were played again.
    ///
    /// # Errors
    ///
    /// `MismatchedChecksum` if frames gave other states than before; `InvalidRequest` without the input of a player.
    pub fn advance_frame(&mut self) -> Result<Vec<GgrsRequest<T>>, GgrsError> {
        if let Some(local) = self.locals.iter().find(|local| local.pending.is_none()) {
            return Err(GgrsError::invalid(format!("the input of player {} is missing", local.handle)));
        }
        let distance = Frame::try_from(self.check_distance).unwrap_or(Frame::MAX);
        let mut requests = Vec::new();
        if distance > 0 && self.current > distance {
            self.compare(distance)?;
            let start = self.current.saturating_sub(distance);
            requests.push(GgrsRequest::LoadGameState { cell: self.cell(start), frame: start });
            let again = self.inputs.len().saturating_sub(self.check_distance);
            for (frame, inputs) in (start..).zip(self.inputs.range(again..)) {
                if frame > start {
                    requests.push(GgrsRequest::SaveGameState { cell: self.cell(frame), frame });
                }
                requests.push(GgrsRequest::AdvanceFrame { inputs: inputs.clone() });
            }
        }
        if distance > 0 {
            requests.push(GgrsRequest::SaveGameState { cell: self.cell(self.current), frame: self.current });
        }
        let inputs = self.take_inputs();
        requests.push(GgrsRequest::AdvanceFrame { inputs: inputs.clone() });
        self.inputs.push_back(inputs);
        while self.inputs.len() > self.check_distance {
            self.inputs.pop_front();
        }
        self.current = self.current.saturating_add(1);
        Ok(requests)
    }

    /// Compares the states of the latest frames with their first ones.
    fn compare(&mut self, distance: Frame) -> Result<(), GgrsError> {
        let start = self.current.saturating_sub(distance);
        self.first.retain(|frame, _| *frame >= start);
        let mut mismatched = Vec::new();
        for frame in start..self.current {
            let checksum = self.cell(frame).checksum(frame);
            if *self.first.entry(frame).or_insert(checksum) != checksum {
                mismatched.push(frame);
            }
        }
        if mismatched.is_empty() {
            Ok(())
        } else {
            Err(GgrsError::MismatchedChecksum { current_frame: self.current, mismatched_frames: mismatched })
        }
    }

    fn take_inputs(&mut self) -> Vec<(T::Input, InputStatus)> {
        let current = u32::try_from(self.current).unwrap_or(0);
        let take = |local: &mut LocalPlayer<T::Input>| {
            local.schedule(current);
            local.pending = None;
            (local.pop().unwrap_or_default(), InputStatus::Confirmed)
        };
        self.locals.iter_mut().map(take).collect()
    }

    fn cell(&self, frame: Frame) -> GameStateCell<T::State> {
        let at = usize::try_from(frame).unwrap_or(0).checked_rem(self.cells.len()).unwrap_or(0);
        self.cells.get(at).cloned().unwrap_or_default()
    }

    /// Returns the next frame to play.
    pub fn current_frame(&self) -> Frame {
        self.current
    }

    /// Returns the number of players.
    pub fn num_players(&self) -> usize {
        self.locals.len()
    }

    /// Returns how many frames could be predicted in a game with others.
    pub fn max_prediction(&self) -> usize {
        self.max_prediction
    }

    /// Returns how many frames are played again.
    pub fn check_distance(&self) -> usize {
        self.check_distance
    }
}
