//! What results said, remembered: of tests that ever failed how they went, of coverage a series, of
//! alerts which were there before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::artefacts::junit::{Case, Outcome};
use super::artefacts::sarif::{Alert, Scan};
use super::artefacts::{Artefact, Content, Look, Mistake, coverage};

pub const DAY_MS: i64 = 86_400_000;
/// Tests remembered: where more fail, it is not the tests.
const MOST_TESTS: usize = 500;
/// Results of each: a month of one a day.
const MOST_OUTCOMES: usize = 30;
/// Files of coverage, and results of each.
const MOST_COVERAGES: usize = 8;
const MOST_POINTS: usize = 40;
/// Tools that scan, in files of their own.
const MOST_SCANS: usize = 32;
/// Of a test that is not run any more, and of alerts that are old enough to be known.
const FORGET_MS: i64 = 30 * DAY_MS;
pub const KNOWN_MS: i64 = 14 * DAY_MS;
/// Digits of a commit that are kept.
const COMMIT: usize = 10;
/// Lines less that are covered, in percent of all, for it to be worth a word.
pub const FALL: f64 = 2.0;
/// Results that a level is the median of.
const LEVEL: usize = 10;

/// When, at which commit that was checked out when it was read, and how it went.
pub type Ran = (i64, String, Outcome);

/// A test that failed once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Test {
    pub name: String,
    /// The file of results that it is in.
    pub artefact: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    /// Oldest first.
    pub ran: VecDeque<Ran>,
    /// Why it failed at last.
    pub why: String,
    /// The newest results are without it.
    pub is_gone: bool,
}

/// A result of coverage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    pub at_ms: i64,
    pub commit: String,
    pub reached: u32,
    pub all: u32,
}

impl Point {
    pub fn percent(&self) -> f64 {
        f64::from(self.reached) * 100.0 / f64::from(self.all.max(1))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// The newest file.
    pub artefact: String,
    pub points: VecDeque<Point>,
    /// By file, of the newest result and of the last one before that was no fall.
    pub newest: BTreeMap<String, (u32, u32)>,
    pub before: BTreeMap<String, (u32, u32)>,
}

/// An alert that was not there before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fresh {
    pub since_ms: i64,
    pub commit: String,
    pub rule: String,
    pub path: String,
    pub line: Option<u32>,
    pub is_error: bool,
    pub message: String,
}

/// What a tool reports.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Alerts {
    /// The newest file.
    pub artefact: String,
    pub tool: String,
    version: String,
    known: BTreeSet<String>,
    pub fresh: BTreeMap<String, Fresh>,
}

impl Alerts {
    pub fn count(&self) -> usize {
        self.known.len() + self.fresh.len()
    }
}

/// A file of results as it was when it was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    pub written_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mistake: Option<Mistake>,
    /// Tests that passed, failed and were skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<(usize, usize, usize)>,
}

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub seen: BTreeMap<String, Seen>,
    pub tests: BTreeMap<String, Test>,
    pub coverage: BTreeMap<String, Coverage>,
    pub scans: BTreeMap<String, Alerts>,
    /// Of the last look.
    #[serde(skip)]
    pub waiting: usize,
    #[serde(skip)]
    pub left_out: usize,
    /// Something was read, or is gone.
    #[serde(skip)]
    pub is_changed: bool,
}

/// A file and those that are written in its place under another date or number: what stands in a name
/// with six digits and more is left out of it. Fewer are versions, whose results are not one series.
pub fn series(path: &str) -> String {
    let mut name = String::new();
    let mut number = String::new();
    for letter in path.chars().chain(['/']) {
        let goes_on = !number.is_empty() && matches!(letter, '-' | '_' | ':' | '.' | 'T' | 'Z');
        if letter.is_ascii_digit() || goes_on {
            number.push(letter);
            continue;
        }
        let digits = number.chars().filter(char::is_ascii_digit).count();
        name.push_str(if digits >= 6 { "#" } else { &number });
        number.clear();
        name.push(letter);
    }
    name.pop();
    name
}

