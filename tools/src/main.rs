//! Looks at what inputwire games leave behind, and at what their links would do to them.
//!
//! `inputwire --help` lists the commands. Exit status: 0 if all is well, 1 if something is not as it should be (a replay that
//! differs, a feed that is not whole), 2 if an argument or a file cannot be read.
//!
//! Arguments are read by `lexopt`: it has no dependencies and no macros, so the program builds in seconds, and an option stands in
//! one place, where it is used.

mod datagram;
mod decode;
mod feed;
mod options;
mod pcap;
mod replay;
mod simulate;
mod timeline;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::prelude::*;

const USAGE: &str = "\
inputwire replay FILE      make the calls of a recording again; a line for each second, and the events
    --calls                also a line for each call
    --json                 a JSON object for each call instead
    --svg TO               also write the timeline as a picture
    --key HEX              the session's key: 32 digits
    --peer-key PLAYER:HEX  for each pair with a key of its own
inputwire pcap FILE TO     a recording as a capture file, for Wireshark with tools/wireshark/inputwire.lua
inputwire decode HEX...    any datagrams in words, on both wires; a hello tells the sizes for those after it; - reads lines
    --tag 2|4|8            the size of an input tag in bytes (2, or what a hello tells)
    --input-len N          the length of an input in bytes (1, or what a hello tells)
    --json                 a JSON object for each datagram instead
inputwire simulate         two games over a link of your choice, in virtual time: how old inputs are when they arrive
    --delay MS --jitter MS --loss PERCENT --burst MS --every MS --reorder PERCENT --duplicate PERCENT
    --rate KBIT --queue MS --trace FILE (as of mahimahi) --input-len 1|4|16 --limit FRAMES --seconds N --seed N --json
inputwire feed info|cat|verify FILE
inputwire feed pack FILE TO";

fn main() -> ExitCode {
    run().unwrap_or_else(|message| {
        eprintln!("inputwire: {message}");
        ExitCode::from(2)
    })
}

fn run() -> Result<ExitCode, String> {
    let mut parser = lexopt::Parser::from_env();
    let command = match parser.next().map_err(|error| error.to_string())? {
        Some(Value(word)) => word.string().map_err(|error| error.to_string())?,
        Some(Short('h') | Long("help")) => {
            print(USAGE);
            return Ok(ExitCode::SUCCESS);
        }
        _ => return Err(format!("a command is missing\n{USAGE}")),
    };
    let outcome = match command.as_str() {
        "replay" => replay::Options::read(&mut parser).map(|options| replay::run(&options)),
        "pcap" => options::words(&mut parser).and_then(|words| match &words[..] {
            [file, to] => Ok(pcap::run(file, to)),
            _ => Err("pcap needs a recording and a file to write".into()),
        }),
        "decode" => decode::Options::read(&mut parser).map(|options| Ok(decode::run(&options))),
        "simulate" => simulate::Options::read(&mut parser).map(|options| simulate::run(&options)),
        "feed" => options::words(&mut parser).and_then(|words| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words[..] {
                ["info", file] => Ok(feed::info(file)),
                ["cat", file] => Ok(feed::cat(file)),
                ["verify", file] => Ok(feed::verify(file)),
                ["pack", file, to] => Ok(feed::pack_file(file, to)),
                _ => Err("feed needs info, cat, verify or pack, and a file".into()),
            }
        }),
        other => Err(format!("no such command: {other}").into()),
    };
    match outcome {
        Ok(outcome) => outcome,
        Err(error) => Err(format!("{error}; usage:\n{USAGE}")),
    }
}

/// Prints a line, even if nothing reads the output.
pub(crate) fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
