//! One match: two games on a stage, and what is counted of them.

use std::time::Duration;

use inputwire_sim::inputs::Inputs;
use inputwire_sim::stage::{Program, Stage};

use super::path::{Link, RoundTrip};
use super::told::Told;
use crate::clock::{self, ticks};
use crate::duel::{Datagrams, FRAME_US};
use crate::limits::Numbers;

const SECOND: u64 = 1_000_000;
/// Handshakes, and the time until the games run side by side.
pub const WARM_UP_US: u64 = 10 * SECOND;
/// How long the recordings of inputs and links are.
pub const END_US: u64 = 120 * SECOND;
/// How much later the second game starts.
pub const PHASE_US: u64 = 10_000;
/// A call that took more ticks was interrupted, and does not count.
const PREEMPTED: u64 = 200_000;

/// How a game is set up.
#[derive(Clone, Copy)]
pub struct Setup {
    /// Whether it predicts wrongly on purpose, and notes what it is told.
    pub is_told: bool,
    /// After how much silence it gives the other player up; `None` for the default of the library.
    pub patience: Option<Duration>,
}

/// One game, of any library.
pub trait Game<const N: usize> {
    fn new(player: u8, setup: Setup) -> Self;
    /// Handles a datagram. A game that is driven by frames keeps it until the next one.
    fn arrive(&mut self, now: u64, datagram: &[u8], out: &mut Datagrams);
    /// Plays a frame. Returns false if the game had to wait.
    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool;
    /// How long the present frame lasts, as the library recommends.
    fn interval_us(&self) -> u64;
    /// When to call [`wake`](Self::wake), if that is before the next frame.
    fn deadline(&self) -> Option<u64> {
        None
    }
    fn wake(&mut self, _now: u64, _out: &mut Datagrams) {}
    /// What reached it, if it was set up to note that.
    fn told(&self) -> &Told<N>;
    /// The round-trip time that it shows, in milliseconds.
    fn rtt_ms(&self) -> Option<f64>;
}

/// A game in its place, and what it did.
struct End<G, const N: usize> {
    game: G,
    number: usize,
    inputs: Inputs<N>,
    /// The input of a frame that was not played yet.
    pending: Option<[u8; N]>,
    next_frame: u64,
    out: Datagrams,
    /// When each input was pressed, and what it was. Every library takes an input at once, even if the game waits then.
    pressed: Vec<(u64, [u8; N])>,
    /// When each frame was played.
    played: Vec<u64>,
    counts: Counts,
}

/// What both games of a match did together, after the warm-up.
#[derive(Default)]
pub struct Counts {
    pub frames: u64,
    pub stalled: u64,
    pub bytes: u64,
    pub datagrams: u64,
    pub ticks: u64,
    pub calls: u64,
    pub numbers: Numbers,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.stalled += other.stalled;
        self.bytes += other.bytes;
        self.datagrams += other.datagrams;
        self.ticks += other.ticks;
        self.calls += other.calls;
    }
}

impl<G: Game<N>, const N: usize> End<G, N> {
    fn new(number: u8, inputs: Inputs<N>, setup: Setup) -> Self {
        Self {
            game: G::new(number, setup),
            number: usize::from(number),
            inputs,
            pending: None,
            next_frame: u64::from(number) * PHASE_US,
            out: Datagrams::with_capacity(),
            pressed: Vec::with_capacity(1 << 13),
            played: Vec::with_capacity(1 << 13),
            counts: Counts::default(),
        }
    }

    /// Calls the game, and counts what it costs.
    fn timed<T>(&mut self, now: u64, call: impl FnOnce(&mut G, &mut Datagrams) -> T) -> T {
        clock::set(now);
        let before = ticks();
        let result = call(&mut self.game, &mut self.out);
        let spent = ticks() - before;
        if now >= WARM_UP_US && spent < PREEMPTED {
            self.counts.ticks += spent;
            self.counts.calls += 1;
        }
        result
    }

    fn frame(&mut self, now: u64) {
        let input = *self.pending.get_or_insert_with(|| {
            let input = self.inputs.take();
            self.pressed.push((now, input));
            input
        });
        let is_played = self.timed(now, |game, out| game.frame(now, input, out));
        if is_played {
            self.pending = None;
            self.played.push(now);
        }
        if now >= WARM_UP_US {
            self.counts.frames += 1;
            self.counts.stalled += u64::from(!is_played);
        }
        self.next_frame += self.game.interval_us();
    }
}

