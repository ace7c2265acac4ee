//! Who merges what others wrote, and whether work waits for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use onboard_analysis::concentration::gini;
use onboard_analysis::path::{Class, class, modules};
use onboard_analysis::rank_test::mann_whitney;
use onboard_analysis::statistics::median;
use onboard_text::counted;
use serde::Serialize;

use super::{Seen, days, span};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::workflow_optimizer::observe::Merged;

/// `workflow/one-merger`
pub const ONE_MERGER: Rule = Rule {
    id: "workflow/one-merger",
    says: "where work waits for one person.",
    why: "A second person who may merge halves the wait, and the part no longer stops with a holiday.",
    when: &[
        Bound::at(
            "one person merged {} % of what others wrote for a part of the project, elsewhere at most half",
            ONE_SHARE * 100.0,
            "judgement: nearly all",
        ),
        Bound::at(
            "{} branches or more within a year",
            LEAST_BRANCHES as f64,
            "judgement: fewer are no habit",
        ),
        Bound::at(
            "it waits {} times as long as elsewhere",
            LEAST_RATIO,
            "judgement: less is felt by nobody",
        ),
        Bound::at("and {} days more", LEAST_DAYS, "as above"),
        Bound::at(
            "a rank test calls it chance once in a hundred times: p ≤ {}",
            CHANCE,
            "Mann and Whitney's",
        ),
    ],
    silence: "it ends when others merge there, too; where it has to be one, dismiss it once.",
};

/// Branches of others that say who merges in a part of the project.
const LEAST_BRANCHES: usize = 12;
/// One person merges nearly all,
const ONE_SHARE: f64 = 0.85;
/// and elsewhere work waits for this much less,
const LEAST_RATIO: f64 = 1.5;
const LEAST_DAYS: f64 = 1.0;
/// which chance explains once in so many hundred times.
const CHANCE: f64 = 0.01;
/// Branches named.
const MOST_NAMED: usize = 4;
/// Modules in the figures.
const MOST_MODULES: usize = 10;

/// Who merged what others wrote.
#[derive(Debug, PartialEq, Serialize)]
pub struct Reviews {
    pub people: usize,
    pub branches: usize,
    /// How uneven: 0 where all merge alike, towards 1 where one does it all.
    pub gini: f64,
    /// Parts of the project where one person merges nearly all.
    pub one_merger: Vec<Module>,
}

/// A part of the project and who merges there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Module {
    pub name: String,
    pub merger: String,
    pub merged: usize,
    pub branches: usize,
}

pub(super) struct Judged {
    pub figures: Option<Reviews>,
    pub findings: Vec<Finding>,
}

pub(super) fn judge(seen: &Seen<'_>) -> Judged {
    let others: Vec<&Merged> =
        seen.flow.merged.iter().filter(|merged| is_of_others(merged)).collect();
    let mut loads: BTreeMap<&str, f64> = BTreeMap::new();
    for merged in &others {
        *loads.entry(&merged.by).or_default() += 1.0;
    }
    if others.len() < LEAST_BRANCHES {
        return Judged { figures: None, findings: Vec::new() };
    }
    let load: Vec<f64> = loads.values().copied().collect();
    let mut narrow: Vec<(Module, Vec<&Merged>)> = by_module(seen, &others)
        .into_iter()
        .filter_map(|(name, branches)| one_merger(name, &branches).map(|module| (module, branches)))
        .collect();
    narrow.sort_by(|a, b| (b.0.branches, &a.0.name).cmp(&(a.0.branches, &b.0.name)));
    let findings = narrow
        .iter()
        .filter_map(|(module, branches)| finding(seen, module, branches, &others))
        .collect();
    let one_merger = narrow.into_iter().map(|(module, _)| module).take(MOST_MODULES).collect();
    let figures = Reviews {
        people: loads.len(),
        branches: others.len(),
        gini: (gini(&load) * 100.0).round() / 100.0,
        one_merger,
    };
    Judged { figures: Some(figures), findings }
}

/// Whether somebody else merged it than wrote it, and it is known who.
fn is_of_others(merged: &Merged) -> bool {
    !merged.by.is_empty() && !merged.authors.contains(&merged.by)
}

