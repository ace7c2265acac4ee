//! Virtual time: real time that only the simulation moves, a wall clock that may be set, and the
//! journal's time that the daemon makes of both by its own rule.

use onboard_daemon::clock::Course;
use onboard_domain::Time;

/// The clocks of the simulated machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Milliseconds that really passed, as the monotonic clock counts them.
    real: i64,
    /// What the wall clock shows at `real` 0, moved when someone sets it or the machine sleeps.
    wall_origin: i64,
    suspended: i64,
    course: Course,
}

impl Clock {
    /// A machine that is switched on at `wall`.
    pub fn at(wall: Time) -> Clock {
        Clock { real: 0, wall_origin: wall.0, suspended: 0, course: Course::at(wall, 0, 0) }
    }

    /// Real time since the machine was switched on.
    pub fn real(&self) -> i64 {
        self.real
    }

    /// What the wall clock shows.
    pub fn wall(&self) -> Time {
        Time(self.wall_origin.saturating_add(self.real))
    }

    /// Lets real time pass up to `real`; it never goes back.
    pub fn pass_until(&mut self, real: i64) {
        self.real = self.real.max(real);
    }

    /// The wall clock is set: it shows `ms` more (or less) than before.
    pub fn shift_wall(&mut self, ms: i64) {
        self.wall_origin = self.wall_origin.saturating_add(ms);
    }

    /// The machine slept: the wall clock went on, nothing else did.
    pub fn suspend(&mut self, ms: i64) {
        self.suspended = self.suspended.saturating_add(ms);
        self.shift_wall(ms);
    }

    /// Now, along the journal, by the daemon's rule.
    pub fn now(&mut self) -> Time {
        let wall = self.wall();
        self.course.now(self.real, wall, self.suspended)
    }

    /// By how much the journal's time went further than real time, by the daemon's rule.
    pub fn take_leap(&mut self) -> Option<i64> {
        self.course.take_leap()
    }

    /// A new daemon's clock continues after the newest batch of its journal.
    pub fn continue_after(&mut self, newest: Time) {
        self.course = Course::at(newest.max(self.wall()), self.real, self.suspended);
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use onboard_domain::Time;

    #[test]
    fn follows_the_wall_and_slows_down_when_it_is_set_back() {
        let mut clock = Clock::at(Time(1_000_000));
        clock.pass_until(10_000);
        assert_eq!(clock.now(), Time(1_010_000));
        clock.shift_wall(-5_000);
        clock.pass_until(12_000);
        assert_eq!(clock.now(), Time(1_011_000));
        clock.pass_until(20_000);
        assert_eq!(clock.now(), Time(1_015_000));
        clock.shift_wall(3_600_000);
        assert_eq!(clock.now(), Time(4_615_000));
        clock.suspend(36_000_000);
        assert_eq!(clock.now(), Time(40_615_000));
    }
}
