//! The command line.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::Range;
use std::time::Duration;

use inputwire::{Config, PeerConfig};

use crate::game::INPUT_LEN;

pub(crate) const USAGE: &str = "\
A player over UDP. In two terminals:

  cargo run --release --example udp
  cargo run --release --example udp -- --me 1

on two machines:

  cargo run --release --example udp -- --listen 0.0.0.0:7000 --peer OTHER-MACHINE:7000
  cargo run --release --example udp -- --listen 0.0.0.0:7000 --peer OTHER-MACHINE:7000 --me 1

or both players on this machine for a few seconds, with a check of the results:

  cargo run --release --example udp -- --demo

options (defaults):
  --me N                  local player number (0)
  --peer-player N         the peer's (1, or 0 if the local one is 1)
  --listen ADDRESS:PORT   local address (127.0.0.1, port 7000 + local player number)
  --peer ADDRESS:PORT     the peer's address (127.0.0.1, port 7000 + its player number)
  --wire compact|classic  the wire, the same for both players (compact; --demo: both, unless given)
  --fps N                 frames a second, the same for both players (60)
  --loss PERCENT          drops that share of the datagrams sent (0; --demo: 10)
  --seed N                decides which datagrams are dropped (0)
  --seconds N             how long to wait for the peer, and then to play (until Enter; --demo: 5)
  --session HEX           session id, up to 16 digits, the same for both players (0)
  --key HEX32             shared secret of 32 digits (none)
  --short-tags            half of the tag in inputs, with a key; the same for both players
  --redundancy N          inputs in each datagram of the classic wire (3)
  --relay ADDRESS:PORT    where `--example relay` listens, used while the direct route is bad (none)
  --cut FROM-UNTIL        drops everything sent on the direct route between these seconds after the start (never)
  --record FILE           records the session, for `--example replay` (no recording; --demo: a file for each player)

kbit/s count datagrams without their 28 bytes of UDP and IPv4 headers.

It ends after its seconds; without --seconds, at Enter or the end of its input. Then it sends a goodbye and prints a
summary. Ctrl-C ends it at once and without a summary, because the standard library cannot catch it.

Restart one player while the other plays: on the compact wire both continue in a new epoch. The classic wire does not notice a restart.

exit status: 0 if there was a peer and every check passed, 1 if not, 2 if an option is wrong.";

/// The default port of player 0.
const PORT: u16 = 7_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Compact,
    Classic,
}

impl Wire {
    pub(crate) const BOTH: [Self; 2] = [Self::Compact, Self::Classic];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Classic => "classic",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) demo: bool,
    pub(crate) me: u16,
    pub(crate) peer_player: u16,
    pub(crate) listen: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// `None`: both, which only the demo can play.
    pub(crate) wire: Option<Wire>,
    pub(crate) fps: u32,
    pub(crate) loss_percent: f64,
    pub(crate) seed: u64,
    pub(crate) time: Option<Duration>,
    pub(crate) session: u64,
    pub(crate) key: Option<[u8; 16]>,
    pub(crate) short_tags: bool,
    pub(crate) redundancy: u8,
    pub(crate) relay: Option<SocketAddr>,
    pub(crate) cut: Range<Duration>,
    pub(crate) record: Option<String>,
}

/// The options on the command line that are not read yet.
#[derive(Default)]
struct Given<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl Given<'_> {
    /// The value of an option, or `default` if it is not given.
    fn take<V>(&mut self, name: &str, default: V, read: impl Fn(&str) -> Result<V, String>) -> Result<V, String> {
        let Some(index) = self.pairs.iter().rposition(|(given, _)| *given == name) else {
            return Ok(default);
        };
        let (_, value) = self.pairs.remove(index);
        read(value).map_err(|wanted| format!("{name} {value}: {wanted}"))
    }
}

impl Options {
    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let has = |name| arguments.iter().any(|argument| argument == name);
        let (demo, short_tags) = (has("--demo"), has("--short-tags"));
        let mut given = Given::default();
        let mut words = arguments.iter().map(String::as_str).filter(|word| !["--demo", "--short-tags"].contains(word));
        while let Some(name) = words.next() {
            let value = words.next().filter(|value| !value.starts_with("--"));
            given.pairs.push((name, value.ok_or_else(|| format!("{name}: no such option, or its value is missing"))?));
        }

