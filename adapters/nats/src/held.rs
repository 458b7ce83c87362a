//! Chunks that are held back, so that nobody learns from the feed what helps in the match.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Holds chunks back for a time. The delay is the publisher's: no watcher can shorten it.
#[derive(Clone, Debug)]
pub struct Held {
    delay: Duration,
    /// When each is due; `None` is beyond the end of the clock.
    chunks: VecDeque<(Option<Instant>, Vec<u8>)>,
}

impl Held {
    /// Holds each chunk back for this long.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self { delay, chunks: VecDeque::new() }
    }

    /// Takes a chunk that was written now.
    pub fn push(&mut self, now: Instant, chunk: Vec<u8>) {
        self.chunks.push_back((now.checked_add(self.delay), chunk));
    }

    /// Returns the next chunk whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next_due().filter(|due| *due <= now)?;
        self.chunks.pop_front().map(|(_, chunk)| chunk)
    }

    /// When the next chunk is due; `None` too if it is held for ever.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.chunks.front()?.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Held, Instant};

    #[test]
    fn the_longest_delay_holds_chunks_for_ever() {
        let now = Instant::now();
        let mut held = Held::new(Duration::MAX);
        held.push(now, vec![1]);
        assert_eq!((held.pop(now + Duration::from_secs(1_000_000)), held.next_due()), (None, None));
    }

    #[test]
    fn a_chunk_is_held_for_the_whole_delay_and_the_order_stays() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut held = Held::new(Duration::from_secs(30));
        held.push(at(0), vec![1]);
        held.push(at(1), vec![2]);
        assert_eq!((held.pop(at(29)), held.next_due()), (None, Some(at(30))));
        assert_eq!(held.pop(at(30)), Some(vec![1]));
        assert_eq!(held.pop(at(30)), None);
        assert_eq!((held.pop(at(40)), held.pop(at(40))), (Some(vec![2]), None));
    }
}
