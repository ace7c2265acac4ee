//! Checks a project's agents together: what no single manifest can know.

use crate::cache::Zones;
use crate::schedule::Schedule;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use onboard_domain::state::bounds;
use onboard_domain::{AgentName, AgentSpec};

/// Something that makes a project's agents unusable as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub agent: AgentName,
    /// The manifest's field, such as `depends_on`.
    pub field: &'static str,
    /// Which item of a list.
    pub index: Option<usize>,
    /// Where in the field's text.
    pub span: Option<Span>,
    pub message: String,
    /// What would be right, as the field's whole text.
    pub suggestion: Option<String>,
}

/// A place in a text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub offset: usize,
    pub len: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent `{}`, `{}", self.agent, self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        write!(f, "`: {}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Problem {}

/// Checks the agents of one project.
///
/// # Errors
/// Every problem there is, in the order of the agents.
pub fn validate(specs: &[AgentSpec], zones: &dyn Zones) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for spec in specs {
        if !names.insert(&spec.name) {
            problems.push(problem(spec, "name", None, "the project has two agents of this name"));
        }
    }
    let by_name: BTreeMap<&AgentName, &AgentSpec> = specs.iter().map(|s| (&s.name, s)).collect();
    for spec in specs {
        check_schedule(spec, zones, &mut problems);
        check_dependencies(spec, &names, &mut problems);
        check_facts(spec, &by_name, &mut problems);
        if spec.locks.len() > bounds::LEASES_PER_RUN {
            let message =
                alloc::format!("{} locks, at most {}", spec.locks.len(), bounds::LEASES_PER_RUN);
            problems.push(problem(spec, "locks", None, message));
        }
    }
    if let Some(cycle) = cycle(specs) {
        problems.push(cycle);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn problem(
    spec: &AgentSpec,
    field: &'static str,
    index: Option<usize>,
    message: impl Into<String>,
) -> Problem {
    let (agent, message) = (spec.name.clone(), message.into());
    Problem { agent, field, index, span: None, message, suggestion: None }
}

fn check_schedule(spec: &AgentSpec, zones: &dyn Zones, problems: &mut Vec<Problem>) {
    let found = Schedule::parse(&spec.schedule).and_then(|schedule| {
        schedule.zone(&jiff::tz::TimeZone::UTC, |name| zones.named(name)).map(|_| ())
    });
    if let Err(error) = found {
        // A zone is pointed at in the canonical text; the place is only told where it is the same.
        let span = (*error.text == *spec.schedule)
            .then_some(Span { offset: error.offset, len: error.len });
        let suggestion = error.suggestion;
        let found = problem(spec, "schedule", None, error.message);
        problems.push(Problem { span, suggestion, ..found });
    }
    if let Some(zone) = &spec.zone
        && zones.named(zone).is_none()
    {
        let message = alloc::format!("no such time zone: `{zone}`; names look like Europe/Berlin");
        problems.push(problem(spec, "zone", None, message));
    }
}

fn check_dependencies(spec: &AgentSpec, names: &BTreeSet<&AgentName>, problems: &mut Vec<Problem>) {
    for (index, name) in spec.depends_on.iter().enumerate() {
        if !names.contains(name) {
            let known: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            let message =
                alloc::format!("no agent `{name}` in this project; there are {}", known.join(", "));
            problems.push(problem(spec, "depends_on", Some(index), message));
        }
    }
}

fn check_facts(
    spec: &AgentSpec,
    by_name: &BTreeMap<&AgentName, &AgentSpec>,
    problems: &mut Vec<Problem>,
) {
    for (index, name) in spec.facts_from.iter().enumerate() {
        let message = match by_name.get(name) {
            Some(from) if from.shares_facts => continue,
            Some(_) => alloc::format!("`{name}` does not share its facts (`shares_facts: true`)"),
            None => {
                let known: Vec<&str> = by_name.keys().map(|name| name.as_str()).collect();
                alloc::format!("no agent `{name}` in this project; there are {}", known.join(", "))
            }
        };
        problems.push(problem(spec, "facts_from", Some(index), message));
    }
}

/// The first cycle of dependencies, told at the agent that closes it.
fn cycle(specs: &[AgentSpec]) -> Option<Problem> {
    let by_name: BTreeMap<&AgentName, &AgentSpec> = specs.iter().map(|s| (&s.name, s)).collect();
    let mut done = BTreeSet::new();
    specs.iter().find_map(|spec| walk(spec, &by_name, &mut done))
}

/// Depth first, without recursion: the way from `from` to where it meets itself.
fn walk<'a>(
    from: &'a AgentSpec,
    by_name: &BTreeMap<&'a AgentName, &'a AgentSpec>,
    done: &mut BTreeSet<&'a AgentName>,
) -> Option<Problem> {
    let mut way: Vec<(&AgentSpec, usize)> = alloc::vec![(from, 0)];
    while let Some((spec, index)) = way.last_mut() {
        let (at, here) = (*index, *spec);
        *index += 1;
        match here.depends_on.get(at) {
            None => {
                done.insert(&here.name);
                way.pop();
            }
            Some(next) if done.contains(next) => {}
            Some(next) => {
                if let Some(start) = way.iter().position(|(spec, _)| spec.name == *next) {
                    let mut names: Vec<&str> =
                        way[start..].iter().map(|(spec, _)| spec.name.as_str()).collect();
                    names.push(next.as_str());
                    let message = alloc::format!("a cycle: {}", names.join(" -> "));
                    return Some(problem(here, "depends_on", Some(at), message.to_string()));
                }
                if let Some(next) = by_name.get(next) {
                    way.push((next, 0));
                }
            }
        }
    }
    None
}
