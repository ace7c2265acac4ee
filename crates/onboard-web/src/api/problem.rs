//! Errors of the API: RFC 9457 problem details with a stable type.

use onboard_domain::RefusalKind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Stable kinds of error; each has one HTTP status and one exit code at the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProblemKind {
    #[serde(rename = "urn:ai-onboard:problem:invalid")]
    Invalid,
    #[serde(rename = "urn:ai-onboard:problem:unknown-agent")]
    UnknownAgent,
    #[serde(rename = "urn:ai-onboard:problem:unknown-project")]
    UnknownProject,
    #[serde(rename = "urn:ai-onboard:problem:unknown")]
    Unknown,
    #[serde(rename = "urn:ai-onboard:problem:forbidden")]
    Forbidden,
    #[serde(rename = "urn:ai-onboard:problem:limit")]
    Limit,
    #[serde(rename = "urn:ai-onboard:problem:too-large")]
    TooLarge,
    /// The loop's queue is full; come again.
    #[serde(rename = "urn:ai-onboard:problem:busy")]
    Busy,
    /// The daemon is ending.
    #[serde(rename = "urn:ai-onboard:problem:ended")]
    Ended,
    /// No answer in time; the command may still be carried out.
    #[serde(rename = "urn:ai-onboard:problem:timed-out")]
    TimedOut,
    /// The daemon could not read its own records.
    #[serde(rename = "urn:ai-onboard:problem:unreadable")]
    Unreadable,
}

impl ProblemKind {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            ProblemKind::Invalid => 400,
            ProblemKind::Forbidden => 403,
            ProblemKind::UnknownAgent | ProblemKind::UnknownProject | ProblemKind::Unknown => 404,
            ProblemKind::Limit => 409,
            ProblemKind::TooLarge => 413,
            ProblemKind::Unreadable => 500,
            ProblemKind::Busy | ProblemKind::Ended => 503,
            ProblemKind::TimedOut => 504,
        }
    }

    /// A short title, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            ProblemKind::Invalid => "the request is wrong",
            ProblemKind::UnknownAgent => "no such agent",
            ProblemKind::UnknownProject => "no such project",
            ProblemKind::Unknown => "no such thing",
            ProblemKind::Forbidden => "not allowed",
            ProblemKind::Limit => "a bound is reached",
            ProblemKind::TooLarge => "the request is too large",
            ProblemKind::Busy => "the daemon is busy",
            ProblemKind::Ended => "the daemon is ending",
            ProblemKind::TimedOut => "no answer in time",
            ProblemKind::Unreadable => "the records can't be read",
        }
    }
}

impl From<RefusalKind> for ProblemKind {
    fn from(kind: RefusalKind) -> ProblemKind {
        match kind {
            RefusalKind::Invalid => ProblemKind::Invalid,
            RefusalKind::UnknownAgent => ProblemKind::UnknownAgent,
            RefusalKind::UnknownProject => ProblemKind::UnknownProject,
            RefusalKind::Unknown => ProblemKind::Unknown,
            RefusalKind::Forbidden => ProblemKind::Forbidden,
            RefusalKind::Limit => ProblemKind::Limit,
        }
    }
}

/// An error's body, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub schema_version: u32,
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    pub title: String,
    pub status: u16,
    pub detail: String,
}

impl Problem {
    /// A problem of a kind, with a sentence that names the place and the mend.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Problem {
        Problem {
            schema_version: super::SCHEMA_VERSION,
            kind,
            title: kind.title().to_string(),
            status: kind.status(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
