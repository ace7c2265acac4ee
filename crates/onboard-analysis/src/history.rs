//! A project's history as plain values: commits and the paths they changed.

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
