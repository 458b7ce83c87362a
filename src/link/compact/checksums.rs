//! Whether both games have the same state: checksums exchanged, and the first frame at which they differ (PROTOCOL 3.9).

use crate::checksum::{Checksum, Checksums, WAITING};
use crate::error::DatagramError;
use crate::event::PeerEvent;
use crate::ids::Frame;
use crate::local::Local;
use crate::once::Once;
use crate::time::Instant;
use crate::wire::compact::control::{ChecksumReport, emit_checksums, parse_checksums};
use crate::wire::compact::tag::TagState;

/// What both endpoints know of each other's checksums in this epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChecksumExchange {
    /// The peer has the local checksums of frames below this one ...
    acked: u32,
    /// ... and its own below this one have arrived.
    received_end: u32,
    /// When the first of the peer's arrived that has not been acknowledged since.
    ack_owed_since: Option<Instant>,
    /// The peer's checksums of frames that have no local one yet.
    waiting: Checksums<WAITING>,
    /// Local ones below this frame have been sent, and when last.
    sent_end: u32,
    sent_at: Option<Instant>,
    /// The first difference, once there is one.
    desync: Desync,
    differs: Once,
}

/// Two states that should be equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Desync {
    frame: u32,
    local: u64,
    remote: u64,
}

impl ChecksumExchange {
    /// Whether the peer may still need the local checksum of a frame.
    pub(crate) fn needs(&self, local: &Local, frame: u32) -> bool {
        frame >= self.first_unacked(local)
    }

    /// Validates the peer's checksums, then compares those that can be; the rest wait. Those without a free place to wait
    /// stay unacknowledged and are resent. The peer has the local input of every frame that it compares.
    pub(crate) fn handle(&mut self, local: &Local, tag: &TagState, datagram: &[u8]) -> Result<(), DatagramError> {
        let ChecksumReport { ack, entries } = parse_checksums(datagram, tag, local.send.send_next())?;
        if ack > local.checksums.end() {
            return Err(DatagramError::FrameRange);
        }
        self.acked = self.acked.max(ack);
        for checksum in entries {
            // Resent ones too: the acknowledgement may have been lost.
            self.ack_owed_since.get_or_insert(local.now);
            if checksum.frame < self.received_end {
                continue;
            }
            if checksum.frame >= local.checksums.end() {
                if self.waiting.next_dropped().is_some() {
                    break;
                }
                self.waiting.push(checksum);
            } else if let Some(hash) = local.checksums.get(checksum.frame) {
                self.compare(checksum.frame, hash, checksum.hash);
            }
            self.received_end = checksum.frame.saturating_add(1);
        }
        Ok(())
    }

    /// Compares the latest local checksum with the peer's, if that waits for it.
    pub(crate) fn push(&mut self, checksum: Checksum) {
        if let Some(remote) = self.waiting.get(checksum.frame) {
            self.compare(checksum.frame, checksum.hash, remote);
        }
        self.waiting.drop_through(checksum.frame);
    }

    fn compare(&mut self, frame: u32, local: u64, remote: u64) {
        if remote != local && self.differs == Once::Unset {
            self.desync = Desync { frame, local, remote };
            self.differs.set();
        }
    }

    /// When to send checksums or their acknowledgement: new ones at once, unacknowledged ones again every ping interval. An
    /// acknowledgement rides on those; without any, it is sent alone after a ping interval, never at once.
    pub(crate) fn due(&self, local: &Local, ping_us: u64) -> Option<Instant> {
        let end = local.checksums.end();
        if end == 0 && self.ack_owed_since.is_none() {
            return None;
        }
        let resend = self.sent_at.map_or(Instant::ORIGIN, |at| at.after(ping_us));
        let owed = self.ack_owed_since.map(|at| at.after(ping_us).max(resend));
        if end <= self.first_unacked(local) {
            owed
        } else if self.sent_end < end {
            Some(Instant::ORIGIN)
        } else {
            Some(resend)
        }
    }

    pub(crate) fn emit(&mut self, local: &Local, tag: &TagState, buf: &mut [u8]) -> Option<usize> {
        self.sent_end = local.checksums.end();
        self.sent_at = Some(local.now);
        self.ack_owed_since = None;
        let first = self.first_unacked(local);
        let entries = local.checksums.iter().filter(|checksum| checksum.frame >= first);
        emit_checksums(buf, local.config.max_datagram_size(), tag, self.received_end, entries)
    }

    /// The first frame whose checksum the peer may need. One older than the window comes too late to help.
    fn first_unacked(&self, local: &Local) -> u32 {
        let oldest = local.send.send_next().saturating_sub(local.window());
        self.acked.max(oldest)
    }

    /// Returns the first difference, once.
    pub(crate) fn poll_event(&mut self) -> Option<PeerEvent> {
        let Desync { frame, local, remote } = self.desync;
        self.differs.take().then_some(PeerEvent::Desync { frame: Frame::new(frame), local, remote })
    }
}
