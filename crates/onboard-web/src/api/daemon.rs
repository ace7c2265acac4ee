//! The daemon itself.

use super::{Stamp, StateWord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The build that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    pub name: String,
    pub version: String,
}

/// A known project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    pub id: String,
    pub name: String,
    pub root: String,
    pub agents: usize,
    pub findings: usize,
    /// Why the files of its policy are not in force, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_problem: Option<String>,
}

/// The emergency latch, when it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyView {
    pub since: Stamp,
    pub reason: String,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    pub hash: String,
    pub origin: String,
    pub since: Stamp,
}

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonView {
    pub version: String,
    pub pid: u32,
    pub since: Stamp,
    pub now: Stamp,
    pub state_folder: String,
    pub runtime_folder: String,
    pub config_folder: String,
    pub projects: Vec<ProjectRow>,
    /// How many agents are in each state.
    pub agents: BTreeMap<StateWord, usize>,
    pub queued_runs: usize,
    pub active_runs: usize,
    /// Motions that wait for votes of people.
    #[serde(default)]
    pub waiting_approvals: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyView>,
}

/// The state that the daemon answers from, as one number to compare a replay of the journal with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestView {
    /// The newest journal entry that is in the state.
    pub sequence: u64,
    /// SHA-256 of the serialised state, hexadecimal.
    pub digest: String,
}
