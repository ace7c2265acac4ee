//! From series and samples to findings: pure, but for the names of commits, which the caller gives.

mod machine;
mod regressions;
pub mod suspects;
mod unusual;

use std::collections::{BTreeMap, BTreeSet};

pub use machine::{BOTTLENECK, DISK_FULL};
pub use regressions::{REGRESSION, is_said, together};
use suspects::Between;
pub use unusual::UNUSUAL_WAIT;

use super::benchmarks::Benchmarks;
use super::look::{Files, SETTLED_MS};
use super::samples::Samples;
use super::watch::Watches;
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::telling::Holds;

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[&REGRESSION, &BOTTLENECK, &UNUSUAL_WAIT, &DISK_FULL, &UNREADABLE];

/// `performance/unreadable-result`
pub const UNREADABLE: Rule = Rule {
    id: "performance/unreadable-result",
    says: "which file of results is damaged, at which line and column.",
    why: "What it says is in no series, and who reads the series takes silence for no change.",
    when: &[
        Bound::that(
            "a file that is named after a tool for benchmarks is no JSON, or too large",
            "the tools' own formats",
        ),
        Bound::at(
            "{} minutes after it was written",
            SETTLED_MS as f64 / 60_000.0,
            "judgement: it may not be whole before",
        ),
    ],
    silence: "have it written anew, or delete it; it is read once as it is.",
};

/// More damaged files than this are one finding.
const MANY: usize = 3;
/// Files named there.
const MOST_NAMED: usize = 4;

/// What is worth saying, the gravest first, and what goes on standing where it was said.
pub fn findings(
    series: &Benchmarks,
    between: &BTreeMap<(usize, usize), Between>,
    samples: &Samples,
    watches: &Watches,
) -> Holds {
    let machine = machine::findings(samples, &samples.reported);
    // What is said to be short is not said to be unusual, too.
    let is_short = |name: &str| {
        let all = machine.findings.iter().chain(&machine.standing);
        all.filter(|finding| finding.rule == BOTTLENECK.id).any(|finding| finding.target == name)
    };
    let mut unusual = unusual::findings(samples, watches);
    unusual.retain(|finding| !is_short(&finding.target));
    let parts = [
        machine,
        Holds { findings: unusual, ..Holds::default() },
        regressions::findings(series, between),
        Holds { findings: unreadable(&series.files), ..Holds::default() },
    ];
    let mut holds = Holds::default();
    for part in parts {
        holds.findings.extend(part.findings);
        holds.standing.extend(part.standing);
    }
    holds.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    // What is said anew of a thing is said instead of what was.
    let said: BTreeSet<(&str, &str)> =
        holds.findings.iter().map(|finding| (&*finding.rule, &*finding.target)).collect();
    holds.standing.retain(|finding| !said.contains(&(&*finding.rule, &*finding.target)));
    holds
}

/// Files of results that are damaged. Each is read once as it is, and said until it is written anew.
fn unreadable(files: &Files) -> Vec<Finding> {
    let damaged: Vec<_> =
        files.seen.iter().filter_map(|(path, seen)| Some((path, seen.mistake.as_ref()?))).collect();
    let line = |line: usize| u32::try_from(line).ok().filter(|line| *line > 0);
    let place = |(path, mistake): &(&String, &crate::xml::Mistake)| {
        Evidence::file(path, line(mistake.line), mistake.what.clone())
    };
    if damaged.len() > MANY {
        return vec![Finding::new(
            UNREADABLE.id,
            Severity::Low,
            "results",
            format!("{} files of results can't be read", damaged.len()),
            "What they say is in no series.",
            "Have them written anew, or delete them.",
            damaged.iter().take(MOST_NAMED).map(place).collect(),
        )];
    }
    let finding = |one: &(&String, &crate::xml::Mistake)| {
        let (path, mistake) = one;
        let at = match mistake.line {
            0 => String::new(),
            line => format!(" at {line}:{}", mistake.column),
        };
        Finding::new(
            UNREADABLE.id,
            Severity::Low,
            path,
            format!("{path} can't be read{at}: {}", mistake.what),
            "By its name it holds results of a benchmark; what it says is in no series.",
            "Have it written anew, or delete it; a run that is cut off leaves half a file.",
            vec![place(one)],
        )
    };
    damaged.iter().map(finding).collect()
}
