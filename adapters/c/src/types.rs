//! What goes in and out, laid out the same on every machine: no pointers, no sizes, no padding that matters.

use core::time::Duration;

use inputwire::{Config, Event, Field, Frame, Health, PeerId};

use crate::status::IwStatus;

/// The version of this interface: it changes with every layout, number or meaning below. Functions may be added without.
pub const IW_ABI_VERSION: u32 = 1;
/// The longest datagram, and so the length of the buffer for one.
pub const IW_DATAGRAM_MAX: usize = 1024;
/// The longest input.
pub const IW_INPUT_MAX: usize = 16;
/// What the address of a session is divisible by.
pub const IW_SESSION_ALIGN: usize = 16;
/// How many frames of each player are kept.
pub const IW_WINDOW: u32 = 120;
/// A figure that is not known.
pub const IW_UNKNOWN: u64 = u64::MAX;
/// The peer of an event that is about nobody.
pub const IW_NOBODY: u32 = u32::MAX;
/// For `wire`: the compact one, with inputs of every length.
pub const IW_COMPACT: u32 = 0;
/// For `wire`: the classic one, with inputs of one byte.
pub const IW_CLASSIC: u32 = 1;

pub(crate) const INPUT_MAX: usize = IW_INPUT_MAX;

/// The settings of a session. `iw_config_default` fills it, then change what you need.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IwConfig {
    /// The session id, the same at every end; random for each game.
    pub session: u64,
    /// A secret that all ends share, if `has_key` is not 0. It is never given back.
    pub key: [u8; 16],
    /// Our player number, up to 65,535, different at every end.
    pub player: u32,
    /// Grows each time our end starts anew within one session id; a start time will do.
    pub incarnation: u32,
    /// The frame that the first push of each epoch gets, the same at every end.
    pub first_frame: u32,
    /// The time between two frames, the same at every end.
    pub frame_us: u32,
    /// The time between two pings; 0 leaves it to the wire.
    pub ping_us: u32,
    /// The silence after which a peer is interrupted.
    pub interrupt_us: u32,
    /// The silence after which a peer is disconnected.
    pub disconnect_us: u32,
    /// The one-way latency above which a peer's health is a warning.
    pub warning_us: u32,
    /// The one-way latency above which a peer's health is critical.
    pub critical_us: u32,
    /// The longest datagram to send on the compact wire.
    pub datagram_max: u32,
    /// How many inputs each datagram of the classic wire carries.
    pub redundancy: u32,
    /// Whether inputs are repeated soon after their push (not 0), for games of 30 frames a second and fewer.
    pub early_copies: u32,
    /// Whether there is a key (not 0).
    pub has_key: u32,
    /// 0.
    pub reserved: u32,
}

impl core::fmt::Debug for IwConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Without the key.
        f.debug_struct("IwConfig").field("session", &self.session).field("player", &self.player).finish_non_exhaustive()
    }
}

impl IwConfig {
    /// What `Config::builder` starts from, as numbers: a test compares them.
    pub(crate) const DEFAULT: Self = Self {
        session: 0,
        key: [0; 16],
        player: 0,
        incarnation: 1,
        first_frame: 0,
        frame_us: 16_667,
        ping_us: 0,
        interrupt_us: 500_000,
        disconnect_us: 5_000_000,
        warning_us: 100_000,
        critical_us: 200_000,
        datagram_max: 1_024,
        redundancy: 3,
        early_copies: 0,
        has_key: 0,
        reserved: 0,
    };

    pub(crate) fn of(config: &Config) -> Self {
        Self {
            session: config.session(),
            key: [0; 16],
            player: u32::from(config.player()),
            incarnation: config.incarnation(),
            first_frame: config.first_frame().get(),
            frame_us: short_us(config.frame_interval()),
            ping_us: config.ping_interval().map_or(0, short_us),
            interrupt_us: short_us(config.interrupt_after()),
            disconnect_us: short_us(config.disconnect_after()),
            warning_us: short_us(config.warning_latency()),
            critical_us: short_us(config.critical_latency()),
            datagram_max: u32::try_from(config.datagram_max()).unwrap_or(u32::MAX),
            redundancy: u32::from(config.redundancy()),
            early_copies: u32::from(config.early_copies()),
            has_key: u32::from(config.is_keyed()),
            reserved: 0,
        }
    }

