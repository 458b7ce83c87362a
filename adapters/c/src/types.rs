//! The structs and constants of the interface. Structs are laid out the same on every target: no pointers, no `usize`, no
//! padding.

use core::ffi::{CStr, c_char};
use core::time::Duration;

use inputwire::{Config, Departure, Event, Field, Frame, Health, PeerConfig, PeerEvent, PeerId};

use crate::any_session::Wires;
use crate::status::IwStatus;

/// The version of this interface: it changes with every layout, number or meaning below. Functions may be added without.
pub const IW_ABI_VERSION: u32 = 1;
/// The size of the longest datagram in bytes, and so of a buffer for one.
pub const IW_MAX_DATAGRAM_SIZE: usize = 1024;
/// The length of the longest input in bytes.
pub const IW_MAX_INPUT_LEN: usize = 16;
/// The alignment of a session.
pub const IW_SESSION_ALIGN: usize = 16;
/// The number of frames kept of each player.
pub const IW_WINDOW: u32 = 120;
/// The value of a statistic that has none yet.
pub const IW_UNKNOWN: u64 = u64::MAX;
/// `iw_event.peer` of an event that is not about a peer.
pub const IW_NO_PEER: u32 = u32::MAX;
/// A frame that is none: no frame has this number.
pub const IW_NO_FRAME: u32 = u32::MAX;
/// The value of `iw_peer_config.target_margin` that sets none.
pub const IW_NO_MARGIN: u32 = u32::MAX;
/// A value of `wire`: the compact wire, for inputs of every length.
pub const IW_COMPACT: u32 = 0;
/// A value of `wire`: the classic wire, for inputs of one byte.
pub const IW_CLASSIC: u32 = 1;

/// The settings of a session. Let `iw_config_default` fill it, then change what you need. Settings marked with `=` must be
/// the same at every endpoint.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IwConfig {
    /// = The session id; random for each game.
    pub session_id: u64,
    /// The number of this run: 64 random bits, drawn anew at each start and never used twice. There is no default, and the
    /// compact wire needs one; 0 is none.
    pub incarnation: u64,
    /// = A shared secret, used if `has_key` is not 0. It is never returned.
    pub key: [u8; 16],
    /// The local player number, up to 65,535, different at every endpoint.
    pub local_player: u32,
    /// = The frame that the first push of each epoch gets.
    pub first_frame: u32,
    /// = The time between two frames.
    pub frame_us: u32,
    /// The time between two pings; 0 for the wire's default.
    pub ping_us: u32,
    /// The silence after which a peer is interrupted.
    pub interrupt_us: u32,
    /// The silence after which a peer is disconnected.
    pub disconnect_us: u32,
    /// The one-way latency above which a peer's health is a warning.
    pub warning_us: u32,
    /// The one-way latency above which a peer's health is critical.
    pub critical_us: u32,
    /// The size of the longest datagram sent on the compact wire, in bytes.
    pub max_datagram_size: u32,
    /// The number of inputs in each datagram of the classic wire.
    pub redundancy: u32,
    /// Not 0: repeats inputs soon after their push, for games of 30 frames a second or fewer.
    pub early_copies: u32,
    /// Not 0: `key` is used.
    pub has_key: u32,
    /// = Not 0: inputs and checksums carry four bytes less of their tags, where there is a key.
    pub short_tags: u32,
    /// = Not 0: every endpoint is a peer of every other one, and the survivors of a player agree on its last input. 0 is for a
    /// server and its clients: a peer that is disconnected has departed at once there.
    pub mesh: u32,
    /// How many frames pushes may be ahead of each peer's latest known input; 0 for no limit.
    pub max_lead: u32,
    /// Must be 0.
    pub reserved: u32,
}

impl core::fmt::Debug for IwConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Without the key.
        let mut debug = f.debug_struct("IwConfig");
        debug.field("session_id", &self.session_id).field("local_player", &self.local_player).finish_non_exhaustive()
    }
}

