//! Milestones of a plan: how far each is, whether it will be late, and whether the plan can work
//! at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Day;

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    Todo,
    Doing,
    Done,
    /// Given up; it counts neither as work nor as progress.
    Dropped,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub id: String,
    pub title: String,
    pub state: TaskState,
    /// Share of the milestone's work relative to its other tasks.
    pub weight: f64,
    pub depends_on: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Milestone {
    pub id: String,
    pub title: String,
    pub start: Option<Day>,
    pub due: Option<Day>,
    /// The milestone is reached once this tag exists, whatever its tasks say.
    pub tag: Option<String>,
    pub depends_on: Vec<String>,
    pub tasks: Vec<Task>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub milestones: Vec<Milestone>,
}

/// How a milestone stands against its dates.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    Reached,
    Overdue {
        days: i64,
    },
    /// Progress lags the time used by more than the tolerance; of a milestone without a start, which
    /// has used nobody knows how much, what its last two weeks leave.
    Behind {
        time_used: Option<f64>,
    },
    /// Waits for a milestone that is not reached.
    Waiting {
        on: String,
    },
    OnTrack,
    /// No date to judge by.
    Undated,
}

/// One milestone, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub id: String,
    pub title: String,
    /// Done work over all work, 0 to 1.
    pub done: f64,
    pub tasks_done: usize,
    pub tasks: usize,
    pub due: Option<Day>,
    pub standing: Standing,
}

/// Progress may lag the time used by this much before it is worth a word: work is rarely even.
pub const TOLERATED_LAG: f64 = 0.25;
/// A milestone without a start is judged in its last two weeks only, as if all of it had to be done in
/// these.
const LAST_DAYS: i64 = 14;

/// The chance that a milestone is not reached by its date, at the pace of its tasks so far: `done` of
/// them in a share `used` of its time, `open` to go in the rest.
///
/// Tasks get done at a rate that the done ones are evidence of (a Poisson process with Jeffreys' prior
/// of half a task), so how many more get done is negative binomial; the milestone is missed where they
/// are fewer than `open`. Gelman et al., "Bayesian data analysis", 2nd edition (2003), section 2.7.
pub fn chance_of_missing(done: usize, open: usize, used: f64) -> f64 {
    if open == 0 {
        return 0.0;
    }
    if used >= 1.0 {
        return 1.0;
    }
    let (shape, used) = (done as f64 + 0.5, used.max(1e-6));
    // In logarithms, since the first term of many tasks is too small for a number.
    let mut term = shape * used.ln();
    let mut fewer = 0.0;
    for count in 0..open {
        fewer += term.exp();
        term += ((shape + count as f64) / (count as f64 + 1.0) * (1.0 - used)).ln();
    }
    fewer.min(1.0)
}

/// Measures every milestone on `today`, given the tags that exist.
pub fn progress(plan: &Plan, tags: &BTreeSet<&str>, today: Day) -> Vec<Progress> {
    let reached: BTreeSet<&str> = plan
        .milestones
        .iter()
        .filter(|milestone| is_reached(milestone, tags))
        .map(|milestone| milestone.id.as_str())
        .collect();
    plan.milestones.iter().map(|milestone| measure(milestone, &reached, today)).collect()
}

fn is_reached(milestone: &Milestone, tags: &BTreeSet<&str>) -> bool {
    let tagged = milestone.tag.as_deref().is_some_and(|tag| tags.contains(tag));
    let open = |task: &&Task| !matches!(task.state, TaskState::Done | TaskState::Dropped);
    let any_done = milestone.tasks.iter().any(|task| task.state == TaskState::Done);
    tagged || (milestone.tag.is_none() && any_done && milestone.tasks.iter().find(open).is_none())
}

