//! The four schemes under the same faults, compared in a table.

use std::fmt::Write;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant as Clock};

use inputwire::Instant;

use crate::duel::Duel;
use crate::endpoint::{Activity, Endpoint};
use crate::link::{Knobs, Link, Side};
use crate::net::{Net, Udp};
use crate::options::Options;
use crate::scheme::Scheme;

/// After the trial the link is good. For this long both play on, so that the fate of every input is decided, ...
const SETTLE: Duration = Duration::from_secs(2);
/// ... for this long they push nothing more, so that everything is acknowledged, ...
const REST: Duration = Duration::from_millis(500);
/// ... and for this long they only receive, so that nothing is under way.
const LISTEN: Duration = Duration::from_millis(500);
/// How long the cable is pulled in the middle of a trial.
const CUT: Duration = Duration::from_secs(1);

/// The faults of a trial.
#[derive(Clone, Copy, Debug)]
struct Weather {
    name: &'static str,
    loss_percent: u8,
    bursts: bool,
    cut: bool,
}

const WEATHER: [Weather; 6] = [
    Weather { name: "good link", loss_percent: 0, bursts: false, cut: false },
    Weather { name: "5 % loss", loss_percent: 5, bursts: false, cut: false },
    Weather { name: "20 % loss", loss_percent: 20, bursts: false, cut: false },
    Weather { name: "bursts", loss_percent: 0, bursts: true, cut: false },
    Weather { name: "20 % + bursts", loss_percent: 20, bursts: true, cut: false },
    Weather { name: "1 s cut", loss_percent: 0, bursts: false, cut: true },
];

const COLUMNS: &str = "
late: inputs that were guessed first and then corrected; waited: frames in which a game stood still; apart:
trials in which the games came to differ; kbit/s: what each player sends, without headers. Missing inputs are
not requested again; with --repair all schemes except compact, which need not, request them.
";

impl Weather {
    fn knobs(&self, now: Instant, lasts: Duration) -> Knobs {
        let at = |span| Instant::ORIGIN.saturating_add(span);
        if now >= at(lasts) {
            return Knobs::GOOD;
        }
        let cut = self.cut && now >= at(lasts / 2);
        let unplugged_until = if cut { at(lasts / 2 + CUT) } else { Instant::ORIGIN };
        Knobs { loss_percent: self.loss_percent, bursts: self.bursts, unplugged_until, ..Knobs::GOOD }
    }
}

/// One scheme under some faults.
#[derive(Debug)]
struct Trial<N> {
    scheme: Scheme,
    weather: Weather,
    lasts: Duration,
    duel: Duel<N>,
}

impl<N: Net> Trial<N> {
    /// Does everything that is due now.
    fn run(&mut self, now: Instant) -> io::Result<()> {
        self.duel.net.link().knobs = self.weather.knobs(now, self.lasts);
        let activity = match now.saturating_since(Instant::ORIGIN) {
            since if since < self.lasts + SETTLE => Activity::Play,
            since if since < self.lasts + SETTLE + REST => Activity::Rest,
            _ => Activity::Listen,
        };
        for endpoint in &mut self.duel.endpoints {
            endpoint.activity = activity;
        }
        self.duel.run(now)
    }

    fn pushed(&self) -> u32 {
        self.duel.endpoints.iter().map(Endpoint::pushed).sum()
    }

    fn name(&self) -> String {
        format!("{}, {}", self.scheme.name(), self.weather.name)
    }

