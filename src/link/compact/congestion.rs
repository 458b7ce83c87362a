//! How input datagrams are thinned out while they queue on the way (PROTOCOL 3.8).
//!
//! Each datagram carries everything unacknowledged, so a queue lengthens the datagrams that lengthen it. While there is one,
//! fewer are sent: never more bytes a second than without it, and less the longer it is. Where foreign traffic overflows
//! the queue, as many more are sent as are lost, so that as many arrive.

use super::Compact;
use crate::local::Local;
use crate::remote::Remote;

/// Up to this queuing delay nothing is held back.
const QUEUE_US: u32 = 50_000;
/// The longest round trip that a path without a queue is taken to have.
const BASE_MAX_US: u32 = 600_000;
/// The bytes of a datagram beside its body: IP and UDP headers, and those of this protocol.
const FRONT_LEN: u32 = 33;
/// Inputs that are under way on a quiet path beyond those of the round trip, for the acknowledgement's delay.
const SPARE_INPUTS: u32 = 4;
/// The queuing delay that halves the rate of datagrams, and the strongest thinning for it, in 256ths.
const HALVED_AT_MS: u16 = 300;
const DRAIN_MAX: u32 = 640;
/// The weakest thinning for a queue that this endpoint alone fills.
const OWN_QUEUE: u32 = 512;
/// The queuing delay up to which none is taken for that.
const OWN_QUEUE_MS: u32 = 100;
/// Thinning, in 256ths, up to which nothing is held back: 1.5.
const THINNING_MIN: u32 = 384;
/// The longest rest, unless two fifths of the interrupt limit are less.
const REST_US: u32 = 200_000;

/// What the thinning is computed from.
#[derive(Clone, Copy, Debug)]
struct Load {
    queuing_us: u32,
    base_us: u32,
    frame_us: u32,
    unacked: u32,
    /// Bytes of inputs in the last datagram.
    body_len: u32,
    /// How many 256ths of the datagrams are lost.
    lost: u32,
}

impl Load {
    /// How many times as many frames as datagrams there are to be, in 256ths.
    fn thinning(self) -> u32 {
        let queuing_ms = self.queuing_us.checked_div(1_000).unwrap_or(0);
        let drain = queuing_ms.saturating_mul(256).checked_div(HALVED_AT_MS.into()).unwrap_or(0).saturating_add(256);
        let quiet = self.base_us.min(BASE_MAX_US).checked_div(self.frame_us).unwrap_or(0).saturating_add(SPARE_INPUTS);
        let quiet_body = match self.unacked {
            0 => self.body_len,
            unacked => self.body_len.saturating_mul(quiet.min(unacked)).checked_div(unacked).unwrap_or(0),
        };
        // Where nothing is lost, and inputs pile up, this endpoint fills the queue. A shorter one may be a path that became longer.
        let least = if self.lost == 0 && self.unacked > quiet && queuing_ms > OWN_QUEUE_MS { OWN_QUEUE } else { 0 };
        let bytes = self.body_len.saturating_add(FRONT_LEN).saturating_mul(drain.clamp(least, DRAIN_MAX));
        let arriving = bytes.saturating_mul(256_u32.saturating_sub(self.lost)) >> 8;
        arriving.checked_div(quiet_body.saturating_add(FRONT_LEN)).unwrap_or(0)
    }
}

impl Compact {
    /// How long to rest after an input datagram; `None` if nothing is to be held back.
    pub(super) fn rest_us(&self, local: &Local, remote: &Remote) -> Option<u64> {
        let queuing_us = remote.rtt.queuing_us();
        if queuing_us <= QUEUE_US { None } else { self.rest_in_queue_us(local, remote, queuing_us) }
    }

    /// The same where datagrams queue. Out of line, since they seldom do.
    #[cold]
    #[inline(never)]
    fn rest_in_queue_us(&self, local: &Local, remote: &Remote, queuing_us: u32) -> Option<u64> {
        let frame_us = local.config.frame_us_u32();
        let load = Load {
            queuing_us,
            base_us: remote.rtt.base_us(),
            frame_us,
            unacked: self.unacked(local),
            body_len: self.schedule.body_len(),
            lost: self.timing.outbound_lost().into(),
        };
        let thinning = load.thinning();
        if thinning <= THINNING_MIN {
            return None;
        }
        // Half a frame less, since a datagram waits for the next push after that.
        let rest = u64::from(thinning.saturating_sub(128)).saturating_mul(frame_us.into()) >> 8;
        // A pause must not look like a dead endpoint.
        let unnoticed = remote.liveness.interrupt_us_u32().saturating_mul(2).checked_div(5).unwrap_or(0);
        Some(rest.min(REST_US.min(unnoticed).into()))
    }
}
