//! The rules of `Failover`, one by one.

use std::time::Duration;

use inputwire::{Frame, Health};
use inputwire_failover::{Failover, Route, RouteCause, RoutePolicy};
use inputwire_sim::rng::Rng;

use crate::{MS, SECOND, at};

/// A `Failover` that receives something over the direct route every 20 ms, from the origin on.
struct Game {
    failover: Failover,
    now: u64,
    changes: Vec<(u64, bool, RouteCause)>,
}

impl Game {
    fn new() -> Self {
        Self::of(Failover::new(RoutePolicy::Standby))
    }

    fn of(mut failover: Failover) -> Self {
        failover.handle_health(at(0), Health::Good);
        Self { failover, now: 0, changes: Vec::new() }
    }

    /// A game that has been on the direct route alone for 20 s.
    fn settled() -> Self {
        let mut game = Self::new();
        game.receive(23 * SECOND, &[Route::Direct]);
        assert_eq!(game.changes, [(3 * SECOND, false, RouteCause::Well)]);
        game.changes.clear();
        game
    }

    /// Lets time pass, with something received over these routes every 20 ms.
    fn receive(&mut self, micros: u64, routes: &[Route]) {
        let end = self.now + micros;
        while self.now < end {
            for route in routes {
                self.failover.handle_heard(at(self.now), *route);
                self.poll();
            }
            let until = end.min(self.now + 20 * MS);
            while let Some(due) = self.failover.poll_timeout().filter(|due| due.as_micros() <= until) {
                assert!(due.as_micros() > self.now, "a deadline that has passed");
                self.now = due.as_micros();
                self.failover.handle_timeout(due);
                self.poll();
            }
            self.now = until;
        }
    }

    fn health(&mut self, health: Health) {
        self.failover.handle_health(at(self.now), health);
        self.poll();
    }

    fn poll(&mut self) {
        let uses_relay = self.failover.routes().contains(&Route::Relay);
        if let Some(change) = self.failover.poll_change() {
            assert_eq!(change.relay, uses_relay);
            self.changes.push((self.now, change.relay, change.cause));
        }
        assert_eq!(self.failover.poll_change(), None, "reported twice");
    }
}

const BOTH: &[Route] = &[Route::Direct, Route::Relay];
const SETTLED: u64 = 23 * SECOND;

#[test]
fn it_works_in_a_static() {
    static FAILOVER: Failover = Failover::new(RoutePolicy::Standby).interrupt_after(Duration::from_millis(300));
    assert_eq!(FAILOVER.routes(), BOTH);
    assert_eq!(FAILOVER.poll_timeout(), None);
}

#[test]
fn always_is_always() {
    let mut failover = Failover::new(RoutePolicy::Always);
    for (second, health) in [Health::Good, Health::Interrupted, Health::Good].into_iter().cycle().take(30).enumerate() {
        let now = at(SECOND * u64::try_from(second).expect("small"));
        failover.handle_heard(now, Route::Direct);
        failover.handle_health(now, health);
        assert_eq!((failover.routes(), failover.poll_change(), failover.poll_timeout()), (BOTH, None, None));
    }
}

#[test]
fn a_direct_route_that_never_worked_is_never_trusted() {
    let mut game = Game::new();
    game.receive(60 * SECOND, &[Route::Relay]);
    assert_eq!(game.failover.routes(), BOTH);
    assert_eq!(game.changes, []);
}

#[test]
fn both_routes_are_used_as_soon_as_direct_is_interrupted_and_direct_alone_after_3_s_of_health() {
    let mut game = Game::settled();
    game.receive(7 * SECOND, &[]);
    game.receive(4 * SECOND, BOTH);
    let last_received = SETTLED - 20 * MS;
    let expected =
        [(last_received + 500 * MS, true, RouteCause::Silent), (SETTLED + 10 * SECOND, false, RouteCause::Well)];
    assert_eq!(game.changes, expected);
}

