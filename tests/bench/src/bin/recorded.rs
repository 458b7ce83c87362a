//! inputwire beside the other libraries on recorded inputs, over a usual link and over recorded ones.
//!
//! ```text
//! recorded [directory] [rounds]
//! ```
//!
//! The directory, or that in the variable `LINKS`, has a NAME.up and a NAME.down for each recorded link of `RECORDED`: byte t is how
//! many packets of 1,500 bytes it could carry in millisecond t. Or NAME.up.txt and NAME.down.txt, as mahimahi has them.

use std::path::Path;
use std::time::Duration;

use bench::clock;
use bench::duel::FRAME_US;
use bench::peers::Wrap;
use bench::recorded::limit::bits_per_input;
use bench::recorded::others::fortress::Fortress;
use bench::recorded::others::ggrs::Ggrs;
use bench::recorded::ours::{Bare, Driver};
use bench::recorded::path::{Link, least_ages, read};
use bench::recorded::play::{END_US, Outcome, Setup, play};
use bench::recorded::told::Fresh;
use bench::report::{head, median, quantile, row};

const NAMES: [&str; 4] = ["inputwire", "inputwire-rollback", "ggrs 0.13.0", "fortress-rollback 0.13.0"];
/// The first two bytes of a pad are its buttons.
const MATCHES: [(&str, [&[u8]; 2]); 2] = [
    ("melee-v2", [include_bytes!("../../../traces/melee-v2.8.p0"), include_bytes!("../../../traces/melee-v2.8.p1")]),
    (
        "melee-console",
        [include_bytes!("../../../traces/melee-console.8.p0"), include_bytes!("../../../traces/melee-console.8.p1")],
    ),
];
const RECORDED: [&str; 3] = ["TMobile-LTE-short", "Verizon-LTE-short", "Verizon-EVDO-driving"];
/// Bytes of the headers of UDP and IPv4.
const HEADERS: f64 = 28.0;
/// Longer than any gap of the recorded links, so that all libraries play to the end.
const PATIENT: Option<Duration> = Some(Duration::from_secs(30));

type Play = fn(&Link, u64, [&[u8]; 2], Setup, f64) -> Outcome;
/// Each library: as it is, and with inputs that make every prediction wrong.
type Plays = [[Play; 2]; 4];

fn plays<const N: usize>() -> Plays
where
    [u8; N]: Wrap<N>,
{
    [
        [play::<Bare<N>, N>; 2],
        [play::<Driver<N>, N>; 2],
        [play::<Ggrs<[u8; N], N>, N>, play::<Ggrs<Fresh<N>, N>, N>],
        [play::<Fortress<[u8; N], N>, N>, play::<Fortress<Fresh<N>, N>, N>],
    ]
}

fn main() {
    let mut directory = std::env::var("LINKS").ok();
    let mut rounds = 9;
    for argument in std::env::args().skip(1) {
        match argument.parse() {
            Ok(count) => rounds = count,
            Err(_) => directory = Some(argument),
        }
    }
    println!("two minutes of each, without the first ten seconds; {rounds} interleaved rounds; per frame and peer\n");
    let [(_, pads), _] = MATCHES;
    let buttons = pads.map(|pad| pad.chunks_exact(8).flat_map(|pad| &pad[..2]).copied().collect::<Vec<u8>>());
    let buttons = [0, 1].map(|player: usize| buttons[player].as_slice());
    let usual = |title: &str| format!("{title}, RTT 100 ms, 1 % lost");
    table(
        &usual("Buttons of melee-v2, 2 bytes"),
        &plays::<2>(),
        &Link::Usual,
        buttons,
        bits_per_input::<2>(buttons),
        rounds,
    );
    for (name, pads) in MATCHES {
        table(
            &usual(&format!("Pads of {name}, 8 bytes")),
            &plays::<8>(),
            &Link::Usual,
            pads,
            bits_per_input::<8>(pads),
            rounds,
        );
    }
    let Some(directory) = directory else {
        println!("skipped: recorded links: neither an argument nor LINKS names their directory");
        return;
    };
    for name in RECORDED {
        let Some(traces) = read(Path::new(&directory), name) else {
            println!("skipped: {name}: no trace of both ways in {directory}\n");
            continue;
        };
        for foreign in [0, 80] {
            let link = Link::Recorded { traces: traces.clone(), foreign };
            let title = if foreign == 0 { name.to_string() } else { format!("{name}, {foreign} % foreign traffic") };
            table(
                &format!("Pads of melee-v2 over {title}"),
                &plays::<8>(),
                &link,
                pads,
                bits_per_input::<8>(pads),
                rounds,
            );
        }
    }
}

