//! Two routes to a peer: `iw_failover_x` is `Failover::x` of the crate `inputwire-failover`.
//!
//! # Safety
//!
//! As in `session`: each function is safe to call if its pointers are as its documentation demands.

use core::time::Duration;

use inputwire::{Frame, Health, Instant};
use inputwire_failover::{Failover, Route, RouteCause, RoutePolicy};

use crate::memory::{ALIGN, Out, address, check};
use crate::session::status;
use crate::status::IwStatus;

/// A bit of a set of routes: straight to the peer.
pub const IW_ROUTE_DIRECT: u32 = 1;
/// A bit of a set of routes: by way of a relay.
pub const IW_ROUTE_RELAY: u32 = 2;

/// A value of `policy`: the relay is used only while the direct route is not known to be well.
pub const IW_POLICY_STANDBY: u32 = 0;
/// A value of `policy`: as standby, and each `every`-th datagram goes by the relay all the time.
pub const IW_POLICY_SHADOW: u32 = 1;
/// A value of `policy`: as shadow, with as many copies as the direct route deserves.
pub const IW_POLICY_ADAPTIVE: u32 = 2;
/// A value of `policy`: everything goes on both routes. For the classic wire.
pub const IW_POLICY_ALWAYS: u32 = 3;

/// Decides on which of two routes to send to a peer, in memory that the caller owns: `iw_failover_size` bytes, which must
/// not be moved.
#[repr(C)]
#[derive(Debug)]
pub struct IwFailover {
    header: Header,
}

/// The start of every failover, by which it is recognized.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug)]
struct Header {
    magic: u64,
    /// The address of this header, so that a moved or copied failover is recognized as foreign.
    address: u64,
}

const MAGIC: u64 = u64::from_le_bytes(*b"iwroute\x01");

#[repr(C)]
struct Slot {
    header: Header,
    failover: Failover,
}

const _: () = assert!(align_of::<Slot>() == ALIGN);

/// Why the routes changed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IwRouteCause {
    /// Nothing was received over the direct route for `interrupt_us`, or at all.
    Silent = 0,
    /// The peer is too far away on the direct route.
    Slow = 1,
    /// The peer does not receive what this endpoint sends.
    Deaf = 2,
    /// The peer uses the relay, for a reason that only the peer can see.
    Asked = 3,
    /// The direct route has been well for long enough.
    Well = 4,
    /// A value without a number in this version of the interface.
    Other = 99,
}

/// A change of the routes to send on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwRouteChange {
    /// The routes to send on from now on, copies not counted: `IW_ROUTE_DIRECT`, with `IW_ROUTE_RELAY` or without.
    pub routes: u32,
    /// Why.
    pub cause: IwRouteCause,
}

/// Returns the size in bytes of a failover. Its alignment is that of a session, `IW_SESSION_ALIGN`.
#[unsafe(no_mangle)]
pub extern "C" fn iw_failover_size() -> usize {
    size_of::<Slot>()
}

/// Sets up a failover in the `len` bytes at `memory` and stores in `*failover` the pointer for all other calls. `policy` is one
/// of `IW_POLICY_*`, the same at both endpoints; `every` is used by `IW_POLICY_SHADOW` only, and 255 at most; `interrupt_us` is
/// the silence on the direct route after which the relay is used, 0 for half a second. Nothing needs to be released.
///
/// # Safety
///
/// `memory` is null or `len` bytes that may be written; `failover` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_init(
    memory: *mut u8,
    len: usize,
    policy: u32,
    every: u32,
    interrupt_us: u32,
    failover: *mut *mut IwFailover,
) -> IwStatus {
    status(|| {
        let policy = match policy {
            IW_POLICY_STANDBY => RoutePolicy::Standby,
            IW_POLICY_SHADOW => RoutePolicy::Shadow(u8::try_from(every).unwrap_or(u8::MAX)),
            IW_POLICY_ADAPTIVE => RoutePolicy::Adaptive,
            IW_POLICY_ALWAYS => RoutePolicy::Always,
            _ => return Err(IwStatus::NoSuchValue),
        };
        // SAFETY: passed on with the caller's promise.
        let result = unsafe { Out::new(failover)? };
        check(memory, ALIGN)?;
        if len < size_of::<Slot>() {
            return Err(IwStatus::Short);
        }
        let mut failover = Failover::new(policy);
        if interrupt_us != 0 {
            failover = failover.interrupt_after(Duration::from_micros(u64::from(interrupt_us)));
        }
        let slot = Slot { header: Header { magic: MAGIC, address: address(memory) }, failover };
        #[expect(clippy::cast_ptr_alignment, reason = "the alignment was checked")]
        let place = memory.cast::<Slot>();
        // SAFETY: aligned and long enough for this slot, and the caller has promised that it may be written.
        unsafe { place.write(slot) };
        result.put(memory.cast());
        Ok(())
    })
}

