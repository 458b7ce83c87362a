//! Whether both games have the same state: checksums there and back, and the first frame at which they differ
//! (PROTOCOL 3.9).

use super::{Ours, Told};
use crate::checksum::{Checksum, Checksums, WAITING};
use crate::error::DatagramError;
use crate::time::Instant;
use crate::wire::check::Check;
use crate::wire::control::{Sums, emit_sums, parse_sums};

/// What both ends told each other of their states in this epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// The peer has our checksums of the frames below this one ...
    acked: u32,
    /// ... and we have the peer's of those below this one.
    taken: u32,
    /// When the first of the peer's came that we have not acknowledged since.
    owed_since: Option<Instant>,
    /// The peer's checksums of frames for which we have none yet.
    waiting: Checksums<WAITING>,
    /// Up to where ours were said, and when last.
    said: u32,
    said_at: Option<Instant>,
    /// The first difference, and whether there is one.
    difference: Difference,
    differs: Told,
}

/// Two states that should be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) frame: u32,
    pub(crate) ours: u64,
    pub(crate) theirs: u64,
}

impl Agreement {
    /// Whether a checksum of ours has to stay, since the peer may still need it.
    pub(crate) fn needs(&self, ours: &Ours, frame: u32) -> bool {
        frame >= self.first_unsaid(ours)
    }

    /// Judges the peer's checksums, then compares those that can be; the rest waits. What has no room to wait is not
    /// acknowledged, and comes again.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn handle(&mut self, ours: &Ours, check: &Check, datagram: &[u8]) -> Result<(), DatagramError> {
        let Sums { ack, entries } = parse_sums(datagram, check)?;
        if ack > ours.checksums.end() {
            return Err(DatagramError::FrameRange);
        }
        self.acked = self.acked.max(ack);
        for checksum in entries {
            // Also for what comes again: the acknowledgement may have been lost.
            self.owed_since.get_or_insert(ours.now);
            if checksum.frame < self.taken {
                continue;
            }
            if checksum.frame >= ours.checksums.end() {
                if self.waiting.leaving().is_some() {
                    break;
                }
                self.waiting.push(checksum);
            } else if let Some(hash) = ours.checksums.get(checksum.frame) {
                self.compare(checksum, hash);
            }
            self.taken = checksum.frame.saturating_add(1);
        }
        Ok(())
    }

    /// Compares the newest checksum of ours with the peer's, if that waits for it.
    pub(crate) fn push(&mut self, checksum: Checksum) {
        if let Some(theirs) = self.waiting.get(checksum.frame) {
            self.compare(Checksum { hash: theirs, ..checksum }, checksum.hash);
        }
        self.waiting.forget_to(checksum.frame);
    }

    fn compare(&mut self, theirs: Checksum, ours: u64) {
        if theirs.hash != ours && self.differs == Told::Nothing {
            self.difference = Difference { frame: theirs.frame, ours, theirs: theirs.hash };
            self.differs.happen();
        }
    }

    /// When to say checksums, or that we have the peer's: at once what is new, and what is not acknowledged again and
    /// again. An acknowledgement waits for something to ride on, so that nothing is ever an answer.
    pub(crate) fn due(&self, ours: &Ours, ping_us: u64) -> Option<Instant> {
        let newest = ours.checksums.end();
        if newest == 0 && self.owed_since.is_none() {
            return None;
        }
        let again = self.said_at.map_or(Instant::ORIGIN, |at| at.after(ping_us));
        let owed = self.owed_since.map(|at| at.after(ping_us).max(again));
        let unsaid = self.first_unsaid(ours);
        if newest <= unsaid {
            owed
        } else if self.said < newest {
            Some(Instant::ORIGIN)
        } else {
            Some(again)
        }
    }

    pub(crate) fn emit(&mut self, ours: &Ours, check: &Check, room: &mut [u8]) -> Option<usize> {
        self.said = ours.checksums.end();
        self.said_at = Some(ours.now);
        self.owed_since = None;
        let first = self.first_unsaid(ours);
        emit_sums(room, check, self.taken, ours.checksums.iter().filter(|checksum| checksum.frame >= first))
    }

    /// The first frame whose checksum the peer may need. One older than the window comes too late to help.
    fn first_unsaid(&self, ours: &Ours) -> u32 {
        let oldest = ours.outbox.next.saturating_sub(ours.outbox.window());
        self.acked.max(oldest)
    }

    /// The first difference, told once.
    pub(crate) fn tell(&mut self) -> Option<Difference> {
        self.differs.tell().then_some(self.difference)
    }
}
