//! A project's plan: `.ai_onboard/plan.yaml`, from text to a plan, with the place of everything that is
//! wrong; and what a forge's milestones add to it.

pub mod forge;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use onboard_analysis::calendar::{Day, parse_date};
use onboard_analysis::milestone::{Milestone, Plan, Task, TaskState};
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::host::Evidence;
use forge::AtForge;

/// Where a plan lives in its project.
pub const PLAN_PATH: &str = ".ai_onboard/plan.yaml";
/// A plan is written by people; a larger one is something else.
const LARGEST_PLAN: u64 = 1024 * 1024;
/// Milestones and tasks read at most: more are no plan anyone follows.
const MOST_MILESTONES: usize = 200;
const MOST_TASKS: usize = 5_000;

/// Something wrong in the plan, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// 1-based.
    pub line: u32,
    pub column: u32,
    pub what: String,
}

/// What became of the plan's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum PlanReading {
    #[default]
    Absent,
    /// It is there and cannot be read.
    Unreadable(String),
    Read {
        plan: Plan,
        /// The line each milestone starts on.
        lines: BTreeMap<String, u32>,
        mistakes: Vec<Mistake>,
        /// Milestones that the file does not have.
        at_forge: BTreeMap<String, AtForge>,
    },
}

impl PlanReading {
    /// The plan, as far as it can be used.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Absent | Self::Unreadable(_) => None,
            Self::Read { plan, .. } => Some(plan),
        }
    }

    /// Where a milestone is kept, if not in the file.
    pub fn at_forge(&self, id: &str) -> Option<&AtForge> {
        match self {
            Self::Absent | Self::Unreadable(_) => None,
            Self::Read { at_forge, .. } => at_forge.get(id),
        }
    }

    /// Where a milestone or task stands, with words on it.
    pub fn evidence(&self, id: &str, text: impl Into<String>) -> Evidence {
        if let Some(at) = self.at_forge(id) {
            let text = format!("{}: the milestone's number in {}", text.into(), at.source);
            return Evidence::number(at.number as f64, text);
        }
        let line = match self {
            Self::Absent | Self::Unreadable(_) => None,
            Self::Read { lines, .. } => lines.get(id).copied(),
        };
        Evidence::file(PLAN_PATH, line, text)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    version: Spanned<u32>,
    #[serde(default)]
    milestones: Vec<RawMilestone>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMilestone {
    id: Spanned<String>,
    title: Option<String>,
    start: Option<Spanned<String>>,
    due: Option<Spanned<String>>,
    tag: Option<String>,
    #[serde(default)]
    depends_on: Vec<Spanned<String>>,
    #[serde(default)]
    tasks: Vec<RawTask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTask {
    id: Spanned<String>,
    title: Option<String>,
    #[serde(default)]
    state: RawState,
    weight: Option<Spanned<f64>>,
    #[serde(default)]
    depends_on: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawState {
    #[default]
    Todo,
    Doing,
    Done,
    Dropped,
}

/// The plan in a project's work tree.
pub fn of_work_tree(root: &Path) -> PlanReading {
    match File::open(root.join(PLAN_PATH)) {
        Ok(file) => read_bounded(file).map_or_else(PlanReading::Unreadable, |text| read(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => PlanReading::Absent,
        Err(error) => PlanReading::Unreadable(error.to_string()),
    }
}

fn read_bounded(file: File) -> Result<String, String> {
    let mut text = String::new();
    let read = file.take(LARGEST_PLAN + 1).read_to_string(&mut text);
    match read.map_err(|error| error.to_string())? {
        size if size as u64 > LARGEST_PLAN => Err(format!("larger than {LARGEST_PLAN} bytes")),
        _ => Ok(text),
    }
}

/// Reads a plan. A text that is not YAML or has another shape yields one mistake and no plan; a
/// well-formed one with mistakes in it is used as far as it goes.
pub fn read(text: &str) -> PlanReading {
    match serde_saphyr::from_str::<RawPlan>(text) {
        Ok(raw) => Reader::default().read(raw),
        Err(error) => {
            let place = error.location();
            let what = error.without_snippet().to_string();
            let mistake = Mistake {
                line: place.map_or(1, |place| u32::try_from(place.line()).unwrap_or(1)),
                column: place.map_or(1, |place| u32::try_from(place.column()).unwrap_or(1)),
                what: without_place(&what),
            };
            PlanReading::Read {
                plan: Plan::default(),
                lines: BTreeMap::new(),
                mistakes: vec![mistake],
                at_forge: BTreeMap::new(),
            }
        }
    }
}

/// The place is told apart from the text; it need not be in both.
pub fn without_place(what: &str) -> String {
    let first = what.lines().next().unwrap_or(what);
    first.split(" at line ").next().unwrap_or(first).trim_end_matches('.').to_owned()
}

#[derive(Default)]
struct Reader {
    lines: BTreeMap<String, u32>,
    mistakes: Vec<Mistake>,
    tasks: usize,
}

impl Reader {
    fn read(mut self, raw: RawPlan) -> PlanReading {
        if raw.version.value != 1 {
            let what = format!("version {} is unknown; write `version: 1`", raw.version.value);
            self.mistake(&raw.version, what);
        }
        let milestone_ids = self.ids(raw.milestones.iter().map(|milestone| &milestone.id));
        let all_tasks = raw.milestones.iter().flat_map(|milestone| &milestone.tasks);
        let task_ids = self.ids(all_tasks.map(|task| &task.id));
        let milestones: Vec<Milestone> = raw
            .milestones
            .into_iter()
            .take(MOST_MILESTONES)
            .map(|raw| self.milestone(raw, &milestone_ids, &task_ids))
            .collect();
        self.mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        PlanReading::Read {
            plan: Plan { milestones },
            lines: self.lines,
            mistakes: self.mistakes,
            at_forge: BTreeMap::new(),
        }
    }

    /// All names of one kind, each once.
    fn ids<'a>(&mut self, ids: impl Iterator<Item = &'a Spanned<String>>) -> BTreeSet<String> {
        let mut known = BTreeSet::new();
        for id in ids {
            if !known.insert(id.value.clone()) {
                self.mistake(id, format!("the id `{}` is used twice; give each its own", id.value));
            }
        }
        known
    }

    fn milestone(
        &mut self,
        raw: RawMilestone,
        milestones: &BTreeSet<String>,
        tasks: &BTreeSet<String>,
    ) -> Milestone {
        self.lines.entry(raw.id.value.clone()).or_insert_with(|| line_of(&raw.id));
        let start = raw.start.as_ref().and_then(|date| self.date(date));
        let due = raw.due.as_ref().and_then(|date| self.date(date));
        if let (Some(first), Some(last), Some(place)) = (start, due, &raw.due)
            && last < first
        {
            self.mistake(place, "`due` is before `start`; swap them".to_owned());
        }
        let room = MOST_TASKS.saturating_sub(self.tasks);
        self.tasks += raw.tasks.len().min(room);
        Milestone {
            title: raw.title.unwrap_or_else(|| raw.id.value.clone()),
            start,
            due,
            tag: raw.tag,
            depends_on: self.known(raw.depends_on, milestones, "milestone"),
            tasks: raw.tasks.into_iter().take(room).map(|task| self.task(task, tasks)).collect(),
            id: raw.id.value,
        }
    }

    fn task(&mut self, raw: RawTask, tasks: &BTreeSet<String>) -> Task {
        let weight = match &raw.weight {
            Some(weight) if weight.value.is_finite() && weight.value > 0.0 => weight.value,
            Some(weight) => {
                self.mistake(weight, "`weight` is above zero; leave it out for 1".to_owned());
                1.0
            }
            None => 1.0,
        };
        Task {
            title: raw.title.unwrap_or_else(|| raw.id.value.clone()),
            state: match raw.state {
                RawState::Todo => TaskState::Todo,
                RawState::Doing => TaskState::Doing,
                RawState::Done => TaskState::Done,
                RawState::Dropped => TaskState::Dropped,
            },
            weight,
            depends_on: self.known(raw.depends_on, tasks, "task"),
            id: raw.id.value,
        }
    }

    fn known(
        &mut self,
        names: Vec<Spanned<String>>,
        known: &BTreeSet<String>,
        kind: &str,
    ) -> Vec<String> {
        let mut kept = Vec::new();
        for name in names {
            if known.contains(&name.value) {
                kept.push(name.value);
            } else {
                let list: Vec<&str> = known.iter().take(8).map(String::as_str).collect();
                let what =
                    format!("there is no {kind} `{}`; known: {}", name.value, list.join(", "));
                self.mistake(&name, what);
            }
        }
        kept
    }

    fn date(&mut self, text: &Spanned<String>) -> Option<Day> {
        let day = parse_date(&text.value);
        if day.is_none() {
            let what = format!("`{}` is no date; write YYYY-MM-DD", text.value);
            self.mistake(text, what);
        }
        day
    }

    fn mistake<T>(&mut self, place: &Spanned<T>, what: String) {
        let column = u32::try_from(place.referenced.column()).unwrap_or(1);
        self.mistakes.push(Mistake { line: line_of(place), column, what });
    }
}

fn line_of<T>(place: &Spanned<T>) -> u32 {
    u32::try_from(place.referenced.line()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let PlanReading::Read { plan, mistakes, .. } = read(text) else {
            return expected.assert_eq("absent");
        };
        let mut lines: Vec<String> = plan
            .milestones
            .iter()
            .map(|milestone| {
                let states: Vec<String> =
                    milestone.tasks.iter().map(|task| format!("{:?}", task.state)).collect();
                let line =
                    format!("{} due {:?}: {}", milestone.id, milestone.due, states.join(" "));
                line.trim_end().to_owned()
            })
            .collect();
        let place =
            |mistake: &Mistake| format!("{}:{}: {}", mistake.line, mistake.column, mistake.what);
        lines.extend(mistakes.iter().map(place));
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_plan_is_read() {
        check(
            "version: 1\nmilestones:\n  - id: beta\n    due: 2026-12-01\n    tasks:\n      - id: a\n        state: done\n      - {id: b, weight: 2}\n",
            expect!["beta due Some(20788): Done Todo"],
        );
    }

    #[test]
    fn mistakes_have_a_place_and_a_mend() {
        check(
            "version: 1\nmilestones:\n  - id: beta\n    deu: 2026-12-01\n",
            expect![
                "4:5: unknown field `deu`, expected one of id, title, start, due, tag, depends_on, tasks"
            ],
        );
        check(
            "version: 1\nmilestones:\n  - id: beta\n    tasks:\n      - id: a\n        state: finished\n",
            expect!["6:16: unknown variant `finished`, expected one of todo, doing, done, dropped"],
        );
        check("version: 1\nmilestones: [\n", expect!["2:13: unclosed bracket '['"]);
        check("milestones: []\n", expect!["1:1: missing field `version`"]);
        check("", expect!["1:1: unexpected end of input"]);
        check(
            "version: 2\nmilestones:\n  - id: a\n    start: 2026-02-01\n    due: 2026-01-01\n    depends_on: [b]\n  - id: a\n    due: 2026-02-30\n    tasks:\n      - id: t\n        weight: -1\n",
            expect![[r#"
                a due Some(20454):
                a due None: Todo
                1:10: version 2 is unknown; write `version: 1`
                5:10: `due` is before `start`; swap them
                6:18: there is no milestone `b`; known: a
                7:9: the id `a` is used twice; give each its own
                8:10: `2026-02-30` is no date; write YYYY-MM-DD
                11:17: `weight` is above zero; leave it out for 1"#]],
        );
    }
}
