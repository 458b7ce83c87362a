//! The command line.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::Range;
use std::time::Duration;

use inputwire::{Config, PeerConfig};
use lexopt::prelude::*;

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
  --record FILE           records the session, for `inputwire replay` of tools/ (no recording; --demo: a file for each player)

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

impl Options {
    /// `None`: the help is wanted.
    pub(crate) fn read(parser: &mut lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let (mut demo, mut short_tags, mut me, mut fps, mut seed, mut redundancy) = (false, false, 0, 60, 0, 3);
        let (mut peer_player, mut listen, mut peer, mut wire, mut loss_percent) = (None, None, None, None, None);
        let (mut time, mut session, mut key, mut relay, mut record) = (None, 0, None, None, None);
        let mut cut = Duration::ZERO..Duration::ZERO;
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("demo") => demo = true,
                Long("short-tags") => short_tags = true,
                Long("me") => me = parser.value()?.parse_with(number)?,
                Long("peer-player") => peer_player = Some(parser.value()?.parse_with(number)?),
                Long("listen") => listen = Some(parser.value()?.parse_with(|text| address(text, |_| true))?),
                // Looked up once it is known whether this is IPv4.
                Long("peer") => peer = Some(parser.value()?.string()?),
                Long("relay") => relay = Some(parser.value()?.string()?),
                Long("wire") => wire = Some(parser.value()?.string()?),
                Long("fps") => fps = parser.value()?.parse_with(frames_a_second)?,
                Long("loss") => loss_percent = Some(parser.value()?.parse_with(percent)?),
                Long("seed") => seed = parser.value()?.parse_with(number)?,
                Long("seconds") => time = Some(parser.value()?.parse_with(seconds)?),
                Long("session") => session = parser.value()?.parse_with(session_id)?,
                Long("key") => key = Some(parser.value()?.parse_with(read_key)?),
                Long("redundancy") => redundancy = parser.value()?.parse_with(number)?,
                Long("cut") => cut = parser.value()?.parse_with(range)?,
                Long("record") => record = Some(parser.value()?.string()?),
                other => return Err(other.unexpected()),
            }
        }
        let peer_player = peer_player.unwrap_or(u16::from(me != 1));
        let home = |player: u16| SocketAddr::from(([127, 0, 0, 1], PORT.saturating_add(player)));
        let listen: SocketAddr = listen.unwrap_or(home(me));
        let same = |text: String| address(&text, |found| found.is_ipv4() == listen.is_ipv4());
        let options = Self {
            demo,
            me,
            peer_player,
            listen,
            peer: peer.map_or(Ok(home(peer_player)), same)?,
            wire: match wire {
                Some(name) => one_wire(&name, demo)?,
                None if demo => None,
                None => Some(Wire::Compact),
            },
            fps,
            loss_percent: loss_percent.unwrap_or(if demo { 10.0 } else { 0.0 }),
            seed,
            time: time.or(demo.then_some(Duration::from_secs(5))),
            session,
            key,
            short_tags,
            redundancy,
            relay: relay.map(same).transpose()?,
            cut,
            record,
        };
        options.config()?;
        Ok(Some(options))
    }

    /// The settings of a session.
    /// The time between two frames, in whole microseconds: peers compare those.
    pub(crate) fn frame_interval(&self) -> Duration {
        Duration::from_micros(u64::from((1_000_000 + self.fps / 2) / self.fps))
    }

    pub(crate) fn config(&self) -> Result<Config, String> {
        if self.me == self.peer_player {
            return Err(format!("both players have the number {}: try another --me or --peer-player", self.me));
        }
        let builder = Config::builder()
            .session_id(self.session)
            .local_player(self.me)
            .incarnation(incarnation())
            .frame_interval(self.frame_interval())
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

fn frames_a_second(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|fps| (1..=1_000).contains(fps)).ok_or_else(|| "it is 1 to 1000".into())
}

fn address(text: &str, fits: impl Fn(&SocketAddr) -> bool) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("it is ADDRESS:PORT ({error})"))?;
    found.find(|address| fits(address)).ok_or_else(|| "no such address, or one is IPv4 and the other IPv6".into())
}

fn one_wire(name: &str, demo: bool) -> Result<Option<Wire>, String> {
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

fn range(text: &str) -> Result<Range<Duration>, String> {
    let (from, until) = text.split_once('-').ok_or("it is two numbers of seconds, as in 5-10")?;
    Ok(seconds(from)?..seconds(until)?)
}

fn session_id(text: &str) -> Result<u64, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| digits).ok_or_else(|| "it is 1 to 16 hexadecimal digits".into())
}

fn read_key(text: &str) -> Result<[u8; 16], String> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    key.map(u128::to_be_bytes).ok_or_else(|| "it is 32 hexadecimal digits".into())
}
