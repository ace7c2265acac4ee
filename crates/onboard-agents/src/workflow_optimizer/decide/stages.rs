//! Where merged branches spend their time: being written, finished and waiting for their merge,
//! merged and waiting for a release.

use onboard_analysis::statistics::{median, quantile};
use serde::Serialize;

use super::{Seen, days, delays};
use crate::host::Finding;
use crate::workflow_optimizer::observe::Merged;

/// The level is that of half a year.
const LEVEL_DAYS: f64 = 182.0;
/// A stage is compared with itself: the last quarter with the three before.
pub(super) const RECENT_DAYS: f64 = 91.0;
/// Slow branches are those of the last seventh.
pub(super) const SLOW: f64 = 0.85;

/// A part of a branch's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From its first commit to its last, as amended and rebased: rework after a review counts here,
    /// git can't tell it apart.
    Writing,
    /// From its last commit to its merge.
    Waiting,
    /// From its merge to the first release that has it.
    Releasing,
}

/// How long a stage takes.
#[derive(Debug, PartialEq, Serialize)]
pub struct StageTime {
    pub stage: Stage,
    pub branches: usize,
    pub median_days: f64,
    pub p85_days: f64,
    /// Of the time of the slowest seventh of branches.
    pub share_of_slow: f64,
    /// The same stage in the three quarters before the last one, and in that.
    pub before_days: Option<f64>,
    pub recent_days: Option<f64>,
}

/// From the first commit to the merge, over half a year.
#[derive(Debug, PartialEq, Serialize)]
pub struct LeadTime {
    pub branches: usize,
    pub median_days: f64,
    pub p85_days: f64,
    pub stages: Vec<StageTime>,
    /// Where the slowest branches spend most of their time.
    pub largest: Stage,
}

/// What the stages say.
pub(super) struct Judged {
    pub lead_time: LeadTime,
    pub slower: Vec<Finding>,
    pub bottlenecks: Vec<Finding>,
}

/// A branch's times in days.
pub(super) struct Times<'a> {
    pub merged: &'a Merged,
    writing: f64,
    waiting: f64,
    pub releasing: Option<f64>,
    /// Days before the moment that all is seen from.
    pub merged_ago: f64,
    released_ago: Option<f64>,
}

impl Times<'_> {
    pub fn of(&self, stage: Stage) -> Option<f64> {
        match stage {
            Stage::Writing => Some(self.writing),
            Stage::Waiting => Some(self.waiting),
            Stage::Releasing => self.releasing,
        }
    }

    /// Until the merge.
    fn lead(&self) -> f64 {
        self.writing + self.waiting
    }
}

pub(super) fn judge(seen: &Seen<'_>) -> Judged {
    let times: Vec<Times<'_>> = seen.flow.merged.iter().map(|merged| times(seen, merged)).collect();
    let level: Vec<&Times<'_>> = within(&times, |times| Some(times.merged_ago), LEVEL_DAYS);
    let released: Vec<&Times<'_>> = within(&times, |times| times.released_ago, LEVEL_DAYS);
    let leads: Vec<f64> = level.iter().map(|times| times.lead()).collect();
    let slow = slowest(&level, |times| times.lead());
    // With the release, where there are such: then of what was released, for of the rest it is open.
    let slow_released = slowest(&released, |times| times.lead() + times.releasing.unwrap_or(0.0));
    let shares = if slow_released.is_empty() { &slow } else { &slow_released };
    let mut stages = vec![
        stage_time(Stage::Writing, &level, shares, &times),
        stage_time(Stage::Waiting, &level, shares, &times),
    ];
    if !released.is_empty() {
        stages.push(stage_time(Stage::Releasing, &released, shares, &times));
    }
    let largest = stages.iter().max_by(|a, b| a.share_of_slow.total_cmp(&b.share_of_slow));
    let largest = largest.map_or(Stage::Writing, |stage| stage.stage);
    let slower = [Stage::Waiting, Stage::Writing]
        .into_iter()
        .filter_map(|stage| delays::slower(seen, &times, stage))
        .collect();
    let bottlenecks = delays::hold_up(seen, &level, &slow)
        .into_iter()
        .chain(delays::releases(seen, &released, largest))
        .collect();
    let lead_time = LeadTime {
        branches: level.len(),
        median_days: rounded(median(&leads)),
        p85_days: rounded(quantile(&leads, SLOW)),
        stages,
        largest,
    };
    Judged { lead_time, slower, bottlenecks }
}

