//! Games of two to eight players who are all peers of each other, over that network: players leave in every way and come back, and
//! those who stay must agree on what they had of them (PROTOCOL 3.12).
//!
//! A seed gives a [`Plan`](plan::Plan); [`run`] plays it in virtual time. Half-way the network heals. From then on the games have to
//! settle, and then nothing about departures may be sent any more. Each program is an application as the guide asks for: it
//! disconnects a peer that is lost, restarted or closed, and the greater player number waits 200 ms longer.
//!
//! ```
//! use inputwire_sim::mesh::plan::Plan;
//! use inputwire_sim::mesh::run;
//!
//! let outcome = run(&Plan::draw(7));
//! assert_eq!(outcome.breach, None);
//! ```
//!
//! | law | |
//! |---|---|
//! | agreement | two who played with each other and did not name each other have the same inputs of a player that both report as departed |
//! | integrity, order | each input is delivered once, in order, and as it was pushed: nothing is taken back |
//! | completion | once the network has healed, each departure completes, or whoever waits for it learns that it is out itself |
//! | silence | after that no word is sent, everything is settled, and games go on |
//! | quiet | a program that has named nobody sends no word |

pub mod deaths;
mod game;
pub mod plan;
mod program;
mod signalling;

use std::ops::AddAssign;
use std::panic::AssertUnwindSafe;

use super::breach::Breach;
use game::Game;
use plan::{Plan, Size};

/// What happened in a game, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// Games.
    pub games: u64,
    /// Programs that stopped, that said goodbye, and that were started anew in place.
    pub deaths: u64,
    /// See `deaths`.
    pub goodbyes: u64,
    /// See `deaths`.
    pub restarts: u64,
    /// Peers that an application disconnected.
    pub disconnected: u64,
    /// Peers that were named because a survivor or a goodbye said so.
    pub told: u64,
    /// Departures that were reported.
    pub departed: u64,
    /// Programs that were told that they are out.
    pub dropped: u64,
    /// Players that joined late, and how many of them had been there before.
    pub joins: u64,
    /// See `joins`.
    pub returns: u64,
    /// Epochs that were begun without a reason.
    pub epochs: u64,
    /// Words, those of them with inputs, those that say that the receiver is out, and the bytes of all.
    pub words: u64,
    /// See `words`.
    pub repairs: u64,
    /// See `words`.
    pub farewells: u64,
    /// See `words`.
    pub word_bytes: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.games += other.games;
        self.deaths += other.deaths;
        self.goodbyes += other.goodbyes;
        self.restarts += other.restarts;
        self.disconnected += other.disconnected;
        self.told += other.told;
        self.departed += other.departed;
        self.dropped += other.dropped;
        self.joins += other.joins;
        self.returns += other.returns;
        self.epochs += other.epochs;
        self.words += other.words;
        self.repairs += other.repairs;
        self.farewells += other.farewells;
        self.word_bytes += other.word_bytes;
    }
}

/// How one survivor saw a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Departed {
    /// The survivor, and who left.
    pub survivor: u16,
    /// See `survivor`.
    pub player: u16,
    /// When it named the player, and when it reported the departure.
    pub named_at: u64,
    /// See `named_at`.
    pub reported_at: u64,
    /// The frame after the last input that it had when it named the player, and in the end.
    pub had: u32,
    /// See `had`.
    pub end: u32,
    /// How many inputs it pushed in between.
    pub pushed: u32,
}

/// What came of a game.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// What happened.
    pub count: Count,
    /// Each departure as each survivor saw it.
    pub departed: Vec<Departed>,
    /// The law that was broken, and after how many microseconds.
    pub breach: Option<(u64, Breach)>,
}