/// Prints what each library makes of these inputs on this link.
fn table(title: &str, plays: &Plays, link: &Link, players: [&[u8]; 2], bits_per_input: f64, rounds: u64) {
    let (ns_per_tick, overhead) = clock::calibrate();
    let mut ns: [Vec<f64>; 4] = Default::default();
    let mut rows: [Row; 4] = Default::default();
    for round in 0..rounds {
        for (at, [plain, wrong]) in plays.iter().enumerate() {
            let setup = Setup { is_told: false, patience: PATIENT };
            let outcome = plain(link, round, players, setup, bits_per_input);
            let ticks = outcome.counts.ticks as f64 - overhead * outcome.counts.calls as f64;
            ns[at].push(ticks * ns_per_tick / outcome.counts.frames as f64);
            // Nothing is random on a recorded link.
            if round > 0 && !matches!(link, Link::Usual) {
                continue;
            }
            let told = wrong(link, round, players, Setup { is_told: true, ..setup }, bits_per_input);
            assert_eq!(outcome.played, told.played, "wrong predictions changed the game");
            let default = wrong(link, round, players, Setup { is_told: true, patience: None }, bits_per_input);
            rows[at].add(outcome, told, &default);
        }
    }
    // Ratios are computed within each round, where the noise is the same for all.
    let ratio = |one: usize, other: usize| {
        median(&mut ns[one].iter().zip(&ns[other]).map(|(one, other)| one / other).collect::<Vec<_>>())
    };
    let ratios = [0, 1, 2, 3].map(|at| (ratio(2, at), ratio(3, at)));
    // The others wait for the other player as the driver does, so that as much is unacknowledged.
    let limits = [0, 1, 1, 1].map(|at: usize| rows[at].limit());
    let seeds = if matches!(link, Link::Usual) { rounds } else { 1 };

    println!("### {title}\n");
    println!("At least {bits_per_input:.2} bits an input. Ratios of CPU: {}.\n", machine());
    head(&[
        "",
        "payload bytes",
        "x limit",
        "datagrams",
        "bytes on the wire",
        "x limit",
        "known age, frames: p50 / p99 / max",
        "stalled, %",
        "RTT error, ms: p50 / p90",
        "lead of the first, frames: mean; p99 of either",
        "gives up by default, after s",
        "CPU ns",
        "ggrs / this",
        "fortress / this",
    ]);
    for (at, measured) in rows.iter_mut().enumerate() {
        let limit = limits[at];
        if at < 2 {
            let least = |seed| least_ages(link, seed, (limit.payload / limit.datagrams).ceil() as usize);
            // A game that waits presses nothing while the link is bad, so its ages have no limit of this kind.
            let ages = (at == 0).then(|| quantiles(&mut (0..seeds).flat_map(least).collect::<Vec<u64>>()));
            let name = ["limit of a game that never waits", "limit of games that wait"][at];
            let mut cells = vec![
                name.into(),
                format!("{:.2}", limit.payload),
                "1".into(),
                format!("{:.2}", limit.datagrams),
                format!("{:.1}", limit.payload + HEADERS * limit.datagrams),
                "1".into(),
                ages.unwrap_or_default(),
                "0".into(),
                "0".into(),
            ];
            cells.resize(14, String::new());
            row(&cells);
        }
        let [bytes, datagrams, stalled] =
            [measured.bytes, measured.datagrams, measured.stalled].map(|count| count as f64 / measured.frames as f64);
        let wire = bytes + HEADERS * datagrams;
        let errors = [0.5, 0.9].map(|part| format!("{:.1}", quantile(&mut measured.rtt_errors, part) as f64 / 1_000.0));
        let mean = measured.leads.iter().sum::<i64>() as f64 / measured.leads.len() as f64;
        let mut apart: Vec<u64> = measured.leads.iter().map(|lead| lead.unsigned_abs()).collect();
        row(&[
            NAMES[at].into(),
            format!("{bytes:.2}"),
            format!("{:.2}", bytes / limit.payload),
            format!("{datagrams:.2}"),
            format!("{wire:.1}"),
            format!("{:.2}", wire / (limit.payload + HEADERS * limit.datagrams)),
            quantiles(&mut measured.ages),
            format!("{:.1}", 100.0 * stalled),
            errors.join(" / "),
            format!("{mean:+.1}; {}", quantile(&mut apart, 0.99)),
            measured.given_up.map_or("never".into(), |us| format!("{:.1}", us as f64 / 1e6)),
            format!("{:.0}", median(&mut ns[at])),
            format!("{:.1}", ratios[at].0),
            format!("{:.1}", ratios[at].1),
        ]);
    }
    println!();
}

/// The processor, its clock and its cores, as this machine shows them.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_string())
    };
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    let kind = if field("flags").is_some_and(|flags| flags.contains("hypervisor")) { "virtual" } else { "real" };
    let [name, clock] = ["model name", "cpu MHz"].map(|name| field(name).unwrap_or("unknown".into()));
    format!("{name}, {cores} {kind} cores, {clock} MHz")
}

/// Ages in frames: the median, the 99th percentile, the maximum.
fn quantiles(ages: &mut [u64]) -> String {
    [0.5, 0.99, 1.0].map(|part| format!("{:.1}", quantile(ages, part) as f64 / FRAME_US as f64)).join(" / ")
}

/// The sums over some rounds.
#[derive(Default)]
struct Row {
    rounds: u64,
    frames: u64,
    stalled: u64,
    bytes: u64,
    datagrams: u64,
    /// The limits of an input datagram of each round.
    limit: f64,
    limited: u64,
    ages: Vec<u64>,
    rtt_errors: Vec<u64>,
    leads: Vec<i64>,
    given_up: Option<u64>,
}

/// The least bytes and datagrams of a frame.
#[derive(Clone, Copy)]
struct Limit {
    payload: f64,
    datagrams: f64,
}

impl Row {
    fn add(&mut self, outcome: Outcome, told: Outcome, default: &Outcome) {
        self.rounds += 1;
        self.frames += outcome.counts.frames;
        self.stalled += outcome.counts.stalled;
        self.bytes += outcome.counts.bytes;
        self.datagrams += outcome.counts.datagrams;
        self.limit += outcome.limit;
        self.limited += outcome.limited;
        self.ages.extend(told.ages);
        self.rtt_errors.extend(outcome.rtt_errors);
        self.leads.extend(outcome.leads);
        // An input is told every few frames while a game goes on.
        let silent = default.last_told < END_US - 5_000_000;
        self.given_up = self.given_up.or(silent.then_some(default.last_told));
    }

    fn limit(&self) -> Limit {
        let datagrams = self.limited as f64 / self.frames as f64;
        Limit { payload: self.limit / self.rounds as f64 * datagrams, datagrams }
    }
}
