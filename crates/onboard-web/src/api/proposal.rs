//! Proposals: changes that agents want, with what was checked and what people decided.

use super::Stamp;
use onboard_domain::Evidence;
use onboard_domain::proposal::{Branch, ChangeKind, ChangedFile, Check, Status};
use serde::{Deserialize, Serialize};

/// One proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalRow {
    pub id: String,
    pub project: String,
    pub project_id: String,
    /// The agent that made it, in this run.
    pub agent: String,
    pub run: String,
    pub status: Status,
    pub made: Stamp,
    /// When the status last changed.
    pub since: Stamp,
    pub title: String,
    pub reason: String,
    pub evidence: Vec<Evidence>,
    pub files: Vec<FileRow>,
    /// What is accepted: exactly the patch with this hash.
    pub patch_sha256: String,
    pub patch_bytes: u64,
    /// The commit that it was checked against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    pub checks: Vec<Check>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// What was last said of it: a person's reason, or why something did not go.
    pub note: String,
}

/// One file of a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    pub path: String,
    pub change: ChangeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub added: u32,
    pub removed: u32,
}

/// One proposal with its patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalDetail {
    pub proposal: ProposalRow,
    pub patch: String,
}

impl From<ChangedFile> for FileRow {
    fn from(file: ChangedFile) -> FileRow {
        let ChangedFile { path, change, from, added, removed } = file;
        FileRow { path, change, from, added, removed }
    }
}
