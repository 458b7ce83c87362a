//! The settings of a session and of a peer, validated when they are built.

use core::num::{NonZeroU8, NonZeroU64};
use core::time::Duration;

use crate::error::ConfigError;
use crate::ids::Frame;
use crate::num::{low_u32, u64_from};
use crate::time::saturating_micros_u32;
use crate::wire::compact::tag::Key;

/// The longest datagram of either wire, in bytes.
pub const MAX_DATAGRAM_SIZE: usize = 1024;
const MAX_DATAGRAM_SIZE_U16: u16 = 1024;

/// The greatest margin to steer to, in frames.
const MOST_MARGIN: u8 = 250;

const MILLISECOND: u32 = 1_000;
const SECOND: u32 = 1_000 * MILLISECOND;

/// The settings of a session. They are valid: they always come from a [`ConfigBuilder`].
///
/// ```
/// use inputwire::Config;
///
/// const CONFIG: Config = match Config::builder().session_id(0x1bad_cafe).local_player(0).build() {
///     Ok(config) => config,
///     Err(_) => panic!("refused at compile time"),
/// };
/// assert_eq!(CONFIG, Config::builder().session_id(0x1bad_cafe).build()?);
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    session_id: u64,
    key: Option<Key>,
    short_tags: bool,
    local_player: u16,
    incarnation: Option<NonZeroU64>,
    first_frame: Frame,
    frame_us: u32,
    ping_us: Option<u32>,
    interrupt_us: u32,
    disconnect_us: u32,
    warning_us: u32,
    critical_us: u32,
    redundancy: u8,
    early_copies: bool,
    mesh: bool,
    /// 0 for none.
    max_lead: u32,
    max_datagram_size: u16,
}

impl Config {
    /// Starts from the defaults: 60 frames a second, session id 0, player 0, no key, no incarnation.
    pub const fn builder() -> ConfigBuilder {
        ConfigBuilder {
            config: Self {
                session_id: 0,
                key: None,
                short_tags: false,
                local_player: 0,
                incarnation: None,
                first_frame: Frame::new(0),
                frame_us: 16_667,
                ping_us: None,
                interrupt_us: 500 * MILLISECOND,
                disconnect_us: 5 * SECOND,
                warning_us: 100 * MILLISECOND,
                critical_us: 200 * MILLISECOND,
                redundancy: 3,
                early_copies: false,
                mesh: true,
                max_lead: 0,
                max_datagram_size: MAX_DATAGRAM_SIZE_U16,
            },
            #[cfg(feature = "serde")]
            keyed: false,
        }
    }

    /// The session id.
    #[must_use]
    pub const fn session_id(&self) -> u64 {
        self.session_id
    }

    /// The player number of this endpoint.
    #[must_use]
    pub const fn local_player(&self) -> u16 {
        self.local_player
    }

    /// Whether there is a key. The key itself is never given back.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// Whether the tags of inputs and checksums are short, where there is a key.
    #[must_use]
    pub const fn short_tags(&self) -> bool {
        self.short_tags
    }

