//! The status that every call returns: numbers that never change, and their texts.

use core::ffi::{CStr, c_char};

use inputwire::{AddPeerError, ChecksumError, ConfigError, DatagramError, EpochError, HelloError, PushError};

/// The result of a call. 0: done. 1: there is nothing to return. Negative: refused; only counters and the clock have
/// changed.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwStatus {
    /// Done.
    Ok = 0,
    /// There is nothing to return: nothing to poll, no such peer, or no such value yet.
    None = 1,
    /// A pointer is null.
    Null = -1,
    /// A pointer is not aligned.
    Misaligned = -2,
    /// The memory or buffer is too short.
    Short = -3,
    /// The memory holds no session of this library: it was never set up, or was cleared, moved or overwritten.
    Foreign = -4,
    /// This library was built without sessions of this size.
    NoSuchSize = -5,
    /// The input has another length than those of the session.
    WrongInputLen = -6,
    /// No such wire, or the classic wire with inputs of more than one byte.
    NoSuchWire = -7,
    /// The session was closed: set up a new one, with a new incarnation.
    Closed = -8,
    /// A number that stands for no route, policy or health.
    NoSuchValue = -10,
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
    /// `iw_config.max_datagram_size`.
    ConfigMaxDatagramSize = -26,
    /// `iw_config.incarnation`.
    ConfigIncarnation = -27,
    /// The session has no room for another peer.
    PeersFull = -40,
    /// The player number belongs to the local player or another peer, or is above 65,535.
    PlayerTaken = -41,
    /// The first frames of the epoch have left the window, the frame to join from is not ahead of every push, or a player with this
    /// number has left, and the frame to join from is not beyond all that is known of it.
    EpochRunning = -42,
    /// `iw_config.incarnation` is 0, and a peer on the compact wire needs one.
    NoIncarnation = -43,
    /// A peer has departed and was not removed yet.
    PeerDeparted = -44,
    /// The session is in a mesh, which has at most 63 peers.
    MeshTooLarge = -45,
    /// `iw_config.max_datagram_size` is too small for the words of this mesh.
    MeshDatagramSize = -46,
    /// A peer has not acknowledged the oldest input in the window.
    WindowFull = -50,
    /// The epoch has used up its frame numbers.
    FramesExhausted = -51,
    /// A peer's latest known input lies `iw_config.max_lead` frames back.
    TooFarAhead = -52,
    /// The checksum is not for a later frame than the last one.
    ChecksumNotNewer = -60,
    /// A peer has not acknowledged the oldest checksum.
    ChecksumsFull = -61,
    /// Some input up to the checksum's frame is not known yet.
    ChecksumNotConfirmed = -62,
    /// The epoch is not greater than the current one.
    EpochNotNewer = -70,
    /// The epoch is among the last ones, which are kept for restarts.
    EpochTooGreat = -71,
    /// A hello for another player than the local one.
    HelloOtherPlayer = -80,
    /// A hello with another setting, which `iw_mismatch` names.
    HelloMismatch = -81,
    /// A reason without a number in this version of the interface.
    Other = -99,
    /// A datagram from an unknown peer. Status `-100 - n` is counted in `iw_stats.refused[n]`.
    UnknownPeer = -100,
    /// A datagram longer than 1,024 bytes.
    TooLong = -101,
    /// A datagram shorter than its type allows.
    Truncated = -102,
    /// A datagram of a type that this wire does not have.
    UnknownType = -103,
    /// On the classic wire, a message for the game or text.
    GameMessage = -104,
    /// A datagram not exactly as long as its content.
    WrongLength = -105,
    /// A datagram with more inputs than a window holds.
    TooManyInputs = -106,
    /// A datagram whose body does not end where its inputs end.
    MalformedBody = -107,
    /// A datagram whose tag does not match.
    BadTag = -108,
    /// A datagram of another epoch.
    OtherEpoch = -109,
    /// A datagram that starts after the next frame expected, or a word about another run of a player.
    OutOfSync = -110,
    /// A datagram whose latest frame is too far ahead.
    TooFar = -111,
    /// A datagram with frame numbers outside the epoch.
    FrameRange = -112,
    /// A datagram whose frames do not ascend.
    NotAscending = -113,
    /// A datagram from another player than the configured one.
    WrongPlayer = -114,
    /// A pong to no outstanding ping.
    UnknownPing = -115,
    /// Inputs before the peer's hello or with other settings, or before `iw_session_begin_epoch` after a restart.
    NotReady = -116,
    /// A datagram of another run of the peer while this one is alive, or for another run of this endpoint.
    OtherRun = -117,
    /// A hello that is not newer than one received before.
    LateHello = -118,
    /// A hello with an epoch, incarnation or number outside its range.
    EpochRange = -119,
    /// One of this session's own datagrams.
    Reflected = -120,
    /// A word of a mesh, although `iw_config.mesh` is 0.
    NoMesh = -121,
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
        Self::WrongInputLen,
        Self::NoSuchWire,
        Self::Closed,
        Self::NoSuchValue,
        Self::ConfigFrameInterval,
        Self::ConfigPingInterval,
        Self::ConfigInterruptAfter,
        Self::ConfigDisconnectAfter,
        Self::ConfigLatency,
        Self::ConfigRedundancy,
        Self::ConfigMaxDatagramSize,
        Self::ConfigIncarnation,
        Self::PeersFull,
        Self::PlayerTaken,
        Self::EpochRunning,
        Self::NoIncarnation,
        Self::PeerDeparted,
        Self::MeshTooLarge,
        Self::MeshDatagramSize,
        Self::WindowFull,
        Self::FramesExhausted,
        Self::TooFarAhead,
        Self::ChecksumNotNewer,
        Self::ChecksumsFull,
        Self::ChecksumNotConfirmed,
        Self::EpochNotNewer,
        Self::EpochTooGreat,
        Self::HelloOtherPlayer,
        Self::HelloMismatch,
        Self::Other,
        Self::UnknownPeer,
        Self::TooLong,
        Self::Truncated,
        Self::UnknownType,
        Self::GameMessage,
        Self::WrongLength,
        Self::TooManyInputs,
        Self::MalformedBody,
        Self::BadTag,
        Self::OtherEpoch,
        Self::OutOfSync,
        Self::TooFar,
        Self::FrameRange,
        Self::NotAscending,
        Self::WrongPlayer,
        Self::UnknownPing,
        Self::NotReady,
        Self::OtherRun,
        Self::LateHello,
        Self::EpochRange,
        Self::Reflected,
        Self::NoMesh,
    ];

    /// Returns the number of this status.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// Returns a text for logs. Where there is a Rust error, it is that error's text; a test compares them.
    #[must_use]
    pub const fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"done",
            Self::None => c"nothing to return: nothing to poll, no such peer, or no such value yet",
            Self::Null => c"a pointer is null",
            Self::Misaligned => c"a pointer is not aligned: a session needs a multiple of iw_session_align()",
            Self::Short => c"too short: a session needs iw_session_size() bytes, a datagram IW_MAX_DATAGRAM_SIZE, an input its whole length",
            Self::Foreign => c"not a session of this library: never set up, cleared, moved or overwritten",
            Self::NoSuchSize => c"this library was built without sessions of this size: peers are 1 to 3, inputs 1, 2, 4, 8 or 16 bytes",
            Self::WrongInputLen => c"the input has another length than those of the session",
            Self::NoSuchWire => c"no such wire: the classic wire carries inputs of one byte only",
            Self::Closed => c"the session was closed: create a new one, with a new incarnation",
            Self::NoSuchValue => c"no such value: routes are IW_ROUTE_*, policies IW_POLICY_*, healths those of iw_health",
            Self::ConfigFrameInterval => c"frame_interval must be 1 ms to 10 s",
            Self::ConfigPingInterval => c"ping_interval must be 20 ms to 10 s",
            Self::ConfigInterruptAfter => c"interrupt_after must be above zero and below disconnect_after",
            Self::ConfigDisconnectAfter => c"disconnect_after must be above 2.5 ping intervals and at most an hour",
            Self::ConfigLatency => c"warning_latency must be above zero and below critical_latency, which is at most a minute",
            Self::ConfigRedundancy => c"redundancy must be 1 to 15",
            Self::ConfigMaxDatagramSize => c"max_datagram_size must be 56 to 1024 bytes",
            Self::ConfigIncarnation => c"incarnation must be at least 2^32: draw a random number of 64 bits at each start",
            Self::PeersFull => c"no place for another peer: remove one, or give the session a larger MAX_PEERS",
            Self::PlayerTaken => c"player number taken: every player of a session needs its own",
            Self::EpochRunning => c"the epoch is under way: add the peer from a frame ahead of every push, or when the next epoch begins",
            Self::NoIncarnation => c"no incarnation: give Config a random number of 64 bits, drawn at each start",
            Self::PeerDeparted => c"a departed peer is still there: remove it at every endpoint, then add",
            Self::MeshTooLarge => c"a mesh has at most 63 peers: leave some out, or turn mesh off for a server",
            Self::MeshDatagramSize => c"max_datagram_size is too small for the words of this mesh: 19 + 8 x MAX_PEERS + INPUT_LEN is enough",
            Self::WindowFull => c"window full: wait for the peer to acknowledge, or disconnect it; push the input again later",
            Self::FramesExhausted => c"frame numbers used up: begin a new epoch",
            Self::TooFarAhead => c"too far ahead of the peer: wait for its inputs; push this one again later",
            Self::ChecksumNotNewer => c"checksums only go forward: push that of a later frame",
            Self::ChecksumsFull => c"a peer has not acknowledged the oldest checksum: push less often, or later",
            Self::ChecksumNotConfirmed => c"not confirmed: push it once confirmed_frame has reached its frame",
            Self::EpochNotNewer => c"epochs only grow: begin one greater than the present one",
            Self::EpochTooGreat => c"too great: the last epochs are kept for restarts; begin next_epoch",
            Self::HelloOtherPlayer => c"a hello for another player: hand it to the session of that player",
            Self::HelloMismatch => c"a setting differs: every endpoint needs the same",
            Self::Other => c"refused for a reason without a number in this version of the interface",
            Self::UnknownPeer => c"unknown peer: add it before handing over its datagrams",
            Self::TooLong => c"longer than 1024 bytes: not a datagram of this protocol",
            Self::Truncated => c"truncated: hand over whole datagrams",
            Self::UnknownType => c"unknown type: not a datagram of this wire; check what shares the socket",
            Self::GameMessage => c"a game message, not the transport's: hand it to the game",
            Self::WrongLength => c"wrong length: bytes were cut off or added",
            Self::TooManyInputs => c"more inputs than the window holds",
            Self::MalformedBody => c"malformed body",
            Self::BadTag => c"bad tag: corrupted, or of another session, epoch, run, key or setting",
            Self::OtherEpoch => c"of another epoch: one endpoint has not begun the epoch of the other yet",
            Self::OutOfSync => c"out of sync: inputs before it are gone, or of another run; begin a new epoch",
            Self::TooFar => c"a frame too far ahead",
            Self::FrameRange => c"a frame number outside the range of an epoch",
            Self::NotAscending => c"frames do not ascend",
            Self::WrongPlayer => c"of another player: compare the player numbers of both endpoints",
            Self::UnknownPing => c"a pong to no outstanding ping",
            Self::NotReady => c"not ready: no hello of this run yet, settings differ, or begin_epoch is due after a restart",
            Self::OtherRun => c"of another run: a datagram that arrived late, or a second program of that player",
            Self::LateHello => c"a hello that is not newer than one before it: repeated, or late",
            Self::EpochRange => c"an epoch, incarnation or number outside its range",
            Self::Reflected => c"a datagram of this endpoint came back: check the address, and that the player numbers differ",
            Self::NoMesh => c"a word of a mesh: set mesh alike at every endpoint",
        }
    }
}

