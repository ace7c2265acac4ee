//! What became slower for good, and which commits it may be.

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::calendar::{DAY_MS, date_text, day_of};
use onboard_analysis::regression::{LEAST_AFTER, LEAST_BEFORE, LEAST_CHANGE, LEAST_DRIFT};
use onboard_analysis::statistics::median;
use onboard_domain::Fingerprint;

use super::suspects::{Between, Commits, How, MOST_NAMED, MOST_READ, ends};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};
use crate::performance_monitor::benchmarks::{Benchmarks, Slower};
use crate::telling::Holds;

/// `performance/regression`
pub const REGRESSION: Rule = Rule {
    id: "performance/regression",
    says: "which benchmark, build or run of tests became slower, by how much, since when, and the commits \
           between its last good result and the first slow one.",
    why: "A commit that is named while its author remembers it is mended in minutes; one that is found \
          with the next release is not.",
    when: &[
        Bound::at(
            "the median is {} % slower or more",
            LEAST_CHANGE * 100.0,
            "judgement: less is within what machines differ by from day to day",
        ),
        Bound::at(
            "over {} results at least, and the newest of all are still nearer to them than to those before",
            LEAST_AFTER as f64,
            "what goes away by itself is no regression, as in FBDetect (SOSP 2024)",
        ),
        Bound::at(
            "after {} results at least before",
            LEAST_BEFORE as f64,
            "judgement: fewer have no level",
        ),
        Bound::that(
            "by 5.5 robust standard errors, split on ranks, the threshold raised with autocorrelation",
            "less than one false alarm in a thousand points of noise (cargo xtask eval --only change-points)",
        ),
        Bound::at(
            "or it became {} % slower little by little, which a line shows better than steps",
            LEAST_DRIFT * 100.0,
            "judgement: twice as much, as there are no two levels to compare",
        ),
        Bound::at(
            "or {} series and three of five became slower within a day, which is told as one",
            MANY as f64,
            "judgement: that is hardly their code",
        ),
    ],
    silence: "mend or revert the commit; a slowdown that is wanted is dismissed once, and a later one of \
              the same series is told all the same.",
};

/// So many that became slower within a day of each other, of which this share, are one thing.
const MANY: usize = 5;
const MANY_SHARE: f64 = 0.6;
/// They are one thing until fewer are left: it must not come and go with each of them.
const FEW: usize = 2;
const TOGETHER_MS: i64 = DAY_MS;
/// Letters of a name in a title.
const LONGEST_IN_TITLE: usize = 64;

/// Which regressions are one thing: since when, and whether that is so. Kept in the series' memory.
pub fn together(series: &Benchmarks) -> Option<i64> {
    let mut begins: Vec<i64> = series.slower().iter().map(|(_, slower)| slower.since_ms).collect();
    begins.sort_unstable();
    let since = |since_ms: i64| begins.iter().filter(|at| is_together(**at, since_ms)).count();
    if let Some(since_ms) = series.together_ms
        && since(since_ms) >= FEW
    {
        return Some(since_ms);
    }
    let first = begins.iter().copied().max_by_key(|at| (since(*at), std::cmp::Reverse(*at)))?;
    let count = since(first);
    let is_most = count as f64 >= MANY_SHARE * series.series.len() as f64;
    (count >= MANY && is_most).then_some(first)
}

fn is_together(at_ms: i64, since_ms: i64) -> bool {
    (since_ms..=since_ms + TOGETHER_MS).contains(&at_ms)
}

/// What is worth saying of series. What is part of one thing stands where it was said by itself.
pub fn findings(series: &Benchmarks, between: &BTreeMap<(usize, usize), Between>) -> Holds {
    let mut holds = Holds::default();
    let slower = series.slower();
    let is_part =
        |slower: &Slower| series.together_ms.is_some_and(|ms| is_together(slower.since_ms, ms));
    let parts: Vec<_> = slower.iter().filter(|(_, slower)| is_part(slower)).copied().collect();
    if let Some(since_ms) = series.together_ms {
        holds.findings.push(all_slower(&parts, series.series.len(), since_ms));
    }
    for (name, slower) in slower {
        let what = ends(slower).and_then(|ends| between.get(&ends)).unwrap_or(&Between::Unknown);
        let finding = regression(name, slower, what);
        if is_part(slower) { holds.standing.push(finding) } else { holds.findings.push(finding) }
    }
    holds
}

/// Whether it was said already: what lies between need not be looked up again.
pub fn is_said(reported: &BTreeSet<Fingerprint>, name: &str, slower: &Slower) -> bool {
    reported.contains(&regression(name, slower, &Between::Unknown).fingerprint)
}

fn regression(name: &str, slower: &Slower, between: &Between) -> Finding {
    let (percent, low, high) =
        (slower.size * 100.0, slower.interval.0 * 100.0, slower.interval.1 * 100.0);
    let (before, after) = (time(slower.before), time(slower.after));
    let since = date(slower.since_ms);
    let (what, action) = words(name, slower, between);
    let short = short(name);
    let (title, detail) = if slower.is_drift() {
        (
            format!("{short} has become {percent:.0} % slower little by little since {since}"),
            format!(
                "Along a line through {} results until {}, from {before} to {after}: {low:.0} to \
                 {high:.0} % with 90 % confidence. No single step stands out. {what}",
                slower.points,
                date(slower.until_ms)
            ),
        )
    } else {
        (
            format!("{short} is {percent:.0} % slower since {since}"),
            format!(
                "From {before} to {after} (median): {low:.0} to {high:.0} % in nine of ten redrawn \
                 series. It has held for {} results, the newest among them. {what}",
                slower.points
            ),
        )
    };
    let mut evidence = vec![
        Evidence::number(slower.before, format!("ns before: {before}")),
        Evidence::number(slower.after, format!("ns since: {after}")),
        Evidence::number(slower.points as f64, "results since"),
    ];
    evidence.extend(suspects(between));
    Finding::new(
        REGRESSION.id,
        if slower.is_grave { Severity::Medium } else { Severity::Low },
        &format!("{name} since {}", moment(slower.found_ms)),
        title,
        detail,
        action,
        evidence,
    )
}

