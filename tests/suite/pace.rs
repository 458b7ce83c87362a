//! The pace brings two games together that started apart, with drifting clocks and jitter.

use std::time::Duration;

use inputwire::{Config, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PushError, Session};
use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::Rng;

use crate::support::{PEER, Pair, Wire, at, endpoint, incarnation, peer};

/// Frames a second, and the length of one in nanoseconds.
const FPS: u64 = 60;
const FRAME_NS: u64 = 1_000_000_000 / FPS;
const SIX_FRAMES_NS: u64 = 100 * MS;
const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// A game that pushes an input a frame, and stretches its frames as the pace recommends.
struct Game {
    session: Session<1, 1>,
    /// How much faster its clock runs, in millionths.
    drift_ppm: i64,
    /// When its next frame begins and its last one began, in true nanoseconds.
    next_ns: u64,
    last_ns: u64,
    stalled: u32,
}

impl Game {
    fn new(player: u16, start_ns: u64, drift_ppm: i64) -> Self {
        let config = Config::builder()
            .session_id(7)
            .local_player(player)
            .incarnation(incarnation(player))
            .build()
            .expect("valid");
        let mut session = Session::new(config);
        session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).expect("room");
        Self { session, drift_ppm, next_ns: start_ns, last_ns: start_ns, stalled: 0 }
    }

    fn clock(&self, now_ns: u64) -> Instant {
        let drifted = i128::from(now_ns) * i128::from(1_000_000 + self.drift_ppm) / 1_000_000 / 1_000;
        Instant::from_micros(u64::try_from(drifted).expect("positive"))
    }

    fn frame(&mut self, now_ns: u64) {
        match self.session.push_input(self.clock(now_ns), [0]) {
            Ok(_) => {}
            Err(PushError::WindowFull(_)) => self.stalled += 1,
            Err(other) => panic!("{other}"),
        }
        let nominal = Duration::from_nanos(FRAME_NS);
        let frame = peer(&self.session).pace().map_or(nominal, |pace| pace.stretch(nominal));
        assert!((nominal * 49 / 50..=nominal * 11 / 10).contains(&frame), "{frame:?}");
        let length = frame.as_nanos() * u128::try_from(1_000_000 - self.drift_ppm).expect("small") / 1_000_000;
        self.last_ns = self.next_ns;
        self.next_ns += u64::try_from(length).expect("small");
    }

    /// How far the game has come, in thousandths of a frame.
    fn position(&self, now_ns: u64) -> i64 {
        let part = (now_ns - self.last_ns) * 1_000 / (self.next_ns - self.last_ns).max(1);
        i64::from(self.session.next_frame().get()) * 1_000 + i64::try_from(part.min(1_000)).expect("small")
    }
}

/// The outcome of a start six frames apart.
struct Outcome {
    /// How far apart the games are, in thousandths of a frame, each second.
    apart: Vec<i64>,
    /// How far the sum of the two final estimates is from zero, in thousandths of a frame.
    disagreement: i64,
    stalled: u32,
}

fn meet(seed: u64, seconds: u64) -> Outcome {
    let mut rng = Rng::new(seed);
    let trip_us = rng.below(80) * 1_000 + 5_000;
    let drift = |rng: &mut Rng| i64::try_from(rng.below(121)).expect("small") - 60;
    let (one, other) = (drift(&mut rng), drift(&mut rng));
    let start = SECOND + rng.below(FRAME_NS) / (MS / 10) * (MS / 10);
    let mut games = [Game::new(0, start, one), Game::new(1, start + SIX_FRAMES_NS, other)];
    let mut network = Network::new(2, seed);
    for (from, to) in [(0, 1), (1, 0)] {
        network.set_faults(from, to, Faults { delay_us: trip_us, jitter_us: 20_000, ..Faults::default() });
    }
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut apart = Vec::new();
    let meeting = start + SIX_FRAMES_NS;
    let mut now = 0;
    while now < meeting + seconds * SECOND {
        now += MS / 10;
        while let Some(datagram) = network.deliver(now / 1_000) {
            // An input that overtakes the hello is refused, and resent.
            let game = &mut games[datagram.to];
            let _ = game.session.handle_datagram(game.clock(now), PEER, &datagram.bytes);
        }
        for (at, game) in games.iter_mut().enumerate() {
            if now >= game.next_ns {
                game.frame(now);
            }
            game.session.handle_timeout(game.clock(now));
            while game.session.poll_event().is_some() {}
            while let Some(transmit) = game.session.poll_transmit(&mut buf) {
                network.send(now / 1_000, at, 1 - at, transmit.datagram);
            }
        }
        if now >= meeting && (now - meeting).is_multiple_of(SECOND) {
            apart.push(games[0].position(now) - games[1].position(now));
        }
    }
    let lead = |game: &Game| i64::from(peer(&game.session).pace().expect("known").lead_millis);
    Outcome {
        apart,
        disagreement: (lead(&games[0]) + lead(&games[1])).abs(),
        stalled: games.iter().map(|game| game.stalled).sum(),
    }
}

/// How many seeds to play: a few, or as many as `PACE_SEEDS` says.
fn seeds() -> u64 {
    std::env::var("PACE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12)
}

#[test]
fn of_two_games_in_step_neither_is_ahead_however_long_the_trip() {
    for wire in Wire::ALL {
        for delay_ms in [0, 10, 60, 150] {
            let mut pair = Pair::on(wire);
            pair.delay = delay_ms * 1_000;
            pair.run(3 * 1_000_000);
            pair.play(60);
            for session in &pair.sessions {
                let lead = peer(session).pace().expect("known").lead_millis;
                assert!(lead.abs() < 50, "{wire:?}, {delay_ms} ms: {lead}");
            }
        }
    }
}

#[test]
fn a_lead_of_half_a_frame_is_seen_as_such_even_if_frames_take_ten_seconds() {
    const HALF_A_FRAME: u64 = 5_000_000;
    let session = |player: u16| {
        let settings = Wire::Compact.settings(player).frame_interval(Duration::from_micros(2 * HALF_A_FRAME));
        endpoint(settings, Wire::Compact.peer(1 - player))
    };
    let mut pair = Pair::<1, 120>::new(session(0), session(1));
    for _ in 0..3 {
        for player in 0..2 {
            pair.sessions[player].push_input(at(pair.now), [0]).expect("room in the window");
            pair.run(HALF_A_FRAME);
        }
    }
    for (session, lead) in pair.sessions.iter().zip([500, -500]) {
        assert_eq!(peer(session).pace().map(|pace| pace.lead_millis), Some(lead));
    }
}

#[test]
fn six_frames_of_lead_shrink_below_a_fifth_of_one_in_five_seconds_without_a_stall() {
    let (mut worst, mut disagreement) = (vec![0; 10], 0);
    for seed in 0..seeds() {
        let outcome = meet(seed, 9);
        for (worst, apart) in worst.iter_mut().zip(&outcome.apart) {
            *worst = apart.abs().max(*worst);
        }
        disagreement = outcome.disagreement.max(disagreement);
        assert_eq!(outcome.stalled, 0, "seed {seed}");
    }
    println!("thousandths of a frame apart, second by second: {worst:?}; estimates disagree by {disagreement}");
    assert!(worst[0] > 5_900, "they start six frames apart: {worst:?}");
    assert!(worst[5..].iter().all(|apart| *apart < 200), "{worst:?}");
    assert!(disagreement < 500, "both endpoints see the same lead, except for jitter: {disagreement}");
}
