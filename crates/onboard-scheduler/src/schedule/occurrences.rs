//! The runs between two instants: what a long sleep missed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use jiff::tz::TimeZone;

use super::cron::Cron;
use super::interval::Interval;
use super::{Rule, Scatter, Schedule, civil};

/// The most runs ever listed; more are only counted. Far above what any missed-run policy catches
/// up on.
pub const LISTED_MAX: usize = 1_024;

/// The runs of a schedule in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    /// The latest of them, oldest first, in milliseconds since 1970-01-01 UTC.
    pub times: Vec<i64>,
    /// How many there are in all.
    pub total: u64,
}

impl Schedule {
    /// The runs in `(after, until]`: how many, and the latest `cap` of them (at most
    /// [`LISTED_MAX`]). `anchor`, `zone` and `scatter` as in [`Schedule::next_after`].
    ///
    /// The cost doesn't grow with the span for intervals, grows by its months and clock changes for
    /// cron, and by its runs for calendar schedules (at most 24 a day).
    pub fn occurrences_between(
        &self,
        after: i64,
        until: i64,
        anchor: i64,
        zone: &TimeZone,
        scatter: Scatter,
        cap: usize,
    ) -> Occurrences {
        let until = until.min(*civil::RANGE.end());
        let Some(first) = self.next_after(after, anchor, zone, scatter) else {
            return Occurrences::default();
        };
        if first > until {
            return Occurrences::default();
        }
        let cap = cap.min(LISTED_MAX);
        let next = |at: i64| self.next_after(at, anchor, zone, scatter);
        match &self.rule {
            Rule::Interval(interval) => of_interval(*interval, first, until, cap),
            Rule::Cron(cron) => of_cron(cron, after, until, zone, cap),
            _ => latest(first, until, cap, next),
        }
    }
}

fn of_interval(interval: Interval, first: i64, until: i64, cap: usize) -> Occurrences {
    let period = interval.period_ms;
    let count = (until - first) / period + 1;
    let listed = count.min(cap as i64);
    let times = (count - listed..count).map(|index| first + index * period).collect();
    Occurrences { times, total: count.unsigned_abs() }
}

fn of_cron(cron: &Cron, after: i64, until: i64, zone: &TimeZone, cap: usize) -> Occurrences {
    let total = cron.count(after, until, zone).unwrap_or(0);
    let wanted = total.min(cap as u64) as usize;
    let next = |at: i64| cron.next_after(at, zone);
    // Look back from the end, further each time, until enough runs are in sight.
    let mut reach = cron.nominal_ms().unwrap_or(until - after).saturating_mul(wanted as i64 + 1);
    loop {
        let start = until.saturating_sub(reach).max(after);
        let found = match next(start) {
            Some(first) => latest(first, until, wanted, next),
            None => Occurrences::default(),
        };
        if found.times.len() == wanted || start == after {
            return Occurrences { times: found.times, total };
        }
        reach = reach.saturating_mul(2);
    }
}

/// Steps from `first` to `until`, keeping the last `cap`.
fn latest(first: i64, until: i64, cap: usize, next: impl Fn(i64) -> Option<i64>) -> Occurrences {
    let mut times = VecDeque::with_capacity(cap);
    let mut total = 0;
    let mut at = Some(first);
    while let Some(run) = at.filter(|run| *run <= until) {
        total += 1;
        if times.len() == cap {
            times.pop_front();
        }
        if cap > 0 {
            times.push_back(run);
        }
        at = next(run);
    }
    Occurrences { times: times.into(), total }
}
