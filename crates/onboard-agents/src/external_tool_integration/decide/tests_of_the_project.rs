//! Tests that fail, and tests that sometimes do.

use std::collections::{BTreeMap, BTreeSet};

use super::{MANY, MOST_NAMED, cut, date};
use crate::external_tool_integration::artefacts::junit::Outcome;
use crate::external_tool_integration::results::{DAY_MS, Ran, Results, Test};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `tools/failing-test`
pub const FAILING_TEST: Rule = Rule {
    id: "tools/failing-test",
    says: "which test fails, since when, and the commits at its first failure and its last success.",
    why: "A red test that stays red teaches people not to look. The two commits say where to.",
    when: &[
        Bound::that(
            "it failed in all of its newest results, two at least",
            "judgement: one is an accident",
        ),
        Bound::that(
            "of two commits, or over a day",
            "a test that somebody is just working on is left alone",
        ),
        Bound::at(
            "more than {} at once are one finding",
            MANY as f64,
            "judgement: they may have one cause",
        ),
    ],
    silence: "mend the code or the test; one that is meant to fail is marked as such in its framework.",
};

/// `tools/flaky-test`
pub const FLAKY_TEST: Rule = Rule {
    id: "tools/flaky-test",
    says: "which test fails now and then.",
    why: "Of builds that are run again most are (67.7 % in a study of GitHub Actions, arXiv 2602.02307): \
          everybody waits for them, and real failures are taken for chance.",
    when: &[
        Bound::at(
            "within 30 days its runner had to repeat it in {} results",
            REPEATED as f64,
            "judgement: one is an accident",
        ),
        Bound::at(
            "or it both passed and failed at {} commits",
            DIFFERING as f64,
            "judgement: a test that is being written does so at two",
        ),
    ],
    silence: "let it wait for conditions instead of times; 30 days without it end it.",
};

/// Results that a runner had to repeat it in, and commits whose results differ, before a test is flaky.
const REPEATED: usize = 2;
const DIFFERING: usize = 3;

/// Since when it fails: results in a row, the newest among them.
struct Streak<'a> {
    test: &'a Test,
    first: &'a Ran,
    results: usize,
    last_good: Option<&'a Ran>,
}

/// Tests that fail now and not only while somebody works on them.
pub fn failing(results: &Results) -> Vec<Finding> {
    let streaks: Vec<Streak<'_>> = results.tests.values().filter_map(streak).collect();
    if streaks.len() > MANY {
        return vec![many_fail(&streaks)];
    }
    streaks.iter().map(fails).collect()
}

fn streak(test: &Test) -> Option<Streak<'_>> {
    let results = test.ran.iter().rev().take_while(|ran| ran.2 == Outcome::Failed).count();
    let begin = test.ran.len() - results;
    let (first, newest) = (test.ran.get(begin)?, test.ran.back()?);
    let commits: BTreeSet<&str> = test.ran.range(begin..).map(|ran| ran.1.as_str()).collect();
    let lasts = commits.len() >= 2 || newest.0 - first.0 >= DAY_MS;
    let last_good = begin.checked_sub(1).and_then(|at| test.ran.get(at));
    (!test.is_gone && results >= 2 && lasts).then_some(Streak { test, first, results, last_good })
}

fn fails(streak: &Streak<'_>) -> Finding {
    let Streak { test, first, results, last_good } = streak;
    let name = &test.name;
    let before = match last_good {
        Some(good) => format!("; the one before, of {}, was good", date(good.0)),
        None => String::new(),
    };
    let mut evidence = vec![where_it_is(test)];
    evidence.push(Evidence::number(*results as f64, "results in a row in which it failed"));
    if !first.1.is_empty() {
        evidence.push(Evidence::commit(&first.1, "checked out when it was first seen to fail"));
    }
    if let Some(good) = last_good.filter(|good| !good.1.is_empty()) {
        evidence.push(Evidence::commit(&good.1, "checked out when it was last good"));
    }
    Finding::new(
        FAILING_TEST.id,
        Severity::Medium,
        &cut(name, 200),
        match last_good {
            Some(_) => format!("{name} fails since {}", date(first.0)),
            None => format!("{name} fails, since {} at least", date(first.0)),
        },
        format!("In all of the newest {results} results in `{}`{before}.", test.artefact),
        match last_good {
            Some(_) => "Read what changed between the two commits; mend the code, or the test.",
            None => "Mend the code or the test; one that is meant to fail is marked as such.",
        },
        evidence,
    )
}