#[test]
fn both_routes_are_used_after_the_silence_that_was_set() {
    let set = Failover::new(RoutePolicy::Standby).interrupt_after(Duration::from_millis(300));
    let mut game = Game::of(set);
    game.receive(SETTLED, &[Route::Direct]);
    game.changes.clear();
    game.receive(SECOND, &[]);
    assert_eq!(game.changes, [(SETTLED - 20 * MS + 300 * MS, true, RouteCause::Silent)]);
}

#[test]
fn a_break_in_the_health_starts_the_3_s_anew() {
    let mut game = Game::settled();
    game.receive(SECOND, &[]);
    game.receive(2 * SECOND, BOTH);
    game.receive(600 * MS, &[Route::Relay]);
    game.receive(2 * SECOND, BOTH);
    assert_eq!(game.changes.len(), 1);
    game.receive(1_100 * MS, BOTH);
    assert_eq!(game.changes.len(), 2);
    assert_eq!(game.changes[1].0, SETTLED + 6_600 * MS);
}

#[test]
fn a_session_that_is_interrupted_earlier_is_believed_in_a_game_but_not_in_a_lobby() {
    let mut game = Game::settled();
    game.receive(170 * MS, &[]);
    game.health(Health::Interrupted);
    assert_eq!(game.changes, [(game.now, true, RouteCause::Silent)]);

    let mut lobby = Game::settled();
    for _ in 0..20 {
        lobby.receive(20 * MS, &[Route::Direct]);
        lobby.receive(180 * MS, &[]);
    }
    lobby.receive(500 * MS, &[]);
    lobby.health(Health::Interrupted);
    lobby.receive(20 * MS, &[Route::Direct]);
    lobby.health(Health::Good);
    lobby.receive(1_200 * MS, &[]);
    assert_eq!(lobby.changes, []);
    lobby.receive(2_000 * MS, &[]);
    assert_eq!(lobby.changes.len(), 1);
}

#[test]
fn a_short_silence_is_no_interruption() {
    let mut game = Game::settled();
    for _ in 0..20 {
        game.receive(460 * MS, &[]);
        game.receive(100 * MS, &[Route::Direct]);
    }
    assert_eq!(game.changes, []);
}

#[test]
fn a_peer_too_far_away_or_deaf_is_worth_the_relay_at_once() {
    for (health, cause) in [(Health::Critical, RouteCause::Slow), (Health::Deaf, RouteCause::Deaf)] {
        let mut game = Game::settled();
        game.health(health);
        assert_eq!(game.changes, [(SETTLED, true, cause)]);
        game.receive(4 * SECOND, BOTH);
        game.health(Health::Warning);
        game.receive(3 * SECOND - MS, BOTH);
        assert_eq!(game.changes.len(), 1);
        game.receive(MS, BOTH);
        assert_eq!(game.changes.last(), Some(&(SETTLED + 7 * SECOND, false, RouteCause::Well)));
    }
}

#[test]
fn a_peer_that_uses_the_relay_is_followed_until_it_leaves_it() {
    let mut game = Game::settled();
    game.receive(30 * SECOND, BOTH);
    game.receive(5 * SECOND, &[Route::Direct]);
    let left = SETTLED + 30 * SECOND - 20 * MS + 600 * MS;
    assert_eq!(game.changes, [(SETTLED, true, RouteCause::Asked), (left, false, RouteCause::Well)]);
}

#[test]
fn datagrams_by_the_relay_just_after_it_was_left_ask_for_nothing() {
    let mut game = Game::settled();
    game.receive(2 * SECOND, &[]);
    game.receive(4_100 * MS, BOTH);
    game.receive(10 * SECOND, &[Route::Direct]);
    assert_eq!(game.changes.len(), 2);
}

#[test]
fn a_peer_that_still_uses_the_relay_1200_ms_after_it_was_left_is_followed() {
    let mut game = Game::settled();
    game.receive(2 * SECOND, &[]);
    game.receive(10 * SECOND, BOTH);
    let left = SETTLED + 5 * SECOND;
    let expected = [(left, false, RouteCause::Well), (left + 1_200 * MS, true, RouteCause::Asked)];
    assert_eq!(game.changes[1..], expected);
}

