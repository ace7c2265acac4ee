//! Releases as deployments: how many, how many had to be mended, and how long mending took.

use std::collections::HashMap;

use onboard_analysis::statistics::median;
use serde::Serialize;

use super::{Seen, days};
use crate::workflow_optimizer::observe::LOOK_BACK_MS;

/// A year of releases.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Deployments {
    pub releases: usize,
    /// Releases x.y.0, and those of them that were [mended at once](onboard_analysis::release::Releases::mended_at_once).
    pub minor: usize,
    pub mended: usize,
    /// Commits that take another one back.
    pub reverts: usize,
    /// Median days from a release to its patch, and from a commit to its revert.
    pub restore_days: Option<f64>,
}

pub(super) fn count(seen: &Seen<'_>) -> Deployments {
    let since_ms = seen.flow.as_of_ms - LOOK_BACK_MS;
    let tags = &seen.flow.releases.tags;
    let of_year = || tags.iter().filter(|(_, tag)| tag.at_ms >= since_ms);
    let mut found = Deployments { releases: of_year().count(), ..Deployments::default() };
    found.minor = of_year().filter(|(version, _)| version.numbers[2] == 0).count();
    let mended = seen.flow.releases.mended_at_once(found.minor);
    found.mended = mended.releases.len();
    let mut restores: Vec<f64> =
        mended.releases.iter().map(|(tag, patch)| days(tag.at_ms, patch.at_ms)).collect();
    let latencies = reverts(seen, since_ms);
    found.reverts = latencies.len();
    restores.extend(latencies.into_iter().flatten());
    found.restore_days = median(&restores).map(|days| (days * 100.0).round() / 100.0);
    found
}

/// Of each revert of the year, the days since the commit that it takes back, where it is known.
fn reverts(seen: &Seen<'_>, since_ms: i64) -> Vec<Option<f64>> {
    let mut landed: HashMap<&str, i64> = HashMap::new();
    let mut found = Vec::new();
    for commit in &seen.facts.history.commits {
        if commit.revert && !commit.merge && commit.committed_ms >= since_ms {
            let subject = commit.subject.strip_prefix("Revert \"");
            let subject =
                subject.and_then(|rest| rest.rsplit_once('"')).map(|(subject, _)| subject);
            let landed = subject.and_then(|subject| landed.get(subject));
            found.push(landed.map(|at_ms| days(*at_ms, commit.committed_ms)));
        }
        landed.insert(&commit.subject, commit.committed_ms);
    }
    found
}
