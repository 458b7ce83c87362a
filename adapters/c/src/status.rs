//! What every function returns, in numbers that stay and in words.

use core::ffi::{CStr, c_char};

use inputwire::{AddPeerError, ChecksumError, ConfigError, DatagramError, EpochError, PushError};

/// What became of a call. 0: done; 1: nothing to give; negative: refused, and nothing has changed but counters and time.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwStatus {
    /// Done.
    Ok = 0,
    /// Nothing to give: all is said, all is told, or it is not known.
    None = 1,
    /// A pointer is null.
    Null = -1,
    /// A pointer is not aligned.
    Misaligned = -2,
    /// The memory or buffer is too short.
    Short = -3,
    /// The memory holds no session of this library: never set up, cleared, moved or overwritten.
    Foreign = -4,
    /// This library was not built with sessions of this size.
    NoSuchSize = -5,
    /// The input is not as long as those of the session.
    InputLength = -6,
    /// No such wire, or the classic wire with inputs of more than one byte.
    NoSuchWire = -7,
    /// `iw_config.frame_us`.
    ConfigFrameInterval = -20,
    /// `iw_config.ping_us`.
    ConfigPingInterval = -21,
    /// `iw_config.interrupt_us`.
    ConfigInterruptAfter = -22,
    /// `iw_config.disconnect_us`.
    ConfigDisconnectAfter = -23,
    /// `iw_config.warning_us` or `critical_us`.
    ConfigLatency = -24,
    /// `iw_config.redundancy`.
    ConfigRedundancy = -25,
    /// `iw_config.datagram_max`.
    ConfigDatagramMax = -26,
    /// No room for another peer.
    PeersFull = -40,
    /// The player number is taken.
    PlayerTaken = -41,
    /// The first frames of the epoch have left the window.
    EpochRunning = -42,
    /// A peer has not acknowledged the oldest input in the window.
    WindowFull = -50,
    /// The epoch has used up its frame numbers.
    FramesExhausted = -51,
    /// The frame of a checksum does not go forward.
    ChecksumNotNewer = -60,
    /// A peer has not acknowledged the oldest checksum.
    ChecksumsFull = -61,
    /// The epoch is not greater than the present one.
    EpochNotNewer = -70,
    /// A reason that this version of the interface has no number for.
    Other = -99,
    /// A datagram of nobody we know. `-100 - n` is counted in `iw_stats.refused[n]`.
    UnknownPeer = -100,
    /// A datagram longer than 1,024 bytes.
    TooLong = -101,
    /// A datagram too short to be anything.
    Truncated = -102,
    /// A datagram of a type that this wire does not have.
    UnknownType = -103,
    /// A message of the game on the classic wire, or text: for the game.
    GameMessage = -104,
    /// A datagram not exactly as long as its content.
    Length = -105,
    /// A datagram with more inputs than a window holds.
    Count = -106,
    /// A datagram whose body does not end where its inputs end.
    Body = -107,
    /// A datagram whose check does not match.
    Check = -108,
    /// A datagram of another epoch.
    OtherEpoch = -109,
    /// A datagram that starts after the next frame wanted.
    OutOfStep = -110,
    /// A datagram whose newest frame lies too far ahead.
    TooFar = -111,
    /// A datagram with frame numbers outside what an epoch has.
    FrameRange = -112,
    /// A datagram whose frames do not ascend.
    Order = -113,
    /// A datagram of another player than the configured one.
    WrongPlayer = -114,
    /// A pong to no outstanding ping.
    UnknownPing = -115,
    /// Inputs before the greeting.
    NotReady = -116,
    /// A datagram of an earlier run of the peer.
    OldIncarnation = -117,
    /// Our own datagram.
    Reflected = -118,
}

