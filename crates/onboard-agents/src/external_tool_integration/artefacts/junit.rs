//! Results of tests as JUnit's XML, which most runners write, each a little otherwise.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{clean, own_path};
use crate::xml::{self, Element, Mistake, Part};

/// Tests of one file; the rest is left out.
const MOST_CASES: usize = 50_000;
const LONGEST_NAME: usize = 200;
const LONGEST_WHY: usize = 160;

/// How a test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    #[serde(rename = "p")]
    Passed,
    #[serde(rename = "f")]
    Failed,
    /// It failed, and passed when the runner repeated it.
    #[serde(rename = "r")]
    Repeated,
    #[serde(rename = "s")]
    Skipped,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its class and its name, as far as they differ.
    pub name: String,
    /// From the project's root, where the file is there.
    pub file: Option<String>,
    pub line: Option<u32>,
    pub outcome: Outcome,
    /// Why it failed, in one line.
    pub why: String,
}

/// Reads a file of results.
///
/// # Errors
/// When it is no well-formed XML, or not whole.
pub fn read(text: &str, root: &Path) -> Result<Vec<Case>, Mistake> {
    let mut cases = Vec::new();
    let mut open: Option<Case> = None;
    let mut suite = Vec::new();
    let mut wants_why = false;
    xml::read(text, &mut |part| match part {
        Part::Begins(element) => match (element.name(), &mut open) {
            ("testsuite", _) => {
                suite.push(element.attribute("file").or(element.attribute("filepath")))
            }
            ("testcase", _) => {
                let file = suite.last().cloned().flatten();
                open = Some(begin(&element, file, root));
            }
            ("failure" | "error", Some(case)) => {
                case.outcome = Outcome::Failed;
                wants_why = note(case, &element);
            }
            ("flakyFailure" | "flakyError", Some(case)) if case.outcome != Outcome::Failed => {
                case.outcome = Outcome::Repeated;
                wants_why = note(case, &element);
            }
            ("skipped" | "ignored" | "disabled", Some(case)) => case.outcome = Outcome::Skipped,
            _ => {}
        },
        Part::Text(words) => {
            if let Some(case) = open.as_mut().filter(|case| wants_why && case.why.is_empty()) {
                let line = words.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                case.why = clean(line, LONGEST_WHY);
            }
        }
        Part::Ends("testcase") => {
            let is_kept = |case: &Case| !case.name.is_empty() && cases.len() < MOST_CASES;
            cases.extend(open.take().filter(is_kept));
            wants_why = false;
        }
        Part::Ends("testsuite") => drop(suite.pop()),
        Part::Ends(_) => wants_why = false,
    })?;
    Ok(cases)
}

fn begin(element: &Element<'_>, suite_file: Option<String>, root: &Path) -> Case {
    let class = element.attribute("classname").unwrap_or_default();
    let own = element.attribute("name").unwrap_or_default();
    let name = match own.starts_with(&class) {
        true => own,
        false => format!("{class} {own}"),
    };
    let file = element.attribute("file").or(suite_file);
    let file = file.and_then(|written| own_path(root, &written));
    Case {
        name: clean(&name, LONGEST_NAME),
        line: element.number("line").filter(|_| file.is_some()),
        file,
        outcome: Outcome::Passed,
        why: String::new(),
    }
}

/// Keeps why it failed; says whether that has to come from the element's text.
fn note(case: &mut Case, element: &Element<'_>) -> bool {
    let message = element.attribute("message").unwrap_or_default();
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if case.why.is_empty() {
        case.why = clean(line, LONGEST_WHY);
    }
    case.why.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let said = match read(text, Path::new("/nonexistent")) {
            Err(Mistake { line, column, what }) => format!("{line}:{column}: {what}"),
            Ok(cases) => {
                let line = |case: &Case| format!("{}: {:?} {}", case.name, case.outcome, case.why);
                cases
                    .iter()
                    .map(|case| line(case).trim_end().to_owned())
                    .collect::<Vec<_>>()
                    .join("\n")
            }
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn what_runners_write() {
        // nextest, which repeats; pytest; Surefire, whose reason is text; Jest, whose name begins
        // with its class.
        check(
            r#"<?xml version="1.0"?><testsuites><testsuite name="a">
            <testcase classname="loom::parse" name="empty"><flakyFailure message="left &lt; right"/></testcase>
            <testcase classname="tests.test_a" name="test_b" file="tests/test_a.py" line="12"><failure message="assert 1 == 2&#10;more"/></testcase>
            <testcase classname="org.A" name="b"><error type="E"><![CDATA[
                java.lang.E: no
                at b]]></error></testcase>
            <testcase classname="list" name="list grows"><skipped/></testcase>
            <testcase name="c"/><system-out>x &amp; y</system-out>
            </testsuite></testsuites>"#,
            expect![[r#"
                loom::parse empty: Repeated left < right
                tests.test_a test_b: Failed assert 1 == 2
                org.A b: Failed java.lang.E: no
                list grows: Skipped
                c: Passed"#]],
        );
        check("<testsuites/>", expect![[""]]);
    }

    #[test]
    fn what_is_damaged_has_a_place() {
        check(
            "<testsuites>\n  <testcase name='a'>",
            expect!["2:22: it ends in the middle of an element"],
        );
        check(
            "<testsuites>\n  <testcase></testsuite>",
            expect![
                "2:13: ill-formed document: expected `</testcase>`, but `</testsuite>` was found"
            ],
        );
        check(
            "<testsuites>\n  <testcase name='a",
            expect![
                "2:3: syntax error: attribute value not closed: `'` not found before end of input"
            ],
        );
        check(
            "<!DOCTYPE a [<!ENTITY b 'c'>]><testsuite><testcase name='&b;'/></testsuite>",
            expect![""],
        );
        check(&"<a>".repeat(70), expect!["1:196: its elements are nested too deep"]);
    }
}
