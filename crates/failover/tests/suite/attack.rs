//! Whatever is called, in whatever order and at whatever time.

use std::time::Duration;

use inputwire::{Frame, Health, Instant};
use inputwire_failover::{Failover, Route, RoutePolicy};
use inputwire_sim::rng::Rng;

const HEALTHS: [Health; 7] = [
    Health::Connecting,
    Health::Good,
    Health::Warning,
    Health::Critical,
    Health::Deaf,
    Health::Interrupted,
    Health::Disconnected,
];

fn policy(rng: &mut Rng) -> RoutePolicy {
    match rng.below(4) {
        0 => RoutePolicy::Standby,
        1 => RoutePolicy::Shadow(rng.pick(&[0, 1, 3, 4, 16, 255])),
        2 => RoutePolicy::Adaptive,
        _ => RoutePolicy::Always,
    }
}

/// Makes a call at random, at a time at random.
fn call(failover: &mut Failover, rng: &mut Rng, now: &mut u64) {
    *now = match rng.below(12) {
        0 => rng.pick(&[0, 1, u64::MAX, u64::MAX - 1, u64::MAX - (1 << 40), 1 << 63]).max(*now / 2),
        1 => now.saturating_sub(rng.below(1_000_000)),
        2 => failover.poll_timeout().map_or(*now, Instant::as_micros),
        _ => now.saturating_add(rng.below(200_000)),
    };
    let at = Instant::from_micros(*now);
    let frame = |rng: &mut Rng| Frame::new(rng.pick(&[0, 1, 7, 130, u32::MAX - 1, u32::MAX]));
    match rng.below(6) {
        0 => failover.handle_heard(at, Route::Direct),
        1 => failover.handle_heard(at, Route::Relay),
        2 => failover.handle_health(at, rng.pick(&HEALTHS)),
        3 => {
            let next = frame(rng);
            failover.handle_acked(at, next, rng.pick(&[0, 1, 127, u32::MAX]));
        }
        4 => {
            failover.handle_timeout(at);
            let end = frame(rng);
            assert_eq!(failover.routes_for(end).first(), Some(&Route::Direct));
        }
        _ => failover.handle_timeout(at),
    }
}

#[test]
fn any_calls_at_any_time_leave_the_direct_route_in_use_and_the_next_timeout_ahead() {
    for seed in 0..3_000 {
        let mut rng = Rng::new(seed);
        let policy = policy(&mut rng);
        let silence = Duration::from_micros(rng.pick(&[0, 1, 500_000, 1 << 32, u64::MAX]));
        let mut failover = Failover::new(policy).interrupt_after(silence);
        let (mut now, mut latest) = (0, 0);
        for _ in 0..100 {
            call(&mut failover, &mut rng, &mut now);
            latest = latest.max(now);
            let due = failover.poll_timeout().map(Instant::as_micros);
            assert!(due.is_none_or(|due| due > latest), "seed {seed}: {policy:?} at {latest}, due {due:?}");
            assert_eq!(failover.routes().first(), Some(&Route::Direct));
            let changes = std::iter::from_fn(|| failover.poll_change()).take(3).count();
            assert!(changes <= 1, "seed {seed}");
        }
    }
}

#[test]
fn a_peer_that_says_whatever_it_likes_cannot_keep_everything_on_the_direct_route_when_that_is_silent() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut failover = Failover::new(RoutePolicy::Standby);
        let mut now = 0;
        for _ in 0..200 {
            call(&mut failover, &mut rng, &mut now);
            now = now.min(1 << 50);
        }
        // From here on the direct route carries nothing, and the peer acknowledges what it likes by the relay.
        failover.handle_health(Instant::from_micros(now), Health::Good);
        for step in 0..1_000 {
            let at = Instant::from_micros(now + step * 100_000);
            failover.handle_heard(at, Route::Relay);
            failover.handle_acked(at, Frame::new(rng.pick(&[1, 9, 300])), rng.pick(&[0, 1, 9]));
            failover.handle_timeout(at);
        }
        assert_eq!(failover.routes(), [Route::Direct, Route::Relay], "seed {seed}");
    }
}
