//! What a session may be waiting for, and until when.

use crate::time::Instant;

/// What a deadline is for: the reason of a wake-up, for logs.
///
/// ```
/// use inputwire::{Config, Instant, PeerConfig, Session, Timer};
///
/// let mut session = Session::<1, 1>::new(Config::builder().incarnation(0x5eed_0000_0001).build()?);
/// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
/// while session.poll_transmit(&mut [0; inputwire::MAX_DATAGRAM_SIZE]).is_some() {}
/// assert_eq!(session.timeout_reason(), Some((peer, Timer::Hello)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Timer {
    /// A hello is due.
    Hello,
    /// A bye is due.
    Bye,
    /// An input datagram is due: a resend, an acknowledgement, an early copy or a keep-alive.
    Input,
    /// A word is due: survivors agree on the last input of a peer that was disconnected.
    Word,
    /// Checksums are due, or their acknowledgement.
    Checksums,
    /// [`Flushed`](crate::PeerEvent::Flushed) is to be reported.
    Flushed,
    /// A ping of the classic wire is due.
    Ping,
    /// A validation ping is due, which later versions of the original wait for.
    ValidationPing,
    /// A request for missing inputs is due, on the classic wire.
    InputRequest,
    /// The response to such a request is due.
    InputResponse,
    /// The peer becomes [`Interrupted`](crate::Health::Interrupted).
    Interrupted,
    /// The peer becomes [`Disconnected`](crate::Health::Disconnected).
    Disconnected,
    /// The peer becomes [`Deaf`](crate::Health::Deaf).
    Deaf,
}

impl Timer {
    /// The deadline of this timer, if it is set.
    pub(crate) const fn at(self, at: Option<Instant>) -> Deadline {
        Deadline { at, timer: self }
    }
}

/// When a timer expires, if it is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Option<Instant>,
    pub(crate) timer: Timer,
}

impl Deadline {
    /// The sooner one of this deadline and `soonest`. One up to `now` does not count: what is due already needs draining, not
    /// waking.
    pub(crate) fn sooner(&self, soonest: Option<(Instant, Timer)>, now: Instant) -> Option<(Instant, Timer)> {
        match (self.at.filter(|at| *at > now), soonest) {
            (Some(at), Some((other, _))) if at >= other => soonest,
            (Some(at), _) => Some((at, self.timer)),
            (None, _) => soonest,
        }
    }
}
