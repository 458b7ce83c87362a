//! What is estimated from arrivals: round trips, the lead over a peer, margins, lateness, and whether it is still there.

pub(crate) mod base_rtt;
pub(crate) mod lateness;
pub(crate) mod liveness;
pub(crate) mod margin;
pub(crate) mod rtt;
pub(crate) mod time_sync;
pub(crate) mod windowed_min;
