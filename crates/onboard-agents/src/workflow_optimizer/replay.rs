//! What the optimizer would have called usual when each branch was finished, for evaluation.

use onboard_analysis::calendar::DAY_MS;

use super::decide::usual_days;
use super::observe::{self, LOOK_BACK_MS, Merged};
use crate::git::Repository;

/// Merges compared, the newest: enough for years of a busy project.
const MOST: usize = 10_000;

/// Fewer in a year show nothing that is usual.
const LEAST: usize = 20;

/// A branch that was merged, and what was usual when it was finished.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// From its last commit to its merge.
    pub days: f64,
    /// From its first.
    pub lead_days: f64,
    /// What 85 of 100 branches of its size stayed below in the year before.
    pub usual_days: f64,
    pub usual_lead_days: f64,
}

/// Every branch that was merged after a year of merges was known; oldest first.
pub fn waits(repository: &Repository) -> Vec<Wait> {
    let Some(mainline) = repository.mainline() else { return Vec::new() };
    let landings = repository.landings(mainline.tip, 0, usize::MAX);
    let merges: Vec<_> = landings.list.iter().filter(|landing| landing.branch.is_some()).collect();
    let mut steps = 0;
    let mut merged: Vec<Merged> = merges[merges.len().saturating_sub(MOST)..]
        .iter()
        .map(|landing| observe::compare(repository, landing, &mainline.name, &mut steps))
        .filter(|merged| merged.commits > 0)
        .collect();
    merged.sort_by_key(|one| one.merged_ms);
    let Some(first_ms) = merged.first().map(|one| one.merged_ms) else { return Vec::new() };
    let wait = |one: &Merged| {
        let known = merged.partition_point(|other| other.merged_ms < one.last_ms);
        let old = merged.partition_point(|other| other.merged_ms < one.last_ms - LOOK_BACK_MS);
        let is_known = one.last_ms - first_ms >= LOOK_BACK_MS && known >= old;
        let past = merged.get(old..known).filter(|past| is_known && past.len() >= LEAST)?;
        let (usual_lead_days, usual_days) = usual_days(past, one.commits)?;
        let days = |from_ms: i64| (one.merged_ms - from_ms).max(0) as f64 / DAY_MS as f64;
        let (days, lead_days) = (days(one.last_ms), days(one.first_ms));
        Some(Wait { days, lead_days, usual_days, usual_lead_days })
    };
    merged.iter().filter_map(wait).collect()
}
