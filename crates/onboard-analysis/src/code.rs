//! What one file's text says about itself: lines, functions, complexity, debt, tokens.
//!
//! # How it is used
//!
//! [`measure`] takes a path and the bytes of one version of a file and gives [`Measured`]: the
//! metrics, or why there are none. It depends on nothing else, so a result may be kept under the
//! content's object id (and the language's name: the path decides that) and never computed again.
//! [`measure_with_tokens`] gives the file's [`Token`]s too, from the same parse; the
//! [`clones`](crate::clones) are found from fingerprints of those.
//!
//! ```
//! use onboard_analysis::code::{Depth, Measured, measure};
//!
//! let Measured::File(file) = measure("a.py", b"def f(x):\n    return x if x else 0\n") else {
//!     panic!("a small Python file is measured");
//! };
//! assert_eq!(file.depth, Depth::Functions);
//! assert_eq!((file.functions[0].name.as_str(), file.functions[0].cyclomatic), ("f", 2));
//! ```
//!
//! # What is counted
//!
//! - **Cognitive complexity** by the published rules of SonarSource (G. A. Campbell, "Cognitive
//!   Complexity: a new way of measuring understandability", 2018): a step for each break of the
//!   linear flow, more where it is nested, one for each run of like logical operators. A function
//!   with a name is a unit of its own even inside of another; one without a name adds to the named
//!   one around it.
//! - **Cyclomatic complexity** by the words that lizard counts, so that figures compare with what
//!   teams know; where lizard passes over a branch (`unless`, `foreach` of C#, shell) it is counted.
//!   An assignment that depends (`||=`, `&&=`, `??=`) is a decision, as RuboCop and ESLint have it,
//!   and so is `?.` of C#, as in Microsoft's own metric.
//! - **Lines** as tokei counts them ([`lines`]).
//!
//! Twelve languages have functions; every other known one has lines, and says so in [`Depth`].
//! Written by programs, vendored, minified, binary and huge files are [skipped](Exclusion).

mod exclusion;
mod grammar;
pub mod lines;
mod syntax;
mod walk;

use serde::{Deserialize, Serialize};

pub use crate::note::Note;
pub use exclusion::{Exclusion, exclusion};
pub use lines::Lines;
pub use syntax::{LANGUAGES, Language};

/// A file is read up to this size: parsing takes about eighty bytes of memory a byte of text, and
/// nobody maintains a larger one by hand.
pub const MOST_BYTES: usize = 1024 * 1024;
/// Notes kept of one file; their number is counted in full.
pub const MOST_NOTES: usize = 200;

/// One function or method.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its own name; `(anonymous)` where it has none.
    pub name: String,
    /// The type it belongs to, where it stands in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// 1-based, both included.
    pub first_line: u32,
    pub last_line: u32,
    /// Without the receiver.
    pub parameters: u32,
    pub cyclomatic: u32,
    pub cognitive: u32,
    /// Control structures inside of each other at the deepest place; 0 for straight code.
    pub nesting: u32,
    /// Without a name and inside of a named one, whose cognitive complexity includes it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub included: bool,
}

impl Function {
    /// Lines from its first to its last.
    pub fn length(&self) -> u32 {
        self.last_line.saturating_sub(self.first_line) + 1
    }

    /// `Owner.name`, or the name alone.
    pub fn full_name(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{owner}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// How far a file was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Lines, notes and functions.
    Functions,
    /// There is no grammar of the language here: lines and notes only.
    LinesOnly,
    /// The text needs more steps than [`walk::MOST_NODES`] allows: functions up to there.
    Cut,
}

/// What one version of a file amounts to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileMetrics {
    pub language: String,
    pub bytes: u64,
    pub lines: Lines,
    pub depth: Depth,
    /// In the order of their ends: a function comes after those inside of it.
    pub functions: Vec<Function>,
    /// Unfinished work that its authors noted down, at most [`MOST_NOTES`].
    pub notes: Vec<Note>,
    /// All of it.
    pub note_count: u32,
    /// Share of the bytes that the grammar could not make sense of.
    pub error_share: f64,
}

impl FileMetrics {
    /// Functions that count by themselves.
    fn counted(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(|function| !function.included)
    }

    /// Cognitive complexity of all functions.
    pub fn cognitive(&self) -> u32 {
        self.counted().map(|function| function.cognitive).sum()
    }

    /// Cyclomatic complexity of all functions.
    pub fn cyclomatic(&self) -> u32 {
        self.functions.iter().map(|function| function.cyclomatic).sum()
    }

    /// The function that is hardest to follow.
    pub fn worst(&self) -> Option<&Function> {
        self.counted().max_by_key(|function| (function.cognitive, function.length()))
    }

    /// The deepest nesting of any function.
    pub fn nesting(&self) -> u32 {
        self.functions.iter().map(|function| function.nesting).max().unwrap_or(0)
    }

    /// The longest function's lines.
    pub fn longest(&self) -> u32 {
        self.functions.iter().map(Function::length).max().unwrap_or(0)
    }
}

/// A file's metrics, or why it has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    File(Box<FileMetrics>),
    Skipped(Exclusion),
    /// No language that is known: not source code, as far as can be told.
    Unknown,
}

impl Measured {
    /// The metrics, where there are any.
    pub fn file(&self) -> Option<&FileMetrics> {
        match self {
            Self::File(file) => Some(file),
            Self::Skipped(_) | Self::Unknown => None,
        }
    }
}

/// One word or sign of a text, with names and constants made alike, so that code that was copied
/// and renamed has the same tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub class: u32,
    /// 1-based line it begins on.
    pub line: u32,
}

/// Measures one version of a file.
pub fn measure(path: &str, content: &[u8]) -> Measured {
    measured(path, content, None)
}

/// As [`measure`], with the tokens that duplication is found by; none for languages without a
/// grammar.
pub fn measure_with_tokens(path: &str, content: &[u8]) -> (Measured, Vec<Token>) {
    let mut tokens = Vec::new();
    let measured = measured(path, content, Some(&mut tokens));
    (measured, tokens)
}

fn measured(path: &str, content: &[u8], tokens: Option<&mut Vec<Token>>) -> Measured {
    if let Some(exclusion) = exclusion(path, content) {
        return Measured::Skipped(exclusion);
    }
    let Some(language) = Language::of(path, content) else { return Measured::Unknown };
    let mut file = FileMetrics {
        language: language.name.to_owned(),
        bytes: content.len() as u64,
        lines: lines::count(language, content),
        depth: Depth::LinesOnly,
        functions: Vec::new(),
        notes: Vec::new(),
        note_count: 0,
        error_share: 0.0,
    };
    match language.grammar() {
        Some(grammar) => walk::walk(grammar, content, &mut file, tokens),
        None => {
            file.notes = crate::note::list(content, MOST_NOTES);
            file.note_count = crate::note::count(content);
        }
    }
    Measured::File(Box::new(file))
}

#[cfg(test)]
mod tests;
