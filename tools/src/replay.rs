//! Replays a recording, compares the outcome of each call, and shows what happened.

use std::fs;
use std::process::ExitCode;

use inputwire_record::{Call, Keys, Outcome, Replay, Step, Stop};
use lexopt::prelude::*;
use serde_json::{Value as Json, json};

use crate::datagram::hex;
use crate::timeline::Timeline;
use crate::{options, print};

const SECOND_US: u64 = 1_000_000;

pub(crate) struct Options {
    file: String,
    keys: Keys,
    calls: bool,
    json: bool,
    svg: Option<String>,
}

impl Options {
    pub(crate) fn read(parser: &mut lexopt::Parser) -> Result<Self, lexopt::Error> {
        let (mut file, mut keys, mut calls, mut json, mut svg) = (None, Keys::new(), false, false, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("calls") => calls = true,
                Long("json") => json = true,
                Long("svg") => svg = Some(parser.value()?.string()?),
                Long("key") => keys = options::session_key(parser, keys)?,
                Long("peer-key") => keys = options::peer_key(parser, keys)?,
                Value(word) if file.is_none() => file = Some(word.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Self { file: file.ok_or("replay needs a recording")?, keys, calls, json, svg })
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, String> {
    let file = fs::read(&options.file).map_err(|error| format!("{}: {error}", options.file))?;
    let mut replay = Replay::open(&file, options.keys.clone()).map_err(|error| error.to_string())?;
    let mut timeline = Timeline::default();
    let status = if options.json {
        show_json(&mut replay, &mut timeline)
    } else {
        show(&mut replay, &mut timeline, options.calls)
    };
    if let Some(to) = &options.svg {
        fs::write(to, timeline.svg(&options.file)).map_err(|error| format!("{to}: {error}"))?;
    }
    Ok(status)
}

/// A JSON object for each call.
fn show_json(replay: &mut Replay<'_>, timeline: &mut Timeline) -> ExitCode {
    let setup = *replay.setup();
    print(json!({
        "writer": setup.writer, "player": setup.config.local_player(),
        "session_id": format!("{:016x}", setup.config.session_id()), "input_len": setup.input,
        "window": setup.window, "frame_us": micros(setup.config.frame_interval()), "keyed": setup.keyed,
    }));
    loop {
        match replay.step() {
            Ok(Some(step)) => {
                timeline.add(replay, &step);
                print(as_json(&step));
            }
            Ok(None) => {
                print(json!({ "equal": true, "records": replay.number(), "ended": replay.has_ended() }));
                return ExitCode::SUCCESS;
            }
            Err(stop) => {
                print(json!({ "equal": false, "records": replay.number(), "problem": stop.to_string() }));
                return ExitCode::from(if matches!(stop, Stop::Differs { .. }) { 1 } else { 2 });
            }
        }
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The call by name, its arguments as the line of `--calls` shows them, and the outcome by kind.
fn as_json(step: &Step<'_>) -> Json {
    let call = format!("{:?}", step.call);
    let (name, _) = call.split_once('(').unwrap_or((&call, ""));
    let mut line = json!({ "number": step.number, "at_us": step.now.as_micros(), "call": name, "arguments": call });
    let outcome = match &step.outcome {
        Outcome::Nothing => Json::Null,
        Outcome::Number(number) => json!({ "number": number }),
        Outcome::Refused(reason) => json!({ "refused": reason }),
        Outcome::Datagram(peer, datagram) => json!({ "peer": peer.get(), "datagram": hex(datagram) }),
        Outcome::Input(peer, frame, input) => {
            json!({ "peer": peer.get(), "frame": frame.get(), "input": hex(input) })
        }
        Outcome::Event(event) => json!({ "event": event }),
        Outcome::Timeout(at) => json!({ "timeout_us": at.as_micros() }),
        other => json!({ "other": format!("{other:?}") }),
    };
    line["outcome"] = outcome;
    line
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

fn show(replay: &mut Replay<'_>, timeline: &mut Timeline, calls: bool) -> ExitCode {
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
        timeline.add(replay, &step);
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
            eprintln!("inputwire: after {} equal records: {stop}", replay.number());
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
