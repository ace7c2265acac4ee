//! The integration of external tools on results as tools write them.

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use expect_test::{Expect, expect};
use onboard_agents::external_tool_integration::run;
use onboard_agents::host::Finding;

use super::fixture::{Fixture, History, NOW_MS};
use super::readers::Reader;

const HOUR_MS: i64 = 3_600_000;

/// A project whose tools write results hour by hour.
struct Project {
    fixture: Fixture,
    reader: Reader,
    hour: i64,
}

impl Project {
    fn new() -> Self {
        let mut history = History::default();
        let files = [("src/a.rs", "0\n"), ("src/b.rs", "0\n"), ("tests/test_a.py", "0\n")];
        history.commit("main", "ann", 30, "begin", &files);
        let fixture = Fixture::of(&history);
        let reader = Reader::of(fixture.root());
        Self { fixture, reader, hour: 0 }
    }

    fn commit(&self) {
        let mut more = History::default();
        more.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
        let text = format!("{}\n", self.hour);
        more.commit("main", "ann", 20, &format!("change {}", self.hour), &[("src/c.rs", &text)]);
        self.fixture.import(&more);
    }

    /// A file of results, written in this hour.
    fn write(&self, name: &str, text: &str) {
        self.fixture.write(name, text);
        let at = u64::try_from(NOW_MS + self.hour * HOUR_MS).expect("after 1970");
        let file = File::options().write(true).open(self.fixture.path(name)).expect("it is there");
        file.set_modified(UNIX_EPOCH + Duration::from_millis(at)).expect("a time");
    }

    /// One run, ten minutes later; then another hour begins.
    fn look(&mut self) -> String {
        self.reader.agent.task.now_ms = NOW_MS + self.hour * HOUR_MS + HOUR_MS / 6;
        self.hour += 1;
        self.reader.judge(run)
    }
}

/// JUnit's XML of tests and how they went.
fn junit(tests: &[(&str, &str)]) -> String {
    let case = |(name, how): &(&str, &str)| {
        let inner = match *how {
            "failed" => "<failure message='left: 1, right: 2'/>",
            "repeated" => "<flakyFailure message='timed out'/>",
            _ => "",
        };
        format!(
            "<testcase classname='loom' name='{name}' file='tests/test_a.py' line='7'>{inner}</testcase>"
        )
    };
    format!(
        "<testsuites><testsuite>{}</testsuite></testsuites>",
        tests.iter().map(case).collect::<String>()
    )
}

fn lcov(reached: [u32; 2]) -> String {
    let lines = |reached: u32| {
        let line = |at: u32| format!("DA:{at},{}\n", u32::from(at <= reached));
        (1..=100).map(line).collect::<String>()
    };
    let [a, b] = reached.map(lines);
    format!("SF:src/a.rs\n{a}end_of_record\nSF:src/b.rs\n{b}end_of_record\n")
}

