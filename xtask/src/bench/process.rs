//! What the kernel says of a process, and waiting for what it can't announce.

use std::fs;
use std::time::{Duration, Instant};

/// How often something is looked at that announces nothing.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a process used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Of all its threads that live, in nanoseconds.
    pub cpu_ns: u64,
    /// How often one of them woke up from a sleep of its own.
    pub wakes: u64,
}

/// What a process used so far.
pub fn used(pid: u32) -> Used {
    let mut used = Used::default();
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return used };
    for thread in threads.flatten() {
        let read = |name: &str| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        used.cpu_ns +=
            read("schedstat").split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        used.wakes += field(&read("status"), "voluntary_ctxt_switches:");
    }
    used
}

/// Resident memory in mebibytes: all of it, and the part that is no file's.
pub fn resident(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mib = |name| field(&status, name) as f64 / 1024.0;
    (mib("VmRSS:"), mib("RssAnon:"))
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Waits until `is_so`, looking again and again.
///
/// # Errors
/// When it is not so in time; `what` says what was waited for.
pub fn wait_until(
    what: &str,
    limit: Duration,
    mut is_so: impl FnMut() -> Result<bool, String>,
) -> Result<(), String> {
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() > limit {
            return Err(format!("waited {} s for {what}", limit.as_secs()));
        }
        pause(LOOK_EVERY);
    }
    Ok(())
}

/// Lets time pass.
#[allow(clippy::disallowed_methods, reason = "the passing of time is what is measured")]
pub fn pause(length: Duration) {
    std::thread::sleep(length); // nothing announces it
}
