//! A change that an agent proposes: a patch with its reason and evidence, what was checked of it,
//! what people decided, and the branch that came of it.

use crate::call::Under;
use crate::finding::{self, Evidence};
use crate::ids::{AgentId, AgentName, ProjectId, RunId, Time};
use crate::state::BlobRef;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Bounds of proposals. A proposal waits for a person, who reads few.
pub mod bounds {
    pub const TITLE: usize = 200;
    /// Bytes of the reason: a page.
    pub const REASON: usize = 4_000;
    /// Proposals that one run may make.
    pub const PER_RUN: u32 = 3;
    /// Proposals of a project that are being checked, wait or are being written; refused beyond.
    pub const OPEN: usize = 20;
    /// Proposals of a project that are remembered, the oldest that is settled dropped.
    pub const KEPT: usize = 200;
    /// Files of one patch.
    pub const FILES: usize = 50;
    /// Agents of a project that check proposals: each is a process a proposal.
    pub const CHECKERS: usize = 5;
    /// Runs of one check that may be lost with their daemon before it counts as failed: a check that
    /// ends the daemon each time must not do so for ever.
    pub const LOST: usize = 3;
    /// Checks that are kept of one proposal, and bytes of what each says.
    pub const CHECKS: usize = 20;
    pub const CHECK: usize = 400;
}

/// What an agent proposes. The patch itself is a blob, durable under its hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// One line: what it changes.
    pub title: String,
    /// Why it should be changed.
    pub reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    pub patch: BlobRef,
    pub files: Vec<ChangedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<Under>,
}

/// One file of a patch, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    pub path: String,
    pub change: ChangeKind,
    /// Of a renamed file: its path before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub added: u32,
    pub removed: u32,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Create,
    Modify,
    Delete,
    Rename,
}

/// One thing that was looked at before people are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name, such as `applies`.
    pub name: String,
    pub verdict: Verdict,
    /// What was found; empty where the verdict says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A check of the project's own that has come to an end. It began as its run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The agent that is the check, by name, and the program that it was then.
    pub by: AgentName,
    pub hash: String,
    /// Its run, whose log has the output.
    pub run: RunId,
    pub at: Time,
    pub passed: bool,
    /// How it ended, and its last words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
    /// It was not looked at, as the note says.
    Skipped,
}

/// A branch of the user's repository that holds a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Without `refs/heads/`.
    pub name: String,
    /// The commit, hexadecimal.
    pub commit: String,
}

/// Where a proposal is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Made; it is being looked at.
    Checking,
    /// A check failed: nobody is asked.
    Refused,
    /// It waits for people.
    Open,
    /// People said yes; its branch is being written.
    Accepted,
    Rejected,
    /// The project has moved on and it no longer applies.
    Stale,
    /// Its branch is there.
    Written,
    /// Its branch is being taken back.
    Reverting,
    Reverted,
}

impl Status {
    /// All of them, in the order of a proposal's life.
    pub const ALL: [Status; 9] = [
        Status::Checking,
        Status::Refused,
        Status::Open,
        Status::Accepted,
        Status::Rejected,
        Status::Stale,
        Status::Written,
        Status::Reverting,
        Status::Reverted,
    ];

    /// The stable word for people and programs; the same as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Status::Checking => "checking",
            Status::Refused => "refused",
            Status::Open => "open",
            Status::Accepted => "accepted",
            Status::Rejected => "rejected",
            Status::Stale => "stale",
            Status::Written => "written",
            Status::Reverting => "reverting",
            Status::Reverted => "reverted",
        }
    }

    /// Whether something is still to happen by itself or by people.
    pub fn is_open(self) -> bool {
        matches!(self, Status::Checking | Status::Open | Status::Accepted | Status::Reverting)
    }
}

