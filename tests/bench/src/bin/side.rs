//! inputwire and the other libraries side by side.
//!
//! ```text
//! side [frames] [rounds]
//! ```

use bench::bare::Bare;
use bench::clock;
use bench::duel::{Measured, play};
use bench::game::Loop;
use bench::inputs::entropy;
use bench::limits::age;
use bench::network::Weather;
use bench::peers::Wrap;
use bench::peers::fortress::Fortress;
use bench::peers::ggrs::Ggrs;
use bench::report::{ages, head, median, quantile, row};

const NAMES: [&str; 4] = ["inputwire", "inputwire in a rollback loop", "ggrs 0.13.0", "fortress-rollback 0.13.0"];
/// Bytes of the headers of UDP and IPv4.
const HEADERS: f64 = 28.0;

type Runs = [fn(Weather, u64, u64) -> Measured; 4];

fn runs<I: Wrap<N>, const N: usize>() -> Runs {
    [play::<Bare<N>, N>, play::<Loop<N>, N>, play::<Ggrs<I, N>, N>, play::<Fortress<I, N>, N>]
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let frames = arguments.next().unwrap_or(3_600);
    let rounds = arguments.next().unwrap_or(9);
    let calm = Weather { name: "calm", rtt_us: 100_000, loss: 0.0, bursts: false, outages: false };
    println!("{frames} frames a row, {rounds} interleaved rounds; per frame and peer\n");
    costs::<1>("buttons (u8)", &runs::<u8, 1>(), calm, frames, rounds);
    costs::<8>("analog (8 bytes)", &runs::<[u8; 8], 8>(), calm, frames, rounds);

    println!("### Known age, stalls and recovery, buttons\n");
    let lossy = |rtt_ms: u64, percent: u32, name| Weather {
        name,
        rtt_us: rtt_ms * 1_000,
        loss: f64::from(percent) / 100.0,
        ..calm
    };
    let weathers = [
        lossy(0, 0, "RTT 0"),
        lossy(50, 0, "RTT 50"),
        lossy(100, 0, "RTT 100"),
        lossy(200, 0, "RTT 200"),
        lossy(100, 5, "RTT 100, 5 % lost"),
        lossy(100, 20, "RTT 100, 20 % lost"),
        lossy(200, 20, "RTT 200, 20 % lost"),
        Weather { bursts: true, ..lossy(100, 0, "RTT 100, bursts") },
        Weather { outages: true, ..lossy(100, 0, "RTT 100, outages") },
    ];
    links(&runs::<u8, 1>(), &weathers, frames);
}

/// Prints the cost of a frame on a calm link.
fn costs<const N: usize>(title: &str, runs: &Runs, weather: Weather, frames: u64, rounds: u64) {
    let (ns_per_tick, overhead) = clock::calibrate();
    let mut ns: [Vec<f64>; 4] = Default::default();
    let mut last: [Option<Measured>; 4] = Default::default();
    for _ in 0..rounds {
        for ((run, ns), last) in runs.iter().zip(&mut ns).zip(&mut last) {
            let measured = run(weather, 1, frames);
            let ticks = measured.ticks as f64 - overhead * measured.calls as f64;
            ns.push(ticks * ns_per_tick / measured.frames as f64);
            *last = Some(measured);
        }
    }
    // Ratios are computed within each round, where the noise is the same for all.
    let ratio = |one: usize, other: usize| {
        median(&mut ns[one].iter().zip(&ns[other]).map(|(one, other)| one / other).collect::<Vec<_>>())
    };
    let ratios = [0, 1, 2, 3].map(|at| (ratio(2, at), ratio(3, at)));
    let last = last.map(|measured| measured.expect("a round"));
    let limit = last[0].numbers.limit(entropy::<N>());

    println!("### {title}, RTT 100 ms, no loss\n");
    head(&[
        "",
        "payload bytes",
        "x limit",
        "datagrams",
        "bytes on the wire",
        "x limit",
        "CPU ns",
        "ggrs / this",
        "fortress / this",
        "allocations",
        "RTT shown, ms",
    ]);
    let limit_wire = limit + HEADERS;
    row(&[
        "limit".into(),
        format!("{limit:.2}"),
        "1".into(),
        "1".into(),
        format!("{limit_wire:.1}"),
        "1".into(),
        "".into(),
        "".into(),
        "".into(),
        "0".into(),
        "100".into(),
    ]);
    for (at, measured) in last.iter().enumerate() {
        let per = |count: u64| count as f64 / measured.frames as f64;
        let wire = per(measured.bytes) + HEADERS * per(measured.datagrams);
        row(&[
            NAMES[at].into(),
            format!("{:.2}", per(measured.bytes)),
            format!("{:.2}", per(measured.bytes) / limit),
            format!("{:.2}", per(measured.datagrams)),
            format!("{wire:.1}"),
            format!("{:.2}", wire / limit_wire),
            format!("{:.0}", median(&mut ns[at])),
            format!("{:.1}", ratios[at].0),
            format!("{:.1}", ratios[at].1),
            format!("{:.1}", per(measured.allocations)),
            measured.rtt_ms.map_or("-".into(), |rtt| format!("{rtt:.1}")),
        ]);
    }
    println!();
}

/// Prints the effect of links on a game.
fn links(runs: &Runs, weathers: &[Weather], frames: u64) {
    head(&["link", "", "known age, frames: p50 / p99 / max", "p50 x floor", "stalled, %", "recovery, ms: p50 / max"]);
    for weather in weathers {
        for (at, run) in runs.iter().enumerate() {
            let mut total = Measured::default();
            for seed in 1..=5 {
                let measured = run(*weather, seed, frames);
                total.frames += measured.frames;
                total.stalled += measured.stalled;
                total.ages.extend(measured.ages);
                total.recoveries.extend(measured.recoveries);
            }
            let floor = age(weather.rtt_us, at > 0);
            let p50 = quantile(&mut total.ages, 0.5) as f64 / bench::duel::FRAME_US as f64;
            let recovery = |part, total: &mut Measured| quantile(&mut total.recoveries, part) as f64 / 1_000.0;
            row(&[
                weather.name.into(),
                NAMES[at].into(),
                ages(&mut total),
                if floor > 0.0 { format!("{:.2}", p50 / floor) } else { "-".into() },
                format!("{:.1}", 100.0 * total.stalled as f64 / total.frames as f64),
                if total.recoveries.is_empty() {
                    "-".into()
                } else {
                    format!("{:.0} / {:.0}", recovery(0.5, &mut total), recovery(1.0, &mut total))
                },
            ]);
        }
    }
    println!();
}
