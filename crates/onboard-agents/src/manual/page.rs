//! A manual as Markdown: a rule alone, and an agent with all of its rules.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Bound, Manual, Rule, SILENCE};

/// A condition in words, with its number.
pub fn bound(bound: &Bound) -> String {
    let value = bound.value.map(number).unwrap_or_default();
    bound.text.replace("{}", &value)
}

/// At most two digits after the point, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What a rule says, why, when, its example and how to end it.
pub fn of_rule(manual: &Manual, rule: &Rule) -> String {
    let mut out = format!("It says {}\n\n{}\n", rule.says, rule.why);
    let when = rule.when.iter().fold(String::new(), |mut list, one| {
        let _ = writeln!(list, "- {} ({})", bound(one), one.source);
        list
    });
    let _ = write!(out, "\nWhen:\n\n{when}");
    if let Some(example) = manual.example(rule.id) {
        let _ = write!(out, "\nFor example:\n\n```text\n{example}\n```\n");
    }
    let _ = write!(out, "\nTo end it: {}\n", rule.silence);
    out
}

/// Topics that wake an agent, as its manifest says.
pub fn wakes_on(manifest: &str) -> Vec<String> {
    names(&parsed(manifest), "wakes_on")
}

fn parsed(manifest: &str) -> Value {
    serde_saphyr::from_str(manifest).unwrap_or_default()
}

fn names(manifest: &Value, key: &str) -> Vec<String> {
    let names = manifest[key].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// When an agent runs, from its manifest: `daily`, and what else wakes it.
pub fn schedule(manifest: &str) -> String {
    let manifest = parsed(manifest);
    let mut out = format!("Runs `{}`", manifest["schedule"].as_str().unwrap_or_default());
    for (key, words) in [("wakes_on", "and on"), ("depends_on", "after")] {
        let names = names(&manifest, key);
        if !names.is_empty() {
            let _ = write!(out, ", {words} `{}`", names.join("`, `"));
        }
    }
    if let Some(deadline) = manifest["limits"]["deadline"].as_str() {
        let _ = write!(out, "; a run takes at most {deadline}");
    }
    out + "."
}

/// Who publishes what, and whom it wakes: a table.
pub fn topics() -> String {
    let mut out = String::from("| topic | published by | when | wakes |\n|---|---|---|---|\n");
    for manual in super::all() {
        for (topic, when) in manual.publishes {
            let is_woken = |one: &&Manual| {
                wakes_on(one.manifest.unwrap_or_default()).iter().any(|name| name == topic)
            };
            let woken: Vec<String> =
                super::all().filter(is_woken).map(|one| format!("`{}`", one.name)).collect();
            let woken =
                if woken.is_empty() { "people's own agents".into() } else { woken.join(", ") };
            let when = when.trim_end_matches('.');
            let _ = writeln!(out, "| `{topic}` | `{}` | {when} | {woken} |", manual.name);
        }
    }
    out
}

/// The whole page.
pub fn markdown(manual: &Manual) -> String {
    let mut out = format!("# {}\n\n{}", manual.name, manual.description);
    if let Some(manifest) = manual.manifest {
        let _ = write!(out, " {}", schedule(manifest));
    }
    let _ = write!(out, "\n\n{}\n", manual.about.trim_end());
    for (heading, entries) in
        [("What it publishes", manual.publishes), ("What it shares", manual.shares)]
    {
        if !entries.is_empty() {
            let _ = write!(out, "\n## {heading}\n\n");
            for (name, words) in entries {
                let _ = writeln!(out, "- `{name}`: {words}");
            }
        }
    }
    if manual.rules.is_empty() {
        return out;
    }
    let _ = write!(out, "\n## Rules\n\n`ai_onboard explain RULE` prints one of them. {SILENCE}\n");
    for rule in manual.rules {
        let _ = write!(out, "\n### `{}`\n\n{}", rule.id, of_rule(manual, rule));
    }
    out
}
