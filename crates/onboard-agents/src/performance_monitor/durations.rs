//! How long the project's builds and tests take, from what their tools leave: JUnit's XML, Ninja's log
//! and the page of `cargo build --timings`.
//!
//! A build or a run of tests is seldom of the same things as the one before. What is compared is the sum
//! of the parts' own times, and a series is of about as many parts: half of a test suite, or a build
//! after a small change, is another series than the whole.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::formats::{Measured, measured};
use crate::xml::{self, Part};

/// What takes less is not worth anybody's time.
const LEAST_SECONDS: f64 = 1.0;
/// Suites of one file, and lines of one log.
const MOST_SUITES: usize = 50;
const MOST_LINES: usize = 100_000;

/// Whether such a file is kept here, by its path in the project.
pub fn is_kept_in(path: &Path, name: &str) -> bool {
    let is_junit = ["junit", "test-", "test_", "tests"]
        .iter()
        .any(|word| name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word)));
    (is_junit && has_extension(name, "xml")) || name == ".ninja_log" || is_timings(path, name)
}

/// The newest page has a name of its own, besides the one with its date.
fn is_timings(path: &Path, name: &str) -> bool {
    path.starts_with("target/cargo-timings") && name == "cargo-timing.html"
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// What a file says of durations. A damaged one says nothing: who reads tests' results tells of that.
pub fn read(path: &str, name: &str, bytes: &[u8]) -> Vec<Measured> {
    let text = String::from_utf8_lossy(bytes);
    match name {
        ".ninja_log" => ninja(path, &text).into_iter().collect(),
        _ if has_extension(name, "html") => timings(&text).into_iter().collect(),
        _ => junit(&text).unwrap_or_default(),
    }
}

/// The most parts that count as about as many: a fifth more at most. Powers of two were too wide for that:
/// a suite that grows by half takes half as long again, and is not slower.
fn about(count: usize) -> usize {
    let quarters = (4.0 * (count.max(1) as f64).log2() - 1e-9).ceil();
    (quarters / 4.0).exp2().floor() as usize
}

/// A sum of parts' times, in a series of about as many parts.
fn sum(name: &str, tool: &str, parts: &str, count: usize, seconds: f64) -> Option<Measured> {
    let most = about(count);
    let comparable = format!("{tool}, up to {most} {parts}");
    (count > 0 && seconds >= LEAST_SECONDS).then(|| measured(name, &comparable, seconds * 1e9))
}

#[derive(Default)]
struct Suite {
    tests: usize,
    seconds: f64,
    /// A test that failed ended early, or late.
    has_failed: bool,
}

/// The tests' own times, suite by suite. Skipped ones take none.
fn junit(text: &str) -> Option<Vec<Measured>> {
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    let mut test = None;
    xml::read(text, &mut |part| match part {
        Part::Begins(element) => match element.name() {
            "testsuite" => open.push(element.attribute("name").unwrap_or_default()),
            "testcase" => {
                test = element.attribute("time").and_then(|time| time.parse::<f64>().ok());
            }
            "skipped" | "ignored" | "disabled" => test = None,
            "failure" | "error" | "flakyFailure" | "flakyError" | "rerunFailure" => {
                let name = open.last().cloned().unwrap_or_default();
                suites.entry(name).or_default().has_failed = true;
            }
            _ => {}
        },
        Part::Ends("testsuite") => drop(open.pop()),
        Part::Ends("testcase") => {
            if let (Some(seconds), Some(name)) = (test.take(), open.last()) {
                let suite = suites.entry(name.clone()).or_default();
                suite.tests += 1;
                suite.seconds += seconds;
            }
        }
        Part::Text(_) | Part::Ends(_) => {}
    })
    .ok()?;
    let sound = suites.into_iter().filter(|(name, suite)| !suite.has_failed && !name.is_empty());
    let found = sound.filter_map(|(name, suite)| {
        sum(&format!("tests of {name}"), "JUnit", "tests", suite.tests, suite.seconds)
    });
    Some(found.take(MOST_SUITES).collect())
}

/// How long each step took when it was last done: Ninja appends, and the last line of an output counts.
/// A line has begin, end, the output's moment, the output and a hash of the command.
fn ninja(path: &str, text: &str) -> Option<Measured> {
    let mut lines = text.lines();
    lines.next().filter(|header| header.starts_with("# ninja log v"))?;
    let mut outputs: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
    for line in lines.take(MOST_LINES) {
        let words: Vec<&str> = line.split('\t').collect();
        let [begin, end, _, output, command] = words[..] else { continue };
        let (Ok(begin), Ok(end)) = (begin.parse::<u32>(), end.parse::<u32>()) else { continue };
        outputs.insert(output, (command, f64::from(end.saturating_sub(begin)) / 1e3));
    }
    // A step with two outputs has a line of each.
    let steps: BTreeMap<&str, f64> = outputs.into_values().collect();
    let folder = path.strip_suffix("/.ninja_log").unwrap_or(".");
    sum(&format!("build in {folder}"), "Ninja", "steps", steps.len(), steps.values().sum())
}

/// A unit of work of Cargo's.
#[derive(Deserialize)]
struct Unit {
    duration: f64,
}

/// What was compiled, not what was fresh.
fn timings(text: &str) -> Option<Measured> {
    let from = text.find("UNIT_DATA = [")? + "UNIT_DATA = ".len();
    let data = &text[from..];
    let mut units = serde_json::Deserializer::from_str(data).into_iter::<Vec<Unit>>();
    let units = units.next()?.ok()?;
    let seconds = units.iter().map(|unit| unit.duration).sum();
    sum("build", "cargo --timings", "units", units.len(), seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(path: &str, text: &str, expected: Expect) {
        let name = path.rsplit('/').next().unwrap_or(path);
        assert!(is_kept_in(Path::new(path), name), "{path}");
        let lines: Vec<String> = read(path, name, text.as_bytes())
            .iter()
            .map(|one| format!("{} {:.3} s", one.name, one.nanoseconds / 1e9))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn tests_are_summed_suite_by_suite() {
        let suite =
            |name: &str, cases: &str| format!("<testsuite name='{name}'>{cases}</testsuite>");
        let case = |time: &str, within: &str| {
            format!("<testcase name='x' time='{time}'>{within}</testcase>")
        };
        let three = [case("1.5", ""), case("0.25", ""), case("9", "<skipped/>")].concat();
        let failed = [case("2", ""), case("3", "<failure message='m'/>")].concat();
        let text = format!(
            "<testsuites>{}{}{}</testsuites>",
            suite("loom::unit", &three),
            suite("loom::slow", &failed),
            suite("loom::quick", &case("0.1", ""))
        );
        check(
            "target/nextest/default/junit.xml",
            &text,
            expect!["tests of loom::unit (JUnit, up to 2 tests) 1.750 s"],
        );
        check("junit.xml", "<testsuites><testsuite", expect![[""]]);
    }

    #[test]
    fn a_class_is_a_fifth_wide_and_holds_its_count() {
        let counts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 120, 256, 257, 300, 304, 305, 512, 100_000];
        let classes: Vec<String> =
            counts.iter().map(|count| format!("{count}:{}", about(*count))).collect();
        expect!["1:1 2:2 3:3 4:4 5:5 6:6 7:8 8:8 9:9 100:107 120:128 256:256 257:304 300:304 304:304 305:362 512:512 100000:110217"].assert_eq(&classes.join(" "));
        for count in 1..20_000_usize {
            let most = about(count);
            let is_near = count <= 4 || (most as f64) < 1.19 * count as f64;
            assert!(most >= count && is_near && about(most) == most, "{count}: {most}");
        }
    }

    #[test]
    fn a_log_counts_each_step_once() {
        let log = "# ninja log v5\n0\t900\t1\ta.o\taa\n0\t4000\t1\ta.o\taa\n100\t600\t2\tb.o\tbb\n0\t7000\t3\tgen.h\tcc\n0\t7000\t3\tgen.c\tcc\ncut";
        check("build/.ninja_log", log, expect!["build in build (Ninja, up to 3 steps) 11.500 s"]);
        check("out/.ninja_log", "0\t900\t1\ta.o\taa\n", expect![[""]]);
    }

    #[test]
    fn the_page_of_cargo_has_its_units() {
        let page = "<script>const UNIT_DATA = [\n{\"i\":0,\"name\":\"serde\",\"duration\":2.5},{\"duration\":1.0}];\nconst X = [];</script>";
        check(
            "target/cargo-timings/cargo-timing.html",
            page,
            expect!["build (cargo --timings, up to 2 units) 3.500 s"],
        );
        check("target/cargo-timings/cargo-timing.html", "<html>", expect![[""]]);
    }
}
