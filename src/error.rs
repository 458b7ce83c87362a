//! Why an operation failed: one enum for each that can.

use core::fmt;

use crate::ids::PeerId;

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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
    /// `max_datagram_size` is outside 56 to 1,024 bytes.
    MaxDatagramSize,
    /// `incarnation` is below 2^32.
    Incarnation,
    /// The settings were read from data (feature `serde`) that says that there is a key. The data never has it.
    Key,
}

/// Why a peer was not added.
///
/// ```
/// use inputwire::{AddPeerError, Config, Instant, PeerConfig, Session};
///
/// // A program draws its incarnation at random, see `ConfigBuilder::incarnation`.
/// let mut session = Session::<1, 1>::new(Config::builder().incarnation(0x5eed_0000_0001).build()?);
/// let mut add = |player| session.add_peer(Instant::ORIGIN, PeerConfig::compact(player));
/// assert_eq!(add(0), Err(AddPeerError::PlayerTaken)); // the local player
/// assert!(add(1).is_ok());
/// assert_eq!(add(2), Err(AddPeerError::Full));
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AddPeerError {
    /// The session holds `MAX_PEERS` peers.
    Full,
    /// The player number is that of the local player or of another peer.
    PlayerTaken,
    /// The epoch is under way: its first frames have left the window, the frame to join from is not ahead of every push, or a player
    /// with this number has left, and the frame to join from is not beyond all that is known of it.
    EpochRunning,
    /// The settings have no incarnation, and a peer on the compact wire needs one.
    NoIncarnation,
    /// A peer has departed and was not removed yet.
    Departed,
    /// A mesh has at most 63 peers on the compact wire.
    MeshTooLarge,
    /// `max_datagram_size` does not hold a word that names `MAX_PEERS` players and carries an input.
    MaxDatagramSize,
    /// The session was closed.
    Closed,
}

/// Why an input was not taken.
///
/// ```
/// use inputwire::{Config, Instant, PeerConfig, PushError, Session};
///
/// let config = Config::builder().incarnation(0x5eed_0000_0001).build()?;
/// let mut session = Session::<1, 1, 2>::new(config); // a window of two frames
/// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
/// let mut push = || session.push_input(Instant::ORIGIN, [0]);
/// assert!(push().is_ok() && push().is_ok());
/// // Stand still and push again in the next step: nothing was recorded.
/// assert_eq!(push(), Err(PushError::WindowFull(peer)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PushError {
    /// This peer has not acknowledged the oldest input in the window.
    WindowFull(PeerId),
    /// This peer's latest known input lies [`max_lead`](crate::ConfigBuilder::max_lead) frames back.
    TooFarAhead(PeerId),
    /// The frame numbers of the epoch are used up.
    FramesExhausted,
    /// The session was closed.
    Closed,
}

/// Why a checksum was not taken.
///
/// ```
/// use inputwire::{ChecksumError, Config, Frame, Instant, Session};
///
/// let mut session = Session::<1, 1>::new(Config::builder().build()?);
/// session.push_input(Instant::ORIGIN, [0])?; // frame 0; without peers nobody else's is missing
/// let mut push = |frame| session.push_checksum(Instant::ORIGIN, Frame::new(frame), 0x5eed);
/// assert_eq!(push(0), Ok(()));
/// assert_eq!(push(0), Err(ChecksumError::NotNewer));
/// assert_eq!(push(1), Err(ChecksumError::NotConfirmed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChecksumError {
    /// Its frame is not later than that of the last checksum of this epoch.
    NotNewer,
    /// An input of its frame or before it is not known yet, so the state after it may still change.
    NotConfirmed,
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EpochError {
    /// The epoch is not greater than the present one.
    NotNewer,
    /// The epoch is above [`Epoch::MAX`](crate::Epoch::MAX), or above [`Epoch::LAST_FREE`](crate::Epoch::LAST_FREE) although
    /// no peer is ahead, has restarted or is out of sync.
    TooGreat,
    /// The session was closed.
    Closed,
}

