//! The state that each wire keeps for a peer: what a datagram changes, and what the next one carries.

pub(crate) mod classic;
pub(crate) mod compact;

use crate::checksum::Checksum;
use crate::config::{PeerSettings, Wire};
use crate::error::DatagramError;
use crate::event::PeerEvent;
use crate::local::Local;
use crate::remote::Remote;
use crate::timer::{Deadline, Timer};
use crate::window::recv::{RecvView, RecvWindow};
use crate::window::send::SendView;
use classic::Classic;
use compact::Compact;
use compact::timing::TimingEstimator;

/// How many timers a link has at most.
pub(crate) const TIMERS: usize = 5;

/// A peer's link, on the wire that it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub(crate) enum Link {
    Compact(Compact),
    Classic(Classic),
}

/// A datagram that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) len: usize,
    /// Whether nothing else is due to the peer at this moment, as far as it is clear already.
    pub(crate) last: bool,
}

impl Link {
    pub(crate) fn new(local: &Local, settings: &PeerSettings, join_frame: u32, local_run: u64) -> Self {
        match settings.wire {
            Wire::Compact => Self::Compact(Compact::new(local, settings, join_frame, local_run)),
            Wire::Classic => Self::Classic(Classic::new(local)),
        }
    }

    pub(crate) fn transport_opened(&mut self, local: &Local) {
        match self {
            Self::Compact(link) => link.transport_opened(local),
            Self::Classic(link) => link.transport_opened(),
        }
    }

    /// The session was closed. The classic wire has no datagram for it.
    pub(crate) fn close(&mut self, local: &Local, delivers: bool) {
        match self {
            Self::Compact(link) => link.close(local, delivers),
            Self::Classic(_) => {}
        }
    }

    /// Whether nothing is left to send, once the session was closed.
    pub(crate) fn is_closed(&self, local: &Local, remote: &Remote) -> bool {
        match self {
            Self::Compact(link) => link.is_closed(local, remote),
            Self::Classic(_) => true,
        }
    }

    /// The greatest epoch that the peer announced; 0 on the classic wire.
    pub(crate) fn announced(&self) -> u32 {
        match self {
            Self::Compact(link) => link.announced(),
            Self::Classic(_) => 0,
        }
    }

    /// Whether an epoch of the reserve may be begun for this peer.
    pub(crate) fn needs_epoch(&self, local: &Local) -> bool {
        match self {
            Self::Compact(link) => link.needs_epoch(local),
            Self::Classic(_) => false,
        }
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local, remote: &mut Remote) {
        match self {
            Self::Compact(link) => link.begin_epoch(local, remote),
            Self::Classic(link) => link.begin_epoch(local),
        }
    }

    pub(crate) fn handle(
        &mut self,
        local: &Local,
        remote: &mut Remote,
        recv: &mut RecvView<'_>,
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        match self {
            Self::Compact(link) => link.handle(local, remote, recv, datagram),
            Self::Classic(_) if !remote.standing.is_present() => Ok(()),
            Self::Classic(link) => link.handle(local, remote, recv, datagram),
        }
    }

    /// Writes the next datagram that is due.
    pub(crate) fn poll_transmit(
        &mut self,
        local: &Local,
        remote: &mut Remote,
        recv: &RecvWindow,
        send: &SendView<'_>,
        buf: &mut [u8],
    ) -> Option<Written> {
        match self {
            Self::Compact(link) => link.poll_transmit(local, remote, recv, send, buf),
            Self::Classic(link) => {
                let len = link.poll_transmit(local, remote, recv, send, buf)?;
                Some(Written { len, last: false })
            }
        }
    }

    /// Returns what only this wire can report, and what leaves the window as it is.
    pub(crate) fn poll_event(&mut self, local: &Local) -> Option<PeerEvent> {
        match self {
            Self::Compact(link) => link.poll_event(local),
            Self::Classic(link) => link.poll_event(),
        }
    }

    /// Whether `poll_barrier_event` would return something.
    pub(crate) fn has_barrier_event(&self, local: &Local) -> bool {
        match self {
            Self::Compact(link) => link.has_barrier_event(local),
            Self::Classic(_) => false,
        }
    }

    /// Returns what makes an application throw its window away, so that it follows every input that is held.
    pub(crate) fn poll_barrier_event(&mut self, local: &Local) -> Option<PeerEvent> {
        match self {
            Self::Compact(link) => link.poll_barrier_event(local),
            Self::Classic(_) => None,
        }
    }

    /// When something is due.
    pub(crate) fn deadlines(&self, local: &Local, remote: &Remote, recv: &RecvWindow) -> [Deadline; TIMERS] {
        match self {
            Self::Compact(link) => link.deadlines(local, remote),
            Self::Classic(link) => {
                let [ping, validation, request, response] = link.deadlines(local, remote, recv);
                [ping, validation, request, response, Timer::Hello.at(None)]
            }
        }
    }

    pub(crate) fn ping_us(&self, local: &Local) -> u64 {
        match self {
            Self::Compact(_) => Compact::ping_us(local),
            Self::Classic(_) => Classic::ping_us(local),
        }
    }

    /// How many local inputs the peer has not acknowledged; 0 on a wire without acknowledgement.
    pub(crate) fn unacked(&self, local: &Local) -> u32 {
        match self {
            Self::Compact(link) => link.unacked(local),
            Self::Classic(_) => 0,
        }
    }

    /// How many local inputs were never sent, on a wire without acknowledgement; else 0.
    pub(crate) fn unsent(&self, local: &Local) -> u32 {
        match self {
            Self::Compact(_) => 0,
            Self::Classic(link) => link.unsent(local),
        }
    }

    /// Whether the peer may still need the local checksum of a frame.
    pub(crate) fn needs_checksum(&self, local: &Local, frame: u32) -> bool {
        match self {
            Self::Compact(link) => link.needs_checksum(local, frame),
            Self::Classic(_) => false,
        }
    }

    /// Compares a new local checksum with the peer's.
    pub(crate) fn push_checksum(&mut self, checksum: Checksum) {
        match self {
            Self::Compact(link) => link.push_checksum(checksum),
            Self::Classic(_) => {}
        }
    }

    /// The shortest round trip of late.
    pub(crate) fn shortest_us(&self) -> Option<u32> {
        match self {
            Self::Compact(link) => link.timing().shortest_us(),
            Self::Classic(link) => link.shortest_us(),
        }
    }

    /// The lead that the peer told of late; compact wire only.
    pub(crate) fn announced_lead(&self, local: &Local) -> Option<i8> {
        match self {
            Self::Compact(link) => link.announced_lead(local),
            Self::Classic(_) => None,
        }
    }

    /// The link on the compact wire, for what only meshes have.
    pub(crate) fn compact(&self) -> Option<&Compact> {
        match self {
            Self::Compact(link) => Some(link),
            Self::Classic(_) => None,
        }
    }

    /// Returns the estimates from timing blocks; compact wire only.
    pub(crate) fn timing(&self) -> Option<&TimingEstimator> {
        match self {
            Self::Compact(link) => Some(link.timing()),
            Self::Classic(_) => None,
        }
    }

    pub(crate) fn clear_counters(&mut self) {
        match self {
            Self::Compact(link) => link.clear_counters(),
            Self::Classic(_) => {}
        }
    }
}
