//! Are the plan's milestones on time, and can the plan work at all?

use std::collections::BTreeSet;

use onboard_analysis::calendar::{date_text, day_of};
use onboard_analysis::milestone::{Flaw, Plan, Progress, Standing, TaskState, flaws, progress};
use onboard_analysis::score::Part;

use super::{Facts, RepositoryFacts, counted};
use crate::host::{Evidence, Finding, Severity};
use crate::plan::{Mistake, PLAN_PATH, PlanReading};

/// Overdue longer than this, a date is no longer believed by anyone.
const LONG_OVERDUE_DAYS: i64 = 14;
/// A milestone this close and behind needs a decision now.
const CLOSE_DAYS: i64 = 14;

/// What the plan says.
#[derive(Default)]
pub struct PlanVerdict {
    pub part: Option<Part>,
    pub findings: Vec<Finding>,
    pub milestones: Vec<Progress>,
    pub doing: Vec<String>,
}

pub fn judge(facts: &Facts) -> PlanVerdict {
    let (plan, lines, mistakes) = match &facts.plan {
        PlanReading::Absent => return PlanVerdict::default(),
        PlanReading::Unreadable(why) => {
            return PlanVerdict { findings: vec![unreadable(why)], ..PlanVerdict::default() };
        }
        PlanReading::Read { plan, lines, mistakes } => (plan, lines, mistakes),
    };
    let today = day_of(facts.now_ms);
    let milestones = progress(plan, &tags(facts), today);
    let line = |id: &str| lines.get(id).copied();
    let mut findings: Vec<Finding> = invalid(mistakes).into_iter().collect();
    findings.extend(flaws(plan).iter().map(|flaw| contradiction(flaw, &line)));
    findings.extend(milestones.iter().filter_map(|milestone| late(milestone, today, &line)));
    PlanVerdict { part: part(&milestones), findings, doing: doing(plan), milestones }
}

fn tags(facts: &Facts) -> BTreeSet<&str> {
    match &facts.repository {
        RepositoryFacts::Open(open) => open.tags.iter().map(|tag| tag.name.as_str()).collect(),
        RepositoryFacts::Closed(_) | RepositoryFacts::Empty { .. } => BTreeSet::new(),
    }
}

fn doing(plan: &Plan) -> Vec<String> {
    let tasks = plan.milestones.iter().flat_map(|milestone| &milestone.tasks);
    tasks.filter(|task| task.state == TaskState::Doing).map(|task| task.id.clone()).collect()
}

fn part(milestones: &[Progress]) -> Option<Part> {
    let dated: Vec<&Progress> = milestones
        .iter()
        .filter(|milestone| milestone.due.is_some() && milestone.standing != Standing::Reached)
        .collect();
    if milestones.is_empty() {
        return None;
    }
    let late = dated.iter().filter(|milestone| is_late(milestone)).count();
    let reached = milestones.iter().filter(|m| m.standing == Standing::Reached).count();
    let value = if dated.is_empty() { 1.0 } else { 1.0 - late as f64 / dated.len() as f64 };
    let why = format!(
        "{reached} of {} reached; {late} of {} with a date late or behind",
        counted(milestones.len(), "milestone"),
        dated.len()
    );
    Some(Part { name: "milestones", weight: 10, value: Some(value), why })
}

fn is_late(milestone: &Progress) -> bool {
    matches!(milestone.standing, Standing::Overdue { .. } | Standing::Behind { .. })
}

fn unreadable(why: &str) -> Finding {
    Finding::new(
        "health/plan-unreadable",
        Severity::Medium,
        PLAN_PATH,
        format!("{PLAN_PATH} cannot be read"),
        format!("{PLAN_PATH}: {why}"),
        format!("Make {PLAN_PATH} a plain UTF-8 file that everyone may read."),
        vec![Evidence::file(PLAN_PATH, None, why)],
    )
}

fn invalid(mistakes: &[Mistake]) -> Option<Finding> {
    let first = mistakes.first()?;
    let place = |mistake: &Mistake| format!("{PLAN_PATH}:{}:{}", mistake.line, mistake.column);
    Some(Finding::new(
        "health/plan-invalid",
        Severity::Medium,
        PLAN_PATH,
        format!("{PLAN_PATH} has {}", counted(mistakes.len(), "mistake")),
        format!("{}: {}", place(first), first.what),
        format!("Mend {}; docs/plan.md has the format.", place(first)),
        mistakes
            .iter()
            .map(|mistake| {
                let text = format!("{}: {}", place(mistake), mistake.what);
                Evidence::file(PLAN_PATH, Some(mistake.line), text)
            })
            .collect(),
    ))
}

fn contradiction(flaw: &Flaw, line: &dyn Fn(&str) -> Option<u32>) -> Finding {
    let (rule, target, title, action) = match flaw {
        Flaw::Cycle(names) => (
            "health/plan-cycle",
            names.join(" → "),
            format!("The plan waits for itself: {}", names.join(" → ")),
            format!(
                "Take one of the dependencies away, such as that of {} on {}.",
                names[0], names[1]
            ),
        ),
        Flaw::DueBeforeDependency { id, on } => (
            "health/plan-dates",
            id.clone(),
            format!("Milestone {id} is due before {on}, which it waits for"),
            format!("Move the date of {id} behind that of {on}, or drop the dependency."),
        ),
    };
    let first = match flaw {
        Flaw::Cycle(names) => &names[0],
        Flaw::DueBeforeDependency { id, .. } => id,
    };
    let evidence = vec![Evidence::file(PLAN_PATH, line(first), title.clone())];
    let detail = "No order of work can meet the plan as it stands.";
    Finding::new(rule, Severity::Medium, &target, title, detail, action, evidence)
}

fn late(milestone: &Progress, today: i64, line: &dyn Fn(&str) -> Option<u32>) -> Option<Finding> {
    let due = milestone.due?;
    let done = format!("{} of {} done", milestone.tasks_done, counted(milestone.tasks, "task"));
    let (rule, severity, title) = match milestone.standing {
        Standing::Overdue { days } => (
            "health/milestone-overdue",
            if days > LONG_OVERDUE_DAYS { Severity::High } else { Severity::Medium },
            format!("Milestone {} is {} overdue", milestone.id, counted(days as usize, "day")),
        ),
        Standing::Behind { time_used } => (
            "health/milestone-behind",
            if due - today <= CLOSE_DAYS { Severity::Medium } else { Severity::Low },
            format!(
                "Milestone {} has used {:.0} % of its time for {:.0} % of its work",
                milestone.id,
                time_used * 100.0,
                milestone.done * 100.0
            ),
        ),
        Standing::Reached | Standing::Waiting { .. } | Standing::OnTrack | Standing::Undated => {
            return None;
        }
    };
    Some(Finding::new(
        rule,
        severity,
        &milestone.id,
        title,
        format!("{}: {done}, due {}.", milestone.title, date_text(due)),
        format!(
            "Move tasks out of {} or move its date, and write either into the plan.",
            milestone.id
        ),
        vec![
            Evidence::file(PLAN_PATH, line(&milestone.id), format!("milestone {}", milestone.id)),
            Evidence::number((milestone.done * 100.0).round(), "per cent of the work done"),
        ],
    ))
}
