//! Incidents: what agents tried, what followed, and what people made of it.

use super::Stamp;
use onboard_domain::incident::{Consequence, Trigger};
use onboard_domain::violation::{Action, Confidence, Rule, Sensor};
use serde::{Deserialize, Serialize};

/// One incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentRow {
    pub id: String,
    pub project: String,
    pub project_id: String,
    /// Whose it is.
    pub agent: String,
    pub is_open: bool,
    pub opened: Stamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Stamp>,
    /// The hardest consequence so far.
    pub reached: Consequence,
    /// What was counted when it last escalated.
    pub why: String,
    /// What happened, oldest first.
    pub timeline: Vec<MomentRow>,
    /// Moments left out of the middle of the timeline.
    pub left_out: u32,
}

/// Something of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MomentRow {
    pub at: Stamp,
    #[serde(flatten)]
    pub what: Happened,
}

/// What happened to an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Happened {
    Escalated {
        run: String,
        trigger: Trigger,
        consequence: Consequence,
        why: String,
        evidence: Vec<ViolationRow>,
    },
    Noted {
        by: String,
        text: String,
    },
    Closed {
        by: String,
        reason: String,
    },
}

/// Something that was tried and refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationRow {
    pub at: Stamp,
    pub run: String,
    pub sensor: Sensor,
    pub confidence: Confidence,
    pub rule: Rule,
    /// What was tried.
    pub what: String,
    /// Where. Escaped: it is the agent's own making.
    pub target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
    /// The short name of the process.
    pub comm: String,
    pub action: Action,
    pub count: u64,
}