impl<G: Game<N>, const N: usize> Program for End<G, N> {
    fn receive(&mut self, now: u64, _: usize, datagram: &[u8]) {
        self.timed(now, |game, out| game.arrive(now, datagram, out));
    }

    fn run(&mut self, now: u64, send: &mut dyn FnMut(usize, &[u8])) {
        if self.game.deadline().is_some_and(|due| due <= now) {
            self.timed(now, |game, out| game.wake(now, out));
        }
        if self.next_frame <= now {
            self.frame(now);
        }
        for datagram in self.out.iter() {
            if now >= WARM_UP_US {
                self.counts.bytes += datagram.len() as u64;
                self.counts.datagrams += 1;
                self.counts.numbers.add(0, datagram);
            }
            send(1 - self.number, datagram);
        }
        self.out.clear();
    }

    fn wake_at(&self) -> Option<u64> {
        Some(self.game.deadline().map_or(self.next_frame, |due| due.min(self.next_frame)))
    }
}

/// What came of a match.
#[derive(Default)]
pub struct Outcome {
    pub counts: Counts,
    /// The least bytes of a datagram, and how many there were, both only for the compact wire.
    pub limit: f64,
    pub limited: u64,
    /// How old each input was when the other game was told it: since it was pressed, in microseconds.
    pub ages: Vec<u64>,
    /// How far the round-trip time that is shown was from that of the network, in microseconds.
    pub rtt_errors: Vec<u64>,
    /// At each frame interval: by how many frames the first game was ahead.
    pub leads: Vec<i64>,
    /// When either game was told an input for the last time.
    pub last_told: u64,
    /// When each frame of each game was played.
    pub played: [Vec<u64>; 2],
}

/// Plays a match.
pub fn play<G: Game<N>, const N: usize>(
    link: &Link,
    seed: u64,
    players: [&[u8]; 2],
    setup: Setup,
    bits_per_input: f64,
) -> Outcome {
    clock::set(0);
    let ends = [0, 1].map(|number: u8| {
        let inputs = Inputs::recorded(players[usize::from(number)]);
        End::<G, N>::new(number, inputs, setup)
    });
    let mut stage = Stage::with_network(link.network(seed), ends.into());
    let mut shown = Vec::new();
    for second in 1..=END_US / SECOND {
        stage.run_until(second * SECOND);
        if stage.now > WARM_UP_US {
            shown.extend(stage.programs.iter().filter_map(|end| Some((stage.now, end.game.rtt_ms()?))));
        }
    }
    let mut outcome = Outcome { last_told: END_US, ..Outcome::default() };
    let truth = RoundTrip::new(&stage.network);
    outcome.rtt_errors =
        shown.iter().filter_map(|(now, shown)| Some(((shown - truth.at(*now)?).abs() * 1_000.0) as u64)).collect();
    for at in [0, 1] {
        let (end, other) = (&stage.programs[at], &stage.programs[1 - at]);
        outcome.counts.add(&end.counts);
        outcome.limited += end.counts.numbers.datagrams;
        outcome.limit += end.counts.numbers.limit(bits_per_input) / 2.0;
        outcome.played[at].clone_from(&end.played);
        if setup.is_told {
            let told = &end.game.told().inputs;
            for (told, (pressed, input)) in told.iter().zip(&other.pressed) {
                let (when, what) = told.expect("a game is told every input before it is told a later one");
                assert_eq!(what, *input, "a game was told what nobody pressed");
                if when >= WARM_UP_US {
                    outcome.ages.push(when.checked_sub(*pressed).expect("an input is told after it was pressed"));
                }
            }
            let last = told.iter().flatten().map(|(when, _)| *when).max().unwrap_or(0);
            outcome.last_told = outcome.last_told.min(last);
        }
    }
    outcome.leads = leads(&outcome.played);
    outcome
}

/// By how many frames the first game is ahead, once a frame.
fn leads(played: &[Vec<u64>; 2]) -> Vec<i64> {
    let played = |at: usize, now: u64| played[at].partition_point(|when| *when <= now) as i64;
    (WARM_UP_US..END_US).step_by(FRAME_US as usize).map(|now| played(0, now) - played(1, now)).collect()
}
