//! What the crew did in a window of time.

use super::{FindingRow, OrderGain, ScoreRow, Stamp};
use onboard_domain::state::Asked;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One agent's part of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    pub agent: String,
    pub project: String,
    /// Ended runs by result.
    pub results: BTreeMap<String, u32>,
    pub runs: u32,
    pub new_findings: u32,
    pub cpu_s: f64,
    /// Half of the runs took at most this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_p50_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_p95_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes: Option<u64>,
}

/// How good the forecasts of one agent's rules were, so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentScores {
    pub agent: String,
    pub project: String,
    pub scores: Vec<ScoreRow>,
}

/// What one agent asked of language models, so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentAsked {
    pub agent: String,
    pub project: String,
    pub asked: Asked,
}

/// A window, what ran in it, and what is open at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub from: Stamp,
    pub to: Stamp,
    pub agents: Vec<AgentReport>,
    /// Findings first seen in the window and still open, most worthwhile first.
    pub new_findings: Vec<FindingRow>,
    /// Findings from before the window that are still open.
    pub older_findings: usize,
    /// How good forecasts were, over all time: agents that made any.
    #[serde(default)]
    pub scores: Vec<AgentScores>,
    /// What was asked of language models, over all time: agents that asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AgentAsked>,
    /// Whether a model's word makes the order of findings better; of a project, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderGain>,
    /// What the window lacks, in whole sentences.
    pub gaps: Vec<String>,
}
