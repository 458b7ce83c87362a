//! The handshake in a small world of its own, on sessions as they are: two programs and the network between them, with
//! everything that can come between.
//!
//! A network keeps the newest few datagrams of each direction and delivers any of them at any time, any number of times, or
//! never; every hello of every run that is over may be said again. Programs restart, remove their peer and add it again, begin
//! epochs and follow to them late or never. A second process with other settings says a hello, and so does a forger who
//! knows everything but a key. Time passes in steps of 100 ms, or of the silence after which a run may be replaced.
//!
//! Worlds that differ only in the absolute numbers of hellos and moments count as one (`look.rs`).

mod end;
mod look;

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use end::{End, Move, Packet, STEP_US, other_settings};

/// How many of the newest datagrams the network keeps in each direction, and how many of the last hellos of a run that is over.
const KEPT: usize = 3;
const KEPT_HELLOS: usize = 2;
/// The silence after which a run may be replaced, in steps.
const SILENCE_STEPS: u64 = 5;
/// Steps after which both ends play again once the adversary rests: a silence, five trips of hellos a ping interval apart.
const WAY_BACK_STEPS: u64 = 5 + 10;

/// What the adversary may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    /// Restarts of each end, peers that are removed and added again, and epochs that are begun without a reason.
    restarts: [u8; 2],
    again: u8,
    epochs: u8,
}

/// A datagram on its way, and whether it was taken before.
#[derive(Clone, Debug)]
struct InFlight {
    packet: Rc<Packet>,
    taken: bool,
}

/// One reachable world.
#[derive(Clone, Debug)]
struct World {
    now: u64,
    ends: [Rc<End>; 2],
    /// By receiver, the newest last.
    in_flight: [Vec<InFlight>; 2],
    /// The hellos of runs that are over, by receiver.
    over: [Vec<Rc<Packet>>; 2],
    budget: Budget,
    trail: Option<Rc<Trail>>,
}

/// The moves that led to a world, the latest first.
#[derive(Debug)]
struct Trail {
    last: Act,
    before: Option<Rc<Trail>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Pass { steps: u64 },
    Deliver { to: usize, place: usize },
    SayAgain { to: usize, place: usize },
    Forge { to: usize, answers: bool },
    Do { side: usize, what: Move },
}

impl World {
    fn start(budget: Budget) -> Self {
        let now = STEP_US * 10;
        let mut world = Self {
            now,
            ends: [0, 1].map(|side| Rc::new(End::new(side, now))),
            in_flight: Default::default(),
            over: Default::default(),
            budget,
            trail: None,
        };
        (0..2).for_each(|side| world.drain(side).expect("nothing is wrong at the start"));
        world
    }

    fn end(&mut self, side: usize) -> &mut End {
        Rc::make_mut(&mut self.ends[side])
    }

    /// Takes what an end sends and reports.
    fn drain(&mut self, side: usize) -> Result<(), String> {
        let peer_run = self.ends[1 - side].run;
        let now = self.now;
        let sent = self.end(side).drain(now, peer_run)?;
        let in_flight = &mut self.in_flight[1 - side];
        in_flight.extend(sent.into_iter().map(|packet| InFlight { packet: Rc::new(packet), taken: false }));
        let surplus = in_flight.len().saturating_sub(KEPT);
        in_flight.drain(..surplus);
        Ok(())
    }

    fn pass(&mut self, steps: u64) -> Result<(), String> {
        for _ in 0..steps {
            self.now += STEP_US;
            (0..2).for_each(|side| self.end(side).changes());
            (0..2).try_for_each(|side| self.drain(side))?;
        }
        Ok(())
    }

    /// Hands a datagram to an end; returns whether it was taken.
    fn receive(&mut self, to: usize, packet: &Packet, taken: bool) -> Result<bool, String> {
        let now = self.now;
        let accepted = self.end(to).receive(now, packet, taken)?;
        self.drain(to)?;
        Ok(accepted)
    }

    /// Returns the world after an act, or `None` if that act is not possible.
    fn after(&self, act: Act) -> Result<Option<Self>, String> {
        let mut next = self.clone();
        match act {
            Act::Pass { steps } => next.pass(steps)?,
            Act::Deliver { to, place } => {
                let InFlight { packet, taken } = next.in_flight[to][place].clone();
                next.in_flight[to][place].taken |= next.receive(to, &packet, taken)?;
            }
            Act::SayAgain { to, place } => {
                let packet = Rc::clone(&next.over[to][place]);
                next.receive(to, &packet, true)?;
            }
            Act::Forge { to, answers } => {
                let Some(forged) = next.ends[to].forged(next.now, answers) else { return Ok(None) };
                next.receive(to, &forged, true)?;
            }
            Act::Do { side, what } => {
                let budget = &mut next.budget;
                let left = match what {
                    Move::Restart => Some(&mut budget.restarts[side]),
                    Move::AddAgain => Some(&mut budget.again),
                    Move::Begin => Some(&mut budget.epochs),
                    Move::Follow | Move::Push => None,
                };
                if let Some(left) = left {
                    let Some(less) = left.checked_sub(1) else { return Ok(None) };
                    *left = less;
                }
                let now = next.now;
                if matches!(what, Move::Restart | Move::AddAgain) {
                    let last_hellos = next.ends[side].last_hellos.clone();
                    next.over[1 - side].extend(last_hellos);
                }
                if !next.end(side).act(now, what) {
                    return Ok(None);
                }
                next.drain(side)?;
            }
        }
        next.trail = Some(Rc::new(Trail { last: act, before: next.trail.take() }));
        Ok(Some(next))
    }