/// Each commit with the file in which it added most code.
fn suspects(between: &Between) -> Vec<Evidence> {
    let Between::Commits(commits) = between else { return Vec::new() };
    let mut found = Vec::new();
    for suspect in &commits.named {
        found.push(Evidence::commit(&suspect.id, suspect.subject.clone()));
    }
    for suspect in commits.named.iter().take(1) {
        if let Some((path, lines)) = &suspect.file {
            let id: String = suspect.id.chars().take(10).collect();
            found.push(Evidence::file(
                path,
                None,
                format!("{id} added {lines} {} here", if *lines == 1 { "line" } else { "lines" }),
            ));
        }
    }
    found
}

/// What lies between, and what to do.
fn words(name: &str, slower: &Slower, between: &Between) -> (String, String) {
    let ends = match slower.is_drift() {
        true => "the first of these results and the last",
        false => "its last good result and the first slow one",
    };
    match between {
        Between::Unknown => (
            format!("Which commits lie between {ends} is not known."),
            format!("Measure {name} again at a commit from before {}, and compare.", date(slower.since_ms)),
        ),
        Between::Same(How::Sure) => (
            format!(
                "No commit lies between {ends}: a dependency, a toolchain, the machine, or what was \
                 not committed."
            ),
            format!("Measure {name} again with the toolchain and on the machine of before."),
        ),
        Between::Same(How::Dirty) => (
            format!(
                "No commit lies between {ends}, but what was measured was not all committed, as the \
                 tool says."
            ),
            format!("Measure {name} again without what is not committed, and compare."),
        ),
        Between::Same(How::WhenRead) => (
            format!(
                "The same commit was checked out when {ends} were read; whether it was when they \
                 were measured is not known."
            ),
            format!("Measure {name} at this commit and at the one before it, and compare."),
        ),
        Between::Older => (
            "The first slow result is of a commit that the last good one has already: an older one \
             was checked out, or something else changed."
                .to_owned(),
            format!("Measure {name} again at the newest commit, and compare."),
        ),
        Between::Commits(commits) => of_commits(name, commits, ends),
    }
}

fn of_commits(name: &str, commits: &Commits, ends: &str) -> (String, String) {
    let count = match commits.count {
        1 => "One commit lies".to_owned(),
        more => format!("{more} commits lie"),
    };
    let how = match commits.is_sure {
        true => "",
        false => ", as far as what was checked out when they were read",
    };
    let apart = match commits.apart {
        0 => String::new(),
        apart => format!(" The last good one is of another line, with {apart} commits of its own."),
    };
    let order = match (commits.count, commits.adding) {
        (0 | 1, _) | (_, 0) => String::new(),
        (count, adding) => {
            let of = if count > MOST_READ {
                format!("the newest {MOST_READ}")
            } else {
                "them".to_owned()
            };
            match adding {
                1 => format!(" One of {of} adds code."),
                _ => format!(" {adding} of {of} add code; the one that adds most comes first."),
            }
        }
    };
    let action = match (commits.count, commits.named.first()) {
        (1, _) => format!("Measure {name} without this commit; if it is that, mend or revert it."),
        (_, Some(first)) if first.added > 0 => {
            let id: String = first.id.chars().take(10).collect();
            format!("Measure {name} before and after {id} first, then halve what is left.")
        }
        _ => format!("Measure {name} at the commits named here, halving what is left."),
    };
    (format!("{count} between {ends}{how}.{apart}{order}"), action)
}

/// Most series at once: hardly their code.
fn all_slower(slower: &[(&str, &Slower)], count: usize, since_ms: i64) -> Finding {
    let sizes: Vec<f64> = slower.iter().map(|(_, slower)| slower.size * 100.0).collect();
    let usual = median(&sizes).unwrap_or(0.0);
    let named = slower.iter().take(MOST_NAMED).map(|(name, slower)| {
        let text = format!("percent slower: {name}");
        Evidence::number((slower.size * 100.0).round(), text)
    });
    Finding::new(
        REGRESSION.id,
        Severity::Low,
        &format!("benchmarks since {}", moment(since_ms)),
        format!(
            "{} of {count} series became slower within a day, by {usual:.0} % at the median, since {}",
            slower.len(),
            date(since_ms)
        ),
        "So many at once are hardly slower by their own code: rather a toolchain, a setting, a \
         dependency of all of them, or the machine.",
        "Measure one of them again at an older commit: if it is slow there too, it is not the code.",
        named.collect(),
    )
}

/// A name that leaves room for what is said of it in a title.
fn short(name: &str) -> String {
    if name.chars().count() <= LONGEST_IN_TITLE {
        return name.to_owned();
    }
    name.chars().take(LONGEST_IN_TITLE - 1).chain(['…']).collect()
}

fn date(ms: i64) -> String {
    date_text(day_of(ms))
}

/// To the minute, in UTC.
fn moment(ms: i64) -> String {
    let minute = ms.rem_euclid(DAY_MS) / 60_000;
    format!("{} {:02}:{:02}", date(ms), minute / 60, minute % 60)
}

fn time(nanoseconds: f64) -> String {
    let scales = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let (scale, unit) =
        scales.into_iter().find(|(scale, _)| nanoseconds >= *scale).unwrap_or((1.0, "ns"));
    format!("{:.3} {unit}", nanoseconds / scale)
}
