//! Findings as SARIF 2.1.0, as code hosts and editors read them.

use onboard_agents::manual;
use onboard_domain::{Evidence, Finding, Severity};
use onboard_validation::show;
use onboard_web::api::FindingRow;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The mark's name says how it is made: rule, target and severity, hashed.
const FINGERPRINT: &str = "aiOnboard/v1";

/// One run of one tool that gave these.
pub fn log(findings: &[FindingRow]) -> Value {
    let of_agent = |row: &FindingRow| {
        let told = Told {
            rule: &row.rule,
            severity: row.severity,
            title: &row.title,
            detail: &row.detail,
            action: &row.action,
            evidence: &row.evidence,
            fingerprint: &row.fingerprint,
        };
        let mut result = result(&told);
        result["rank"] = (row.chance * 100.0).round().into();
        result["properties"]["agent"] = row.agent.clone().into();
        result["properties"]["firstSeen"] = json!(row.first_seen);
        result
    };
    let rules = findings.iter().map(|finding| finding.rule.as_str()).collect();
    run(rules, findings.iter().map(of_agent).collect())
}

/// The same of what is said of one change: it has no past.
pub fn of_change(findings: &[Finding]) -> Value {
    let told = |finding: &Finding| {
        result(&Told {
            rule: &finding.rule,
            severity: finding.severity,
            title: &finding.title,
            detail: &finding.detail,
            action: &finding.action,
            evidence: &finding.evidence,
            fingerprint: &finding.fingerprint.0,
        })
    };
    let rules = findings.iter().map(|finding| finding.rule.as_str()).collect();
    run(rules, findings.iter().map(told).collect())
}

fn run(rules: BTreeSet<&str>, results: Vec<Value>) -> Value {
    let rules: Vec<Value> = rules.into_iter().map(rule).collect();
    let driver = json!({
        "name": "AI Onboard",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "utf16CodeUnits", "results": results }],
    })
}

/// A rule; where it has a page, what that says.
fn rule(id: &str) -> Value {
    let Some((manual, rule)) = manual::rule(id) else { return json!({ "id": id }) };
    let page = manual::of_rule(manual, rule);
    json!({
        "id": id,
        "shortDescription": { "text": sentence(rule.says) },
        "fullDescription": { "text": rule.why },
        "help": { "text": format!("{page}\nai_onboard explain {id} prints this."), "markdown": page },
    })
}

/// Goes on after "it says" on the page, and stands alone here.
fn sentence(says: &str) -> String {
    let mut letters = says.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// What a result is made of, wherever it comes from.
struct Told<'a> {
    rule: &'a str,
    severity: Severity,
    title: &'a str,
    detail: &'a str,
    action: &'a str,
    evidence: &'a [Evidence],
    fingerprint: &'a str,
}

