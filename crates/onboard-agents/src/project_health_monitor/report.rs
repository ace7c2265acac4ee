//! Telling the host: findings nobody has heard yet, events, and the score for whoever asks.

use std::collections::BTreeSet;

use onboard_analysis::calendar::{date_text, day_of};
use onboard_analysis::milestone::Standing;
use onboard_analysis::outlook;
use onboard_analysis::statistics::median;
use onboard_text::counted;
use serde_json::{Value, json};

use super::MOST_FINDINGS;
use super::decide::{Assessment, plan};
use super::observe::{Facts, RepositoryFacts};
use super::state::Reports;
use crate::git::{Head, OpenError};
use crate::host::{AgentError, Host, Outcome};
use crate::plan::PlanReading;
use crate::telling::tell;

/// Points the index must fall below its usual value before that is an event.
const DEGRADED_BY: f64 = 10.0;
/// Scores the usual value is the median of.
const USUAL_DAYS: usize = 14;
/// Fewer say nothing about what is usual.
const LEAST_DAYS: usize = 3;
/// Milestones of which it is remembered that they were said to be behind; of one more the host gives up
/// what was expected, some time after its date.
const MOST_AWAITED: usize = 200;
/// Events of one kind in one run.
const MOST_EVENTS: usize = 20;

/// Hands over what holds, the score, and what happened.
pub fn deliver(
    host: &mut dyn Host,
    facts: &Facts,
    assessment: Assessment,
    reports: &mut Reports,
) -> Result<Outcome, AgentError> {
    settle(host, facts, &assessment, reports)?;
    let told = tell(host, &assessment.findings, &mut reports.reported, MOST_FINDINGS)?;
    await_missed(&assessment, reports);
    let events = events(host, facts, &assessment, reports)?;
    host.put_state("health", health(facts, &assessment))?;
    reports.standing = standing(facts, &assessment);
    let summary = format!("{}; {}", reports.standing, told.words());
    Ok(if told.new == 0 && told.gone == 0 && events == 0 {
        Outcome::NothingToReport { summary }
    } else {
        Outcome::Succeeded { summary }
    })
}

/// Says what came of milestones that were said to be behind. Where no plan can be read nothing is known.
fn settle(
    host: &mut dyn Host,
    facts: &Facts,
    assessment: &Assessment,
    reports: &mut Reports,
) -> Result<(), AgentError> {
    if !matches!(facts.plan, PlanReading::Read { .. } | PlanReading::Absent) {
        return Ok(());
    }
    let today = day_of(facts.now_ms);
    let settled = plan::settled(&reports.awaited, &assessment.milestones, today);
    for (fingerprint, outcome) in settled {
        if let Some(outcome) = outcome {
            host.settle_forecast(&fingerprint, outcome)?;
            reports.awaited.retain(|awaited| awaited.fingerprint != fingerprint);
        }
    }
    Ok(())
}

/// Remembers milestones that were said to be behind, each with the first date that it was said with.
fn await_missed(assessment: &Assessment, reports: &mut Reports) {
    for finding in
        assessment.findings.iter().filter(|finding| finding.rule == plan::MILESTONE_BEHIND.id)
    {
        let same = |awaited: &plan::Awaited| awaited.fingerprint == finding.fingerprint;
        let is_said = reports.reported.contains(&finding.fingerprint);
        let milestone = assessment.milestones.iter().find(|one| one.id == finding.target);
        let Some(due) = milestone.and_then(|milestone| milestone.due).filter(|_| is_said) else {
            continue;
        };
        if !reports.awaited.iter().any(same) && reports.awaited.len() < MOST_AWAITED {
            reports.awaited.push(plan::Awaited {
                fingerprint: finding.fingerprint.clone(),
                milestone: finding.target.clone(),
                due,
            });
        }
    }
}

/// One line on how the project stands.
fn standing(facts: &Facts, assessment: &Assessment) -> String {
    let findings = counted(assessment.findings.len(), "open finding", "open findings");
    match &facts.repository {
        RepositoryFacts::Closed(error @ OpenError::Absent) => format!("{error}; {findings}"),
        RepositoryFacts::Closed(error) => format!("git: {error}; {findings}"),
        RepositoryFacts::Empty { head: Head::Broken(what) } => format!("HEAD: {what}; {findings}"),
        RepositoryFacts::Empty { .. } => format!("no commits yet; {findings}"),
        RepositoryFacts::Open(open) => {
            let score = &assessment.score;
            let health = match score.index {
                Some(index) => format!("health {index}/100 ({} points measured)", score.measured),
                None => format!("no health score ({} of 100 points measured)", score.measured),
            };
            let commits = counted(open.ledger.commits as usize, "commit", "commits");
            format!("{health}, {commits} on {}; {findings}", open.mainline)
        }
    }
}

