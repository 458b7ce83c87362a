//! The line peer: one endpoint with one peer or several, driven by lines of text, to test implementations in any language against this
//! one. PROTOCOL 5 specifies the lines.

use std::fmt::{Debug, Write as _};
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

use inputwire::{
    Config, DatagramError, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef,
    Session,
};

const USAGE: &str = "\
One endpoint with one peer or several, driven by lines of text on standard input (docs/PROTOCOL.md, section 5).

usage: cargo run --release --example lines -- [OPTIONS]

  --wire compact|classic     the wire (compact)
  --input-size N             bytes of an input: 1, 2, 4, 8, 16 or 32 (1; classic has 1 only)
  --window 120|30            frames of each player that are kept (120)
  --session HEX16            session id (0)
  --epoch N                  the first epoch (0)
  --me N, --peer N           player numbers, local and of the peer (0, 1)
  --peers N,N,..             several peers instead of one, at most 7; compact only. Lines about one name its player
  --key HEX32                key (none)
  --short-tags               half of the tag in inputs and checksums, with a key
  --redundancy N             inputs in each datagram, classic (3)
  --frame-us N               frame interval (16667)
  --ping-us N                ping interval (500000 classic, 200000 compact)
  --incarnation N            the local incarnation: a random number of 64 bits; compact needs one
  --peer-incarnation N       the peer's (unknown until its hello)
  --first-frame N            the frame that the first push gets (0)
  --input-delay N            input delay in frames, at most 255 (0)
  --target-margin N          margin that the pace keeps, in frames, at most 250; compact (none)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = Options::read(&arguments).and_then(|options| match options.window {
        30 => with_window::<30>(&options),
        _ => with_window::<120>(&options),
    });
    match outcome {
        Ok(status) => status,
        Err(message) => {
            eprintln!("lines: {message}\n(--help lists the options)");
            ExitCode::from(2)
        }
    }
}

/// Runs the line peer with inputs of the size in the options.
fn with_window<const WINDOW: usize>(options: &Options) -> Result<ExitCode, String> {
    match (options.classic, options.input_size) {
        (true, 1) => run::<1, WINDOW>(options, PeerConfig::classic),
        (true, _) => Err("the classic wire has inputs of one byte: leave --input-size out".into()),
        (false, 1) => run::<1, WINDOW>(options, PeerConfig::compact),
        (false, 2) => run::<2, WINDOW>(options, PeerConfig::compact),
        (false, 4) => run::<4, WINDOW>(options, PeerConfig::compact),
        (false, 8) => run::<8, WINDOW>(options, PeerConfig::compact),
        (false, 16) => run::<16, WINDOW>(options, PeerConfig::compact),
        (false, 32) => run::<32, WINDOW>(options, PeerConfig::compact),
        (false, size) => Err(format!("--input-size {size}: it is 1, 2, 4, 8, 16 or 32")),
    }
}

