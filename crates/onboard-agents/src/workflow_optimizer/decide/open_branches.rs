//! Open branches that wait longer than branches of their size ever do here.

use std::collections::HashSet;

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::statistics::quantile;
use onboard_domain::Time;
use onboard_text::counted;

use super::{Seen, date, days, span};
use crate::host::forecast::{Decider, Estimate, Forecast};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::workflow_optimizer::observe::{Merged, Open};

/// Why to ask about what is overdue.
pub(super) const WHY_ASK: &str = "A question on the right day is enough: asked about overdue changes, people resolved them 60 % sooner \
     in a trial over 147 repositories (Nudge, ESEC/FSE 2022).";

/// `workflow/overdue-branch`
pub const OVERDUE_BRANCH: Rule = Rule {
    id: "workflow/overdue-branch",
    says: "whom to ask about an open branch.",
    why: WHY_ASK,
    when: &[
        Bound::at(
            "it is older, and longer idle, than {} % of the branches of its size that were merged within a year",
            OVERDUE * 100.0,
            "judgement: what nearly all stay below is the project's own usual",
        ),
        Bound::at("it was idle for {} days at least", LEAST_DAYS, "judgement: nobody minds less"),
        Bound::that(
            "and for less than a quarter of a year",
            "then it is forgotten: health/forgotten-branches",
        ),
    ],
    silence: "merge it, close it, or commit to it. Two stand at a time.",
};

/// Longer than 85 of 100 comparable branches took.
const OVERDUE: f64 = 0.85;
/// Sizes are compared where so many branches have them.
const LEAST_ALIKE: usize = 20;
/// Nobody minds a wait of less, whatever is usual.
const LEAST_DAYS: f64 = 3.0;

/// Small, middling, large: by commits.
fn size(commits: usize) -> u8 {
    match commits {
        0..=1 => 0,
        2..=4 => 1,
        _ => 2,
    }
}

/// A branch is asked about, and looked at twice more before it is known whether it still waits: the
/// agent runs weekly, and looks a little earlier or later.
const STILL_DAYS: f64 = 13.0;
/// Forgotten for a quarter of a year it is no longer said, waiting or not.
const FORGOTTEN_DAYS: f64 = 91.0;

/// What 85 of 100 branches stay below.
struct Usual {
    lead_days: f64,
    waiting_days: f64,
    branches: usize,
    alike: bool,
    /// How long each of them waited, and the other open ones that wait still.
    waits: Vec<f64>,
}

pub(super) fn judge(seen: &Seen<'_>) -> Vec<Finding> {
    let landed: HashSet<String> =
        seen.facts.history.commits.iter().map(|commit| plain(&commit.subject)).collect();
    let mut overdue: Vec<(f64, &Open, Usual)> = Vec::new();
    for open in &seen.flow.open {
        // Landed as another commit: squashed, rebased, picked.
        if open.subjects.iter().any(|subject| landed.contains(&plain(subject))) {
            continue;
        }
        let Some(usual) = usual(&seen.flow.merged, open.commits) else { continue };
        let (age, idle) = (seen.days_ago(open.first_ms), seen.days_ago(open.last_ms));
        if age > usual.lead_days && idle > usual.waiting_days.max(LEAST_DAYS) {
            overdue.push((idle / usual.waiting_days.max(LEAST_DAYS), open, usual));
        }
    }
    overdue.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.name.cmp(&b.1.name)));
    overdue.iter().map(|(_, open, usual)| finding(seen, open, usual, overdue.len())).collect()
}

/// A subject without the number of its pull request.
fn plain(subject: &str) -> String {
    let text = subject.trim();
    let bare =
        if super::is_squashed(text) { text.rsplit_once(" (#").map(|(bare, _)| bare) } else { None };
    bare.unwrap_or(text).to_lowercase()
}

/// What 85 of 100 merged branches of a size stayed below, in days: from the first commit, and from the
/// last.
pub fn usual_days(merged: &[Merged], commits: usize) -> Option<(f64, f64)> {
    usual(merged, commits).map(|usual| (usual.lead_days, usual.waiting_days))
}

fn usual(merged: &[Merged], commits: usize) -> Option<Usual> {
    let alike: Vec<&Merged> =
        merged.iter().filter(|merged| size(merged.commits) == size(commits)).collect();
    let is_alike = alike.len() >= LEAST_ALIKE;
    let chosen = if is_alike { alike } else { merged.iter().collect() };
    let of = |value: fn(&Merged) -> f64| {
        quantile(&chosen.iter().map(|merged| value(merged)).collect::<Vec<f64>>(), OVERDUE)
    };
    Some(Usual {
        lead_days: of(|merged| days(merged.first_ms, merged.merged_ms))?,
        waiting_days: of(|merged| days(merged.last_ms, merged.merged_ms))?,
        branches: chosen.len(),
        alike: is_alike,
        waits: chosen.iter().map(|merged| days(merged.last_ms, merged.merged_ms)).collect(),
    })
}

/// That a branch will still wait: of those that waited as long as it does, the share that waited on.
/// What is open for longer already has done so, too. One of each is added, so that nothing is sure.
fn still_waits(seen: &Seen<'_>, open: &Open, usual: &Usual) -> Option<Forecast> {
    let idle = seen.days_ago(open.last_ms);
    let until = idle + STILL_DAYS;
    if until >= FORGOTTEN_DAYS {
        return None;
    }
    let others = seen.flow.open.iter().map(|other| seen.days_ago(other.last_ms));
    let waits: Vec<f64> =
        usual.waits.iter().copied().chain(others.filter(|it| *it > until)).collect();
    let beyond = |least: f64| waits.iter().filter(|wait| **wait > least).count() as f64;
    Some(Forecast {
        expects: format!("{} still waits", open.name),
        estimate: Estimate::Chance((beyond(until) + 1.0) / (beyond(idle) + 2.0)),
        resolve_by: Time(seen.now_ms).plus((STILL_DAYS * DAY_MS as f64) as i64),
        decided_by: Decider::Standing,
    })
}

fn finding(seen: &Seen<'_>, open: &Open, usual: &Usual, all: usize) -> Finding {
    let idle = seen.days_ago(open.last_ms);
    let others = match all - 1 {
        0 => String::new(),
        more => {
            format!(" {} overdue, too.", counted(more, "other branch is", "other branches are"))
        }
    };
    let finding = Finding::new(
        OVERDUE_BRANCH.id,
        Severity::Low,
        &open.name,
        format!("Branch {} has been waiting since {}", open.name, date(open.last_ms)),
        format!(
            "Its last commit is of that day, its first of {}. Of {} merged in the year to {}{}, 85 of \
             100 waited at most {} after their last commit.{others}",
            date(open.first_ms),
            counted(usual.branches, "branch", "branches"),
            seen.as_of(),
            if usual.alike { " that are about as large" } else { "" },
            span(usual.waiting_days),
        ),
        format!(
            "Ask {} whether it is finished: then review and merge it, else close it.",
            open.author
        ),
        vec![
            Evidence::branch(
                &open.tip,
                format!("{}: {}", open.name, open.subjects.last().cloned().unwrap_or_default()),
            ),
            Evidence::number(
                idle.floor(),
                format!("days from its last commit to {}", seen.as_of()),
            ),
            Evidence::number(
                (usual.waiting_days * 10.0).round() / 10.0,
                "days that 85 of 100 merged branches waited at most",
            ),
            Evidence::number(open.commits as f64, "commits of its own"),
        ],
    );
    match still_waits(seen, open, usual) {
        Some(forecast) => finding.expecting(forecast),
        None => finding,
    }
}
