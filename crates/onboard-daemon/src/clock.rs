//! Time along the journal: it follows the wall clock, and never goes back.
//!
//! The wall clock may be set. Forward: the journal follows at once, and what should have run
//! meanwhile was missed, by each agent's policy. Back: the journal can't follow, so its time slows
//! to half the speed of real time until the wall clock has caught up; nothing runs twice.

use onboard_domain::Time;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The journal's time at some instant, and when that was on the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Reading {
    journal: Time,
    monotonic_ms: i64,
}

/// The next time: `elapsed_ms` of real time after `last`, with the wall clock at `wall`.
pub fn next(last: Time, elapsed_ms: i64, wall: Time) -> Time {
    if wall >= last {
        return wall;
    }
    last.plus(elapsed_ms / 2)
}

/// The daemon's clock.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    last: Reading,
}

impl Clock {
    /// A clock that continues after the newest batch of the journal.
    #[allow(clippy::disallowed_methods, reason = "the one place where the daemon reads a clock")]
    pub fn after(newest: Time) -> Clock {
        Clock { started: Instant::now(), last: Reading { journal: newest, monotonic_ms: 0 } }
    }

    /// Now, along the journal.
    pub fn now(&mut self) -> Time {
        let monotonic_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let elapsed_ms = monotonic_ms - self.last.monotonic_ms;
        let journal = next(self.last.journal, elapsed_ms, wall());
        // While time is slowed, small steps must add up: the reading moves on only with the time.
        if journal > self.last.journal {
            self.last = Reading { journal, monotonic_ms };
        }
        self.last.journal
    }
}

/// Real time from an arbitrary beginning, that nobody can set: rates go by it, so that a clock that
/// is set back holds no agent up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace(Instant);

impl Pace {
    #[allow(clippy::disallowed_methods, reason = "the one place where the daemon reads a clock")]
    pub(crate) fn begin() -> Pace {
        Pace(Instant::now())
    }

    /// Time since the beginning.
    pub(crate) fn now(&self) -> Time {
        Time(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}

/// The wall clock.
#[allow(clippy::disallowed_methods, reason = "the one place where the daemon reads a clock")]
pub fn wall() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::next;
    use onboard_domain::Time;

    #[track_caller]
    fn check(last: i64, elapsed: i64, wall: i64, expect: i64) {
        assert_eq!(next(Time(last), elapsed, Time(wall)), Time(expect));
    }

    #[test]
    fn follows_the_wall_clock_and_slows_while_it_is_behind() {
        check(1_000, 10, 1_010, 1_010);
        check(1_000, 10, 9_000_000, 9_000_000);
        check(1_000, 10, 1_000, 1_000);
        check(5_000_000, 1_000, 1_400_000, 5_000_500);
        check(5_000_000, 0, 1_400_000, 5_000_000);
        check(5_000_000, 1, 1_400_000, 5_000_000);
    }
}
