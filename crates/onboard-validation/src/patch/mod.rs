//! Patches that agents propose: unified diffs as git writes them, read and applied strictly.
//!
//! Strictly: what is not understood is refused, a hunk applies at its own line or not at all, and
//! nothing is searched for. Whatever applies here applies with `git apply` to the same bytes.

mod apply;
mod header;
mod parse;
pub mod paths;

pub use apply::{Unapplied, apply};
pub use parse::parse;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Bounds of one patch: a person reads it before it is accepted.
pub mod bounds {
    /// Bytes of its text.
    pub const BYTES: usize = 256 * 1024;
    pub const FILES: usize = 50;
    /// Hunks of one file.
    pub const HUNKS: usize = 500;
    /// Bytes of a path.
    pub const PATH: usize = 400;
}

/// A patch, as its text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// In the order of the text; no path is touched twice.
    pub files: Vec<FilePatch>,
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePatch {
    /// The file's path after the change; of a deleted one, before it.
    pub path: String,
    pub change: Change,
    pub hunks: Vec<Hunk>,
    /// The line of the patch where it begins.
    pub line: usize,
}

/// Kinds of change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Create {
        executable: bool,
    },
    /// Its content, or that it can be executed now, or both.
    Modify {
        executable: bool,
    },
    Delete,
    Rename {
        from: String,
        executable: bool,
    },
}

/// A run of lines that replaces another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// First line of the old content, from 1; with no old lines, the line before.
    pub old_start: usize,
    pub old_lines: usize,
    pub new_start: usize,
    pub new_lines: usize,
    pub lines: Vec<HunkLine>,
}

/// A line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HunkLine {
    pub kind: LineKind,
    /// With its newline, if it has one.
    pub text: String,
}

/// What a line of a hunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Context,
    Removed,
    Added,
}

/// Why a text is no patch that is taken, and at which of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// From 1; 0: the patch as a whole.
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.why)
    }
}

impl core::error::Error for Malformed {}

impl FilePatch {
    /// The path that the change reads from, if any: the old one of a renamed file.
    pub fn source(&self) -> Option<&str> {
        match &self.change {
            Change::Create { .. } => None,
            Change::Modify { .. } | Change::Delete => Some(&self.path),
            Change::Rename { from, .. } => Some(from),
        }
    }

    /// Lines added and removed.
    pub fn counts(&self) -> (usize, usize) {
        let of = |kind| {
            let lines = self.hunks.iter().flat_map(|hunk| &hunk.lines);
            lines.filter(|line| line.kind == kind).count()
        };
        (of(LineKind::Added), of(LineKind::Removed))
    }

    /// The word for the change.
    pub fn word(&self) -> &'static str {
        match &self.change {
            Change::Create { .. } => "create",
            Change::Modify { .. } => "modify",
            Change::Delete => "delete",
            Change::Rename { .. } => "rename",
        }
    }
}
