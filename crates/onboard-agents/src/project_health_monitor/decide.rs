//! From facts to findings and a score: pure, so that every rule is a function of what was seen.

mod activity;
mod branches;
mod continuous_integration;
mod dependencies;
mod fewer_tests;
mod notes;
mod ownership;
pub mod plan;
mod releases;
mod repository;
mod stability;
mod tests_with_changes;

use onboard_analysis::calendar::week_of;
use onboard_analysis::milestone::Progress;
use onboard_analysis::outlook::{self, Chance, Past};
use onboard_analysis::release::releases;
use onboard_analysis::score::{Part, Score, score};

use super::observe::{Facts, OpenFacts, RepositoryFacts};
use crate::host::Finding;
use crate::manual::Rule;

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[
    &plan::MILESTONE_OVERDUE,
    &plan::MILESTONE_BEHIND,
    &plan::PLAN_INVALID,
    &plan::PLAN_UNREADABLE,
    &plan::PLAN_CYCLE,
    &plan::PLAN_DATES,
    &activity::ACTIVITY_DROP,
    &activity::KEY_AUTHOR_SILENT,
    &activity::ASLEEP,
    &ownership::BUS_FACTOR,
    &stability::REVERT_BURST,
    &stability::RELEASE_MENDED,
    &releases::RELEASE_OVERDUE,
    &tests_with_changes::UNTESTED_CHURN,
    &fewer_tests::FEWER_TESTS,
    &notes::NOTES_GROWTH,
    &continuous_integration::CI_BROKEN,
    &continuous_integration::CI_MISSING,
    &branches::FORGOTTEN_BRANCHES,
    &branches::DIVERGED_BRANCH,
    &dependencies::LOCK_BEHIND,
    &dependencies::LOCK_STALE,
    &repository::REPOSITORY_DAMAGED,
    &repository::BROKEN_REFERENCES,
    &repository::HEAD_UNBORN,
];

/// What a run concludes.
#[derive(Debug)]
pub struct Assessment {
    pub score: Score,
    /// The gravest first.
    pub findings: Vec<Finding>,
    /// Of what may go wrong within a quarter of a year; nothing where history is short or asleep.
    pub outlook: Vec<Chance>,
    pub milestones: Vec<Progress>,
    /// Ids of the plan's tasks that are under way.
    pub doing: Vec<String>,
    /// What could not be seen, for the reader to weigh the rest by.
    pub limits: Vec<String>,
}

/// What one rule says: a part of the score, and findings.
pub(super) struct Verdict {
    part: Option<Part>,
    findings: Vec<Finding>,
}

impl Verdict {
    fn new(name: &'static str, weight: u32, value: Option<f64>, why: impl Into<String>) -> Self {
        Self { part: Some(Part { name, weight, value, why: why.into() }), findings: Vec::new() }
    }

    fn with(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }
}

/// Applies every rule.
pub fn assess(facts: &Facts) -> Assessment {
    let plan = plan::judge(facts);
    let mut verdicts = Vec::new();
    let mut limits = Vec::new();
    let mut chances = Vec::new();
    let mut findings = repository::judge(facts);
    if let RepositoryFacts::Open(open) = &facts.repository {
        limits.extend(open.limits.iter().cloned());
        limits.extend(repository::limits(open));
        verdicts = judge_open(open, facts.now_ms, plan.part.is_none());
        chances = outlook(open, facts.now_ms);
    }
    findings.extend(plan.findings);
    let mut parts: Vec<Part> = plan.part.into_iter().collect();
    for verdict in verdicts {
        parts.extend(verdict.part);
        findings.extend(verdict.findings);
    }
    // A stable order: by severity, then in the order the rules stand here.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut score = score(parts);
    if matches!(&facts.repository, RepositoryFacts::Open(open) if !open.unreadable.is_empty()) {
        // What can still be read of a damaged project would flatter it.
        score.index = None;
    }
    let (milestones, doing) = (plan.milestones, plan.doing);
    Assessment { score, findings, outlook: chances, milestones, doing, limits }
}

/// The chances that history gives; of a history that is cut off, or a project that sleeps, none.
fn outlook(open: &OpenFacts, now_ms: i64) -> Vec<Chance> {
    let is_whole = !open.shallow && open.unreadable.is_empty();
    if !is_whole || activity::pulse(&open.ledger, now_ms).asleep_days.is_some() {
        return Vec::new();
    }
    let Some(others) = outlook::shipped() else { return Vec::new() };
    Past::of(&open.ledger, &releases(&open.tags), week_of(now_ms)).chances(others)
}

/// A project that sleeps has one thing to say; its silence is not also a falling trend.
fn judge_open(open: &OpenFacts, now_ms: i64, without_plan: bool) -> Vec<Verdict> {
    let pulse = activity::pulse(&open.ledger, now_ms);
    let mut verdicts = vec![
        activity::judge(open, &pulse, now_ms),
        stability::judge(open),
        ownership::judge(open, &pulse),
        tests_with_changes::judge(open).with(fewer_tests::judge(open, &pulse)),
        continuous_integration::judge(open),
        notes::judge(open),
        branches::judge(open, now_ms),
        dependencies::judge(open),
    ];
    // Dates of a plan say more than the rhythm of tags; the score has one part for either.
    verdicts.push(releases::judge(open, &pulse, now_ms, without_plan));
    verdicts
}

/// What the rules say that need nothing but history and tags.
pub fn of_history(open: &OpenFacts, now_ms: i64) -> Vec<Finding> {
    let pulse = activity::pulse(&open.ledger, now_ms);
    let verdicts = [activity::judge(open, &pulse, now_ms), stability::judge(open)];
    verdicts.into_iter().flat_map(|verdict| verdict.findings).collect()
}
