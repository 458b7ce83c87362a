//! How much of a server's memory and time others can claim.

use std::time::Duration;

/// How much of a server's memory and time others can claim.
///
/// ```
/// use inputwire_udp::Limits;
///
/// let limits = Limits { max_clients: 4_000, ..Limits::default() };
/// assert_eq!(limits.max_unproven, 256);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clients at once, those that have proven nothing yet included (1,000).
    pub max_clients: usize,
    /// Clients at once that have said hello and proven nothing yet (256).
    pub max_unproven: usize,
    /// How long a client has to prove that it answers the server's own hello (5 s).
    pub prove_within: Duration,
    /// Hellos a second that are looked at from one unknown address, and as many other datagrams (20). Addresses share
    /// [`stranger_buckets`](Self::stranger_buckets) by a secret hash, so a flood from many addresses slows newcomers, and nobody else.
    pub stranger_rate: u32,
    /// How many rates are kept for unknown addresses, eight bytes each and allocated at the start (4,096).
    pub stranger_buckets: usize,
    /// How many silent clients a second are tried for datagrams from unknown addresses; each try costs one tag (10,000).
    pub tries_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_clients: 1_000,
            max_unproven: 256,
            prove_within: Duration::from_secs(5),
            stranger_rate: 20,
            stranger_buckets: 4_096,
            tries_per_second: 10_000,
        }
    }
}
