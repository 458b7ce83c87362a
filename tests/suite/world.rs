//! A small world, visited exhaustively: two ends, three frames, a window of two, and a network that holds every datagram
//! that was ever sent and may deliver any of them at any time, any number of times, or never.
//!
//! Loss, duplication, reordering and replay are all in that. What an end does depends on nothing but itself and what it is
//! given, so each of its steps is computed once and remembered; the worlds are then pairs of remembered ends.

mod end;

use std::collections::{HashSet, VecDeque};

use end::{Act, Ends, Side};

/// One reachable state: both ends, and what the network holds of each.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    ends: [u32; 2],
    sent: [u128; 2],
}

/// What can happen in a world besides pushes and deliveries.
#[derive(Clone, Copy)]
struct Rules {
    /// How many different inputs each end may push.
    inputs: [u8; 2],
    /// Inputs are taken one by one, or not at all; otherwise at once.
    lazy: bool,
    /// Each end may begin epoch 1 at any time.
    epochs: bool,
    /// The second end may start anew once.
    restarts: bool,
}

const PLAIN: Rules = Rules { inputs: [2, 2], lazy: false, epochs: false, restarts: false };

struct Explorer {
    ends: Ends,
    rules: Rules,
    /// Frames each end pushes in an epoch.
    frames: usize,
}

impl Explorer {
    fn new(rules: Rules, frames: usize) -> Self {
        Self { ends: Ends::new(rules.epochs || rules.restarts), rules, frames }
    }

    /// Visits every world that can be reached, and returns how many there are.
    fn explore(&mut self, at_most: usize) -> usize {
        let ends = self.ends.start();
        let start = self.settle(World { ends, sent: [0; 2] });
        let mut seen = HashSet::from([start]);
        let mut ahead = VecDeque::from([start]);
        while let Some(world) = ahead.pop_front() {
            self.judge(world);
            for next in self.steps(world) {
                if seen.insert(next) {
                    ahead.push_back(next);
                }
            }
            assert!(seen.len() <= at_most, "the world is larger than it should be: {} ends", self.ends.count());
        }
        seen.len()
    }

    /// The network has whatever an end can send.
    fn settle(&mut self, mut world: World) -> World {
        for from in 0..2 {
            world.sent[from] |= self.ends.sends(from, world.ends[from]);
        }
        world
    }

    fn steps(&mut self, world: World) -> Vec<World> {
        let mut steps = Vec::new();
        for side in 0..2 {
            let mut acts: Vec<_> = (0..self.rules.inputs[side]).map(Act::Push).collect();
            acts.extend((0..128).filter(|bit| world.sent[1 - side] >> bit & 1 == 1).map(Act::Receive));
            if self.rules.lazy {
                acts.push(Act::Take);
            }
            // Whoever is asked to follow may do so at any time, or not.
            if self.rules.epochs || self.ends.get(side, world.ends[side]).is_asked() {
                acts.push(Act::Begin);
            }
            if self.rules.restarts && side == 1 {
                acts.push(Act::Restart);
            }
            for act in acts {
                if let Some(end) = self.ends.act(side, world.ends[side], act, self.frames, !self.rules.lazy) {
                    let mut next = world;
                    next.ends[side] = end;
                    steps.push(self.settle(next));
                }
            }
        }
        steps
    }

    /// The laws between two ends, and that all can still become well.
    fn judge(&mut self, world: World) {
        let [one, other] = [0, 1].map(|side| self.ends.get(side, world.ends[side]).clone());
        for (from, to) in [(&one, &other), (&other, &one)] {
            to.assert_told_of(from);
            assert!(from.acknowledged_by(to), "acknowledged, but not there: {from:?} {to:?}");
        }
        assert!(self.heals(world), "no way back for {one:?} {other:?}");
    }

    /// Whether everything is told and acknowledged once the network behaves and the application follows the rules.
    fn heals(&mut self, mut world: World) -> bool {
        for _ in 0..24 {
            let [one, other] = [0, 1].map(|side| self.ends.get(side, world.ends[side]));
            if Side::all_well(one, other) {
                return true;
            }
            for to in 0..2 {
                let from = 1 - to;
                world.ends[to] = self.ends.follow(to, world.ends[to]);
                let fresh = self.ends.sends(from, world.ends[from]);
                for bit in (0..128).filter(|bit| fresh >> bit & 1 == 1) {
                    if let Some(end) = self.ends.act(to, world.ends[to], Act::Receive(bit), 0, true) {
                        world.ends[to] = end;
                    }
                }
                while let Some(end) = self.ends.act(to, world.ends[to], Act::Take, 0, true) {
                    world.ends[to] = end;
                }
            }
        }
        false
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_of_a_small_world() {
    let states = Explorer::new(Rules { inputs: [1, 1], ..PLAIN }, 3).explore(4_000_000);
    println!("{states} states");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_when_inputs_are_not_taken() {
    let states = Explorer::new(Rules { lazy: true, inputs: [1, 1], ..PLAIN }, 3).explore(4_000_000);
    println!("{states} states, inputs not taken");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_with_a_change_of_epoch() {
    let states = Explorer::new(Rules { epochs: true, inputs: [1, 1], ..PLAIN }, 1).explore(4_000_000);
    println!("{states} states, one change of epoch");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_with_a_restart() {
    let rules = Rules { restarts: true, inputs: [1, 1], ..PLAIN };
    let states = Explorer::new(rules, 1).explore(4_000_000);
    println!("{states} states, one restart");
}
