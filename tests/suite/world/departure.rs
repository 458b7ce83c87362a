//! The departures of PROTOCOL 3.12 in a small world, on sessions as they are: three ends with a window of 2, the least there is, and
//! up to 3 frames, or 4 ends in random walks.
//!
//! Ends die, accuse ends that live, say goodbye, begin an epoch and join. The network keeps the newest one or two datagrams of each
//! kind in each direction and delivers any of them at any time, any number of times, or never. An application disconnects whoever
//! is dead or closed whenever it likes. In every world the laws of departures hold, and from every world a network that delivers
//! and applications that do their part lead to silence.

mod end;

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use end::{Act, ENDS, EPOCHS, End, Ends, Kind, Sent, Setup, Step};
use inputwire::Departure;
use inputwire_sim::rng::Rng;

/// No datagram.
const NONE: u16 = u16::MAX;
/// Rounds in which everything is delivered, after which there is silence.
const HEAL_ROUNDS: usize = 16;
/// How many datagrams are delivered in one round.
const MOST_DATAGRAMS: usize = 200;

/// What may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Budget {
    deaths: u8,
    /// Disconnecting an end that lives.
    accusations: u8,
    goodbyes: u8,
    epochs: u8,
}

/// What a world is like.
#[derive(Clone, Copy, Debug)]
struct Rules {
    setup: Setup,
    /// How many frames each end pushes.
    frames: [u32; ENDS],
    /// How many datagrams of a kind the network keeps in each direction.
    kept: usize,
    /// Who alone dies and accuses, if not everybody may.
    culprit: Option<usize>,
    budget: Budget,
}

/// The last one of three pushes. Whoever lacks something of it is unlucky.
const PLAIN: Rules = Rules {
    setup: Setup { ends: 3, keyed: false, joins: false, lazy: false },
    frames: [0, 0, 3, 0],
    kept: 1,
    culprit: None,
    budget: Budget { deaths: 0, accusations: 0, goodbyes: 0, epochs: 0 },
};

/// The datagrams under way from one end to another, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Link {
    inputs: [u16; 2],
    words: [u16; 2],
    bye: u16,
}

impl Link {
    const EMPTY: Self = Self { inputs: [NONE; 2], words: [NONE; 2], bye: NONE };

    fn push(&mut self, sent: Sent, kept: usize) {
        let newest = match sent.kind {
            Kind::Inputs => &mut self.inputs,
            Kind::Word => &mut self.words,
            Kind::Bye => {
                self.bye = sent.datagram;
                return;
            }
        };
        if newest[0] != sent.datagram {
            *newest = [sent.datagram, if kept > 1 { newest[0] } else { NONE }];
        }
    }

    fn datagrams(&self) -> impl Iterator<Item = u16> {
        let [one, two] = self.inputs;
        let [three, four] = self.words;
        [one, two, three, four, self.bye].into_iter().filter(|datagram| *datagram != NONE)
    }
}

/// One reachable state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World {
    ends: [u32; ENDS],
    dead: [bool; ENDS],
    budget: Budget,
    /// From, to.
    links: [[Link; ENDS]; ENDS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Die(usize),
    Do(usize, Act),
}

struct Explorer {
    ends: Ends,
    rules: Rules,
    /// What leads to silence, once the network has forgotten everything.
    healing: HashSet<([u32; ENDS], [bool; ENDS])>,
}

impl Explorer {
    fn new(rules: Rules) -> Self {
        Self { ends: Ends::new(rules.setup), rules, healing: HashSet::new() }
    }

    fn start(&mut self) -> World {
        let (ends, budget) = (self.ends.start(), self.rules.budget);
        World { ends, dead: [false; ENDS], budget, links: [[Link::EMPTY; ENDS]; ENDS] }
    }

    fn end(&self, world: &World, player: usize) -> &End {
        self.ends.get(player, world.ends[player])
    }

    fn players(&self) -> std::ops::Range<usize> {
        0..self.rules.setup.ends
    }

