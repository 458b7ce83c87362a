//! The rollback driver: beside the loop by hand on the smallest game, and beside ggrs with pong.
//!
//! ```text
//! rollback [frames] [rounds]
//! rollback --count loop|driver|pong|pong-ggrs     plays only that, for `rollback.sh`
//! ```

use bench::clock;
use bench::driver::Driver;
use bench::duel::{Measured, play};
use bench::game::Loop;
use bench::network::Weather;
use bench::peers::Wrap;
use bench::peers::ggrs::Ggrs;
use bench::pong;
use bench::report::{head, median, quantile, row};

const CALM: Weather = Weather { name: "no loss", rtt_us: 100_000, loss: 0.0, bursts: false, outages: false };

type Run = fn(Weather, u64, u64) -> Measured;

fn main() {
    if let Some(what) = std::env::args().skip_while(|argument| argument != "--count").nth(1) {
        return count(&what);
    }
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let frames = arguments.next().unwrap_or(3_600);
    let rounds = arguments.next().unwrap_or(9);
    println!("### CPU ns a frame, the smallest game, RTT 100 ms, no loss\n");
    head(&["input", "loop by hand", "driver", "ggrs", "driver / loop", "ggrs / driver", "allocations of the driver"]);
    cpu::<u8, 1>("1 byte", frames, rounds);
    cpu::<[u8; 8], 8>("8 bytes", frames, rounds);
    println!("\n### Pong, RTT 100 ms\n");
    head(&[
        "link",
        "",
        "frames played, %",
        "datagrams",
        "payload bytes",
        "CPU ns",
        "rollbacks per 1,000 frames",
        "frames again, per frame",
        "deepest",
        "recovery, ms: p50 / max",
    ]);
    let weathers = [
        CALM,
        Weather { name: "10 % lost", loss: 0.1, ..CALM },
        Weather { name: "30 % lost", loss: 0.3, ..CALM },
        Weather { name: "outages of 0.3 to 0.9 s", outages: true, ..CALM },
    ];
    for weather in weathers {
        pong("inputwire-rollback", play::<pong::Ours, 1>, weather, frames);
        pong("ggrs 0.13.0", play::<pong::Ggrs, 1>, weather, frames);
    }
}

/// Plays 3,000 frames after the warm-up, without a look at the clock.
fn count(what: &str) {
    let run: Run = match what {
        "loop" => play::<Loop<1>, 1>,
        "driver" => play::<Driver<1>, 1>,
        "pong" => play::<pong::Ours, 1>,
        _ => play::<pong::Ggrs, 1>,
    };
    run(CALM, 1, 3_000);
}

fn cpu<I: Wrap<N>, const N: usize>(title: &str, frames: u64, rounds: u64) {
    let runs: [Run; 3] = [play::<Loop<N>, N>, play::<Driver<N>, N>, play::<Ggrs<I, N>, N>];
    let (ns_per_tick, overhead) = clock::calibrate();
    let mut ns: [Vec<f64>; 3] = Default::default();
    let mut last: [Measured; 3] = Default::default();
    for _ in 0..rounds {
        for ((run, ns), last) in runs.iter().zip(&mut ns).zip(&mut last) {
            *last = run(CALM, 1, frames);
            let ticks = last.ticks as f64 - overhead * last.calls as f64;
            ns.push(ticks * ns_per_tick / last.frames as f64);
        }
    }
    let same = |measured: &Measured| (measured.hash, measured.depths, measured.frames, measured.bytes);
    assert_eq!(same(&last[0]), same(&last[1]), "the driver plays another game than the loop");
    let ratio = |one: usize, other: usize| {
        median(&mut ns[one].iter().zip(&ns[other]).map(|(one, other)| one / other).collect::<Vec<_>>())
    };
    let ratios = [ratio(1, 0), ratio(2, 1)];
    let [hand, driver, ggrs] = ns.map(|mut ns| format!("{:.0}", median(&mut ns)));
    let [above, below] = ratios.map(|ratio| format!("{ratio:.2}"));
    row(&[title.into(), hand, driver, ggrs, above, below, last[1].allocations.to_string()]);
}

fn pong(name: &str, run: Run, weather: Weather, frames: u64) {
    let (ns_per_tick, overhead) = clock::calibrate();
    let mut total = Measured::default();
    for seed in 1..=5 {
        let measured = run(weather, seed, frames);
        total.frames += measured.frames;
        total.stalled += measured.stalled;
        total.ticks += measured.ticks;
        total.calls += measured.calls;
        total.bytes += measured.bytes;
        total.datagrams += measured.datagrams;
        total.recoveries.extend(measured.recoveries);
        let (rollbacks, again, deepest) = measured.depths;
        total.depths = (total.depths.0 + rollbacks, total.depths.1 + again, total.depths.2.max(deepest));
    }
    let per = |count: u64| count as f64 / total.frames as f64;
    let ns = (total.ticks as f64 - overhead * total.calls as f64) * ns_per_tick / total.frames as f64;
    let recovery = if total.recoveries.is_empty() {
        "-".into()
    } else {
        let mut at = |part| quantile(&mut total.recoveries, part) as f64 / 1_000.0;
        format!("{:.0} / {:.0}", at(0.5), at(1.0))
    };
    row(&[
        weather.name.into(),
        name.into(),
        format!("{:.1}", 100.0 * (1.0 - per(total.stalled))),
        format!("{:.2}", per(total.datagrams)),
        format!("{:.1}", per(total.bytes)),
        format!("{ns:.0}"),
        format!("{:.0}", 1_000.0 * per(total.depths.0)),
        format!("{:.2}", per(total.depths.1)),
        total.depths.2.to_string(),
        recovery,
    ]);
}
