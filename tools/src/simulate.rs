//! Two games over a link of your choice, in virtual time: how old each input is when it becomes known, and what it costs.

use std::fs;
use std::process::ExitCode;

use inputwire_sim::bottleneck::{Bottleneck, Queue, Rate, Trace};
use inputwire_sim::duel::{Duel, Player, quantile};
use inputwire_sim::inputs::Inputs;
use inputwire_sim::network::Faults;
use lexopt::prelude::*;
use serde_json::json;

use crate::{options, print};

/// What happens in the first second is not counted.
const START_US: u64 = 1_000_000;

pub(crate) struct Options {
    faults: Faults,
    kbit: Option<u64>,
    queue_ms: u64,
    trace: Option<String>,
    input_len: usize,
    limit: Option<u32>,
    seconds: u64,
    seed: u64,
    json: bool,
}

impl Options {
    pub(crate) fn read(parser: &mut lexopt::Parser) -> Result<Self, lexopt::Error> {
        let faults = Faults { delay_us: 50_000, ..Faults::default() };
        let mut options = Self {
            faults,
            kbit: None,
            queue_ms: 300,
            trace: None,
            input_len: 1,
            limit: None,
            seconds: 60,
            seed: 7,
            json: false,
        };
        let (mut burst, mut every) = (0, 5_000);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("delay") => options.faults.delay_us = millis(parser)?,
                Long("jitter") => options.faults.jitter_us = millis(parser)?,
                Long("loss") => options.faults.loss = percent(parser)?,
                Long("burst") => burst = options::number(parser, 1, 60_000)?,
                Long("every") => every = options::number(parser, 1, 600_000)?,
                Long("reorder") => (options.faults.late, options.faults.late_us) = (percent(parser)?, 30_000),
                Long("duplicate") => options.faults.duplicate = percent(parser)?,
                Long("rate") => options.kbit = Some(options::number(parser, 1, 10_000_000)?),
                Long("queue") => options.queue_ms = options::number(parser, 1, 60_000)?,
                Long("trace") => options.trace = Some(parser.value()?.string()?),
                Long("input-len") => options.input_len = options::number(parser, 1, 16)?,
                Long("limit") => options.limit = Some(options::number(parser, 0, 119)?),
                Long("seconds") => options.seconds = options::number(parser, 2, 86_400)?,
                Long("seed") => options.seed = options::number(parser, 0, u64::MAX)?,
                Long("json") => options.json = true,
                other => return Err(other.unexpected()),
            }
        }
        if burst > 0 {
            (options.faults.bad_us, options.faults.good_us) = (burst * 1_000, every * 1_000);
        }
        Ok(options)
    }

    fn bottleneck(&self) -> Result<Option<Bottleneck>, String> {
        let rate = match (&self.trace, self.kbit) {
            (Some(_), Some(_)) => return Err("--trace has a rate of its own: leave --rate out".into()),
            (Some(file), None) => {
                let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
                Rate::Recorded(Trace::from_mahimahi(&text).ok_or_else(|| format!("{file}: not a trace of mahimahi"))?)
            }
            (None, Some(kbit)) => Rate::steady(kbit * 1_000),
            (None, None) => return Ok(None),
        };
        Ok(Some(Bottleneck::new(rate, Queue::Time(self.queue_ms * 1_000))))
    }
}

fn percent(parser: &mut lexopt::Parser) -> Result<u32, lexopt::Error> {
    // The network counts in thousandths.
    options::number(parser, 0, 100).map(|percent: u32| percent * 10)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, String> {
    match options.input_len {
        1 => play::<1>(options),
        4 => play::<4>(options),
        16 => play::<16>(options),
        _ => Err("inputs have 1, 4 or 16 bytes here".into()),
    }
}

fn play<const N: usize>(options: &Options) -> Result<ExitCode, String> {
    let players = [0, 1]
        .map(|number| Player { limit: options.limit, ..Player::<N>::new(number, Inputs::walk(number.into(), 3)) });
    let mut duel = Duel::new(options.seed, players);
    for (from, to) in [(0, 1), (1, 0)] {
        duel.network.set_faults(from, to, options.faults);
        duel.network.set_bottleneck(from, to, options.bottleneck()?);
    }
    let end = options.seconds * 1_000_000;
    duel.run_until(end);
    let times = START_US..end;
    let ages = duel.ages(times.clone());
    let (still, frames) = duel.refused(&times);
    let age = |permille| quantile(ages.clone(), permille);
    let bytes: Vec<u64> =
        duel.ends.iter().map(|end| end.bytes(&times) as u64 * 1_000_000 / (times.end - times.start)).collect();
    if options.json {
        print(json!({
            "inputs": ages.len(), "age_us": { "median": age(500), "p95": age(950), "p99": age(990), "most": age(1_000) },
            "frames": frames, "stood_still": still, "bytes_per_second": bytes,
        }));
    } else {
        let millis = |micros: u64| format!("{}.{} ms", micros / 1_000, micros / 100 % 10);
        print(format_args!("{} inputs in {} s, after the first second", ages.len(), options.seconds));
        print(format_args!(
            "age when known: median {}, 95 % {}, 99 % {}, at most {}",
            millis(age(500)),
            millis(age(950)),
            millis(age(990)),
            millis(age(1_000))
        ));
        print(format_args!("frames that stood still, too far ahead or with a full window: {still} of {frames}"));
        print(format_args!("bytes a second with headers: {} and {}", bytes[0], bytes[1]));
    }
    Ok(ExitCode::SUCCESS)
}

fn millis(parser: &mut lexopt::Parser) -> Result<u64, lexopt::Error> {
    options::number(parser, 0, 60_000).map(|millis: u64| millis * 1_000)
}