    /// The player that joins late.
    fn joiner(&self) -> Option<usize> {
        self.rules.setup.joins.then_some(self.rules.setup.ends - 1)
    }

    fn is_playing(&self, world: &World, player: usize) -> bool {
        !world.dead[player] && self.end(world, player).is_open
    }

    /// Everything that may happen next, possible or not.
    fn moves(&self, world: &World) -> Vec<Move> {
        let mut moves = Vec::new();
        let begun = self.players().any(|player| self.end(world, player).begun());
        for player in self.players().filter(|player| !world.dead[*player]) {
            let (end, others) = (self.end(world, player), self.players().filter(move |other| *other != player));
            let act = |act| Move::Do(player, act);
            let is_culprit = self.rules.culprit.is_none_or(|culprit| culprit == player);
            if world.budget.deaths > 0 && is_culprit {
                moves.push(Move::Die(player));
            }
            for from in others.clone() {
                let receive = |datagram| act(Act::Receive { from, datagram });
                moves.extend(world.links[from][player].datagrams().map(receive));
            }
            if self.rules.setup.lazy {
                moves.push(act(Act::Take));
            }
            if !end.is_open {
                moves.push(act(Act::Pass));
                continue;
            }
            let joiner = self.joiner().filter(|joiner| *joiner != player && end.departure(*joiner).is_none());
            let limit = if joiner.is_some() { 1 } else { self.rules.frames[player] };
            if end.pushed() < limit.min(self.rules.frames[player]) {
                moves.push(act(Act::Push));
            }
            moves.extend(joiner.map(|joiner| act(Act::Add(joiner))));
            let accuses = world.budget.accusations > 0 && is_culprit;
            let gone = |other: &usize| accuses || !self.is_playing(world, *other);
            moves.extend(others.filter(gone).map(|other| act(Act::Disconnect(other))));
            if world.budget.goodbyes > 0 {
                moves.push(act(Act::Close));
            }
            if !end.begun() && (begun || world.budget.epochs > 0) {
                moves.push(act(Act::Begin));
            }
        }
        moves
    }

    fn after(&mut self, world: &World, next: Move) -> Result<Option<World>, String> {
        let mut after = *world;
        let budget = &mut after.budget;
        match next {
            Move::Die(player) => {
                budget.deaths -= 1;
                self.die(&mut after, player);
                return Ok(Some(after));
            }
            Move::Do(_, Act::Disconnect(other)) if self.is_playing(world, other) => budget.accusations -= 1,
            Move::Do(_, Act::Close) => budget.goodbyes -= 1,
            Move::Do(..) => {}
        }
        let Move::Do(player, act) = next else { return Ok(None) };
        if act == Act::Begin && !self.players().any(|player| self.end(world, player).begun()) {
            after.budget.epochs -= 1;
        }
        let Some(step) = self.ends.act(player, world.ends[player], act)? else { return Ok(None) };
        after.ends[player] = step.next;
        for sent in step.sent.iter().filter(|sent| !after.dead[sent.to]) {
            after.links[player][sent.to].push(*sent, self.rules.kept);
        }
        Ok(Some(after))
    }

    fn die(&self, world: &mut World, player: usize) {
        world.dead[player] = true;
        self.players().for_each(|from| world.links[from][player] = Link::EMPTY);
    }

    /// Asserts the laws that hold at any time, and that there is a way to silence.
    fn check(&mut self, world: &World) -> Result<(), String> {
        for (one, other) in self.players().flat_map(|one| self.players().map(move |other| (one, other))) {
            let [one_end, other_end] = [one, other].map(|player| self.end(world, player));
            if one == other {
                continue;
            }
            for epoch in 0..EPOCHS {
                if one_end.received(epoch, other) > Some(other_end.ends[epoch][other]) {
                    return Err(format!("{one} has inputs that {other} did not push: {one_end:?}"));
                }
                if one_end.named[other] || other_end.named[one] {
                    continue;
                }
                for player in self.players() {
                    let [here, there] = [one_end, other_end].map(|end| end.departed[epoch][player]);
                    if here.is_some() && there.is_some() && here != there {
                        return Err(format!("{player} departed at {here:?} for {one}, at {there:?} for {other}"));
                    }
                }
            }
        }
        self.heals(world)
    }