/// Runs the line peer to the end of its input. `Err` means bad options; the exit code covers the streams.
fn run<const INPUT_LEN: usize, const WINDOW: usize>(
    options: &Options,
    wire: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> Result<ExitCode, String> {
    let mut line_peer = LinePeer::<INPUT_LEN, WINDOW>::new(options, wire)?;
    match line_peer.respond(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // The reader has closed its end of the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("lines: {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// How many peers `--peers` names at most.
const MAX_PEERS: usize = 7;

struct LinePeer<const INPUT_LEN: usize, const WINDOW: usize> {
    session: Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    wire: fn(u16) -> PeerConfig<INPUT_LEN>,
    peer_incarnation: Option<u64>,
    target_margin: Option<u8>,
    /// Players that are added by the first command that does not say from which frame.
    waiting: Vec<u16>,
    /// Whether lines name the player that they are about.
    several: bool,
    muted: bool,
}

impl<const INPUT_LEN: usize, const WINDOW: usize> LinePeer<INPUT_LEN, WINDOW> {
    fn new(options: &Options, wire: fn(u16) -> PeerConfig<INPUT_LEN>) -> Result<Self, String> {
        let mut session = Session::new(options.config()?);
        session.set_input_delay(options.input_delay.into());
        if options.epoch > 0 {
            let begun = session.begin_epoch(Instant::ORIGIN, Epoch::new(options.epoch));
            begun.map_err(|error| error.to_string())?;
        }
        let line_peer = Self {
            session,
            wire,
            peer_incarnation: options.peer_incarnation,
            target_margin: options.target_margin,
            waiting: options.peers.clone(),
            several: options.several,
            muted: false,
        };
        // What cannot be added is told before the first line.
        let mut trial = line_peer.session.clone();
        for player in &line_peer.waiting {
            trial.add_peer(Instant::ORIGIN, line_peer.settings(*player)).map_err(|error| error.to_string())?;
        }
        Ok(line_peer)
    }

    fn settings(&self, player: u16) -> PeerConfig<INPUT_LEN> {
        let peer = (self.wire)(player);
        let peer = self.target_margin.map_or(peer, |frames| peer.target_margin(frames));
        self.peer_incarnation.map_or(peer, |incarnation| peer.incarnation(incarnation))
    }

    /// The peer of a player; without a number the first one.
    fn peer(&self, player: Option<u16>) -> Option<PeerId> {
        match player {
            Some(player) => self.session.peer_of(player),
            None => self.session.peers().next(),
        }
    }

    /// The player number of a peer and a space, where lines name players.
    fn name(&self, peer: PeerId) -> String {
        match self.session.peer(peer) {
            Some(peer) if self.several => format!("{} ", peer.player()),
            _ => String::new(),
        }
    }

    fn respond(&mut self, mut lines: impl BufRead, mut answers: impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            let several = self.several;
            let answer = match str::from_utf8(&line).ok().and_then(|line| Command::read(line, several)) {
                Some(command) => self.answer(&command),
                None => format!("error a line that cannot be read\n{}", self.end_of_answer()),
            };
            answers.write_all(answer.as_bytes())?;
            answers.flush()?;
            line.clear();
        }
        Ok(())
    }

    fn answer(&mut self, command: &Command<INPUT_LEN>) -> String {
        let mut answer = vec![self.execute(command)];
        // Events before datagrams: polled inputs are acknowledged by the datagrams that follow.
        let (mut departed, mut events) = (Vec::new(), Vec::new());
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { peer, frame, input } => {
                    answer.push(format!("input {}{frame} {}", self.name(peer), hex(&input)));
                }
                Event::Peer { peer, event: PeerEvent::Departed { last } } => {
                    let player = self.session.peer(peer).map_or(0, PeerRef::player);
                    let last = last.map_or("none".into(), |frame| frame.to_string());
                    departed.push(format!("departed {player} {last}"));
                }
                event => events.push(format!("event {event:?}")),
            }
        }
        answer.append(&mut departed);
        answer.append(&mut events);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while !self.muted
            && let Some(transmit) = self.session.poll_transmit(&mut buf)
        {
            answer.push(format!("tx {}{}", self.name(transmit.peer), hex(transmit.datagram)));
        }
        if let Command::Stats(player) = command
            && let Some(peer) = self.peer(*player).and_then(|peer| self.session.peer(peer))
        {
            answer.push(format!("stats {}", json(peer)));
        }
        answer.push(self.end_of_answer());
        answer.join("\n")
    }

    /// The last lines of every answer: when to wake the session, and a dot.
    fn end_of_answer(&self) -> String {
        let due = self.session.poll_timeout().map(|due| due.as_micros().to_string());
        format!("next {}\n.\n", due.as_deref().unwrap_or("none"))
    }

    /// Executes a command and returns the first line of the answer.
    fn execute(&mut self, command: &Command<INPUT_LEN>) -> String {
        let error = |reason: &dyn Debug| format!("error {reason:?}");
        if let Command::Join(now, player, frame) = command {
            let peer = self.settings(*player).from(*frame);
            // One that fails changes nothing, not even the time.
            let mut joined = self.session.clone();
            if let Err(reason) = joined.add_peer(*now, peer) {
                return error(&reason);
            }
            self.session = joined;
            self.waiting.retain(|waiting| waiting != player);
            return "ok".into();
        }
        for player in std::mem::take(&mut self.waiting) {
            if let Err(reason) = self.session.add_peer(Instant::ORIGIN, self.settings(player)) {
                return error(&reason);
            }
        }
        let peer = match (self.peer(command.player()), command) {
            (Some(peer), _) => peer,
            (None, Command::Receive(..)) => return format!("refused {:?}", DatagramError::UnknownPeer),
            (None, _) if command.is_about_a_peer() => return error(&DatagramError::UnknownPeer),
            (None, _) => PeerId::new(u32::MAX),
        };
        match command {
            Command::Push(now, input) => match self.session.push_input(*now, *input) {
                Ok(frame) => return format!("pushed {frame}"),
                Err(reason) => return error(&reason),
            },
            Command::Receive(now, _, datagram) => {
                if let Err(reason) = self.session.handle_datagram(*now, peer, datagram) {
                    return format!("refused {reason:?}");
                }
            }
            Command::Epoch(now, epoch) => {
                if let Err(reason) = self.session.begin_epoch(*now, *epoch) {
                    return error(&reason);
                }
            }
            Command::Checksum(now, frame, hash) => {
                if let Err(reason) = self.session.push_checksum(*now, *frame, *hash) {
                    return error(&reason);
                }
            }
            Command::Time(now) => self.session.handle_timeout(*now),
            Command::Bye(now) => self.session.close(*now),
            Command::Close(now, _) => self.session.handle_transport_closed(*now, peer),
            Command::Open(now, _) => self.session.handle_transport_opened(*now, peer),
            Command::Drop(now, _) => self.session.disconnect_peer(*now, peer),
            Command::Remove(now, _) => self.session.remove_peer(*now, peer),
            Command::Mute(muted) => self.muted = *muted,
            Command::Join(..) | Command::Stats(_) => {}
        }
        "ok".into()
    }
}