/// Returns the failover that `iw_failover_init` has set up.
///
/// # Safety
///
/// `failover` is null, or the bytes of a header at it may be read. If they are what `iw_failover_init` has written there, the
/// whole may be read and written, and nothing else uses it while the result is borrowed.
#[inline(never)]
unsafe fn open<'a>(failover: *const IwFailover) -> Result<&'a mut Failover, IwStatus> {
    check(failover, ALIGN)?;
    // SAFETY: not null, aligned, and the caller has promised that a header's bytes may be read. Any bytes are a valid
    // `Header`.
    let header = unsafe { (*failover).header };
    if header.magic != MAGIC || header.address != address(failover) {
        return Err(IwStatus::Foreign);
    }
    // SAFETY: by its header, a slot was set up at this address, and only these functions have written to it since; the
    // caller has promised that nothing else uses it now.
    Ok(unsafe { &mut (*failover.cast_mut().cast::<Slot>()).failover })
}

fn set_of(routes: &[Route]) -> u32 {
    routes.iter().fold(0, |set, route| {
        set | match route {
            Route::Direct => IW_ROUTE_DIRECT,
            Route::Relay => IW_ROUTE_RELAY,
        }
    })
}

/// Handles a datagram that came over `route`, `IW_ROUTE_DIRECT` or `IW_ROUTE_RELAY`, and that the session accepted.
///
/// # Safety
///
/// `failover` is null, a failover, or other memory of 16 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_handle_heard(failover: *mut IwFailover, now_us: u64, route: u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let failover = unsafe { open(failover)? };
        let route = match route {
            IW_ROUTE_DIRECT => Route::Direct,
            IW_ROUTE_RELAY => Route::Relay,
            _ => return Err(IwStatus::NoSuchValue),
        };
        failover.handle_heard(Instant::from_micros(now_us), route);
        Ok(())
    })
}

/// Handles the peer's health: `iw_event.value` of an `IW_EVENT_KIND_HEALTH`.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_handle_health(failover: *mut IwFailover, now_us: u64, health: u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let failover = unsafe { open(failover)? };
        // The numbers of `iw_health`; a test compares them.
        let health = match health {
            0 => Health::Connecting,
            1 => Health::Good,
            2 => Health::Warning,
            3 => Health::Critical,
            4 => Health::Deaf,
            5 => Health::Interrupted,
            6 => Health::Disconnected,
            _ => return Err(IwStatus::NoSuchValue),
        };
        failover.handle_health(Instant::from_micros(now_us), health);
        Ok(())
    })
}

/// Handles what the peer has acknowledged, whenever a datagram was accepted: `next_frame` is that of `iw_session_next_frame`,
/// and `unacked` that of `iw_peer_unacked`.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_handle_acked(
    failover: *mut IwFailover,
    now_us: u64,
    next_frame: u32,
    unacked: u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let failover = unsafe { open(failover)? };
        failover.handle_acked(Instant::from_micros(now_us), Frame::new(next_frame), unacked);
        Ok(())
    })
}

/// Handles the passing of time: at the time of `iw_failover_poll_timeout`, or at any other.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_handle_timeout(failover: *mut IwFailover, now_us: u64) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        unsafe { open(failover)? }.handle_timeout(Instant::from_micros(now_us));
        Ok(())
    })
}

/// Stores in `*routes` the set of routes for the datagram that is sent next, while `next_frame` is that of
/// `iw_session_next_frame`. Call it once for each datagram.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`; `routes` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_routes_for(
    failover: *mut IwFailover,
    next_frame: u32,
    routes: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (failover, routes) = unsafe { (open(failover)?, Out::new(routes)?) };
        routes.put(set_of(failover.routes_for(Frame::new(next_frame))));
        Ok(())
    })
}

/// Stores in `*routes` the set of routes to send on, copies not counted.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`; `routes` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_routes(failover: *const IwFailover, routes: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (failover, routes) = unsafe { (open(failover)?, Out::new(routes)?) };
        routes.put(set_of(failover.routes()));
        Ok(())
    })
}

/// Stores in `*change` the change of the routes since the last call. `IW_STATUS_NONE`: there is none.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`; `change` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_poll_change(failover: *mut IwFailover, change: *mut IwRouteChange) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (failover, result) = unsafe { (open(failover)?, Out::new(change)?) };
        let change = failover.poll_change().ok_or(IwStatus::None)?;
        let cause = match change.cause {
            RouteCause::Silent => IwRouteCause::Silent,
            RouteCause::Slow => IwRouteCause::Slow,
            RouteCause::Deaf => IwRouteCause::Deaf,
            RouteCause::Asked => IwRouteCause::Asked,
            RouteCause::Well => IwRouteCause::Well,
            _ => IwRouteCause::Other,
        };
        let relay = if change.relay { IW_ROUTE_RELAY } else { 0 };
        result.put(IwRouteChange { routes: IW_ROUTE_DIRECT | relay, cause });
        Ok(())
    })
}

/// Stores in `*at_us` when to call `iw_failover_handle_timeout`: always later than the latest `now_us`. `IW_STATUS_NONE`: time
/// alone changes nothing.
///
/// # Safety
///
/// `failover` as in `iw_failover_handle_heard`; `at_us` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_failover_poll_timeout(failover: *const IwFailover, at_us: *mut u64) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (failover, at_us) = unsafe { (open(failover)?, Out::new(at_us)?) };
        at_us.put(failover.poll_timeout().ok_or(IwStatus::None)?.as_micros());
        Ok(())
    })
}
