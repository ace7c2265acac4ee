//! The plan that a forge's milestones make: as one agent shares it, and joined to the project's file.

use std::collections::BTreeMap;
use std::fs;

use onboard_analysis::calendar::parse_date;
use onboard_analysis::milestone::{Milestone, Plan, Task, TaskState};
use serde::{Deserialize, Serialize};

use super::{MOST_MILESTONES, MOST_TASKS, PlanReading};
use crate::external_tool_integration;
use crate::host;

/// The checkpoint that it is shared as.
pub const SHARED_AS: &str = "plan";
const VERSION: u32 = 1;

/// Milestones of a forge, as they are shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub schema_version: u32,
    /// Where they are, such as `octo/loom at github.com`.
    pub source: String,
    pub milestones: Vec<SharedMilestone>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedMilestone {
    /// Its title, or more where another has the same.
    pub id: String,
    /// As the forge counts.
    pub number: u64,
    /// `YYYY-MM-DD`.
    pub start: Option<String>,
    pub due: Option<String>,
    pub tasks: Vec<SharedTask>,
}

/// An issue, a pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedTask {
    /// `#7`, and `!7` for a merge request.
    pub id: String,
    pub title: String,
    pub state: SharedState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedState {
    Todo,
    Doing,
    Done,
    Dropped,
}

/// A milestone's place at its forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtForge {
    pub source: String,
    pub number: u64,
}

impl Shared {
    /// These milestones, as many as a plan may have.
    pub fn of(source: String, mut milestones: Vec<SharedMilestone>) -> Shared {
        milestones.truncate(MOST_MILESTONES);
        let mut room = MOST_TASKS;
        for milestone in &mut milestones {
            milestone.tasks.truncate(room);
            room -= milestone.tasks.len();
        }
        Shared { schema_version: VERSION, source, milestones }
    }
}

/// The plan with what a forge's milestones add to it, where a run has such facts. One milestone is the
/// file's and the forge's when its id or title there is the title here: then the file says when, and the
/// forge's tasks join the file's.
pub fn join(reading: PlanReading, task: &host::Task) -> PlanReading {
    match shared(task).filter(|shared| !shared.milestones.is_empty()) {
        Some(shared) => joined(reading, shared),
        None => reading,
    }
}

fn shared(task: &host::Task) -> Option<Shared> {
    let place = task.facts.get(external_tool_integration::NAME)?.get(SHARED_AS)?;
    let shared: Shared = serde_json::from_str(&fs::read_to_string(place).ok()?).ok()?;
    (shared.schema_version == VERSION).then_some(shared)
}

fn joined(reading: PlanReading, shared: Shared) -> PlanReading {
    let (mut plan, lines, mistakes) = match reading {
        // What is wrong with the file is said first.
        PlanReading::Unreadable(why) => return PlanReading::Unreadable(why),
        PlanReading::Absent => (Plan::default(), BTreeMap::new(), Vec::new()),
        PlanReading::Read { plan, lines, mistakes, .. } => (plan, lines, mistakes),
    };
    let mut at_forge = BTreeMap::new();
    for milestone in shared.milestones {
        let same = |known: &&mut Milestone| {
            let is = |text: &str| text.trim().eq_ignore_ascii_case(milestone.id.trim());
            is(&known.id) || is(&known.title)
        };
        let number = milestone.number;
        let place = || AtForge { source: shared.source.clone(), number };
        if let Some(known) = plan.milestones.iter_mut().find(same) {
            add(known, milestone);
        } else if plan.milestones.len() < MOST_MILESTONES {
            at_forge.insert(milestone.id.clone(), place());
            plan.milestones.push(own(milestone));
        }
    }
    let mut room = MOST_TASKS;
    for milestone in &mut plan.milestones {
        milestone.tasks.truncate(room);
        room -= milestone.tasks.len();
    }
    PlanReading::Read { plan, lines, mistakes, at_forge }
}