/// Declares the variants of [`DatagramError`], their texts, and their order in a table of counters in one place.
macro_rules! datagram_errors {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a datagram was refused. It changed nothing except a counter.
        ///
        /// ```
        /// use inputwire::{Config, DatagramError, Instant, PeerConfig, Session};
        ///
        /// let mut session = Session::<1, 1>::new(Config::builder().build()?);
        /// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::classic(1))?;
        /// let refused = session.handle_datagram(Instant::ORIGIN, peer, b"{\"type\": \"hello\"}");
        /// assert_eq!(refused, Err(DatagramError::GameMessage)); // text belongs to the game
        ///
        /// let stats = session.peer(peer).expect("it was just added").stats();
        /// assert_eq!(stats.totals.refused.get(DatagramError::GameMessage), 1);
        /// for (reason, count) in stats.totals.refused.iter().filter(|(_, count)| *count > 0) {
        ///     println!("{count} x {reason}");
        /// }
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum DatagramError {
            $($(#[$doc])* $name,)*
        }

        impl DatagramError {
            /// Every reason, in the order of [`Totals::refused`](crate::Totals::refused).
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
    UnknownPeer => "unknown peer: add it before handing over its datagrams",
    /// Longer than 1,024 bytes.
    TooLong => "longer than 1024 bytes: not a datagram of this protocol",
    /// Too short.
    Truncated => "truncated: hand over whole datagrams",
    /// Not a type of this wire.
    UnknownType => "unknown type: not a datagram of this wire; check what shares the socket",
    /// A message of the game on the classic wire, or text.
    GameMessage => "a game message, not the transport's: hand it to the game",
    /// Not exactly as long as its content.
    WrongLength => "wrong length: bytes were cut off or added",
    /// More inputs than the window holds.
    TooManyInputs => "more inputs than the window holds",
    /// The body does not end where its inputs end.
    MalformedBody => "malformed body",
    /// The tag does not match: of another session, epoch, run, key or setting, or corrupted.
    BadTag => "bad tag: corrupted, or of another session, epoch, run, key or setting",
    /// Of another epoch.
    OtherEpoch => "of another epoch: one endpoint has not begun the epoch of the other yet",
    /// It starts after the next frame expected, or it is a word about another run of a player.
    OutOfSync => "out of sync: inputs before it are gone, or of another run; begin a new epoch",
    /// Its latest frame lies too far ahead.
    TooFar => "a frame too far ahead",
    /// A frame number outside the range of an epoch.
    FrameRange => "a frame number outside the range of an epoch",
    /// Frames do not ascend where the wire demands it.
    NotAscending => "frames do not ascend",
    /// Of another player than the configured one.
    WrongPlayer => "of another player: compare the player numbers of both endpoints",
    /// A pong to a ping that was never sent, or was answered before.
    UnknownPing => "a pong to no outstanding ping",
    /// The peer's run is not known yet, is over, or is configured differently.
    NotReady => "not ready: no hello of this run yet, settings differ, or begin_epoch is due after a restart",
    /// Of another run of the peer, while this one is alive; or for another run of this endpoint.
    OtherRun => "of another run: a datagram that arrived late, or a second program of that player",
    /// A hello that is not newer than one received before.
    LateHello => "a hello that is not newer than one before it: repeated, or late",
    /// A hello with an epoch above `Epoch::MAX`, or whose incarnation or number is 0.
    EpochRange => "an epoch, incarnation or number outside its range",
    /// A word, although this endpoint is in no mesh.
    NoMesh => "a word of a mesh: set mesh alike at every endpoint",
    /// A datagram of this endpoint.
    Reflected => "a datagram of this endpoint came back: check the address, and that the player numbers differ",
}

impl DatagramError {
    /// Whether there may be something to report of the peer, or to answer it, although its datagram was refused.
    pub(crate) const fn may_be_reported(self) -> bool {
        matches!(self, Self::OutOfSync | Self::OtherRun | Self::BadTag)
    }
}

impl ConfigError {
    const fn text(self) -> &'static str {
        match self {
            Self::FrameInterval => "frame_interval must be 1 ms to 10 s",
            Self::PingInterval => "ping_interval must be 20 ms to 10 s",
            Self::InterruptAfter => "interrupt_after must be above zero and below disconnect_after",
            Self::DisconnectAfter => "disconnect_after must be above 2.5 ping intervals and at most an hour",
            Self::Latency => "warning_latency must be above zero and below critical_latency, which is at most a minute",
            Self::Redundancy => "redundancy must be 1 to 15",
            Self::MaxDatagramSize => "max_datagram_size must be 56 to 1024 bytes",
            Self::Incarnation => "incarnation must be at least 2^32: draw a random number of 64 bits at each start",
            Self::Key => "a key belongs to these settings, and no data has it: read a ConfigBuilder and set the key",
        }
    }
}

impl AddPeerError {
    const fn text(self) -> &'static str {
        match self {
            Self::Full => "no place for another peer: remove one, or give the session a larger MAX_PEERS",
            Self::PlayerTaken => "player number taken: every player of a session needs its own",
            Self::EpochRunning => {
                "the epoch is under way: add the peer from a frame ahead of every push, or when the next epoch begins"
            }
            Self::NoIncarnation => "no incarnation: give Config a random number of 64 bits, drawn at each start",
            Self::Departed => "a departed peer is still there: remove it at every endpoint, then add",
            Self::MeshTooLarge => "a mesh has at most 63 peers: leave some out, or turn mesh off for a server",
            Self::MaxDatagramSize => {
                "max_datagram_size is too small for the words of this mesh: 19 + 8 x MAX_PEERS + INPUT_LEN is enough"
            }
            Self::Closed => "the session was closed: create a new one, with a new incarnation",
        }
    }
}

impl EpochError {
    const fn text(self) -> &'static str {
        match self {
            Self::NotNewer => "epochs only grow: begin one greater than the present one",
            Self::TooGreat => "too great: the last epochs are kept for restarts; begin next_epoch",
            Self::Closed => "the session was closed: create a new one, with a new incarnation",
        }
    }
}

impl fmt::Display for ChecksumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNewer => f.write_str("checksums only go forward: push that of a later frame"),
            Self::NotConfirmed => f.write_str("not confirmed: push it once confirmed_frame has reached its frame"),
            Self::Full(peer) => {
                write!(f, "peer {peer} has not acknowledged the oldest checksum: push less often, or later")
            }
        }
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WindowFull(peer) => {
                write!(
                    f,
                    "window full: wait for peer {peer} to acknowledge, or disconnect it; push the input again later"
                )
            }
            Self::TooFarAhead(peer) => {
                write!(f, "too far ahead of peer {peer}: wait for its inputs; push this one again later")
            }
            Self::FramesExhausted => f.write_str("frame numbers used up: begin a new epoch"),
            Self::Closed => f.write_str("the session was closed: create a new one, with a new incarnation"),
        }
    }
}

macro_rules! display_as_text {
    ($($error:ty)*) => {$(
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    )*};
}

display_as_text!(ConfigError AddPeerError EpochError DatagramError);

impl core::error::Error for ConfigError {}
impl core::error::Error for AddPeerError {}
impl core::error::Error for PushError {}
impl core::error::Error for ChecksumError {}
impl core::error::Error for EpochError {}
impl core::error::Error for DatagramError {}
