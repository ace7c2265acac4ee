//! Does code change together with the tests that check it?

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::calendar::DAY_MS;
use onboard_analysis::ledger::RecentCommit;
use onboard_analysis::path::{Class, modules};
use onboard_analysis::score::graded;
use onboard_text::counted;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/untested-churn`
pub const UNTESTED_CHURN: Rule = Rule {
    id: "health/untested-churn",
    says: "which module changes without tests while the rest of the project does not.",
    why: "What changes most without a test is where the next fault is likeliest, and a project that \
          tests elsewhere knows how to.",
    when: &[
        Bound::at(
            "the module had {} commits or more in a quarter of a year, and so had the rest",
            LEAST_COMMITS as f64,
            "judgement: of fewer a share means nothing",
        ),
        Bound::at(
            "{} % of them or fewer came with tests",
            HARDLY_ANY * 100.0,
            "judgement: hardly any",
        ),
        Bound::at(
            "elsewhere {} points more of the commits did",
            OUTSTANDING * 100.0,
            "judgement: the module differs from the project's own habit",
        ),
    ],
    silence: "commits that touch its tests end it; a file that holds its own tests counts as tested.",
};

/// Recent is a quarter of a year.
const RECENT_MS: i64 = 91 * DAY_MS;
/// Commits to code that make a share mean something.
const LEAST_COMMITS: usize = 10;
/// A module stands out when this much less of its changes come with tests than elsewhere.
const OUTSTANDING: f64 = 0.4;
/// And when nearly none do.
const HARDLY_ANY: f64 = 0.1;
/// Files named.
const MOST_FILES: usize = 4;

pub fn judge(open: &OpenFacts) -> Verdict {
    let inline: BTreeSet<u64> =
        open.files.iter().filter(|file| file.inline_tests).map(|file| file.key).collect();
    let recent: Vec<&RecentCommit> = open
        .ledger
        .recent
        .iter()
        .filter(|commit| open.ledger.last_ms - commit.at_ms <= RECENT_MS)
        .filter(|commit| commit.revert.is_none() && (!commit.files.is_empty() || commit.tests))
        .collect();
    if recent.len() < LEAST_COMMITS {
        let why = format!(
            "{} to code in a quarter of a year are too few",
            counted(recent.len(), "commit", "commits")
        );
        return Verdict::new("tests", 15, None, why);
    }
    let tested = |commit: &RecentCommit| {
        commit.tests || commit.files.iter().any(|file| inline.contains(file))
    };
    let count = recent.iter().filter(|commit| tested(commit)).count();
    let share = count as f64 / recent.len() as f64;
    let why = format!(
        "{count} of {} commits to code in a quarter of a year touched tests or a file that holds its own",
        recent.len()
    );
    Verdict::new("tests", 15, Some(graded(share, 0.5, 0.05)), why)
        .with(untested_module(open, &recent, &tested))
}

/// The module with the most changes of which nearly none came with tests, where others' do.
fn untested_module(
    open: &OpenFacts,
    recent: &[&RecentCommit],
    tested: &dyn Fn(&RecentCommit) -> bool,
) -> Option<Finding> {
    let code: Vec<_> = open.files.iter().filter(|file| file.class == Class::Code).collect();
    let names = modules(code.iter().map(|file| file.path.as_str()));
    let module_of: BTreeMap<u64, String> = code.iter().map(|file| file.key).zip(names).collect();
    let mut touched: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for commit in recent {
        let modules: BTreeSet<&str> =
            commit.files.iter().filter_map(|key| module_of.get(key)).map(String::as_str).collect();
        for module in modules {
            let counts = touched.entry(module).or_default();
            counts.0 += 1;
            counts.1 += usize::from(tested(commit));
        }
    }
    let (tests, count) = (recent.iter().filter(|commit| tested(commit)).count(), recent.len());
    // Of the commits that leave the module alone, the share that came with tests.
    let elsewhere = |all: usize, with: usize| {
        (count - all >= LEAST_COMMITS).then(|| (tests - with) as f64 / (count - all) as f64)
    };
    let (module, (all, with)) = touched
        .into_iter()
        .filter(|(_, (all, with))| {
            let share = *with as f64 / *all as f64;
            let stands_out =
                elsewhere(*all, *with).is_some_and(|elsewhere| elsewhere - share >= OUTSTANDING);
            *all >= LEAST_COMMITS && share <= HARDLY_ANY && stands_out
        })
        .max_by_key(|(_, (all, _))| *all)?;
    let elsewhere = elsewhere(all, with)?;
    let evidence = hottest(open, recent, &module_of, module, tested);
    Some(Finding::new(
        UNTESTED_CHURN.id,
        if all >= 3 * LEAST_COMMITS { Severity::Medium } else { Severity::Low },
        module,
        format!("`{module}` changed {all} times in a quarter of a year, {with} with tests"),
        format!(
            "Elsewhere in the project {:.0} % of such commits touch tests; here {with} of {all} do. What \
             changes most without tests is where the next fault is likeliest.",
            elsewhere * 100.0
        ),
        format!("Write tests for the files named here before the next change to `{module}`."),
        evidence,
    ))
}

fn hottest(
    open: &OpenFacts,
    recent: &[&RecentCommit],
    module_of: &BTreeMap<u64, String>,
    module: &str,
    tested: &dyn Fn(&RecentCommit) -> bool,
) -> Vec<Evidence> {
    let mut changes: BTreeMap<u64, usize> = BTreeMap::new();
    for key in recent.iter().filter(|commit| !tested(commit)).flat_map(|commit| &commit.files) {
        if module_of.get(key).is_some_and(|name| name == module) {
            *changes.entry(*key).or_default() += 1;
        }
    }
    let mut list: Vec<(usize, &str)> = open
        .files
        .iter()
        .filter_map(|file| Some((*changes.get(&file.key)?, file.path.as_str())))
        .collect();
    list.retain(|(count, _)| *count > 1);
    list.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    list.into_iter()
        .take(MOST_FILES)
        .map(|(count, path)| {
            let text = format!("{path}: {} without a test", counted(count, "change", "changes"));
            Evidence::file(path, None, text)
        })
        .collect()
}
