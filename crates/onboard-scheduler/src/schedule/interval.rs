//! Intervals: `every N unit`, a grid of elapsed time fixed to the wall clock.

use super::scatter::Scatter;

pub(super) const SECOND_MS: i64 = 1_000;
pub(super) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
pub(super) const WEEK_MS: i64 = 7 * DAY_MS;

/// The longest interval: one leap year. Rarer work is a date, which `yearly` or cron says better.
pub(super) const PERIOD_MAX_MS: i64 = 366 * DAY_MS;

/// A grid of instants `period_ms` apart: `anchor + scatter within the period + k * period`.
///
/// Scatter takes the whole period: `every 15 minutes` promises a distance, not the minutes :00 and
/// :15, so the whole of it is there to spread load over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    /// From one second to [`PERIOD_MAX_MS`].
    pub(super) period_ms: i64,
}

impl Interval {
    /// The first instant of the grid after `after`. Arguments stay inside [`super::civil::RANGE`],
    /// so nothing here overflows.
    pub(super) fn next_after(self, after: i64, anchor: i64, scatter: Scatter) -> i64 {
        let phase = anchor + scatter.within(self.period_ms);
        after + self.period_ms - (after - phase).rem_euclid(self.period_ms)
    }
}
