//! What an agent reports: a finding, with evidence that can be checked and one suggested action.

use crate::ids::Fingerprint;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    #[default]
    Low,
    Medium,
    High,
    Critical,
}

/// Something an agent noticed about a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name of the rule, for example `health/bus-factor`.
    pub rule: String,
    pub severity: Severity,
    /// One line that names the thing.
    pub title: String,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// One sentence: what to do about it.
    #[serde(default)]
    pub action: String,
    /// What it is about: a path, a branch, a milestone.
    #[serde(default)]
    pub target: String,
    pub fingerprint: Fingerprint,
}

/// Longest texts and lists of a finding, in bytes and items: a finding is read by a person.
pub mod bounds {
    pub const RULE: usize = 80;
    pub const TITLE: usize = 200;
    pub const DETAIL: usize = 4_000;
    pub const ACTION: usize = 1_000;
    pub const TARGET: usize = 400;
    pub const EVIDENCE: usize = 20;
    pub const EVIDENCE_TEXT: usize = 400;
    pub const FINGERPRINT: usize = 64;
}

/// One checkable reason for a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub kind: EvidenceKind,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// A git object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// What an evidence points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    File,
    Commit,
    Number,
    Branch,
    Tag,
}

impl Finding {
    /// Whether every text and list is inside [`bounds`] and the required ones are there.
    ///
    /// # Errors
    /// Names the field and its bound.
    pub fn within_bounds(&self) -> Result<(), String> {
        let lengths = [
            ("rule", self.rule.len(), 1, bounds::RULE),
            ("title", self.title.len(), 1, bounds::TITLE),
            ("detail", self.detail.len(), 0, bounds::DETAIL),
            ("action", self.action.len(), 0, bounds::ACTION),
            ("target", self.target.len(), 0, bounds::TARGET),
            ("evidence", self.evidence.len(), 0, bounds::EVIDENCE),
            ("fingerprint", self.fingerprint.0.len(), 1, bounds::FINGERPRINT),
        ];
        for (field, len, min, max) in lengths {
            if len < min || len > max {
                return Err(alloc::format!("`{field}` has {len}, allowed are {min} to {max}"));
            }
        }
        match self.evidence.iter().position(|e| {
            e.text.len() > bounds::EVIDENCE_TEXT
                || e.path.as_ref().is_some_and(|p| p.len() > bounds::TARGET)
                || e.oid.as_ref().is_some_and(|o| o.len() > bounds::FINGERPRINT)
        }) {
            Some(at) => Err(alloc::format!("`evidence[{at}]` is longer than its bound")),
            None => Ok(()),
        }
    }
}