fn times<'a>(seen: &Seen<'_>, merged: &'a Merged) -> Times<'a> {
    let release = merged.release.map(|place| &seen.flow.releases.tags[place].1);
    Times {
        writing: days(merged.first_ms, merged.last_ms.min(merged.merged_ms)),
        waiting: days(merged.last_ms, merged.merged_ms),
        releasing: release.map(|tag| days(merged.merged_ms, tag.at_ms)),
        merged_ago: seen.days_ago(merged.merged_ms),
        released_ago: release.map(|tag| seen.days_ago(tag.at_ms)),
        merged,
    }
}

fn within<'a, 'b>(
    times: &'a [Times<'b>],
    ago: impl Fn(&Times<'b>) -> Option<f64>,
    most_days: f64,
) -> Vec<&'a Times<'b>> {
    times.iter().filter(|times| ago(times).is_some_and(|ago| ago <= most_days)).collect()
}

/// Those that take longest, the longest first.
fn slowest<'a, 'b>(
    times: &[&'a Times<'b>],
    total: impl Fn(&Times<'b>) -> f64,
) -> Vec<&'a Times<'b>> {
    let totals: Vec<f64> = times.iter().map(|times| total(times)).collect();
    let Some(edge) = quantile(&totals, SLOW) else { return Vec::new() };
    let mut slow: Vec<&Times<'_>> =
        times.iter().filter(|times| total(times) >= edge).copied().collect();
    slow.sort_by(|a, b| total(b).total_cmp(&total(a)));
    slow
}

pub(super) fn share(stage: Stage, slow: &[&Times<'_>], with_release: bool) -> f64 {
    let part: f64 = slow.iter().filter_map(|times| times.of(stage)).sum();
    let release =
        |times: &Times<'_>| if with_release { times.releasing.unwrap_or(0.0) } else { 0.0 };
    let all: f64 = slow.iter().map(|times| times.lead() + release(times)).sum();
    if all > 0.0 { part / all } else { 0.0 }
}

fn stage_time(
    stage: Stage,
    level: &[&Times<'_>],
    slow: &[&Times<'_>],
    all: &[Times<'_>],
) -> StageTime {
    let values: Vec<f64> = level.iter().filter_map(|times| times.of(stage)).collect();
    let (before, recent) = apart(all, stage);
    StageTime {
        stage,
        branches: values.len(),
        median_days: rounded(median(&values)),
        p85_days: rounded(quantile(&values, SLOW)),
        share_of_slow: rounded(Some(share(stage, slow, true))),
        before_days: median(&before).map(|days| rounded(Some(days))),
        recent_days: median(&recent).map(|days| rounded(Some(days))),
    }
}

fn rounded(value: Option<f64>) -> f64 {
    (value.unwrap_or(0.0) * 100.0).round() / 100.0
}

/// A stage's times in the quarters before, and in the last; by the moment at which it ended.
pub(super) fn apart(times: &[Times<'_>], stage: Stage) -> (Vec<f64>, Vec<f64>) {
    (ended(times, stage, RECENT_DAYS..f64::INFINITY), ended(times, stage, 0.0..RECENT_DAYS))
}

/// A stage's times in the earlier and the later half of the last quarter.
pub(super) fn halves(times: &[Times<'_>], stage: Stage) -> [Vec<f64>; 2] {
    let half = RECENT_DAYS / 2.0;
    [ended(times, stage, half..RECENT_DAYS), ended(times, stage, 0.0..half)]
}

/// A stage's times where it ended so many days ago.
fn ended(times: &[Times<'_>], stage: Stage, ago: core::ops::Range<f64>) -> Vec<f64> {
    let ended = |times: &Times<'_>| match stage {
        Stage::Releasing => times.released_ago,
        Stage::Writing | Stage::Waiting => Some(times.merged_ago),
    };
    let known = times.iter().filter_map(|times| Some((ended(times)?, times.of(stage)?)));
    known.filter(|(at, _)| ago.contains(at)).map(|(_, value)| value).collect()
}