    /// The number of this run of the local endpoint, if it was set.
    #[must_use]
    pub const fn incarnation(&self) -> Option<u64> {
        match self.incarnation {
            Some(incarnation) => Some(incarnation.get()),
            None => None,
        }
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

    /// The one-way latency above which a peer's health is `Warning`.
    #[must_use]
    pub const fn warning_latency(&self) -> Duration {
        Duration::from_micros(self.warning_us())
    }

    /// The one-way latency above which a peer's health is `Critical`.
    #[must_use]
    pub const fn critical_latency(&self) -> Duration {
        Duration::from_micros(self.critical_us())
    }

    /// How many inputs each datagram of the classic wire carries at least, once there are as many.
    #[must_use]
    pub const fn redundancy(&self) -> u8 {
        self.redundancy
    }

    /// Whether an input is resent soon after its push.
    #[must_use]
    pub const fn early_copies(&self) -> bool {
        self.early_copies
    }

    /// Whether every endpoint is a peer of every other one.
    #[must_use]
    pub const fn mesh(&self) -> bool {
        self.mesh
    }

    /// How many frames pushes may be ahead of each peer's latest known input, if there is a limit.
    #[must_use]
    pub const fn max_lead(&self) -> Option<u32> {
        if self.max_lead == 0 { None } else { Some(self.max_lead) }
    }

    /// The longest datagram to send, in bytes.
    #[must_use]
    pub fn max_datagram_size(&self) -> usize {
        usize::from(self.max_datagram_size)
    }

    pub(crate) const fn key(&self) -> Option<Key> {
        self.key
    }

    pub(crate) const fn frame_us(&self) -> u64 {
        u64_from(self.frame_us)
    }

    /// The frame interval in 32 bits, for what small machines multiply and divide.
    pub(crate) const fn frame_us_u32(&self) -> u32 {
        self.frame_us
    }

    /// One and a half frame intervals: how long an acknowledgement waits for a datagram that is sent anyway.
    pub(crate) const fn ack_delay_us(&self) -> u64 {
        self.frame_us().saturating_add(self.frame_us() >> 1)
    }

    /// The ping interval, unless it is left to the wire.
    pub(crate) fn ping_us(&self) -> Option<u64> {
        self.ping_us.map(u64::from)
    }

    pub(crate) const fn interrupt_us(&self) -> u64 {
        u64_from(self.interrupt_us)
    }

    pub(crate) const fn disconnect_us(&self) -> u64 {
        u64_from(self.disconnect_us)
    }

    pub(crate) const fn warning_us(&self) -> u64 {
        u64_from(self.warning_us)
    }

    pub(crate) const fn critical_us(&self) -> u64 {
        u64_from(self.critical_us)
    }
}

/// Builds a [`Config`].
///
/// [How to choose](crate::guide::settings) is in the guide.
///
/// ```
/// use core::time::Duration;
/// use inputwire::{Config, Frame};
///
/// let config = Config::builder()
///     .session_id(0x1bad_cafe)
///     .local_player(1)
///     .incarnation(0x9e37_79b9_7f4a_7c15) // a real one is drawn at random
///     .key([7; 16])
///     .short_tags(true)
///     .first_frame(Frame::new(3))
///     .frame_interval(Duration::from_micros(33_333))
///     .early_copies(true)
///     .warning_latency(Duration::from_millis(60))
///     .critical_latency(Duration::from_millis(120))
///     .build()?;
/// assert!(config.is_keyed() && config.first_frame() == Frame::new(3));
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct ConfigBuilder {
    pub(crate) config: Config,
    /// Whether the settings come from data that says that there is a key, and never has it.
    #[cfg(feature = "serde")]
    pub(crate) keyed: bool,
}

impl ConfigBuilder {
    /// The session id, the same at every endpoint; random for each game, so that no two are mistaken for each other
    /// (default 0).
    pub const fn session_id(mut self, id: u64) -> Self {
        self.config.session_id = id;
        self
    }

    /// The player number of this endpoint, different at each (default 0).
    pub const fn local_player(mut self, number: u16) -> Self {
        self.config.local_player = number;
        self
    }

    /// A secret that all endpoints share: datagrams of the compact wire are then authenticated (default none).
    pub const fn key(mut self, key: [u8; 16]) -> Self {
        self.config.key = Some(Key(key));
        self
    }

    /// Whether inputs and checksums carry only four of the eight bytes of their tags, where there is a key: four bytes less
    /// a datagram. The same at every endpoint (default false).
    pub const fn short_tags(mut self, on: bool) -> Self {
        self.config.short_tags = on;
        self
    }

    /// The number of this run: 64 random bits, drawn anew at each start and never used twice. A peer on the compact wire
    /// tells by it that this endpoint was started anew (no default; the classic wire needs none).
    ///
    /// [Where to draw it](crate::guide::epochs) is in the guide.
    pub const fn incarnation(mut self, number: u64) -> Self {
        // A zero stays for `build` to refuse.
        self.config.incarnation = match NonZeroU64::new(number) {
            None => Some(NonZeroU64::MIN),
            some => some,
        };
        self
    }

    /// The frame that the first push of each epoch gets, the same at every endpoint: the input delay of a game whose first
    /// frames are implicit zeros (default 0).
    pub const fn first_frame(mut self, frame: Frame) -> Self {
        self.config.first_frame = frame;
        self
    }

    /// The time between two frames, 1 ms to 10 s (default 16,667 us).
    pub const fn frame_interval(mut self, interval: Duration) -> Self {
        self.config.frame_us = saturating_micros_u32(interval);
        self
    }

    /// The time between two pings, 20 ms to 10 s (default 500 ms on the classic wire, 200 ms on the compact one).
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.config.ping_us = Some(saturating_micros_u32(interval));
        self
    }

    /// The silence after which a peer is [`Interrupted`](crate::Health::Interrupted), but never before 2.5 ping intervals, of
    /// both endpoints the longer one (default 500 ms).
    pub const fn interrupt_after(mut self, silence: Duration) -> Self {
        self.config.interrupt_us = saturating_micros_u32(silence);
        self
    }

