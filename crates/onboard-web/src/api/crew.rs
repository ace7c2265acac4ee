//! What a project's agents know and people answered, for whoever judges a change by it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A project's crew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewView {
    pub agents: Vec<CrewMember>,
    /// Fingerprints of findings that people dismissed, but those of agents that the project defines
    /// itself.
    pub dismissed: Vec<String>,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrewMember {
    pub name: String,
    /// The checkpoints that it shares, by name; none where it shares none.
    pub facts: BTreeMap<String, FactRow>,
    /// Its rules that people found useless.
    pub muted: Vec<String>,
    /// Its settings, as they are in force.
    pub settings: BTreeMap<String, String>,
}

/// Content in the folder of blobs, by its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRow {
    pub sha256: String,
    pub bytes: u64,
}
