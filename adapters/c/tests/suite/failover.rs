//! `Failover` behind the C interface: the same decisions as in Rust, and no pointer that is not checked.

use std::ptr::null_mut;
use std::time::Duration;

use inputwire::{Frame, Health, Instant};
use inputwire_c::*;
use inputwire_failover::{Failover, Route, RoutePolicy};
use inputwire_sim::rng::Rng;

use crate::support::Memory;

const STEPS: u64 = if cfg!(miri) { 30 } else { 20_000 };

const HEALTHS: [Health; 7] = [
    Health::Connecting,
    Health::Good,
    Health::Warning,
    Health::Critical,
    Health::Deaf,
    Health::Interrupted,
    Health::Disconnected,
];

const HEALTH_NUMBERS: [IwHealth; 7] = [
    IwHealth::Connecting,
    IwHealth::Good,
    IwHealth::Warning,
    IwHealth::Critical,
    IwHealth::Deaf,
    IwHealth::Interrupted,
    IwHealth::Disconnected,
];

fn init(memory: &Memory, policy: u32, every: u32, interrupt_us: u32) -> *mut IwFailover {
    let mut failover = null_mut();
    let size = iw_failover_size();
    let status = unsafe { iw_failover_init(memory.start(), size, policy, every, interrupt_us, &raw mut failover) };
    assert_eq!(status, IwStatus::Ok);
    failover
}

fn set(routes: &[Route]) -> u32 {
    routes.iter().map(|route| if *route == Route::Direct { IW_ROUTE_DIRECT } else { IW_ROUTE_RELAY }).sum()
}

#[test]
fn a_failover_in_c_decides_as_one_in_rust() {
    let policies = [
        (IW_POLICY_STANDBY, 0, RoutePolicy::Standby),
        (IW_POLICY_SHADOW, 4, RoutePolicy::Shadow(4)),
        (IW_POLICY_SHADOW, 1_000, RoutePolicy::Shadow(255)),
        (IW_POLICY_ADAPTIVE, 0, RoutePolicy::Adaptive),
        (IW_POLICY_ALWAYS, 0, RoutePolicy::Always),
    ];
    let (mut changes, mut relayed) = (0, 0);
    for (seed, (policy, every, in_rust)) in (0..).zip(policies) {
        let memory = Memory::new();
        let in_c = init(&memory, policy, every, if seed == 0 { 0 } else { 400_000 });
        let mut in_rust = Failover::new(in_rust);
        if seed > 0 {
            in_rust = in_rust.interrupt_after(Duration::from_millis(400));
        }
        let mut rng = Rng::new(seed);
        let (mut now, mut next, mut quiet_until) = (0, 0, 0);
        for _ in 0..STEPS {
            now += rng.below(20_000);
            if rng.one_in(800) {
                quiet_until = now + rng.below(3_000_000);
            }
            let at = Instant::from_micros(now);
            unsafe {
                match rng.below(5) {
                    0 if now >= quiet_until => {
                        assert_eq!(iw_failover_handle_heard(in_c, now, IW_ROUTE_DIRECT), IwStatus::Ok);
                        in_rust.handle_heard(at, Route::Direct);
                    }
                    1 if rng.one_in(4) => {
                        assert_eq!(iw_failover_handle_heard(in_c, now, IW_ROUTE_RELAY), IwStatus::Ok);
                        in_rust.handle_heard(at, Route::Relay);
                    }
                    2 if rng.one_in(300) => {
                        let health = usize::try_from(rng.below(7)).unwrap();
                        let number = HEALTH_NUMBERS[health] as u32;
                        assert_eq!(iw_failover_handle_health(in_c, now, number), IwStatus::Ok);
                        in_rust.handle_health(at, HEALTHS[health]);
                    }
                    2 if rng.one_in(20) => {
                        assert_eq!(iw_failover_handle_health(in_c, now, 1), IwStatus::Ok);
                        in_rust.handle_health(at, Health::Good);
                    }
                    3 => {
                        let unacked = u32::try_from(rng.below(4)).unwrap();
                        assert_eq!(iw_failover_handle_acked(in_c, now, next, unacked), IwStatus::Ok);
                        in_rust.handle_acked(at, Frame::new(next), unacked);
                    }
                    _ => {
                        assert_eq!(iw_failover_handle_timeout(in_c, now), IwStatus::Ok);
                        in_rust.handle_timeout(at);
                    }
                }
                next += u32::from(rng.one_in(2));
                let (mut routes, mut all, mut due) = (0, 0, 0);
                assert_eq!(iw_failover_routes_for(in_c, next, &raw mut routes), IwStatus::Ok);
                assert_eq!(routes, set(in_rust.routes_for(Frame::new(next))));
                relayed += u64::from(routes == IW_ROUTE_DIRECT | IW_ROUTE_RELAY);
                assert_eq!(iw_failover_routes(in_c, &raw mut all), IwStatus::Ok);
                assert_eq!(all, set(in_rust.routes()));
                let status = iw_failover_poll_timeout(in_c, &raw mut due);
                assert_eq!((status == IwStatus::Ok).then_some(due), in_rust.poll_timeout().map(Instant::as_micros));
                let mut change = IwRouteChange { routes: 0, cause: IwRouteCause::Other };
                let status = iw_failover_poll_change(in_c, &raw mut change);
                let expected = in_rust.poll_change();
                assert_eq!(status == IwStatus::Ok, expected.is_some());
                if let Some(expected) = expected {
                    changes += 1;
                    assert_eq!(change.routes & IW_ROUTE_RELAY != 0, expected.relay);
                    assert_eq!(format!("{:?}", change.cause), format!("{:?}", expected.cause));
                }
            }
        }
    }
    assert!(cfg!(miri) || (changes > 20 && relayed > 1_000), "{changes} changes, {relayed} relayed");
}

