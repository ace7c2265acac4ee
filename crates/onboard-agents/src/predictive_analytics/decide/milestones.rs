//! Whether the plan's milestones end by their dates: simulations of how much gets done until then.
//!
//! Work gets done as commits land: what a milestone's tasks took so far says how much of it one
//! commit is, the forecast of commits how many there will be. Few done tasks are uncertain evidence,
//! which a gamma distribution stands for.

use std::collections::BTreeMap;

use onboard_analysis::calendar::{Day, day_of};
use onboard_analysis::draw::Draw;
use onboard_analysis::facts::History;
use onboard_analysis::milestone::{Milestone, Plan, TaskState};
use onboard_analysis::throughput::Forecast;
use serde::{Deserialize, Serialize};

use super::landing::{self, Weeks};

/// Fewer done tasks say nothing about the next ones.
const LEAST_DONE: usize = 3;
/// Fewer commits in that time neither.
const LEAST_COMMITS: usize = 8;
/// Further than a year nobody plans by days.
const MOST_WEEKS: usize = 52;
/// Milestones that are forecast, the next ones first.
const MOST_MILESTONES: usize = 10;
/// What a plan grew by is believed after it was watched for so many days.
const WATCHED_DAYS: i64 = 28;
/// Days of which a milestone's work is remembered: a quarter, one a day.
const MOST_DAYS: usize = 92;

/// What a milestone amounted to on some day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub day: Day,
    pub done: f64,
    pub all: f64,
}

/// By milestone, oldest first.
pub type Watched = BTreeMap<String, Vec<Seen>>;

/// A milestone's prospects.
#[derive(Clone, Debug, PartialEq)]
pub struct Prospect {
    pub id: String,
    pub title: String,
    pub due: Day,
    pub tasks_done: usize,
    pub tasks_open: usize,
    pub since: Day,
    pub commits: usize,
    /// The share of simulations in which it ends by its date.
    pub chance: f64,
    /// Days by which a tenth, half, 85 of a hundred and nine tenths of them have ended; `None` for
    /// more than a year.
    pub ends: [Option<Day>; 4],
    /// Tasks that get done by the date in half of them.
    pub done_by_due: usize,
    /// Tasks that came in a week while it was watched.
    pub growth_per_week: f64,
}

/// The shares of [`Prospect::ends`].
pub const ENDS: [f64; 4] = [0.1, 0.5, 0.85, 0.9];

/// Notes what each milestone amounts to today, and forgets those that are gone.
pub fn watch(watched: &mut Watched, plan: &Plan, today: Day) {
    watched.retain(|id, _| plan.milestones.iter().any(|milestone| milestone.id == *id));
    for milestone in &plan.milestones {
        let (done, all) = work(milestone);
        let seen = watched.entry(milestone.id.clone()).or_default();
        seen.retain(|earlier| earlier.day < today);
        seen.push(Seen { day: today, done, all });
        let surplus = seen.len().saturating_sub(MOST_DAYS);
        seen.drain(..surplus);
    }
}

/// Weight that is done, and all of it.
fn work(milestone: &Milestone) -> (f64, f64) {
    let sum = |fits: fn(TaskState) -> bool| {
        milestone.tasks.iter().filter(|task| fits(task.state)).map(|task| task.weight).sum()
    };
    (sum(|state| state == TaskState::Done), sum(|state| state != TaskState::Dropped))
}

/// Why a milestone with a date is not forecast, or its prospects.
pub type Judged<'a> = (&'a Milestone, Result<Prospect, &'static str>);

/// The open milestones that have a date before them, the next first; and how many more there are.
pub fn judge<'a>(
    plan: &'a Plan,
    reached: &dyn Fn(&str) -> bool,
    watched: &Watched,
    history: &History,
    weeks: &Weeks,
    now_ms: i64,
) -> (Vec<Judged<'a>>, usize) {
    let today = day_of(now_ms);
    let is_open = |milestone: &&Milestone| {
        milestone.due.is_some_and(|due| due >= today) && !reached(&milestone.id)
    };
    let mut open: Vec<&Milestone> = plan.milestones.iter().filter(is_open).collect();
    open.sort_by_key(|milestone| (milestone.due, milestone.id.clone()));
    let left_out = open.len().saturating_sub(MOST_MILESTONES);
    open.truncate(MOST_MILESTONES);
    if open.is_empty() {
        return (Vec::new(), 0);
    }
    let horizons: Vec<Option<Forecast>> =
        (1..=MOST_WEEKS).map(|horizon| landing::forecast(&weeks.commits, horizon)).collect();
    let of = |milestone: &'a Milestone| {
        let seen = watched.get(&milestone.id).map_or(&[][..], Vec::as_slice);
        (milestone, prospect(milestone, seen, history, &horizons, today))
    };
    (open.into_iter().map(of).collect(), left_out)
}

