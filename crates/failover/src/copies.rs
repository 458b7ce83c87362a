//! Which datagrams are copied to the relay while the direct route is good: each k-th.

/// Counts datagrams with new inputs, and others, each for itself, so that two that alternate are both copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copies {
    end: Option<u32>,
    new: u8,
    others: u8,
}

impl Copies {
    pub(crate) const fn new() -> Self {
        Self { end: None, new: 0, others: 0 }
    }

    /// Returns whether the next datagram, whose newest input is the one below `end`, is to be copied, as each `every`-th is.
    pub(crate) fn take(&mut self, end: u32, every: u8) -> bool {
        let is_new = self.end.replace(end) != Some(end);
        let count = if is_new { &mut self.new } else { &mut self.others };
        *count = count.saturating_add(1);
        let due = *count >= every;
        if due {
            *count = 0;
        }
        due
    }
}