/// The command in a line.
enum Command<const INPUT_LEN: usize> {
    Push(Instant, [u8; INPUT_LEN]),
    Receive(Instant, Option<u16>, Vec<u8>),
    Time(Instant),
    Epoch(Instant, Epoch),
    Checksum(Instant, Frame, u64),
    Bye(Instant),
    Close(Instant, Option<u16>),
    Open(Instant, Option<u16>),
    Drop(Instant, Option<u16>),
    Remove(Instant, Option<u16>),
    Join(Instant, u16, Frame),
    Mute(bool),
    Stats(Option<u16>),
}

impl<const INPUT_LEN: usize> Command<INPUT_LEN> {
    /// Reads a line. With several peers, one about a single peer names its player.
    fn read(line: &str, several: bool) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(match words.as_slice() {
            ["rx", now, player, datagram] if several => {
                Self::Receive(instant(now)?, Some(number(player)?), bytes(datagram)?)
            }
            ["close", now, player] if several => Self::Close(instant(now)?, Some(number(player)?)),
            ["open", now, player] if several => Self::Open(instant(now)?, Some(number(player)?)),
            ["rx" | "close" | "open", ..] if several => return None,
            ["drop", now, player] => Self::Drop(instant(now)?, Some(number(player)?)),
            ["remove", now, player] => Self::Remove(instant(now)?, Some(number(player)?)),
            ["join", now, player, frame] => Self::Join(instant(now)?, number(player)?, Frame::new(number(frame)?)),
            ["stats", player] => Self::Stats(Some(number(player)?)),
            ["push", now, input] => Self::Push(instant(now)?, bytes(input)?.try_into().ok()?),
            ["rx", now, datagram] => Self::Receive(instant(now)?, None, bytes(datagram)?),
            ["time", now] => Self::Time(instant(now)?),
            ["epoch", now, epoch] => Self::Epoch(instant(now)?, Epoch::new(number(epoch)?)),
            ["checksum", now, frame, hash] => {
                Self::Checksum(instant(now)?, Frame::new(number(frame)?), hex_number(hash)?)
            }
            ["bye", now] => Self::Bye(instant(now)?),
            ["close", now] => Self::Close(instant(now)?, None),
            ["open", now] => Self::Open(instant(now)?, None),
            ["mute"] => Self::Mute(true),
            ["unmute"] => Self::Mute(false),
            ["stats"] => Self::Stats(None),
            _ => return None,
        })
    }

    /// The player that it names.
    fn player(&self) -> Option<u16> {
        match self {
            Self::Receive(_, player, _)
            | Self::Close(_, player)
            | Self::Open(_, player)
            | Self::Drop(_, player)
            | Self::Remove(_, player)
            | Self::Stats(player) => *player,
            _ => None,
        }
    }

    fn is_about_a_peer(&self) -> bool {
        matches!(self, Self::Close(..) | Self::Open(..) | Self::Drop(..) | Self::Remove(..) | Self::Stats(_))
    }
}