    pub(crate) fn build(&self) -> Result<Config, IwStatus> {
        let us = |us| Duration::from_micros(u64::from(us));
        let mut builder = Config::builder()
            .session(self.session)
            .player(u16::try_from(self.player).map_err(|_| IwStatus::PlayerTaken)?)
            .incarnation(self.incarnation)
            .first_frame(Frame::new(self.first_frame))
            .frame_interval(us(self.frame_us))
            .interrupt_after(us(self.interrupt_us))
            .disconnect_after(us(self.disconnect_us))
            .warning_latency(us(self.warning_us))
            .critical_latency(us(self.critical_us))
            .redundancy(u8::try_from(self.redundancy).unwrap_or(u8::MAX))
            .early_copies(self.early_copies != 0)
            .datagram_max(usize::try_from(self.datagram_max).unwrap_or(usize::MAX));
        if self.has_key != 0 {
            builder = builder.key(self.key);
        }
        if self.ping_us != 0 {
            builder = builder.ping_interval(us(self.ping_us));
        }
        Ok(builder.build()?)
    }
}

/// How a peer is doing.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwHealth {
    /// Nothing was heard yet.
    Connecting = 0,
    /// Heard lately, and near.
    Good = 1,
    /// The one-way latency is above `warning_us`.
    Warning = 2,
    /// The one-way latency is above `critical_us`.
    Critical = 3,
    /// Heard, but it does not hear us.
    Deaf = 4,
    /// Silent for `interrupt_us`.
    Interrupted = 5,
    /// Silent for `disconnect_us`, or closed.
    Disconnected = 6,
    /// Something that this version of the interface has no number for.
    Other = 99,
}

impl IwHealth {
    pub(crate) fn of(health: Health) -> Self {
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

/// What two ends must agree on.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwField {
    /// The version of the compact wire.
    Version = 0,
    /// The player numbers.
    Player = 1,
    /// The length of an input.
    Input = 2,
    /// The window.
    Window = 3,
    /// The first frame of an epoch.
    FirstFrame = 4,
    /// The frame interval, in microseconds.
    FrameInterval = 5,
    /// Something that this version of the interface has no number for.
    Other = 99,
}

impl IwField {
    fn of(field: Field) -> Self {
        match field {
            Field::Version => Self::Version,
            Field::Player => Self::Player,
            Field::Input => Self::Input,
            Field::Window => Self::Window,
            Field::FirstFrame => Self::FirstFrame,
            Field::FrameInterval => Self::FrameInterval,
            _ => Self::Other,
        }
    }
}

/// What an event is about, and which of its fields say more; the others are 0.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwEventKind {
    /// What a peer did in `frame`: `input_len` bytes of `input`.
    Input = 0,
    /// Inputs of a peer can flow.
    Connected = 1,
    /// A peer's health is now `value`, one of `iw_health`; it was silent for `duration_us`.
    Health = 2,
    /// We were not called for `duration_us` after something was due.
    LocalStall = 3,
    /// A peer has acknowledged everything, and pushing has paused. Compact wire only.
    Flushed = 4,
    /// The state of a peer's game at `frame` has another checksum, `theirs`, than ours, `ours`.
    Desync = 5,
    /// `count` inputs of a peer will never be told, the first of them that of `frame`. Classic wire only.
    Lost = 6,
    /// A peer sent another input for a frame whose input was known.
    Conflict = 7,
    /// A peer is set up differently: `value` is one of `iw_field`, `ours` and `theirs` what each says.
    Mismatch = 8,
    /// A peer has begun the epoch `value`: follow with `iw_begin_epoch`.
    PeerAhead = 9,
    /// A peer was started anew: its inputs flow again after `iw_begin_epoch`.
    Restarted = 10,
    /// A peer goes on after inputs that we do not hold: begin a new epoch.
    OutOfStep = 11,
    /// A peer said goodbye.
    Left = 12,
    /// Something that this version of the interface has no number for.
    Other = 99,
}

