//! The tape: the fate of each of a peer's inputs, one cell a frame.

use std::collections::VecDeque;

/// The cells that are kept: enough for the largest screens.
const KEPT: usize = 4_096;

/// The fate of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrived with the first datagram that carried it, before its frame was played.
    OnTime,
    /// Its own datagram was lost, and it arrived with a later one, but still before its frame was played.
    Rescued,
    /// It arrived after its frame was played with a guess, which was then corrected.
    Late,
    /// It left the window without arriving: the guess stays, right or wrong.
    Never,
    /// It may still arrive. If its frame was played, it was with a guess.
    Missing,
}

/// How many inputs met each final fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) on_time: u32,
    pub(crate) rescued: u32,
    pub(crate) late: u32,
    pub(crate) never: u32,
}

impl Counts {
    /// Returns how many inputs arrived.
    pub(crate) fn arrived(self) -> u32 {
        self.on_time + self.rescued + self.late
    }

    /// Returns how many inputs met a final fate.
    pub(crate) fn judged(self) -> u32 {
        self.arrived() + self.never
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            on_time: self.on_time + other.on_time,
            rescued: self.rescued + other.rescued,
            late: self.late + other.late,
            never: self.never + other.never,
        }
    }
}

/// The fates of the newest frames.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    /// The frame of the first cell.
    first: u32,
    cells: VecDeque<Fate>,
    counts: Counts,
}

impl Tape {
    pub(crate) fn new(first: u32) -> Self {
        Self { first, cells: VecDeque::new(), counts: Counts::default() }
    }

    /// Sets the fate of the input of a frame. Each frame has one final fate.
    pub(crate) fn mark(&mut self, frame: u32, fate: Fate) {
        match fate {
            Fate::OnTime => self.counts.on_time += 1,
            Fate::Rescued => self.counts.rescued += 1,
            Fate::Late => self.counts.late += 1,
            Fate::Never => self.counts.never += 1,
            Fate::Missing => {}
        }
        let Some(index) = frame.checked_sub(self.first) else { return };
        let index = index as usize;
        if index >= self.cells.len() {
            self.cells.resize(index + 1, Fate::Missing);
        }
        self.cells[index] = fate;
        while self.cells.len() > KEPT {
            self.cells.pop_front();
            self.first += 1;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the fates of the last `most` frames below `end`, oldest first.
    pub(crate) fn last(&self, end: u32, most: usize) -> impl Iterator<Item = Fate> {
        let oldest = end.saturating_sub(u32::try_from(most).unwrap_or(u32::MAX)).max(self.first);
        (oldest..end).map(|frame| self.fate(frame))
    }

    fn fate(&self, frame: u32) -> Fate {
        let index = frame.checked_sub(self.first).map(|index| index as usize);
        index.and_then(|index| self.cells.get(index)).copied().unwrap_or(Fate::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Fate, KEPT, Tape};

    #[test]
    fn a_cell_is_missing_until_its_fate_is_known() {
        let mut tape = Tape::new(4);
        tape.mark(4, Fate::OnTime);
        tape.mark(6, Fate::Rescued);
        let cells: Vec<Fate> = tape.last(8, 10).collect();
        assert_eq!(cells, [Fate::OnTime, Fate::Missing, Fate::Rescued, Fate::Missing]);
        tape.mark(5, Fate::Late);
        assert_eq!(tape.last(8, 3).next(), Some(Fate::Late));
        assert_eq!(tape.counts(), Counts { on_time: 1, rescued: 1, late: 1, never: 0 });
    }

    #[test]
    fn old_cells_leave_and_stay_counted() {
        let mut tape = Tape::new(0);
        for frame in 0..10_000 {
            tape.mark(frame, Fate::Never);
        }
        assert_eq!(tape.last(10_000, usize::MAX).count(), KEPT);
        assert_eq!(tape.counts().never, 10_000);
    }
}
