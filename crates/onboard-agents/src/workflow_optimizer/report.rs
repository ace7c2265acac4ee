//! Telling the host, and what is remembered between runs.

use std::collections::BTreeSet;

use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ROOM;
use super::decide::Assessment;
use super::observe::Merged;
use crate::checkpoint::{self, encode};
use crate::facts::ProjectFacts;
use crate::host::{AgentError, Host, LARGEST_CHECKPOINT, Outcome};
use crate::telling::tell_within;

/// What a run leaves to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Fingerprints of what was said and still holds.
    reported: BTreeSet<Fingerprint>,
    /// Merges of the last year that were compared, oldest first.
    #[serde(default)]
    pub merges: Vec<Merged>,
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

/// Hands over what holds, and the figures for whoever asks.
pub fn deliver(
    host: &mut dyn Host,
    facts: &ProjectFacts,
    assessment: &Assessment,
    memory: &mut Memory,
) -> Result<Outcome, AgentError> {
    let told = tell_within(host, &assessment.holds, &mut memory.reported, ROOM)?;
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