#[test]
fn trust_that_was_misplaced_again_and_again_takes_longer() {
    let mut game = Game::settled();
    for seconds in [3, 6, 12, 24, 48, 48] {
        let begun = game.now;
        game.health(Health::Critical);
        game.health(Health::Good);
        game.receive(seconds * SECOND, &[Route::Direct]);
        assert_eq!(
            game.changes,
            [(begun, true, RouteCause::Slow), (begun + seconds * SECOND, false, RouteCause::Well)]
        );
        game.changes.clear();
        game.receive(5 * SECOND, &[Route::Direct]);
    }
    // Five times 30 s halve it to the 3 s of the start.
    game.receive(145 * SECOND, &[Route::Direct]);
    game.health(Health::Critical);
    game.health(Health::Good);
    game.receive(3 * SECOND, &[Route::Direct]);
    assert_eq!(game.changes.len(), 2, "steady again, and still not trusted after 3 s");
}

#[test]
fn thirty_seconds_on_direct_alone_are_steady_and_a_microsecond_less_is_not() {
    for (pause, trust) in [(30 * SECOND - 1, 6 * SECOND), (30 * SECOND, 3 * SECOND)] {
        let mut game = Game::settled();
        game.health(Health::Critical);
        game.health(Health::Good);
        game.receive(3 * SECOND, &[Route::Direct]);
        game.receive(pause, &[Route::Direct]);
        let begun = game.now;
        game.health(Health::Critical);
        game.health(Health::Good);
        game.receive(6 * SECOND, &[Route::Direct]);
        assert_eq!(game.changes.last(), Some(&(begun + trust, false, RouteCause::Well)));
    }
}

#[test]
fn where_the_direct_route_falls_silent_ten_seconds_are_steady_and_a_microsecond_less_is_not() {
    for (last_us, trust) in [(20 * MS - 1, 6 * SECOND), (20 * MS, 3 * SECOND)] {
        let mut game = Game::settled();
        for _ in 0..2 {
            game.receive(480 * MS, &[]);
            game.receive(3 * SECOND, &[Route::Direct]);
        }
        game.receive(last_us, &[Route::Direct]);
        game.receive(9_500 * MS, &[Route::Direct]);
        game.receive(480 * MS, &[]);
        let begun = game.now;
        assert_eq!(game.changes.last(), Some(&(begun, true, RouteCause::Silent)));
        game.receive(6 * SECOND, &[Route::Direct]);
        assert_eq!(game.changes.last(), Some(&(begun + trust, false, RouteCause::Well)));
    }
}

#[test]
fn with_copies_half_a_second_of_health_ends_a_silence_however_often_and_costs_no_trust() {
    for policy in [RoutePolicy::Shadow(4), RoutePolicy::Adaptive] {
        let mut game = Game::of(Failover::new(policy));
        game.receive(5 * SECOND, &[Route::Direct]);
        game.changes.clear();
        for _ in 0..5 {
            game.receive(480 * MS, &[]);
            let begun = game.now;
            game.receive(SECOND, &[Route::Direct]);
            let expected = [(begun, true, RouteCause::Silent), (begun + 500 * MS, false, RouteCause::Well)];
            assert_eq!(game.changes, expected, "{policy:?}");
            game.changes.clear();
        }
        let begun = game.now;
        critical(&mut game);
        game.receive(3 * SECOND, &[Route::Direct]);
        let expected = [(begun, true, RouteCause::Slow), (begun + 3 * SECOND, false, RouteCause::Well)];
        assert_eq!(game.changes, expected, "{policy:?}");
    }
}

#[test]
fn while_the_peer_is_not_connected_both_routes_are_used_whatever_is_received_directly() {
    let mut unconnected = Game { failover: Failover::new(RoutePolicy::Standby), now: 0, changes: Vec::new() };
    unconnected.receive(10 * SECOND, &[Route::Direct]);
    assert_eq!((unconnected.failover.routes(), unconnected.changes), (BOTH, Vec::new()));

    let mut game = Game::settled();
    game.health(Health::Disconnected);
    game.receive(10 * SECOND, &[Route::Direct]);
    assert_eq!(game.changes, [(SETTLED, true, RouteCause::Silent)]);
}

