//! Whole games on two routes. Two variables of the environment choose the seeds: `FAILOVER_SEEDS` (how many) and
//! `FAILOVER_FIRST` (the first).

use inputwire_failover::{RouteCause, RoutePolicy};
use inputwire_sim::rng::Rng;

use crate::world::{Outage, Plan, World};
use crate::{MS, SECOND, T};

/// The greatest age of an input when it is delivered: the silence is noticed, the relay is used, and the inputs that
/// were lost there meanwhile are resent.
const AGE_MAX: u64 = 900 * MS;
/// If only one direction dies, the endpoint that still receives also tries the direct route alone once.
const TRIED_AGE_MAX: u64 = 1_200 * MS + AGE_MAX;

fn seeds(count: u64) -> std::ops::Range<u64> {
    let read = |name, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"));
    let first = read("FAILOVER_FIRST", 0);
    first..first + read("FAILOVER_SEEDS", count)
}

/// The direct route dies and comes back at random: both directions at once, or with an odd seed also each by itself.
fn draw(seed: u64) -> Plan {
    let mut rng = Rng::new(!seed);
    let mut plan = Plan {
        delay: [rng.between(2 * MS, 60 * MS), rng.between(10 * MS, 90 * MS)],
        jitter: rng.between(0, 15 * MS),
        loss: rng.below(201),
        ..Plan::calm(seed)
    };
    let mut now = rng.between(0, 12 * SECOND);
    while now < plan.micros {
        let until = now + rng.between(30 * MS, 8 * SECOND);
        let ways = [[true, true], [true, false], [false, true], [true, true]];
        let to = if seed.is_multiple_of(2) { ways[0] } else { rng.pick(&ways) };
        plan.outages.push(Outage { from: now, until, to });
        now = until + rng.between(100 * MS, 12 * SECOND);
    }
    plan
}

#[test]
fn no_input_is_lost_and_routes_change_at_most_twice_an_outage() {
    let (mut outages, mut changes, mut worst, mut sent, mut relayed) = (0, 0, 0, 0, 0);
    for seed in seeds(24) {
        let plan = draw(seed);
        let age_max = if seed % 2 == 0 { AGE_MAX } else { TRIED_AGE_MAX };
        let world = World::play(&plan);
        for (index, player) in world.players.iter().enumerate() {
            let pushed = world.players[1 - index].pushed.len();
            assert_eq!(usize::try_from(player.delivered), Ok(pushed), "lost inputs: {plan:?}");
            // One more: from both routes at the start to one.
            let most = 1 + 2 * plan.outages.len();
            assert!(player.changes.len() <= most, "{:?} in {plan:?}", player.changes);
            assert!(player.oldest <= age_max, "{} us late: {:?} in {plan:?}", player.oldest, player.changes);
            (changes, worst) = (changes + player.changes.len(), worst.max(player.oldest));
            (sent, relayed) = (sent + player.sent, relayed + player.relayed);
        }
        outages += plan.outages.len();
    }
    println!(
        "{outages} outages, {changes} changes by both players; oldest input {worst} us; {relayed} of {sent} relayed"
    );
}

#[test]
fn twenty_percent_of_loss_changes_nothing() {
    for seed in seeds(8) {
        let plan = Plan { loss: 200, ..Plan::calm(seed) };
        for player in World::play(&plan).players {
            let [(when, false, RouteCause::Well)] = player.changes[..] else { panic!("{:?}", player.changes) };
            assert!(when < 4 * SECOND);
        }
    }
}

#[test]
fn an_outage_costs_two_changes_and_then_direct_is_alone_again() {
    for seed in seeds(8) {
        let mut rng = Rng::new(!seed);
        for to in [[true, true], [true, false], [false, true]] {
            let from = rng.between(14 * SECOND, 16 * SECOND);
            let outages = vec![Outage { from, until: from + rng.between(SECOND, 6 * SECOND), to }];
            let plan = Plan { loss: rng.below(201), outages, ..Plan::calm(seed) };
            for player in World::play(&plan).players {
                let relay: Vec<_> = player.changes.iter().map(|(_, relay, _)| *relay).collect();
                assert_eq!(relay, [false, true, false], "{:?} in {plan:?}", player.changes);
                let (noticed, trusted) = (player.changes[1].0, player.changes[2].0);
                assert!(noticed - from <= 900 * MS, "{:?} in {plan:?}", player.changes);
                assert!(trusted - plan.outages[0].until <= 4_900 * MS, "{:?} in {plan:?}", player.changes);
            }
        }
    }
}

