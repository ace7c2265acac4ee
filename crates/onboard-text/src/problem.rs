//! What is wrong with a text, where, and how to mend it.

use crate::place::{Place, Span};
use alloc::string::{String, ToString};
use core::fmt;

/// Longest shown part of a line, in characters: it fits a terminal beside the line number.
const SHOWN_CHARS: usize = 100;

/// One thing that is wrong, with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    pub message: String,
    /// What would be right; may be empty.
    pub mend: String,
    /// The line, without control characters, and at most 100 characters of it.
    line: String,
    /// Characters before the caret in `line`, and how many it underlines.
    caret: (usize, usize),
}

impl Problem {
    /// A problem at `span` of `text`.
    pub fn at(file: &str, text: &str, span: Span, message: impl Into<String>) -> Problem {
        let whole = text.lines().nth(span.line.saturating_sub(1) as usize).unwrap_or("");
        let column = (span.column as usize).saturating_sub(1);
        let width = text
            .get(span.start..span.end)
            .map_or(1, |s| s.lines().next().map_or(1, |first| first.chars().count()).max(1));
        let skipped = if column >= SHOWN_CHARS { column - SHOWN_CHARS / 2 } else { 0 };
        let line: String = whole.chars().skip(skipped).take(SHOWN_CHARS).map(printable).collect();
        let start = column - skipped;
        let room = line.chars().count().saturating_sub(start).max(1);
        Problem {
            place: Place { file: file.to_string(), line: span.line, column: span.column },
            message: message.into(),
            mend: String::new(),
            line,
            caret: (start, width.min(room)),
        }
    }

    /// The same with a sentence on what would be right.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Problem {
        self.mend = mend.into();
        self
    }
}

/// A terminal must not be steered by a file's text.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.place.line.to_string();
        let gutter = number.len().max(3);
        let (start, width) = self.caret;
        let message: String = self.message.chars().map(printable).collect();
        writeln!(f, "{}: {message}", self.place)?;
        writeln!(f, "{}", alloc::format!("{number:>gutter$} | {}", self.line).trim_end())?;
        write!(f, "{:>gutter$} | {:start$}{:^<width$}", "", "", "")?;
        if !self.mend.is_empty() {
            let mend: String = self.mend.chars().map(printable).collect();
            write!(f, "\n{:>gutter$} = {mend}", "")?;
        }
        Ok(())
    }
}

impl core::error::Error for Problem {}
