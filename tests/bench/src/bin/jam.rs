//! How a jam of a narrow link passes, what recorded links do, and how fast large inputs are.
//!
//! ```text
//! jam [directory]
//! ```
//!
//! The directory, or that in the variable `LINKS`, has a NAME.up and a NAME.down for each recorded link of `RECORDED`: byte t is
//! how many packets of 1,500 bytes it could carry in millisecond t. Or NAME.up.txt and NAME.down.txt, as mahimahi has them.

use std::path::Path;

use bench::jam::{large, record};
use bench::report::{head, row};
use inputwire_sim::bottleneck::Trace;
use inputwire_sim::duel::FRAME_US;
use inputwire_sim::inputs::Inputs;
use inputwire_sim::jam::{Healing, need, play};

const PADS: [&[u8]; 2] =
    [include_bytes!("../../../traces/melee-v2.8.p0"), include_bytes!("../../../traces/melee-v2.8.p1")];
const RATES: [u64; 8] = [32, 40, 48, 64, 96, 128, 192, 256];
const LIMITS: [(Option<u32>, &str); 3] = [(None, "no limit"), (Some(8), "8"), (Some(20), "20")];
/// The name, the foreign traffic in percent, and the p99 before the sending rule of PROTOCOL 3.8 knew jams, in frames.
const RECORDED: [(&str, u64, f64); 3] =
    [("Verizon-EVDO-driving", 0, 362.6), ("TMobile-LTE-short", 80, 57.4), ("Verizon-LTE-short", 80, 127.4)];

#[derive(Clone, Copy)]
enum Kind {
    Unchanged,
    Walk,
    Noise,
    Pads,
}

const KINDS: [(Kind, &str); 4] = [
    (Kind::Unchanged, "unchanged, 4 bytes"),
    (Kind::Walk, "walk, 4 bytes"),
    (Kind::Noise, "noise, 4 bytes"),
    (Kind::Pads, "recorded pads, 8 bytes"),
];

fn unchanged() -> [Inputs<4>; 2] {
    [1, 2].map(|byte| Inputs::constant([byte; 4]))
}

fn walk() -> [Inputs<4>; 2] {
    [1, 2].map(|seed| Inputs::walk(seed, 3))
}

fn pads() -> [Inputs<8>; 2] {
    PADS.map(Inputs::recorded)
}

impl Kind {
    fn heal(self, kbit: u64, limit: Option<u32>) -> Healing {
        match self {
            Self::Unchanged => play(kbit, limit, unchanged()),
            Self::Walk => play(kbit, limit, walk()),
            Self::Noise => play(kbit, limit, [1, 2].map(Inputs::<4>::noise)),
            Self::Pads => play(kbit, limit, pads()),
        }
    }

    fn need(self) -> u64 {
        match self {
            Self::Unchanged => need(unchanged()),
            Self::Walk => need(walk()),
            Self::Noise => need([1, 2].map(Inputs::<4>::noise)),
            Self::Pads => need(pads()),
        }
    }
}

fn main() {
    jams();
    links();
    println!("\n### Inputs of 255 random bytes: how many a second\n");
    head(&["RTT", "0 % lost", "20 % lost"]);
    for rtt_ms in [60, 100, 150, 200, 250, 300] {
        let [calm, lossy] = [0, 200].map(|loss| format!("{:.1}", large(rtt_ms * 1_000, loss)));
        row(&[format!("{rtt_ms} ms"), calm, lossy]);
    }
}

/// Prints when each jam had passed.
fn jams() {
    println!("### Seconds after a jam of 3 s until everything is as before, by kbit/s\n");
    let rates = RATES.map(|kbit| kbit.to_string());
    let names: Vec<&str> = ["inputs", "need", "limit"].into_iter().chain(rates.iter().map(String::as_str)).collect();
    head(&names);
    let (mut healed, mut jammed, mut roomy) = (Vec::new(), 0, 0);
    let mut refused = [(0, 0); LIMITS.len()];
    for (kind, name) in KINDS {
        let need = kind.need();
        for ((limit, limit_name), refused) in LIMITS.into_iter().zip(&mut refused) {
            let mut cells = vec![name.to_string(), format!("{:.1}", need as f64 / 1e3), limit_name.to_string()];
            for kbit in RATES {
                let outcome = kind.heal(kbit, limit);
                *refused = (refused.0 + outcome.refused.0, refused.1 + outcome.refused.1);
                cells.push(outcome.healed_us.map_or("never".into(), |us| format!("{:.1}", us as f64 / 1e6)));
                match outcome.healed_us {
                    Some(us) => healed.push(us),
                    None => (jammed, roomy) = (jammed + 1, roomy + u32::from(kbit * 3_000 >= need * 4)),
                }
            }
            row(&cells);
        }
    }
    let mean = healed.iter().sum::<u64>() as f64 / healed.len().max(1) as f64 / 1e6;
    let worst = healed.iter().max().copied().unwrap_or(0) as f64 / 1e6;
    let shares = refused.map(|(refused, all)| format!("{:.1}", refused as f64 * 100.0 / all as f64));
    println!("\nnot healed: {jammed} of {}, {roomy} of them with 1.33 times the need", healed.len() + jammed as usize);
    println!("healed after {mean:.1} s on average, {worst:.1} s at worst");
    println!("pushes refused: {} % without a limit, {} % with 8, {} % with 20", shares[0], shares[1], shares[2]);
}

/// Prints what the recorded links do, where they are.
fn links() {
    let directory = std::env::args().nth(1).or_else(|| std::env::var("LINKS").ok());
    let Some(directory) = directory else {
        println!("\nskipped: recorded links: neither an argument nor LINKS names their directory");
        return;
    };
    println!("\n### Recorded links, pads of 8 bytes: the age of the newest known input, in frames\n");
    head(&["link", "p50 / p99 / max", "p99 before", "ratio", "pushes refused", "longest datagram"]);
    for (name, percent, before) in RECORDED {
        let traces = ["down", "up"].map(|way| read(Path::new(&directory), &format!("{name}.{way}")));
        let [Some(down), Some(up)] = traces else {
            println!("skipped: {name}: no trace of both ways in {directory}");
            continue;
        };
        let recorded = record([down, up], percent, pads());
        let [median, p99, max] = recorded.ages_us.map(|us| us as f64 / FRAME_US as f64);
        row(&[
            format!("{name}, {percent} % foreign"),
            format!("{median:.1} / {p99:.1} / {max:.1}"),
            format!("{before:.1}"),
            format!("{:.2}", p99 / before),
            format!("{:.1} %", recorded.refused.0 as f64 * 100.0 / recorded.refused.1 as f64),
            recorded.longest.to_string(),
        ]);
    }
}

fn read(directory: &Path, name: &str) -> Option<Trace> {
    let counts = std::fs::read(directory.join(name)).ok().and_then(|counts| Trace::from_counts(&counts));
    let text = || std::fs::read_to_string(directory.join(format!("{name}.txt"))).ok();
    counts.or_else(|| Trace::from_mahimahi(&text()?))
}
