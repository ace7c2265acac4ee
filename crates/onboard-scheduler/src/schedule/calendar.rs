//! Calendar schedules: on these days, at these local times.

use alloc::vec::Vec;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::civil::{self, DAY_S};
use super::interval::DAY_MS;
use super::scatter::Scatter;

/// Monday to Friday, Sunday being bit 0.
pub(super) const WEEKDAYS: u8 = 0b011_1110;
/// Saturday and Sunday.
pub(super) const WEEKEND: u8 = 0b100_0001;
/// All seven days.
pub(super) const WEEK: u8 = 0b111_1111;

/// How far `around` reaches to each side, in seconds: the hour of gh-aw's published fuzzy schedules.
pub(super) const AROUND_S: i64 = 3_600;

/// A scattered day of the month lies in the days every month has.
const SCATTERED_MONTH_DAYS: i64 = 28;
/// A scattered day of the year lies in the days every year has.
const SCATTERED_YEAR_DAYS: i64 = 365;

/// Candidate days looked at before giving up. One is the rule; a few more are passed where a zone
/// skipped a day or a fold repeats it. The end of the calendar stops the search before this does.
const CANDIDATES_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    pub(super) days: Days,
    pub(super) time: Time,
}

/// Which local days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    Every,
    /// Days of the week, Sunday being bit 0.
    Week(u8),
    AnyOfWeek,
    /// Days of the month, bits 1 to 31. A month that is too short runs on its last day instead, so
    /// that "monthly" holds for every month.
    Month {
        days: u32,
        last: bool,
    },
    AnyOfMonth,
    AnyOfYear,
}

/// When on a day, in seconds since local midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// Anywhere in the day.
    Any,
    /// Exactly then; sorted, without repeats.
    At(Vec<u32>),
    /// Within [`AROUND_S`] of it; the window is moved to stay inside its day.
    Around(u32),
    /// Inside the window; one that ends before it starts ends on the next day.
    Between { from: u32, to: u32 },
}

/// The days, once the scatter has chosen among them.
#[derive(Clone, Copy)]
enum Chosen {
    Every,
    Week(u8),
    Month { days: u32, last: bool },
    YearDay(i64),
}

impl Calendar {
    pub(super) fn next_after(&self, after: i64, zone: &TimeZone, scatter: Scatter) -> Option<i64> {
        let scattered;
        let times: &[u32] = match &self.time {
            Time::At(times) => times,
            time => {
                scattered = [time.scattered(scatter)];
                &scattered
            }
        };
        let chosen = self.days.chosen(scatter);
        let local = after + civil::offset_ms(zone, after)?;
        // A window over midnight belongs to the day it starts on.
        let reach = times.last().map_or(0, |&time| i64::from(time) / DAY_S);
        let mut day = local.div_euclid(DAY_MS) - reach;
        for _ in 0..CANDIDATES_MAX {
            day = chosen.first_from(day)?;
            for &time in times {
                let candidate = day * DAY_S + i64::from(time);
                if candidate * 1_000 <= local {
                    continue;
                }
                let at = civil::instant_of(zone, candidate)?;
                if at > after {
                    return Some(at);
                }
            }
            day += 1;
        }
        None
    }

    /// The mean distance between runs, in milliseconds.
    pub(super) fn nominal_ms(&self) -> i64 {
        let times = match &self.time {
            Time::At(times) => times.len() as i64,
            _ => 1,
        };
        let (span, days) = match self.days {
            Days::Every => (DAY_MS, 1),
            Days::Week(mask) => (7 * DAY_MS, i64::from(mask.count_ones())),
            Days::AnyOfWeek => (7 * DAY_MS, 1),
            Days::Month { days, last } => {
                (YEAR_MS / 12, i64::from(days.count_ones()) + i64::from(last))
            }
            Days::AnyOfMonth => (YEAR_MS / 12, 1),
            Days::AnyOfYear => (YEAR_MS, 1),
        };
        span / (days * times).max(1)
    }
}

/// The mean year of the calendar, 365.2425 days.
const YEAR_MS: i64 = 31_556_952_000;

impl Time {
    /// The one time of a window that is this agent's, in whole seconds.
    fn scattered(&self, scatter: Scatter) -> u32 {
        let time = match *self {
            Time::Any => scatter.within(DAY_S),
            Time::At(ref times) => times.first().map_or(0, |&time| i64::from(time)),
            Time::Around(time) => {
                let start = (i64::from(time) - AROUND_S).clamp(0, DAY_S - 2 * AROUND_S);
                // Turned by where the named time lies, so that no scatter means the named time.
                let turn = i64::from(time) - start;
                start + (scatter.within(2 * AROUND_S) + turn) % (2 * AROUND_S)
            }
            Time::Between { from, to } => {
                let (from, to) = (i64::from(from), i64::from(to));
                let width = if to > from { to - from } else { to + DAY_S - from };
                from + scatter.within(width)
            }
        };
        // Below two days of seconds.
        time as u32
    }
}

impl Days {
    fn chosen(self, scatter: Scatter) -> Chosen {
        match self {
            Days::Every => Chosen::Every,
            Days::Week(mask) => Chosen::Week(mask),
            // No scatter means Monday, where people start a week.
            Days::AnyOfWeek => Chosen::Week(1 << ((scatter.day_within(7) + 1) % 7)),
            Days::Month { days, last } => Chosen::Month { days, last },
            Days::AnyOfMonth => Chosen::Month {
                days: 1 << (scatter.day_within(SCATTERED_MONTH_DAYS) + 1),
                last: false,
            },
            Days::AnyOfYear => Chosen::YearDay(scatter.day_within(SCATTERED_YEAR_DAYS)),
        }
    }
}

impl Chosen {
    /// The first of the days that is not before `from`.
    fn first_from(self, from: i64) -> Option<i64> {
        match self {
            Chosen::Every => Some(from),
            Chosen::Week(mask) => {
                let today = civil::weekday_of(from);
                let turned = (u32::from(mask) | u32::from(mask) << 7) >> today;
                Some(from + i64::from(turned.trailing_zeros()))
            }
            Chosen::Month { days, last } => first_of_months(from, days, last),
            Chosen::YearDay(index) => {
                let year = civil::date_of(from)?.year();
                let day = civil::day_of(Date::new(year, 1, 1).ok()?)? + index;
                if day >= from {
                    return Some(day);
                }
                Some(civil::day_of(Date::new(year.checked_add(1)?, 1, 1).ok()?)? + index)
            }
        }
    }
}

fn first_of_months(from: i64, days: u32, last: bool) -> Option<i64> {
    let date = civil::date_of(from)?;
    let today = date.day() as u32;
    let mask = month_days(date, days, last) >> today;
    if mask != 0 {
        return Some(from + i64::from(mask.trailing_zeros()));
    }
    // Every month has a day, as the missing ones move to its end.
    let next = civil::next_month(date.first_of_month())?;
    let mask = month_days(next, days, last);
    Some(civil::day_of(next)? + i64::from(mask.trailing_zeros()) - 1)
}

/// The days of one month, bits 1 to 31.
fn month_days(date: Date, days: u32, last: bool) -> u32 {
    let length = date.days_in_month() as u32;
    let real = (1_u32 << length << 1).wrapping_sub(1);
    let moved = last || days & !real != 0;
    (days & real) | u32::from(moved) << length
}