/// Branches by the parts of the project that they touched.
fn by_module<'a>(seen: &Seen<'_>, others: &[&'a Merged]) -> BTreeMap<String, Vec<&'a Merged>> {
    let paths: Vec<&str> = seen
        .facts
        .files
        .iter()
        .map(|row| row.path.as_str())
        .filter(|path| matches!(class(path), Class::Code | Class::Test))
        .collect();
    let names = modules(paths.iter().copied());
    let module: HashMap<&str, &String> = paths.iter().copied().zip(&names).collect();
    let mut found: BTreeMap<String, Vec<&Merged>> = BTreeMap::new();
    for merged in others {
        let commits = merged.own.iter().filter_map(|id| seen.commits.get(id.as_str()));
        let touched = commits.flat_map(|commit| &commit.changes);
        let touched: BTreeSet<&String> = touched
            .filter_map(|change| {
                module.get(seen.facts.history.paths[change.path].as_str()).copied()
            })
            .collect();
        for name in touched {
            found.entry(name.clone()).or_default().push(merged);
        }
    }
    found
}

fn one_merger(name: String, branches: &[&Merged]) -> Option<Module> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for merged in branches {
        *counts.entry(&merged.by).or_default() += 1;
    }
    let (merger, merged) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let is_one = merged as f64 >= ONE_SHARE * branches.len() as f64;
    (branches.len() >= LEAST_BRANCHES && is_one).then(|| Module {
        name,
        merger: merger.to_owned(),
        merged,
        branches: branches.len(),
    })
}

/// Work waits longer where one person merges it.
fn finding(
    seen: &Seen<'_>,
    module: &Module,
    branches: &[&Merged],
    others: &[&Merged],
) -> Option<Finding> {
    let ids: BTreeSet<&str> = branches.iter().map(|merged| merged.id.as_str()).collect();
    let wait = |merged: &&Merged| days(merged.last_ms, merged.merged_ms);
    let here: Vec<f64> = branches.iter().map(wait).collect();
    let rest: Vec<&&Merged> =
        others.iter().filter(|merged| !ids.contains(merged.id.as_str())).collect();
    let there: Vec<f64> = rest.iter().map(|merged| wait(merged)).collect();
    // Who merges everywhere is not what sets this part apart.
    let elsewhere = rest.iter().filter(|merged| merged.by == module.merger).count();
    if elsewhere * 2 > rest.len() {
        return None;
    }
    if there.len() < LEAST_BRANCHES {
        return None;
    }
    let (is, elsewhere) = (median(&here)?, median(&there)?);
    let test = mann_whitney(&there, &here)?;
    if is < LEAST_RATIO * elsewhere || is - elsewhere < LEAST_DAYS || test.p > CHANCE {
        return None;
    }
    let Module { name, merger, merged, branches: count } = module;
    let mut longest: Vec<&&Merged> =
        branches.iter().filter(|merged| merged.by == *merger).collect();
    longest.sort_by(|a, b| wait(b).total_cmp(&wait(a)));
    let mut evidence = vec![
        Evidence::number(
            *merged as f64,
            format!(
                "of {} that others wrote for {name} in a year",
                counted(*count, "branch", "branches")
            ),
        ),
        Evidence::number(
            (is * 10.0).round() / 10.0,
            format!("median days from last commit to merge in {name}"),
        ),
        Evidence::number(
            (elsewhere * 10.0).round() / 10.0,
            format!("median days elsewhere, of {} branches", there.len()),
        ),
    ];
    evidence.extend(longest.iter().take(MOST_NAMED).map(|merged| {
        Evidence::commit(&merged.id, format!("{}: {}", span(wait(merged)), merged.subject))
    }));
    Some(Finding::new(
        ONE_MERGER.id,
        Severity::Low,
        name,
        format!("Work in {name} waits for {merger}: {} instead of {}", span(is), span(elsewhere)),
        format!(
            "{merger} merged {merged} of {count} branches that others wrote for it; they waited {} \
             after their last commit (median), those of the rest of {} {}.",
            span(is),
            seen.flow.mainline,
            span(elsewhere)
        ),
        format!(
            "Let a second person review and merge in {name}, beginning with what {merger} explains to them."
        ),
        evidence,
    ))
}
