//! A plan of a forge's milestones: pure.

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::calendar::{date_text, day_of};

use super::Connection;
use super::store::{Item, Milestone, State, Store};
use crate::plan::forge::{Shared, SharedMilestone, SharedState, SharedTask};

/// What is shared of what is known: open milestones, the next first, then those that were reached, the
/// latest first.
pub fn shared(connection: &Connection, store: &Store) -> Shared {
    let mut tasks: BTreeMap<u64, Vec<(&Item, char)>> = BTreeMap::new();
    let issues = store.issues.list().map(|item| (item, '#'));
    for (item, sign) in issues.chain(store.merges.list().map(|item| (item, '!'))) {
        if let Some(milestone) = item.milestone {
            tasks.entry(milestone).or_default().push((item, sign));
        }
    }
    let mut milestones: Vec<&Milestone> = store.milestones.iter().collect();
    milestones.sort_by_key(|milestone| match milestone.is_open {
        true => (0, milestone.due.unwrap_or(i64::MAX), milestone.id),
        false => (1, -milestone.updated_ms, milestone.id),
    });
    let mut names = BTreeSet::new();
    let mut list = Vec::new();
    for milestone in milestones {
        let tasks = tasks.remove(&milestone.id).unwrap_or_default();
        let is_done =
            tasks.iter().any(|(item, _)| matches!(item.state, State::Done | State::Merged));
        // One that was closed with nothing done was given up, not reached.
        if milestone.is_open || is_done {
            list.push(of(milestone, &tasks, &mut names));
        }
    }
    Shared::of(format!("{} at {}", connection.repository, connection.host), list)
}

fn of(
    milestone: &Milestone,
    tasks: &[(&Item, char)],
    names: &mut BTreeSet<String>,
) -> SharedMilestone {
    let mut id = milestone.title.as_str().to_owned();
    if id.is_empty() || names.contains(&id) {
        id = format!("{id} ({})", milestone.id).trim_start().to_owned();
    }
    names.insert(id.clone());
    let task = |(item, sign): &(&Item, char)| SharedTask {
        id: format!("{sign}{}", item.number),
        title: item.title.as_str().to_owned(),
        state: match item.state {
            // What is still open in a milestone that is closed was left out of it.
            State::Open | State::Proposed if !milestone.is_open => SharedState::Dropped,
            State::Open => SharedState::Todo,
            State::Proposed => SharedState::Doing,
            State::Done | State::Merged => SharedState::Done,
            State::Dropped => SharedState::Dropped,
        },
    };
    // Where nobody says when work began: not before there was the milestone, nor anything in it.
    let first = tasks.iter().map(|(item, _)| item.created_ms).min();
    let began = first.map(|first| day_of(first.max(milestone.created_ms)));
    // Somebody may plan backwards; a plan says no such thing.
    let start = milestone.start.or(began);
    let start = start.filter(|start| milestone.due.is_none_or(|due| *start <= due));
    SharedMilestone {
        id,
        number: milestone.number,
        start: start.map(date_text),
        due: milestone.due.map(date_text),
        tasks: tasks.iter().map(task).collect(),
    }
}