impl IwConfig {
    /// The defaults of `Config::builder`, as numbers; a test compares them.
    pub(crate) const DEFAULT: Self = Self {
        session_id: 0,
        incarnation: 0,
        key: [0; 16],
        local_player: 0,
        first_frame: 0,
        frame_us: 16_667,
        ping_us: 0,
        interrupt_us: 500_000,
        disconnect_us: 5_000_000,
        warning_us: 100_000,
        critical_us: 200_000,
        max_datagram_size: 1_024,
        redundancy: 3,
        early_copies: 0,
        has_key: 0,
        short_tags: 0,
        mesh: 1,
        max_lead: 0,
        reserved: 0,
    };

    pub(crate) fn new(config: &Config) -> Self {
        Self {
            session_id: config.session_id(),
            incarnation: config.incarnation().unwrap_or(0),
            key: [0; 16],
            local_player: u32::from(config.local_player()),
            first_frame: config.first_frame().get(),
            frame_us: micros_u32(config.frame_interval()),
            ping_us: config.ping_interval().map_or(0, micros_u32),
            interrupt_us: micros_u32(config.interrupt_after()),
            disconnect_us: micros_u32(config.disconnect_after()),
            warning_us: micros_u32(config.warning_latency()),
            critical_us: micros_u32(config.critical_latency()),
            max_datagram_size: u32::try_from(config.max_datagram_size()).unwrap_or(u32::MAX),
            redundancy: u32::from(config.redundancy()),
            early_copies: u32::from(config.early_copies()),
            has_key: u32::from(config.is_keyed()),
            short_tags: u32::from(config.short_tags()),
            mesh: u32::from(config.mesh()),
            max_lead: config.max_lead().unwrap_or(0),
            reserved: 0,
        }
    }

    pub(crate) fn build(&self) -> Result<Config, IwStatus> {
        let micros = |micros| Duration::from_micros(u64::from(micros));
        let mut builder = Config::builder()
            .session_id(self.session_id)
            .local_player(u16::try_from(self.local_player).map_err(|_| IwStatus::PlayerTaken)?)
            .first_frame(Frame::new(self.first_frame))
            .frame_interval(micros(self.frame_us))
            .interrupt_after(micros(self.interrupt_us))
            .disconnect_after(micros(self.disconnect_us))
            .warning_latency(micros(self.warning_us))
            .critical_latency(micros(self.critical_us))
            .redundancy(u8::try_from(self.redundancy).unwrap_or(u8::MAX))
            .early_copies(self.early_copies != 0)
            .short_tags(self.short_tags != 0)
            .mesh(self.mesh != 0)
            .max_lead(self.max_lead)
            .max_datagram_size(usize::try_from(self.max_datagram_size).unwrap_or(usize::MAX));
        if self.incarnation != 0 {
            builder = builder.incarnation(self.incarnation);
        }
        if self.has_key != 0 {
            builder = builder.key(self.key);
        }
        if self.ping_us != 0 {
            builder = builder.ping_interval(micros(self.ping_us));
        }
        Ok(builder.build()?)
    }
}

/// The settings of a peer. Let `iw_peer_config_default` fill it, then change what you need.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IwPeerConfig {
    /// The peer's incarnation, if signalling carried it, else 0.
    pub incarnation: u64,
    /// A secret of this pair alone instead of the session's, used if `has_key` is not 0.
    pub key: [u8; 16],
    /// Not 0: `key` is used.
    pub has_key: u32,
    /// The peer's player number, up to 65,535.
    pub player: u32,
    /// `IW_COMPACT` or `IW_CLASSIC`.
    pub wire: u32,
    /// The frame from which a player takes part that joins late or comes back, on the compact wire; `IW_NO_FRAME` for the first one.
    /// It is the same at every endpoint, and at least 2 above every frame that any of them has pushed; whoever joins adds every peer
    /// from it before its first push, which gets this frame.
    pub join_frame: u32,
    /// By how many frames local inputs should arrive early, 0 to 250, at a peer that does not wait for them, such as a server. Compact
    /// wire only. `iw_peer_pace` then keeps this margin, which `iw_peer_margin` measures, instead of keeping up with the peer's game.
    /// `IW_NO_MARGIN` for none.
    pub target_margin: u32,
    /// Must be 0.
    pub reserved: u32,
}

