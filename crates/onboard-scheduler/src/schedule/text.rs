//! The canonical text of a schedule, and the pieces it shares with the description.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::calendar::{Calendar, Days, Time, WEEKDAYS, WEEKEND};
use super::interval::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS};
use super::words::DAY_NAMES;
use super::{Rule, Schedule, cron_text};

pub(super) fn canonical(schedule: &Schedule) -> String {
    let mut text = match &schedule.rule {
        Rule::Continuous => "continuous".into(),
        Rule::Manual => "manual".into(),
        Rule::Events(names) if names.is_empty() => "events".into(),
        Rule::Events(names) => format!("on event {}", names.join(", ")),
        Rule::Interval(interval) if interval.period_ms == HOUR_MS => "hourly".into(),
        Rule::Interval(interval) => format!("every {}", period(interval.period_ms)),
        Rule::Calendar(calendar) => calendar_text(calendar),
        Rule::Cron(cron) => cron_text::write(cron),
    };
    if let Some(zone) = &schedule.zone {
        text += &format!(" in {zone}");
    }
    text
}

/// `5 minutes`: in the largest unit that divides it. One day and one week stay in the unit below,
/// for `every day` and `every week` are calendar schedules.
pub(super) fn period(period_ms: i64) -> String {
    let units = [
        (WEEK_MS, 2, "week"),
        (DAY_MS, 2, "day"),
        (HOUR_MS, 1, "hour"),
        (MINUTE_MS, 1, "minute"),
        (SECOND_MS, 1, "second"),
    ];
    let fits = |unit: &&(i64, i64, &str)| period_ms % unit.0 == 0 && period_ms / unit.0 >= unit.1;
    let (ms, _, name) = units.iter().find(fits).unwrap_or(&units[4]);
    match period_ms / ms {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

fn calendar_text(calendar: &Calendar) -> String {
    let mut text: String = match calendar.days {
        Days::Every => "daily".into(),
        Days::Week(WEEKDAYS) => "on weekdays".into(),
        Days::Week(WEEKEND) => "on weekends".into(),
        Days::Week(mask) => format!("weekly on {}", week_days(mask).join(", ")),
        Days::AnyOfWeek => "weekly".into(),
        Days::Month { days, last } => format!("monthly on {}", month_days(days, last).join(", ")),
        Days::AnyOfMonth => "monthly".into(),
        Days::AnyOfYear => "yearly".into(),
    };
    text += &time(&calendar.time);
    text
}

/// The time after the days, with the space before it.
pub(super) fn time(time: &Time) -> String {
    match time {
        Time::Any => String::new(),
        Time::At(times) => {
            let times: Vec<String> = times.iter().map(|time| clock(*time)).collect();
            format!(" at {}", times.join(", "))
        }
        Time::Around(time) => format!(" around {}", clock(*time)),
        Time::Between { from, to } => format!(" between {} and {}", clock(*from), clock(*to)),
    }
}

/// `09:00`, or `09:00:30` where there are seconds.
pub(super) fn clock(time: u32) -> String {
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    match second {
        0 => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

/// Names of the days in a mask, Monday first.
pub(super) fn week_days(mask: u8) -> Vec<&'static str> {
    let monday_first = (1..=7).map(|day| day % 7);
    monday_first.filter(|day| mask >> day & 1 == 1).map(|day| DAY_NAMES[day as usize]).collect()
}

/// Days of the month, `last day` at the end.
pub(super) fn month_days(days: u32, last: bool) -> Vec<String> {
    let numbered = (1..=31).filter(|day| days >> day & 1 == 1).map(|day| format!("{day}"));
    numbered.chain(last.then(|| "last day".into())).collect()
}