/// Returns a text for a status: what is wrong and what to do. It is never null and lives as long as the program.
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
            ConfigError::MaxDatagramSize => Self::ConfigMaxDatagramSize,
            ConfigError::Incarnation => Self::ConfigIncarnation,
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
            AddPeerError::NoIncarnation => Self::NoIncarnation,
            AddPeerError::Departed => Self::PeerDeparted,
            AddPeerError::MeshTooLarge => Self::MeshTooLarge,
            AddPeerError::MaxDatagramSize => Self::MeshDatagramSize,
            AddPeerError::Closed => Self::Closed,
            _ => Self::Other,
        }
    }
}

impl From<PushError> for IwStatus {
    #[inline(never)]
    fn from(error: PushError) -> Self {
        match error {
            PushError::WindowFull(_) => Self::WindowFull,
            PushError::TooFarAhead(_) => Self::TooFarAhead,
            PushError::FramesExhausted => Self::FramesExhausted,
            PushError::Closed => Self::Closed,
            _ => Self::Other,
        }
    }
}

impl From<ChecksumError> for IwStatus {
    fn from(error: ChecksumError) -> Self {
        match error {
            ChecksumError::NotNewer => Self::ChecksumNotNewer,
            ChecksumError::NotConfirmed => Self::ChecksumNotConfirmed,
            ChecksumError::Full(_) => Self::ChecksumsFull,
            _ => Self::Other,
        }
    }
}

