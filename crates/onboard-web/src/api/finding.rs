//! Findings: what agents noticed, with evidence and a suggested action.

use super::Stamp;
use onboard_domain::state::RuleRecord;
use onboard_domain::{Evidence, Severity};
use serde::{Deserialize, Serialize};

/// What people made of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    Open,
    Accepted,
    /// Open, and not shown before its time.
    Snoozed,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Stamp>,
    /// Its place among the few of its project that are worth showing, from 1; none for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// How likely somebody finds it useful, 0 to 1, by what people made of its rule and agent.
    #[serde(default)]
    pub chance: f64,
    /// Whether people found its rule useless, so that it is not shown.
    #[serde(default)]
    pub is_muted: bool,
    /// What became of what its rule said here.
    #[serde(default)]
    pub rule_so_far: RuleRecord,
}