#[test]
fn without_acknowledgements_direct_alone_is_used_after_2_s_if_nothing_new_was_sent_and_not_at_all_otherwise() {
    for is_new in [false, true] {
        let mut game = Game::new();
        game.failover.handle_acked(at(0), Frame::new(0), 0);
        game.receive(3 * SECOND, &[Route::Direct]);
        for number in 0..25 {
            let end = if is_new { 7 + number } else { 7 };
            let _ = game.failover.routes_for(Frame::new(end));
            game.receive(100 * MS, &[Route::Direct]);
        }
        let expected: &[_] = if is_new { &[] } else { &[(5 * SECOND, false, RouteCause::Well)] };
        assert_eq!(game.changes, expected);
    }
}

/// Changes in ten minutes where the direct route fails each time so long after it was trusted.
fn changes(policy: RoutePolicy, mut pause: impl FnMut() -> u64, mut fail: impl FnMut(&mut Game)) -> usize {
    let mut game = Game::of(Failover::new(policy));
    while game.now < 600 * SECOND {
        game.receive(20 * MS, &[Route::Direct]);
        if game.failover.routes() == [Route::Direct] {
            game.receive(pause(), &[Route::Direct]);
            fail(&mut game);
        }
    }
    game.changes.len()
}

fn critical(game: &mut Game) {
    game.health(Health::Critical);
    game.health(Health::Good);
}

#[test]
fn a_route_that_turns_bad_each_time_it_is_trusted_is_trusted_ever_more_rarely() {
    for policy in [RoutePolicy::Standby, RoutePolicy::Shadow(4), RoutePolicy::Adaptive] {
        let regular = changes(policy, || 6 * SECOND, critical);
        assert!(regular <= 30, "{policy:?}: {regular} changes in ten minutes");
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let most = rng.between(1, 60) * SECOND;
            let random = changes(policy, || rng.between(0, most), critical);
            assert!(random <= 40, "{policy:?}, seed {seed}: {random} changes in ten minutes");
        }
        // The worst: just long enough that trust never grows.
        let steady = changes(policy, || 30 * SECOND, critical);
        assert!(steady <= 40, "{policy:?}: {steady} changes in ten minutes");
    }
}

#[test]
fn a_route_that_falls_silent_each_time_it_is_trusted_is_trusted_ever_more_rarely_without_copies() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let most = rng.between(1, 20) * SECOND;
        let random = changes(RoutePolicy::Standby, || rng.between(0, most), |game| game.receive(SECOND, &[]));
        assert!(random <= 90, "seed {seed}: {random} changes in ten minutes");
    }
}

#[test]
fn copies_by_the_relay_ask_for_nothing_and_a_peer_that_sends_everything_there_does() {
    for every in [4, 8, 16] {
        let mut game = Game::of(Failover::new(RoutePolicy::Shadow(every)));
        game.receive(10 * SECOND, &[Route::Direct]);
        game.changes.clear();
        for _ in 0..200 {
            game.receive(20 * MS * u64::from(every - 1), &[Route::Direct]);
            game.receive(20 * MS, BOTH);
        }
        assert_eq!(game.changes, [], "each {every}th");
        let begun = game.now;
        game.receive(SECOND, BOTH);
        let [(at, true, RouteCause::Asked)] = game.changes[..] else { panic!("{:?}", game.changes) };
        assert!(at < begun + 500 * MS, "asked after {} us", at - begun);
    }
}

#[test]
fn where_little_is_sent_with_copies_a_peer_is_followed_for_the_time_of_16_datagrams_after_it_asked() {
    let mut game = Game::of(Failover::new(RoutePolicy::Shadow(4)));
    let slowly = |game: &mut Game, datagrams: u32, routes: &[Route]| {
        for _ in 0..datagrams {
            game.receive(20 * MS, routes);
            game.receive(80 * MS, &[]);
        }
    };
    slowly(&mut game, 100, &[Route::Direct]);
    game.changes.clear();
    // The first eight by the relay are few among all that came directly.
    slowly(&mut game, 16, BOTH);
    let asked = game.now - 100 * MS;
    slowly(&mut game, 30, &[Route::Direct]);
    let expected = [(asked, true, RouteCause::Asked), (asked + 1_600 * MS, false, RouteCause::Well)];
    assert_eq!(game.changes, expected);
}

