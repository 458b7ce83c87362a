//! What can be refused, and why: one enum for each operation that can fail.

use core::fmt;

use crate::frame::PeerId;

/// Why a [`Config`](crate::Config) was not built.
///
/// ```
/// use inputwire::{Config, ConfigError};
///
/// let error = Config::builder().redundancy(16).build().unwrap_err();
/// assert_eq!(error, ConfigError::Redundancy);
/// assert_eq!(error.to_string(), "redundancy must be 1 to 15");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `frame_interval` is outside 1 ms to 10 s.
    FrameInterval,
    /// `ping_interval` is outside 20 ms to 10 s.
    PingInterval,
    /// `interrupt_after` is zero, or not below `disconnect_after`.
    InterruptAfter,
    /// `disconnect_after` is not above 2.5 ping intervals, or above an hour.
    DisconnectAfter,
    /// `warning_latency` is zero or not below `critical_latency`, or that is above a minute.
    Latency,
    /// `redundancy` is outside 1 to 15.
    Redundancy,
    /// `datagram_max` is outside 64 to 1,024 bytes.
    DatagramMax,
}

/// Why a peer was not added.
///
/// ```
/// use inputwire::{AddPeerError, Config, Instant, PeerConfig, Session};
///
/// let mut session = Session::<1, 1>::new(Config::builder().player(0).build()?);
/// let mut add = |player| session.add_peer(Instant::ORIGIN, PeerConfig::compact(player));
/// assert_eq!(add(0), Err(AddPeerError::PlayerTaken)); // that is us
/// assert!(add(1).is_ok());
/// assert_eq!(add(2), Err(AddPeerError::Full));
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddPeerError {
    /// The session holds as many peers as it can.
    Full,
    /// The player number is our own or that of another peer.
    PlayerTaken,
    /// The epoch runs, and its first frames have left the window.
    EpochRunning,
}

/// Why an input was not taken.
///
/// ```
/// use inputwire::{Config, Instant, PeerConfig, PushError, Session};
///
/// let mut session = Session::<1, 1, 2>::new(Config::builder().build()?); // a window of two frames
/// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
/// let mut push = || session.push_input(Instant::ORIGIN, [0]);
/// assert!(push().is_ok() && push().is_ok());
/// // Stand still, and push again in the next step: nothing was recorded.
/// assert_eq!(push(), Err(PushError::WindowFull(peer)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// This peer has not acknowledged the oldest input in the window.
    WindowFull(PeerId),
    /// The epoch has used up its frame numbers.
    FramesExhausted,
}

/// Why a checksum was not taken.
///
/// ```
/// use inputwire::{ChecksumError, Config, Frame, Instant, Session};
///
/// let mut session = Session::<1, 1>::new(Config::builder().build()?);
/// let mut push = |frame| session.push_checksum(Instant::ORIGIN, Frame::new(frame), 0x5eed);
/// assert_eq!(push(10), Ok(()));
/// assert_eq!(push(10), Err(ChecksumError::NotNewer));
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChecksumError {
    /// Its frame is not newer than that of the last checksum of this epoch.
    NotNewer,
    /// This peer has not acknowledged the oldest of 16 checksums within the window.
    Full(PeerId),
}

/// Why an epoch was not begun.
///
/// ```
/// use inputwire::{Config, Epoch, EpochError, Instant, Session};
///
/// let mut session = Session::<1, 1>::new(Config::builder().build()?);
/// assert_eq!(session.begin_epoch(Instant::ORIGIN, Epoch::new(1)), Ok(()));
/// assert_eq!(session.begin_epoch(Instant::ORIGIN, Epoch::new(1)), Err(EpochError::NotNewer));
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EpochError {
    /// The epoch is not greater than the present one.
    NotNewer,
}