    /// Returns where the counts made here and those of the stats differ.
    fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        for side in Side::BOTH {
            let endpoint = &self.duel.endpoints[side.index()];
            let (stats, counted, counts) = (endpoint.stats(), endpoint.counted, endpoint.tape.counts());
            let never = self.duel.endpoints[side.other().index()].pushed() - counts.arrived();
            let figures = [
                ("datagrams sent", counted.sent, stats.totals.packets_sent),
                ("bytes sent", counted.sent_bytes, stats.totals.bytes_sent),
                ("datagrams received", counted.received, stats.totals.packets_received + stats.totals.refused.total()),
                ("bytes received", counted.received_bytes, stats.totals.bytes_received),
                ("inputs that never came", u64::from(never), stats.lost_inputs),
                ("inputs that never came, on the tape", u64::from(counts.never), stats.lost_inputs),
                ("inputs missing at the end", 0, u64::from(stats.missing)),
                ("inputs unacknowledged at the end", 0, u64::from(stats.unacked)),
            ];
            for (figure, counted, reported) in figures {
                if counted != reported {
                    let (trial, side) = (self.name(), side.name());
                    differences
                        .push(format!("{trial}, endpoint {side}: {figure}: {counted}, but {reported} in the stats"));
                }
            }
        }
        differences
    }
}

/// Compares the four schemes, and prints the table. Returns whether compact lost nothing and all figures are right.
pub(crate) fn compare(options: &Options, real: bool, seconds: u32) -> io::Result<bool> {
    let lasts = Duration::from_secs(u64::from(seconds));
    let (table, passed) = if real {
        report(&real_time(options, lasts)?, options, "real time over loopback sockets")
    } else {
        report(&virtual_time(options, lasts), options, "virtual time")
    };
    print!("{table}");
    Ok(passed)
}

fn trials<N: Net>(options: &Options, lasts: Duration, net: impl Fn(u64) -> io::Result<N>) -> io::Result<Vec<Trial<N>>> {
    let pairs = Scheme::ALL.into_iter().flat_map(|scheme| WEATHER.map(|weather| (scheme, weather)));
    pairs
        .map(|(scheme, weather)| {
            let duel = Duel::new(Instant::ORIGIN, scheme, options.seed, options.repair, net(options.seed)?);
            Ok(Trial { scheme, weather, lasts, duel })
        })
        .collect()
}

/// Runs one trial after the other in virtual time.
fn virtual_time(options: &Options, lasts: Duration) -> Vec<Trial<Link>> {
    let end = Instant::ORIGIN.saturating_add(lasts + SETTLE + REST + LISTEN);
    let mut trials = trials(options, lasts, |seed| Ok(Link::new(seed))).expect("memory does not fail");
    for trial in &mut trials {
        let mut now = Instant::ORIGIN;
        while now < end {
            trial.run(now).expect("memory does not fail");
            now = trial.duel.wake().map_or(end, |wake| wake.clamp(now, end));
        }
    }
    trials
}

/// Runs all trials at once in real time. Their clock never advances by more than 20 ms at once, so that a busy machine
/// makes them longer, but not wrong.
fn real_time(options: &Options, lasts: Duration) -> io::Result<Vec<Trial<Udp>>> {
    let mut trials = trials(options, lasts, Udp::new)?;
    let (mut since, mut before) = (Duration::ZERO, Clock::now());
    while since < lasts + SETTLE + REST + LISTEN {
        for trial in &mut trials {
            trial.run(Instant::ORIGIN.saturating_add(since))?;
        }
        sleep(Duration::from_millis(1));
        since += before.elapsed().min(Duration::from_millis(20));
        before = Clock::now();
    }
    Ok(trials)
}

/// Returns the table, and whether compact lost nothing and the figures are those of the stats.
fn report<N: Net>(trials: &[Trial<N>], options: &Options, time: &str) -> (String, bool) {
    let mut text = heading(trials, options, time);
    for scheme in Scheme::ALL {
        let of_scheme: Vec<&Trial<N>> = trials.iter().filter(|trial| trial.scheme == scheme).collect();
        row(&mut text, scheme, &of_scheme);
    }
    text.push_str(COLUMNS);
    let differences: Vec<String> = trials.iter().flat_map(Trial::differences).collect();
    let kept = trials.iter().filter(|trial| trial.scheme == Scheme::Compact).all(|trial| {
        let counts = trial.duel.counts();
        counts.never == 0 && counts.arrived() == trial.pushed() && trial.duel.judge.apart == 0
    });
    let verdict = if kept { "compact lost nothing." } else { "COMPACT LOST INPUTS." };
    if differences.is_empty() {
        let _ = writeln!(text, "\n{verdict} Every figure equals the one in the stats.");
    } else {
        let _ = writeln!(text, "\n{verdict} FIGURES DIFFER FROM THE STATS:\n{}", differences.join("\n"));
    }
    (text, kept && differences.is_empty())
}

