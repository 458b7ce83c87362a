#![doc = include_str!("../docs/links.md")]
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::alloc_instead_of_core,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::string_slice,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

// Some functions are kept out of line where registers have 32 bits: a call is shorter there than 64-bit arithmetic.

// The layers. A module uses only modules of the groups above its own; a test holds us to it.

mod checksum;
mod cursor;
mod floor;
mod frame;
mod ring;
mod time;

mod bits;
mod error;
mod pace;
mod rtt;

mod config;

mod inbox;
mod outbox;

mod health;
mod schedule;
mod wire;

mod event;
mod failover;
mod stats;

mod link;

mod peer;

mod session;

pub use config::{Config, ConfigBuilder, DATAGRAM_MAX, PeerConfig};
pub use error::{AddPeerError, ChecksumError, ConfigError, DatagramError, EpochError, PushError};
pub use event::{Event, Field};
pub use failover::{Failover, Route, RouteCause, RouteChange, RoutePolicy};
pub use frame::{Epoch, Frame, PeerId};
pub use health::Health;
pub use pace::Pace;
pub use rtt::RttStats;
pub use session::{Session, Transmit};
pub use stats::{PeerStats, Rates, Refused, Totals};
pub use time::Instant;

/// Where to read on. Only the documentation has it; its code is compiled with the tests.
#[cfg(any(doc, doctest))]
pub mod guide {
    #[doc = include_str!("../docs/links.md")]
    #[doc = include_str!("../docs/INTEGRATION.md")]
    pub mod integration {}
    #[doc = include_str!("../docs/links.md")]
    #[doc = include_str!("../docs/MIGRATING.md")]
    pub mod migrating {}
    #[doc = include_str!("../docs/links.md")]
    #[doc = include_str!("../docs/PROTOCOL.md")]
    pub mod protocol {}
    #[doc = include_str!("../docs/links.md")]
    #[doc = include_str!("../docs/DESIGN.md")]
    pub mod design {}
    #[doc = include_str!("../docs/links.md")]
    #[doc = include_str!("../docs/PERFORMANCE.md")]
    pub mod performance {}
    #[doc = include_str!("../docs/links.md")]
    #[doc = include_str!("../docs/SECURITY.md")]
    pub mod security {}
}