/// Declares [`DatagramError`] once: variants, their texts, and their places in a table of counters.
macro_rules! datagram_errors {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a datagram was refused. It changed nothing but a counter.
        ///
        /// ```
        /// use inputwire::{Config, DatagramError, Instant, PeerConfig, Session};
        ///
        /// let mut session = Session::<1, 1>::new(Config::builder().build()?);
        /// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::classic(1))?;
        /// let refused = session.handle_datagram(Instant::ORIGIN, peer, b"{\"type\": \"hello\"}");
        /// assert_eq!(refused, Err(DatagramError::GameMessage)); // text is the game's
        ///
        /// let stats = session.stats(peer).expect("it was just added");
        /// assert_eq!(stats.totals.refused.get(DatagramError::GameMessage), 1);
        /// for (reason, count) in stats.totals.refused.iter().filter(|(_, count)| *count > 0) {
        ///     println!("{count} x {reason}");
        /// }
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DatagramError {
            $($(#[$doc])* $name,)*
        }

        impl DatagramError {
            /// Every reason, in the order of [`PeerStats::refused`](crate::Totals::refused).
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

datagram_errors! {
    /// No such peer: it was never added, or was removed.
    UnknownPeer => "unknown peer: add it before its datagrams are handed over",
    /// Longer than 1,024 bytes.
    TooLong => "longer than 1024 bytes: not a datagram of this protocol",
    /// Too short to be anything.
    Truncated => "truncated: hand over whole datagrams",
    /// Not a type of this wire.
    UnknownType => "unknown type: not a datagram of this wire; check what shares the socket",
    /// A message of the game on the classic wire, or text.
    GameMessage => "a game message, not the transport's: hand it to the game",
    /// Not exactly as long as its content.
    Length => "wrong length: bytes were cut off or added",
    /// More inputs than a window holds.
    Count => "more inputs than the window holds",
    /// The body does not end where its inputs end.
    Body => "malformed body",
    /// The check does not match: another session, epoch, restart or setting, or corrupted.
    Check => "check failed: corrupted, or of another session, epoch, run or setting",
    /// Of another epoch.
    OtherEpoch => "of another epoch: one end has not begun the epoch of the other yet",
    /// It starts after the next frame wanted.
    OutOfStep => "out of step: inputs before it were acknowledged but are not held; begin a new epoch",
    /// Its newest frame lies too far ahead.
    TooFar => "a frame too far ahead",
    /// Frame numbers outside what an epoch has.
    FrameRange => "a frame number outside the epoch",
    /// Frames do not ascend to the current one.
    Order => "frames out of order",
    /// Of another player than the configured one.
    WrongPlayer => "of another player: check the player numbers at both ends",
    /// A pong to a ping that was not asked, or answered before.
    UnknownPing => "a pong to no outstanding ping",
    /// The peer's run is not known yet, is over, or does not match ours.
    NotReady => "inputs before the greeting of this run, or before begin_epoch after a restart",
    /// Of an earlier run of the peer.
    OldIncarnation => "of an earlier run of the peer",
    /// Our own datagram.
    Reflected => "our own datagram came back: check the address of the peer",
}

impl ConfigError {
    const fn text(self) -> &'static str {
        match self {
            Self::FrameInterval => "frame_interval must be 1 ms to 10 s",
            Self::PingInterval => "ping_interval must be 20 ms to 10 s",
            Self::InterruptAfter => "interrupt_after must be above zero and below disconnect_after",
            Self::DisconnectAfter => "disconnect_after must be above 2.5 ping intervals and at most an hour",
            Self::Latency => "warning_latency must be above zero and below critical_latency, and that at most a minute",
            Self::Redundancy => "redundancy must be 1 to 15",
            Self::DatagramMax => "datagram_max must be 64 to 1024 bytes",
        }
    }
}

impl AddPeerError {
    const fn text(self) -> &'static str {
        match self {
            Self::Full => "no room for another peer: remove one, or give the session a larger PEERS",
            Self::PlayerTaken => "player number taken: every player in a session needs its own",
            Self::EpochRunning => "the first frames have left the window: add the peer when the next epoch begins",
        }
    }
}

impl EpochError {
    const fn text(self) -> &'static str {
        match self {
            Self::NotNewer => "epochs only grow: begin one greater than the present one",
        }
    }
}

impl fmt::Display for ChecksumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNewer => f.write_str("checksums go forward: push that of a later frame"),
            Self::Full(peer) => write!(f, "peer {peer} has not acknowledged the oldest checksum: push fewer, or later"),
        }
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WindowFull(peer) => {
                write!(f, "window full: wait for peer {peer} to acknowledge, or remove it; push the input again later")
            }
            Self::FramesExhausted => f.write_str("frame numbers used up: begin a new epoch"),
        }
    }
}

macro_rules! displayed_as_their_text {
    ($($error:ty)*) => {$(
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    )*};
}

displayed_as_their_text!(ConfigError AddPeerError EpochError DatagramError);

impl core::error::Error for ConfigError {}
impl core::error::Error for AddPeerError {}
impl core::error::Error for PushError {}
impl core::error::Error for ChecksumError {}
impl core::error::Error for EpochError {}
impl core::error::Error for DatagramError {}
