//! Time along the journal: it follows the wall clock, and never goes back.
//!
//! The wall clock may be set. Back: the journal can't follow, so its time slows to half the speed
//! of real time until the wall clock has caught up; nothing runs twice. Forward: the journal
//! follows, and what should have run meanwhile was missed, by each agent's policy. A long step
//! forward that no suspend explains is followed only when it has stood for a while: a clock that is
//! wrong and set right again would otherwise leave time at half speed for twice as long as the step.

use onboard_domain::Time;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A longer step forward has to stand before it is followed. A shorter one costs two hours of half
/// speed at most when it is taken back.
const STEP_MS: i64 = 3_600_000;

/// How long. Time services correct a wrong clock within minutes of the network's return; a step that
/// was meant is followed so much later, and what runs meanwhile runs by the time before it.
const STAND_MS: i64 = 600_000;

/// Differences between the journal's and real time are told when they are at least this: a deadline
/// is off by so much at most.
const LEAP_MS: i64 = 5_000;

/// The journal's time as it follows the clocks. Pure: whoever calls reads them.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// The journal's time, and when it was that on a clock that nobody sets and that stands still
    /// while the machine is suspended.
    journal: Time,
    monotonic_ms: i64,
    /// How long the machine had been suspended, as far as the journal's time has followed it. Readings
    /// waver by some milliseconds; the longest counts, or what they waver by would add up to a suspend.
    suspended_ms: i64,
    /// Since when the wall clock has been ahead by a step that nothing explains.
    ahead_since_ms: Option<i64>,
    /// By how much the journal's time went further than real time, not yet told.
    leapt_ms: i64,
}

impl Course {
    /// From `journal` on, at these readings.
    pub fn at(journal: Time, monotonic_ms: i64, suspended_ms: i64) -> Course {
        Course { journal, monotonic_ms, suspended_ms, ahead_since_ms: None, leapt_ms: 0 }
    }

    /// The journal's time at these readings. `suspended_ms` is read before the wall clock: a suspend
    /// between the two then explains the next step, and is not taken for one that was followed.
    pub fn now(&mut self, monotonic_ms: i64, wall: Time, suspended_ms: i64) -> Time {
        let elapsed = monotonic_ms - self.monotonic_ms;
        // Whichever way the time goes, this suspend explains no later step.
        let slept = (suspended_ms - self.suspended_ms).max(0);
        self.suspended_ms += slept;
        let next = match wall.since(self.journal) {
            behind if behind < 0 => {
                self.ahead_since_ms = None;
                self.journal.plus(elapsed / 2)
            }
            ahead if ahead - elapsed > LEAP_MS => self.stepped(monotonic_ms, wall, elapsed + slept),
            _ => {
                self.ahead_since_ms = None;
                wall
            }
        };
        // While time is slowed, small steps must add up: the reading moves on only with the time.
        if next > self.journal {
            self.leapt_ms += next.since(self.journal) - elapsed;
            (self.journal, self.monotonic_ms) = (next, monotonic_ms);
        }
        self.journal
    }

    /// A step forward, while so much time passed: all of it is followed but a long one that no suspend
    /// explains.
    fn stepped(&mut self, monotonic_ms: i64, wall: Time, passed: i64) -> Time {
        let since = *self.ahead_since_ms.get_or_insert(monotonic_ms);
        let stood = monotonic_ms - since >= STAND_MS;
        if stood || wall.since(self.journal) - passed <= STEP_MS {
            self.ahead_since_ms = None;
            return wall;
        }
        self.journal.plus(passed)
    }

    /// By how much the journal's time went further than real time since this was last told, or fell
    /// behind it: the machine was suspended or its clock set. `None` while it is next to nothing.
    pub fn take_leap(&mut self) -> Option<i64> {
        (self.leapt_ms.abs() >= LEAP_MS).then(|| std::mem::take(&mut self.leapt_ms))
    }
}

/// The daemon's clock.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    course: Course,
}