impl core::fmt::Debug for IwPeerConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Without the key.
        f.debug_struct("IwPeerConfig").field("player", &self.player).field("wire", &self.wire).finish_non_exhaustive()
    }
}

impl IwPeerConfig {
    pub(crate) const DEFAULT: Self = Self {
        incarnation: 0,
        key: [0; 16],
        has_key: 0,
        player: 0,
        wire: IW_COMPACT,
        join_frame: IW_NO_FRAME,
        target_margin: IW_NO_MARGIN,
        reserved: 0,
    };

    pub(crate) fn build<const INPUT_LEN: usize>(&self) -> Result<PeerConfig<INPUT_LEN>, IwStatus>
    where
        PeerConfig<INPUT_LEN>: Wires,
    {
        // A number beyond 16 bits belongs to no player, so no endpoint may claim it either.
        let player = u16::try_from(self.player).map_err(|_| IwStatus::PlayerTaken)?;
        let mut peer = PeerConfig::on(self.wire, player).ok_or(IwStatus::NoSuchWire)?.incarnation(self.incarnation);
        if self.has_key != 0 {
            peer = peer.key(self.key);
        }
        if self.join_frame != IW_NO_FRAME {
            peer = peer.from(Frame::new(self.join_frame));
        }
        if self.target_margin != IW_NO_MARGIN {
            peer = peer.target_margin(u8::try_from(self.target_margin).unwrap_or(u8::MAX));
        }
        Ok(peer)
    }
}

/// How well the connection to a peer works.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwHealth {
    /// Nothing was received yet.
    Connecting = 0,
    /// Received from recently, with a low latency.
    Good = 1,
    /// The one-way latency is above `warning_us`.
    Warning = 2,
    /// The one-way latency is above `critical_us`.
    Critical = 3,
    /// Received from, but it receives nothing from here.
    Deaf = 4,
    /// Silent for `interrupt_us`.
    Interrupted = 5,
    /// Silent for `disconnect_us`, or closed.
    Disconnected = 6,
    /// A value without a number in this version of the interface.
    Other = 99,
}

impl IwHealth {
    pub(crate) fn new(health: Health) -> Self {
        match health {
            Health::Connecting => Self::Connecting,
            Health::Good => Self::Good,
            Health::Warning => Self::Warning,
            Health::Critical => Self::Critical,
            Health::Deaf => Self::Deaf,
            Health::Interrupted => Self::Interrupted,
            Health::Disconnected => Self::Disconnected,
            _ => Self::Other,
        }
    }
}

/// A setting that must be the same at both endpoints.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwField {
    /// The version of the compact wire.
    Version = 0,
    /// The length of an input.
    InputLen = 1,
    /// The window.
    Window = 2,
    /// The size of the tag of inputs in bytes: one endpoint has short tags, the other has not.
    TagSize = 3,
    /// The first frame of an epoch.
    FirstFrame = 4,
    /// The frame interval, in microseconds.
    FrameInterval = 5,
    /// A value without a number in this version of the interface.
    Other = 99,
}

impl IwField {
    pub(crate) fn new(field: Field) -> Self {
        match field {
            Field::Version => Self::Version,
            Field::InputLen => Self::InputLen,
            Field::Window => Self::Window,
            Field::TagSize => Self::TagSize,
            Field::FirstFrame => Self::FirstFrame,
            Field::FrameInterval => Self::FrameInterval,
            _ => Self::Other,
        }
    }
}

