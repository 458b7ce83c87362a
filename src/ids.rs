//! Numbers that identify: frames, epochs and peers.
//!
//! Frame 2^32 - 1 is reserved, so that the exclusive end of every range of frames is a `u32` too.

use core::fmt;

/// The number of one simulation step within an epoch.
///
/// ```
/// use inputwire::Frame;
///
/// let frame = Frame::new(59);
/// assert!(frame < Frame::new(60) && frame.get() == 59);
/// assert_eq!(frame.to_string(), "59");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame(u32);

impl Frame {
    /// The frame with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number of this frame.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The number of a sequence of frames that starts over: a match, a round, an episode. Epochs only grow.
///
/// ```
/// use inputwire::{Config, Epoch, Instant, Session};
///
/// let mut session = Session::<1, 1>::new(Config::builder().build()?);
/// let next = session.next_epoch().expect("two thousand million are left");
/// assert_eq!(next, Epoch::new(1));
/// assert!(session.begin_epoch(Instant::ORIGIN, next).is_ok());
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Epoch(u32);

impl Epoch {
    /// The last epoch.
    pub const MAX: Self = Self((1 << 31) - 1);

    /// The last epoch that can be begun of one's own accord. The ones after it are kept for following a peer that is ahead,
    /// and for peers that restart or are out of sync: 65,536 restarts find room after whatever was begun by accident.
    pub const LAST_FREE: Self = Self(Self::MAX.0 - 65_536);

    /// The epoch with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number of this epoch.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Identifies a peer within its session. The n-th peer that a session adds is number n - 1; no number is used twice.
///
/// ```
/// use inputwire::{Config, Instant, PeerConfig, PeerId, Session};
///
/// let config = Config::builder().local_player(0).incarnation(0x5eed_0000_0001).build()?;
/// let mut session = Session::<2, 1>::new(config);
/// session.add_peer(Instant::ORIGIN, PeerConfig::compact(7))?;
/// session.add_peer(Instant::ORIGIN, PeerConfig::compact(8))?;
/// assert!(session.peers().eq([PeerId::new(0), PeerId::new(1)])); // not the player numbers
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PeerId(u32);

impl PeerId {
    /// The peer with this number, for tables and foreign interfaces; a session refuses one that it never returned.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number of this peer.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

macro_rules! displayed_as_its_number {
    ($($number:ty)*) => {$(
        impl fmt::Display for $number {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

displayed_as_its_number!(Frame Epoch PeerId);
