//! Virtual time for everything in this process, and real time for measuring it.
//!
//! The peers read a clock of their own. ggrs has no other way than the one of the standard library, so that is what is
//! made virtual, for all alike: this binary defines `clock_gettime` itself, and the linker takes it instead of the one of
//! the C library. A reading costs a load and a few instructions instead of the usual 20 to 50 ns, which is in favour of
//! those that read the clock often.

use std::sync::atomic::{AtomicU64, Ordering};

static NOW_NS: AtomicU64 = AtomicU64::new(0);
/// Some way from the origin, since the peers subtract from the present.
const ORIGIN_S: u64 = 1_000_000;

/// Sets the virtual time, in microseconds.
pub fn set(now_us: u64) {
    NOW_NS.store(now_us * 1_000, Ordering::Relaxed);
}

/// The clock of the C library, for every clock there is.
///
/// # Safety
///
/// `time` points to a `timespec`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(_: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    let now = NOW_NS.load(Ordering::Relaxed);
    let seconds = ORIGIN_S + now / 1_000_000_000;
    let spec = libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: (now % 1_000_000_000) as libc::c_long };
    // SAFETY: the caller's promise.
    unsafe { time.write(spec) };
    0
}

/// Real time in nanoseconds, straight from the kernel.
pub fn real_ns() -> u64 {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a `timespec`.
    unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut spec) };
    spec.tv_sec as u64 * 1_000_000_000 + spec.tv_nsec as u64
}

/// Ticks of the fastest clock there is.
#[inline]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it.
    return unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    return real_ns();
}

/// Nanoseconds in a tick, and what reading the ticks twice costs in ticks.
pub fn calibrate() -> (f64, f64) {
    let (start_ns, start) = (real_ns(), ticks());
    while real_ns() - start_ns < 50_000_000 {}
    let per_tick = (real_ns() - start_ns) as f64 / (ticks() - start) as f64;
    let mut costs = [0; 10_000];
    for cost in &mut costs {
        let before = ticks();
        *cost = ticks() - before;
    }
    costs.sort_unstable();
    // The mean, but for those that were interrupted.
    let quiet = &costs[..9_000];
    (per_tick, quiet.iter().sum::<u64>() as f64 / quiet.len() as f64)
}
