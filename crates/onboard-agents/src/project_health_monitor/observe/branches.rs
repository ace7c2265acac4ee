//! Branches that are not part of the main line yet.

use gix::ObjectId;
use onboard_analysis::calendar::DAY_MS;

use super::MOST_STEPS;
use crate::git::{Mainline, References, Repository, is_kept_apart};

/// Branches compared in one run; the ones with the latest commits first.
const MOST_COMPARED: usize = 60;
/// Commits read over all comparisons of one run: well under a second.
const MOST_STEPS_IN_ALL: usize = 120_000;
/// A younger branch is work under way.
const YOUNGEST_MS: i64 = 14 * DAY_MS;

/// A branch with commits the main line does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    pub name: String,
    pub tip: String,
    /// When its last commit was recorded, milliseconds since 1970.
    pub last_ms: i64,
    /// When its first own commit was recorded, milliseconds since 1970.
    pub first_ms: i64,
    pub last_author: String,
    pub ahead: usize,
    pub behind: usize,
}

/// All branches, as far as they were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchFacts {
    pub total: usize,
    /// Whether more might be unmerged than were compared.
    pub cut: bool,
    pub unmerged: Vec<Branch>,
}

/// Compares the branches that are neither the main line nor kept apart by design.
pub fn observe(
    repository: &Repository,
    mainline: &Mainline,
    references: &References,
    limits: &mut Vec<String>,
) -> BranchFacts {
    let newest_ms = repository.recorded_ms(mainline.tip).unwrap_or(0);
    let mut candidates = candidates(repository, mainline, references);
    let considered = candidates.len();
    candidates.retain(|(last_ms, _, _)| newest_ms - last_ms >= YOUNGEST_MS);
    let skipped = candidates.len().saturating_sub(MOST_COMPARED);
    let mut cut = skipped > 0 || references.cut;
    if cut {
        limits.push(format!(
            "of {} branches the {} with the latest commits were compared",
            references.total,
            MOST_COMPARED.min(considered)
        ));
    }
    let mut steps = MOST_STEPS_IN_ALL;
    let mut unmerged = Vec::new();
    for (last_ms, name, tip) in candidates.into_iter().take(MOST_COMPARED) {
        let apart = repository.divergence(tip, mainline.tip, steps.min(MOST_STEPS));
        steps = steps.saturating_sub(apart.ahead.len() + apart.behind);
        cut |= !apart.complete;
        let (Some(first), true) = (apart.ahead.first(), apart.complete) else { continue };
        let author = repository.commit(tip, &mut Vec::new()).map(|commit| commit.author.name);
        unmerged.push(Branch {
            name,
            tip: tip.to_string(),
            last_ms,
            first_ms: repository.recorded_ms(*first).unwrap_or(last_ms),
            last_author: author.unwrap_or_default(),
            ahead: apart.ahead.len(),
            behind: apart.behind,
        });
    }
    BranchFacts { total: references.total, cut, unmerged }
}

/// Distinct tips with the date of their last commit, latest first. A branch here and its twin on
/// a remote are one.
fn candidates(
    repository: &Repository,
    mainline: &Mainline,
    references: &References,
) -> Vec<(i64, String, ObjectId)> {
    let mut found: Vec<(i64, String, ObjectId)> = Vec::new();
    let mut tips = std::collections::HashSet::from([mainline.tip]);
    for branch in &references.list {
        if !is_kept_apart(&branch.name) && tips.insert(branch.id) {
            let last_ms = repository.recorded_ms(branch.id);
            found.extend(last_ms.map(|last_ms| (last_ms, branch.name.clone(), branch.id)));
        }
    }
    found.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    found
}
