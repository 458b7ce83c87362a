//! Two players over UDP: a complete player around a session, on a blocking socket.
//!
//! ```text
//! cargo run --release --example udp -- --demo       both players on this machine, on both wires, 10 % loss
//! cargo run --release --example udp                 or one of them here,
//! cargo run --release --example udp -- --me 1       and the other in a second terminal
//! ```
//!
//! `driver.rs` is the loop around the session, the part to copy. `socket.rs` is the socket with its simulated loss, `game.rs` the
//! game (a hash, so that each player can check what it receives), and `demo.rs` starts two players and checks their results.

mod demo;
mod driver;
mod game;
mod options;
mod socket;
mod stop;
mod summary;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use options::{Options, USAGE};

fn main() -> ExitCode {
    let options = match Options::read(&mut lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print_line(USAGE);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("udp: {message}\n(--help lists the options)");
            return ExitCode::from(2);
        }
    };
    let outcome = if options.demo { demo::run(&options) } else { driver::play(&options) };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("udp: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. If the output is closed, the game continues without it.
fn print_line(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
