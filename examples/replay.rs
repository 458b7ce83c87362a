//! Replays a recording, compares the outcome of each call, and shows what happened.
//!
//! ```text
//! cargo run --release --example replay -- FILE            a line for each second, and the events
//! cargo run --release --example replay -- FILE --calls    also a line for each call
//! cargo run --release --example replay -- FILE --key HEX  for a session with a key: 32 digits
//! cargo run --release --example replay -- FILE --peer-key PLAYER:HEX   for each pair with a key of its own
//! ```
//!
//! Exit status: 0 if the whole recording replayed equal, 1 if an outcome differs, 2 if the file cannot be replayed.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use inputwire_record::{Call, Keys, Outcome, Replay, Step, Stop};

const SECOND_US: u64 = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = Options::read(&arguments).and_then(|options| {
        let file = std::fs::read(options.file).map_err(|error| format!("{}: {error}", options.file))?;
        let mut replay = Replay::open(&file, options.keys).map_err(|error| error.to_string())?;
        Ok(show(&mut replay, options.calls))
    });
    outcome.unwrap_or_else(|message| {
        eprintln!("replay: {message}");
        ExitCode::from(2)
    })
}

struct Options<'a> {
    file: &'a str,
    keys: Keys,
    calls: bool,
}

impl<'a> Options<'a> {
    fn read(arguments: &'a [String]) -> Result<Self, String> {
        let usage = "replay FILE [--calls] [--key HEX] [--peer-key PLAYER:HEX]...";
        let (mut file, mut keys, mut calls) = (None, Keys::new(), false);
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--calls" => calls = true,
                "--key" => {
                    keys = keys.session(words.next().and_then(key).ok_or("--key needs 32 hexadecimal digits")?);
                }
                "--peer-key" => {
                    let pair = words.next().and_then(|pair| pair.split_once(':'));
                    let pair = pair.and_then(|(player, digits)| Some((player.parse().ok()?, key(digits)?)));
                    let (player, key) =
                        pair.ok_or("--peer-key needs a player number, a colon and 32 hexadecimal digits")?;
                    keys = keys.peer(player, key);
                }
                _ if word.starts_with("--") || file.is_some() => return Err(usage.into()),
                _ => file = Some(word),
            }
        }
        Ok(Self { file: file.ok_or(usage)?, keys, calls })
    }
}

fn key(digits: &str) -> Option<[u8; 16]> {
    let all_digits = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(digits, 16).ok().filter(|_| all_digits).map(u128::to_be_bytes)
}

/// What happened in one second.
#[derive(Default)]
struct Second {
    pushed: u64,
    delivered: u64,
    sent: u64,
    handled: u64,
    refused: u64,
}

impl Second {
    fn count(&mut self, step: &Step<'_>) {
        match (step.call, &step.outcome) {
            (Call::PushInput { .. }, Outcome::Number(_)) => self.pushed += 1,
            (Call::PollEvent, Outcome::Input(..)) => self.delivered += 1,
            (Call::PollTransmit, Outcome::Datagram(..)) => self.sent += 1,
            (Call::HandleDatagram { .. }, Outcome::Nothing) => self.handled += 1,
            (Call::HandleDatagram { .. }, Outcome::Refused(_)) => self.refused += 1,
            _ => {}
        }
    }
}

fn show(replay: &mut Replay<'_>, calls: bool) -> ExitCode {
    let setup = *replay.setup();
    let config = setup.config;
    print(format_args!(
        "{}: player {}, session {:x}, inputs of {} bytes, window {}, {:?} a frame{}",
        setup.writer,
        config.local_player(),
        config.session_id(),
        setup.input,
        setup.window,
        config.frame_interval(),
        if setup.keyed { ", with a key" } else { "" },
    ));
    let (mut second, mut first, mut last) = (Second::default(), None, 0);
    loop {
        let step = match replay.step() {
            Ok(Some(step)) => step,
            Ok(None) => break,
            Err(stop) => return report(replay, &stop),
        };
        let now = step.now.as_micros();
        // A clock may start anywhere, and may jump: a second without calls has no line.
        let start = *first.get_or_insert(now);
        if now / SECOND_US != last / SECOND_US && step.call.now().is_some() {
            show_second(replay, last.saturating_sub(start), &std::mem::take(&mut second));
        }
        last = now;
        second.count(&step);
        show_step(&step, now.saturating_sub(start), calls);
    }
    show_second(replay, last.saturating_sub(first.unwrap_or(last)), &second);
    print(match (replay.has_ended(), replay.number()) {
        (true, number) => format!("equal: all {number} records"),
        (false, number) => format!("equal: {number} records; the recording has no end"),
    });
    ExitCode::SUCCESS
}

fn report(replay: &Replay<'_>, stop: &Stop) -> ExitCode {
    match stop {
        Stop::Differs { .. } => {
            print(format_args!("DIFFERS in {stop}"));
            if replay.setup().keyed {
                print("(This session has a key. With a wrong one, the first datagram differs.)");
            }
            ExitCode::from(1)
        }
        stop => {
            eprintln!("replay: after {} equal records: {stop}", replay.number());
            ExitCode::from(2)
        }
    }
}

fn show_step(step: &Step<'_>, micros: u64, calls: bool) {
    let stamp = format!("{:>5}.{:06}", micros / SECOND_US, micros % SECOND_US);
    let line = match (step.call, &step.outcome) {
        (Call::PollEvent, Outcome::Event(event)) => Some(event.to_string()),
        (Call::BeginEpoch { epoch, .. }, Outcome::Nothing) => Some(format!("epoch {epoch} begins")),
        (Call::Note(text), _) => Some(format!("note: {text}")),
        (Call::AddPeer { .. }, outcome) => Some(format!("{:?}: {outcome:?}", step.call)),
        (
            Call::HandleTransportClosed { .. }
            | Call::HandleTransportOpened { .. }
            | Call::RemovePeer { .. }
            | Call::Close { .. },
            _,
        ) => Some(format!("{:?}", step.call)),
        _ => None,
    };
    if calls {
        print(format_args!("{stamp}  #{} {:?}: {:?}", step.number, step.call, step.outcome));
    } else if let Some(line) = line {
        print(format_args!("{stamp}  {line}"));
    }
}

fn show_second(replay: &Replay<'_>, micros: u64, second: &Second) {
    let Second { pushed, delivered, sent, handled, refused } = second;
    let mut parts = vec![format!(
        "{:>5} s  epoch {} frame {}: pushed {pushed}, delivered {delivered}, sent {sent}, handled {handled}, refused {refused}",
        micros / SECOND_US,
        replay.epoch(),
        replay.next_frame(),
    )];
    for peer in replay.peers() {
        let Some(stats) = replay.stats(peer) else { continue };
        let rtt = stats.rtt.map(|rtt| format!(", rtt {:.1} ms", rtt.smoothed.as_secs_f64() * 1_000.0));
        let lost = stats.inbound_lost.map(|lost| format!(", {lost} datagrams lost"));
        let inputs = Some(stats.lost_inputs).filter(|lost| *lost > 0).map(|lost| format!(", {lost} INPUTS LOST"));
        parts.push(format!("; peer {peer} {:?}, unacked {}", stats.health, stats.unacked));
        parts.extend([rtt, lost, inputs].into_iter().flatten());
    }
    print(parts.concat());
}

/// Prints a line, even if nothing reads the output.
fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
