//! Many games, drawn by seeds: `ROLLBACK_GAMES` says how many, `ROLLBACK_FIRST` from which one on, `ROLLBACK_GAME` plays a single
//! one.

use crate::world::{Kind, Plan, Played, play};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn confirmed_states_equal_a_plain_simulation_of_the_inputs_for_any_schedule() {
    let first = number("ROLLBACK_GAME").or(number("ROLLBACK_FIRST")).unwrap_or(0);
    let count = number("ROLLBACK_GAME").map_or(number("ROLLBACK_GAMES").unwrap_or(150), |_| 1);
    let seeds = first..first + count;
    let mut total = Played::default();
    for seed in seeds {
        let played = play(&Plan::draw(seed));
        total.confirmed += played.confirmed;
        total.resimulated += played.resimulated;
        total.epochs += played.epochs;
        total.departed += played.departed;
        total.joined += played.joined;
        total.lost += played.lost;
        for (kind, times) in played.kinds {
            *total.kinds.entry(kind).or_default() += times;
        }
    }
    println!("{total:?}");
    // Fewer games may lack a kind.
    if count >= 150 {
        let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !total.kinds.contains_key(kind)).collect();
        assert!(missing.is_empty(), "no game had {missing:?}: {total:?}");
    }
}
