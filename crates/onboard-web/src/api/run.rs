//! Runs, live and ended.

use super::Stamp;
use serde::{Deserialize, Serialize};

/// What a run consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunUsage {
    pub cpu_s: f64,
    pub memory_peak_bytes: u64,
    /// Time the processor limit held it back.
    pub throttled_s: f64,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: String,
    pub agent: String,
    pub agent_id: String,
    pub project: String,
    /// What caused it: `schedule`, `started`, `manual`, `changed`, `event`, `message`, `retry`,
    /// `catch_up`.
    pub trigger: String,
    /// 1 is the first.
    pub attempt: u32,
    /// The slot of the schedule that it stands for.
    pub slot: Stamp,
    pub queued: Stamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// `queued`, `placed`, `running`, `stopping`, or how it ended: `succeeded`,
    /// `nothing_to_report`, `failed`, `timed_out`, `killed`, `refused`, `lost`.
    pub result: String,
    /// Why it ended so, where that is not plain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    pub new_findings: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    pub usage: RunUsage,
}

impl RunRow {
    /// Whether the agent did its work.
    pub fn is_success(&self) -> bool {
        matches!(self.result.as_str(), "succeeded" | "nothing_to_report")
    }
}
