//! What several command lines have in common.

use std::process::ExitCode;
use std::time::Duration;

use super::AnyError;
use super::line::Lines;

/// Runs an example: reads its command line, and acts on it. Exit status: 0; 1 if `act` says so or fails, 2 if an option is wrong.
pub fn main<O>(
    usage: &str,
    read: impl FnOnce(&mut lexopt::Parser) -> Result<Option<O>, lexopt::Error>,
    act: impl FnOnce(&O) -> Result<bool, AnyError>,
) -> ExitCode {
    let options = match read(&mut lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{usage}");
            return 0.into();
        }
        Err(error) => {
            eprintln!("{error}\n\n{usage}");
            return 2.into();
        }
    };
    match act(&options) {
        Ok(true) => 0.into(),
        Ok(false) => 1.into(),
        Err(error) => {
            eprintln!("{error}");
            1.into()
        }
    }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| time.as_secs() < 100_000).ok_or_else(|| "it is a number of seconds".into())
}

pub fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "it is a whole number, not negative and not too large".into())
}

/// Between two numbers of milliseconds.
pub fn ways(text: &str) -> Result<(u64, u64), String> {
    let (near, far) = text.split_once('-').ok_or("it is two numbers of milliseconds, as in 20-80")?;
    let (near, far) = (number::<u64>(near)?, number::<u64>(far)?);
    if near > far || far > 10_000 {
        return Err("the first number is the smaller one, and the second at most 10000".into());
    }
    Ok((near * 1_000, far * 1_000))
}

/// The lines unless the command line says something else.
pub const LINES: Lines =
    Lines { nearest_us: 20_000, farthest_us: 80_000, jitter_us: 30_000, loss: 50, outage_every_us: 0 };

/// Reads an option about lines. Returns whether it was one.
pub fn line_option(name: &str, lines: &mut Lines, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
    use lexopt::ValueExt;
    match name {
        "way" => (lines.nearest_us, lines.farthest_us) = parser.value()?.parse_with(ways)?,
        "jitter" => lines.jitter_us = parser.value()?.parse_with(number::<u64>)?.min(10_000) * 1_000,
        "loss" => lines.loss = parser.value()?.parse_with(number::<u32>)?.min(100) * 10,
        "outages" => lines.outage_every_us = parser.value()?.parse_with(number::<u64>)?.min(100_000) * 1_000_000,
        _ => return Ok(false),
    }
    Ok(true)
}
