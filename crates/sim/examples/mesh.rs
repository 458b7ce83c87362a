//! Plays many deaths in games of four, and prints what the survivors made of them.
//!
//! `cargo run --release -p inputwire-sim --example mesh -- 10000 1000`: how many deaths, and the silence in milliseconds after which
//! a peer counts as lost.

use inputwire_sim::mesh::deaths::{Deaths, Row};

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let (deaths, disconnect_ms) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(1_000));
    println!("lost | a survivor lacks inputs | {}", Row::columns());
    for loss in [0, 50, 200] {
        let mut rows = [Row::default(), Row::default()];
        for (place, uneven) in [(0, false), (1, true)] {
            let games = Deaths { loss, uneven, disconnect_us: disconnect_ms * 1_000 };
            let first = deaths * place;
            let [none, lacking] = games.play(first..first + deaths.div_ceil(6));
            rows[0] += none;
            rows[1] += lacking;
        }
        for (lacks, row) in ["no", "yes"].iter().zip(&rows) {
            println!("{} % | {lacks} | {row}", loss / 10);
        }
    }
}
