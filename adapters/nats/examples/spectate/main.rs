//! Publishes a match and watches it: over NATS `JetStream`, and as files behind any HTTP server.
//!
//! ```text
//! spectate --demo                                       everything by itself, with a broker of its own
//! spectate --crowd 1000                                 a broker of its own, and what so many watchers cost it
//! spectate publish --server HOST:PORT [--to DIR] [--name NAME] [--seed N] [--seconds N] [--delay 30s]
//! spectate watch   --server HOST:PORT [--name NAME]
//! spectate watch   --from DIR or http://HOST:PORT/PATH
//! ```
//!
//! Start any number of publishers with the same name and seed: they publish the same bytes, which the broker stores once. A
//! watcher may join at any time.

mod broker;
mod demo;
mod files;
mod game;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use inputwire_nats::Connection;
use lexopt::prelude::*;

use crate::game::FRAMES_PER_SECOND;
use crate::show::{Fallible, Show, base, publish, shown, watch, watch_files};

const USAGE: &str =
    "spectate --demo | --crowd COUNT | publish ... | watch ...: see the top of examples/spectate/main.rs";

enum Command {
    Demo,
    Crowd(u32),
    Publish,
    Watch,
}

struct Options {
    command: Command,
    server: Option<String>,
    from: Option<String>,
    show: Show,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match options() {
        Ok(options) => run(options).await,
        Err(error) => Err(format!("{error}; {USAGE}").into()),
    };
    if let Err(error) = outcome {
        eprintln!("spectate: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn options() -> Result<Options, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let (mut command, mut server, mut from) = (None, None, None);
    let mut show = Show {
        name: "match".to_owned(),
        seed: 1,
        frames: 60 * FRAMES_PER_SECOND,
        history: 0,
        speed: 1,
        delay: Duration::ZERO,
        to: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("demo") => command = Some(Command::Demo),
            Long("crowd") => command = Some(Command::Crowd(parser.value()?.parse()?)),
            Value(word) if word == "publish" => command = Some(Command::Publish),
            Value(word) if word == "watch" => command = Some(Command::Watch),
            Long("server") => server = Some(parser.value()?.string()?),
            Long("from") => from = Some(parser.value()?.string()?),
            Long("to") => show.to = Some(PathBuf::from(parser.value()?)),
            Long("name") => show.name = parser.value()?.string()?,
            Long("seed") => show.seed = parser.value()?.parse()?,
            Long("seconds") => show.frames = FRAMES_PER_SECOND * parser.value()?.parse::<u32>()?,
            Long("delay") => {
                let text = parser.value()?.string()?;
                show.delay = Duration::from_secs(text.trim_end_matches('s').parse().map_err(|_| "--delay 30s")?);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Options { command: command.ok_or("no command")?, server, from, show })
}

async fn run(options: Options) -> Fallible<()> {
    let Options { command, server, from, show } = options;
    let connection = match &server {
        Some(server) => Some(Connection::open(server).await?),
        None => None,
    };
    match command {
        Command::Demo => demo::run().await,
        Command::Crowd(count) => demo::crowd(count, 10).await,
        Command::Publish => {
            if connection.is_none() && show.to.is_none() {
                return Err("publish needs --server or --to".into());
            }
            let known = publish(connection.as_ref(), &show).await?;
            println!("published {} frames; {known} records were known already", show.frames);
            show.to.iter().for_each(|to| println!("in {}", shown(to)));
            Ok(())
        }
        Command::Watch => {
            let (start, mut told) = (Instant::now(), 0);
            let seen = |rows: usize| {
                if rows > told {
                    println!("{:>8.3} s: {rows} rows", start.elapsed().as_secs_f64());
                    told = rows;
                }
            };
            let audience = match (connection, from) {
                (Some(connection), _) => watch(&connection, &show.name, seen).await?,
                (None, Some(from)) => watch_files(&base(&from), seen).await?.0,
                (None, None) => return Err("watch needs --server or --from".into()),
            };
            println!("over: {} rows, {} equal checksums", audience.rows.len(), audience.checksums);
            Ok(())
        }
    }
}