    /// Whether there is silence, and everything is settled, once nothing is lost any more and applications do their part. What
    /// was under way is lost.
    fn heals(&mut self, world: &World) -> Result<(), String> {
        let mut world = World { links: [[Link::EMPTY; ENDS]; ENDS], ..*world };
        let mut path = Vec::new();
        for _ in 0..HEAL_ROUNDS {
            let key = (world.ends, world.dead);
            if self.healing.contains(&key) {
                self.healing.extend(path);
                return Ok(());
            }
            path.push(key);
            self.act_as_applications(&mut world)?;
            let words = self.exchange(&mut world)?;
            if words == 0 && self.waits_for(&world).is_none() {
                self.healing.extend(path);
                return Ok(());
            }
        }
        let ends: Vec<_> = self.players().map(|player| self.end(&world, player)).collect();
        Err(format!("no way to silence, since {:?}: {ends:#?}", self.waits_for(&world)))
    }

    /// Applications take what is there, follow to an epoch, disconnect who is gone, and call a join off that not all could take.
    fn act_as_applications(&mut self, world: &mut World) -> Result<(), String> {
        let begun = self.players().any(|player| self.end(world, player).begun());
        if let Some(joiner) = self.joiner() {
            let has = |explorer: &Self, player| explorer.end(world, player).departure(joiner).is_some();
            let mut others = (0..joiner).filter(|player| self.is_playing(world, *player));
            if !others.all(|player| has(self, player)) {
                self.die(world, joiner);
                for player in 0..joiner {
                    self.act(world, player, Act::Remove(joiner))?;
                }
            }
        }
        for player in self.players() {
            if world.dead[player] {
                continue;
            }
            self.take(world, player)?;
            if begun && !self.end(world, player).begun() && self.end(world, player).is_open {
                self.act(world, player, Act::Begin)?;
            }
            for other in self.players() {
                if other != player && !self.is_playing(world, other) {
                    self.act(world, player, Act::Disconnect(other))?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, world: &mut World, player: usize) -> Result<(), String> {
        while self.rules.setup.lazy && self.act(world, player, Act::Take)?.is_some() {}
        Ok(())
    }

    /// Lets an end do something, and returns what it sends, if it was possible.
    fn act(&mut self, world: &mut World, player: usize, act: Act) -> Result<Option<Rc<Step>>, String> {
        let step = self.ends.act(player, world.ends[player], act)?;
        if let Some(step) = &step {
            world.ends[player] = step.next;
        }
        Ok(step)
    }

    /// Time passes for all, and all that is sent arrives. Returns how many words were sent.
    fn exchange(&mut self, world: &mut World) -> Result<usize, String> {
        let mut under_way = VecDeque::<(usize, Sent)>::new();
        // One that is sent anew takes the place of the one before.
        let post = |under_way: &mut VecDeque<(usize, Sent)>, from: usize, sent: Sent| {
            let same = |(by, other): &&mut (usize, Sent)| (*by, other.to, other.kind) == (from, sent.to, sent.kind);
            match under_way.iter_mut().find(same) {
                Some((_, other)) => *other = sent,
                None => under_way.push_back((from, sent)),
            }
        };
        for player in self.players() {
            if !world.dead[player] {
                let step = self.act(world, player, Act::Pass)?;
                step.iter().flat_map(|step| &step.sent).for_each(|sent| post(&mut under_way, player, *sent));
            }
        }
        let mut words = 0;
        let mut left = MOST_DATAGRAMS;
        while let Some((from, Sent { to, kind, datagram })) = under_way.pop_front() {
            left -= 1;
            if left == 0 {
                let is_settled = self.waits_for(world).is_none();
                return if is_settled { Err("no end of words".into()) } else { Ok(words) };
            }
            words += usize::from(kind == Kind::Word);
            if !world.dead[to] {
                let step = self.act(world, to, Act::Receive { from, datagram })?;
                self.take(world, to)?;
                // Datagrams with inputs are sent as long as time passes, which it does here with each step.
                let answers = step.iter().flat_map(|step| &step.sent).filter(|sent| sent.kind != Kind::Inputs);
                answers.for_each(|sent| post(&mut under_way, to, *sent));
            }
        }
        Ok(words)
    }

    /// What is not settled.
    fn waits_for(&self, world: &World) -> Option<String> {
        for player in self.players().filter(|player| self.is_playing(world, *player)) {
            let end = self.end(world, player);
            if !end.is_settled() {
                return Some(format!("{player} is not settled"));
            }
            if !end.can_push() {
                return Some(format!("{player} cannot push"));
            }
            for other in self.players() {
                let plays = self.is_playing(world, other) && !self.end(world, other).named[player];
                if end.departure(other) == Some(Departure::Present) && !plays {
                    return Some(format!("{player} plays with {other}"));
                }
            }
        }
        None
    }
}

/// What an exploration found.
#[derive(Debug)]
struct Found {
    worlds: usize,
    all: bool,
}

/// Visits worlds, breadth first, until there are no more or so many were found.
fn explore(rules: Rules, at_most: usize) -> Found {
    let hash_of = |world: &World| {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        hasher.finish()
    };
    let mut explorer = Explorer::new(rules);
    let start = explorer.start();
    let mut seen = HashSet::from([hash_of(&start)]);
    let mut trails: Vec<(usize, Option<Move>)> = vec![(0, None)];
    let mut pending = VecDeque::from([(start, 0)]);
    let trail = |trails: &[(usize, Option<Move>)], mut place: usize| {
        let mut moves = Vec::new();
        while let (before, Some(last)) = trails[place] {
            moves.push(format!("{last:?}"));
            place = before;
        }
        moves.reverse();
        moves.join(", ")
    };
    while let Some((world, place)) = pending.pop_front() {
        for next in explorer.moves(&world) {
            let fail = |error: String| -> ! { panic!("after {}, {next:?}: {error}", trail(&trails, place)) };
            let Some(after) = explorer.after(&world, next).unwrap_or_else(|error| fail(error)) else { continue };
            if seen.insert(hash_of(&after)) {
                explorer.check(&after).unwrap_or_else(|error| fail(error));
                trails.push((place, Some(next)));
                pending.push_back((after, trails.len() - 1));
            }
        }
        if seen.len() >= at_most {
            println!("{} worlds, there are more, of {} states of ends", seen.len(), explorer.ends.count());
            return Found { worlds: seen.len(), all: false };
        }
    }
    println!("{} worlds, these are all, of {} states of ends", seen.len(), explorer.ends.count());
    Found { worlds: seen.len(), all: true }
}

/// Walks at random, and starts anew now and then.
fn walk(rules: Rules, seed: u64, steps: usize) {
    const LENGTH: usize = 60;
    /// States are forgotten when there are so many.
    const STATES: usize = 200_000;
    let mut rng = Rng::new(seed);
    let mut explorer = Explorer::new(rules);
    for _ in 0..steps.div_ceil(LENGTH) {
        if explorer.ends.count() > STATES {
            explorer = Explorer::new(rules);
        }
        let (mut world, mut trail) = (explorer.start(), Vec::new());
        for step in 0..LENGTH {
            let moves = explorer.moves(&world);
            let next = rng.pick(&moves);
            trail.push(next);
            let after = explorer.after(&world, next);
            let checked = after.and_then(|after| {
                world = after.unwrap_or(world);
                // The way to silence is the long part of it.
                if step % 8 == 7 { explorer.check(&world) } else { Ok(()) }
            });
            checked.unwrap_or_else(|error| panic!("after {trail:?}: {error}"));
        }
    }
}

const fn budget(deaths: u8, accusations: u8, goodbyes: u8, epochs: u8) -> Budget {
    Budget { deaths, accusations, goodbyes, epochs }
}

/// Worlds with three ends, of everything that can happen.
fn worlds() -> Vec<Rules> {
    let mut all = Vec::new();
    for kept in [1, 2] {
        let mut add = |budget, frames, setup| all.push(Rules { setup, frames, kept, budget, ..PLAIN });
        for (deaths, accusations) in [(2, 0), (1, 1), (0, 2)] {
            add(budget(deaths, accusations, 0, 0), [0, 0, 3, 0], PLAIN.setup);
        }
        for keyed in [false, true] {
            for (deaths, accusations) in [(1, 0), (0, 1)] {
                add(budget(deaths, accusations, 1, 0), [0, 0, 3, 0], Setup { keyed, ..PLAIN.setup });
            }
        }
        for (deaths, accusations) in [(1, 0), (0, 1)] {
            add(budget(deaths, accusations, 0, 0), [2, 2, 3, 0], PLAIN.setup);
            add(budget(deaths, accusations, 0, 1), [0, 0, 2, 0], PLAIN.setup);
            add(budget(deaths, accusations, 0, 0), [0, 4, 0, 0], Setup { joins: true, ..PLAIN.setup });
            add(budget(deaths, accusations, 0, 0), [0, 0, 3, 0], Setup { lazy: true, ..PLAIN.setup });
        }
    }
    all
}

#[test]
fn in_every_small_world_survivors_agree_on_whoever_leaves_and_fall_silent() {
    // Those in which two ends of three die are all; of the others there are the first ones.
    let (most, at_most) = if cfg!(debug_assertions) { (300, 60) } else { (250_000, 25_000) };
    let deaths_only = Rules { budget: budget(2, 0, 0, 0), ..PLAIN };
    let found = explore(deaths_only, most);
    assert!(found.all || found.worlds >= most, "{found:?}");
    // One that pushes on after it has accused another, and dies.
    let accuser = Rules { culprit: Some(2), budget: budget(1, 1, 0, 0), ..PLAIN };
    explore(accuser, most);
    for rules in worlds() {
        let found = explore(rules, at_most);
        assert!(found.all || found.worlds >= at_most, "{found:?}");
    }
}

/// `DEPARTURE_WORLDS=3000000 cargo test --release --test suite world::departure -- --ignored --nocapture`
#[test]
#[ignore = "takes an hour and some gigabytes, and a release build"]
fn in_millions_of_small_worlds_survivors_agree() {
    for rules in worlds() {
        let started = std::time::Instant::now();
        println!("{rules:?}");
        let found = explore(rules, number("DEPARTURE_WORLDS", 3_000_000));
        println!("{found:?} in {:?}", started.elapsed());
    }
}

/// Worlds with four ends, for random walks.
fn wide_worlds() -> [Rules; 4] {
    let setup = Setup { ends: 4, ..PLAIN.setup };
    let rules = Rules { setup, frames: [1, 2, 3, 3], kept: 2, budget: budget(2, 2, 1, 1), ..PLAIN };
    [
        Rules { budget: budget(2, 2, 0, 0), ..rules },
        Rules { setup: Setup { keyed: true, ..setup }, ..rules },
        Rules { setup: Setup { lazy: true, ..setup }, ..rules },
        Rules { setup: Setup { joins: true, ..setup }, frames: [1, 4, 4, 4], budget: budget(2, 2, 1, 0), ..rules },
    ]
}

#[test]
fn however_four_ends_go_on_survivors_agree_and_fall_silent() {
    let steps = if cfg!(debug_assertions) { 200 } else { 25_000 };
    wide_worlds().into_iter().zip(1..).for_each(|(rules, seed)| walk(rules, seed, steps));
}

/// `WALK_STEPS=10000000 WALK_SEED=1 cargo test --release --test suite world::departure -- --ignored walks`
#[test]
#[ignore = "takes half an hour and a release build"]
fn on_long_walks_of_four_ends_survivors_agree() {
    let (steps, seed) = (number("WALK_STEPS", 10_000_000), number("WALK_SEED", 100));
    for (rules, seed) in wide_worlds().into_iter().zip(u64::try_from(seed).expect("small")..) {
        walk(rules, seed, steps / 4);
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
