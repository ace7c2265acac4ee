//! What an agent may ask of its host, and what it hands over. The host judges, stores and shows;
//! an agent sees nothing of it but this.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A checkpoint is UTF-8 text of at most this many bytes.
pub const LARGEST_CHECKPOINT: usize = 4 * 1024 * 1024;
/// Bytes that are no text travel as base64: three for four of a text.
pub const LARGEST_BYTES: usize = LARGEST_CHECKPOINT / 4 * 3;
/// A finding's title is cut to this many characters: one line of a terminal and a bit.
pub const LONGEST_TITLE: usize = 120;
/// Evidence per finding: enough to check the claim, little enough to read.
pub const MOST_EVIDENCE: usize = 8;
/// A piece of evidence is cut to this many characters.
pub const LONGEST_EVIDENCE: usize = 200;

/// What one run is about.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// The project, readable and never written.
    pub project_root: PathBuf,
    /// The project's git folder, where it lies outside of the project: a linked work tree's or a
    /// submodule's.
    pub git_dir: Option<PathBuf>,
    /// The moment of the run, milliseconds since 1970, UTC. The only clock an agent has.
    pub now_ms: i64,
    /// The agent's settings from its configuration.
    pub settings: BTreeMap<String, String>,
    /// Files with what agents share, as they stood when the run started: by agent, by checkpoint.
    pub facts: BTreeMap<String, BTreeMap<String, PathBuf>>,
}

/// How loudly the host keeps a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

/// How much a finding matters, from a remark to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// What a piece of evidence points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    File,
    Commit,
    Number,
    Branch,
    Tag,
}

/// Something a reader can look up to check the claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub kind: EvidenceKind,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// 1-based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

impl Evidence {
    fn new(kind: EvidenceKind, text: impl Into<String>) -> Self {
        let text = cut(&text.into(), LONGEST_EVIDENCE);
        Self { kind, text, path: None, line: None, oid: None, value: None }
    }

    pub fn file(path: &str, line: Option<u32>, text: impl Into<String>) -> Self {
        Self { path: Some(path.to_owned()), line, ..Self::new(EvidenceKind::File, text) }
    }

    pub fn commit(oid: &str, text: impl Into<String>) -> Self {
        Self { oid: Some(oid.to_owned()), ..Self::new(EvidenceKind::Commit, text) }
    }

    pub fn number(value: f64, text: impl Into<String>) -> Self {
        Self { value: Some(value), ..Self::new(EvidenceKind::Number, text) }
    }

    pub fn branch(oid: &str, text: impl Into<String>) -> Self {
        Self { oid: Some(oid.to_owned()), ..Self::new(EvidenceKind::Branch, text) }
    }

    pub fn tag(oid: &str, text: impl Into<String>) -> Self {
        Self { oid: Some(oid.to_owned()), ..Self::new(EvidenceKind::Tag, text) }
    }
}

/// One thing worth a person's attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule spoke, `health/bus-factor`.
    pub rule: String,
    pub severity: Severity,
    /// Names the thing, at most [`LONGEST_TITLE`] characters.
    pub title: String,
    pub detail: String,
    /// At most [`MOST_EVIDENCE`].
    pub evidence: Vec<Evidence>,
    /// What to do about it, one sentence.
    pub action: String,
    /// What the finding is about, the same in every run: a path, a branch, a milestone.
    pub target: String,
    /// The same for the same rule, target and severity, in every run and on every machine.
    pub fingerprint: String,
}

impl Finding {
    /// Builds a finding within the bounds above. Numbers belong into the detail and the evidence:
    /// the fingerprint holds the rule, the target and the severity alone, so a finding is new
    /// only when it becomes worse or better by a class.
    pub fn new(
        rule: &str,
        severity: Severity,
        target: &str,
        title: impl Into<String>,
        detail: impl Into<String>,
        action: impl Into<String>,
        mut evidence: Vec<Evidence>,
    ) -> Self {
        evidence.truncate(MOST_EVIDENCE);
        Self {
            rule: rule.to_owned(),
            severity,
            title: cut(&title.into(), LONGEST_TITLE),
            detail: detail.into(),
            evidence,
            action: action.into(),
            target: target.to_owned(),
            fingerprint: fingerprint(rule, target, severity),
        }
    }
}

/// Half of a SHA-256 in hexadecimal digits: no two findings of a project will ever share one.
fn fingerprint(rule: &str, target: &str, severity: Severity) -> String {
    let mut hash = Sha256::new();
    for part in [rule, target, &severity.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// At most `most` characters, an ellipsis in place of what is cut.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// The host refused or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(pub String);

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host: {}", self.0)
    }
}

impl std::error::Error for HostError {}

/// The host as an agent sees it.
pub trait Host {
    fn task(&self) -> &Task;
    /// The text last saved under `name`, by this agent for this project.
    fn load_checkpoint(&mut self, name: &str) -> Result<Option<String>, HostError>;
    /// Replaces the text under `name`; at most [`LARGEST_CHECKPOINT`] bytes.
    fn save_checkpoint(&mut self, name: &str, content: &str) -> Result<(), HostError>;
    /// As [`Host::save_checkpoint`], for at most [`LARGEST_BYTES`]; agents that read this one's facts see them as a
    /// file.
    fn save_bytes(&mut self, name: &str, content: &[u8]) -> Result<(), HostError>;
    /// How far the run is; agents call it at most a few times a second.
    fn progress(&mut self, done: u64, total: Option<u64>, doing: &str) -> Result<(), HostError>;
    fn record_finding(&mut self, finding: Finding) -> Result<(), HostError>;
    fn emit_event(&mut self, kind: &str, data: serde_json::Value) -> Result<(), HostError>;
    /// Writes an entry of the project's shared state.
    fn put_state(&mut self, key: &str, value: serde_json::Value) -> Result<(), HostError>;
    fn log(&mut self, level: Level, text: &str);
}

/// How a run ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded { summary: String },
    NothingToReport { summary: String },
}

/// How a run failed. What is wrong with the project is a finding, never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentError {
    Host(HostError),
    /// The agent's own tables could not be written as text.
    Encoding(String),
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Encoding(what) => write!(f, "checkpoint cannot be encoded: {what}"),
        }
    }
}

impl std::error::Error for AgentError {}

impl From<HostError> for AgentError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}