fn measure(milestone: &Milestone, reached: &BTreeSet<&str>, today: Day) -> Progress {
    let counted = || milestone.tasks.iter().filter(|task| task.state != TaskState::Dropped);
    let done = || counted().filter(|task| task.state == TaskState::Done);
    let weight =
        |tasks: &mut dyn Iterator<Item = &Task>| tasks.fold(0.0, |sum, task| sum + task.weight);
    let all = weight(&mut counted());
    let is_reached = reached.contains(milestone.id.as_str());
    let share = if all > 0.0 { weight(&mut done()) / all } else { 0.0 };
    let share = if is_reached { 1.0 } else { share };
    Progress {
        id: milestone.id.clone(),
        title: milestone.title.clone(),
        done: share,
        tasks_done: done().count(),
        tasks: counted().count(),
        due: milestone.due,
        standing: standing(milestone, is_reached, share, reached, today),
    }
}

fn standing(
    milestone: &Milestone,
    is_reached: bool,
    done: f64,
    reached: &BTreeSet<&str>,
    today: Day,
) -> Standing {
    if is_reached {
        return Standing::Reached;
    }
    let waits_on = milestone.depends_on.iter().find(|id| !reached.contains(id.as_str()));
    let Some(due) = milestone.due else {
        return waits_on.map_or(Standing::Undated, |on| Standing::Waiting { on: on.clone() });
    };
    if today > due {
        return Standing::Overdue { days: today - due };
    }
    let start = milestone.start.unwrap_or(due - LAST_DAYS);
    let length = (due - start).max(1) as f64;
    let time_used = ((today - start) as f64 / length).clamp(0.0, 1.0);
    if time_used - done > TOLERATED_LAG {
        return Standing::Behind { time_used: milestone.start.map(|_| time_used) };
    }
    waits_on.map_or(Standing::OnTrack, |on| Standing::Waiting { on: on.clone() })
}

/// A contradiction in a plan that is otherwise well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Milestones or tasks that wait for one another, in the order they do.
    Cycle(Vec<String>),
    /// `id` is due before `on`, which it waits for.
    DueBeforeDependency { id: String, on: String },
}

/// Contradictions among milestones and among the tasks of the whole plan.
pub fn flaws(plan: &Plan) -> Vec<Flaw> {
    let milestones: BTreeMap<&str, &[String]> = plan
        .milestones
        .iter()
        .map(|milestone| (milestone.id.as_str(), milestone.depends_on.as_slice()))
        .collect();
    let tasks: BTreeMap<&str, &[String]> = plan
        .milestones
        .iter()
        .flat_map(|milestone| &milestone.tasks)
        .map(|task| (task.id.as_str(), task.depends_on.as_slice()))
        .collect();
    let cycles = [cycle(&milestones), cycle(&tasks)].into_iter().flatten().map(Flaw::Cycle);
    cycles.chain(impossible_dates(plan)).collect()
}

fn impossible_dates(plan: &Plan) -> Vec<Flaw> {
    let due: BTreeMap<&str, Day> = plan
        .milestones
        .iter()
        .filter_map(|milestone| Some((milestone.id.as_str(), milestone.due?)))
        .collect();
    let mut flaws = Vec::new();
    for milestone in &plan.milestones {
        for on in &milestone.depends_on {
            if let (Some(own), Some(other)) = (milestone.due, due.get(on.as_str()))
                && own < *other
            {
                let (id, on) = (milestone.id.clone(), on.clone());
                flaws.push(Flaw::DueBeforeDependency { id, on });
            }
        }
    }
    flaws
}