fn many_fail(streaks: &[Streak<'_>]) -> Finding {
    let since = streaks.iter().map(|streak| streak.first.0).min().unwrap_or_default();
    let mut commits: BTreeMap<&str, usize> = BTreeMap::new();
    for streak in streaks {
        *commits.entry(&streak.first.1).or_default() += 1;
    }
    let together = commits.iter().max_by_key(|(_, count)| **count);
    let detail = match together {
        Some((commit, count)) if !commit.is_empty() && *count > 1 => {
            format!("{count} of them were first seen to fail at {commit}: they may have one cause.")
        }
        Some(_) | None => "Each in all of its newest results, two at least.".to_owned(),
    };
    let named = streaks.iter().take(MOST_NAMED).map(|streak| {
        let text =
            format!("{} since {}: {}", streak.test.name, date(streak.first.0), streak.test.why);
        match &streak.test.file {
            Some(file) => Evidence::file(file, streak.test.line, text),
            None => Evidence::file(&streak.test.artefact, None, text),
        }
    });
    Finding::new(
        FAILING_TEST.id,
        Severity::Medium,
        "tests",
        format!("{} tests fail, the first since {}", streaks.len(), date(since)),
        detail,
        "Mend the one that failed first, and see which of the others that mends.",
        named.collect(),
    )
}

fn where_it_is(test: &Test) -> Evidence {
    let text = if test.why.is_empty() { "it failed" } else { &test.why };
    match &test.file {
        Some(file) => Evidence::file(file, test.line, text),
        None => Evidence::file(&test.artefact, None, text),
    }
}

/// Tests that fail or not without a change, as their runner or their commits say.
pub fn flaky(results: &Results) -> Vec<Finding> {
    let here = results.tests.values().filter(|test| !test.is_gone);
    let flaky: Vec<(&Test, String)> =
        here.filter_map(|test| Some((test, why_flaky(test)?))).collect();
    if flaky.len() > MANY {
        let named = flaky.iter().take(MOST_NAMED).map(|(test, why)| {
            Evidence::file(&test.artefact, None, format!("{}: {why}", test.name))
        });
        return vec![Finding::new(
            FLAKY_TEST.id,
            Severity::Medium,
            "tests",
            format!("{} tests fail now and then", flaky.len()),
            "Who sees one fail learns to run it again, and so does not see what is broken.",
            "Look for what they share: time, order, the network, one file; set apart what waits for it.",
            named.collect(),
        )];
    }
    let finding = |(test, why): &(&Test, String)| {
        let name = &test.name;
        Finding::new(
            FLAKY_TEST.id,
            Severity::Low,
            &cut(name, 200),
            format!("{name} fails now and then"),
            format!("{why}, in `{}`.", test.artefact),
            "Let it wait for conditions instead of times, and share nothing with other tests.",
            vec![where_it_is(test), failures(test)],
        )
    };
    flaky.iter().map(finding).collect()
}

fn failures(test: &Test) -> Evidence {
    let failed = test.ran.iter().filter(|ran| ran.2 != Outcome::Passed).count();
    let all = test.ran.len();
    Evidence::number(failed as f64, format!("results with a failure, of {all} since the first"))
}

fn why_flaky(test: &Test) -> Option<String> {
    let repeated = test.ran.iter().filter(|ran| ran.2 == Outcome::Repeated).count();
    if repeated >= REPEATED {
        let all = test.ran.len();
        return Some(format!(
            "Its runner repeated it until it passed, in {repeated} of {all} results"
        ));
    }
    let mut by_commit: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for (_, commit, outcome) in test.ran.iter().filter(|ran| !ran.1.is_empty()) {
        let (passed, failed) = by_commit.entry(commit).or_default();
        *passed |= *outcome == Outcome::Passed;
        *failed |= *outcome == Outcome::Failed;
    }
    let differing = by_commit.values().filter(|(passed, failed)| *passed && *failed).count();
    (differing >= DIFFERING)
        .then(|| format!("At {differing} commits it both passed and failed (changes that were not committed are not seen)"))
}