/// The kind of an event, and the fields of `iw_event` that it uses; the others are 0.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwEventKind {
    /// A peer's input of `frame`: the first `input_len` bytes of `input`.
    Input = 0,
    /// Inputs can flow: a datagram that proves it has been accepted.
    Connected = 1,
    /// The peer's health has changed to `value`, one of `iw_health`; it was silent for `duration_us`.
    Health = 2,
    /// The session was not called for `duration_us` after something was due.
    LocalStall = 3,
    /// The peer has acknowledged everything and pushing has paused. Compact wire only.
    Flushed = 4,
    /// The checksums of the game's state at `frame` differ: `local` here, `remote` at the peer.
    Desync = 5,
    /// `count` inputs of the peer will never be delivered, the first of them that of `frame`. Classic wire only.
    Lost = 6,
    /// The peer sent a different input for a frame whose input was known.
    Conflict = 7,
    /// A setting differs: `value` is one of `iw_field`, set to `local` here and to `remote` at the peer.
    Mismatch = 8,
    /// The peer has begun epoch `value`: follow with `iw_session_begin_epoch`. Comes after every input of the present one.
    EpochAhead = 9,
    /// The peer was started anew: inputs flow again after `iw_session_begin_epoch` with `iw_session_next_epoch`.
    Restarted = 10,
    /// The peer continues after inputs that this session does not hold: begin a new epoch.
    OutOfSync = 11,
    /// The peer has closed its session in epoch `value`; `frame` is the one after its last input there.
    PeerClosed = 12,
    /// Two programs play as this peer, or an incarnation was used twice. The one that was there first goes on.
    SecondRun = 13,
    /// The peer plays with another run of the local player: this program was started twice.
    Replaced = 14,
    /// Hellos arrive whose tag is wrong: session id or key differ.
    Unreadable = 15,
    /// A hello arrived that player `remote` sent to player `local`: the address leads to another player.
    WrongPlayers = 16,
    /// A survivor, `peer`, told that the local player was disconnected, and so do all who hear of it: this session is closed. Who
    /// comes back sets up a new one.
    Dropped = 17,
    /// Nothing more is taken of the peer: the peer `value` told that it has left, or, if `value` is `IW_NO_PEER`, it said
    /// goodbye under a key, or joined too late to get what it lacks.
    Departing = 18,
    /// The peer has left, and every survivor has the same inputs of it: the last one is that of `frame`, or `IW_NO_FRAME` if there
    /// is none in this epoch. Comes after them.
    Departed = 19,
    /// A value without a number in this version of the interface.
    Other = 99,
}

impl IwEventKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: &'static [Self] = &[
        Self::Input,
        Self::Connected,
        Self::Health,
        Self::LocalStall,
        Self::Flushed,
        Self::Desync,
        Self::Lost,
        Self::Conflict,
        Self::Mismatch,
        Self::EpochAhead,
        Self::Restarted,
        Self::OutOfSync,
        Self::PeerClosed,
        Self::SecondRun,
        Self::Replaced,
        Self::Unreadable,
        Self::WrongPlayers,
        Self::Dropped,
        Self::Departing,
        Self::Departed,
        Self::Other,
    ];

    const fn text(self) -> &'static CStr {
        match self {
            Self::Input => c"an input",
            Self::Connected => c"connected: inputs can flow",
            Self::Health => c"its health has changed",
            Self::LocalStall => {
                c"this program stood still: call iw_session_handle_timeout when iw_session_poll_timeout says"
            }
            Self::Flushed => c"has acknowledged every input",
            Self::Desync => c"another state after the same frame: the checksums differ",
            Self::Lost => c"inputs are lost",
            Self::Conflict => c"sent two inputs for one frame: the first one stays",
            Self::Mismatch => c"a setting differs: every endpoint needs the same",
            Self::EpochAhead => c"has begun another epoch: begin it, too",
            Self::Restarted => c"was started anew: begin the next epoch",
            Self::OutOfSync => c"has inputs that are gone here, or of another run: begin the next epoch",
            Self::PeerClosed => c"closed its session",
            Self::SecondRun => c"two programs play as this peer: the one that was there first goes on",
            Self::Replaced => c"plays with another run of this player: was this program started twice?",
            Self::Unreadable => c"its hellos have a wrong tag: compare session ids and keys",
            Self::WrongPlayers => c"a hello of other players came: check where the address leads",
            Self::Dropped => c"has disconnected this player, as all others do: set up a new session to come back",
            Self::Departing => c"is leaving",
            Self::Departed => c"has left",
            Self::Other => c"an event without a number in this version of the interface",
        }
    }
}

