//! A game of two over real UDP sockets and a bad link, which shows what becomes of each input.
//!
//! The game, the link and the two endpoints have no clock and no terminal, so the same duel runs on a screen, in a table
//! and in a test.
//!
//! ```text
//! cargo run --release -p duel
//! cargo run --release -p duel -- --headless --seconds 10 --seed 7
//! cargo run --release -p duel -- --svg docs/duel.svg
//! cargo run --release -p duel -- --text demos/duel/screen.txt
//! ```
//!
//! The last two write docs/duel.svg and the screen that a test compares, after an intended change.

mod game;
mod link;

mod net;
mod scheme;
mod tape;

mod endpoint;
mod engine;
mod history;

mod duel;
mod meter;

mod app;

mod headless;
mod svg;
mod view;

mod picture;

mod options;
mod play;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use options::{Options, Run};

fn main() -> ExitCode {
    let options = match Options::read(&mut lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("duel: {message}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let outcome = match &options.run {
        Run::Help => {
            println!("{}", options::USAGE);
            Ok(true)
        }
        Run::Play => play::play(&options).map(|()| true),
        Run::Headless { real, seconds } => headless::compare(&options, *real, *seconds),
        Run::Svg(path) => write(path, &svg::render(&picture::screen())).map(|()| true),
        Run::Text(path) => write(path, &picture::text(&picture::screen())).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("duel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    std::fs::write(path, content).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}
