//! Cron schedules: which local times match, and which instants those are.
//!
//! Days follow POSIX: when both day fields are restricted, either may match. Over clock changes a
//! schedule whose hours are open (`*` or `*/n`) follows elapsed time, as an interval would: it runs
//! in both halves of an hour that occurs twice and has nothing to run in one that doesn't occur. A
//! schedule that names its hours runs once: in the first half, or at the end of the gap.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::civil::{self, DAY_S};
use super::interval::{DAY_MS, HOUR_MS};

/// Clock changes passed in one search before giving up. A search ends at the next match; the rarest
/// pattern (29 February on one weekday) lies at most 40 years ahead, with two changes a year.
const CHANGES_MAX: usize = 128;

/// Within this distance two equal offsets mean that there was no clock change between.
const NO_TWO_CHANGES_MS: i64 = 20 * HOUR_MS;

/// Months a search for a matching day passes before giving up: 40 years and a margin.
const MONTHS_MAX: usize = 12 * 48;

/// A parsed expression: one bit for each value that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u32,
    /// The hours were written `*` or `*/n`.
    pub(super) hours_open: bool,
    pub(super) month_days: MonthDays,
    /// Bits 1 to 12.
    pub(super) months: u16,
    pub(super) week_days: WeekDays,
}

/// The day-of-month field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MonthDays {
    /// `*`: says nothing about the day.
    pub(super) open: bool,
    /// Bits 1 to 31.
    pub(super) days: u32,
    /// `L`: the last day.
    pub(super) last: bool,
    /// `nW`: the weekday nearest to the day, in its month; bits 1 to 31.
    pub(super) nearest: u32,
    /// `LW`: the last weekday.
    pub(super) last_weekday: bool,
}

/// The day-of-week field; Sunday is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WeekDays {
    /// `*`: says nothing about the day.
    pub(super) open: bool,
    /// Bits 0 to 6.
    pub(super) days: u8,
    /// `n#k`: bit n of entry k - 1.
    pub(super) nth: [u8; 5],
    /// `nL`: the last such day of the month, bits 0 to 6.
    pub(super) last: u8,
}

impl Cron {
    pub(super) fn next_after(&self, after: i64, zone: &TimeZone) -> Option<i64> {
        if self.hours_open { self.next_elapsed(after, zone) } else { self.next_local(after, zone) }
    }

    /// Named hours: the first local match whose one instant lies after `after`.
    fn next_local(&self, after: i64, zone: &TimeZone) -> Option<i64> {
        let local = after + civil::offset_ms(zone, after)?;
        let mut from = local.div_euclid(1_000) + 1;
        for _ in 0..CHANGES_MAX {
            let local_s = self.match_from(from)?;
            let at = civil::instant_of(zone, local_s)?;
            if at > after {
                return Some(at);
            }
            // The second half of a range that occurs twice: its times have run in the first.
            from = civil::fold_end(zone, after)?.max(local_s + 1);
        }
        None
    }

    /// Open hours: local time is followed from one clock change to the next.
    fn next_elapsed(&self, after: i64, zone: &TimeZone) -> Option<i64> {
        let mut from = after + 1;
        for _ in 0..CHANGES_MAX {
            let offset = civil::offset_ms(zone, from)?;
            let local_s = (from + offset + 999).div_euclid(1_000);
            let at = self.match_from(local_s)? * 1_000 - offset;
            let near = at - from < NO_TWO_CHANGES_MS;
            if near && civil::offset_ms(zone, at)? == offset {
                return Some(at);
            }
            match civil::change_after(zone, from) {
                Some(change) if change <= at => from = change,
                _ => return civil::RANGE.contains(&at).then_some(at),
            }
        }
        None
    }

