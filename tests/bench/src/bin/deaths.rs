//! A player of four dies, and the others play on: inputwire beside ggrs and fortress-rollback.
//!
//! ```text
//! deaths [games]
//! ```

use bench::mesh::others::fortress::Fortress;
use bench::mesh::others::ggrs::Ggrs;
use bench::mesh::ours::Ours;
use bench::mesh::{Outcome, play};
use bench::report::{head, row};

const NAMES: [&str; 3] = ["inputwire", "ggrs 0.13.0", "fortress-rollback 0.13.0"];

fn main() {
    let games = std::env::args().nth(1).and_then(|games| games.parse().ok()).unwrap_or(20);
    let plays: [fn(u64, f64, bool) -> Outcome; 3] = [play::<Ours>, play::<Ggrs>, play::<Fortress>];
    println!("{games} games a row; one of four players dies, one way 30 to 40 ms; given up after 2 s of silence\n");
    head(&["loss", "its links fail", "", "frames a second: first second without it / later", "agreed", "diverged"]);
    for loss in [0.0, 0.05, 0.2] {
        for one_by_one in [false, true] {
            for (name, play) in NAMES.iter().zip(plays) {
                let is_ours = *name == NAMES[0];
                // Where survivors know different last inputs, the others are not compared.
                if (one_by_one || loss > 0.0) && !is_ours {
                    continue;
                }
                let outcomes: Vec<Outcome> = (0..games).map(|seed| play(seed, loss, one_by_one)).collect();
                let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
                let count =
                    |of: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count().to_string();
                row(&[
                    format!("{:.0} %", loss * 100.0),
                    if one_by_one { "one by one".into() } else { "at once".into() },
                    (*name).into(),
                    format!("{:.1} / {:.1}", mean(|outcome| outcome.soon), mean(|outcome| outcome.later)),
                    if is_ours { count(|outcome| outcome.agreed) } else { String::new() },
                    if is_ours { count(|outcome| outcome.diverged) } else { String::new() },
                ]);
            }
        }
    }
}
