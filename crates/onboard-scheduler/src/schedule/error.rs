//! What is wrong with a schedule's text: where, why, and what would be right.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

/// A refused schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The text as it was given; of a text that is too long, its first part.
    pub text: Box<str>,
    /// Where the mistake starts in `text`, in bytes.
    pub offset: usize,
    /// How long it is, in bytes; 0 when something is missing there.
    pub len: usize,
    /// What is wrong and what would be right.
    pub message: String,
    /// The whole text set right, when there is one near; it always parses.
    pub suggestion: Option<String>,
}

impl ScheduleError {
    /// The text with the place marked below it, the message, and the suggestion: two or three lines
    /// without a final newline.
    pub fn caret(&self) -> String {
        let column = self.text[..self.offset].chars().count();
        let width = self.text[self.offset..self.offset + self.len].chars().count().max(1);
        // Control characters would move the mark away from its place.
        let text: String =
            self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let message = &self.message;
        let text = text.trim_end();
        let mut lines = format!("{text}\n{:column$}{:^<width$} {message}", "", "");
        if let Some(suggestion) = &self.suggestion {
            lines += &format!("\nhelp: did you mean `{suggestion}`?");
        }
        lines
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.text[..self.offset].chars().count() + 1;
        let text = self.text.escape_debug();
        write!(f, "schedule \"{text}\", column {column}: {}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for ScheduleError {}
