//! A project's history as plain values: commits and the paths they changed.

use serde::{Deserialize, Serialize};

/// A commit's identity as its 40 hexadecimal digits.
pub type CommitId = String;

/// Who wrote a commit, as the commit says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub email: String,
}

/// One commit, without its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub id: CommitId,
    pub author: Person,
    /// When the work was done, milliseconds since 1970, as the commit claims.
    pub authored_ms: i64,
    /// When it was recorded, milliseconds since 1970, as the commit claims.
    pub committed_ms: i64,
    /// Two parents or more. A merge's changes are those of its parents and are not counted again.
    pub merge: bool,
    /// The first line of the message.
    pub subject: String,
    /// The message says which commit it takes back.
    pub names_reverted: bool,
}

impl Commit {
    /// Whether the commit takes back another one.
    pub fn is_revert(&self) -> bool {
        let subject = self.subject.to_ascii_lowercase();
        self.names_reverted
            || subject.starts_with("revert \"")
            || subject.starts_with("revert:")
            || subject.starts_with("revert(")
    }
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One path in one commit. A rename is a deletion and an addition; the ledger pairs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path as text; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// [`crate::path::key`] of the path's own bytes.
    pub key: u64,
    pub kind: ChangeKind,
    /// First eight bytes of the content's identity: after the change, or before a deletion.
    pub content: u64,
}

/// Lines that came and went in one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineChange {
    pub added: u32,
    pub removed: u32,
}

/// A content's identity: the object id of its blob.
pub type BlobId = [u8; 20];

/// What happened to a path, with contents: what a store of facts keeps of a commit. A rename is
/// one of these with [`Self::old_path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path after the change, or before a deletion, as text; other bytes are replaced.
    pub path: String,
    /// [`crate::path::key`] of the path's own bytes.
    pub key: u64,
    /// Where the content came from, if it was moved here.
    pub old_path: Option<String>,
    /// Content before; `None` for an addition.
    pub old: Option<BlobId>,
    /// Content after; `None` for a deletion.
    pub new: Option<BlobId>,
    /// `None` where lines were not counted, or there are none: binary or too large.
    pub lines: Option<LineChange>,
}

impl FileChange {
    pub fn kind(&self) -> ChangeKind {
        match (self.old, self.new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Deleted,
            _ => ChangeKind::Modified,
        }
    }
}

/// One commit with what it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFacts {
    pub commit: Commit,
    pub parents: Vec<CommitId>,
    /// `None` where they are not to be had: a merge (its changes are its parents'), the edge of a
    /// shallow clone, a damaged tree.
    pub changes: Option<Vec<FileChange>>,
    /// There were more paths than are read of one commit.
    pub cut: bool,
}