        let me = given.take("--me", 0, number)?;
        let peer_player = given.take("--peer-player", u16::from(me != 1), number)?;
        let home = |player: u16| SocketAddr::from(([127, 0, 0, 1], PORT.saturating_add(player)));
        let listen = given.take("--listen", home(me), |text| address(text, |_| true))?;
        let options = Self {
            demo,
            me,
            peer_player,
            listen,
            peer: given
                .take("--peer", home(peer_player), |text| address(text, |found| found.is_ipv4() == listen.is_ipv4()))?,
            wire: given.take("--wire", if demo { None } else { Some(Wire::Compact) }, |name| wire(name, demo))?,
            fps: given.take("--fps", 60, fps)?,
            loss_percent: given.take("--loss", if demo { 10.0 } else { 0.0 }, percent)?,
            seed: given.take("--seed", 0, number)?,
            time: given.take("--seconds", demo.then_some(Duration::from_secs(5)), |text| seconds(text).map(Some))?,
            session: given.take("--session", 0, session_id)?,
            key: given.take("--key", None, |text| key(text).map(Some))?,
            short_tags,
            redundancy: given.take("--redundancy", 3, number)?,
            relay: given
                .take("--relay", None, |text| address(text, |found| found.is_ipv4() == listen.is_ipv4()).map(Some))?,
            cut: given.take("--cut", Duration::ZERO..Duration::ZERO, cut)?,
            record: given.take("--record", None, |file| Ok(Some(file.to_owned())))?,
        };
        if let Some((name, _)) = given.pairs.first() {
            return Err(format!("{name}: no such option, or given twice"));
        }
        options.config().map(|_| options)
    }

    /// The settings of a session.
    pub(crate) fn config(&self) -> Result<Config, String> {
        if self.me == self.peer_player {
            return Err(format!("both players have the number {}: try another --me or --peer-player", self.me));
        }
        let builder = Config::builder()
            .session_id(self.session)
            .local_player(self.me)
            .incarnation(incarnation())
            .frame_interval(Duration::from_secs(1) / self.fps)
            .redundancy(self.redundancy)
            .short_tags(self.short_tags);
        let builder = match self.key {
            Some(key) => builder.key(key),
            None => builder,
        };
        builder.build().map_err(|error| error.to_string())
    }

    /// The settings of the peer.
    pub(crate) fn peer_config(&self) -> PeerConfig<INPUT_LEN> {
        match self.wire {
            Some(Wire::Classic) => PeerConfig::<1>::classic(self.peer_player),
            Some(Wire::Compact) | None => PeerConfig::compact(self.peer_player),
        }
    }
}

/// Draws a number for this start. Those below 2^32 are refused, since a constant or a time would be one of them.
fn incarnation() -> u64 {
    RandomState::new().build_hasher().finish() | 1 << 63
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "it is a whole number, not negative and not too large".into())
}

fn fps(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|fps| (1..=1_000).contains(fps)).ok_or_else(|| "it is 1 to 1000".into())
}

fn address(text: &str, fits: impl Fn(&SocketAddr) -> bool) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("it is ADDRESS:PORT ({error})"))?;
    found.find(|address| fits(address)).ok_or_else(|| "no such address, or one is IPv4 and the other IPv6".into())
}

fn wire(name: &str, demo: bool) -> Result<Option<Wire>, String> {
    match Wire::BOTH.into_iter().find(|wire| wire.name() == name) {
        None if demo && name == "both" => Ok(None),
        None => Err("it is compact or classic; with --demo, also both".into()),
        found => Ok(found),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "it is 0 to 100".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| time.as_secs() < 1 << 32).ok_or_else(|| "it is a number of seconds".into())
}

fn cut(text: &str) -> Result<Range<Duration>, String> {
    let (from, until) = text.split_once('-').ok_or("it is two numbers of seconds, as in 5-10")?;
    Ok(seconds(from)?..seconds(until)?)
}

fn session_id(text: &str) -> Result<u64, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| digits).ok_or_else(|| "it is 1 to 16 hexadecimal digits".into())
}

fn key(text: &str) -> Result<[u8; 16], String> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    key.map(u128::to_be_bytes).ok_or_else(|| "it is 32 hexadecimal digits".into())
}