/// A proposal as the state remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub project: ProjectId,
    pub agent: AgentId,
    /// The agent's name: it may be gone when people decide.
    pub by: AgentName,
    pub run: RunId,
    pub made: Time,
    pub proposed: Proposed,
    pub status: Status,
    /// When the status last changed.
    pub since: Time,
    /// The commit that it was checked against, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What the project's own checks said of it, the newest word of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
    /// When people accepted it; the commit carries this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Time>,
    /// Whether the council said that it may touch what runs by itself.
    #[serde(default, skip_serializing_if = "is_not_said")]
    pub protected: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// What was last said of it: a person's reason, or why something did not go.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Something that happened to a proposal, in the past tense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Made {
        project: ProjectId,
        agent: AgentId,
        run: RunId,
        proposed: Proposed,
    },
    /// Looked at, against this commit of the project (absent: there is none).
    Checked {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<String>,
        checks: Vec<Check>,
    },
    /// By people, who saw the patch with this hash.
    Accepted {
        patch: String,
        reason: String,
        /// Although a check of the project's own had not passed.
        #[serde(default, skip_serializing_if = "is_not_said")]
        despite_check: bool,
        /// Whether it may touch what runs by itself.
        #[serde(default, skip_serializing_if = "is_not_said")]
        protected: bool,
    },
    /// A check of the project's own has ended.
    Tried {
        trial: Trial,
    },
    Rejected {
        reason: String,
    },
    Written {
        branch: Branch,
    },
    /// The branch could not be written. `stale`: it no longer applies; otherwise it is open again.
    NotWritten {
        stale: bool,
        why: String,
    },
    /// People want it back.
    Withdrawn {
        reason: String,
    },
    /// The branch was deleted (absent), or a commit that undoes the change was put on one.
    Reverted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        branch: Option<Branch>,
    },
    NotReverted {
        why: String,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_not_said(flag: &bool) -> bool {
    !flag
}

/// Work on a proposal that a separate process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Look at it against the project as it is; nothing is written.
    Check,
    /// Write its branch.
    Write,
    /// Take its branch back.
    Revert,
}

/// What came of the work on a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    Checked {
        base: Option<String>,
        checks: Vec<Check>,
    },
    Written {
        branch: Branch,
    },
    /// `stale`: it no longer applies.
    NotWritten {
        stale: bool,
        why: String,
    },
    /// Absent: the branch is gone; otherwise it is undone on this one.
    Reverted {
        branch: Option<Branch>,
    },
    NotReverted {
        why: String,
    },
}

/// What a person decides of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes, to the patch with this hash.
    Apply {
        patch: String,
        /// Also where a check of the project's own has not passed.
        #[serde(default, skip_serializing_if = "is_not_said")]
        despite_check: bool,
        /// Also to what of it runs by itself.
        #[serde(default, skip_serializing_if = "is_not_said")]
        protected: bool,
    },
    Reject,
    Revert,
}

impl Proposed {
    /// Whether every text and list is inside [`bounds`] and the required ones are there.
    ///
    /// # Errors
    /// Names the field and its bound.
    pub fn within_bounds(&self) -> Result<(), String> {
        let lengths = [
            ("title", self.title.len(), 1, bounds::TITLE),
            ("reason", self.reason.len(), 1, bounds::REASON),
            ("evidence", self.evidence.len(), 0, finding::bounds::EVIDENCE),
            ("files", self.files.len(), 1, bounds::FILES),
        ];
        for (field, len, min, max) in lengths {
            if len < min || len > max {
                return Err(alloc::format!("`{field}` has {len}, allowed are {min} to {max}"));
            }
        }
        Ok(())
    }
}

impl Proposal {
    /// The work that is under way or still to be done, after a start too.
    pub fn work(&self) -> Option<Work> {
        match self.status {
            Status::Checking => Some(Work::Check),
            Status::Accepted => Some(Work::Write),
            Status::Reverting => Some(Work::Revert),
            _ => None,
        }
    }

    /// Whether every check passed, as far as it was made.
    pub fn passes(checks: &[Check]) -> bool {
        checks.iter().all(|check| check.verdict != Verdict::Failed)
    }
}