/// Returns a text for the `kind` of an event: what happened to the peer, and what to do where something is wrong. It is never
/// null and lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn iw_event_text(kind: u32) -> *const c_char {
    let known = IwEventKind::ALL.iter().find(|known| event_number(**known) == kind);
    known.map_or(c"no such event", |known| known.text()).as_ptr()
}

/// Whether a peer still plays.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwDepartureKind {
    /// It plays.
    Present = 0,
    /// Nothing that it sends is taken any more; the survivors are agreeing on its last input. `frame` is the one after its latest
    /// input that is known here; it may still grow.
    Departing = 1,
    /// Every survivor has the same inputs of it. `frame` is that of the last one, or `IW_NO_FRAME` if there is none in this epoch.
    Departed = 2,
    /// A value without a number in this version of the interface.
    Other = 99,
}

/// How far the departure of a peer has come.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwDeparture {
    /// How far it has come.
    pub kind: IwDepartureKind,
    /// See `kind`; 0 while the peer plays.
    pub frame: u32,
}

impl IwDeparture {
    pub(crate) fn new(departure: Departure) -> Self {
        let (kind, frame) = match departure {
            Departure::Present => (IwDepartureKind::Present, 0),
            Departure::Departing { end } => (IwDepartureKind::Departing, end.get()),
            Departure::Departed { last } => (IwDepartureKind::Departed, number(last)),
            _ => (IwDepartureKind::Other, 0),
        };
        Self { kind, frame }
    }
}

/// The number of a frame, if there is one. The frames of an epoch end before `IW_NO_FRAME`.
fn number(frame: Option<Frame>) -> u32 {
    frame.map_or(IW_NO_FRAME, Frame::get)
}

/// Something that has happened; `kind` says which other fields are used.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwEvent {
    /// What has happened.
    pub kind: IwEventKind,
    /// The number of the peer, or `IW_NO_PEER`.
    pub peer: u32,
    /// See `kind`.
    pub frame: u32,
    /// See `kind`.
    pub count: u32,
    /// See `kind`.
    pub value: u32,
    /// The length of `input`.
    pub input_len: u32,
    /// See `kind`.
    pub local: u64,
    /// See `kind`.
    pub remote: u64,
    /// See `kind`.
    pub duration_us: u64,
    /// See `kind`.
    pub input: [u8; IW_MAX_INPUT_LEN],
}

impl IwEvent {
    const NONE: Self = Self {
        kind: IwEventKind::Other,
        peer: IW_NO_PEER,
        frame: 0,
        count: 0,
        value: 0,
        input_len: 0,
        local: 0,
        remote: 0,
        duration_us: 0,
        input: [0; IW_MAX_INPUT_LEN],
    };

    pub(crate) fn new<const INPUT_LEN: usize>(event: &Event<INPUT_LEN>) -> Self {
        let mut result = Self::NONE;
        match *event {
            Event::Input { peer, frame, input } => {
                result.kind = IwEventKind::Input;
                result.peer = peer.get();
                result.frame = frame.get();
                result.input_len = result.input.iter_mut().zip(input).fold(0, |len, (to, from)| {
                    *to = from;
                    len.saturating_add(1)
                });
            }
            Event::LocalStall { duration } => {
                result.kind = IwEventKind::LocalStall;
                result.duration_us = micros(duration);
            }
            Event::Dropped { by } => {
                result.kind = IwEventKind::Dropped;
                result.peer = by.get();
            }
            Event::Peer { peer, event } => {
                result.peer = peer.get();
                result.kind = result.fill(event);
            }
            _ => {}
        }
        result
    }

