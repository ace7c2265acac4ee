//! What an agent reports: a finding, with evidence that can be checked and one suggested action.

use crate::forecast::Forecast;
use crate::ids::Fingerprint;
use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};
use core::fmt;
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

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
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
    /// What it expects to come. On its way from the agent only: the journal keeps it as a fact of its
    /// own, beside the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Box<Forecast>>,
    /// How a language model put it, beside the agent's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worded: Option<Box<Worded>>,
}

crate::violation::words! {
    /// How long acting on a finding can wait, as a language model sees it. It moves a finding among those
    /// of the same severity only.
    Urgency {
        Later = "later",
        Soon = "soon",
        Now = "now",
    }
}

/// What a language model made of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worded {
    /// As its endpoint knows it.
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Its words, held against the finding: both, or neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why its words are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Worded {
    /// Its words, where they hold.
    pub fn words(&self) -> Option<(&str, &str)> {
        self.title.as_deref().zip(self.detail.as_deref())
    }
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
    /// Of what a model made of it.
    pub const MODEL: usize = 120;
    pub const WORDED: usize = 1_000;
    pub const REFUSED: usize = 300;
}

/// What [`Finding::new`] and the makers of evidence keep to, in characters and items: less than the
/// [`bounds`], which hold for everybody.
mod brief {
    /// One line of a terminal and a bit.
    pub(super) const TITLE: usize = 120;
    /// Enough to check the claim, little enough to read.
    pub(super) const EVIDENCE: usize = 8;
    pub(super) const EVIDENCE_TEXT: usize = 200;
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

impl Evidence {
    fn new(kind: EvidenceKind, text: impl Into<String>) -> Evidence {
        let text = cut(&text.into(), brief::EVIDENCE_TEXT);
        Evidence { kind, text, path: None, line: None, oid: None, value: None }
    }

    /// A place in a file.
    pub fn file(path: &str, line: Option<u32>, text: impl Into<String>) -> Evidence {
        Evidence { path: Some(path.to_owned()), line, ..Evidence::new(EvidenceKind::File, text) }
    }

    /// A commit.
    pub fn commit(oid: &str, text: impl Into<String>) -> Evidence {
        Evidence { oid: Some(oid.to_owned()), ..Evidence::new(EvidenceKind::Commit, text) }
    }

    /// A number that was counted or measured.
    pub fn number(value: f64, text: impl Into<String>) -> Evidence {
        Evidence { value: Some(value), ..Evidence::new(EvidenceKind::Number, text) }
    }

    /// A branch, at its commit.
    pub fn branch(oid: &str, text: impl Into<String>) -> Evidence {
        Evidence { oid: Some(oid.to_owned()), ..Evidence::new(EvidenceKind::Branch, text) }
    }

    /// A tag, at its commit.
    pub fn tag(oid: &str, text: impl Into<String>) -> Evidence {
        Evidence { oid: Some(oid.to_owned()), ..Evidence::new(EvidenceKind::Tag, text) }
    }
}

/// Half of a SHA-256 in hexadecimal digits: no two findings of a project will ever share one.
fn fingerprint(rule: &str, target: &str, severity: Severity) -> Fingerprint {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    for part in [rule, target, &alloc::format!("{severity}")] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let half = &hash.finalize()[..16];
    Fingerprint(half.iter().map(|byte| alloc::format!("{byte:02x}")).collect())
}

/// At most `most` characters, an ellipsis in place of what is cut.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

impl Finding {
    /// A finding that is brief. Numbers belong into the detail and the evidence: the fingerprint
    /// holds the rule, the target and the severity alone, so a finding is new only when it becomes
    /// worse or better by a class.
    pub fn new(
        rule: &str,
        severity: Severity,
        target: &str,
        title: impl Into<String>,
        detail: impl Into<String>,
        action: impl Into<String>,
        mut evidence: Vec<Evidence>,
    ) -> Finding {
        evidence.truncate(brief::EVIDENCE);
        Finding {
            rule: rule.to_owned(),
            severity,
            title: cut(&title.into(), brief::TITLE),
            detail: detail.into(),
            evidence,
            action: action.into(),
            target: target.to_owned(),
            fingerprint: fingerprint(rule, target, severity),
            forecast: None,
            worded: None,
        }
    }

    /// All that it says, its evidence as it is shown: what a text about it may name.
    pub fn all_said(&self) -> String {
        let mut all = String::new();
        for text in [&self.title, &self.detail, &self.action, &self.target] {
            all.push_str(text);
            all.push('\n');
        }
        for Evidence { text, path, line, oid, value, .. } in &self.evidence {
            let line = line.map(|line| alloc::format!(":{line}")).unwrap_or_default();
            let value = value.map(|value| alloc::format!("{value} {value:.2}")).unwrap_or_default();
            let [path, oid] = [path, oid].map(|text| text.as_deref().unwrap_or_default());
            all.push_str(&alloc::format!("{path}{line} {oid} {value} {text}\n"));
        }
        all
    }

    /// The same, with what it expects.
    pub fn expecting(self, forecast: Forecast) -> Finding {
        Finding { forecast: Some(Box::new(forecast)), ..self }
    }

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
        let worded = self.worded.iter().flat_map(|worded| {
            let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            [
                ("worded.model", worded.model.len(), bounds::MODEL),
                ("worded.title", len(&worded.title), bounds::TITLE),
                ("worded.detail", len(&worded.detail), bounds::WORDED),
                ("worded.refused", len(&worded.refused), bounds::REFUSED),
            ]
        });
        for (field, len, max) in worded {
            if len > max {
                return Err(alloc::format!("`{field}` has {len}, allowed are up to {max}"));
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
