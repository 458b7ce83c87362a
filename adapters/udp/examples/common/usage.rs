//! What this process uses of the machine; zeros where the system does not say.

/// CPU time in microseconds, and memory in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub user_us: u64,
    pub system_us: u64,
    pub resident_kib: u64,
}

#[cfg(target_os = "linux")]
pub fn usage() -> Usage {
    use nix::sys::resource::{UsageWho, getrusage};
    let micros = |time: nix::sys::time::TimeVal| u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident_kib = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    getrusage(UsageWho::RUSAGE_SELF).map_or(Usage::default(), |usage| Usage {
        user_us: micros(usage.user_time()),
        system_us: micros(usage.system_time()),
        resident_kib,
    })
}

/// Keeps this process on one core, or away from it. Returns whether the system did so.
#[cfg(target_os = "linux")]
pub fn pin(core: usize, is_alone: bool) -> bool {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;
    let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else { return false };
    let mut chosen = CpuSet::new();
    let cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false));
    let cores: Vec<usize> =
        cores.enumerate().filter(|(at, _)| (*at == core) == is_alone).map(|(_, core)| core).collect();
    !cores.is_empty()
        && cores.iter().all(|core| chosen.set(*core).is_ok())
        && sched_setaffinity(Pid::from_raw(0), &chosen).is_ok()
}

/// Asks for as many sockets as that, and a few.
#[cfg(target_os = "linux")]
pub fn allow_sockets(count: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let wanted = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(64);
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < wanted
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn usage() -> Usage {
    Usage::default()
}

#[cfg(not(target_os = "linux"))]
pub fn pin(_core: usize, _is_alone: bool) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub fn allow_sockets(_count: usize) {}