fn result(told: &Told<'_>) -> Value {
    let mut message = show::line(told.title).into_owned();
    for more in [told.detail, told.action].into_iter().filter(|text| !text.is_empty()) {
        message.push_str("\n\n");
        message.push_str(&show::lines(more));
    }
    json!({
        "ruleId": told.rule,
        "level": level(told.severity),
        "message": { "text": message },
        "locations": told.evidence.iter().filter_map(location).collect::<Vec<_>>(),
        "partialFingerprints": { FINGERPRINT: told.fingerprint },
        "properties": { "severity": told.severity },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

/// A place in a file of the project; other evidence is in the message.
fn location(evidence: &Evidence) -> Option<Value> {
    let path = evidence.path.as_deref().filter(|path| is_inside(path))?;
    let mut place = json!({ "artifactLocation": { "uri": uri(path), "uriBaseId": "%SRCROOT%" } });
    if let Some(line) = evidence.line.filter(|line| *line > 0) {
        place["region"] = json!({ "startLine": line });
    }
    Some(json!({ "physicalLocation": place, "message": { "text": show::line(&evidence.text) } }))
}

/// Whether a path leads to a place below the project's folder: as a reference, one that begins with
/// two slashes would name a host.
fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// A relative reference (RFC 3986): what is not unreserved or a slash is percent-encoded.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::finding;
    use expect_test::expect;

    #[test]
    fn places_are_below_the_project() {
        for path in ["src/a.rs", "a", ".github/x", "a..b/..c"] {
            assert!(is_inside(path), "{path}");
        }
        for path in
            ["", "/etc/passwd", "//evil.example/x", "../x", "a/../../x", "a//b", "./a", "a/"]
        {
            assert!(!is_inside(path), "{path}");
        }
    }

    #[test]
    fn a_log() {
        let mut odd = finding(Severity::Low, "a name\nwith \u{1b}[2J");
        odd.evidence.truncate(1);
        odd.evidence[0].path = Some("src/ü b#?.rs".into());
        odd.evidence[0].line = None;
        let findings = [finding(Severity::High, "one person wrote 93 % of src/engine"), odd];
        let text = serde_json::to_string_pretty(&log(&findings)).expect("text");
        expect![[r#"
            {
              "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
              "runs": [
                {
                  "columnKind": "utf16CodeUnits",
                  "results": [
                    {
                      "level": "error",
                      "locations": [
                        {
                          "message": {
                            "text": "largest file that one person wrote"
                          },
                          "physicalLocation": {
                            "artifactLocation": {
                              "uri": "src/engine/step.rs",
                              "uriBaseId": "%SRCROOT%"
                            },
                            "region": {
                              "startLine": 12
                            }
                          }
                        }
                      ],
                      "message": {
                        "text": "one person wrote 93 % of src/engine\n\nOf 214 commits that touched it, 199 are by one author.\n\nHave a second person review and change src/engine this week."
                      },
                      "partialFingerprints": {
                        "aiOnboard/v1": "5f3a9c20d1aa"
                      },
                      "properties": {
                        "agent": "project-health-monitor",
                        "firstSeen": "2026-11-18T11:06:40.000Z",
                        "severity": "high"
                      },
                      "rank": 38.0,
                      "ruleId": "health/bus-factor"
                    },
                    {
                      "level": "note",
                      "locations": [
                        {
                          "message": {
                            "text": "largest file that one person wrote"
                          },
                          "physicalLocation": {
                            "artifactLocation": {
                              "uri": "src/%C3%BC%20b%23%3F.rs",
                              "uriBaseId": "%SRCROOT%"
                            }
                          }
                        }
                      ],
                      "message": {
                        "text": "a name\\nwith \\u{1b}[2J\n\nOf 214 commits that touched it, 199 are by one author.\n\nHave a second person review and change src/engine this week."
                      },
                      "partialFingerprints": {
                        "aiOnboard/v1": "5f3a9c20d1aa"
                      },
                      "properties": {
                        "agent": "project-health-monitor",
                        "firstSeen": "2026-11-18T11:06:40.000Z",
                        "severity": "low"
                      },
                      "rank": 38.0,
                      "ruleId": "health/bus-factor"
                    }
                  ],
                  "tool": {
                    "driver": {
                      "name": "AI Onboard",
                      "rules": [
                        {
                          "fullDescription": {
                            "text": "When that person leaves, nobody who wrote the code is left to say why it is as it is. A second person learns it most cheaply while the first is there to review."
                          },
                          "help": {
                            "markdown": "It says that the project, or a module that is worked on, hangs on one person, and who comes next.\n\nWhen that person leaves, nobody who wrote the code is left to say why it is as it is. A second person learns it most cheaply while the first is there to review.\n\nWhen:\n\n- without one person more than half of the code files have no author left (the truck factor of Avelino and others, ICPC 2016, with their weights)\n- 15 code files or more have a known author (judgement: fewer say nothing about who knows a module)\n- a module had 10 commits or more in half a year (judgement: nobody needs to know what nobody changes)\n- 3 people or more committed within a year (judgement: two people know whom their project hangs on)\n\nFor example:\n\n```text\n[low] `web` hangs on one person: cy\n  cy is a main author of 17 of 17 code files (100 %); without them more than\n  half has no author left. Nobody else changed much of it.\n    17  files cy is a main author of\n    17  files with a known author\n    web  the module\n    28  commits to it in the last half-year\n  → Let a second person take the next changes here, with cy as reviewer.\n```\n\nTo end it: it goes away once a second person has changed enough of the files.\n",
                            "text": "It says that the project, or a module that is worked on, hangs on one person, and who comes next.\n\nWhen that person leaves, nobody who wrote the code is left to say why it is as it is. A second person learns it most cheaply while the first is there to review.\n\nWhen:\n\n- without one person more than half of the code files have no author left (the truck factor of Avelino and others, ICPC 2016, with their weights)\n- 15 code files or more have a known author (judgement: fewer say nothing about who knows a module)\n- a module had 10 commits or more in half a year (judgement: nobody needs to know what nobody changes)\n- 3 people or more committed within a year (judgement: two people know whom their project hangs on)\n\nFor example:\n\n```text\n[low] `web` hangs on one person: cy\n  cy is a main author of 17 of 17 code files (100 %); without them more than\n  half has no author left. Nobody else changed much of it.\n    17  files cy is a main author of\n    17  files with a known author\n    web  the module\n    28  commits to it in the last half-year\n  → Let a second person take the next changes here, with cy as reviewer.\n```\n\nTo end it: it goes away once a second person has changed enough of the files.\n\nai_onboard explain health/bus-factor prints this."
                          },
                          "id": "health/bus-factor",
                          "shortDescription": {
                            "text": "That the project, or a module that is worked on, hangs on one person, and who comes next."
                          }
                        }
                      ],
                      "semanticVersion": "VERSION"
                    }
                  }
                }
              ],
              "version": "2.1.0"
            }"#]].assert_eq(&text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }
}
