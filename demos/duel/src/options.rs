//! The command line.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::prelude::*;

/// The text of `--help`.
pub(crate) const USAGE: &str = "\
usage: duel [--seed N]                            watch, in a terminal of 80x24 or more
       duel --headless [--seconds N] [--seed N]   compare the four schemes; status 0 if compact lost nothing
                       [--real]                   ... over loopback sockets and in real time, not in virtual time
                       [--repair]                 ... and let classic peers request missing inputs
       duel --svg FILE                            write a picture of it (docs/duel.svg)
       duel --text FILE                           write the same screen as text, for the tests
       duel --help                                this text

  --seconds N   how long each trial lasts, 1 to 3600 (10)
  --seed N      the seed of the link and the players (7)";

/// The longest trial, in seconds.
const LONGEST: u32 = 3_600;

/// The mode of the program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Play,
    Headless { real: bool, seconds: u32 },
    Svg(PathBuf),
    Text(PathBuf),
    Help,
}

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) run: Run,
    pub(crate) seed: u64,
    /// Whether classic peers may request missing inputs.
    pub(crate) repair: bool,
}

impl Options {
    /// Parses the arguments.
    pub(crate) fn read(parser: &mut lexopt::Parser) -> Result<Self, lexopt::Error> {
        let (mut headless, mut real, mut repair, mut seconds, mut seed) = (false, false, false, None, None);
        let mut picture = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => return Ok(Self { run: Run::Help, seed: 0, repair: false }),
                Long("headless") => headless = true,
                Long("real") => real = true,
                Long("repair") => repair = true,
                Long("seconds") => seconds = Some(parser.value()?.parse_with(|text| number(text, &(1..=LONGEST)))?),
                Long("seed") => seed = Some(parser.value()?.parse_with(|text| number(text, &(0..=u64::MAX)))?),
                Long("svg") => picture = Some(Run::Svg(parser.value()?.into())),
                Long("text") => picture = Some(Run::Text(parser.value()?.into())),
                other => return Err(other.unexpected()),
            }
        }
        if !headless && (real || repair || seconds.is_some()) {
            return Err("--real, --repair and --seconds belong to --headless".into());
        }
        let run = match picture {
            Some(_) if headless || seed.is_some() => {
                return Err("--svg and --text go alone, since the picture is always the same".into());
            }
            Some(picture) => picture,
            None if headless => Run::Headless { real, seconds: seconds.unwrap_or(10) },
            None => Run::Play,
        };
        Ok(Self { run, seed: seed.unwrap_or(7), repair })
    }
}

fn number<N: FromStr + PartialOrd + Display>(text: &str, range: &RangeInclusive<N>) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("not a number from {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::{Options, Run};

    fn read(line: &str) -> Result<Options, String> {
        let mut parser = lexopt::Parser::from_args(line.split_whitespace());
        Options::read(&mut parser).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_commands_are_understood() {
        assert_eq!(read("").unwrap().run, Run::Play);
        assert_eq!(read("--seed 1").unwrap().seed, 1);
        let headless = read("--headless --seconds 10 --seed 7").unwrap();
        assert_eq!(headless.run, Run::Headless { real: false, seconds: 10 });
        assert_eq!(headless, read("--headless").unwrap());
        assert_eq!(read("--headless --real").unwrap().run, Run::Headless { real: true, seconds: 10 });
        assert_eq!(read("--svg docs/duel.svg").unwrap().run, Run::Svg("docs/duel.svg".into()));
        assert_eq!(read("--help").unwrap().run, Run::Help);
    }

    #[test]
    fn a_mistake_is_named() {
        for (line, word) in [
            ("--fast", "--fast"),
            ("--headless 3", "3"),
            ("--headless --seconds", "--seconds"),
            ("--headless --seconds 0", "1 to 3600"),
            ("--headless --seconds ten", "ten"),
            ("--headless --seed -1", "-1"),
            ("--seconds 5", "--headless"),
            ("--real", "--headless"),
            ("--svg", "--svg"),
            ("--svg a --seed 2", "alone"),
            ("--headless --text a", "alone"),
        ] {
            let message = read(line).unwrap_err();
            assert!(message.contains(word), "{line}: {message}");
        }
    }
}
