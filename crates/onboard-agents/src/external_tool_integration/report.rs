//! Telling the host, and what is remembered between runs.

use std::collections::BTreeSet;

use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::MOST_FINDINGS;
use super::remotes::Remote;
use super::results::Results;
use crate::host::{AgentError, Finding, Host, LARGEST_CHECKPOINT, Level, Outcome};
use crate::telling::tell;

/// The checkpoint's name.
const MEMORY: &str = "results";

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    #[serde(default)]
    pub results: Results,
    /// Fingerprints of what was said and still holds.
    #[serde(default)]
    pub reported: BTreeSet<Fingerprint>,
    /// What was shared last.
    #[serde(default)]
    shared: Value,
}

pub fn load(host: &mut dyn Host) -> Result<Memory, AgentError> {
    let Some(text) = host.load_checkpoint(MEMORY)? else { return Ok(Memory::default()) };
    serde_json::from_str(&text).or_else(|error| {
        let why = format!("checkpoint {MEMORY} is unusable ({error}); starting anew");
        host.log(Level::Warning, &why);
        Ok(Memory::default())
    })
}

fn save(host: &mut dyn Host, memory: &mut Memory) -> Result<(), AgentError> {
    let encode = |memory: &Memory| {
        serde_json::to_string(memory).map_err(|error| AgentError::Encoding(error.to_string()))
    };
    let mut text = encode(memory)?;
    if text.len() > LARGEST_CHECKPOINT {
        // Thousands of files in each of eight results: the sums do without them.
        for series in memory.results.coverage.values_mut() {
            series.before.clear();
            series.newest.clear();
        }
        text = encode(memory)?;
    }
    Ok(host.save_checkpoint(MEMORY, &text)?)
}

/// Hands over what holds. Figures are shared, and memory is saved, when there is news: every quarter of
/// an hour would fill the journal with what nobody reads.
pub fn deliver(
    host: &mut dyn Host,
    findings: &[Finding],
    memory: &mut Memory,
    remotes: &[Remote],
) -> Result<Outcome, AgentError> {
    let told = tell(host, findings, &mut memory.reported, MOST_FINDINGS)?;
    let shared = figures(&memory.results, remotes);
    let is_news = memory.shared != shared;
    if is_news {
        host.put_state("tools", shared.clone())?;
        memory.shared = shared;
    }
    if is_news || memory.results.is_changed || told.new + told.gone > 0 {
        save(host, memory)?;
    }
    let summary = format!("{}; {}", words(&memory.results, remotes), told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

fn words(results: &Results, remotes: &[Remote]) -> String {
    let mut parts = Vec::new();
    if let Some(remote) = own(remotes) {
        parts.push(format!("{} at {}", remote.path, remote.host));
    }
    let count = |number: usize, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    };
    if results.seen.is_empty() {
        parts.push("no results of tools".to_owned());
    } else {
        parts.push(count(results.seen.len(), "file of results", "files of results"));
    }
    let (passed, failed, _) = results.tests_now();
    if passed + failed > 0 {
        let all = count(passed + failed, "test", "tests");
        parts.push(format!("{all}, {failed} failed"));
    }
    for series in results.coverage.values() {
        parts.extend(series.points.back().map(|last| format!("{:.1} % covered", last.percent())));
    }
    let alerts: usize = results.scans.values().map(|scan| scan.count()).sum();
    if !results.scans.is_empty() {
        parts.push(count(alerts, "alert", "alerts"));
    }
    if results.waiting > 0 {
        parts.push(format!("{} to be read", results.waiting));
    }
    if results.left_out > 0 {
        parts.push(format!("{} left out", results.left_out));
    }
    parts.join("; ")
}

/// The remote that the project is on.
pub fn own(remotes: &[Remote]) -> Option<&Remote> {
    let named = ["upstream", "origin"].iter();
    let mut named = named.filter_map(|name| remotes.iter().find(|remote| remote.name == *name));
    named.next().or_else(|| remotes.first())
}

fn figures(results: &Results, remotes: &[Remote]) -> Value {
    let (passed, failed, skipped) = results.tests_now();
    let coverage: Vec<Value> = results
        .coverage
        .values()
        .filter_map(|series| {
            let last = series.points.back()?;
            Some(json!({ "path": series.artefact, "reached": last.reached, "all": last.all, "commit": last.commit }))
        })
        .collect();
    let scans: Vec<Value> = results
        .scans
        .values()
        .map(|scan| {
            json!({ "path": scan.artefact, "tool": scan.tool, "alerts": scan.count(), "new": scan.fresh.len() })
        })
        .collect();
    json!({
        "schema_version": 1,
        "remotes": remotes,
        "files": results.seen.len(),
        "tests": { "passed": passed, "failed": failed, "skipped": skipped },
        "coverage": coverage,
        "scans": scans,
    })
}
