//! Recordings of the simulator's sessions replay equal. `RECORD_SEEDS` says how many seeds are run in each of its two
//! modes.

use std::sync::Mutex;

use inputwire_record::{Call, Replay, Stop};
use inputwire_sim::batch::share;
use inputwire_sim::plan::{Mismatch, Mode, Plan};
use inputwire_sim::sabotage::Sabotage;

use crate::damage::seeds;
use crate::simulator::{Recording, run};

/// The sum of some replays.
#[derive(Debug, Default)]
struct Played {
    sessions: u64,
    keyed: u64,
    records: u64,
    bytes: u64,
}

/// Replays a recording to its end, and returns the number of its records.
fn play(Recording { spec, file }: &Recording) -> Result<u64, Stop> {
    let mut replay = Replay::open(file, spec.key)?;
    while replay.step()?.is_some() {}
    assert!(replay.has_ended(), "the end is missing");
    Ok(replay.number())
}

/// Whether this is a second program of a player, which says one hello and is gone.
fn is_second_program(Recording { spec, file }: &Recording) -> bool {
    let mut replay = Replay::open(file, spec.key).expect("a recording");
    let mut calls = std::iter::from_fn(|| replay.step().ok().flatten()).map(|step| step.call);
    matches!(calls.next(), Some(Call::AddPeer { .. }))
        && calls.next() == Some(Call::PollTransmit)
        && matches!(calls.next(), Some(Call::End))
}

fn play_seed(seed: u64, mode: Mode) -> Played {
    let plan = Plan::draw(seed, mode);
    let (outcome, recordings) = run(&plan);
    assert_eq!(outcome, inputwire_sim::run(&plan), "seed {seed}, {mode:?}: recording changed the run");
    assert_eq!(outcome.breach, None, "seed {seed}, {mode:?}");
    let mut played = Played::default();
    let sessions = recordings.iter().filter(|recording| !is_second_program(recording)).count();
    assert_eq!(outcome.tally.sessions, sessions.try_into().expect("few"), "seed {seed}, {mode:?}");
    for (place, recording) in recordings.iter().enumerate() {
        match play(recording) {
            Ok(records) => played.records += records,
            Err(stop) => panic!("seed {seed}, {mode:?}, session {place}: {stop}"),
        }
        played.sessions += 1;
        played.keyed += u64::from(recording.spec.key.is_some());
        played.bytes += u64::try_from(recording.file.len()).expect("a length");
    }
    played
}

#[test]
fn whatever_the_simulator_does_to_a_session_its_recording_replays_equal() {
    let count = seeds(if cfg!(debug_assertions) { 40 } else { 300 });
    let total = Mutex::new(Played::default());
    share(0..count, |seeds| {
        for seed in seeds {
            for mode in [Mode::Safety, Mode::Liveness] {
                let played = play_seed(seed, mode);
                let mut total = total.lock().expect("no thread panicked");
                total.sessions += played.sessions;
                total.keyed += played.keyed;
                total.records += played.records;
                total.bytes += played.bytes;
            }
        }
    });
    let total = total.into_inner().expect("no thread panicked");
    println!("{count} seeds in each mode: {total:?}");
    assert!(total.sessions > 4 * count && total.keyed > 0, "{total:?}");
}

/// An endpoint with a wrong key replays with that key only: with the key of the others, the first datagram that it sends
/// differs.
#[test]
fn a_session_with_another_key_replays_with_its_own_key_only() {
    let wrong = |plan: &Plan| plan.mismatch.filter(|(_, what)| *what == Mismatch::Key).map(|(endpoint, _)| endpoint);
    let mut differ = 0;
    for plan in (0..2_000).map(|seed| Plan::draw(seed, Mode::Safety)).filter(|plan| plan.sizes.0 < 255) {
        let Some(endpoint) = wrong(&plan) else { continue };
        let (_, mut recordings) = run(&plan);
        let others =
            recordings.iter().find(|recording| recording.spec.endpoint != endpoint).expect("another endpoint").spec.key;
        for recording in recordings.iter_mut().filter(|recording| recording.spec.endpoint == endpoint) {
            play(recording).unwrap_or_else(|stop| panic!("seed {}: {stop}", plan.seed));
            recording.spec.key = others;
            match play(recording) {
                Err(Stop::Differs { call, .. }) => {
                    assert_eq!(call, "poll_transmit()", "seed {}", plan.seed);
                    differ += 1;
                }
                // It stopped before it sent anything.
                other => assert!(other.is_ok_and(|records| records < 100), "seed {}", plan.seed),
            }
        }
        if differ > 4 {
            return;
        }
    }
    panic!("only {differ} such sessions");
}

#[test]
fn the_recordings_of_a_run_that_panics_replay_up_to_there() {
    let plan = Plan { sabotage: Some(Sabotage::Panic), ..Plan::draw(0, Mode::Safety) };
    let (outcome, recordings) = run(&plan);
    assert_eq!(outcome.breach.map(|(_, breach)| breach.law), Some("13 totality"));
    let mut cut_off = 0;
    for Recording { spec, file } in &recordings {
        let mut replay = Replay::open(file, spec.key).expect("a recording");
        while replay.step().expect("equal").is_some() {}
        assert!(replay.number() > 20, "{} records", replay.number());
        cut_off += usize::from(!replay.has_ended());
    }
    // The last session of each endpoint; the earlier ones were ended by a restart.
    assert_eq!(cut_off, plan.endpoints.len());
}
