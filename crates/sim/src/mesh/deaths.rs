//! One death after the other over links as they are, measured: four players, 60 frames a second, 30 to 35 ms one way, and one of
//! them dies. `cargo run --release -p inputwire-sim --example mesh` prints the table.

use std::fmt;
use std::ops::{AddAssign, Range};
use std::sync::Mutex;

use super::plan::{Act, PLAYERS, Plan, Size};
use super::{Outcome, run};
use crate::batch::share;
use crate::duel::{FRAME_US, quantile};
use crate::network::Faults;
use crate::rng::Rng;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

/// What deaths are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deaths {
    /// Lost datagrams in a thousand.
    pub loss: u32,
    /// Whether some of the survivors stop hearing the player shortly before the others.
    pub uneven: bool,
    /// The silence after which a peer counts as lost.
    pub disconnect_us: u64,
}

impl Deaths {
    /// Draws a game with one death.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let players = 4;
        let at = 700 * MS + rng.below(500 * MS);
        let dying = u16::try_from(rng.below(players)).unwrap_or(0);
        let mut acts = vec![(at, Act::Die(dying))];
        if self.uneven {
            let survivors: Vec<_> = (0..4).filter(|player| *player != dying).collect();
            let spared = rng.index(survivors.len());
            let first = (spared + 1 + rng.index(2)) % 3;
            for (place, to) in survivors.into_iter().enumerate() {
                if place == first || place != spared && rng.one_in(2) {
                    let before = 50 * MS + rng.below(300 * MS);
                    acts.push((at - before, Act::Cut { from: dying, to, span_us: SECOND }));
                }
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        Plan {
            seed,
            players: 4,
            size: Size::Usual,
            keyed: rng.one_in(2),
            max_datagram_size: 1_024,
            frame_us: FRAME_US,
            ping_us: 100 * MS,
            disconnect_us: self.disconnect_us,
            faults: Faults { loss: self.loss, delay_us: 30 * MS, jitter_us: 5 * MS, ..Faults::default() },
            lag_us: [0; PLAYERS as usize + 1],
            removes: false,
            heard_us: 200 * MS,
            is_hasty: false,
            acts,
            heal_us: at + self.disconnect_us + 1_200 * MS,
        }
    }

    /// Plays these games, and counts apart those in which no survivor lacked an input that another one had, and those in which
    /// one did.
    ///
    /// # Panics
    ///
    /// Never: a panic of a game is counted.
    #[must_use]
    pub fn play(&self, seeds: Range<u64>) -> [Row; 2] {
        let rows = Mutex::new([Row::default(), Row::default()]);
        share(seeds, |seeds| {
            for seed in seeds {
                let outcome = run(&self.draw(seed));
                let greatest = outcome.departed.iter().map(|departed| departed.end).max();
                let lacking = outcome.departed.iter().any(|departed| Some(departed.had) < greatest);
                rows.lock().expect("no thread panics")[usize::from(lacking)].add(&outcome);
            }
        });
        rows.into_inner().expect("no thread panics")
    }
}

/// What came of many deaths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// How many.
    pub deaths: u64,
    /// Games in which two survivors disagreed.
    pub divergent: u64,
    /// Games in which an input was delivered twice, out of order, or other than it was pushed.
    pub taken_back: u64,
    /// Games in which something panicked.
    pub panics: u64,
    /// Games that broke another law.
    pub other: u64,
    /// From the first naming to the last report.
    pub agreed_us: Vec<u64>,
    /// How many inputs survivors pushed while they agreed, and for how long each of them did.
    pub pushed: u64,
    /// See `pushed`.
    pub agreeing_us: u64,
    /// Words, and the bytes of all.
    pub words: u64,
    /// See `words`.
    pub word_bytes: u64,
}

impl Row {
    fn add(&mut self, outcome: &Outcome) {
        self.deaths += 1;
        match outcome.breach.as_ref().map(|(_, breach)| breach.law) {
            None => {}
            Some("agreement") => self.divergent += 1,
            Some("order" | "integrity") => self.taken_back += 1,
            Some("totality") => self.panics += 1,
            Some(_) => self.other += 1,
        }
        let first = outcome.departed.iter().map(|departed| departed.named_at).min();
        let last = outcome.departed.iter().map(|departed| departed.reported_at).max();
        self.agreed_us.extend(first.zip(last).map(|(first, last)| last - first));
        for departed in &outcome.departed {
            self.pushed += u64::from(departed.pushed);
            self.agreeing_us += departed.reported_at - departed.named_at;
        }
        self.words += outcome.count.words;
        self.word_bytes += outcome.count.word_bytes;
    }

    /// The names of the columns.
    #[must_use]
    pub const fn columns() -> &'static str {
        "deaths | divergent | taken back | panics | other | frames/s | p50 ms | p99 ms | most ms | words | bytes"
    }
}

impl AddAssign for Row {
    fn add_assign(&mut self, mut other: Self) {
        self.deaths += other.deaths;
        self.divergent += other.divergent;
        self.taken_back += other.taken_back;
        self.panics += other.panics;
        self.other += other.other;
        self.agreed_us.append(&mut other.agreed_us);
        self.pushed += other.pushed;
        self.agreeing_us += other.agreeing_us;
        self.words += other.words;
        self.word_bytes += other.word_bytes;
    }
}

impl fmt::Display for Row {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deaths = self.deaths.max(1) as f64;
        let rate = self.pushed as f64 * SECOND as f64 / self.agreeing_us.max(1) as f64;
        let ms = |permille| quantile(self.agreed_us.clone(), permille) / MS;
        let Self { deaths: all, divergent, taken_back, panics, other, .. } = self;
        write!(f, "{all} | {divergent} | {taken_back} | {panics} | {other} | {rate:.1} | ")?;
        write!(f, "{} | {} | {} | ", ms(500), ms(990), ms(1_000))?;
        write!(f, "{:.1} | {:.0}", self.words as f64 / deaths, self.word_bytes as f64 / deaths)
    }
}
