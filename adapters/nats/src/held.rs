//! Chunks that are held back, so that nobody learns from the feed what helps in the match.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Holds chunks back for a time. The delay is the publisher's: no watcher can shorten it.
#[derive(Clone, Debug)]
pub struct Held {
    delay: Duration,
    chunks: VecDeque<(Instant, Vec<u8>)>,
}

impl Held {
    /// Holds each chunk back for this long.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self { delay, chunks: VecDeque::new() }
    }

    /// Takes a chunk that was written now.
    pub fn push(&mut self, now: Instant, chunk: Vec<u8>) {
        self.chunks.push_back((now + self.delay, chunk));
    }

    /// Returns the next chunk whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next_due().filter(|due| *due <= now)?;
        self.chunks.pop_front().map(|(_, chunk)| chunk)
    }

    /// When the next chunk is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.chunks.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Held, Instant};

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