/// In a lobby two pings lost in a row interrupt the session, once in five seconds. The direct route is silent when seven
/// are lost, which happens to one of 200 players in a minute.
#[test]
fn twenty_percent_of_loss_changes_nothing_in_a_lobby_where_nobody_plays() {
    let (mut players, mut changes) = (0, 0);
    for seed in seeds(8) {
        let plan = Plan { loss: 200, plays: false, micros: 60 * SECOND, ..Plan::calm(seed) };
        for player in World::play(&plan).players {
            // Just after the start, the usual pause is not known yet.
            let late = player.changes.iter().filter(|(when, ..)| *when > 10 * SECOND);
            (players, changes) = (players + 1, changes + late.count());
        }
    }
    assert!(changes <= players / 100, "{changes} changes of {players} players in a minute");
}

#[test]
fn always_needs_no_time_to_notice() {
    let outages = vec![Outage { from: 10 * SECOND, until: 15 * SECOND, to: [true; 2] }];
    let plan = Plan { policy: RoutePolicy::Always, outages, ..Plan::calm(1) };
    for player in World::play(&plan).players {
        assert!(player.changes.is_empty());
        assert!(player.oldest <= 50 * MS, "{}", player.oldest);
    }
}

/// The direct route is cut for a second each so often, in both directions.
fn cuts(policy: RoutePolicy, every: u64, micros: u64) -> Plan {
    let times = (1..).map(|number| number * every).take_while(|from| from + 2 * SECOND < micros);
    let outages = times.map(|from| Outage { from, until: from + SECOND, to: [true; 2] });
    Plan { policy, micros, outages: outages.collect(), ..Plan::calm(7) }
}

/// The greatest age of an input in frames, and how many bytes are sent for each that one route would take.
fn age_and_bytes(plan: &Plan) -> (f64, f64) {
    let world = World::play(plan);
    let frames = |us: u64| f64::from(u32::try_from(us).expect("small")) / f64::from(u32::try_from(T).expect("small"));
    let number = |bytes: usize| f64::from(u32::try_from(bytes).expect("small"));
    let total = |place: usize| world.players.iter().map(|player| number(player.bytes[place])).sum::<f64>();
    let oldest = world.players.iter().map(|player| player.oldest).max().unwrap_or(0);
    (frames(oldest), total(1) / total(0))
}

#[test]
fn with_every_fourth_datagram_by_the_relay_a_cut_of_direct_costs_a_few_frames() {
    let (age, bytes) = age_and_bytes(&cuts(RoutePolicy::Shadow(4), 10 * SECOND, 120 * SECOND));
    println!("{age:.1} frames, {bytes:.2} times the bytes");
    assert!(age <= 7.0 && bytes <= 1.35, "{age:.1} frames, {bytes:.2} times the bytes");
}

#[test]
fn copies_become_rare_where_direct_is_good() {
    let (age, bytes) = age_and_bytes(&cuts(RoutePolicy::Adaptive, 60 * SECOND, 300 * SECOND));
    assert!(age <= 35.0 && bytes <= 1.10, "{age:.1} frames, {bytes:.2} times the bytes");
    let (age, bytes) = age_and_bytes(&cuts(RoutePolicy::Adaptive, 10 * SECOND, 120 * SECOND));
    assert!(age <= 12.0 && bytes <= 1.40, "{age:.1} frames, {bytes:.2} times the bytes");
}

/// Prints the table of the crate's documentation.
#[test]
#[ignore = "a table, not a test"]
fn table_of_policies() {
    for (name, policy) in [
        ("Standby", RoutePolicy::Standby),
        ("Shadow(4)", RoutePolicy::Shadow(4)),
        ("Shadow(8)", RoutePolicy::Shadow(8)),
        ("Shadow(16)", RoutePolicy::Shadow(16)),
        ("Adaptive", RoutePolicy::Adaptive),
        ("Always", RoutePolicy::Always),
    ] {
        let cells = [(5, 120), (10, 120), (60, 600), (1_000, 600)].map(|(every, seconds)| {
            let (age, bytes) = age_and_bytes(&cuts(policy, every * SECOND, seconds * SECOND));
            format!("{age:.1} / {bytes:.2}")
        });
        println!("| `{name}` | {} |", cells.join(" | "));
    }
}

#[test]
fn direct_is_not_trusted_while_nothing_that_is_sent_there_is_acknowledged() {
    for policy in [RoutePolicy::Standby, RoutePolicy::Shadow(4), RoutePolicy::Adaptive] {
        for seed in seeds(4) {
            let outages = vec![Outage { from: 15 * SECOND, until: 75 * SECOND, to: [false, true] }];
            let plan = Plan { policy, outages, micros: 90 * SECOND, ..Plan::calm(seed) };
            for player in World::play(&plan).players {
                let during = player.changes.iter().filter(|(when, ..)| (15 * SECOND..75 * SECOND).contains(when));
                assert_eq!(during.count(), 1, "{:?}", player.changes);
                assert!(player.oldest <= AGE_MAX, "{} us: {:?}", player.oldest, player.changes);
                let (when, relay, _) = player.changes.last().expect("a return");
                assert!(!relay && *when >= 75 * SECOND, "{:?}", player.changes);
            }
        }
    }
}