#[test]
fn each_so_many_th_datagram_is_copied_whatever_comes_between() {
    let mut failover = Failover::new(RoutePolicy::Shadow(4));
    let mut game = Game::of(failover.clone());
    game.receive(10 * SECOND, &[Route::Direct]);
    failover.clone_from(&game.failover);
    let mut copied = [0; 2];
    for number in 1..=400 {
        // A new input, and the checksum that goes with it.
        for copies in &mut copied {
            *copies += failover.routes_for(Frame::new(number)).len() - 1;
        }
    }
    assert_eq!(copied, [100, 100]);
}

#[test]
fn a_late_call_is_no_silence_of_the_peer() {
    let mut game = Game::settled();
    game.now += 20 * SECOND;
    game.failover.handle_timeout(at(game.now));
    game.poll();
    game.receive(2 * SECOND, &[Route::Direct]);
    assert_eq!(game.changes, []);
    // It is forgiven once, or an application that always calls late would never notice anything.
    for _ in 0..2 {
        game.now += 20 * SECOND;
        game.failover.handle_timeout(at(game.now));
        game.poll();
    }
    assert_eq!(game.changes.len(), 1);
}

#[test]
fn a_change_that_is_reversed_before_it_was_polled_is_no_change() {
    let mut game = Game::settled();
    game.failover.handle_health(at(game.now), Health::Critical);
    game.failover.handle_health(at(game.now), Health::Good);
    for step in 0..=150 {
        game.failover.handle_heard(at(game.now + step * 20 * MS), Route::Direct);
    }
    assert_eq!(game.failover.routes(), [Route::Direct]);
    assert_eq!(game.failover.poll_change(), None);
}

#[test]
fn no_time_is_too_late_or_too_early() {
    let mut game = Game::settled();
    for now in [u64::MAX, 0, u64::MAX - 1, 5, 1 << 63] {
        let kept = game.failover.clone();
        game.failover.handle_heard(at(now), Route::Direct);
        game.failover.handle_heard(at(now), Route::Relay);
        game.failover.handle_health(at(now), Health::Critical);
        game.failover.handle_health(at(now), Health::Good);
        assert!(game.failover.poll_timeout().is_none_or(|due| due.as_micros() > now));
        let mut other = kept;
        other.handle_heard(at(now), Route::Direct);
        other.handle_heard(at(now), Route::Relay);
        other.handle_health(at(now), Health::Critical);
        other.handle_health(at(now), Health::Good);
        assert_eq!(game.failover, other);
    }
}

#[test]
fn any_order_of_calls_has_deadlines_that_come_to_an_end() {
    let healths =
        [Health::Connecting, Health::Good, Health::Warning, Health::Critical, Health::Deaf, Health::Interrupted];
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let (mut failover, mut now) = (Failover::new(RoutePolicy::Standby), 0);
        for _ in 0..200 {
            // Mostly forward, and sometimes back.
            now = (now + rng.below(4 * SECOND)).saturating_sub(SECOND);
            match rng.below(5) {
                0 => failover.handle_health(at(now), rng.pick(&healths)),
                1 => failover.handle_timeout(at(now)),
                2 => failover.handle_heard(at(now), Route::Relay),
                _ => failover.handle_heard(at(now), Route::Direct),
            }
            let same = failover.clone();
            failover.handle_timeout(at(now));
            assert_eq!(failover, same, "the same moment twice is not the same");
            let mut left = failover.clone();
            for wakes in 0.. {
                let Some(due) = left.poll_timeout() else { break };
                assert!(due > at(now) && wakes < 4, "woken in a loop");
                let before = left.routes();
                left.handle_timeout(at(due.as_micros() - 1));
                assert_eq!(left.routes(), before, "changed before its deadline");
                left.handle_timeout(due);
            }
        }
    }
}
