//! A schedule in words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::calendar::{Calendar, Days, Time, WEEKDAYS, WEEKEND};
use super::cron::{Cron, MonthDays, WeekDays};
use super::interval::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS};
use super::words::MONTH_NAMES;
use super::{Rule, Schedule, cron_text, text};

/// Times of day spelled out for a cron expression; more are told by their fields.
const CLOCKS_MAX: u32 = 4;

pub(super) fn describe(schedule: &Schedule) -> String {
    let mut words = match &schedule.rule {
        Rule::Continuous => "whenever something changes".into(),
        Rule::Manual => "only when asked".into(),
        Rule::Events(names) if names.is_empty() => "on each event it subscribes to".into(),
        Rule::Events(names) => format!("on the event {}", list(names, "or")),
        Rule::Interval(interval) => match interval.period_ms {
            SECOND_MS => "every second".into(),
            MINUTE_MS => "every minute".into(),
            HOUR_MS => "every hour".into(),
            period if period == DAY_MS || period == WEEK_MS => {
                format!("every {} of elapsed time", text::period(period))
            }
            period => format!("every {}", text::period(period)),
        },
        Rule::Calendar(calendar) => of_calendar(calendar),
        Rule::Cron(cron) => of_cron(cron),
    };
    if let Some(zone) = &schedule.zone {
        words += &format!(", {zone} time");
    }
    words
}

fn of_calendar(calendar: &Calendar) -> String {
    let days: String = match calendar.days {
        Days::Every => "every day".into(),
        Days::Week(WEEKDAYS) => "every weekday".into(),
        Days::Week(WEEKEND) => "every Saturday and Sunday".into(),
        Days::Week(mask) => format!("every {}", list(&day_names(mask), "and")),
        Days::AnyOfWeek => "every week on a day of its own".into(),
        Days::Month { days, last } => {
            let mut numbers = text::month_days(days, false);
            if last {
                numbers.push("the last day".into());
            }
            let only_last = match days.count_ones() {
                0 => "",
                1 => "day ",
                _ => "days ",
            };
            let short = if days >> 29 == 0 { "" } else { " (or the month's last)" };
            format!("every month on {only_last}{}{short}", list(&numbers, "and"))
        }
        Days::AnyOfMonth => "every month on a day of its own".into(),
        Days::AnyOfYear => "every year on a day of its own".into(),
    };
    let time = match &calendar.time {
        Time::Any => " at a time of its own".into(),
        Time::At(times) => {
            let times: Vec<String> = times.iter().map(|time| text::clock(*time)).collect();
            format!(" at {}", list(&times, "and"))
        }
        time => text::time(time),
    };
    format!("{days}{time}")
}

fn of_cron(cron: &Cron) -> String {
    let days = cron_days(&cron.month_days, &cron.week_days);
    let months = match cron.months {
        0b1_1111_1111_1110 => String::new(),
        mask => {
            let names = spans(u64::from(mask), |month| capital(MONTH_NAMES[month as usize - 1]));
            format!(" in {names}")
        }
    };
    format!("{}{days}{months}", cron_times(cron))
}

fn cron_times(cron: &Cron) -> String {
    let runs = cron.seconds.count_ones() * cron.minutes.count_ones() * cron.hours.count_ones();
    if runs <= CLOCKS_MAX {
        return format!("at {}", list(&clocks(cron), "and"));
    }
    let hours_step = cron_text::open_step(u64::from(cron.hours), 23).filter(|_| cron.hours_open);
    let hours = match hours_step {
        Some(1) => String::new(),
        Some(step) => format!(" of every {step} hours"),
        None => format!(" of {}", numbered("hour", u64::from(cron.hours))),
    };
    let minutes = match cron_text::open_step(cron.minutes, 59) {
        Some(1) => "every minute".into(),
        Some(step) if 60 % step == 0 => format!("every {step} minutes"),
        _ => format!("at {}", numbered("minute", cron.minutes)),
    };
    let seconds = match cron_text::open_step(cron.seconds, 59) {
        _ if cron.seconds == 1 => return format!("{minutes}{hours}"),
        Some(1) => "every second".into(),
        Some(step) if 60 % step == 0 => format!("every {step} seconds"),
        _ => format!("at {}", numbered("second", cron.seconds)),
    };
    match minutes.as_str() {
        "every minute" => format!("{seconds}{hours}"),
        _ => format!("{seconds}, {minutes}{hours}"),
    }
}

fn clocks(cron: &Cron) -> Vec<String> {
    let set = |mask: u64| (0..60_u32).filter(move |bit| mask >> bit & 1 == 1);
    let mut clocks = Vec::new();
    for hour in set(u64::from(cron.hours)) {
        for minute in set(cron.minutes) {
            for second in set(cron.seconds) {
                clocks.push(text::clock(hour * 3_600 + minute * 60 + second));
            }
        }
    }
    clocks
}

fn cron_days(month: &MonthDays, week: &WeekDays) -> String {
    match (month.open, week.open) {
        (true, true) => " every day".into(),
        (true, false) => format!(" on {}", cron_week_days(week)),
        (false, true) => format!(" on {}", cron_month_days(month)),
        (false, false) => {
            format!(" on {} and on {}", cron_month_days(month), cron_week_days(week))
        }
    }
}

fn cron_month_days(month: &MonthDays) -> String {
    let mut parts = Vec::new();
    if month.days != 0 {
        parts.push(numbered("day", u64::from(month.days)));
    }
    for day in (1..=31).filter(|day| month.nearest >> day & 1 == 1) {
        parts.push(format!("the weekday nearest to day {day}"));
    }
    parts.extend(month.last.then(|| "the last day".into()));
    parts.extend(month.last_weekday.then(|| "the last weekday".into()));
    format!("{} of the month", list(&parts, "and"))
}

fn cron_week_days(week: &WeekDays) -> String {
    let mut parts: Vec<String> = match week.days {
        WEEKDAYS => Vec::from(["weekdays".into()]),
        mask => day_names(mask),
    };
    let ordinals = ["first", "second", "third", "fourth", "fifth"];
    for (mask, ordinal) in week.nth.iter().zip(ordinals).chain([(&week.last, "last")]) {
        let names = day_names(*mask);
        parts.extend(names.iter().map(|name| format!("the {ordinal} {name} of the month")));
    }
    list(&parts, "and")
}

fn day_names(mask: u8) -> Vec<String> {
    text::week_days(mask).into_iter().map(capital).collect()
}

fn capital(word: &str) -> String {
    word[..1].to_ascii_uppercase() + &word[1..]
}

/// `hour 9`, `hours 9 to 17`.
fn numbered(unit: &str, mask: u64) -> String {
    let plural = if mask.count_ones() == 1 { "" } else { "s" };
    format!("{unit}{plural} {}", spans(mask, |value| value.to_string()))
}

/// The values of a mask with neighbours drawn together: `1, 3 and 9 to 17`.
fn spans(mask: u64, name: impl Fn(u32) -> String) -> String {
    let parts: Vec<String> = cron_text::runs(mask)
        .into_iter()
        .flat_map(|(first, last)| match last - first {
            0 => Vec::from([name(first)]),
            1 => Vec::from([name(first), name(last)]),
            _ => Vec::from([format!("{} to {}", name(first), name(last))]),
        })
        .collect();
    list(&parts, "and")
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[impl AsRef<str>], joint: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} {joint} {}", first.join(", "), last.as_ref())
        }
    }
}