fn prospect(
    milestone: &Milestone,
    seen: &[Seen],
    history: &History,
    horizons: &[Option<Forecast>],
    today: Day,
) -> Result<Prospect, &'static str> {
    let due = milestone.due.ok_or("it has no date")?;
    let count = |fits: fn(TaskState) -> bool| {
        milestone.tasks.iter().filter(|task| fits(task.state)).count()
    };
    let tasks_done = count(|state| state == TaskState::Done);
    let tasks_open = count(|state| matches!(state, TaskState::Todo | TaskState::Doing));
    if tasks_open == 0 {
        return Err("none of its tasks is open");
    }
    if tasks_done < LEAST_DONE {
        return Err("fewer than three of its tasks are done");
    }
    let since = milestone.start.ok_or("it has no `start`, so its pace is not known")?;
    let commits = landing::landed(history).filter(|commit| day_of(commit.committed_ms) >= since);
    let commits = commits.count();
    if commits < LEAST_COMMITS {
        return Err("fewer than eight commits landed since its start");
    }
    let (done, all) = work(milestone);
    let pace = Pace {
        per_commit: done / commits as f64,
        tasks: tasks_done as f64,
        open: all - done,
        growth_per_week: growth(seen),
    };
    let days = (due - today + 1).max(1) as f64;
    let mut done_by: Vec<f64> = pace.done_within(days, horizons).ok_or("it is a year away")?;
    done_by.sort_by(f64::total_cmp);
    let needed = pace.open + pace.growth_per_week * days / 7.0;
    let on_time = done_by.iter().filter(|done| **done >= needed).count();
    let weight = all / (tasks_done + tasks_open) as f64;
    let half = onboard_analysis::statistics::median(&done_by).unwrap_or_default();
    Ok(Prospect {
        id: milestone.id.clone(),
        title: milestone.title.clone(),
        due,
        tasks_done,
        tasks_open,
        since,
        commits,
        chance: on_time as f64 / done_by.len().max(1) as f64,
        ends: ENDS.map(|share| pace.end(share, horizons, today)),
        done_by_due: ((half / weight).round() as usize).min(tasks_open),
        growth_per_week: pace.growth_per_week / weight,
    })
}

/// Weight that was added in a week, while it was watched.
fn growth(seen: &[Seen]) -> f64 {
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return 0.0 };
    let days = last.day - first.day;
    if days < WATCHED_DAYS {
        return 0.0;
    }
    ((last.all - first.all) / days as f64 * 7.0).max(0.0)
}

struct Pace {
    per_commit: f64,
    tasks: f64,
    open: f64,
    growth_per_week: f64,
}

impl Pace {
    /// Work done within some days, in each simulation; `None` beyond what is simulated.
    fn done_within(&self, days: f64, horizons: &[Option<Forecast>]) -> Option<Vec<f64>> {
        let weeks = (days / 7.0).round().max(1.0);
        let forecast = horizons.get(weeks as usize - 1)?.as_ref()?;
        let mut draw = Draw::new(weeks as u64);
        let part = days / (7.0 * weeks) * self.per_commit;
        let simulate = |commits: &f64| commits * part * self.certainty(&mut draw);
        Some(forecast.sample.iter().map(simulate).collect())
    }

    /// How the pace of a few done tasks may differ from what they showed: a gamma with a mean of
    /// one, by Wilson and Hilferty's cube ("The distribution of chi-square", 1931).
    fn certainty(&self, draw: &mut Draw) -> f64 {
        let shape = self.tasks;
        let root = 1.0 - 1.0 / (9.0 * shape) + draw.normal() / (3.0 * shape.sqrt());
        root.max(0.0).powi(3)
    }

    /// The day by which this share of simulations has ended.
    fn end(&self, share: f64, horizons: &[Option<Forecast>], today: Day) -> Option<Day> {
        let week = (1..=horizons.len()).find(|week| {
            let done = self.done_within(7.0 * *week as f64, horizons).unwrap_or_default();
            let needed = self.open + self.growth_per_week * *week as f64;
            let ended = done.iter().filter(|done| **done >= needed).count();
            !done.is_empty() && ended as f64 >= share * done.len() as f64
        })?;
        Some(today + 7 * week as i64)
    }
}
