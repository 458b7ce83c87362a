//! Virtual time for everything in this process, and real time to measure it.
//!
//! The other libraries read the clock of the standard library, which cannot be replaced in ggrs. So it is made virtual for
//! all of them: this binary defines `clock_gettime` itself, and the linker takes it instead of the one in the C library. A
//! reading costs a few instructions instead of the usual 20 to 50 ns, which favours those that read the clock often.

use std::sync::atomic::{AtomicU64, Ordering};

static NOW_NS: AtomicU64 = AtomicU64::new(0);
/// Far from the origin, since the other libraries subtract from the current time.
const ORIGIN_S: u64 = 1_000_000;

/// Sets the virtual time, in microseconds.
pub fn set(now_us: u64) {
    NOW_NS.store(now_us * 1_000, Ordering::Relaxed);
}

/// Stands in for the function of the C library, for every clock.
///
/// # Safety
///
/// `time` points to a `timespec`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(_: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    let now = NOW_NS.load(Ordering::Relaxed);
    let seconds = ORIGIN_S + now / 1_000_000_000;
    let spec = libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: (now % 1_000_000_000) as libc::c_long };
    // SAFETY: the caller guarantees it.
    unsafe { time.write(spec) };
    0
}

/// Returns the real time in nanoseconds, from the kernel.
pub fn real_ns() -> u64 {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a `timespec`.
    unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut spec) };
    spec.tv_sec as u64 * 1_000_000_000 + spec.tv_nsec as u64
}

/// Returns the ticks of the fastest clock of this machine.
#[inline]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction.
    return unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    return real_ns();
}

/// Measures the nanoseconds in a tick, and the cost of two readings in ticks.
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
    // The mean, without the slowest tenth, which was interrupted.
    let quiet = &costs[..9_000];
    (per_tick, quiet.iter().sum::<u64>() as f64 / quiet.len() as f64)
}