    fn acts(&self) -> Vec<Act> {
        let mut acts = vec![Act::Pass { steps: 1 }, Act::Pass { steps: SILENCE_STEPS }];
        for side in 0..2 {
            acts.extend((0..self.in_flight[side].len()).rev().map(|place| Act::Deliver { to: side, place }));
            acts.extend((0..self.over[side].len()).map(|place| Act::SayAgain { to: side, place }));
            acts.extend([false, true].map(|answers| Act::Forge { to: side, answers }));
            let moves = [Move::Follow, Move::Push, Move::Begin, Move::AddAgain, Move::Restart];
            acts.extend(moves.map(|what| Act::Do { side, what }));
        }
        acts
    }

    /// The acts that led to this world.
    fn trail(&self) -> String {
        let trail = std::iter::successors(self.trail.as_deref(), |trail| trail.before.as_deref());
        let mut acts: Vec<_> = trail.map(|trail| format!("{:?}", trail.last)).collect();
        acts.reverse();
        acts.join(", ")
    }

    /// What this world looks like: equal for worlds that differ in absolute numbers only.
    fn look(&self) -> u64 {
        look::of_world(self)
    }

    /// Asserts that a second process with other settings changes nothing but reports, whenever it says its hello. `checked`
    /// are the looks of ends for which that is known.
    fn check_other_settings(&self, checked: &mut HashSet<u64>) -> Result<(), String> {
        for (side, end) in self.ends.iter().enumerate() {
            if checked.insert(end.look().exact) {
                let mut told = End::clone(end);
                told.hear(self.now, &other_settings(side))?;
                if told.look().exact != end.look().exact {
                    return Err(format!("a hello with other settings changed end {side}: {:?}", told.session));
                }
            }
        }
        Ok(())
    }

    /// Asserts that both ends play again in time once the adversary rests and the applications follow.
    fn check_way_back(&self) -> Result<(), String> {
        let mut world = self.clone();
        world.in_flight = Default::default();
        for _ in 0..WAY_BACK_STEPS {
            // Everything arrives at once.
            for _ in 0..8 {
                for to in 0..2 {
                    for InFlight { packet, .. } in std::mem::take(&mut world.in_flight[to]) {
                        let now = world.now;
                        world.end(to).take_in(now, &packet);
                        world.drain(to)?;
                    }
                    let now = world.now;
                    if world.ends[to].follow.is_some() && world.end(to).act(now, Move::Follow) {
                        world.drain(to)?;
                    }
                }
                if world.in_flight.iter().all(Vec::is_empty) {
                    break;
                }
            }
            let [one, other] = &world.ends;
            if one.has_all_of(other) && other.has_all_of(one) {
                return Ok(());
            }
            world.pass(1)?;
        }
        Err(format!("no way back: {:?}\n{:?}", world.ends[0], world.ends[1]))
    }
}

/// What an exploration found.
#[derive(Debug)]
struct Found {
    worlds: usize,
    /// How many of them were left in every possible way; all, if there are no more.
    left: usize,
    all: bool,
}

/// Visits worlds, breadth first, until there are no more or so many were found. Each is checked, and the way back from it.
fn explore(budget: Budget, at_most: usize) -> Found {
    let start = Rc::new(World::start(budget));
    let (mut seen, mut checked) = (HashSet::from([start.look()]), HashSet::new());
    let mut check = |world: &World| {
        world.check_other_settings(&mut checked).and_then(|()| world.check_way_back()).unwrap_or_else(|error| {
            panic!("after {}: {error}", world.trail());
        });
    };
    check(&start);
    // A world is remembered as the act that leads to it.
    let mut pending: VecDeque<(Rc<World>, Option<Act>)> = VecDeque::from([(start, None)]);
    let mut left = 0;
    while let Some((before, act)) = pending.pop_front() {
        let world = match act {
            None => before,
            Some(act) => Rc::new(before.after(act).expect("it was possible").expect("it was possible")),
        };
        left += 1;
        for act in world.acts() {
            let next = world.after(act).unwrap_or_else(|error| panic!("after {}, {act:?}: {error}", world.trail()));
            if let Some(next) = next
                && seen.insert(next.look())
            {
                check(&next);
                pending.push_back((Rc::clone(&world), Some(act)));
                if seen.len() >= at_most {
                    return Found { worlds: seen.len(), left, all: false };
                }
            }
        }
    }
    Found { worlds: seen.len(), left, all: true }
}

/// Both programs may restart, a peer may be added again, and an epoch begun at will.
const BUDGET: Budget = Budget { restarts: [1, 2], again: 1, epochs: 1 };

#[test]
fn whatever_is_said_again_lost_or_started_anew_two_ends_play_with_each_other_and_nobody_else() {
    let at_most = if cfg!(debug_assertions) { 5_000 } else { 300_000 };
    let found = explore(BUDGET, at_most);
    assert!(found.worlds >= at_most, "only {found:?}");
}

/// `WORLDS=5000000 cargo test --release --test suite world::handshake -- --ignored --nocapture`
#[test]
#[ignore = "takes up to an hour, some gigabytes, and a release build"]
fn nothing_goes_wrong_in_any_of_five_million_worlds() {
    let at_most = std::env::var("WORLDS").map_or(5_000_000, |count| count.parse().expect("a number"));
    let started = std::time::Instant::now();
    let Found { worlds, left, all } = explore(BUDGET, at_most);
    let these = if all { "these are all" } else { "there are more" };
    println!("{worlds} worlds ({these}), {left} of them left in every way, in {:?}", started.elapsed());
}
