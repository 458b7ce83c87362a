//! The four ways to carry inputs over a link that loses datagrams.

use std::time::Duration;

use inputwire::{Config, Frame, PeerConfig};

/// The time between two frames: 30 a second, slow enough to be read off a tape.
pub(crate) const FRAME: Duration = Duration::from_micros(33_333);
/// The frames from a key to its effect. A datagram that takes no longer is on time.
pub(crate) const INPUT_DELAY: u32 = 4;
/// The frames in the window: a second.
pub(crate) const WINDOW: usize = 30;

/// How inputs are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Each input is sent once.
    Single,
    /// Each datagram carries the last 3 inputs.
    Last3,
    /// Each datagram carries the last 10 inputs.
    Last10,
    /// Each datagram carries all inputs that are not acknowledged.
    Compact,
}

impl Scheme {
    pub(crate) const ALL: [Self; 4] = [Self::Single, Self::Last3, Self::Last10, Self::Compact];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single copy",
            Self::Last3 => "last 3",
            Self::Last10 => "last 10",
            Self::Compact => "compact",
        }
    }

    /// Describes what a datagram carries.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Single => "a datagram carries one input",
            Self::Last3 => "a datagram carries the last 3 inputs",
            Self::Last10 => "a datagram carries the last 10 inputs",
            Self::Compact => "a datagram carries all unacknowledged inputs",
        }
    }

    pub(crate) fn next(self) -> Self {
        Self::ALL[(self.index() + 1) % Self::ALL.len()]
    }

    /// Returns the index in [`ALL`](Self::ALL).
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Returns the settings of the session of this player.
    pub(crate) fn config(self, player: u16, session_id: u64) -> Config {
        let redundancy = match self {
            Self::Single => 1,
            Self::Last3 | Self::Compact => 3,
            Self::Last10 => 10,
        };
        let config = Config::builder()
            .session_id(session_id)
            .local_player(player)
            // Both players are in this process, and neither is started twice. A real one draws this number at random.
            .incarnation(0x5eed_0000_0001)
            .first_frame(Frame::new(self.first_frame()))
            .frame_interval(FRAME)
            .redundancy(redundancy)
            .build();
        config.expect("constant settings")
    }

    /// The frame of the first input: the rollback driver repeats it until the input delay has passed; by hand there are none.
    fn first_frame(self) -> u32 {
        if self == Self::Compact { 0 } else { INPUT_DELAY }
    }

    /// Returns the settings of its peer.
    pub(crate) fn peer(self, player: u16) -> PeerConfig<1> {
        if self == Self::Compact { PeerConfig::compact(player) } else { PeerConfig::classic(player) }
    }
}
