//! Two players, each with a session and a `Failover`, a direct route that dies and comes back, and a relay.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use inputwire::{DATAGRAM_MAX, Event, Failover, Instant, PeerConfig, Route, RouteCause, RoutePolicy, Session};

use crate::support::{MS, PEER, SECOND, T, Wire, act, at, end};

/// Numbers that follow from a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1405_7b7e_f767_814f)
    }

    /// A number from `low` to `high` - 1.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        low + (self.0 >> 33) % (high - low).max(1)
    }
}

/// The direct route delivers nothing in this time, to these ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) to: [bool; 2],
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) policy: RoutePolicy,
    pub(super) micros: u64,
    /// Whether anybody plays; if not, the sessions only keep alive.
    pub(super) plays: bool,
    /// How long a datagram travels on the direct route and by the relay, and by how much more at most.
    pub(super) delay: [u64; 2],
    pub(super) jitter: u64,
    /// Of a thousand, on either route.
    pub(super) loss: u64,
    pub(super) outages: Vec<Outage>,
}

impl Plan {
    pub(super) fn calm(seed: u64) -> Self {
        Self {
            seed,
            policy: RoutePolicy::Standby,
            micros: 30 * SECOND,
            plays: true,
            delay: [20 * MS, 45 * MS],
            jitter: 5 * MS,
            loss: 0,
            outages: Vec::new(),
        }
    }

    fn is_cut(&self, now: u64, to: usize) -> bool {
        self.outages.iter().any(|outage| outage.to[to] && (outage.from..outage.until).contains(&now))
    }
}

pub(super) struct Player {
    session: Session<1, 1>,
    failover: Failover,
    next_push: u64,
    /// When each input was pushed.
    pub(super) pushed: Vec<u64>,
    /// How many of the peer's inputs were told.
    pub(super) told: u32,
    pub(super) oldest: u64,
    pub(super) changes: Vec<(u64, bool, RouteCause)>,
    pub(super) relayed: u64,
    pub(super) sent: u64,
}

/// When it arrives, what decides between two of one moment, to whom, over what, and what it is.
type Flying = (u64, u64, usize, Route, Vec<u8>);

pub(super) struct World<'a> {
    plan: &'a Plan,
    dice: Dice,
    now: u64,
    pub(super) players: [Player; 2],
    flying: BinaryHeap<Reverse<Flying>>,
}

impl<'a> World<'a> {
    /// Plays the whole plan, and three seconds more in which nobody pushes.
    pub(super) fn play(plan: &'a Plan) -> Self {
        let player = |number: u16| Player {
            session: end(Wire::Compact.settings(number), PeerConfig::compact(1 - number)),
            failover: Failover::new(plan.policy),
            next_push: u64::from(number) * 7 * MS,
            pushed: Vec::new(),
            told: 0,
            oldest: 0,
            changes: Vec::new(),
            relayed: 0,
            sent: 0,
        };
        let players = [player(0), player(1)];
        let mut world = Self { plan, dice: Dice::new(plan.seed), now: 0, players, flying: BinaryHeap::new() };
        loop {
            world.step();
            let wakes = world.players.iter().flat_map(|player| {
                let push = (world.pushes()).then_some(player.next_push);
                let wakes = [player.session.poll_timeout(), player.failover.poll_timeout()];
                wakes.into_iter().flatten().map(Instant::as_micros).chain(push)
            });
            let next = wakes.chain(world.flying.peek().map(|Reverse((when, ..))| *when)).min().unwrap_or(u64::MAX);
            assert!(next > world.now, "woken in a loop at {}", world.now);
            if next > plan.micros + 3 * SECOND {
                return world;
            }
            world.now = next;
        }
    }

    fn pushes(&self) -> bool {
        self.plan.plays && self.now < self.plan.micros
    }

    fn step(&mut self) {
        while self.flying.peek().is_some_and(|Reverse((when, ..))| *when <= self.now) {
            let Some(Reverse((_, _, to, route, datagram))) = self.flying.pop() else { break };
            let player = &mut self.players[to];
            if player.session.handle_datagram(at(self.now), PEER, &datagram).is_ok() {
                player.failover.handle_heard(at(self.now), route);
            }
        }
        for index in 0..2 {
            let pushes = self.pushes();
            let player = &mut self.players[index];
            if pushes && player.next_push <= self.now {
                player.next_push += T;
                let frame = player.session.next_frame().get();
                if player.session.push_input(at(self.now), act(index, frame)).is_ok() {
                    player.pushed.push(self.now);
                }
            }
            self.tell(index);
            self.send(index);
        }
    }

    fn tell(&mut self, index: usize) {
        let [zero, one] = &mut self.players;
        let (player, other) = if index == 0 { (zero, one) } else { (one, zero) };
        player.session.handle_timeout(at(self.now));
        while let Some(event) = player.session.poll_event() {
            match event {
                Event::Input { frame, input, .. } => {
                    assert_eq!((frame.get(), input), (player.told, act(1 - index, player.told)), "{:?}", self.plan);
                    let pushed = usize::try_from(player.told).map(|told| other.pushed[told]).expect("small");
                    player.oldest = player.oldest.max(self.now - pushed);
                    player.told += 1;
                }
                Event::Health { health, .. } => player.failover.handle_health(at(self.now), health),
                _ => {}
            }
        }
        player.failover.handle_timeout(at(self.now));
        if let Some(change) = player.failover.poll_change() {
            player.changes.push((self.now, change.relay, change.cause));
        }
    }

    fn send(&mut self, index: usize) {
        let mut buf = [0; DATAGRAM_MAX];
        let player = &mut self.players[index];
        while let Some(transmit) = player.session.poll_transmit(&mut buf) {
            player.sent += 1;
            for (place, route) in player.failover.routes().iter().enumerate() {
                player.relayed += u64::from(*route == Route::Relay);
                let cut = *route == Route::Direct && self.plan.is_cut(self.now, 1 - index);
                let lost = self.dice.between(0, 1_000) < self.plan.loss && self.now < self.plan.micros;
                let when = self.now + self.plan.delay[place] + self.dice.between(0, self.plan.jitter + 1);
                if !cut && !lost {
                    let order = self.dice.between(0, 1 << 30);
                    self.flying.push(Reverse((when, order, 1 - index, *route, transmit.datagram.to_vec())));
                }
            }
        }
    }
}
