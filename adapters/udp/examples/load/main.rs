//! A load generator: a server in a process of its own on one core, and a crowd of clients on the others.

mod child;
#[path = "../common/mod.rs"]
mod common;
mod flood;
mod run;

use std::time::Duration;

use common::line::Lines;
use common::options::{self, LINES, line_option, number, seconds};
use inputwire_udp::Limits;
use lexopt::prelude::*;

const USAGE: &str = "\
A server in a process of its own, kept on one core, and N clients on the other cores, over the loopback at 60 frames a second, behind
lines that lose and delay. Prints latency from press to use, inputs replaced, CPU time and memory; then the same for a server
without sessions that sends and receives as many datagrams of the same size, and the ratio.

  cargo run --release --example load -- --clients 1000
  cargo run --release --example load -- --clients 100 --flood 1000000

options (defaults):
  --clients N             (1000)
  --seconds N             how long to measure (20)
  --warm-up N             how long the clients have to find their margins before (10)
  --way MS-MS             one-way time of the nearest and the farthest client (20-80)
  --jitter MS             by how much longer at worst (30)
  --loss PERCENT          drops that share of the datagrams, each way (5)
  --outages N             each line fails for half a second every N seconds (never)
  --seed N                decides which, and when (0)
  --only sessions|bare    one of the two servers (both)
  --rounds N              how often both are measured, in turn (1)
  --flood N               then measures once more while N datagrams of junk come from unknown addresses
  --flood-rate N          how many of them a second (50000)

exit status: 0; 1 if a client was refused or the load could not be made, 2 if an option is wrong.";

/// What to measure.
#[derive(Clone, Debug)]
struct Options {
    /// This process is the server: with sessions, or without and with datagrams of so many bytes.
    serve: Option<Kind>,
    clients: usize,
    time: Duration,
    warm_up: Duration,
    lines: Lines,
    seed: u64,
    sessions: bool,
    bare: bool,
    rounds: usize,
    flood: u64,
    flood_rate: u64,
}

/// What kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sessions,
    Bare { size: usize },
}

impl Options {
    /// `None`: the help is wanted.
    fn read(parser: &mut lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            serve: None,
            clients: 1_000,
            time: Duration::from_secs(20),
            warm_up: Duration::from_secs(10),
            lines: LINES,
            seed: 0,
            sessions: true,
            bare: true,
            rounds: 1,
            flood: 0,
            flood_rate: 50_000,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("serve") => {
                    let size: usize = parser.value()?.parse_with(number)?;
                    options.serve = Some(if size == 0 { Kind::Sessions } else { Kind::Bare { size } });
                }
                Long("clients") => options.clients = parser.value()?.parse_with(number)?,
                Long("seconds") => options.time = parser.value()?.parse_with(seconds)?,
                Long("warm-up") => options.warm_up = parser.value()?.parse_with(seconds)?,
                Long("seed") => options.seed = parser.value()?.parse_with(number)?,
                Long("rounds") => options.rounds = parser.value()?.parse_with(number)?,
                Long("flood") => options.flood = parser.value()?.parse_with(number)?,
                Long("flood-rate") => options.flood_rate = parser.value()?.parse_with(number)?,
                Long("only") => match parser.value()?.string()?.as_str() {
                    "sessions" => options.bare = false,
                    "bare" => options.sessions = false,
                    _ => return Err("--only is sessions or bare".into()),
                },
                Long(name) => {
                    let name = name.to_owned();
                    if !line_option(&name, &mut options.lines, parser)? {
                        return Err(Long(&name).unexpected());
                    }
                }
                other => return Err(other.unexpected()),
            }
        }
        if options.clients == 0 || options.clients >= usize::from(u16::MAX) {
            return Err("--clients is 1 to 65534".into());
        }
        if options.flood_rate == 0 {
            return Err("--flood-rate is 1 at least".into());
        }
        Ok(Some(options))
    }

    fn limits(&self) -> Limits {
        Limits { max_clients: self.clients + 16, max_unproven: self.clients, ..Limits::default() }
    }
}

fn main() -> std::process::ExitCode {
    options::main(USAGE, Options::read, |options| match options.serve {
        Some(kind) => child::serve(kind, options.limits()).map(|()| true),
        None => run::run(options),
    })
}
