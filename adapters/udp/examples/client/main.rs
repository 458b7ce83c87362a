//! Clients of the example `server`.

#[path = "../common/mod.rs"]
mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::AnyError;
use common::crowd::Crowd;
use common::line::Lines;
use common::options::{self, line_option, number, seconds};
use common::player::{Player, Use};
use lexopt::prelude::*;

const USAGE: &str = "\
Clients of the example `server`, each with a socket of its own.

options (defaults):
  --server ADDRESS:PORT   (127.0.0.1:7000)
  --player N              number of the first one (0)
  --clients N             how many, with the numbers after it (1)
  --seconds N             how long (10)
  --way MS-MS             one-way time that is added, of the nearest and the farthest (0-0)
  --jitter MS             by how much longer at worst (0)
  --loss PERCENT          drops that share of the datagrams, each way (0)
  --outages N             each line fails for half a second every N seconds (never)
  --seed N                decides which, and when (0)

exit status: 0 if every client has played, 1 if not, 2 if an option is wrong.";

struct Options {
    server: SocketAddr,
    player: u16,
    clients: usize,
    time: Duration,
    lines: Lines,
    seed: u64,
}

impl Options {
    /// `None`: the help is wanted.
    fn read(parser: &mut lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            server: SocketAddr::from(([127, 0, 0, 1], 7_000)),
            player: 0,
            clients: 1,
            time: Duration::from_secs(10),
            lines: Lines { nearest_us: 0, farthest_us: 0, jitter_us: 0, loss: 0, outage_every_us: 0 },
            seed: 0,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("server") => options.server = parser.value()?.parse()?,
                Long("player") => options.player = parser.value()?.parse_with(number)?,
                Long("clients") => options.clients = parser.value()?.parse_with(number)?,
                Long("seconds") => options.time = parser.value()?.parse_with(seconds)?,
                Long("seed") => options.seed = parser.value()?.parse_with(number)?,
                Long(name) => {
                    let name = name.to_owned();
                    if !line_option(&name, &mut options.lines, parser)? {
                        return Err(Long(&name).unexpected());
                    }
                }
                other => return Err(other.unexpected()),
            }
        }
        if options.clients > usize::from(u16::MAX - options.player) {
            return Err("more clients than player numbers".into());
        }
        Ok(Some(options))
    }
}

fn main() -> std::process::ExitCode {
    options::main(USAGE, Options::read, play)
}

fn play(options: &Options) -> Result<bool, AnyError> {
    let mut crowd = Crowd::new(options.server, options.lines, options.seed, options.player, options.clients, None)?;
    crowd.run(options.time)?;
    let playing = crowd.players().filter(|player| player.is_playing()).count();
    crowd.close();
    crowd.run(Duration::from_secs(1))?;
    let count = |used| crowd.players().flat_map(|player: &Player| &player.uses).filter(|other| **other == used).count();
    println!(
        "{playing} of {} clients played; of their inputs {} were used, {} came too late",
        options.clients,
        count(Use::Taken),
        count(Use::Replaced)
    );
    Ok(playing == options.clients)
}