/// Plays a game. A panic counts as a breach.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    let game = || match plan.size {
        Size::Tight => Game::<1, 4>::new(plan).play(),
        Size::Usual => Game::<2, 120>::new(plan).play(),
        Size::Large => Game::<255, 12>::new(plan).play(),
    };
    // The game is dropped in the unwinding, so no broken invariant of it is ever seen.
    std::panic::catch_unwind(AssertUnwindSafe(game)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Outcome { breach: Some((0, Breach::of("totality", what))), ..Outcome::default() }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::deaths::Deaths;
    use super::plan::{Act, Plan, Size};
    use super::{Count, run};
    use crate::batch::share;

    const MS: u64 = 1_000;

    fn variable(name: &str) -> Option<u64> {
        std::env::var(name).ok().map(|text| text.parse().expect("a number"))
    }

    /// `MESH_SEEDS=100000 cargo test --release -p inputwire-sim mesh -- --nocapture`; `MESH_SEED=7` plays one, and prints it.
    #[test]
    fn survivors_of_a_mesh_agree_on_whoever_leaves_and_fall_silent() {
        if let Some(seed) = variable("MESH_SEED") {
            let plan = Plan::draw(seed);
            println!("{plan:#?}");
            println!("{:#?}", run(&plan));
        }
        let first = variable("MESH_FIRST").unwrap_or(0);
        let seeds = variable("MESH_SEEDS").unwrap_or(if cfg!(debug_assertions) { 30 } else { 300 });
        let (count, findings) = (Mutex::new(Count::default()), Mutex::new(Vec::new()));
        share(first..first + seeds, |seeds| {
            for seed in seeds {
                let outcome = run(&Plan::draw(seed));
                *count.lock().expect("no thread panics") += outcome.count;
                if let Some((at, breach)) = outcome.breach {
                    findings.lock().expect("no thread panics").push((seed, at, breach.to_string()));
                }
            }
        });
        let mut findings = findings.into_inner().expect("no thread panics");
        println!("{:?}", count.into_inner().expect("no thread panics"));
        findings.sort();
        for (seed, at, what) in findings.iter().take(20) {
            println!("MESH_SEED={seed}: after {at} us {what}");
        }
        assert!(findings.is_empty(), "{} of {seeds} seeds broke a law, the first is {:?}", findings.len(), findings[0]);
    }

    /// A game of three with a window of four frames, over links that lose nothing.
    fn game(acts: &[(u64, Act)]) -> Plan {
        let deaths = Deaths { loss: 0, uneven: false, disconnect_us: 600 * MS };
        Plan { players: 3, size: Size::Tight, acts: acts.to_vec(), heal_us: 6_000 * MS, ..deaths.draw(1) }
    }

    #[test]
    fn two_runs_that_never_played_with_each_other_need_not_agree() {
        let again = [(3_000 * MS, Act::Restart(1)), (3_000 * MS, Act::Restart(2))];
        let outcome = run(&game(&[(1_000 * MS, Act::Die(0)), again[0], again[1]]));
        assert_eq!(outcome.breach, None);
        let mut ends: Vec<_> = outcome.departed.iter().map(|departed| departed.end).collect();
        assert!(ends[0] > 0, "the first game had inputs of the player");
        ends.dedup();
        assert_eq!(ends, [ends[0], 0], "each of both games agreed");
    }

    #[test]
    fn a_joiner_plays_also_with_whom_another_one_has_named_since_it_was_told_of_it() {
        let cut = |to| (1_000 * MS, Act::Cut { from: 0, to, span_us: 3_000 * MS });
        let outcome = run(&game(&[
            cut(1),
            cut(2),
            cut(3),
            (1_000 * MS, Act::Join),
            (1_030 * MS, Act::Disconnect { by: 0, player: 1 }),
            (1_300 * MS, Act::Die(0)),
            (1_310 * MS, Act::Epoch(2)),
        ]));
        assert_eq!(outcome.breach, None);
        assert_eq!((outcome.count.joins, outcome.count.epochs, outcome.count.dropped), (1, 1, 0));
    }
}
