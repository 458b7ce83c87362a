//! Two players, each with a session and a `Failover`; a direct route that dies and comes back; and a relay.

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session};
use inputwire_failover::{Failover, Route, RouteCause, RoutePolicy};
use inputwire_sim::bottleneck::HEADERS;
use inputwire_sim::network::{Faults, Network};

use crate::{MS, SECOND, T, at};

/// When the start is over, in which both routes are used.
const START: u64 = 5 * SECOND;
/// The only peer of each session.
const PEER: PeerId = PeerId::new(0);

/// The direct route delivers nothing in this time, to these players.
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
    /// Whether inputs are pushed; if not, the sessions only keep alive.
    pub(super) plays: bool,
    /// The delay on the direct route and by the relay, and the most that is added at random.
    pub(super) delay: [u64; 2],
    pub(super) jitter: u64,
    /// Losses in a thousand datagrams, on either route.
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
    /// How many of the peer's inputs were delivered, and the greatest age of one.
    pub(super) delivered: u32,
    pub(super) oldest: u64,
    pub(super) changes: Vec<(u64, bool, RouteCause)>,
    pub(super) relayed: u64,
    pub(super) sent: u64,
    /// The bytes of all datagrams once each, and on all routes, headers of IP and UDP included, after the start.
    pub(super) bytes: [usize; 2],
}

/// The end of the network at which a player has this route.
fn end(player: usize, route: Route) -> usize {
    2 * player + usize::from(route == Route::Relay)
}

/// The player at an end, and its route.
fn player_at(end: usize) -> (usize, Route) {
    (end / 2, if end.is_multiple_of(2) { Route::Direct } else { Route::Relay })
}

pub(super) struct World<'a> {
    plan: &'a Plan,
    now: u64,
    pub(super) players: [Player; 2],
    network: Network,
}

impl<'a> World<'a> {
    /// Plays the whole plan, and three seconds more without inputs.
    pub(super) fn play(plan: &'a Plan) -> Self {
        let player = |number: u16| Player {
            session: session(number),
            failover: Failover::new(plan.policy),
            next_push: u64::from(number) * 7 * MS,
            pushed: Vec::new(),
            delivered: 0,
            oldest: 0,
            changes: Vec::new(),
            relayed: 0,
            sent: 0,
            bytes: [0; 2],
        };
        let players = [player(0), player(1)];
        let mut world = Self { plan, now: 0, players, network: Network::new(4, plan.seed) };
        world.set_faults(plan.loss);
        loop {
            world.step();
            let wakes = world.players.iter().flat_map(|player| {
                let push = (world.pushes()).then_some(player.next_push);
                let wakes = [player.session.poll_timeout(), player.failover.poll_timeout()];
                wakes.into_iter().flatten().map(Instant::as_micros).chain(push)
            });
            let next = wakes.chain(world.network.next_arrival()).min().unwrap_or(u64::MAX);
            assert!(next > world.now, "woken in a loop at {}", world.now);
            if next > plan.micros + 3 * SECOND {
                return world;
            }
            world.now = next;
        }
    }

    /// Sets the faults of both routes; at the end of a plan, losses end.
    fn set_faults(&mut self, loss: u64) {
        let loss = u32::try_from(loss).expect("thousandths");
        for (from, to) in [(0, 1), (1, 0)] {
            for (route, delay_us) in [Route::Direct, Route::Relay].into_iter().zip(self.plan.delay) {
                let faults = Faults { delay_us, jitter_us: self.plan.jitter, loss, ..Faults::default() };
                self.network.set_faults(end(from, route), end(to, route), faults);
            }
        }
    }

    fn pushes(&self) -> bool {
        self.plan.plays && self.now < self.plan.micros
    }

    fn step(&mut self) {
        if self.now >= self.plan.micros {
            self.set_faults(0);
        }
        while let Some(datagram) = self.network.deliver(self.now) {
            let (to, route) = player_at(datagram.to);
            let player = &mut self.players[to];
            if player.session.handle_datagram(at(self.now), PEER, &datagram.bytes).is_ok() {
                player.failover.handle_heard(at(self.now), route);
                let unacked = player.session.peer(PEER).expect("a peer").unacked();
                player.failover.handle_acked(at(self.now), player.session.next_frame(), unacked);
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
            self.take_events(index);
            self.send(index);
        }
    }

    fn take_events(&mut self, index: usize) {
        let [zero, one] = &mut self.players;
        let (player, other) = if index == 0 { (zero, one) } else { (one, zero) };
        player.session.handle_timeout(at(self.now));
        while let Some(event) = player.session.poll_event() {
            match event {
                Event::Input { frame, input, .. } => {
                    assert_eq!(
                        (frame.get(), input),
                        (player.delivered, act(1 - index, player.delivered)),
                        "{:?}",
                        self.plan
                    );
                    let pushed = usize::try_from(player.delivered).map(|frame| other.pushed[frame]).expect("small");
                    player.oldest = player.oldest.max(self.now - pushed);
                    player.delivered += 1;
                }
                Event::Peer { event: PeerEvent::Health { health, .. }, .. } => {
                    player.failover.handle_health(at(self.now), health);
                }
                _ => {}
            }
        }
        player.failover.handle_timeout(at(self.now));
        if let Some(change) = player.failover.poll_change() {
            player.changes.push((self.now, change.relay, change.cause));
        }
    }

    fn send(&mut self, index: usize) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let player = &mut self.players[index];
        while let Some(transmit) = player.session.poll_transmit(&mut buf) {
            player.sent += 1;
            let counted = if self.now < START { 0 } else { transmit.datagram.len() + HEADERS };
            player.bytes[0] += counted;
            for route in player.failover.routes_for(player.session.next_frame()) {
                player.bytes[1] += counted;
                player.relayed += u64::from(*route == Route::Relay);
                let cut = *route == Route::Direct && self.plan.is_cut(self.now, 1 - index);
                if !cut {
                    self.network.send(self.now, end(index, *route), end(1 - index, *route), transmit.datagram);
                }
            }
        }
    }
}

/// A session with its peer, on the compact wire.
fn session(player: u16) -> Session<1, 1> {
    let config =
        Config::builder().session_id(7).local_player(player).incarnation(0x5eed_0000_0000 + u64::from(player)).build();
    let mut session = Session::new(config.expect("valid settings"));
    session.add_peer(at(0), PeerConfig::compact(1 - player)).expect("a free slot");
    session
}

/// The input of a player in a frame, which changes now and then.
fn act(player: usize, frame: u32) -> [u8; 1] {
    let player = u32::try_from(player).expect("small");
    [u8::try_from((frame / 3 * 29 + 7 * player) % 251).expect("a byte")]
}