    /// The first local time (s) that matches and is not before `from`.
    fn match_from(&self, from: i64) -> Option<i64> {
        let day = from.div_euclid(DAY_S);
        let date = civil::date_of(day)?;
        let today = date.day() as u32;
        let mut mask = self.days_of(date);
        if mask >> today & 1 == 1
            && let Some(time) = self.time_from(from.rem_euclid(DAY_S) as u32)
        {
            return Some(day * DAY_S + i64::from(time));
        }
        // Days after today; a month of 31 days has its last bit at the very end.
        mask &= u32::MAX.checked_shl(today + 1).unwrap_or(0);
        let mut first = date.first_of_month();
        for _ in 0..MONTHS_MAX {
            if mask != 0 {
                let day = civil::day_of(first)? + i64::from(mask.trailing_zeros()) - 1;
                return Some(day * DAY_S + i64::from(self.time_from(0)?));
            }
            first = civil::next_month(first)?;
            mask = self.days_of(first);
        }
        None
    }

    /// The first time of day that matches and is not before `from`, in seconds.
    fn time_from(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3_600, from / 60 % 60, from % 60);
        let first_second = self.seconds.trailing_zeros();
        let first_minute = self.minutes.trailing_zeros();
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1 && self.seconds >> second != 0 {
                let second = second + (self.seconds >> second).trailing_zeros();
                return Some(hour * 3_600 + minute * 60 + second);
            }
            let later = self.minutes >> minute >> 1;
            if later != 0 {
                let minute = minute + 1 + later.trailing_zeros();
                return Some(hour * 3_600 + minute * 60 + first_second);
            }
        }
        let later = self.hours >> hour >> 1;
        (later != 0)
            .then(|| (hour + 1 + later.trailing_zeros()) * 3_600 + first_minute * 60 + first_second)
    }

    /// The days of a date's month that match, bits 1 to 31.
    fn days_of(&self, date: Date) -> u32 {
        if self.months >> date.month() & 1 == 0 {
            return 0;
        }
        let length = date.days_in_month() as u32;
        let first_weekday = (date.first_of_month().weekday().to_sunday_zero_offset()) as u32;
        let real = (1_u32 << length << 1).wrapping_sub(2);
        let matching = match (self.month_days.open, self.week_days.open) {
            (true, true) => u32::MAX,
            (true, false) => self.week_days.in_month(first_weekday, length),
            (false, true) => self.month_days.in_month(first_weekday, length),
            (false, false) => {
                self.month_days.in_month(first_weekday, length)
                    | self.week_days.in_month(first_weekday, length)
            }
        };
        matching & real
    }

    /// Runs on a day without a clock change.
    fn runs_a_day(&self) -> u64 {
        u64::from(self.hours.count_ones())
            * u64::from(self.minutes.count_ones())
            * u64::from(self.seconds.count_ones())
    }

    /// The mean distance between runs in milliseconds, or `None` for a date that never comes. Taken
    /// over 28 years, in which every date meets every weekday.
    pub(super) fn nominal_ms(&self) -> Option<i64> {
        let start = civil::day_of(Date::constant(2001, 1, 1))?;
        let end = civil::day_of(Date::constant(2029, 1, 1))?;
        let runs = self.days_between(start, end) * self.runs_a_day();
        let span = (end - start) * DAY_MS;
        (runs > 0).then(|| span / runs as i64)
    }

    /// Matching days in `[start, end)`.
    fn days_between(&self, start: i64, end: i64) -> u64 {
        let mut days = 0;
        let mut day = start;
        // One step a month; dates end the walk where the calendar ends.
        while day < end {
            let Some(date) = civil::date_of(day) else { break };
            let today = date.day() as u32;
            let month_end = day + i64::from(date.days_in_month() as u32 + 1 - today);
            let mut mask = self.days_of(date) >> today;
            if month_end > end {
                mask &= (1_u32 << (end - day)) - 1;
            }
            days += u64::from(mask.count_ones());
            day = month_end;
        }
        days
    }

    /// How many runs lie in `(after, until]`: arithmetic over whole days, steps only beside the
    /// clock changes of a schedule that names its hours.
    pub(super) fn count(&self, after: i64, until: i64, zone: &TimeZone) -> Option<u64> {
        let mut total = 0;
        let mut done = after;
        // `after` itself may lie in the second half of a range that occurs twice.
        let from = Timestamp::from_millisecond((after - DAY_MS).max(*civil::RANGE.start())).ok()?;
        for change in zone.following(from) {
            let change = change.timestamp().as_millisecond();
            if change > until {
                break;
            }
            if self.hours_open && change <= after {
                continue;
            }
            if self.hours_open {
                total += self.count_even(done, change - 1, zone)?;
                done = change - 1;
                continue;
            }
            let shift = civil::offset_ms(zone, change)? - civil::offset_ms(zone, change - 1)?;
            let margin = shift.abs() + 1_000;
            let before = (change - margin).max(done);
            let past = (change + margin).min(until);
            total += self.count_even(done, before, zone)?;
            total += self.count_steps(before, past, zone);
            done = done.max(past);
        }
        Some(total + self.count_even(done, until, zone)?)
    }

    fn count_steps(&self, after: i64, until: i64, zone: &TimeZone) -> u64 {
        let next = |at: &i64| self.next_after(*at, zone);
        core::iter::successors(next(&after), next).take_while(|at| *at <= until).count() as u64
    }

    /// Runs in `(after, until]` where no clock change makes local time anything but a constant away.
    fn count_even(&self, after: i64, until: i64, zone: &TimeZone) -> Option<u64> {
        if until <= after {
            return Some(0);
        }
        let offset = civil::offset_ms(zone, until)?;
        // Half-open in whole seconds: the first second after `after` up to the one after `until`.
        let start = (after + offset).div_euclid(1_000) + 1;
        let end = (until + offset).div_euclid(1_000) + 1;
        let (first, last) = (start.div_euclid(DAY_S), end.div_euclid(DAY_S));
        let part = |day: i64, time: i64| -> u64 {
            let matching = self.days_between(day, day + 1) == 1;
            if matching { self.times_before(time as u32) } else { 0 }
        };
        let through = self.days_between(first, last) * self.runs_a_day();
        Some(through + part(last, end.rem_euclid(DAY_S)) - part(first, start.rem_euclid(DAY_S)))
    }

    /// Matching times of a day before `time` (s).
    fn times_before(&self, time: u32) -> u64 {
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        let below = |mask: u64, bit: u32| u64::from((mask & ((1 << bit) - 1)).count_ones());
        let has = |mask: u64, bit: u32| mask >> bit & 1;
        let minutes = u64::from(self.minutes.count_ones());
        let seconds = u64::from(self.seconds.count_ones());
        let hours = u64::from(self.hours);
        let in_minute = has(self.minutes, minute) * below(self.seconds, second);
        let in_hour = below(self.minutes, minute) * seconds + in_minute;
        below(hours, hour) * minutes * seconds + has(hours, hour) * in_hour
    }
}

