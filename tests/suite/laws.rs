//! The laws (docs/DESIGN.md), checked in many small worlds, each with faults of its own.
//!
//! ```text
//! SIM_SEEDS=100000 cargo test --release laws
//! SIM_SEED=7 SIM_MODE=liveness cargo test sim_one -- --ignored --nocapture
//! SIM_SEEDS=1000000 cargo test --release sim_many -- --ignored --nocapture
//! SIM_SEED=7 SIM_MODE=liveness cargo run --release -p inputwire-record --example simulated -- FOLDER
//! ```
//!
//! The last line writes recordings of all sessions of a run, which `inputwire replay` plays.

use inputwire_sim::batch::{plan_from_env, run_many};
use inputwire_sim::bout::Bout;
use inputwire_sim::plan::{Mode, Plan};
use inputwire_sim::run;
use inputwire_sim::sabotage::Sabotage;
use inputwire_sim::shrink::shrink;
use inputwire_sim::tally::Kind;

#[test]
fn no_law_is_broken_while_faults_of_every_kind_never_stop() {
    let batch = run_many(Mode::Safety, 200);
    batch.expect_no_finding();
    let tally = &batch.tally;
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Healed) {
        assert!(tally.of(*kind) > 0, "{} never happened in {} seeds", kind.name(), tally.seeds);
    }
    assert!(tally.delivered > tally.pushed / 2, "{} delivered of {} pushed", tally.delivered, tally.pushed);
}

#[test]
fn every_deadline_is_kept_once_the_network_has_healed() {
    let batch = run_many(Mode::Liveness, 120);
    batch.expect_no_finding();
    let (deadlines, seeds) = (batch.tally.deadlines, batch.tally.seeds);
    assert!(deadlines > 50 * seeds, "only {deadlines} deadlines in {seeds} seeds");
}

#[test]
fn the_same_seed_gives_the_same_run_bit_for_bit() {
    for seed in 0..10 {
        let plan = Plan::draw(seed, Mode::Liveness);
        assert_eq!(plan, Plan::draw(seed, Mode::Liveness));
        let (one, other) = (run(&plan), run(&plan));
        assert_eq!(one, other, "seed {seed}");
        assert_ne!(one.trace, run(&Plan::draw(seed + 1, Mode::Liveness)).trace, "seed {seed}");
    }
}

#[test]
fn a_peer_with_another_frame_interval_acknowledges_in_time_by_its_own() {
    for seed in [22_378, 58_081, 116_618] {
        let outcome = run(&Plan::draw(seed, Mode::Liveness));
        assert!(outcome.breach.is_none(), "seed {seed}: {:?}", outcome.breach);
    }
}

#[test]
fn a_game_of_one_frame_a_second_on_a_way_that_became_longer_is_no_alarm() {
    let outcome = run(&Plan::draw(904, Mode::Liveness));
    assert!(outcome.breach.is_none(), "{:?}", outcome.breach);
}

#[test]
fn a_peer_that_never_sent_anything_is_silent_since_it_was_added_whatever_epochs_began() {
    let outcome = run(&Plan::draw(1_114_321, Mode::Liveness));
    assert!(outcome.breach.is_none(), "{:?}", outcome.breach);
}

#[test]
#[ignore = "plays the one seed that SIM_SEED says"]
fn sim_one() {
    let plan = plan_from_env().expect("SIM_SEED, a number");
    println!("{plan}");
    println!("{}", run(&plan).tally);
    if let Some(finding) = shrink(&plan) {
        panic!("{finding}");
    }
}

#[test]
#[ignore = "runs for as long as SIM_SEEDS says"]
fn sim_many() {
    for mode in [Mode::Safety, Mode::Liveness] {
        let start = std::time::Instant::now();
        let batch = run_many(mode, 10_000);
        println!("| {mode:?} | {} findings | {} s {}", batch.broken, start.elapsed().as_secs(), batch.tally);
        batch.expect_no_finding();
    }
}

#[test]
fn an_epoch_owes_no_acknowledgement_of_the_one_before() {
    let outcome = run(&Plan::draw(3_016_267, Mode::Safety));
    assert!(outcome.breach.is_none(), "{:?}", outcome.breach);
}

/// Finding nothing proves something only if the simulator finds what it should.
#[test]
fn a_misbehaving_session_is_found_out() {
    let bad = [
        (Sabotage::AlterAnInput, "1 integrity"),
        (Sabotage::AlterAChecksum, "desync"),
        (Sabotage::SkipAnInput, "2 order"),
        (Sabotage::DeliverTwice, "2 order"),
        (Sabotage::SendTwice, "9 bound"),
        (Sabotage::WakeLate, "10 liveness"),
        (Sabotage::WakeInThePast, "8 progress"),
        (Sabotage::SwallowDatagrams, "10 liveness"),
        (Sabotage::RefuseDatagrams, "6 first survivor"),
        (Sabotage::ForgetInputs, "7 no loss by ack"),
        (Sabotage::AcceptEverything, "tag"),
        (Sabotage::Panic, "13 totality"),
    ];
    for (how, law) in bad {
        let found = (0..200).any(|seed| {
            let plan = Plan { sabotage: Some(how), ..Plan::draw(seed, Mode::Liveness) };
            run(&plan).breach.is_some_and(|(_, breach)| breach.law == law)
        });
        assert!(found, "{how:?} goes unnoticed");
    }
}

#[test]
fn two_games_over_a_usual_link_are_told_the_truth_about_time_and_every_jam_passes() {
    let first: u64 = std::env::var("SIM_FIRST").map_or(0, |text| text.parse().expect("a number"));
    let bouts = first + std::env::var("SIM_BOUTS").map_or(60, |text| text.parse().expect("a number"));
    let broken: Vec<_> =
        (first..bouts).filter_map(|seed| Bout::draw(seed).run().map(|breach| (seed, breach))).collect();
    for (seed, breach) in broken.iter().take(40) {
        println!("seed {seed}: {breach}: {:?}", Bout::draw(*seed));
    }
    assert!(broken.is_empty(), "{} of {bouts} bouts", broken.len());
}
