//! A small world, explored exhaustively: two endpoints, three frames, a window of two, and a network that keeps every
//! datagram ever sent and may deliver any of them at any time, any number of times, or never.
//!
//! That includes loss, duplication, reordering and replay. A step of an endpoint depends only on its state and its input,
//! so each step is computed once and remembered; a world is a pair of remembered endpoints.

mod departure;
mod endpoint;
mod handshake;

use std::collections::{HashSet, VecDeque};

use endpoint::{Act, Endpoints, Side};

/// One reachable state: both endpoints, and the datagrams of each that the network keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    endpoints: [u32; 2],
    sent: [u128; 2],
}

/// What can happen in a world besides pushes and deliveries.
#[derive(Clone, Copy)]
struct Rules {
    /// How many different inputs each endpoint may push.
    inputs: [u8; 2],
    /// Events are polled one by one or not at all; otherwise at once.
    lazy: bool,
    /// Each endpoint may begin epoch 1 at any time.
    epochs: bool,
}

const PLAIN: Rules = Rules { inputs: [2, 2], lazy: false, epochs: false };

struct Explorer {
    endpoints: Endpoints,
    rules: Rules,
    /// Frames that each endpoint pushes in an epoch.
    frames: usize,
}

impl Explorer {
    fn new(rules: Rules, frames: usize) -> Self {
        Self { endpoints: Endpoints::new(), rules, frames }
    }

    /// Visits every reachable world, and returns how many there are.
    fn explore(&mut self, at_most: usize) -> usize {
        let endpoints = self.endpoints.start();
        let start = self.settle(World { endpoints, sent: [0; 2] });
        let mut seen = HashSet::from([start]);
        let mut pending = VecDeque::from([start]);
        while let Some(world) = pending.pop_front() {
            self.check(world);
            for next in self.steps(world) {
                if seen.insert(next) {
                    pending.push_back(next);
                }
            }
            assert!(seen.len() <= at_most, "the world is larger than expected: {} endpoints", self.endpoints.count());
        }
        seen.len()
    }

    /// The network keeps whatever an endpoint can send.
    fn settle(&mut self, mut world: World) -> World {
        for from in 0..2 {
            world.sent[from] |= self.endpoints.sends(from, world.endpoints[from]);
        }
        world
    }

    fn steps(&mut self, world: World) -> Vec<World> {
        let mut steps = Vec::new();
        for side in 0..2 {
            let mut acts: Vec<_> = (0..self.rules.inputs[side]).map(Act::Push).collect();
            acts.extend((0..128).filter(|bit| world.sent[1 - side] >> bit & 1 == 1).map(Act::Receive));
            if self.rules.lazy {
                acts.push(Act::Poll);
            }
            // An endpoint that has reason to follow may do so at any time, or not.
            if self.rules.epochs || self.endpoints.get(side, world.endpoints[side]).should_follow() {
                acts.push(Act::Begin);
            }
            if self.rules.epochs {
                acts.push(Act::Greet);
            }
            for act in acts {
                if let Some(endpoint) =
                    self.endpoints.act(side, world.endpoints[side], act, self.frames, !self.rules.lazy)
                {
                    let mut next = world;
                    next.endpoints[side] = endpoint;
                    steps.push(self.settle(next));
                }
            }
        }
        steps
    }

    /// Asserts the laws between two endpoints, and that everything can still be delivered.
    fn check(&mut self, world: World) {
        let [one, other] = [0, 1].map(|side| self.endpoints.get(side, world.endpoints[side]).clone());
        for (from, to) in [(&one, &other), (&other, &one)] {
            to.assert_delivered_from(from);
            assert!(from.acknowledged_by(to), "acknowledged, but not received: {from:?} {to:?}");
        }
        assert!(self.heals(world), "no way back for {one:?} {other:?}");
    }

    /// Whether everything is delivered and acknowledged once the network behaves and the application follows the rules.
    fn heals(&mut self, mut world: World) -> bool {
        for _ in 0..24 {
            let [one, other] = [0, 1].map(|side| self.endpoints.get(side, world.endpoints[side]));
            if Side::all_done(one, other) {
                return true;
            }
            for to in 0..2 {
                let from = 1 - to;
                world.endpoints[to] = self.endpoints.follow(to, world.endpoints[to]);
                if self.rules.epochs
                    && let Some(endpoint) = self.endpoints.act(from, world.endpoints[from], Act::Greet, 0, true)
                {
                    world.endpoints[from] = endpoint;
                }
                let fresh = self.endpoints.sends(from, world.endpoints[from]);
                for bit in (0..128).filter(|bit| fresh >> bit & 1 == 1) {
                    if let Some(endpoint) = self.endpoints.act(to, world.endpoints[to], Act::Receive(bit), 0, true) {
                        world.endpoints[to] = endpoint;
                    }
                }
                while let Some(endpoint) = self.endpoints.act(to, world.endpoints[to], Act::Poll, 0, true) {
                    world.endpoints[to] = endpoint;
                }
            }
        }
        false
    }
}

/// Copies a `Debug` output. The value of a field that `takes` takes is left out, and what it wrote stands in its place.
fn rewrite(text: &str, left: &mut String, mut takes: impl FnMut(&str, &str, &mut String) -> bool) {
    let (bytes, mut copied, mut at) = (text.as_bytes(), 0, 0);
    while at + 1 < bytes.len() {
        if bytes[at] != b':' || bytes[at + 1] != b' ' {
            at += 1;
            continue;
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let start = at - bytes[..at].iter().rev().take_while(|byte| is_name(byte)).count();
        let (name, value) = (&text[start..at], &text[at + 2..]);
        at += 2;
        left.push_str(&text[copied..at]);
        if takes(name, value, left) {
            at += value_len(value);
        }
        copied = at;
    }
    left.push_str(&text[copied..]);
}

/// The first number in a text.
fn number(text: &str) -> u64 {
    let digits = text.bytes().skip_while(|byte| !byte.is_ascii_digit()).take_while(u8::is_ascii_digit);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// How long the value of a field is at the start of a text, in the `Debug` output that goes on after it.
fn value_len(text: &str) -> usize {
    let mut depth = 0_u32;
    for (place, letter) in text.bytes().enumerate() {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' | b',' if depth == 0 => return place,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_of_a_small_world() {
    let states = Explorer::new(Rules { inputs: [1, 1], ..PLAIN }, 3).explore(4_000_000);
    println!("{states} states");
    assert!(states > 1_500_000, "the world has shrunk");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_when_events_are_not_polled() {
    let states = Explorer::new(Rules { lazy: true, inputs: [1, 1], ..PLAIN }, 3).explore(4_000_000);
    println!("{states} states, events not polled");
    assert!(states > 3_500_000, "the world has shrunk");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "some millions of states: run with --release")]
fn nothing_goes_wrong_in_any_state_with_a_change_of_epoch() {
    let states = Explorer::new(Rules { epochs: true, inputs: [1, 1], ..PLAIN }, 1).explore(4_000_000);
    println!("{states} states, one change of epoch");
    assert!(states > 1_000_000, "the world has shrunk");
}
