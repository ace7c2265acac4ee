//! Findings: what agents noticed, with evidence and a suggested action.

use super::Stamp;
use onboard_domain::state::RuleRecord;
use onboard_domain::{Evidence, Severity, Worded};
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
    /// What a language model made of it, where one was asked: its words hold, or are not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worded: Option<Worded>,
    /// What it expects to come, and by when, as long as that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<String>,
    /// What became of what its rule said here.
    #[serde(default)]
    pub rule_so_far: RuleRecord,
}

impl FindingRow {
    /// The line that people see first: a model's where it holds, else the agent's own.
    pub fn headline(&self) -> &str {
        self.worded.as_ref().and_then(Worded::words).map_or(&self.title, |(title, _)| title)
    }
}

/// Whether the order with a language model's word is better than the one without: both held against what
/// became of the findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderGain {
    /// Findings that people answered, in words or by deeds.
    pub answered: usize,
    /// Lists as they stood at an answer, with something useful, something useless, and a model's word.
    pub lists: usize,
    /// The mean nDCG of these lists, 0 to 1, by the order without the model and by the one with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<f64>,
}

/// How a rule has done in a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleRow {
    pub rule: String,
    pub told: u32,
    pub accepted: u32,
    /// No longer seen, and nobody had said a word.
    pub gone: u32,
    /// No longer seen after a commit that did what they said, and nobody had said a word.
    #[serde(default)]
    pub acted: u32,
    pub dismissed: u32,
    /// How likely the next one is useful, 0 to 1,
    pub chance: f64,
    /// and where that chance lies in eight cases of ten.
    pub chance_low: f64,
    pub chance_high: f64,
    pub is_muted: bool,
}

/// How good the forecasts of a rule were. Shares are absent where too few are settled to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreRow {
    pub rule: String,
    /// Of which it is not known yet what came.
    pub open: usize,
    /// Settled chances, and how many of them came.
    pub chances: u32,
    pub came: u32,
    /// The share that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// The mean squared error of the chances, and what saying their mean each time would have given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brier: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brier_of_mean: Option<f64>,
    /// How long before it came it was said, in the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_days: Option<f64>,
    /// Settled intervals, and how many of them held what came.
    pub intervals: u32,
    pub held: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// The share that they were to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_wanted: Option<f64>,
    /// Of which nobody will know what came.
    pub unknown: u32,
}