fn instant(word: &str) -> Option<Instant> {
    number(word).map(Instant::from_micros)
}

/// Reads a number of decimal digits that fits its type.
fn number<N: TryFrom<u64>>(word: &str) -> Option<N> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_: &u64| digits)?.try_into().ok()
}

fn bytes(word: &str) -> Option<Vec<u8>> {
    if word == "-" {
        return Some(Vec::new());
    }
    let digits: Vec<u32> = word.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let byte = |pair: &[u32]| u8::try_from(pair.first()? << 4 | pair.get(1)?).ok();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the statistics as one line of JSON, `null` for each without a value.
fn json<const INPUT_LEN: usize>(peer: PeerRef<'_, INPUT_LEN>) -> String {
    let stats = peer.stats();
    let number = |number: Option<i64>| number.map_or("null".into(), |number| number.to_string());
    let micros =
        |duration: Option<Duration>| duration.map_or("null".into(), |duration| duration.as_micros().to_string());
    let rtt = stats.rtt;
    let totals = stats.totals;
    let refusals = totals.refused.iter().filter(|(_, count)| *count > 0);
    let refusals: Vec<String> = refusals.map(|(reason, count)| format!("\"{reason:?}\": {count}")).collect();
    let members = [
        ("health", format!("\"{:?}\"", stats.health)),
        ("rtt_us", micros(rtt.map(|rtt| rtt.smoothed))),
        ("rtt_latest_us", micros(rtt.map(|rtt| rtt.latest))),
        ("rtt_min_us", micros(rtt.map(|rtt| rtt.min))),
        ("rtt_mean_us", micros(rtt.map(|rtt| rtt.mean))),
        ("rtt_median_us", micros(rtt.map(|rtt| rtt.median))),
        ("rtt_variation_us", micros(rtt.map(|rtt| rtt.variation))),
        ("latency_us", micros(stats.latency)),
        ("jitter_us", micros(stats.jitter)),
        ("silence_us", micros(stats.silence)),
        ("longest_silence_us", micros(stats.longest_silence)),
        ("inbound_lost", stats.inbound_lost.map_or("null".into(), |lost| lost.to_string())),
        ("suggested_delay", number(peer.suggested_delay().map(i64::from))),
        ("lead_millis", number(peer.pace().map(|pace| pace.lead_millis.into()))),
        ("margin_millis", number(stats.margin_millis.map(i64::from))),
        ("unacked", stats.unacked.to_string()),
        ("window", stats.window.to_string()),
        ("gaps", stats.missing.to_string()),
        ("lost_inputs", stats.lost_inputs.to_string()),
        ("packets_received", totals.packets_received.to_string()),
        ("bytes_received", totals.bytes_received.to_string()),
        ("packets_sent", totals.packets_sent.to_string()),
        ("bytes_sent", totals.bytes_sent.to_string()),
        ("duplicates", totals.duplicates.to_string()),
        ("conflicts", totals.conflicts.to_string()),
        ("refused", totals.refused.total().to_string()),
        ("refused_by_reason", format!("{{{}}}", refusals.join(", "))),
    ];
    let members = members.map(|(name, value)| format!("\"{name}\": {value}"));
    format!("{{{}}}", members.join(", "))
}

struct Options {
    classic: bool,
    input_size: u8,
    window: u8,
    session: u64,
    epoch: u32,
    me: u16,
    peers: Vec<u16>,
    several: bool,
    key: Option<[u8; 16]>,
    redundancy: u8,
    frame_us: u64,
    ping_us: Option<u64>,
    incarnation: Option<u64>,
    peer_incarnation: Option<u64>,
    short_tags: bool,
    first_frame: u32,
    input_delay: u8,
    target_margin: Option<u8>,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            classic: false,
            input_size: 1,
            window: 120,
            session: 0,
            epoch: 0,
            me: 0,
            peers: vec![1],
            several: false,
            key: None,
            redundancy: 3,
            frame_us: 16_667,
            ping_us: None,
            incarnation: None,
            peer_incarnation: None,
            short_tags: false,
            first_frame: 0,
            input_delay: 0,
            target_margin: None,
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            if name == "--short-tags" {
                options.short_tags = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name}: no such option, or no value after it"))?;
            options.set(name, value).ok_or_else(|| format!("{name} {value}: no such option, or not a valid value"))?;
        }
        if !options.classic && options.incarnation.is_none() {
            return Err(
                "the compact wire needs --incarnation N: a random number of 64 bits, another one at each start".into(),
            );
        }
        if options.classic && options.several {
            return Err("--peers is for the compact wire: leave --wire out".into());
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "--wire" => self.classic = ["compact", "classic"].iter().position(|wire| *wire == value)? == 1,
            "--input-size" => self.input_size = number(value)?,
            "--window" => self.window = number(value).filter(|window| [120, 30].contains(window))?,
            "--session" => self.session = hex_number(value)?,
            "--epoch" => self.epoch = number(value)?,
            "--me" => self.me = number(value)?,
            "--peer" => self.peers = vec![number(value)?],
            "--peers" => {
                let peers: Option<Vec<u16>> = value.split(',').map(number).collect();
                self.peers = peers.filter(|peers| peers.len() <= MAX_PEERS)?;
                self.several = true;
            }
            "--key" => self.key = Some(bytes(value)?.try_into().ok()?),
            "--redundancy" => self.redundancy = number(value)?,
            "--frame-us" => self.frame_us = number(value)?,
            "--ping-us" => self.ping_us = Some(number(value)?),
            "--incarnation" => self.incarnation = Some(number(value)?),
            "--peer-incarnation" => self.peer_incarnation = Some(number(value)?),
            "--first-frame" => self.first_frame = number(value)?,
            "--input-delay" => self.input_delay = number(value)?,
            "--target-margin" => self.target_margin = Some(number(value).filter(|frames| *frames <= 250)?),
            _ => return None,
        }
        Some(())
    }

    fn config(&self) -> Result<Config, String> {
        let mut builder = Config::builder()
            .session_id(self.session)
            .local_player(self.me)
            .redundancy(self.redundancy)
            .frame_interval(Duration::from_micros(self.frame_us))
            .short_tags(self.short_tags)
            .first_frame(Frame::new(self.first_frame));
        if let Some(incarnation) = self.incarnation.filter(|_| !self.classic) {
            builder = builder.incarnation(incarnation);
        }
        if let Some(key) = self.key {
            builder = builder.key(key);
        }
        if let Some(ping_us) = self.ping_us {
            // Rare pings need a longer timeout than the default.
            let silence = Duration::from_micros(ping_us.saturating_mul(3)).max(Duration::from_secs(5));
            builder = builder.ping_interval(Duration::from_micros(ping_us)).disconnect_after(silence);
        }
        builder.build().map_err(|error| error.to_string())
    }
}

fn hex_number(value: &str) -> Option<u64> {
    let digits = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(value, 16).ok().filter(|_| digits)
}
