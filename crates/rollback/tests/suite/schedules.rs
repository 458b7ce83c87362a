//! Many games, drawn by seeds: `ROLLBACK_GAMES` says how many, `ROLLBACK_GAME` plays a single one.

use crate::world::{Plan, Played, play};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn confirmed_states_equal_a_plain_simulation_of_the_inputs_for_any_schedule() {
    let seeds = match number("ROLLBACK_GAME") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ROLLBACK_GAMES").unwrap_or(150),
    };
    let mut total = Played::default();
    for seed in seeds {
        let played = play(&Plan::draw(seed));
        total.confirmed += played.confirmed;
        total.resimulated += played.resimulated;
        total.epochs += played.epochs;
        total.departed += played.departed;
        total.joined += played.joined;
        total.lost += played.lost;
    }
    println!("{total:?}");
}