/// Something that is true now and was not told before.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwEvent {
    /// What it is about.
    pub kind: IwEventKind,
    /// Which peer, or `IW_NOBODY`.
    pub peer: u32,
    /// See `kind`.
    pub frame: u32,
    /// See `kind`.
    pub count: u32,
    /// See `kind`.
    pub value: u32,
    /// How many bytes of `input` there are.
    pub input_len: u32,
    /// See `kind`.
    pub ours: u64,
    /// See `kind`.
    pub theirs: u64,
    /// See `kind`.
    pub duration_us: u64,
    /// See `kind`.
    pub input: [u8; IW_INPUT_MAX],
}

impl IwEvent {
    /// An event that says no more than what it is about.
    const fn plain(kind: IwEventKind, peer: u32) -> Self {
        let (ours, theirs, duration_us) = (0, 0, 0);
        let (frame, count, value, input_len) = (0, 0, 0, 0);
        Self { kind, peer, frame, count, value, input_len, ours, theirs, duration_us, input: [0; IW_INPUT_MAX] }
    }

    pub(crate) fn of<const INPUT: usize>(event: &Event<INPUT>) -> Self {
        use IwEventKind as Kind;
        let plain = |kind, peer: PeerId| Self::plain(kind, peer.get());
        match *event {
            Event::Input { peer, frame, input } => {
                let mut told = Self { frame: frame.get(), ..plain(Kind::Input, peer) };
                told.input_len = told.input.iter_mut().zip(input).fold(0, |len, (to, from)| {
                    *to = from;
                    len.saturating_add(1)
                });
                told
            }
            Event::Connected { peer } => plain(Kind::Connected, peer),
            Event::Health { peer, health, silence } => {
                let value = number(IwHealth::of(health));
                Self { value, duration_us: us(silence), ..plain(Kind::Health, peer) }
            }
            Event::LocalStall { duration } => {
                Self { duration_us: us(duration), ..Self::plain(Kind::LocalStall, IW_NOBODY) }
            }
            Event::Flushed { peer } => plain(Kind::Flushed, peer),
            Event::Desync { peer, frame, ours, theirs } => {
                Self { frame: frame.get(), ours, theirs, ..plain(Kind::Desync, peer) }
            }
            Event::Lost { peer, first, count } => Self { frame: first.get(), count, ..plain(Kind::Lost, peer) },
            Event::Conflict { peer } => plain(Kind::Conflict, peer),
            Event::Mismatch { peer, field, ours, theirs } => {
                let (ours, theirs) = (u64::from(ours), u64::from(theirs));
                Self { value: field_number(IwField::of(field)), ours, theirs, ..plain(Kind::Mismatch, peer) }
            }
            Event::PeerAhead { peer, epoch } => Self { value: epoch.get(), ..plain(Kind::PeerAhead, peer) },
            Event::Restarted { peer } => plain(Kind::Restarted, peer),
            Event::OutOfStep { peer } => plain(Kind::OutOfStep, peer),
            Event::Left { peer } => plain(Kind::Left, peer),
            _ => Self::plain(Kind::Other, IW_NOBODY),
        }
    }
}

// Whoever reads these without a C compiler counts bytes: on every machine the same ones.
const _: () = assert!(size_of::<IwConfig>() == 80 && size_of::<IwEvent>() == 64);

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn number(health: IwHealth) -> u32 {
    health as u32
}

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn field_number(field: IwField) -> u32 {
    field as u32
}

pub(crate) fn us(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn short_us(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Config, IwConfig};

    #[test]
    fn the_defaults_are_those_of_the_builder() {
        let defaults = Config::builder().build().ok().as_ref().map(IwConfig::of);
        assert_eq!(defaults, Some(IwConfig::DEFAULT));
    }
}
