//! How much will land in the next weeks: commits, and the days on which people land them.

use std::collections::HashSet;

use onboard_analysis::calendar::{DAY_MS, WEEK_MS, day_of};
use onboard_analysis::facts::{History, PastCommit};
use onboard_analysis::throughput::{self, Forecast};

use super::super::forecasts::{self, Replayed, Subject};

/// A month and a quarter: what people plan for.
pub const HORIZONS: [usize; 2] = [4, 12];
/// Forecasts of the past are made every second week of the last three years,
const REPLAYED_WEEKS: usize = 156;
const REPLAY_EVERY: usize = 2;
/// from the first year on.
const LEAST_WEEKS: usize = 52;
/// Silence this long, and longer than any of the last two years, is no pace: the project rests, or
/// this clone is not kept up.
const SILENCE_MS: i64 = 42 * DAY_MS;
const LOOKED_BACK_MS: i64 = 2 * 365 * DAY_MS;
/// Weeks looked at, so that one broken clock cannot stretch a series: twenty years.
const MOST_WEEKS: usize = 1_040;

/// What landed, by weeks that end with the moment of the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weeks {
    /// Oldest first; the last one has just ended.
    pub commits: Vec<f64>,
    pub person_days: Vec<f64>,
}

/// When a commit landed: a date of the future is of now.
pub fn landed_ms(commit: &PastCommit, now_ms: i64) -> i64 {
    commit.committed_ms.min(now_ms)
}

/// Commits that are no merges: a merge's work is its parents'.
pub fn landed(history: &History) -> impl Iterator<Item = &PastCommit> {
    history.commits.iter().filter(|commit| !commit.merge)
}

/// Counts what landed, as far as one week goes.
pub fn weeks(history: &History, now_ms: i64) -> Weeks {
    let ago = |commit: &PastCommit| (now_ms - landed_ms(commit, now_ms)).max(0) / WEEK_MS;
    let ago = |commit: &PastCommit| usize::try_from(ago(commit)).unwrap_or(usize::MAX);
    let all = || landed(history).map(|commit| (ago(commit), commit));
    let count = all().map(|(ago, _)| ago).filter(|ago| *ago < MOST_WEEKS).max();
    let count = count.map_or(0, |oldest| oldest + 1);
    let mut weeks = Weeks { commits: vec![0.0; count], person_days: vec![0.0; count] };
    let mut days = HashSet::new();
    for (ago, commit) in all().filter(|(ago, _)| *ago < count) {
        let place = count - 1 - ago;
        weeks.commits[place] += 1.0;
        let day = day_of(landed_ms(commit, now_ms));
        // A day that two weeks share counts for both: half a day of one person a week.
        weeks.person_days[place] += f64::from(days.insert((place, day, commit.author)));
    }
    // The first week was under way when the first commit landed.
    if count > 0 {
        weeks.commits.remove(0);
        weeks.person_days.remove(0);
    }
    weeks
}

/// Days since the last commit, where they are so many that nothing is to be expected.
pub fn silent_days(history: &History, now_ms: i64) -> Option<i64> {
    let mut moments: Vec<i64> = landed(history).map(|commit| landed_ms(commit, now_ms)).collect();
    moments.sort_unstable();
    let last = *moments.last()?;
    let recent: Vec<i64> =
        moments.into_iter().filter(|at_ms| *at_ms >= last - LOOKED_BACK_MS).collect();
    let longest = recent.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    let silence = now_ms - last;
    (silence > SILENCE_MS.max(longest)).then_some(silence / DAY_MS)
}

/// The kinds of what is forecast of weeks.
pub fn subjects() -> impl Iterator<Item = Subject> {
    HORIZONS
        .into_iter()
        .flat_map(|weeks| [Subject::Commits { weeks }, Subject::PersonDays { weeks }])
}

/// The series and the horizon of a subject, where it is one of weeks.
pub fn series<'a>(subject: &Subject, weeks: &'a Weeks) -> Option<(&'a [f64], usize)> {
    match subject {
        Subject::Commits { weeks: horizon } => Some((&weeks.commits, *horizon)),
        Subject::PersonDays { weeks: horizon } => Some((&weeks.person_days, *horizon)),
        Subject::Release { .. }
        | Subject::Milestone { .. }
        | Subject::Fix { .. }
        | Subject::Unreleased { .. } => None,
    }
}

/// What is to be expected; the same for the same past.
pub fn forecast(past: &[f64], horizon: usize) -> Option<Forecast> {
    throughput::forecast(past, horizon, past.len() as u64)
}

/// Forecasts as they would have been made, with what came.
pub fn replay(past: &[f64], horizon: usize, now_ms: i64) -> Vec<Replayed> {
    let Some(last) = past.len().checked_sub(horizon) else { return Vec::new() };
    let first = LEAST_WEEKS.max(last.saturating_sub(REPLAYED_WEEKS));
    let moment = |week: usize| now_ms - (past.len() - week) as i64 * WEEK_MS;
    (first..=last)
        .step_by(REPLAY_EVERY)
        .filter_map(|origin| {
            Some(Replayed {
                made_ms: moment(origin),
                known_ms: moment(origin + horizon),
                spread: forecasts::spread(&forecast(&past[..origin], horizon)?),
                actual: past[origin..origin + horizon].iter().sum(),
            })
        })
        .collect()
}

/// What landed after one moment and not after another.
pub fn between(history: &History, subject: &Subject, from_ms: i64, to_ms: i64) -> Option<f64> {
    let within = || {
        landed(history)
            .filter(|commit| commit.committed_ms > from_ms && commit.committed_ms <= to_ms)
    };
    match subject {
        Subject::Commits { .. } => Some(within().count() as f64),
        Subject::PersonDays { .. } => {
            // By the same weeks as the forecast counted.
            let day = |commit: &PastCommit| {
                let week = (to_ms - commit.committed_ms) / WEEK_MS;
                (week, day_of(commit.committed_ms), commit.author)
            };
            Some(within().map(day).collect::<HashSet<_>>().len() as f64)
        }
        Subject::Release { .. }
        | Subject::Milestone { .. }
        | Subject::Fix { .. }
        | Subject::Unreleased { .. } => None,
    }
}
