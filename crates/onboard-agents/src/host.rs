//! What an agent may ask of its host, and what it hands over. The host judges, stores and shows;
//! an agent sees nothing of it but this.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

pub use onboard_protocol::Machine;

pub use onboard_domain::{
    Evidence, EvidenceKind, Finding, Fingerprint, Severity, Urgency, Worded, forecast,
};

pub use crate::language_model::Model;

/// A checkpoint is UTF-8 text of at most this many bytes.
pub const LARGEST_CHECKPOINT: usize = 4 * 1024 * 1024;
/// Bytes that are no text travel as base64: three for four of a text.
pub const LARGEST_BYTES: usize = LARGEST_CHECKPOINT / 4 * 3;
/// A shared value is JSON text of at most this many bytes.
pub const LARGEST_VALUE: usize = onboard_domain::state::bounds::PAYLOAD;

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

/// A host on the network that the daemon speaks to in this run's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Where it is asked, such as `http://forge.credential.onboard`.
    pub url: String,
    /// What is behind it: `api.forge.example`, or with a port where it is not the usual one.
    pub host: String,
    /// Requests get a credential there, which no agent sees; else it is a host that the policy allows.
    pub has_credential: bool,
}

/// A request at a door.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// [`Door::url`].
    pub door: &'a str,
    /// Path and query.
    pub path: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    /// What is posted, as JSON; without it the request is a GET.
    pub json: Option<&'a [u8]>,
}

/// An answer, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

/// Why no whole answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It is longer than the bound.
    TooLarge,
    /// Anything else, in words.
    Broken(String),
}

/// What came of a request; and milliseconds since the one before, or since the run began.
pub type Reply = (Result<Answer, Unanswered>, i64);

/// How doors are asked. Not every run has one.
pub trait Doors {
    /// Those that this run may use.
    fn list(&self) -> &[Door];
    /// Asks, and waits for the whole answer within bounds of length and time.
    fn ask(&mut self, ask: &Ask<'_>) -> Reply;
}

/// No doors at all.
pub struct NoDoors;

impl Doors for NoDoors {
    fn list(&self) -> &[Door] {
        &[]
    }

    fn ask(&mut self, _: &Ask<'_>) -> Reply {
        (Err(Unanswered::Broken("this run has no such door".to_owned())), 0)
    }
}

/// How loudly the host keeps a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

/// What the host says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is kept, or was before.
    Open,
    /// People said that it is of no use: it stays away.
    Dismissed,
    /// They were told enough today: it is not kept.
    Suppressed,
}

/// A change that an agent wants: people decide, and another process writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// One line: what it changes.
    pub title: String,
    /// Why it should be changed.
    pub reason: String,
    /// A unified diff as git writes it.
    pub patch: String,
    pub evidence: Vec<Evidence>,
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
    /// Tells of a finding, or that it still holds; what people made of it.
    fn record_finding(&mut self, finding: Finding) -> Result<Standing, HostError>;
    /// Says what came of what an earlier finding expected; nothing where no such forecast is open.
    fn settle_forecast(
        &mut self,
        fingerprint: &Fingerprint,
        outcome: forecast::Outcome,
    ) -> Result<(), HostError>;
    /// Says that a commit did what an earlier finding suggested; nothing where that is not open.
    fn resolve_finding(&mut self, fingerprint: &Fingerprint, commit: &str)
    -> Result<(), HostError>;
    fn emit_event(&mut self, kind: &str, data: serde_json::Value) -> Result<(), HostError>;
    /// Writes an entry of the project's shared state; at most [`LARGEST_VALUE`] bytes.
    fn put_state(&mut self, key: &str, value: serde_json::Value) -> Result<(), HostError>;
    /// Proposes a change: its id and where it is, as words.
    fn propose(&mut self, change: &Change) -> Result<String, HostError>;
    /// The language model that the user meant for this run.
    fn model(&mut self) -> Option<&mut dyn Model>;
    /// What the machine does now, and how the newest runs of the project's agents went.
    fn machine(&mut self) -> Result<Machine, HostError>;
    /// The hosts that this run may ask through the daemon; none where nobody says otherwise.
    fn doors(&mut self) -> &mut dyn Doors {
        // It has no size: nothing is allocated, and nothing leaks.
        Box::leak(Box::new(NoDoors))
    }
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
    /// What was read a moment ago can't be read any more.
    Repository(String),
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Repository(what) => write!(f, "git: {what}"),
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
