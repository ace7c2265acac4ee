//! Telling the host, and what is remembered between runs.

use std::collections::BTreeSet;

use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};

use super::MOST_FINDINGS;
use super::forge::{Connection, Read};
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

/// Hands over what holds. Memory is saved when there is news: every quarter of an hour would fill the
/// journal with what nobody reads.
pub fn deliver(
    host: &mut dyn Host,
    findings: &[Finding],
    memory: &mut Memory,
    forge: Option<String>,
) -> Result<Outcome, AgentError> {
    let told = tell(host, findings, &mut memory.reported, MOST_FINDINGS)?;
    if memory.results.is_changed || told.new + told.gone > 0 {
        save(host, memory)?;
    }
    let summary = format!("{}; {}", words(&memory.results, forge), told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

/// What is known of the forge.
pub fn forge_words(connection: &Connection, read: &Read) -> String {
    let Connection { host, repository, .. } = connection;
    let milestones = count(read.milestones, "milestone", "milestones");
    let mut words =
        format!("{repository} at {host}: {} of {} open, {milestones}", read.open, read.all);
    if read.is_cut {
        words.push_str(", the oldest closed ones left out");
    }
    if read.sync.has_moved() {
        words.push_str(", moved to another address");
    }
    match (&read.sync.trouble, read.sync.behind_since_ms) {
        (Some(trouble), _) => words.push_str(&format!(" ({})", trouble.why)),
        (None, Some(_)) => words.push_str(", more to be read"),
        (None, None) => {}
    }
    words
}

fn count(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    }
}

fn words(results: &Results, forge: Option<String>) -> String {
    let mut parts: Vec<String> = forge.into_iter().collect();
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
