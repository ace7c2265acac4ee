//! All tests: installs what they need, builds, runs everything, and as root runs the crates that
//! promise it again as an ordinary user. Ends with one plain line, `N passed, N failed`.

use std::process::Command;

use crate::check;
use crate::command;
use crate::fuzz;
use crate::ordinary_user;
use crate::packages::{self, Need};
use crate::place::Place;
use crate::report::{Outcome, Report};
use crate::workspace::Workspace;

/// What is built and run as tests. One selection for every stage, so that a later one finds built
/// what an earlier one made; the examples are measurements, and clippy has read them.
pub const BUILT: &[&str] = &["--workspace", "--lib", "--bins", "--tests"];

/// The one test that cannot run without clippy.
const NEEDS_CLIPPY: &str = "clippy_refuses_every_breach";

/// `cargo xtask test`.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let mut report = Report::default();
    report.stage("what the tests need", || {
        packages::ensure(Need::Tests)?;
        packages::ensure_component(workspace, "fmt", "rustfmt")?;
        Ok(Outcome::of(true))
    });
    let clippy = packages::ensure_component(workspace, "clippy", "clippy");
    check::house_rules(&mut report, workspace);
    match Place::choose(workspace) {
        Ok(place) => builds(&mut report, &place, clippy),
        Err(message) => report.stage("a place to build", || Err(message)),
    }
    report.stage("fuzzing, a moment each", || fuzz::briefly(workspace));
    report.close()
}

/// The stages that compile.
fn builds(report: &mut Report, place: &Place, clippy: Result<(), String>) {
    let skipped = if clippy.is_ok() { [].as_slice() } else { &[NEEDS_CLIPPY] };
    report.stage("clippy", || clippy.and_then(|()| check::clippy(place.cargo())));
    report.stage("tests", || tests(|| place.cargo(), BUILT, skipped));
    report.stage("documentation tests", || {
        let doc = ["test", "--workspace", "--doc", "--no-fail-fast", "--quiet"];
        documentation_tests(place.cargo().args(doc))
    });
    report.stage("tests as an ordinary user", || ordinary_user::run(place));
}

/// Runs tests with nextest where it is installed, else with cargo's own runner, and counts them.
/// `cargo` makes the command to start from; the tests named in `skipped` are left out.
pub fn tests(
    cargo: impl Fn() -> Command,
    arguments: &[&str],
    skipped: &[&str],
) -> Result<Outcome, String> {
    let mut command = cargo();
    if command::succeeds(cargo().args(["nextest", "--version"])) {
        command.args([
            "nextest",
            "run",
            "--no-fail-fast",
            "--no-tests=pass",
            "--status-level=slow",
        ]);
        command.args(arguments);
        for name in skipped {
            command.arg("--filterset").arg(format!("not test({name})"));
        }
        let ended = command::run(&mut command)?;
        return Ok(counted(nextest_counts(&ended.stderr), ended.success));
    }
    command.args(["test", "--no-fail-fast"]).args(arguments).arg("--");
    for name in skipped {
        command.args(["--skip", name]);
    }
    documentation_tests(&mut command)
}

fn documentation_tests(command: &mut Command) -> Result<Outcome, String> {
    let ended = command::run(command)?;
    Ok(counted(libtest_counts(&ended.stdout), ended.success))
}

/// A run that failed without a failing test (it did not build, it was killed) is one failure.
fn counted((passed, failed): (u64, u64), success: bool) -> Outcome {
    Outcome::Counted { passed, failed: if success { failed } else { failed.max(1) } }
}

/// Passed and failed in the summary nextest prints.
fn nextest_counts(text: &str) -> (u64, u64) {
    let summary =
        text.lines().rfind(|line| line.contains("tests run:") || line.contains("test run:"));
    let counts = summary.and_then(|line| line.split_once("run:")).map_or("", |(_, counts)| counts);
    // What stands in brackets (slow, flaky) is counted before them already.
    let plain: String = counts.split(')').filter_map(|part| part.split('(').next()).collect();
    let parts = || plain.split(',').filter_map(|part| part.trim().split_once(' '));
    let sum = |words: &[&str]| -> u64 {
        parts()
            .filter(|(_, word)| words.contains(&word.trim()))
            .filter_map(|(n, _)| n.parse::<u64>().ok())
            .sum()
    };
    (sum(&["passed"]), sum(&["failed", "timed out", "exec failed"]))
}

/// Passed and failed in all the `test result:` lines of the standard runner.
pub fn libtest_counts(text: &str) -> (u64, u64) {
    let mut counts = (0, 0);
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        for part in line.split([';', '.']) {
            match part.trim().split_once(' ').map(|(number, word)| (number.parse::<u64>(), word)) {
                Some((Ok(number), "passed")) => counts.0 += number,
                Some((Ok(number), "failed")) => counts.1 += number,
                _ => {}
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_both_runners() {
        let nextest = "\
            \n     Summary [   5.1s] 120 tests run: 110 passed (2 slow, 1 flaky), 6 failed, 3 timed out, 1 exec failed, 4 skipped\n";
        assert_eq!(nextest_counts(nextest), (110, 10));
        assert_eq!(nextest_counts("Summary [ 0.1s] 1 test run: 1 passed, 0 skipped"), (1, 0));
        assert_eq!(nextest_counts("error: could not compile"), (0, 0));
        let libtest = "test result: ok. 5 passed; 0 failed; 0 ignored; finished in 0.1s\n\
            noise\ntest result: FAILED. 3 passed; 2 failed; 0 ignored;";
        assert_eq!(libtest_counts(libtest), (8, 2));
    }

    #[test]
    fn a_run_that_fails_without_a_failing_test_counts_as_one() {
        assert_eq!(counted((0, 0), false), Outcome::Counted { passed: 0, failed: 1 });
        assert_eq!(counted((7, 2), false), Outcome::Counted { passed: 7, failed: 2 });
    }
}
