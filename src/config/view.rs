//! What a configuration says, for whoever has to write it down. A key is never given back.

use core::time::Duration;

use super::{Config, PeerConfig, Wire};
use crate::frame::Frame;

impl Config {
    /// The session id.
    #[must_use]
    pub const fn session(&self) -> u64 {
        self.session
    }

    /// Whether there is a key.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// The number of this start of ours.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// The frame that the first push of each epoch gets.
    #[must_use]
    pub const fn first_frame(&self) -> Frame {
        self.first_frame
    }

    /// The time between two frames.
    #[must_use]
    pub const fn frame_interval(&self) -> Duration {
        Duration::from_micros(self.frame_us())
    }

    /// The time between two pings, unless it is left to the wire.
    #[must_use]
    pub fn ping_interval(&self) -> Option<Duration> {
        self.ping_us().map(Duration::from_micros)
    }

    /// The silence after which a peer is interrupted.
    #[must_use]
    pub const fn interrupt_after(&self) -> Duration {
        Duration::from_micros(self.interrupt_us())
    }

    /// The silence after which a peer is disconnected.
    #[must_use]
    pub const fn disconnect_after(&self) -> Duration {
        Duration::from_micros(self.disconnect_us())
    }

    /// The one-way latency above which a peer's health is a warning.
    #[must_use]
    pub const fn warning_latency(&self) -> Duration {
        Duration::from_micros(self.warning_us())
    }

    /// The one-way latency above which a peer's health is critical.
    #[must_use]
    pub const fn critical_latency(&self) -> Duration {
        Duration::from_micros(self.critical_us())
    }

    /// How many inputs each datagram of the classic wire carries.
    #[must_use]
    pub const fn redundancy(&self) -> u8 {
        self.redundancy
    }

    /// Whether an input is repeated soon after its push.
    #[must_use]
    pub const fn early_copies(&self) -> bool {
        self.early_copies
    }

    /// The longest datagram to send.
    #[must_use]
    pub fn datagram_max(&self) -> usize {
        usize::from(self.datagram_max)
    }
}

impl<const INPUT: usize> PeerConfig<INPUT> {
    /// The peer's player number.
    #[must_use]
    pub const fn player(&self) -> u16 {
        self.0.player
    }

    /// Whether it speaks the classic wire.
    #[must_use]
    pub const fn is_classic(&self) -> bool {
        matches!(self.0.wire, Wire::Classic)
    }

    /// The peer's incarnation, where something else than its hello carried it.
    #[must_use]
    pub const fn known_incarnation(&self) -> Option<u32> {
        self.0.incarnation
    }
}