    /// The silence after which a peer is [`Disconnected`](crate::Health::Disconnected) (default 5 s).
    pub const fn disconnect_after(mut self, silence: Duration) -> Self {
        self.config.disconnect_us = saturating_micros_u32(silence);
        self
    }

    /// The one-way latency above which a peer's health is [`Warning`](crate::Health::Warning) (default 100 ms).
    pub const fn warning_latency(mut self, latency: Duration) -> Self {
        self.config.warning_us = saturating_micros_u32(latency);
        self
    }

    /// The one-way latency above which a peer's health is [`Critical`](crate::Health::Critical) (default 200 ms).
    pub const fn critical_latency(mut self, latency: Duration) -> Self {
        self.config.critical_us = saturating_micros_u32(latency);
        self
    }

    /// How many inputs each datagram of the classic wire carries, 1 to 15 (default 3). It carries more where more have never
    /// been sent.
    pub const fn redundancy(mut self, inputs: u8) -> Self {
        self.config.redundancy = inputs;
        self
    }

    /// Whether an input is resent 8, 24 and 56 ms after its push, for games of 30 frames a second and fewer, on the compact
    /// wire (default false).
    pub const fn early_copies(mut self, on: bool) -> Self {
        self.config.early_copies = on;
        self
    }

    /// Whether every endpoint is a peer of every other one, so that the survivors of a player agree on its last input. Off for a
    /// server and its clients: a peer that is disconnected has departed at once there. The same at every endpoint (default true).
    pub const fn mesh(mut self, on: bool) -> Self {
        self.config.mesh = on;
        self
    }

    /// How many frames pushes may be ahead of each peer's latest known input: the next one fails with
    /// [`TooFarAhead`](crate::PushError::TooFarAhead). The window alone does not stop a game whose peer acknowledges and pushes
    /// nothing, such as a throttled tab. 0 is no limit, for peers that only listen (default 0).
    pub const fn max_lead(mut self, frames: u32) -> Self {
        self.config.max_lead = frames;
        self
    }

    /// The longest datagram to send on the compact wire, 56 to 1,024 bytes (default 1,024): 56 hold a hello. One with a
    /// single input may be longer.
    pub const fn max_datagram_size(mut self, bytes: usize) -> Self {
        self.config.max_datagram_size = if bytes > MAX_DATAGRAM_SIZE {
            u16::MAX // stays too long for `build`
        } else {
            let [a, b, ..] = bytes.to_le_bytes();
            u16::from_le_bytes([a, b])
        };
        self
    }

    /// Validates every field.
    ///
    /// # Errors
    ///
    /// Names the first field that is zero, absurd or contradicts another.
    pub const fn build(self) -> Result<Config, ConfigError> {
        let config = self.config;
        #[cfg(feature = "serde")]
        if self.keyed && config.key.is_none() {
            return Err(ConfigError::Key);
        }
        let ping_us = match config.ping_us {
            Some(ping_us) => ping_us,
            None => 500 * MILLISECOND,
        };
        let least_disconnect = low_u32(five_halves(u64_from(ping_us)).saturating_add(1));
        if !within(config.frame_us, MILLISECOND, 10 * SECOND) {
            Err(ConfigError::FrameInterval)
        } else if !within(ping_us, 20 * MILLISECOND, 10 * SECOND) {
            Err(ConfigError::PingInterval)
        } else if !within(config.disconnect_us, least_disconnect, 3_600 * SECOND) {
            Err(ConfigError::DisconnectAfter)
        } else if !within(config.interrupt_us, 1, config.disconnect_us.saturating_sub(1)) {
            Err(ConfigError::InterruptAfter)
        } else if !within(config.critical_us, 2, 60 * SECOND)
            || !within(config.warning_us, 1, config.critical_us.saturating_sub(1))
        {
            Err(ConfigError::Latency)
        } else if config.redundancy < 1 || config.redundancy > 15 {
            Err(ConfigError::Redundancy)
        } else if config.max_datagram_size < 56 || config.max_datagram_size > MAX_DATAGRAM_SIZE_U16 {
            Err(ConfigError::MaxDatagramSize)
        } else if is_small(config.incarnation) {
            Err(ConfigError::Incarnation)
        } else {
            Ok(config)
        }
    }
}

const fn within(value: u32, low: u32, high: u32) -> bool {
    low <= value && value <= high
}

/// Whether a number of 64 bits is a constant, a counter or a time in seconds, and was not drawn.
const fn is_small(incarnation: Option<NonZeroU64>) -> bool {
    match incarnation {
        Some(number) => number.get() < 1 << 32,
        None => false,
    }
}

/// Two and a half intervals: one ping may be lost, and the next one late by half an interval.
pub(crate) const fn five_halves(interval: u64) -> u64 {
    interval.saturating_mul(5) >> 1
}

