//! Looking again where the kernel tells nobody: the one place that waits by the clock.

use std::time::{Duration, Instant};

/// Pause between two looks. Short beside what is waited for (freezing takes milliseconds, a dead
/// process is buried in less), and a thousandth of a core while it lasts.
const PAUSE: Duration = Duration::from_millis(1);

/// Looks until `holds` or the deadline; whether it held.
///
/// For what has no event: the members and the freezing of a version 1 group, whether a process
/// that is not our child stands still, and when an empty group may be removed.
#[allow(clippy::disallowed_methods, reason = "what is waited for has no event, and a deadline")]
pub fn until(deadline: Instant, mut holds: impl FnMut() -> bool) -> bool {
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        // See above: nothing tells of it.
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_once_more_than_it_waits() {
        let mut looks = 0;
        let third = || {
            looks += 1;
            looks == 3
        };
        assert!(until(Instant::now() + Duration::from_secs(60), third));
        assert_eq!(looks, 3);
        assert!(until(Instant::now(), || true), "what holds already needs no time");
        assert!(!until(Instant::now(), || false));
    }
}
