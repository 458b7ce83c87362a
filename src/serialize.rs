//! The serde formats that cannot be derived: those of settings, moments and counts of refusals.

use core::fmt;
use core::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::config::{Config, ConfigBuilder};
use crate::error::DatagramError;
use crate::ids::Frame;
use crate::num::count;
use crate::stats::Refused;
use crate::time::Instant;

/// Settings as a file has them: times in microseconds, whatever is left out at its default, and nothing unknown, so that a
/// misspelt setting is an error. There is no key, which is a secret, and no incarnation, which belongs to a single run.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Config", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of the builder")]
struct Settings {
    session_id: u64,
    local_player: u16,
    /// Whether a key belongs to these settings: without it they are not built.
    keyed: bool,
    short_tags: bool,
    first_frame: Frame,
    frame_interval_us: u64,
    ping_interval_us: Option<u64>,
    interrupt_after_us: u64,
    disconnect_after_us: u64,
    warning_latency_us: u64,
    critical_latency_us: u64,
    redundancy: u8,
    early_copies: bool,
    mesh: bool,
    max_lead: Option<u32>,
    max_datagram_size: usize,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            session_id: config.session_id(),
            local_player: config.local_player(),
            keyed: config.is_keyed(),
            short_tags: config.short_tags(),
            first_frame: config.first_frame(),
            frame_interval_us: config.frame_us(),
            ping_interval_us: config.ping_us(),
            interrupt_after_us: config.interrupt_us(),
            disconnect_after_us: config.disconnect_us(),
            warning_latency_us: config.warning_us(),
            critical_latency_us: config.critical_us(),
            redundancy: config.redundancy(),
            early_copies: config.early_copies(),
            mesh: config.mesh(),
            max_lead: config.max_lead(),
            max_datagram_size: config.max_datagram_size(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from(&Config::builder().config)
    }
}

impl From<Settings> for ConfigBuilder {
    fn from(settings: Settings) -> Self {
        let mut builder = Config::builder()
            .session_id(settings.session_id)
            .local_player(settings.local_player)
            .short_tags(settings.short_tags)
            .first_frame(settings.first_frame)
            .frame_interval(Duration::from_micros(settings.frame_interval_us))
            .interrupt_after(Duration::from_micros(settings.interrupt_after_us))
            .disconnect_after(Duration::from_micros(settings.disconnect_after_us))
            .warning_latency(Duration::from_micros(settings.warning_latency_us))
            .critical_latency(Duration::from_micros(settings.critical_latency_us))
            .redundancy(settings.redundancy)
            .early_copies(settings.early_copies)
            .mesh(settings.mesh)
            .max_lead(settings.max_lead.unwrap_or(0))
            .max_datagram_size(settings.max_datagram_size);
        if let Some(micros) = settings.ping_interval_us {
            builder = builder.ping_interval(Duration::from_micros(micros));
        }
        builder.keyed = settings.keyed;
        builder
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Settings::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ConfigBuilder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Settings::deserialize(deserializer).map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConfigBuilder::deserialize(deserializer)?.build().map_err(Error::custom)
    }
}

/// Microseconds since the origin.
impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_micros())
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_micros)
    }
}

/// A map from each reason that occurred to its count: the order of the reasons may change from version to version.
impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let occurred = || self.iter().filter(|(_, count)| *count > 0);
        let mut map = serializer.serialize_map(Some(count(occurred())))?;
        for (reason, count) in occurred() {
            map.serialize_entry(&reason, &count)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reasons)
    }
}

struct Reasons;

impl<'de> Visitor<'de> for Reasons {
    type Value = Refused;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from reasons to counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Refused, A::Error> {
        let mut refused = Refused::default();
        while let Some((reason, count)) = map.next_entry::<DatagramError, u32>()? {
            refused.set(reason, count);
        }
        Ok(refused)
    }
}
