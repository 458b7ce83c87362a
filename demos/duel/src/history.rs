//! The confirmed states of the last seconds, with which the judge compares the games.

use std::collections::VecDeque;

use crate::game::Game;
use crate::scheme::WINDOW;

/// How many states are kept.
const KEPT: usize = 8 * WINDOW;

/// A game whose inputs are all known, or never will be, and its latest states.
#[derive(Clone, Debug)]
pub(crate) struct History {
    latest: Game,
    states: VecDeque<Game>,
}

impl History {
    pub(crate) fn new(first: Game) -> Self {
        Self { latest: first, states: VecDeque::from([first]) }
    }

    pub(crate) fn latest(&self) -> &Game {
        &self.latest
    }

    /// Plays one more frame.
    pub(crate) fn step(&mut self, inputs: [u8; 2]) {
        self.latest.step(inputs);
        self.states.push_back(self.latest);
        if self.states.len() > KEPT {
            self.states.pop_front();
        }
    }

    /// Returns the state before a frame, while it is kept.
    pub(crate) fn state(&self, frame: u32) -> Option<&Game> {
        let back = self.latest.frame.checked_sub(frame)?;
        let index = self.states.len().checked_sub(1)?.checked_sub(back as usize)?;
        self.states.get(index)
    }
}
