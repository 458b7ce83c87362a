//! Both players on this machine: starts two processes and checks their summaries.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::options::{Options, Wire};
use crate::print_line;
use crate::summary::{Summary, float};

/// Plays on every requested wire at the same time. Returns whether every check passed.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let wires: Vec<Wire> =
        Wire::BOTH.into_iter().filter(|wire| options.wire.is_none_or(|only| only == *wire)).collect();
    let names: Vec<&str> = wires.iter().map(|wire| wire.name()).collect();
    let time = options.time.unwrap_or_default();
    print_line(format_args!(
        "Two players over UDP for {time:?}, {} % of all datagrams dropped on purpose. Wires: {}.\n\
         The output of player 0:\n",
        options.loss_percent,
        names.join(" and "),
    ));

    let mut players = Vec::new();
    for wire in &wires {
        let [zero, one] = free_addresses()?;
        players.push(Player::start(options, *wire, 0, &zero, &one)?);
        players.push(Player::start(options, *wire, 1, &one, &zero)?);
    }
    let summaries: Vec<Summary> = players.into_iter().map(Player::finish).collect::<Result<_, _>>()?;

    print_line(format_args!("\n{}", side_by_side(&summaries)));
    let mut passed = true;
    for pair in summaries.chunks(2) {
        let [zero, one] = pair else { continue };
        for (from, to) in [(zero, one), (one, zero)] {
            let (fine, verdict) = check(from, to, options).ok_or("a summary lacks a figure")?;
            print_line(format_args!("{}  {verdict}", if fine { "ok    " } else { "WRONG " }));
            passed &= fine;
        }
    }
    Ok(passed)
}

/// Returns two free addresses.
fn free_addresses() -> Result<[String; 2], String> {
    let cannot = |error| format!("no free port on this machine: {error}");
    let bind = || UdpSocket::bind("127.0.0.1:0");
    // Both sockets are bound before either is closed, so the ports differ.
    let sockets = [bind().map_err(cannot)?, bind().map_err(cannot)?];
    let [zero, one] = sockets.map(|socket| socket.local_addr());
    Ok([zero.map_err(cannot)?.to_string(), one.map_err(cannot)?.to_string()])
}

struct Player {
    process: Child,
    name: String,
    reader: thread::JoinHandle<Vec<String>>,
}

impl Player {
    fn start(options: &Options, wire: Wire, me: u16, listen: &str, peer: &str) -> Result<Self, String> {
        let cannot = |error| format!("cannot start a player: {error}");
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        let time = options.time.unwrap_or_default().as_secs_f64();
        for (name, value) in [
            ("--wire", wire.name().to_owned()),
            ("--me", me.to_string()),
            ("--listen", listen.to_owned()),
            ("--peer", peer.to_owned()),
            ("--seconds", time.to_string()),
            ("--fps", options.fps.to_string()),
            ("--loss", options.loss_percent.to_string()),
            // With equal seeds both players would lose the same datagrams.
            ("--seed", options.seed.wrapping_mul(2).wrapping_add(me.into()).to_string()),
            ("--session", format!("{:x}", options.session)),
            ("--redundancy", options.redundancy.to_string()),
        ] {
            command.args([name, &value]);
        }
        if let Some(key) = options.key {
            command.args(["--key", &format!("{:032x}", u128::from_be_bytes(key))]);
        }
        if options.short_tags {
            command.arg("--short-tags");
        }
        if let Some(file) = &options.record {
            command.args(["--record", &format!("{file}.{}-{me}", wire.name())]);
        }
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot)?;
        let lines = BufReader::new(process.stdout.take().ok_or("a player without an output")?).lines();
        let name = format!("{} {me}", wire.name());
        let prefix = (me == 0).then(|| name.clone());
        let reader = thread::spawn(move || {
            let show = |line: &String| {
                if let Some(prefix) = prefix.as_deref().filter(|_| !line.contains('=')) {
                    print_line(format_args!("{prefix} | {line}"));
                }
            };
            lines.map_while(Result::ok).inspect(show).collect()
        });
        Ok(Self { process, name, reader })
    }

    fn finish(mut self) -> Result<Summary, String> {
        let status = self.process.wait().map_err(|error| format!("{}: {error}", self.name))?;
        let lines = self.reader.join().map_err(|_| format!("{}: its output cannot be read", self.name))?;
        let summary = Summary::read(lines.iter().map(String::as_str));
        if !status.success() {
            print_line(format_args!("{} found something wrong ({status})", self.name));
        }
        Ok(summary)
    }
}

/// Compares the inputs that one player pushed with those delivered to the other. `None` if a figure is missing.
fn check(from: &Summary, to: &Summary, options: &Options) -> Option<(bool, String)> {
    let (pushed, delivered) = (from.count("pushed")?, to.count("delivered")?);
    let (lost, wrong) = (to.count("lost")?, to.count("wrong")?);
    // The other inputs are still open: missing now, or later than all that arrived.
    let open = pushed.checked_sub(delivered + lost);
    let pair = format!("{} {} -> {}:", from.get("wire")?, from.get("player")?, to.get("player")?);
    let verdict = format!("{pair} {pushed} inputs pushed, {delivered} delivered, {wrong} of them wrong");
    let (fine, rest) = if from.get("wire")? == "compact" {
        let unacked = from.count("unacked")?;
        (delivered == pushed && unacked == 0, format!("{unacked} not acknowledged"))
    } else {
        // Redundancy fails where that many datagrams in a row are lost, and for the last inputs, which no datagram repeats.
        let all_lost = (options.loss_percent / 100.0).powi(options.redundancy.into());
        let few = 2.0 * f64::from(options.redundancy) + 3.0 * all_lost * float(pushed);
        let missing = to.count("missing")?;
        let fine = open.is_some_and(|open| open >= missing && float(lost + open) <= few);
        (fine, format!("{lost} lost, {} open", open.map_or("more than all".into(), |open| open.to_string())))
    };
    Some((fine && pushed > 0 && to.is_right(), format!("{verdict}, {rest}")))
}

/// Returns a table with a column for each summary.
fn side_by_side(summaries: &[Summary]) -> String {
    let Some(first) = summaries.first() else { return String::new() };
    let row = |name: &str| {
        let values = summaries.iter().map(|summary| summary.get(name).unwrap_or("?"));
        values.fold(format!("{name:<14}"), |row, value| row + &format!("{value:>12}")) + "\n"
    };
    first.names().map(row).collect()
}
