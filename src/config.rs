//! What a session and a peer are told once, checked when it is built.

use core::fmt;
use core::time::Duration;

use crate::error::ConfigError;
use crate::frame::Frame;
use crate::time::{short_micros, widen};

mod view;

/// The longest datagram of either wire, in bytes.
pub const DATAGRAM_MAX: usize = 1024;
const DATAGRAM_MAX_U16: u16 = 1024;

const MILLISECOND: u32 = 1_000;
const SECOND: u32 = 1_000 * MILLISECOND;

/// The settings of a session. Valid by construction: [`Config::builder`] is the only way to one.
///
/// ```
/// use inputwire::Config;
///
/// const CONFIG: Config = match Config::builder().session(0x1bad_cafe).player(0).build() {
///     Ok(config) => config,
///     Err(_) => panic!("refused when compiled"),
/// };
/// assert_eq!(CONFIG, Config::builder().session(0x1bad_cafe).build()?);
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) session: u64,
    pub(crate) key: Option<Key>,
    pub(crate) player: u16,
    pub(crate) incarnation: u32,
    pub(crate) first_frame: Frame,
    frame_us: u32,
    ping_us: Option<u32>,
    interrupt_us: u32,
    disconnect_us: u32,
    warning_us: u32,
    critical_us: u32,
    pub(crate) redundancy: u8,
    pub(crate) early_copies: bool,
    datagram_max: u16,
}

impl Config {
    /// Starts from the defaults: 60 frames a second, session 0, player 0, no key.
    pub const fn builder() -> ConfigBuilder {
        ConfigBuilder {
            config: Self {
                session: 0,
                key: None,
                player: 0,
                incarnation: 1,
                first_frame: Frame::new(0),
                frame_us: 16_667,
                ping_us: None,
                interrupt_us: 500 * MILLISECOND,
                disconnect_us: 5 * SECOND,
                warning_us: 100 * MILLISECOND,
                critical_us: 200 * MILLISECOND,
                redundancy: 3,
                early_copies: false,
                datagram_max: DATAGRAM_MAX_U16,
            },
        }
    }

    /// Our player number.
    #[must_use]
    pub const fn player(&self) -> u16 {
        self.player
    }

    pub(crate) const fn frame_us(&self) -> u64 {
        widen(self.frame_us)
    }

    /// One and a half frame intervals: how long an echo waits for a datagram that goes out anyway.
    pub(crate) const fn patience_us(&self) -> u64 {
        self.frame_us().saturating_add(self.frame_us() >> 1)
    }

    /// The ping interval, unless it is left to the wire.
    pub(crate) fn ping_us(&self) -> Option<u64> {
        self.ping_us.map(u64::from)
    }

    pub(crate) const fn interrupt_us(&self) -> u64 {
        widen(self.interrupt_us)
    }

    pub(crate) const fn disconnect_us(&self) -> u64 {
        widen(self.disconnect_us)
    }

    pub(crate) const fn warning_us(&self) -> u64 {
        widen(self.warning_us)
    }

    pub(crate) const fn critical_us(&self) -> u64 {
        widen(self.critical_us)
    }
}

/// Sets up a [`Config`].
///
/// [How to choose](crate::guide::integration#choosing) is in the guide.
///
/// ```
/// use core::time::Duration;
/// use inputwire::{Config, Frame};
///
/// let config = Config::builder()
///     .session(0x1bad_cafe)
///     .player(1)
///     .key([7; 16])
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
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

impl ConfigBuilder {
    /// The session id, the same at every end; random for each game, so that no two can be confused (default 0).
    pub const fn session(mut self, id: u64) -> Self {
        self.config.session = id;
        self
    }

    /// Our player number, different at every end (default 0).
    pub const fn player(mut self, number: u16) -> Self {
        self.config.player = number;
        self
    }

    /// A secret that all ends share: datagrams of the compact wire are then authenticated (default none).
    pub const fn key(mut self, key: [u8; 16]) -> Self {
        self.config.key = Some(Key(key));
        self
    }

    /// A number that grows each time our end starts anew within one session id; a start time will do (default 1).
    pub const fn incarnation(mut self, number: u32) -> Self {
        self.config.incarnation = number;
        self
    }

    /// The frame that the first push of each epoch gets, the same at every end: the input delay of a game whose first
    /// frames are implicit zeros (default 0).
    pub const fn first_frame(mut self, frame: Frame) -> Self {
        self.config.first_frame = frame;
        self
    }

    /// The time between two frames, 1 ms to 10 s (default 16,667 us).
    pub const fn frame_interval(mut self, interval: Duration) -> Self {
        self.config.frame_us = short_micros(interval);
        self
    }

