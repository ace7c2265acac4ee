//! Findings: what agents noticed, with evidence and a suggested action.

use super::Stamp;
use onboard_domain::{Evidence, Severity};
use serde::{Deserialize, Serialize};

/// What people made of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    Open,
    Accepted,
}

/// One live finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingRow {
    pub fingerprint: String,
    pub project: String,
    pub project_id: String,
    /// The agent that reported it.
    pub agent: String,
    pub status: FindingStatus,
    pub severity: Severity,
    pub rule: String,
    pub title: String,
    pub detail: String,
    pub evidence: Vec<Evidence>,
    /// One sentence: what to do about it.
    pub action: String,
    pub target: String,
    pub first_seen: Stamp,
    pub last_seen: Stamp,
}