impl Results {
    /// The newest of each series: its tests that passed, failed and were skipped, in all.
    pub fn tests_now(&self) -> (usize, usize, usize) {
        let mut newest: BTreeMap<String, (i64, (usize, usize, usize))> = BTreeMap::new();
        for (path, seen) in &self.seen {
            let Some(tests) = seen.tests else { continue };
            let kept = newest.entry(series(path)).or_insert((seen.written_ms, tests));
            if seen.written_ms > kept.0 {
                *kept = (seen.written_ms, tests);
            }
        }
        newest
            .values()
            .fold((0, 0, 0), |sum, (_, tests)| (sum.0 + tests.0, sum.1 + tests.1, sum.2 + tests.2))
    }

    /// Adds what a look found.
    pub fn take(&mut self, look: Look, head: &str, now_ms: i64) {
        (self.waiting, self.left_out) = (look.waiting, look.left_out);
        let present: BTreeSet<&String> = look.present.iter().collect();
        let before = self.seen.len();
        self.seen.retain(|path, _| present.contains(path));
        let present: BTreeSet<String> = present.iter().map(|path| series(path)).collect();
        self.coverage.retain(|name, _| present.contains(name));
        self.scans.retain(|_, scan| present.contains(&series(&scan.artefact)));
        for test in self.tests.values_mut() {
            test.is_gone |= !present.contains(&series(&test.artefact));
        }
        self.is_changed = self.seen.len() < before || !look.read.is_empty();
        let commit: String = head.chars().take(COMMIT).collect();
        for artefact in look.read {
            self.take_one(artefact, &commit);
        }
        self.forget(now_ms);
    }

    fn take_one(&mut self, artefact: Artefact, commit: &str) {
        let Artefact { path, written_ms, content } = artefact;
        let mut seen = Seen { written_ms, mistake: None, tests: None };
        match content {
            Err(mistake) => seen.mistake = Some(mistake),
            Ok(Content::Other) => {}
            Ok(Content::Tests(cases)) => {
                seen.tests = Some(counts(&cases));
                self.take_tests(&path, written_ms, commit, cases);
            }
            Ok(Content::Coverage(lines)) => self.take_coverage(&path, written_ms, commit, lines),
            Ok(Content::Alerts(scans)) => {
                for (number, scan) in scans.into_iter().enumerate() {
                    self.take_scan(&path, number, written_ms, commit, scan);
                }
            }
        }
        self.seen.insert(path, seen);
    }

    fn take_tests(&mut self, path: &str, at_ms: i64, commit: &str, cases: Vec<Case>) {
        let series = series(path);
        let is_here = |test: &&mut Test| self::series(&test.artefact) == series;
        for test in self.tests.values_mut().filter(is_here) {
            test.is_gone = true;
        }
        for case in cases {
            let has_failed = matches!(case.outcome, Outcome::Failed | Outcome::Repeated);
            // The same test in another series runs under another version, or on another system.
            let key = format!("{series} {}", case.name);
            let is_known = self.tests.contains_key(&key);
            if !is_known && (!has_failed || self.tests.len() == MOST_TESTS) {
                continue;
            }
            let test = self.tests.entry(key).or_default();
            test.name = case.name;
            test.is_gone = false;
            if case.outcome == Outcome::Skipped {
                continue;
            }
            path.clone_into(&mut test.artefact);
            (test.file, test.line) = (case.file, case.line);
            if has_failed {
                test.why = case.why;
            }
            // A test that is twice in one file has parameters that are not in its name: the worse counts.
            match test.ran.back_mut().filter(|last| last.0 == at_ms) {
                Some(last) if has_failed => last.2 = case.outcome,
                Some(_) => {}
                None => test.ran.push_back((at_ms, commit.to_owned(), case.outcome)),
            }
            if test.ran.len() > MOST_OUTCOMES {
                test.ran.pop_front();
            }
        }
    }