#[test]
fn a_failover_that_was_not_set_up_or_was_moved_is_foreign() {
    let memory = Memory::new();
    memory.fill(7);
    let (mut number, mut long) = (0_u32, 0_u64);
    let mut change = IwRouteChange { routes: 0, cause: IwRouteCause::Other };
    let mut all_refuse = |failover: *mut IwFailover, status: IwStatus| unsafe {
        let statuses = [
            iw_failover_handle_heard(failover, 0, IW_ROUTE_DIRECT),
            iw_failover_handle_health(failover, 0, 1),
            iw_failover_handle_acked(failover, 0, 1, 1),
            iw_failover_handle_timeout(failover, 0),
            iw_failover_routes_for(failover, 0, &raw mut number),
            iw_failover_routes(failover, &raw mut number),
            iw_failover_poll_change(failover, &raw mut change),
            iw_failover_poll_timeout(failover, &raw mut long),
        ];
        assert!(statuses.iter().all(|returned| *returned == status), "{statuses:?}");
    };
    all_refuse(null_mut(), IwStatus::Null);
    all_refuse(memory.start().wrapping_add(1).cast(), IwStatus::Misaligned);
    all_refuse(memory.start().cast(), IwStatus::Foreign);
    init(&memory, IW_POLICY_STANDBY, 0, 0);
    let moved = memory.clone();
    all_refuse(moved.start().cast(), IwStatus::Foreign);
}

#[test]
fn what_stands_for_no_policy_route_or_health_is_refused_and_so_is_short_memory() {
    let memory = Memory::new();
    let mut failover = null_mut();
    let size = iw_failover_size();
    let mut init_with = |len, policy| unsafe { iw_failover_init(memory.start(), len, policy, 0, 0, &raw mut failover) };
    assert_eq!(init_with(size, 4), IwStatus::NoSuchValue);
    assert_eq!(init_with(size - 1, 0), IwStatus::Short);
    assert_eq!(init_with(size, 0), IwStatus::Ok);
    unsafe {
        for route in [0, IW_ROUTE_DIRECT | IW_ROUTE_RELAY, 4] {
            assert_eq!(iw_failover_handle_heard(failover, 0, route), IwStatus::NoSuchValue);
        }
        for health in [7, 99] {
            assert_eq!(iw_failover_handle_health(failover, 0, health), IwStatus::NoSuchValue);
        }
        assert_eq!(iw_failover_routes(failover, null_mut()), IwStatus::Null);
        assert_eq!(iw_failover_init(memory.start(), size, 0, 0, 0, null_mut()), IwStatus::Null);
    }
}
