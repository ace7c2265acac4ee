//! Schedules: the text people write, and the instants it means.
//!
//! ```text
//! continuous | manual | events | on event NAME, NAME
//! every N seconds|minutes|hours|days|weeks     every 2h, every_5_minutes, every 1h30m
//! hourly
//! daily | on weekdays | on weekends            [TIME]
//! weekly [on monday, friday | mon-fri]         [TIME]
//! monthly [on 1, 15 | on last day]             [TIME]
//! yearly                                       [TIME]
//! minute hour day month weekday                cron; with seconds in front; @daily and its like
//!
//! TIME: at 14:30, 18:00 | around 9am | between 22:00 and 6:00
//! ```
//!
//! Any of them may end in a zone, `in Europe/Berlin`. Case doesn't matter, and `_`, `-` and spaces
//! are the same between words.
//!
//! `at` and cron are exact. Everything that leaves room is scattered over that room, stably for each
//! agent ([`Scatter`]): `around T` over an hour to each side, `between` over its window, `daily`,
//! `weekly`, `monthly` and `yearly` over the whole period, `every N unit` and `hourly` over the
//! distance between two runs. The `@` names of cron promise a period and no time, so they are read
//! as the words.
//!
//! `every day` and `every 1 day` are `daily`, and so for week, month and year; `every 24 hours` and
//! `every 2 days` count elapsed time, which a clock change moves against the local day.
//!
//! Nothing here reads a clock or the host's zones: times come in as milliseconds since 1970-01-01
//! UTC, and the zone as a [`TimeZone`]. A local time that doesn't exist runs at the next instant
//! that does; one that occurs twice runs the first time. Intervals count elapsed time and know no
//! zone.

mod calendar;
mod civil;
mod cron;
mod cron_text;
mod describe;
mod error;
mod interval;
mod occurrences;
mod parse;
mod scatter;
mod suggest;
#[cfg(test)]
mod tests;
mod text;
mod words;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use jiff::tz::TimeZone;

use calendar::Calendar;
use cron::Cron;
use interval::Interval;

pub use error::ScheduleError;
pub use occurrences::{LISTED_MAX, Occurrences};
pub use scatter::Scatter;

/// The longest text taken, in bytes. The longest sensible one, a list of times with a zone, stays
/// under half of it.
pub const TEXT_MAX: usize = 256;

/// When an agent runs: a parsed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    rule: Rule,
    zone: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Continuous,
    Manual,
    /// Names of events; none means every event the agent subscribes to.
    Events(Vec<Box<str>>),
    Interval(Interval),
    Calendar(Calendar),
    Cron(Box<Cron>),
}

/// The kinds of schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whenever something changed; wakes on change, not on time.
    Continuous,
    /// At a fixed distance of elapsed time.
    Interval,
    /// On days and at local times.
    Calendar,
    /// A cron expression.
    Cron,
    /// On events, not on time.
    Events,
    /// When a person asks.
    Manual,
}

impl Schedule {
    /// Reads a schedule. The grammar is in the module's documentation.
    pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
        parse::parse(text)
    }

    /// One stable text for the schedule; it parses to the same schedule.
    pub fn canonical(&self) -> String {
        text::canonical(self)
    }

    /// The schedule in words, such as "every Friday around 17:00".
    pub fn describe(&self) -> String {
        describe::describe(self)
    }

    /// What kind of schedule it is.
    pub fn kind(&self) -> Kind {
        match self.rule {
            Rule::Continuous => Kind::Continuous,
            Rule::Manual => Kind::Manual,
            Rule::Events(_) => Kind::Events,
            Rule::Interval(_) => Kind::Interval,
            Rule::Calendar(_) => Kind::Calendar,
            Rule::Cron(_) => Kind::Cron,
        }
    }

    /// The names of `on event NAME, NAME`. Empty for `events`, which means every event the agent
    /// subscribes to, and for every other kind.
    pub fn event_names(&self) -> impl Iterator<Item = &str> {
        let names: &[Box<str>] = match &self.rule {
            Rule::Events(names) => names,
            _ => &[],
        };
        names.iter().map(AsRef::as_ref)
    }

    /// The zone the text ends in, as it was written. Its existence isn't known here.
    pub fn zone_name(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The zone to count in: the one the text names, found by `lookup`, or else `host`.
    ///
    /// A zone that `lookup` doesn't know is an error that points at the name in
    /// [`Schedule::canonical`].
    pub fn zone(
        &self,
        host: &TimeZone,
        lookup: impl FnOnce(&str) -> Option<TimeZone>,
    ) -> Result<TimeZone, ScheduleError> {
        let Some(name) = self.zone_name() else { return Ok(host.clone()) };
        lookup(name).ok_or_else(|| {
            let text = self.canonical();
            ScheduleError {
                offset: text.len() - name.len(),
                len: name.len(),
                text: text.into_boxed_str(),
                message: "no such time zone; names look like Europe/Berlin".into(),
                suggestion: None,
            }
        })
    }

    /// The first run after `after`, in milliseconds since 1970-01-01 UTC.
    ///
    /// `anchor` (ms) fixes the grid of `every N unit`: an instant of the wall clock that outlives
    /// restarts, 0 for multiples of N since 1970. `None` for schedules that wait for no time
    /// (continuous, events, manual) and past the end of the calendar (year 9999).
    pub fn next_after(
        &self,
        after: i64,
        anchor: i64,
        zone: &TimeZone,
        scatter: Scatter,
    ) -> Option<i64> {
        if !civil::RANGE.contains(&after) || !civil::RANGE.contains(&anchor) {
            return None;
        }
        match &self.rule {
            Rule::Continuous | Rule::Manual | Rule::Events(_) => None,
            Rule::Interval(interval) => {
                let at = interval.next_after(after, anchor, scatter);
                civil::RANGE.contains(&at).then_some(at)
            }
            Rule::Calendar(calendar) => calendar.next_after(after, zone, scatter),
            Rule::Cron(cron) => cron.next_after(after, zone),
        }
    }

    /// The mean distance between runs in milliseconds, or `None` where time doesn't decide.
    pub fn nominal_interval_ms(&self) -> Option<i64> {
        match &self.rule {
            Rule::Continuous | Rule::Manual | Rule::Events(_) => None,
            Rule::Interval(interval) => Some(interval.period_ms),
            Rule::Calendar(calendar) => Some(calendar.nominal_ms()),
            Rule::Cron(cron) => cron.nominal_ms(),
        }
    }
}
