//! Are the plan's milestones on time, and can the plan work at all?

use std::collections::BTreeSet;

use onboard_analysis::calendar::{date_text, day_of, start_of};
use onboard_analysis::milestone::{
    Flaw, Plan, Progress, Standing, TaskState, chance_of_missing, flaws, progress,
};
use onboard_analysis::score::Part;
use onboard_domain::Time;
use onboard_text::counted;
use serde::{Deserialize, Serialize};

use super::{Facts, RepositoryFacts};
use crate::host::forecast::{Decider, Estimate, Forecast, Outcome};
use crate::host::{Evidence, Finding, Fingerprint, Severity};
use crate::manual::{Bound, Rule};
use crate::plan::{Mistake, PLAN_PATH, PlanReading};

/// `health/plan-unreadable`
pub const PLAN_UNREADABLE: Rule = Rule {
    id: "health/plan-unreadable",
    says: "that the plan's file can't be read.",
    why: "Milestones are judged by it; what can't be read is not watched.",
    when: &[Bound::that("the file is there and can't be read as UTF-8", "a fact, not a judgement")],
    silence: "make it a plain file that everyone may read, or delete it.",
};

/// `health/plan-invalid`
pub const PLAN_INVALID: Rule = Rule {
    id: "health/plan-invalid",
    says: "which lines of the plan say something that the format does not know.",
    why: "What is not understood is left out, so a milestone may go unwatched.",
    when: &[Bound::that("a field, a date or a name is wrong", "the format is in docs/plan.md")],
    silence: "mend the line that is named.",
};

/// `health/plan-cycle`
pub const PLAN_CYCLE: Rule = Rule {
    id: "health/plan-cycle",
    says: "which milestones wait for each other in a circle.",
    why: "No order of work can meet such a plan.",
    when: &[Bound::that("`depends_on` leads back to where it began", "a fact, not a judgement")],
    silence: "take one of the dependencies away.",
};

/// `health/plan-dates`
pub const PLAN_DATES: Rule = Rule {
    id: "health/plan-dates",
    says: "which milestone is due before one that it waits for.",
    why: "One of the two dates will not be met; it is known today which.",
    when: &[Bound::that(
        "a milestone's date is before that of one in its `depends_on`",
        "a fact, not a judgement",
    )],
    silence: "move one of the dates, or drop the dependency.",
};

/// `health/milestone-overdue`
pub const MILESTONE_OVERDUE: Rule = Rule {
    id: "health/milestone-overdue",
    says: "which milestone's date has passed with work left.",
    why: "A date that has passed and is not moved is believed by nobody, and neither are the others.",
    when: &[
        Bound::that("its date has passed and a task is open", "a fact, not a judgement"),
        Bound::at(
            "it is grave after {} days",
            LONG_OVERDUE_DAYS as f64,
            "judgement: then no longer a slip",
        ),
    ],
    silence: "finish it, or move its date or its tasks in the plan.",
};

/// `health/milestone-behind`
pub const MILESTONE_BEHIND: Rule = Rule {
    id: "health/milestone-behind",
    says: "which milestone has used more of its time than of its work.",
    why: "Scope can be moved while there is time left, and hardly on the last day.",
    when: &[
        Bound::at(
            "the share of its time that is over exceeds the share of its work that is done by {} points",
            onboard_analysis::milestone::TOLERATED_LAG * 100.0,
            "judgement: work is rarely even",
        ),
        Bound::that(
            "without a `start`, its last two weeks are looked at, as if all of it had to be done in these",
            "when it began isn't known, so nothing is said of its pace",
        ),
        Bound::at(
            "it is urgent {} days before its date",
            CLOSE_DAYS as f64,
            "judgement: the last moment to decide",
        ),
    ],
    silence: "finish tasks, or move them or the date in the plan.",
};

/// Overdue longer than this, a date is no longer believed by anyone.
const LONG_OVERDUE_DAYS: i64 = 14;
/// A milestone this close and behind needs a decision now.
const CLOSE_DAYS: i64 = 14;

/// A milestone that was said to be behind, until it is known whether it was missed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Awaited {
    pub fingerprint: Fingerprint,
    pub milestone: String,
    /// The day that it was due on when that was said.
    pub due: i64,
}

/// What the plan says.
#[derive(Default)]
pub struct PlanVerdict {
    pub part: Option<Part>,
    pub findings: Vec<Finding>,
    pub milestones: Vec<Progress>,
    pub doing: Vec<String>,
}

pub fn judge(facts: &Facts) -> PlanVerdict {
    let (plan, mistakes) = match &facts.plan {
        PlanReading::Absent => return PlanVerdict::default(),
        PlanReading::Unreadable(why) => {
            return PlanVerdict { findings: vec![unreadable(why)], ..PlanVerdict::default() };
        }
        PlanReading::Read { plan, mistakes, .. } => (plan, mistakes),
    };
    let today = day_of(facts.now_ms);
    let milestones = progress(plan, &tags(facts), today);
    let mut findings: Vec<Finding> = invalid(mistakes).into_iter().collect();
    findings.extend(flaws(plan).iter().map(|flaw| contradiction(flaw, &facts.plan)));
    findings.extend(milestones.iter().filter_map(|milestone| late(milestone, today, &facts.plan)));
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
        counted(milestones.len(), "milestone", "milestones"),
        dated.len()
    );
    Some(Part { name: "milestones", weight: 10, value: Some(value), why })
}

