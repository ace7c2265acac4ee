//! When the next release comes.

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::release::{Releases, Tag, releases};
use onboard_analysis::release_date;
use onboard_analysis::statistics::median;
use onboard_analysis::throughput::Forecast;

use super::super::forecasts::{self, Replayed};

/// Releases whose gaps are replayed.
const REPLAYED: usize = 12;
/// Gaps that a replayed forecast has behind it at least.
const LEAST_GAPS: usize = 5;

/// The releases, those within a day of each other as one.
#[derive(Clone, Debug, Default)]
pub struct Rhythm {
    pub releases: Releases,
    /// The first of each day's.
    moments: Vec<i64>,
}

impl Rhythm {
    pub fn of(tags: &[Tag]) -> Self {
        let releases = releases(tags);
        let mut moments: Vec<i64> = releases.tags.iter().map(|(_, tag)| tag.at_ms).collect();
        moments.dedup_by(|later, earlier| *later - *earlier < DAY_MS);
        Self { releases, moments }
    }

    pub fn last(&self) -> Option<&Tag> {
        self.releases.last()
    }

    pub fn last_ms(&self) -> Option<i64> {
        self.moments.last().copied()
    }

    /// Moments of releases, oldest first.
    pub fn moments(&self) -> &[i64] {
        &self.moments
    }

    fn gaps(&self, through: usize) -> Vec<f64> {
        self.moments[..through].windows(2).map(|pair| days(pair[0], pair[1])).collect()
    }

    /// Days from the last release to the next.
    pub fn forecast(&self, now_ms: i64) -> Option<Forecast> {
        let elapsed = days(self.last_ms()?, now_ms).max(0.0);
        let gaps = self.gaps(self.moments.len());
        (gaps.len() >= LEAST_GAPS).then_some(())?;
        release_date::forecast(&gaps, elapsed, gaps.len() as u64)
    }

    /// Days from a release of that moment to the one after it.
    pub fn gap_after(&self, since_ms: i64) -> Option<f64> {
        let next = self.moments.iter().find(|at_ms| **at_ms >= since_ms + DAY_MS)?;
        Some(days(since_ms, *next))
    }

    /// Forecasts as they would have been made the day after a release, and once the usual gap had
    /// passed without the next.
    pub fn replay(&self) -> Vec<Replayed> {
        let last = self.moments.len().saturating_sub(1);
        let mut past = Vec::new();
        for at in last.saturating_sub(REPLAYED)..last {
            let gaps = self.gaps(at + 1);
            let (begin, end) = (self.moments[at], self.moments[at + 1]);
            let actual = days(begin, end);
            let usual = median(&gaps).unwrap_or_default();
            for elapsed in [1.0, usual.max(1.0)].into_iter().filter(|elapsed| *elapsed < actual) {
                let made = release_date::forecast(&gaps, elapsed, gaps.len() as u64);
                let made = made.filter(|_| gaps.len() >= LEAST_GAPS);
                past.extend(made.map(|made| Replayed {
                    made_ms: begin + (elapsed * DAY_MS as f64) as i64,
                    known_ms: end,
                    spread: forecasts::spread(&made),
                    actual,
                }));
            }
        }
        past
    }
}

pub fn days(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms) as f64 / DAY_MS as f64
}