/// The first cycle of a graph, its start repeated at the end.
fn cycle(graph: &BTreeMap<&str, &[String]>) -> Option<Vec<String>> {
    let mut finished = BTreeSet::new();
    for start in graph.keys() {
        // The path walked so far, each with the next neighbour to look at: no recursion, so that
        // a long chain in a file cannot exhaust the stack.
        let mut path = vec![(*start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let neighbour = graph.get(node).and_then(|list| list.get(*next));
            *next += 1;
            let Some(neighbour) = neighbour.map(String::as_str) else {
                finished.insert(*node);
                path.pop();
                continue;
            };
            if let Some(at) = path.iter().position(|(node, _)| *node == neighbour) {
                let mut names: Vec<String> =
                    path[at..].iter().map(|(node, _)| (*node).to_owned()).collect();
                names.push(neighbour.to_owned());
                return Some(names);
            }
            if !finished.contains(neighbour)
                && let Some((known, _)) = graph.get_key_value(neighbour)
            {
                path.push((known, 0));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// `id start due after,after : state state`; `-` for nothing.
    fn plan(text: &str) -> Plan {
        let milestone = |line: &str| {
            let (head, states) = line.split_once(" : ").expect("states");
            let words: Vec<&str> = head.split_whitespace().collect();
            let day = |word: &str| (word != "-").then(|| word.parse().expect("a day"));
            let task = |(index, state): (usize, &str)| Task {
                id: format!("{}{index}", words[0]),
                title: String::new(),
                state: match state {
                    "done" => TaskState::Done,
                    "doing" => TaskState::Doing,
                    "dropped" => TaskState::Dropped,
                    _ => TaskState::Todo,
                },
                weight: 1.0,
                depends_on: Vec::new(),
            };
            Milestone {
                id: words[0].to_owned(),
                title: String::new(),
                start: day(words[1]),
                due: day(words[2]),
                tag: None,
                depends_on: words[3].split(',').filter(|w| *w != "-").map(str::to_owned).collect(),
                tasks: states.split_whitespace().enumerate().map(task).collect(),
            }
        };
        Plan { milestones: text.lines().map(milestone).collect() }
    }

    fn check(text: &str, today: Day, expected: Expect) {
        let plan = plan(text);
        let mut lines: Vec<String> = progress(&plan, &BTreeSet::new(), today)
            .iter()
            .map(|p| {
                format!("{} {:.2} {}/{} {:?}", p.id, p.done, p.tasks_done, p.tasks, p.standing)
            })
            .collect();
        lines.extend(flaws(&plan).iter().map(|flaw| format!("{flaw:?}")));
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn chances_of_missing_a_date() {
        let shown: Vec<String> = [(0, 1, 0.5), (5, 5, 0.5), (9, 1, 0.5), (1, 9, 0.9), (0, 4, 1.0)]
            .into_iter()
            .chain([(3, 0, 0.9), (2_000, 3_000, 0.5)])
            .map(|(done, open, used)| format!("{:.3}", chance_of_missing(done, open, used)))
            .collect();
        // By hand: half a task by half-time is none in the other half with a chance of √½.
        assert_eq!(shown[0], "0.707");
        expect!["0.707 0.436 0.001 1.000 1.000 0.000 1.000"].assert_eq(&shown.join(" "));
    }

    #[test]
    fn milestones_are_measured_against_their_dates() {
        check(
            "a 0 50 - : done done dropped\nb 0 90 a : done todo\nc 0 100 b : todo todo\n\
             d - 95 - : todo\ne - - b : todo\nf 0 400 b : doing\ng - 300 - : done todo",
            93,
            expect![[r#"
                a 1.00 2/2 Reached
                b 0.50 1/2 Overdue { days: 3 }
                c 0.00 0/2 Behind { time_used: Some(0.93) }
                d 0.00 0/1 Behind { time_used: None }
                e 0.00 0/1 Waiting { on: "b" }
                f 0.00 0/1 Waiting { on: "b" }
                g 0.50 1/2 OnTrack"#]],
        );
    }

    #[test]
    fn contradictions_are_named() {
        check(
            "a - 10 c : todo\nb - 20 a : todo\nc - 30 b : todo",
            0,
            expect![[r#"
                a 0.00 0/1 Behind { time_used: None }
                b 0.00 0/1 Waiting { on: "a" }
                c 0.00 0/1 Waiting { on: "b" }
                Cycle(["a", "c", "b", "a"])
                DueBeforeDependency { id: "a", on: "c" }"#]],
        );
        check(
            "a - - a : todo",
            0,
            expect![[r#"
                a 0.00 0/1 Waiting { on: "a" }
                Cycle(["a", "a"])"#]],
        );
    }
}