    /// The time between two pings, 20 ms to 10 s (default 500 ms on the classic wire, 200 ms on the compact one).
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.config.ping_us = Some(short_micros(interval));
        self
    }

    /// The silence after which a peer is [`Interrupted`](crate::Health::Interrupted), but never before 2.5 ping
    /// intervals (default 500 ms).
    pub const fn interrupt_after(mut self, silence: Duration) -> Self {
        self.config.interrupt_us = short_micros(silence);
        self
    }

    /// The silence after which a peer is [`Disconnected`](crate::Health::Disconnected) (default 5 s).
    pub const fn disconnect_after(mut self, silence: Duration) -> Self {
        self.config.disconnect_us = short_micros(silence);
        self
    }

    /// The one-way latency above which a peer is [`Warning`](crate::Health::Warning) (default 100 ms).
    pub const fn warning_latency(mut self, latency: Duration) -> Self {
        self.config.warning_us = short_micros(latency);
        self
    }

    /// The one-way latency above which a peer is [`Critical`](crate::Health::Critical) (default 200 ms).
    pub const fn critical_latency(mut self, latency: Duration) -> Self {
        self.config.critical_us = short_micros(latency);
        self
    }

    /// How many inputs each datagram of the classic wire carries, 1 to 15 (default 3).
    pub const fn redundancy(mut self, inputs: u8) -> Self {
        self.config.redundancy = inputs;
        self
    }

    /// Whether an input is repeated 8, 24 and 56 ms after its push, for games of 30 frames a second and fewer, on the
    /// compact wire (default false).
    pub const fn early_copies(mut self, on: bool) -> Self {
        self.config.early_copies = on;
        self
    }

    /// The longest datagram to send on the compact wire, 64 to 1,024 bytes (default 1,024). One that carries a single
    /// input may be longer.
    pub const fn datagram_max(mut self, bytes: usize) -> Self {
        let [low, high, ..] = bytes.to_le_bytes();
        // What does not fit is far too long, and must stay so.
        self.config.datagram_max = if bytes > DATAGRAM_MAX { u16::MAX } else { u16::from_le_bytes([low, high]) };
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// Names the first field that is zero, absurd or contradicts another.
    pub const fn build(self) -> Result<Config, ConfigError> {
        let config = self.config;
        let ping_us = match config.ping_us {
            Some(ping_us) => ping_us,
            None => 500 * MILLISECOND,
        };
        let [a, b, c, d, ..] = five_halves(widen(ping_us)).saturating_add(1).to_le_bytes();
        let least_disconnect = u32::from_le_bytes([a, b, c, d]);
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
        } else if config.datagram_max < 64 || config.datagram_max > DATAGRAM_MAX_U16 {
            Err(ConfigError::DatagramMax)
        } else {
            Ok(config)
        }
    }
}

const fn within(value: u32, low: u32, high: u32) -> bool {
    low <= value && value <= high
}

/// Two and a half times a span: a ping may be lost, and the next be half an interval late.
pub(crate) const fn five_halves(span: u64) -> u64 {
    span.saturating_mul(5) >> 1
}

/// A secret that does not show itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// Which wire a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Compact,
    Classic,
}

/// What a session is told of a peer.
///
/// ```
/// use inputwire::PeerConfig;
///
/// let peer = PeerConfig::<4>::compact(1).incarnation(1_790_000_000);
/// assert!(!peer.is_classic() && peer.known_incarnation() == Some(1_790_000_000));
/// assert!(PeerConfig::<1>::classic(1).is_classic());
/// ```
///
/// ```compile_fail
/// // The classic wire carries inputs of one byte.
/// inputwire::PeerConfig::<4>::classic(1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct PeerConfig<const INPUT: usize>(pub(crate) Peering);

/// The same for inputs of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peering {
    pub(crate) wire: Wire,
    pub(crate) player: u16,
    pub(crate) incarnation: Option<u32>,
}

impl<const INPUT: usize> PeerConfig<INPUT> {
    /// A peer with this player number, on the compact wire.
    pub const fn compact(player: u16) -> Self {
        Self(Peering { wire: Wire::Compact, player, incarnation: None })
    }

    /// The peer's incarnation, where signalling carried it: inputs then flow without waiting for its first hello.
    pub const fn incarnation(mut self, number: u32) -> Self {
        self.0.incarnation = Some(number);
        self
    }
}

impl PeerConfig<1> {
    /// A peer with this player number, on the classic wire.
    pub const fn classic(player: u16) -> Self {
        Self(Peering { wire: Wire::Classic, player, incarnation: None })
    }
}
