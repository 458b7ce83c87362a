//! Virtual time for everything in this process, and the ticks of the processor to measure it.
//!
//! ggrs reads the clock of the standard library, which cannot be replaced. So this program defines `clock_gettime` itself, and the
//! linker takes it instead of the one in the C library; both games get it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

static NOW_NS: AtomicU64 = AtomicU64::new(0);
/// Far from the origin, since times are subtracted from it.
const ORIGIN_S: u64 = 1_000_000;
/// A call that took longer was interrupted, and does not count.
const INTERRUPTED_NS: f64 = 100_000.0;

/// Sets the virtual time, in microseconds.
pub fn set(now_us: u64) {
    NOW_NS.store(now_us * 1_000, Ordering::Relaxed);
}

/// Stands in for the function of the C library, for every clock.
///
/// # Safety
///
/// `time` points to a `timespec`.
#[no_mangle]
pub unsafe extern "C" fn clock_gettime(_: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    let now = NOW_NS.load(Ordering::Relaxed);
    let seconds = ORIGIN_S + now / 1_000_000_000;
    let spec = libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: (now % 1_000_000_000) as libc::c_long };
    // SAFETY: the caller guarantees it.
    unsafe { time.write(spec) };
    0
}

fn real_ns() -> u64 {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a `timespec`.
    unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut spec) };
    spec.tv_sec as u64 * 1_000_000_000 + spec.tv_nsec as u64
}

/// Returns the ticks of the fastest clock of this machine.
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction.
    return unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    return real_ns();
}

/// Returns ticks as nanoseconds.
pub fn nanos(ticks: u64) -> f64 {
    static PER_TICK: OnceLock<f64> = OnceLock::new();
    let per_tick = PER_TICK.get_or_init(|| {
        let (start_ns, start) = (real_ns(), self::ticks());
        while real_ns() - start_ns < 50_000_000 {}
        (real_ns() - start_ns) as f64 / (self::ticks() - start) as f64
    });
    let nanos = ticks as f64 * per_tick;
    if nanos < INTERRUPTED_NS {
        nanos
    } else {
        0.0
    }
}
