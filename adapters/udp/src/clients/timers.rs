//! One deadline for each client, in a heap.
//!
//! A deadline that moves later stays where it is, and is looked at again when it passes; only one that moves earlier costs an
//! entry. The entry that it leaves behind is dropped when its moment comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use inputwire::Instant;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
    /// For which moment each slot has an entry that counts.
    armed: Vec<Option<Instant>>,
}

impl Timers {
    /// Wakes a slot at this moment, or earlier.
    pub(crate) fn arm(&mut self, slot: u32, due: Instant) {
        let Ok(at) = usize::try_from(slot) else { return };
        if self.armed.len() <= at {
            self.armed.resize(at.saturating_add(1), None);
        }
        if let Some(armed) = self.armed.get_mut(at)
            && armed.is_none_or(|armed| due < armed)
        {
            *armed = Some(due);
            self.heap.push(Reverse((due, slot)));
        }
    }

    /// Forgets the deadline of a slot.
    pub(crate) fn disarm(&mut self, slot: u32) {
        if let Some(armed) = usize::try_from(slot).ok().and_then(|at| self.armed.get_mut(at)) {
            *armed = None;
        }
    }

    /// Takes a slot whose moment has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u32> {
        while let Some(Reverse((due, slot))) = self.heap.peek().copied().filter(|Reverse((due, _))| *due <= now) {
            self.heap.pop();
            let armed = usize::try_from(slot).ok().and_then(|at| self.armed.get_mut(at));
            if let Some(armed) = armed.filter(|armed| **armed == Some(due)) {
                *armed = None;
                return Some(slot);
            }
        }
        None
    }

    /// When the next entry is due; it may be one that was left behind.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Timers};

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    #[test]
    fn a_slot_wakes_at_its_earliest_deadline_and_once() {
        let mut timers = Timers::default();
        timers.arm(3, at(30));
        timers.arm(3, at(50));
        timers.arm(3, at(20));
        timers.arm(1, at(25));
        assert_eq!(timers.next(), Some(at(20)));
        assert_eq!((timers.take_due(at(19)), timers.take_due(at(40))), (None, Some(3)));
        assert_eq!((timers.take_due(at(40)), timers.take_due(at(60)), timers.next()), (Some(1), None, None));
        timers.arm(3, at(70));
        timers.disarm(3);
        assert_eq!(timers.take_due(at(80)), None);
    }

    #[test]
    fn deadlines_that_move_later_all_the_time_cost_one_entry_a_slot() {
        let mut timers = Timers::default();
        for millis in 0..100_000 {
            while let Some(slot) = timers.take_due(at(millis)) {
                timers.arm(slot, at(millis + 25));
            }
            timers.arm(u32::try_from(millis % 100).expect("small"), at(millis + 25));
        }
        assert!(timers.len() <= 100, "{}", timers.len());
    }
}