/// Which wire a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Wire {
    Compact,
    Classic,
}

/// The settings of a peer.
///
/// ```
/// use inputwire::PeerConfig;
///
/// let peer = PeerConfig::<4>::compact(1).incarnation(0x9e37_79b9_7f4a_7c15); // from signalling
/// assert!(!peer.is_classic() && peer.known_incarnation() == Some(0x9e37_79b9_7f4a_7c15));
/// assert!(PeerConfig::<1>::classic(1).is_classic());
/// ```
///
/// ```compile_fail
/// // The classic wire carries inputs of one byte.
/// inputwire::PeerConfig::<4>::classic(1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct PeerConfig<const INPUT_LEN: usize>(pub(crate) PeerSettings);

/// The same for inputs of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct PeerSettings {
    pub(crate) wire: Wire,
    pub(crate) player: u16,
    pub(crate) incarnation: Option<NonZeroU64>,
    /// A key of this pair, instead of the session's.
    pub(crate) key: Option<Key>,
    /// The frame from which it takes part, if the epoch is under way.
    pub(crate) from: Option<Frame>,
    /// One more than the margin to steer to, in frames.
    pub(crate) target_margin: Option<NonZeroU8>,
}

impl PeerSettings {
    const fn new(wire: Wire, player: u16) -> Self {
        Self { wire, player, incarnation: None, key: None, from: None, target_margin: None }
    }
}

impl<const INPUT_LEN: usize> PeerConfig<INPUT_LEN> {
    /// A peer with this player number, on the compact wire.
    pub const fn compact(player: u16) -> Self {
        Self(PeerSettings::new(Wire::Compact, player))
    }

    /// The peer's incarnation, where signalling carried it: inputs then flow without waiting for its first hello. 0 is none.
    pub const fn incarnation(mut self, number: u64) -> Self {
        self.0.incarnation = NonZeroU64::new(number);
        self
    }

    /// A secret of this pair alone, instead of the session's: for games whose players do not trust each other. It comes from
    /// signalling or a key exchange, and does not follow from anything that a third player knows.
    pub const fn key(mut self, key: [u8; 16]) -> Self {
        self.0.key = Some(Key(key));
        self
    }

    /// The frame from which a peer on the compact wire takes part in an epoch that is under way: a player that joins late or comes
    /// back. It is the same at every endpoint, and at least 2 above every frame that any of them has pushed, or that the player itself
    /// had before; whoever joins adds every peer from it before its first push, which gets this frame.
    ///
    /// [How to agree on it](crate::guide::leaving) is in the guide.
    pub const fn from(mut self, frame: Frame) -> Self {
        self.0.from = Some(frame);
        self
    }

    /// The frame from which the peer takes part, if it joins late.
    #[must_use]
    pub const fn join_frame(&self) -> Option<Frame> {
        self.0.from
    }

    /// How many frames before it needs them a peer that waits for nobody is to have the local inputs, 0 to 250: the
    /// [`pace`](crate::PeerRef::pace) of this peer then keeps its [margin](crate::PeerRef::margin_millis), instead of keeping up with
    /// its game. For the clients of a server, on the compact wire; more count as 250.
    ///
    /// [Which one to choose](crate::guide::servers) is in the guide.
    pub const fn target_margin(mut self, frames: u8) -> Self {
        let frames = if frames > MOST_MARGIN { MOST_MARGIN } else { frames };
        self.0.target_margin = Some(NonZeroU8::MIN.saturating_add(frames));
        self
    }

    /// The margin that the pace keeps, in frames, if there is one.
    #[must_use]
    pub const fn kept_margin(&self) -> Option<u8> {
        match self.0.target_margin {
            Some(above) => Some(above.get().saturating_sub(1)),
            None => None,
        }
    }

    /// The peer's player number.
    #[must_use]
    pub const fn player(&self) -> u16 {
        self.0.player
    }

    /// Whether the pair has a key of its own. The key itself is never given back.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.0.key.is_some()
    }

    /// Whether it speaks the classic wire.
    #[must_use]
    pub const fn is_classic(&self) -> bool {
        matches!(self.0.wire, Wire::Classic)
    }

    /// The peer's incarnation, where signalling carried it.
    #[must_use]
    pub const fn known_incarnation(&self) -> Option<u64> {
        match self.0.incarnation {
            Some(incarnation) => Some(incarnation.get()),
            None => None,
        }
    }
}

impl PeerConfig<1> {
    /// A peer with this player number, on the classic wire.
    pub const fn classic(player: u16) -> Self {
        Self(PeerSettings::new(Wire::Classic, player))
    }
}
