//! What code scanners report, as SARIF 2.1.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{clean, own_path};
use crate::xml::Mistake;

/// Results of one file.
const MOST_RESULTS: usize = 5_000;
const LONGEST_RULE: usize = 100;
const LONGEST_MESSAGE: usize = 160;
const LONGEST_PATH: usize = 300;

/// One tool's run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub tool: String,
    pub version: String,
    pub alerts: Vec<Alert>,
}

/// An error or a warning that nobody suppressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The same while the code moves: the tool's own fingerprint, or rule, file and words.
    pub mark: String,
    pub rule: String,
    pub path: String,
    pub line: Option<u32>,
    pub is_error: bool,
    pub message: String,
}

/// Reads a file.
///
/// # Errors
/// When it is no JSON, or no SARIF.
pub fn read(text: &str, root: &Path) -> Result<Vec<Scan>, Mistake> {
    let value: Value =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default().to_owned();
            Mistake { line: error.line(), column: error.column(), what }
        })?;
    let runs = value["runs"].as_array();
    let runs = runs.ok_or_else(|| Mistake::at_start("it has no list `runs`, as SARIF has"))?;
    Ok(runs.iter().map(|run| scan(run, root)).collect())
}

fn scan(run: &Value, root: &Path) -> Scan {
    let driver = &run["tool"]["driver"];
    let text = |value: &Value| clean(value.as_str().unwrap_or_default(), LONGEST_RULE);
    let version = driver["semanticVersion"].as_str().or(driver["version"].as_str());
    let tool = text(&driver["name"]);
    let results = run["results"].as_array().into_iter().flatten();
    let mut alerts: Vec<Alert> = results
        .filter_map(|result| alert(result, driver, &tool, root))
        .take(MOST_RESULTS)
        .collect();
    number_repeated(&mut alerts);
    Scan { version: clean(version.unwrap_or_default(), LONGEST_RULE), tool, alerts }
}

/// The same thing twice in a file is two things.
fn number_repeated(alerts: &mut [Alert]) {
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for alert in alerts {
        let count = counts.entry(alert.mark.clone()).or_default();
        *count += 1;
        if *count > 1 {
            alert.mark = format!("{}-{count}", alert.mark);
        }
    }
}

fn alert(result: &Value, driver: &Value, tool: &str, root: &Path) -> Option<Alert> {
    let rule = result["ruleId"].as_str().or(result["rule"]["id"].as_str());
    let index = result["ruleIndex"].as_u64().or(result["rule"]["index"].as_u64());
    let described = index.and_then(|at| driver["rules"].get(usize::try_from(at).ok()?));
    let rule = rule.or(described.and_then(|rule| rule["id"].as_str())).unwrap_or_default();
    let usual = described.and_then(|rule| rule["defaultConfiguration"]["level"].as_str());
    let level = result["level"].as_str().or(usual).unwrap_or("warning");
    let kind = result["kind"].as_str().unwrap_or("fail");
    let is_suppressed = result["suppressions"].as_array().is_some_and(|list| {
        list.iter().any(|one| !matches!(one["status"].as_str(), Some("underReview" | "rejected")))
    });
    if !matches!(level, "error" | "warning") || kind != "fail" || is_suppressed {
        return None;
    }
    let place = &result["locations"][0]["physicalLocation"];
    let uri = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
    let path = own_path(root, uri).unwrap_or_else(|| clean(uri, LONGEST_PATH));
    let message = result["message"]["text"].as_str().unwrap_or_default();
    let own = result["partialFingerprints"].as_object().and_then(|marks| marks.values().next());
    let own = own.and_then(Value::as_str).unwrap_or(message);
    Some(Alert {
        mark: mark(&[tool, rule, uri, own]),
        rule: clean(rule, LONGEST_RULE),
        path,
        line: place["region"]["startLine"].as_u64().and_then(|line| u32::try_from(line).ok()),
        is_error: level == "error",
        message: clean(message, LONGEST_MESSAGE),
    })
}

/// Sixteen digits: among thousands no two are the same by chance.
fn mark(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let line = |alert: &Alert| {
            let kind = if alert.is_error { "error" } else { "warning" };
            let line = alert.line.unwrap_or_default();
            format!("{kind} {} {}:{line} {}", alert.rule, alert.path, alert.message)
        };
        expected.assert_eq(&match read(text, Path::new("/nonexistent")) {
            Err(Mistake { line, column, what }) => format!("{line}:{column}: {what}"),
            Ok(scans) => {
                let scan = |scan: &Scan| {
                    let alerts = scan.alerts.iter().map(line);
                    let head = format!("{} {}", scan.tool, scan.version);
                    std::iter::once(head).chain(alerts).collect::<Vec<_>>().join("\n")
                };
                scans.iter().map(scan).collect::<Vec<_>>().join("\n")
            }
        });
    }

    #[test]
    fn what_tools_write() {
        check(
            r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint","version":"1.2","rules":[{"id":"E1","defaultConfiguration":{"level":"error"}}]}},"results":[
            {"ruleIndex":0,"message":{"text":"a\n b"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/a.rs"},"region":{"startLine":3}}}]},
            {"ruleId":"W1","message":{"text":"w"}},
            {"ruleId":"W2","level":"note","message":{"text":"n"}},
            {"ruleId":"W3","suppressions":[{"kind":"inSource"}],"message":{"text":"s"}},
            {"ruleId":"W4","kind":"pass","message":{"text":"p"}}]}]}"#,
            expect![[r#"
                lint 1.2
                error E1 src/a.rs:3 a b
                warning W1 :0 w"#]],
        );
        check("{\"runs\":[\n", expect!["2:0: EOF while parsing a list"]);
        check("[]", expect!["0:0: it has no list `runs`, as SARIF has"]);
        check(r#"{"runs":[{"tool":{"driver":{"name":"a","version":"1"}}}]}"#, expect!["a 1"]);
    }

    #[test]
    fn the_same_alert_is_known_when_it_moves_and_two_are_two() {
        let at = |line: u32| {
            format!(
                r#"{{"ruleId":"W","message":{{"text":"w"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"a"}},"region":{{"startLine":{line}}}}}}}]}}"#
            )
        };
        let marks = |lines: &[u32]| {
            let results: Vec<String> = lines.iter().map(|line| at(*line)).collect();
            let text = format!(r#"{{"runs":[{{"results":[{}]}}]}}"#, results.join(","));
            let scans = read(&text, Path::new("/nonexistent")).expect("SARIF");
            scans[0].alerts.iter().map(|alert| alert.mark.clone()).collect::<Vec<_>>()
        };
        assert_eq!(marks(&[3]), marks(&[30]));
        assert_ne!(marks(&[3, 4])[0], marks(&[3, 4])[1]);
        assert_eq!(marks(&[3, 4])[0], marks(&[3])[0]);
    }
}
