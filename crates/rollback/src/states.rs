//! The states of the latest frames: copies in a ring, or whatever a game saves and loads itself.

use crate::inputs::Inputs;

/// A game whose state is too dear to clone: it has one live state, and saves and loads it itself.
///
/// A game that pages its memory, or undoes its steps, saves in a way of its own. Only frames with a prediction are saved, so a
/// lockstep game saves nothing.
pub trait SaveState<const INPUT_LEN: usize> {
    /// Saves the live state in a slot. Slots count from 0 to `RING - 2`, and are overwritten.
    fn save(&mut self, slot: usize);

    /// Makes the state that was saved in a slot the live one.
    fn load(&mut self, slot: usize);

    /// Makes the first state of an epoch the live one: a player was restarted, and the game starts over.
    fn reset(&mut self);

    /// Plays a frame on the live state.
    fn advance(&mut self, inputs: &Inputs<'_, INPUT_LEN>);

    /// The hash of a saved state. It is called only with checksums.
    fn hash(&self, slot: usize) -> u64;

    /// Predicts the input of a player from its latest known one, if there is one, and from how many frames that is older. It
    /// returns the same for the same arguments; `None` leaves it to the driver.
    fn predict(&mut self, player: u16, latest: Option<&[u8; INPUT_LEN]>, frames_since: u32) -> Option<[u8; INPUT_LEN]> {
        let _ = (player, latest, frames_since);
        None
    }
}

/// States by slot.
pub(crate) trait States<const INPUT_LEN: usize> {
    /// Plays a frame from the state in one slot, and keeps that state unless `to` is the same slot.
    fn advance(&mut self, from: usize, to: usize, inputs: &Inputs<'_, INPUT_LEN>);

    fn hash(&mut self, slot: usize) -> u64;

    /// Puts the first state of an epoch into a slot.
    fn reset(&mut self, slot: usize);

    /// Predicts the input of a player; `None` leaves it to the settings.
    fn predict(&mut self, player: u16, latest: Option<&[u8; INPUT_LEN]>, since: u32) -> Option<[u8; INPUT_LEN]>;
}

/// States that are cloned. The last one is the first of the epoch.
#[derive(Debug)]
pub(crate) struct Cloned<'a, S, F, const RING: usize> {
    pub(crate) states: &'a mut [S; RING],
    pub(crate) hash: fn(&S) -> u64,
    pub(crate) advance: F,
}

impl<S: Clone, F: FnMut(&mut S, &Inputs<'_, INPUT_LEN>), const INPUT_LEN: usize, const RING: usize> States<INPUT_LEN>
    for Cloned<'_, S, F, RING>
{
    fn advance(&mut self, from: usize, to: usize, inputs: &Inputs<'_, INPUT_LEN>) {
        if let Ok([from, to]) = self.states.get_disjoint_mut([from, to]) {
            to.clone_from(from);
        }
        if let Some(state) = self.states.get_mut(to) {
            (self.advance)(state, inputs);
        }
    }

    fn hash(&mut self, slot: usize) -> u64 {
        self.states.get(slot).map_or(0, self.hash)
    }

    fn reset(&mut self, slot: usize) {
        if let Some((first, others)) = self.states.split_last_mut()
            && let Some(state) = others.get_mut(slot)
        {
            state.clone_from(first);
        }
    }

    fn predict(&mut self, _: u16, _: Option<&[u8; INPUT_LEN]>, _: u32) -> Option<[u8; INPUT_LEN]> {
        None
    }
}

/// States that the game saves.
#[derive(Debug)]
pub(crate) struct Saved<'a, G> {
    pub(crate) game: &'a mut G,
    /// The slot of the live state.
    pub(crate) live: usize,
    /// Whether the live state is saved there, too.
    pub(crate) is_kept: bool,
}

impl<G> Saved<'_, G> {
    fn save<const INPUT_LEN: usize>(&mut self)
    where
        G: SaveState<INPUT_LEN>,
    {
        if !core::mem::replace(&mut self.is_kept, true) {
            self.game.save(self.live);
        }
    }
}

impl<G: SaveState<INPUT_LEN>, const INPUT_LEN: usize> States<INPUT_LEN> for Saved<'_, G> {
    fn advance(&mut self, from: usize, to: usize, inputs: &Inputs<'_, INPUT_LEN>) {
        if self.live != from {
            self.game.load(from);
            self.is_kept = true;
        }
        self.live = from;
        if to != from {
            self.save();
        }
        self.game.advance(inputs);
        self.live = to;
        self.is_kept = false;
    }

    fn hash(&mut self, slot: usize) -> u64 {
        if slot == self.live {
            self.save();
        }
        self.game.hash(slot)
    }

    fn reset(&mut self, slot: usize) {
        self.game.reset();
        self.live = slot;
        self.is_kept = false;
    }

    fn predict(&mut self, player: u16, latest: Option<&[u8; INPUT_LEN]>, since: u32) -> Option<[u8; INPUT_LEN]> {
        self.game.predict(player, latest, since)
    }
}
