//! Looks at what inputwire games leave behind.
//!
//! ```text
//! inputwire feed info FILE     what a feed is: players, epochs, who joined and departed, sizes
//! inputwire feed cat FILE      its rows, one a line: epoch, frame, the input of each seat or -, the checksum if there is one
//! inputwire feed verify FILE   whether it is whole: every record as a writer writes it, no row missing, the end reached
//! inputwire feed pack FILE TO  the same rows in the fewest bytes
//! ```
//!
//! Exit status: 0 if all is well, 1 if a feed is not whole, 2 if it cannot be read.

mod feed;

use std::process::ExitCode;

use lexopt::prelude::*;

const USAGE: &str = "inputwire feed info|cat|verify FILE, or inputwire feed pack FILE TO";

fn main() -> ExitCode {
    let outcome = arguments().map_err(|error| format!("{error}; usage: {USAGE}")).and_then(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["feed", "info", file] => feed::info(file),
            ["feed", "cat", file] => feed::cat(file),
            ["feed", "verify", file] => feed::verify(file),
            ["feed", "pack", file, to] => feed::pack_file(file, to),
            _ => Err(format!("usage: {USAGE}")),
        }
    });
    outcome.unwrap_or_else(|message| {
        eprintln!("inputwire: {message}");
        ExitCode::from(2)
    })
}

fn arguments() -> Result<Vec<String>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let mut words = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Short('h') | Long("help") => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(words)
}