fn sarif(version: &str, alerts: &[(&str, &str, u32)]) -> String {
    let alert = |(rule, path, line): &(&str, &str, u32)| {
        format!(
            r#"{{"ruleId":"{rule}","level":"error","message":{{"text":"{rule} here"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{path}"}},"region":{{"startLine":{line}}}}}}}]}}"#
        )
    };
    let alerts: Vec<String> = alerts.iter().map(alert).collect();
    let tool = format!(r#"{{"driver":{{"name":"lint","version":"{version}"}}}}"#);
    format!(r#"{{"version":"2.1.0","runs":[{{"tool":{tool},"results":[{}]}}]}}"#, alerts.join(","))
}

/// Results hour by hour: `commit`, or how the test `empty` went; what the last looks said.
fn check_tests(steps: &str, expected: Expect) {
    let mut project = Project::new();
    let mut said = String::new();
    for step in steps.split(' ') {
        match step {
            "commit" => project.commit(),
            how => {
                project.write("junit.xml", &junit(&[("empty", how), ("full", "passed")]));
                said = project.look();
            }
        }
    }
    expected.assert_eq(&said);
}

/// Of a project in which each rule has something to say.
pub fn examples() -> Vec<Finding> {
    let mut project = Project::new();
    let address = "https://ada:hunter2hunter2@codeberg.org/ada/loom.git";
    project.fixture.git(&["remote", "add", "origin", address]);
    project.write("reports/style.sarif", "{\"runs\": [\n  {,");
    let old = ("E1", "src/a.rs", 3);
    for hour in 0..7 {
        project.commit();
        let test = |fails: bool| if fails { "failed" } else { "passed" };
        let often = if hour % 3 == 0 { "repeated" } else { "passed" };
        project.write("junit.xml", &junit(&[("empty", test(hour > 4)), ("slow", often)]));
        project.write("coverage/lcov.info", &lcov([90, if hour < 3 { 80 } else { 70 }]));
        let alerts = if hour < 2 { vec![old] } else { vec![old, ("E2", "src/b.rs", 9)] };
        project.write("reports/lint.sarif", &sarif("1", &alerts));
        project.look();
    }
    // Three new ones a run: the next says the rest.
    project.look();
    project.reader.agent.findings
}

#[test]
fn a_test_that_fails_for_good_is_said_with_both_commits() {
    check_tests(
        "failed passed commit failed commit failed",
        expect![[r#"
        succeeded: 1 file of results; 2 tests, 1 failed; 1 new
        [medium] tools/failing-test of loom empty
          loom empty fails since 2026-11-23
          In all of the newest 2 results in `junit.xml`; the one before, of 2026-11-23, was good.
          do: Read what changed between the two commits; mend the code, or the test.
          - File: left: 1, right: 2
          - Number 2: results in a row in which it failed
          - Commit: checked out when it was first seen to fail
          - Commit: checked out when it was last good"#]],
    );
}

#[test]
fn a_test_that_is_being_worked_on_is_left_alone() {
    check_tests(
        "failed failed failed failed",
        expect!["nothing to report: 1 file of results; 2 tests, 1 failed; nothing new"],
    );
    check_tests(
        "failed commit failed commit passed",
        expect!["succeeded: 1 file of results; 2 tests, 0 failed; 1 resolved"],
    );
}

#[test]
fn a_test_that_fails_now_and_then_is_said() {
    check_tests(
        "repeated passed commit repeated",
        expect![[r#"
        succeeded: 1 file of results; 2 tests, 0 failed; 1 new
        [low] tools/flaky-test of loom empty
          loom empty fails now and then
          Its runner repeated it until it passed, in 2 of 3 results, in `junit.xml`.
          do: Let it wait for conditions instead of times, and share nothing with other tests.
          - File: timed out
          - Number 2: results with a failure, of 3 since the first"#]],
    );
    check_tests(
        "failed passed commit passed failed passed commit failed passed",
        expect![[r#"
        succeeded: 1 file of results; 2 tests, 0 failed; 1 new
        [low] tools/flaky-test of loom empty
          loom empty fails now and then
          At 3 commits it both passed and failed (changes that were not committed are not seen), in `junit.xml`.
          do: Let it wait for conditions instead of times, and share nothing with other tests.
          - File: left: 1, right: 2
          - Number 3: results with a failure, of 7 since the first"#]],
    );
    // Twice is how tests are written.
    check_tests(
        "failed passed commit failed passed",
        expect!["nothing to report: 1 file of results; 2 tests, 0 failed; nothing new"],
    );
}

#[test]
fn results_of_two_versions_are_two_series_and_of_two_days_are_one() {
    let mut project = Project::new();
    let mut said = Vec::new();
    for day in 20..25 {
        project.commit();
        project.write("artifacts/junit-3.9.xml", &junit(&[("old", "failed")]));
        project.write("artifacts/junit-3.10.xml", &junit(&[("old", "passed")]));
        let how = if day == 21 { "passed" } else { "failed" };
        project.write(&format!("reports/2026-11-{day}/junit.xml"), &junit(&[("day", how)]));
        said.push(project.look());
    }
    expect![[r#"
        nothing to report: 3 files of results; 3 tests, 2 failed; nothing new
        succeeded: 4 files of results; 3 tests, 1 failed; 1 new
        [medium] tools/failing-test of loom old
          loom old fails, since 2026-11-23 at least
          In all of the newest 2 results in `artifacts/junit-3.9.xml`.
          do: Mend the code or the test; one that is meant to fail is marked as such.
          - File: left: 1, right: 2
          - Number 2: results in a row in which it failed
          - Commit: checked out when it was first seen to fail
        nothing to report: 5 files of results; 3 tests, 2 failed; nothing new
        succeeded: 6 files of results; 3 tests, 2 failed; 1 new
        [medium] tools/failing-test of loom day
          loom day fails since 2026-11-23
          In all of the newest 2 results in `reports/2026-11-23/junit.xml`; the one before, of 2026-11-23, was good.
          do: Read what changed between the two commits; mend the code, or the test.
          - File: left: 1, right: 2
          - Number 2: results in a row in which it failed
          - Commit: checked out when it was first seen to fail
          - Commit: checked out when it was last good
        nothing to report: 7 files of results; 3 tests, 2 failed; nothing new"#]].assert_eq(&said.join("\n"));
}

#[test]
fn many_tests_that_fail_are_one_finding_and_over_when_they_are() {
    let mut project = Project::new();
    let tests = ["a", "b", "c", "d"];
    let mut said = Vec::new();
    for how in ["failed", "failed", "passed"] {
        project.commit();
        project.write("build/test-results/x/TEST-a.xml", &junit(&tests.map(|test| (test, how))));
        said.push(project.look());
    }
    expect![[r#"
        nothing to report: 1 file of results; 4 tests, 4 failed; nothing new
        succeeded: 1 file of results; 4 tests, 4 failed; 1 new
        [medium] tools/failing-test of tests
          4 tests fail, the first since 2026-11-23
          4 of them were first seen to fail at fe578aef84: they may have one cause.
          do: Mend the one that failed first, and see which of the others that mends.
          - File: loom a since 2026-11-23: left: 1, right: 2
          - File: loom b since 2026-11-23: left: 1, right: 2
          - File: loom c since 2026-11-23: left: 1, right: 2
          - File: loom d since 2026-11-23: left: 1, right: 2
        succeeded: 1 file of results; 4 tests, 0 failed; 1 resolved"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn coverage_that_fell_and_stays_so_is_said_with_its_files() {
    let mut project = Project::new();
    let mut said = Vec::new();
    for reached in [[90, 80], [90, 80], [91, 80], [90, 70], [90, 69], [90, 69], [90, 70]] {
        project.commit();
        project.write("coverage/lcov.info", &lcov(reached));
        said.push(project.look());
    }
    expect![[r#"
        nothing to report: 1 file of results; 85.0 % covered; nothing new
        nothing to report: 1 file of results; 85.0 % covered; nothing new
        nothing to report: 1 file of results; 85.5 % covered; nothing new
        nothing to report: 1 file of results; 80.0 % covered; nothing new
        nothing to report: 1 file of results; 79.5 % covered; nothing new
        succeeded: 1 file of results; 79.5 % covered; 1 new
        [low] tools/coverage-fallen of coverage/lcov.info
          Tests cover 79.5 % of the lines, 85.0 % before
          Since 2026-11-23, in the newest 3 results in `coverage/lcov.info`, at 3 commits.
          do: Test what is new in src/b.rs first, or delete what nothing needs.
          - Number 85: percent of the lines before, at the median
          - Number 79.5: percent of the lines now
          - Commit: checked out at the first result that is lower
          - File: 11 more lines are not reached: 69 of 100 are, 80 of 100 before
          - File: 1 more lines are not reached: 90 of 100 are, 91 of 100 before
        nothing to report: 1 file of results; 80.0 % covered; nothing new"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn coverage_of_fewer_tests_or_for_a_moment_is_not_said() {
    let mut project = Project::new();
    let mut said = Vec::new();
    for reached in [[90, 80], [90, 80], [91, 80], [10, 0], [90, 80], [10, 0], [90, 80]] {
        project.commit();
        project.write("coverage/lcov.info", &lcov(reached));
        said.push(project.look());
    }
    assert!(said.iter().all(|words| !words.contains('\n')), "{said:?}");
}

#[test]
fn what_a_scanner_did_not_say_before_is_said() {
    let mut project = Project::new();
    let mut said = Vec::new();
    let old = ("E1", "src/a.rs", 3);
    for (version, alerts) in [
        ("1", vec![old]),
        ("1", vec![("E1", "src/a.rs", 30), ("E2", "src/b.rs", 9)]),
        ("1", vec![old]),
        // A new version finds more in the same code.
        ("2", vec![old, ("E3", "src/b.rs", 1), ("E4", "src/b.rs", 2)]),
    ] {
        project.commit();
        project.write("reports/lint.sarif", &sarif(version, &alerts));
        said.push(project.look());
    }
    expect![[r#"
        nothing to report: 1 file of results; 1 alert; nothing new
        succeeded: 1 file of results; 2 alerts; 1 new
        [medium] tools/new-alert of src/b.rs E2
          lint reports E2 in src/b.rs:9
          New on 2026-11-23, at b92d1e87b6 or since the results before it; the tool's version is the same. It is in `reports/lint.sarif`.
          do: Mend it, or suppress it where it stands with the reason.
          - File: E2: E2 here
        succeeded: 1 file of results; 1 alert; 1 resolved
        nothing to report: 1 file of results; 3 alerts; nothing new"#]].assert_eq(&said.join("\n"));
}

#[test]
fn damaged_results_are_said_with_their_place_when_they_stay_so() {
    let mut project = Project::new();
    project.write("junit.xml", "<testsuites>\n  <testcase name='a'");
    project.write("reports/lint.sarif", "{\"runs\": [\n  {,");
    project.write("coverage.xml", "<coverage generated='1'/>");
    project.write("test-results/large.xml", &"x".repeat(17 << 20));
    // Just written, it may not be whole yet.
    project.reader.agent.task.now_ms = NOW_MS + 60_000;
    let first = project.reader.judge(run);
    let second = project.look();
    project.write("junit.xml", &junit(&[("a", "passed")]));
    let third = project.look();
    expect![[r#"
        nothing to report: 1 file of results; 3 to be read; nothing new
        succeeded: 4 files of results; 3 new
        [low] tools/unreadable-result of junit.xml
          junit.xml can't be read at 2:3: syntax error: tag not closed: `>` not found before end of input
          It was written on 2026-11-23.
          do: Have it written anew; a job that is cut off leaves half a file.
          - File: syntax error: tag not closed: `>` not found before end of input
        [low] tools/unreadable-result of reports/lint.sarif
          reports/lint.sarif can't be read at 2:4: key must be a string
          It was written on 2026-11-23.
          do: Have it written anew; a job that is cut off leaves half a file.
          - File: key must be a string
        [low] tools/unreadable-result of test-results/large.xml
          test-results/large.xml can't be read: it is larger than 16 MiB
          It was written on 2026-11-23.
          do: Have it written anew; a job that is cut off leaves half a file.
          - File: it is larger than 16 MiB
        succeeded: 4 files of results; 1 test, 0 failed; 1 resolved"#]].assert_eq(&[first, second, third].join("\n"));
}

#[test]
fn a_secret_in_a_remote_is_said_and_not_shown() {
    let mut project = Project::new();
    let address = "https://ada:hunter2hunter2@codeberg.org/ada/loom.git";
    project.fixture.git(&["remote", "add", "origin", address]);
    let said = project.look();
    expect![[r#"
        succeeded: ada/loom at codeberg.org; no results of tools; 1 new
        [medium] tools/secret-in-remote of origin
          The address of the remote origin holds a secret
          Whatever reads this project can read its git configuration, and with it this password or token.
          do: Revoke it, run `git remote set-url origin https://codeberg.org/ada/loom`, and let a credential helper keep the new one.
          - File: remote origin"#]].assert_eq(&said);
    let kept = format!("{:?}", project.reader.agent.checkpoints);
    assert!(!kept.contains("hunter2"), "{kept}");
    // Nothing is news, nothing is written.
    project.reader.agent.saves_left = Some(0);
    expect!["nothing to report: ada/loom at codeberg.org; no results of tools; nothing new"]
        .assert_eq(&project.look());
    assert!(project.reader.agent.state.is_empty());
}

#[test]
fn no_project_has_no_findings() {
    let mut reader = Reader::of(std::path::Path::new("/nonexistent"));
    expect!["nothing to report: no results of tools; nothing new"].assert_eq(&reader.judge(run));
}