fn heading<N: Net>(trials: &[Trial<N>], options: &Options, time: &str) -> String {
    let pushed = trials.iter().map(Trial::pushed);
    let (least, most) = (pushed.clone().min().unwrap_or(0), pushed.max().unwrap_or(0));
    let seconds = trials.first().map_or(0, |trial| trial.lasts.as_secs());
    let repair = if options.repair { "; classic peers request missing inputs" } else { "" };
    let mut text = format!(
        "Inputs that never came, of {least} to {most} in each trial: 2 players, {seconds} s and {} s to settle,\n\
         30 frames a second, 50 ms each way, seed {}; {time}{repair}.\n\n{:<12}",
        SETTLE.as_secs(),
        options.seed,
        "",
    );
    for weather in WEATHER {
        let _ = write!(text, "{:>width$}", weather.name, width = width(&weather));
    }
    text.push_str(" |  late waited apart kbit/s\n");
    text
}

fn row<N: Net>(text: &mut String, scheme: Scheme, trials: &[&Trial<N>]) {
    let _ = write!(text, "{:<12}", scheme.name());
    for trial in trials {
        let _ = write!(text, "{:>width$}", trial.duel.counts().never, width = width(&trial.weather));
    }
    let late: u32 = trials.iter().map(|trial| trial.duel.counts().late).sum();
    let waited: u32 = trials.iter().flat_map(|trial| &trial.duel.endpoints).map(|endpoint| endpoint.waited).sum();
    let apart = trials.iter().filter(|trial| trial.duel.judge.apart > 0).count();
    let bytes: u64 =
        trials.iter().flat_map(|trial| &trial.duel.endpoints).map(|endpoint| endpoint.counted.sent_bytes).sum();
    let millis: u128 = trials.iter().map(|trial| 2 * (trial.lasts + SETTLE).as_millis()).sum();
    let tenths = (u128::from(bytes) * 80).checked_div(millis).unwrap_or(0);
    let _ = writeln!(text, " |{late:>6}{waited:>7}{apart:>6}{:>5}.{}", tenths / 10, tenths % 10);
}

/// The width of a column.
fn width(weather: &Weather) -> usize {
    weather.name.len() + 2
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{real_time, report, virtual_time};
    use crate::options::{Options, Run};
    use crate::scheme::Scheme;

    fn options(seed: u64, repair: bool) -> Options {
        Options { run: Run::Play, seed, repair }
    }

    #[test]
    fn compact_loses_nothing_and_the_figures_are_those_of_the_stats() {
        for seed in 0..8 {
            let options = options(seed, seed % 4 == 3);
            let trials = virtual_time(&options, Duration::from_secs(10));
            let (table, passed) = report(&trials, &options, "virtual time");
            assert!(passed, "{table}");
        }
    }

    #[test]
    fn last_3_loses_inputs_in_bursts() {
        let trials = virtual_time(&options(7, false), Duration::from_secs(10));
        let bursts = trials.iter().filter(|trial| trial.scheme == Scheme::Last3 && trial.weather.bursts);
        assert!(bursts.clone().count() == 2);
        for trial in bursts {
            assert!(trial.duel.counts().never > 0, "{}", trial.name());
        }
    }

    #[test]
    fn the_table_is_the_same_each_time() {
        let table = || report(&virtual_time(&options(7, false), Duration::from_secs(3)), &options(7, false), "").0;
        assert_eq!(table(), table());
    }

    #[test]
    fn the_same_holds_over_real_sockets() {
        let options = options(7, false);
        let (table, passed) = report(&real_time(&options, Duration::from_secs(2)).unwrap(), &options, "real time");
        assert!(passed, "{table}");
    }
}