/// Emits what happened between the last run and this one; returns how many events.
fn events(
    host: &mut dyn Host,
    facts: &Facts,
    assessment: &Assessment,
    reports: &mut Reports,
) -> Result<usize, AgentError> {
    let mut count = 0;
    if !assessment.milestones.is_empty() {
        let reached: BTreeSet<String> = assessment
            .milestones
            .iter()
            .filter(|milestone| milestone.standing == Standing::Reached)
            .map(|milestone| milestone.id.clone())
            .collect();
        let doing: BTreeSet<String> = assessment.doing.iter().cloned().collect();
        for id in news(&reports.reached, &reached) {
            host.emit_event("project.milestone.completed", json!({ "milestone": id }))?;
            count += 1;
        }
        for id in news(&reports.doing, &doing) {
            host.emit_event("project.task.started", json!({ "task": id }))?;
            count += 1;
        }
        reports.reached = Some(reached);
        reports.doing = Some(doing);
    }
    count += usize::from(degraded(host, facts, assessment, reports)?);
    Ok(count)
}

/// What is in a set and was not before; nothing where there is no before.
fn news<'a>(before: &Option<BTreeSet<String>>, now: &'a BTreeSet<String>) -> Vec<&'a String> {
    let Some(before) = before else { return Vec::new() };
    now.iter().filter(|id| !before.contains(*id)).take(MOST_EVENTS).collect()
}

/// Says once that the index fell, and may say it again only after it recovered.
fn degraded(
    host: &mut dyn Host,
    facts: &Facts,
    assessment: &Assessment,
    reports: &mut Reports,
) -> Result<bool, AgentError> {
    let Some(index) = assessment.score.index else { return Ok(false) };
    let today = day_of(facts.now_ms);
    let past: Vec<f64> = reports
        .scores
        .iter()
        .rev()
        .filter(|(day, _)| *day < today)
        .take(USUAL_DAYS)
        .map(|(_, index)| f64::from(*index))
        .collect();
    reports.note_score(today, index);
    let usual = median(&past).filter(|_| past.len() >= LEAST_DAYS);
    let fallen = usual.is_some_and(|usual| f64::from(index) <= usual - DEGRADED_BY);
    let is_news = fallen && !reports.degraded;
    reports.degraded = fallen;
    if let Some(usual) = usual.filter(|_| is_news) {
        let data = json!({ "index": index, "usual": usual, "parts": parts(assessment) });
        host.emit_event("project.quality.degraded", data)?;
    }
    Ok(is_news)
}

fn parts(assessment: &Assessment) -> Vec<Value> {
    let part = |part: &onboard_analysis::score::Part| {
        json!({
            "name": part.name,
            "weight": part.weight,
            "value": part.value.map(|value| (value * 100.0).round() / 100.0),
            "why": part.why,
        })
    };
    assessment.score.parts.iter().map(part).collect()
}

/// What may go wrong within a quarter of a year, each with its chance, and the chance of any of it.
fn chances(assessment: &Assessment) -> Value {
    let rounded = |chance: f64| (chance * 1_000.0).round() / 1_000.0;
    let one = |one: &outlook::Chance| json!({ "event": one.kind, "chance": rounded(one.chance) });
    let any = (!assessment.outlook.is_empty()).then(|| rounded(outlook::any(&assessment.outlook)));
    json!({
        "weeks": outlook::HORIZON_WEEKS,
        "any": any,
        "events": assessment.outlook.iter().map(one).collect::<Vec<Value>>(),
    })
}

/// The score with its parts, what may come, the milestones, and the findings that hold now.
fn health(facts: &Facts, assessment: &Assessment) -> Value {
    let milestones: Vec<Value> = assessment
        .milestones
        .iter()
        .map(|milestone| {
            json!({
                "id": milestone.id,
                "title": milestone.title,
                "done": (milestone.done * 1_000.0).round() / 1_000.0,
                "tasks_done": milestone.tasks_done,
                "tasks": milestone.tasks,
                "due": milestone.due.map(date_text),
                "standing": standing_word(&milestone.standing),
            })
        })
        .collect();
    let findings: Vec<Value> = assessment
        .findings
        .iter()
        .map(|finding| {
            json!({
                "fingerprint": finding.fingerprint,
                "severity": finding.severity,
                "rule": finding.rule,
                "title": finding.title,
            })
        })
        .collect();
    let (mainline, tip) = match &facts.repository {
        RepositoryFacts::Open(open) => (Some(&open.mainline), Some(&open.tip)),
        RepositoryFacts::Closed(_) | RepositoryFacts::Empty { .. } => (None, None),
    };
    json!({
        "schema_version": 1,
        "at_ms": facts.now_ms,
        "index": assessment.score.index,
        "measured": assessment.score.measured,
        "parts": parts(assessment),
        "outlook": chances(assessment),
        "milestones": milestones,
        "findings": findings,
        "limits": assessment.limits,
        "mainline": mainline,
        "tip": tip,
    })
}

fn standing_word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Reached => "reached",
        Standing::Overdue { .. } => "overdue",
        Standing::Behind { .. } => "behind",
        Standing::Waiting { .. } => "waiting",
        Standing::OnTrack => "on_track",
        Standing::Undated => "undated",
    }
}