impl MonthDays {
    fn in_month(self, first_weekday: u32, length: u32) -> u32 {
        let mut days = self.days;
        if self.last {
            days |= 1 << length;
        }
        if self.last_weekday {
            days |= 1 << nearest_weekday(length, first_weekday, length);
        }
        let mut nearest = self.nearest & (1_u32 << length << 1).wrapping_sub(1);
        while nearest != 0 {
            days |= 1 << nearest_weekday(nearest.trailing_zeros(), first_weekday, length);
            nearest &= nearest - 1;
        }
        days
    }
}

impl WeekDays {
    fn in_month(self, first_weekday: u32, length: u32) -> u32 {
        let mut matching = 0;
        for day in 1..=length {
            let weekday = 1_u8 << ((first_weekday + day - 1) % 7);
            let nth = self.nth[(day - 1) as usize / 7];
            let last = if day + 7 > length { self.last } else { 0 };
            if (self.days | nth | last) & weekday != 0 {
                matching |= 1 << day;
            }
        }
        matching
    }
}

/// The day from Monday to Friday nearest to `day` without leaving the month.
fn nearest_weekday(day: u32, first_weekday: u32, length: u32) -> u32 {
    match (first_weekday + day - 1) % 7 {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == length => day - 2,
        0 => day + 1,
        _ => day,
    }
}
