//! A server that gathers the inputs of matches of four, and waits for nobody.

#[path = "../common/mod.rs"]
mod common;
mod demo;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::game::{Game, INPUT};
use common::options::{self, number, seconds};
use common::{AnyError, serve};
use inputwire_udp::{Limits, Server};
use lexopt::prelude::*;

const USAGE: &str = "\
A server for matches of four over UDP: it gathers inputs, never waits, repeats the last input of who is late, and tells each client
by a bit what it took.

  cargo run --release --example server -- --demo           server and eight clients on this machine, 12 s, with a table
  cargo run --release --example server                     listens; start `--example client` in other terminals

options (defaults):
  --listen ADDRESS:PORT   where clients send to (127.0.0.1:7000)
  --max-clients N         (1000)
  --seconds N             how long (until Ctrl-C; --demo: 12)
  --metrics N             prints Prometheus text every N seconds (never)
  --trace                 prints what the adapter reports

exit status: 0; 1 if a check of the demo fails, 2 if an option is wrong.";

struct Options {
    demo: bool,
    listen: SocketAddr,
    limits: Limits,
    time: Option<Duration>,
    metrics: Option<Duration>,
}

impl Options {
    /// `None`: the help is wanted.
    fn read(parser: &mut lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 7_000));
        let mut options = Self { demo: false, listen, limits: Limits::default(), time: None, metrics: None };
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("demo") => options.demo = true,
                Long("listen") => options.listen = parser.value()?.parse()?,
                Long("max-clients") => options.limits.max_clients = parser.value()?.parse_with(number)?,
                Long("seconds") => options.time = Some(parser.value()?.parse_with(seconds)?),
                Long("metrics") => options.metrics = Some(parser.value()?.parse_with(seconds)?),
                Long("trace") => tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init(),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn main() -> std::process::ExitCode {
    options::main(USAGE, Options::read, |options| {
        if options.demo { demo::run(options.time.unwrap_or(Duration::from_secs(12))) } else { listen(options) }
    })
}

fn listen(options: &Options) -> Result<bool, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut server = Server::<INPUT>::bind(options.listen, options.limits)?;
        println!("listening at {}", options.listen);
        let (start, mut metrics_at) = (Instant::now(), Instant::now());
        let interrupt = tokio::spawn(tokio::signal::ctrl_c());
        let mut game = Game::default();
        serve::serve(&mut server, &mut game, |server, _| {
            if let Some(every) = options.metrics.filter(|every| metrics_at.elapsed() >= *every) {
                metrics_at += every;
                println!("{}", server.prometheus());
            }
            !interrupt.is_finished() && options.time.is_none_or(|time| start.elapsed() < time)
        })
        .await?;
        println!("{} inputs taken, {} replaced", game.taken, game.replaced);
        Ok(true)
    })
}