impl IwStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[
        Self::Ok,
        Self::None,
        Self::Null,
        Self::Misaligned,
        Self::Short,
        Self::Foreign,
        Self::NoSuchSize,
        Self::InputLength,
        Self::NoSuchWire,
        Self::ConfigFrameInterval,
        Self::ConfigPingInterval,
        Self::ConfigInterruptAfter,
        Self::ConfigDisconnectAfter,
        Self::ConfigLatency,
        Self::ConfigRedundancy,
        Self::ConfigDatagramMax,
        Self::PeersFull,
        Self::PlayerTaken,
        Self::EpochRunning,
        Self::WindowFull,
        Self::FramesExhausted,
        Self::ChecksumNotNewer,
        Self::ChecksumsFull,
        Self::EpochNotNewer,
        Self::Other,
        Self::UnknownPeer,
        Self::TooLong,
        Self::Truncated,
        Self::UnknownType,
        Self::GameMessage,
        Self::Length,
        Self::Count,
        Self::Body,
        Self::Check,
        Self::OtherEpoch,
        Self::OutOfStep,
        Self::TooFar,
        Self::FrameRange,
        Self::Order,
        Self::WrongPlayer,
        Self::UnknownPing,
        Self::NotReady,
        Self::OldIncarnation,
        Self::Reflected,
    ];

    /// Its number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// In words, which are those of the Rust errors where there is one: a test compares them.
    #[must_use]
    pub const fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"done",
            Self::None => c"nothing to give: all is said, all is told, or it is not known",
            Self::Null => c"a pointer is null",
            Self::Misaligned => c"a pointer is not aligned: memory of a session has an address divisible by iw_session_align()",
            Self::Short => c"too short: ask iw_session_size(); a buffer for datagrams has IW_DATAGRAM_MAX bytes",
            Self::Foreign => c"no session of this library: never set up, cleared, moved or overwritten",
            Self::NoSuchSize => c"this library was not built with sessions of this size: peers are 1 to 3, inputs 1, 2, 4, 8 or 16 bytes",
            Self::InputLength => c"the input is not as long as those of the session",
            Self::NoSuchWire => c"no such wire: the classic one carries inputs of one byte only",
            Self::ConfigFrameInterval => c"frame_interval must be 1 ms to 10 s",
            Self::ConfigPingInterval => c"ping_interval must be 20 ms to 10 s",
            Self::ConfigInterruptAfter => c"interrupt_after must be above zero and below disconnect_after",
            Self::ConfigDisconnectAfter => c"disconnect_after must be above 2.5 ping intervals and at most an hour",
            Self::ConfigLatency => c"warning_latency must be above zero and below critical_latency, and that at most a minute",
            Self::ConfigRedundancy => c"redundancy must be 1 to 15",
            Self::ConfigDatagramMax => c"datagram_max must be 64 to 1024 bytes",
            Self::PeersFull => c"no room for another peer: remove one, or give the session a larger PEERS",
            Self::PlayerTaken => c"player number taken: every player in a session needs its own",
            Self::EpochRunning => c"the first frames have left the window: add the peer when the next epoch begins",
            Self::WindowFull => c"window full: wait for the peer to acknowledge, or remove it; push the input again later",
            Self::FramesExhausted => c"frame numbers used up: begin a new epoch",
            Self::ChecksumNotNewer => c"checksums go forward: push that of a later frame",
            Self::ChecksumsFull => c"a peer has not acknowledged the oldest checksum: push fewer, or later",
            Self::EpochNotNewer => c"epochs only grow: begin one greater than the present one",
            Self::Other => c"refused for a reason that this version of the interface has no number for",
            Self::UnknownPeer => c"unknown peer: add it before its datagrams are handed over",
            Self::TooLong => c"longer than 1024 bytes: not a datagram of this protocol",
            Self::Truncated => c"truncated: hand over whole datagrams",
            Self::UnknownType => c"unknown type: not a datagram of this wire; check what shares the socket",
            Self::GameMessage => c"a game message, not the transport's: hand it to the game",
            Self::Length => c"wrong length: bytes were cut off or added",
            Self::Count => c"more inputs than the window holds",
            Self::Body => c"malformed body",
            Self::Check => c"check failed: corrupted, or of another session, epoch, run or setting",
            Self::OtherEpoch => c"of another epoch: one end has not begun the epoch of the other yet",
            Self::OutOfStep => c"out of step: inputs before it were acknowledged but are not held; begin a new epoch",
            Self::TooFar => c"a frame too far ahead",
            Self::FrameRange => c"a frame number outside the epoch",
            Self::Order => c"frames out of order",
            Self::WrongPlayer => c"of another player: check the player numbers at both ends",
            Self::UnknownPing => c"a pong to no outstanding ping",
            Self::NotReady => c"inputs before the greeting of this run, or before begin_epoch after a restart",
            Self::OldIncarnation => c"of an earlier run of the peer",
            Self::Reflected => c"our own datagram came back: check the address of the peer",
        }
    }
}