    fn take_coverage(&mut self, path: &str, at_ms: i64, commit: &str, lines: coverage::Lines) {
        let name = series(path);
        let is_full = self.coverage.len() == MOST_COVERAGES && !self.coverage.contains_key(&name);
        if is_full || lines.all == 0 {
            return;
        }
        let series = self.coverage.entry(name).or_default();
        path.clone_into(&mut series.artefact);
        let point =
            Point { at_ms, commit: commit.to_owned(), reached: lines.reached, all: lines.all };
        let is_fall = level(series.points.make_contiguous())
            .is_some_and(|level| point.percent() <= level - FALL);
        if !is_fall {
            series.before.clone_from(&lines.files);
        }
        series.newest = lines.files;
        series.points.push_back(point);
        if series.points.len() > MOST_POINTS {
            series.points.pop_front();
        }
    }

    fn take_scan(&mut self, path: &str, number: usize, at_ms: i64, commit: &str, scan: Scan) {
        let name = format!("{} {number}", series(path));
        if self.scans.len() == MOST_SCANS && !self.scans.contains_key(&name) {
            return;
        }
        let marks: BTreeSet<String> = scan.alerts.iter().map(|alert| alert.mark.clone()).collect();
        let kept = self.scans.entry(name).or_default();
        let is_comparable =
            !kept.artefact.is_empty() && kept.tool == scan.tool && kept.version == scan.version;
        if !is_comparable {
            // Another tool, or another version: what it finds says nothing of the code.
            let artefact = path.to_owned();
            let Scan { tool, version, .. } = scan;
            *kept = Alerts { artefact, tool, version, known: marks, fresh: BTreeMap::new() };
            return;
        }
        path.clone_into(&mut kept.artefact);
        kept.known.retain(|mark| marks.contains(mark));
        kept.fresh.retain(|mark, _| marks.contains(mark));
        for alert in scan.alerts {
            if kept.known.contains(&alert.mark) {
                continue;
            }
            let Alert { mark, rule, path, line, is_error, message } = alert;
            let since = kept.fresh.get(&mark).map(|one| (one.since_ms, one.commit.clone()));
            let (since_ms, commit) = since.unwrap_or_else(|| (at_ms, commit.to_owned()));
            let fresh = Fresh { since_ms, commit, rule, path, line, is_error, message };
            kept.fresh.insert(mark, fresh);
        }
    }

    fn forget(&mut self, now_ms: i64) {
        self.tests.retain(|_, test| {
            test.ran.retain(|(at_ms, _, _)| now_ms - at_ms < FORGET_MS);
            test.ran.iter().any(|(_, _, outcome)| *outcome != Outcome::Passed)
        });
        for scan in self.scans.values_mut() {
            let old: Vec<String> = scan
                .fresh
                .iter()
                .filter(|(_, fresh)| now_ms - fresh.since_ms >= KNOWN_MS)
                .map(|(mark, _)| mark.clone())
                .collect();
            for mark in old {
                scan.fresh.remove(&mark);
                scan.known.insert(mark);
            }
        }
    }
}

fn counts(cases: &[Case]) -> (usize, usize, usize) {
    let count =
        |wanted: fn(Outcome) -> bool| cases.iter().filter(|case| wanted(case.outcome)).count();
    (
        count(|outcome| matches!(outcome, Outcome::Passed | Outcome::Repeated)),
        count(|outcome| outcome == Outcome::Failed),
        count(|outcome| outcome == Outcome::Skipped),
    )
}

/// What the newest results cover at the median, in percent; `None` of fewer than three.
pub fn level(points: &[Point]) -> Option<f64> {
    let newest = &points[points.len().saturating_sub(LEVEL)..];
    let percents: Vec<f64> = newest.iter().map(Point::percent).collect();
    onboard_analysis::statistics::median(&percents).filter(|_| percents.len() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn dates_and_numbers_of_runs_make_one_series_and_versions_do_not() {
        let paths = [
            "junit.xml",
            "artifacts/run-19283746/junit.xml",
            "reports/2026-11-20T10:11:12Z/junit.xml",
            "junit-2026-11-20.xml",
            "junit-3.10.xml",
            "junit-py39.xml",
        ];
        expect![[r#"
            junit.xml
            artifacts/run-#/junit.xml
            reports/#/junit.xml
            junit-#xml
            junit-3.10.xml
            junit-py39.xml"#]]
        .assert_eq(&paths.map(series).join("\n"));
    }
}