fn add(known: &mut Milestone, milestone: SharedMilestone) {
    let new = own(milestone);
    known.start = known.start.or(new.start);
    known.due = known.due.or(new.due);
    for task in new.tasks {
        if known.tasks.iter().all(|other| other.id != task.id) {
            known.tasks.push(task);
        }
    }
}

fn own(milestone: SharedMilestone) -> Milestone {
    let day = |text: Option<String>| text.as_deref().and_then(parse_date);
    let task = |task: SharedTask| Task {
        id: task.id,
        title: task.title,
        state: match task.state {
            SharedState::Todo => TaskState::Todo,
            SharedState::Doing => TaskState::Doing,
            SharedState::Done => TaskState::Done,
            SharedState::Dropped => TaskState::Dropped,
        },
        weight: 1.0,
        depends_on: Vec::new(),
    };
    Milestone {
        title: milestone.id.clone(),
        id: milestone.id,
        start: day(milestone.start),
        due: day(milestone.due),
        tag: None,
        depends_on: Vec::new(),
        tasks: milestone.tasks.into_iter().map(task).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use expect_test::{Expect, expect};

    fn task(id: &str, state: SharedState) -> SharedTask {
        SharedTask { id: id.into(), title: "t".into(), state }
    }

    fn check(file: PlanReading, expected: Expect) {
        let milestone = |id: &str, number, due: &str, tasks: Vec<SharedTask>| SharedMilestone {
            id: id.into(),
            number,
            start: None,
            due: Some(due.into()),
            tasks,
        };
        let milestones = vec![
            milestone("Beta", 7, "2026-12-01", vec![task("#1", SharedState::Done)]),
            milestone(
                "v1.0",
                8,
                "2027-02-01",
                vec![task("#2", SharedState::Doing), task("!2", SharedState::Dropped)],
            ),
        ];
        let shared = Shared::of("octo/loom at github.com".into(), milestones);
        let text = match joined(file, shared) {
            PlanReading::Absent => "absent".into(),
            PlanReading::Unreadable(why) => format!("unreadable: {why}"),
            PlanReading::Read { plan, at_forge, mistakes, .. } => {
                let line = |m: &Milestone| {
                    let place =
                        at_forge.get(&m.id).map(|at| format!(" ({} {})", at.source, at.number));
                    let tasks: Vec<String> = m
                        .tasks
                        .iter()
                        .map(|task| format!("{} {:?}", task.id, task.state))
                        .collect();
                    let due = m.due.map(onboard_analysis::calendar::date_text);
                    format!(
                        "{}{}: {due:?}, {}\n",
                        m.id,
                        place.unwrap_or_default(),
                        tasks.join(", ")
                    )
                };
                let milestones: String = plan.milestones.iter().map(line).collect();
                format!("{milestones}{} mistakes", mistakes.len())
            }
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_forges_milestones_join_the_files() {
        check(
            PlanReading::Absent,
            expect![[r#"
            Beta (octo/loom at github.com 7): Some("2026-12-01"), #1 Done
            v1.0 (octo/loom at github.com 8): Some("2027-02-01"), #2 Doing, !2 Dropped
            0 mistakes"#]],
        );
        check(
            read(
                "version: 1\nmilestones:\n  - id: b\n    title: beta\n    tasks: [{id: x}, {id: '#1'}]\n  - id: V1.0\n    due: 2027-01-01\n",
            ),
            expect![[r#"
                b: Some("2026-12-01"), x Todo, #1 Todo
                V1.0: Some("2027-01-01"), #2 Doing, !2 Dropped
                0 mistakes"#]],
        );
        check(
            PlanReading::Unreadable("it is a folder".into()),
            expect!["unreadable: it is a folder"],
        );
        check(
            read("milestones: 1"),
            expect![[r#"
            Beta (octo/loom at github.com 7): Some("2026-12-01"), #1 Done
            v1.0 (octo/loom at github.com 8): Some("2027-02-01"), #2 Doing, !2 Dropped
            1 mistakes"#]],
        );
    }
}