/// A status in words: what is wrong, and what to do. Never null; the text lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn iw_status_text(status: i32) -> *const c_char {
    let known = IwStatus::ALL.iter().find(|known| known.code() == status);
    known.map_or(c"no such status", |known| known.text()).as_ptr()
}

impl From<ConfigError> for IwStatus {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::FrameInterval => Self::ConfigFrameInterval,
            ConfigError::PingInterval => Self::ConfigPingInterval,
            ConfigError::InterruptAfter => Self::ConfigInterruptAfter,
            ConfigError::DisconnectAfter => Self::ConfigDisconnectAfter,
            ConfigError::Latency => Self::ConfigLatency,
            ConfigError::Redundancy => Self::ConfigRedundancy,
            ConfigError::DatagramMax => Self::ConfigDatagramMax,
            _ => Self::Other,
        }
    }
}

impl From<AddPeerError> for IwStatus {
    fn from(error: AddPeerError) -> Self {
        match error {
            AddPeerError::Full => Self::PeersFull,
            AddPeerError::PlayerTaken => Self::PlayerTaken,
            AddPeerError::EpochRunning => Self::EpochRunning,
            _ => Self::Other,
        }
    }
}

impl From<PushError> for IwStatus {
    fn from(error: PushError) -> Self {
        match error {
            PushError::WindowFull(_) => Self::WindowFull,
            PushError::FramesExhausted => Self::FramesExhausted,
            _ => Self::Other,
        }
    }
}

impl From<ChecksumError> for IwStatus {
    fn from(error: ChecksumError) -> Self {
        match error {
            ChecksumError::NotNewer => Self::ChecksumNotNewer,
            ChecksumError::Full(_) => Self::ChecksumsFull,
            _ => Self::Other,
        }
    }
}

impl From<EpochError> for IwStatus {
    fn from(error: EpochError) -> Self {
        match error {
            EpochError::NotNewer => Self::EpochNotNewer,
            _ => Self::Other,
        }
    }
}

impl From<DatagramError> for IwStatus {
    fn from(error: DatagramError) -> Self {
        match error {
            DatagramError::UnknownPeer => Self::UnknownPeer,
            DatagramError::TooLong => Self::TooLong,
            DatagramError::Truncated => Self::Truncated,
            DatagramError::UnknownType => Self::UnknownType,
            DatagramError::GameMessage => Self::GameMessage,
            DatagramError::Length => Self::Length,
            DatagramError::Count => Self::Count,
            DatagramError::Body => Self::Body,
            DatagramError::Check => Self::Check,
            DatagramError::OtherEpoch => Self::OtherEpoch,
            DatagramError::OutOfStep => Self::OutOfStep,
            DatagramError::TooFar => Self::TooFar,
            DatagramError::FrameRange => Self::FrameRange,
            DatagramError::Order => Self::Order,
            DatagramError::WrongPlayer => Self::WrongPlayer,
            DatagramError::UnknownPing => Self::UnknownPing,
            DatagramError::NotReady => Self::NotReady,
            DatagramError::OldIncarnation => Self::OldIncarnation,
            DatagramError::Reflected => Self::Reflected,
            _ => Self::Other,
        }
    }
}