    /// Sets the fields that an event about a peer uses, and returns its kind. Once for all lengths of an input.
    #[inline(never)]
    fn fill(&mut self, event: PeerEvent) -> IwEventKind {
        match event {
            PeerEvent::Connected => IwEventKind::Connected,
            PeerEvent::Health { health, silence } => {
                self.value = health_number(IwHealth::new(health));
                self.duration_us = micros(silence);
                IwEventKind::Health
            }
            PeerEvent::Flushed => IwEventKind::Flushed,
            PeerEvent::Desync { frame, local, remote } => {
                self.frame = frame.get();
                (self.local, self.remote) = (local, remote);
                IwEventKind::Desync
            }
            PeerEvent::Lost { first, count } => {
                self.frame = first.get();
                self.count = count;
                IwEventKind::Lost
            }
            PeerEvent::Conflict => IwEventKind::Conflict,
            PeerEvent::Mismatch { field, local, remote } => {
                self.value = field_number(IwField::new(field));
                (self.local, self.remote) = (u64::from(local), u64::from(remote));
                IwEventKind::Mismatch
            }
            PeerEvent::EpochAhead { epoch } => {
                self.value = epoch.get();
                IwEventKind::EpochAhead
            }
            PeerEvent::Restarted => IwEventKind::Restarted,
            PeerEvent::OutOfSync => IwEventKind::OutOfSync,
            PeerEvent::PeerClosed { epoch, end } => {
                self.value = epoch.get();
                self.frame = end.get();
                IwEventKind::PeerClosed
            }
            PeerEvent::SecondRun => IwEventKind::SecondRun,
            PeerEvent::Replaced => IwEventKind::Replaced,
            PeerEvent::Unreadable => IwEventKind::Unreadable,
            PeerEvent::WrongPlayers { sender, receiver } => {
                (self.local, self.remote) = (u64::from(receiver), u64::from(sender));
                IwEventKind::WrongPlayers
            }
            PeerEvent::Departing { by } => {
                self.value = by.map_or(IW_NO_PEER, PeerId::get);
                IwEventKind::Departing
            }
            PeerEvent::Departed { last } => {
                self.frame = number(last);
                IwEventKind::Departed
            }
            _ => IwEventKind::Other,
        }
    }
}

// Callers without a C compiler rely on fixed offsets, the same on every target.
const _: () = assert!(size_of::<IwDeparture>() == 8 && size_of::<IwPeerConfig>() == 48);
const _: () = assert!(size_of::<IwConfig>() == 96 && size_of::<IwEvent>() == 64);

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn health_number(health: IwHealth) -> u32 {
    health as u32
}

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn event_number(kind: IwEventKind) -> u32 {
    kind as u32
}

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn field_number(field: IwField) -> u32 {
    field as u32
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn micros_u32(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use inputwire::{Epoch, Event, Frame, PeerEvent, PeerId};

    use super::{Config, IwConfig, IwEvent, IwEventKind};

    #[test]
    fn every_report_about_a_peer_has_a_kind_of_its_own() {
        let kind = |event| IwEvent::new(&Event::<1>::Peer { peer: PeerId::new(7), event }).kind;
        let closed = PeerEvent::PeerClosed { epoch: Epoch::new(2), end: Frame::new(9) };
        assert_eq!(kind(closed), IwEventKind::PeerClosed);
        assert_eq!(kind(PeerEvent::SecondRun), IwEventKind::SecondRun);
        assert_eq!(kind(PeerEvent::Replaced), IwEventKind::Replaced);
        assert_eq!(kind(PeerEvent::Unreadable), IwEventKind::Unreadable);
        assert_eq!(kind(PeerEvent::WrongPlayers { sender: 3, receiver: 4 }), IwEventKind::WrongPlayers);
        assert_eq!(kind(PeerEvent::Departing { by: None }), IwEventKind::Departing);
        assert_eq!(kind(PeerEvent::Departed { last: None }), IwEventKind::Departed);
    }

    #[test]
    fn the_defaults_are_those_of_the_builder() {
        let defaults = Config::builder().build().ok().as_ref().map(IwConfig::new);
        assert_eq!(defaults, Some(IwConfig::DEFAULT));
    }
}
