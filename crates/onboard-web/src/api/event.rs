//! Events of the journal as CloudEvents, audit entries, and the lines of the watch stream.

use super::{Live, Stamp};
use onboard_domain::{Actor, Via};
use serde::{Deserialize, Serialize};

/// How much an event matters to a person who reads along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSeverity {
    Info,
    Warning,
    Error,
}

/// One event in the form of CloudEvents 1.0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    pub specversion: String,
    /// Sequence of the batch and index in it: unique along one journal.
    pub id: String,
    /// `/projects/<project>/agents/<agent>`, as far as it belongs to one.
    pub source: String,
    /// Such as `dev.ai-onboard.agent.run.ended.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The run, finding or message it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub time: Stamp,
    /// Sequence of its batch in the journal.
    pub sequence: u64,
    pub severity: EventSeverity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// One line for people.
    pub message: String,
    /// The event itself.
    pub data: serde_json::Value,
}

/// One audit entry: who asked, how, for what and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    pub sequence: u64,
    pub time: Stamp,
    pub actor: Actor,
    pub via: Via,
    pub what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// One line of the watch stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WatchLine {
    /// Every event from here on arrives; what was before is read elsewhere.
    Ready,
    Event(Box<EventRow>),
    Progress {
        agent: String,
        project: String,
        run: String,
        live: Live,
    },
    /// The reader lagged behind and events are missing: read the state anew.
    Reset,
    /// Nothing happened; the stream lives.
    Ping,
    /// The last line.
    End {
        reason: String,
    },
}
