//! Telling the host, and what is remembered between runs.

use std::collections::{BTreeMap, BTreeSet};

use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ROOM;
use super::decide::{Assessment, OVERDUE_BRANCH};
use super::observe::Merged;
use crate::checkpoint::{self, encode};
use crate::facts::ProjectFacts;
use crate::host::{AgentError, EvidenceKind, Finding, Host, LARGEST_CHECKPOINT, Outcome};
use crate::telling::{Holds, tell_within};

/// What a run leaves to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Fingerprints of what was said and still holds.
    reported: BTreeSet<Fingerprint>,
    /// Merges of the last year that were compared, oldest first.
    #[serde(default)]
    pub merges: Vec<Merged>,
    /// The last commits of open branches that people were asked about.
    #[serde(default)]
    waiting: BTreeMap<Fingerprint, String>,
}

pub fn load(host: &mut dyn Host) -> Result<Memory, AgentError> {
    Ok(checkpoint::load(host, "memory")?.unwrap_or_default())
}

/// Keeps the newest half of the merges where all of them are too much: the others are compared again.
pub fn save(host: &mut dyn Host, memory: &mut Memory) -> Result<(), AgentError> {
    loop {
        let text = encode(memory)?;
        if text.len() <= LARGEST_CHECKPOINT || memory.merges.is_empty() {
            return Ok(host.save_checkpoint("memory", &text)?);
        }
        memory.merges.drain(..memory.merges.len().div_ceil(2));
    }
}

/// Of branches that people were asked about: the merges that brought them, or their own last commits
/// where they came without one.
fn landed(facts: &ProjectFacts, memory: &Memory) -> BTreeMap<Fingerprint, String> {
    let of = |(fingerprint, tip): (&Fingerprint, &String)| {
        let merge = memory.merges.iter().find(|merged| merged.own.contains(tip));
        let commit = facts.history.commits.iter().rev().find(|commit| commit.id == *tip);
        let id = merge.map(|merged| &merged.id).or(commit.map(|commit| &commit.id))?;
        Some((fingerprint.clone(), id.clone()))
    };
    memory.waiting.iter().filter_map(of).collect()
}

/// The last commits of the open branches that were said.
fn tips(holds: &Holds, reported: &BTreeSet<Fingerprint>) -> BTreeMap<Fingerprint, String> {
    let said = holds.findings.iter().filter(|finding| reported.contains(&finding.fingerprint));
    let branches = said.filter(|finding| finding.rule == OVERDUE_BRANCH.id);
    let tip = |finding: &Finding| {
        let branch = finding.evidence.iter().find(|it| it.kind == EvidenceKind::Branch)?;
        Some((finding.fingerprint.clone(), branch.oid.clone()?))
    };
    branches.filter_map(tip).collect()
}

/// Hands over what holds, and the figures for whoever asks.
pub fn deliver(
    host: &mut dyn Host,
    facts: &ProjectFacts,
    assessment: &Assessment,
    memory: &mut Memory,
) -> Result<Outcome, AgentError> {
    let holds = Holds { done: landed(facts, memory), ..assessment.holds.clone() };
    let told = tell_within(host, &holds, &mut memory.reported, ROOM)?;
    memory.waiting = tips(&holds, &memory.reported);
    let limits: Vec<&String> = facts.index.limits.iter().chain(&assessment.limits).collect();
    let mut state = json!({
        "schema_version": 1,
        "tip": facts.index.tip,
        "limits": limits,
    });
    state["figures"] = serde_json::to_value(&assessment.figures)
        .map_err(|error| AgentError::Encoding(error.to_string()))?;
    host.put_state("workflow", state)?;
    save(host, memory)?;
    let summary = format!("{}; {}", assessment.figures.words(), told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}