impl Clock {
    /// A clock that continues after the newest batch of the journal. Nothing runs yet, so the time
    /// until now passed for nobody.
    #[allow(clippy::disallowed_methods, reason = "the one place where the daemon reads a clock")]
    pub fn after(newest: Time) -> Clock {
        let (started, suspended_ms) = (Instant::now(), suspended_ms());
        Clock { started, course: Course::at(newest.max(wall()), 0, suspended_ms) }
    }

    /// Now, along the journal.
    pub fn now(&mut self) -> Time {
        let suspended_ms = suspended_ms();
        let passed = self.started.elapsed().as_millis();
        let monotonic_ms = i64::try_from(passed).unwrap_or(i64::MAX);
        self.course.now(monotonic_ms, wall(), suspended_ms)
    }

    /// See [`Course::take_leap`].
    pub fn take_leap(&mut self) -> Option<i64> {
        self.course.take_leap()
    }
}

/// How long the machine was suspended, from an arbitrary beginning: one of the kernel's clocks goes on
/// meanwhile, the other does not. They are read one after the other, so it wavers.
#[allow(clippy::disallowed_methods, reason = "the one place where the daemon reads a clock")]
fn suspended_ms() -> i64 {
    let ms = |clock| {
        let read = clock_gettime(clock);
        read.tv_sec * 1_000 + read.tv_nsec / 1_000_000
    };
    ms(ClockId::Boottime) - ms(ClockId::Monotonic)
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
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const START: Time = Time(1_800_000_000_000);

    /// The clocks of a machine.
    struct Clocks {
        course: Course,
        real: i64,
        wall: Time,
        suspended: i64,
    }

    impl Clocks {
        fn new() -> Clocks {
            Clocks { course: Course::at(START, 0, 0), real: 0, wall: START, suspended: 0 }
        }

        fn pass(&mut self, ms: i64) -> &mut Clocks {
            self.real += ms;
            self.wall = self.wall.plus(ms);
            self
        }

        fn suspend(&mut self, ms: i64) -> &mut Clocks {
            self.suspended += ms;
            self.wall = self.wall.plus(ms);
            self
        }

        fn set(&mut self, ms: i64) -> &mut Clocks {
            self.wall = self.wall.plus(ms);
            self
        }

        /// The journal's time since the start, and what it tells of a leap.
        fn now(&mut self) -> (i64, Option<i64>) {
            let now = self.course.now(self.real, self.wall, self.suspended);
            (now.since(START), self.course.take_leap())
        }

        /// Passes in small steps, as a daemon that is busy sees it.
        fn busy(&mut self, ms: i64) -> (i64, i64) {
            let mut leapt = 0;
            for _ in 0..ms / 1_000 {
                leapt += self.pass(1_000).now().1.unwrap_or(0);
            }
            (self.now().0, leapt)
        }
    }

    #[test]
    fn the_wall_clock_is_followed() {
        let mut clocks = Clocks::new();
        assert_eq!(clocks.pass(10).now(), (10, None));
        assert_eq!(clocks.pass(DAY).now(), (DAY + 10, None));
        assert_eq!(clocks.now(), (DAY + 10, None));
    }

    #[test]
    fn a_step_back_slows_time_until_the_wall_clock_has_caught_up() {
        let mut clocks = Clocks::new();
        clocks.pass(HOUR).set(-HOUR);
        assert_eq!(clocks.now(), (0, None), "nothing was read before");
        clocks.pass(HOUR).now();
        clocks.set(-HOUR);
        assert_eq!(clocks.pass(1).now(), (HOUR, None));
        assert_eq!(clocks.pass(1).now(), (HOUR + 1, None), "small steps add up");
        let (now, leapt) = clocks.busy(2 * HOUR - 2_000);
        assert_eq!(now, 2 * HOUR - 999);
        assert!((-HOUR..=-HOUR + LEAP_MS).contains(&leapt), "{leapt}");
        assert_eq!(clocks.busy(HOUR).0, 3 * HOUR - 1_998, "at full speed again");
    }

    #[test]
    fn a_suspend_is_followed_at_once_however_long() {
        for length in [MINUTE, HOUR, 90 * DAY] {
            let mut clocks = Clocks::new();
            clocks.pass(MINUTE).now();
            assert_eq!(clocks.suspend(length).now(), (MINUTE + length, Some(length)));
            assert_eq!(clocks.pass(MINUTE).now(), (2 * MINUTE + length, None));
        }
    }

    #[test]
    fn a_short_step_forward_is_followed_at_once() {
        let mut clocks = Clocks::new();
        assert_eq!(clocks.set(HOUR).pass(5).now(), (HOUR + 5, Some(HOUR)));
    }

    #[test]
    fn a_long_step_that_is_taken_back_soon_leaves_nothing() {
        let mut clocks = Clocks::new();
        clocks.pass(MINUTE).now();
        clocks.set(365 * DAY);
        assert_eq!(clocks.busy(9 * MINUTE), (10 * MINUTE, 0));
        clocks.set(-365 * DAY);
        assert_eq!(clocks.busy(HOUR), (HOUR + 10 * MINUTE, 0));
    }

    #[test]
    fn a_long_step_that_stands_is_followed() {
        let mut clocks = Clocks::new();
        clocks.set(365 * DAY).now();
        assert_eq!(clocks.busy(STAND_MS - 1_000), (STAND_MS - 1_000, 0));
        assert_eq!(clocks.busy(1_000), (365 * DAY + STAND_MS, 365 * DAY));
    }

    #[test]
    fn a_suspend_while_a_step_stands_is_followed_and_the_step_is_not() {
        let mut clocks = Clocks::new();
        clocks.set(365 * DAY).now();
        clocks.pass(MINUTE).now();
        assert_eq!(clocks.suspend(DAY).now(), (MINUTE + DAY, Some(DAY)));
        clocks.set(-365 * DAY);
        assert_eq!(clocks.pass(MINUTE).now(), (2 * MINUTE + DAY, None));
    }

    #[test]
    fn readings_that_waver_add_nothing_up() {
        let mut clocks = Clocks::new();
        clocks.set(365 * DAY).now();
        for at in 0..9 * 60 * 10 {
            clocks.suspended = at % 10;
            clocks.pass(100).now();
        }
        let (now, leapt) = clocks.now();
        assert!((9 * MINUTE..9 * MINUTE + 10).contains(&now), "{now}");
        assert_eq!(leapt, None);
    }

    #[test]
    fn a_suspend_explains_one_step() {
        // Of seconds, each followed with the wall clock.
        let mut clocks = Clocks::new();
        for _ in 0..1_000 {
            clocks.pass(1_000).suspend(4_000).now();
        }
        assert_eq!(clocks.now().0, 5_000_000);
        assert_eq!(clocks.set(3_700_000).now().0, 5_000_000, "a step of its own");
        // While the wall clock is behind.
        let mut clocks = Clocks::new();
        clocks.pass(MINUTE).now();
        assert_eq!(clocks.set(-2 * HOUR).suspend(HOUR).now().0, MINUTE);
        assert_eq!(clocks.suspend(HOUR).pass(2).now().0, MINUTE + 2, "it has caught up");
        assert_eq!(clocks.set(2 * HOUR).now().0, MINUTE + 2, "a step of its own");
    }

    #[test]
    fn the_kernel_tells_a_suspend_apart() {
        let mut clock = Clock::after(Time(0));
        let first = clock.now();
        assert!(clock.now() >= first && first.since(wall()).abs() < STEP_MS);
        assert_eq!(clock.take_leap(), None);
        let (a, b) = (suspended_ms(), suspended_ms());
        assert!(a >= -1 && (b - a).abs() < 60_000, "{a} {b}: from the kernel");
    }
}