impl From<EpochError> for IwStatus {
    fn from(error: EpochError) -> Self {
        match error {
            EpochError::NotNewer => Self::EpochNotNewer,
            EpochError::TooGreat => Self::EpochTooGreat,
            EpochError::Closed => Self::Closed,
            _ => Self::Other,
        }
    }
}

impl From<HelloError> for IwStatus {
    fn from(error: HelloError) -> Self {
        match error {
            HelloError::Refused(reason) => reason.into(),
            HelloError::OtherPlayer { .. } => Self::HelloOtherPlayer,
            HelloError::Mismatch { .. } => Self::HelloMismatch,
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
            DatagramError::WrongLength => Self::WrongLength,
            DatagramError::TooManyInputs => Self::TooManyInputs,
            DatagramError::MalformedBody => Self::MalformedBody,
            DatagramError::BadTag => Self::BadTag,
            DatagramError::OtherEpoch => Self::OtherEpoch,
            DatagramError::OutOfSync => Self::OutOfSync,
            DatagramError::TooFar => Self::TooFar,
            DatagramError::FrameRange => Self::FrameRange,
            DatagramError::NotAscending => Self::NotAscending,
            DatagramError::WrongPlayer => Self::WrongPlayer,
            DatagramError::UnknownPing => Self::UnknownPing,
            DatagramError::NotReady => Self::NotReady,
            DatagramError::OtherRun => Self::OtherRun,
            DatagramError::LateHello => Self::LateHello,
            DatagramError::EpochRange => Self::EpochRange,
            DatagramError::Reflected => Self::Reflected,
            DatagramError::NoMesh => Self::NoMesh,
            _ => Self::Other,
        }
    }
}
