//! From data to text: pure functions. What they need of the world is in [`Look`].
//!
//! What others wrote (agents, repositories, people) is escaped here, where it is drawn: nothing in it
//! steers the terminal. It is stored, and given as JSON, as it was said.

pub mod agents;
pub mod approvals;
pub mod check;
pub mod coordination;
pub mod council;
pub mod daemon;
pub mod findings;
pub mod hooks;
pub mod incidents;
pub mod knowledge;
pub mod manual;
pub mod metrics;
pub mod progress;
pub mod proposals;
pub mod report;
pub mod report_html;
pub mod safety;
pub mod sarif;
pub mod status;
pub mod summary;
pub mod table;
pub mod when;

use jiff::tz::TimeZone;
use onboard_domain::{Severity, Time};
use onboard_validation::show;
use onboard_web::api::StateWord;

/// How to draw.
#[derive(Clone, Debug)]
pub struct Look {
    /// Columns of the terminal; `None` where it is no terminal: then nothing is cut or wrapped.
    pub width: Option<usize>,
    pub colour: bool,
    pub now: Time,
    /// Times instead of how long ago.
    pub is_absolute: bool,
    pub zone: TimeZone,
}

/// What a text is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Look {
    /// The text on one line in a colour, where there is colour.
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        let text = show::line(text);
        if !self.colour || text.is_empty() {
            return text.into_owned();
        }
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Green => 32,
            Ink::Yellow => 33,
            Ink::Blue => 34,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A paragraph with each line after `indent` spaces, wrapped to the terminal.
    pub fn paragraph(&self, indent: usize, text: &str) -> String {
        let text = &*show::line(text);
        let Some(width) = self.width else {
            return format!("{:indent$}{text}\n", "");
        };
        let room = width.saturating_sub(indent).max(20);
        let mut out = String::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && chars(&line) + 1 + chars(word) > room {
                out.push_str(&format!("{:indent$}{line}\n", ""));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        out.push_str(&format!("{:indent$}{line}\n", ""));
        out
    }
}

/// Characters of a text: what a terminal's columns are counted in here.
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

/// A severity as symbol and word: colour is never all that tells.
pub fn severity(look: &Look, severity: Severity) -> String {
    let (symbol, word, ink) = match severity {
        Severity::Critical => ("‼", "critical", Ink::Red),
        Severity::High => ("▲", "high", Ink::Red),
        Severity::Medium => ("●", "medium", Ink::Yellow),
        Severity::Low => ("○", "low", Ink::Blue),
        Severity::Info => ("·", "info", Ink::Dim),
    };
    look.paint(ink, &format!("{symbol} {word}"))
}

/// The colour of a state.
pub fn state_ink(state: StateWord) -> Ink {
    match state {
        StateWord::Running | StateWord::Scheduled | StateWord::Idle => Ink::Green,
        StateWord::Queued | StateWord::Waiting | StateWord::Paused | StateWord::Stopping => {
            Ink::Yellow
        }
        StateWord::Failed | StateWord::Quarantined | StateWord::Disabled => Ink::Red,
        StateWord::Stopped => Ink::Dim,
    }
}

/// Bytes for people.
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{:.1} KiB", count as f64 / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
pub mod samples;