fn is_late(milestone: &Progress) -> bool {
    matches!(milestone.standing, Standing::Overdue { .. } | Standing::Behind { .. })
}

fn unreadable(why: &str) -> Finding {
    Finding::new(
        PLAN_UNREADABLE.id,
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
        PLAN_INVALID.id,
        Severity::Medium,
        PLAN_PATH,
        format!("{PLAN_PATH} has {}", counted(mistakes.len(), "mistake", "mistakes")),
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

fn contradiction(flaw: &Flaw, plan: &PlanReading) -> Finding {
    let (rule, target, title, action) = match flaw {
        Flaw::Cycle(names) => (
            PLAN_CYCLE.id,
            names.join(" → "),
            format!("The plan waits for itself: {}", names.join(" → ")),
            format!(
                "Take one of the dependencies away, such as that of {} on {}.",
                names[0], names[1]
            ),
        ),
        Flaw::DueBeforeDependency { id, on } => (
            PLAN_DATES.id,
            id.clone(),
            format!("Milestone {id} is due before {on}, which it waits for"),
            format!("Move the date of {id} behind that of {on}, or drop the dependency."),
        ),
    };
    let first = match flaw {
        Flaw::Cycle(names) => &names[0],
        Flaw::DueBeforeDependency { id, .. } => id,
    };
    let evidence = vec![plan.evidence(first, title.clone())];
    let detail = "No order of work can meet the plan as it stands.";
    Finding::new(rule, Severity::Medium, &target, title, detail, action, evidence)
}

fn late(milestone: &Progress, today: i64, plan: &PlanReading) -> Option<Finding> {
    let due = milestone.due?;
    let done =
        format!("{} of {} done", milestone.tasks_done, counted(milestone.tasks, "task", "tasks"));
    let (rule, severity, title) = match milestone.standing {
        Standing::Overdue { days } => (
            MILESTONE_OVERDUE.id,
            if days > LONG_OVERDUE_DAYS { Severity::High } else { Severity::Medium },
            format!(
                "Milestone {} is {} overdue",
                milestone.id,
                counted(days as usize, "day", "days")
            ),
        ),
        Standing::Behind { time_used } => (
            MILESTONE_BEHIND.id,
            if due - today <= CLOSE_DAYS { Severity::Medium } else { Severity::Low },
            match time_used {
                Some(used) => format!(
                    "Milestone {} has used {:.0} % of its time for {:.0} % of its work",
                    milestone.id,
                    used * 100.0,
                    milestone.done * 100.0
                ),
                None => format!(
                    "Milestone {} is due in {} with {:.0} % of its work done",
                    milestone.id,
                    counted((due - today) as usize, "day", "days"),
                    milestone.done * 100.0
                ),
            },
        ),
        Standing::Reached | Standing::Waiting { .. } | Standing::OnTrack | Standing::Undated => {
            return None;
        }
    };
    let finding = Finding::new(
        rule,
        severity,
        &milestone.id,
        title,
        format!("{}: {done}, due {}.", milestone.title, date_text(due)),
        match plan.at_forge(&milestone.id) {
            Some(at) => {
                format!("Move issues out of {} or move its date, in {}.", milestone.id, at.source)
            }
            None => format!(
                "Move tasks out of {} or move its date, and write either into the plan.",
                milestone.id
            ),
        },
        vec![
            plan.evidence(&milestone.id, format!("milestone {}", milestone.id)),
            Evidence::number((milestone.done * 100.0).round(), "per cent of the work done"),
        ],
    );
    Some(match milestone.standing {
        Standing::Behind { time_used: Some(used) } => {
            finding.expecting(missed(milestone, due, used))
        }
        // Without a start its pace is not known.
        _ => finding,
    })
}

/// That a milestone which is behind is not reached by its date, at its pace so far.
fn missed(milestone: &Progress, due: i64, time_used: f64) -> Forecast {
    let open = milestone.tasks.saturating_sub(milestone.tasks_done);
    Forecast {
        expects: format!("{} is not reached by {}", milestone.id, date_text(due)),
        estimate: Estimate::Chance(chance_of_missing(milestone.tasks_done, open, time_used)),
        resolve_by: Time(start_of(due + 1)),
        decided_by: Decider::Agent,
    }
}

/// What came of milestones that were said to be behind, of which it is known now.
pub fn settled(
    awaited: &[Awaited],
    milestones: &[Progress],
    today: i64,
) -> Vec<(Fingerprint, Option<Outcome>)> {
    let of = |awaited: &Awaited| {
        let same = |one: &&Progress| one.id == awaited.milestone && one.due == Some(awaited.due);
        match milestones.iter().find(same) {
            // Its date was moved, or it was dropped.
            None => Some(Outcome::Void),
            Some(_) if today > awaited.due => {
                Some(Outcome::Came { at: Some(Time(start_of(awaited.due + 1))) })
            }
            Some(one) if one.standing == Standing::Reached => Some(Outcome::DidNotCome),
            Some(_) => None,
        }
    };
    awaited.iter().map(|awaited| (awaited.fingerprint.clone(), of(awaited))).collect()
}
