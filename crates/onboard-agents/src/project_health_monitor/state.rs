//! What the monitor remembers between runs, as three checkpoints: what it reported (small, read by
//! every run), history folded into tables, and the notes counted in each file's content.

use std::collections::{BTreeMap, BTreeSet};

use onboard_analysis::ledger::Ledger;
use onboard_domain::Fingerprint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::decide::plan::Awaited;
use crate::checkpoint::{self, encode};
use crate::host::{AgentError, Host, LARGEST_CHECKPOINT, Level};

/// Raised whenever stored tables would be misread; older ones are thrown away and computed anew.
const VERSION: u32 = 1;
/// Files whose history is stored. One takes about 45 bytes as text with three authors and 130 at
/// the worst, so this many fit the usual project; [`save_history`] halves it where they do not.
const MOST_FILES_STORED: usize = 60_000;
/// Contents whose notes are stored, about 26 bytes each.
const MOST_CONTENTS_STORED: usize = 120_000;
/// Scores kept, one a day: a season of them.
const MOST_SCORES: usize = 120;

/// How far history has been folded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    version: u32,
    /// Everything up to this commit is in the ledger, if no walk is under way.
    pub tip: Option<String>,
    /// A walk that was cut short.
    pub walk: Option<Walk>,
    pub ledger: Ledger,
    /// Objects that could not be read: name and reason.
    pub unreadable: Vec<(String, String)>,
}

/// A first walk over a line of history, which a killed run continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    pub tip: String,
    /// Commits folded, in the order of [`crate::git::Ancestry`].
    pub done: usize,
}

/// What one content holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u8)", into = "(u32, u8)")]
pub struct Content {
    pub notes: u32,
    pub inline_tests: bool,
    /// Written by a program, too large or no text: its notes do not count.
    pub foreign: bool,
}

impl From<(u32, u8)> for Content {
    fn from((notes, flags): (u32, u8)) -> Self {
        Self { notes, inline_tests: flags & 1 != 0, foreign: flags & 2 != 0 }
    }
}

impl From<Content> for (u32, u8) {
    fn from(content: Content) -> Self {
        (content.notes, u8::from(content.inline_tests) | u8::from(content.foreign) << 1)
    }
}

/// Contents by the first eight bytes of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    version: u32,
    pub known: BTreeMap<u64, Content>,
}

/// What was said, and on what grounds nothing need be said again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reports {
    version: u32,
    /// Hash of everything the last run saw; equal means there is nothing new to see.
    pub seen: String,
    /// Fingerprints of the findings that still hold and were handed over.
    pub reported: BTreeSet<Fingerprint>,
    /// Index per day, ascending.
    pub scores: Vec<(i64, u32)>,
    /// Milestones reached; `None` before the first plan was read, so that what was reached long
    /// ago is no news.
    pub reached: Option<BTreeSet<String>>,
    /// Tasks under way; `None` as above.
    pub doing: Option<BTreeSet<String>>,
    /// A drop of the index was announced and has not been made up for.
    pub degraded: bool,
    /// Milestones that were said to be behind, until it is known whether they were missed.
    #[serde(default)]
    pub awaited: Vec<Awaited>,
    /// One line on how the project stands.
    pub standing: String,
}

impl Reports {
    /// Notes the index of a day, replacing an earlier one of the same day.
    pub fn note_score(&mut self, day: i64, index: u32) {
        self.scores.retain(|(known, _)| *known < day);
        self.scores.push((day, index));
        let surplus = self.scores.len().saturating_sub(MOST_SCORES);
        self.scores.drain(..surplus);
    }
}

pub fn load_history(host: &mut dyn Host) -> Result<History, AgentError> {
    let mut history: History = load(host, "history", |history: &History| history.version)?;
    history.ledger.reindex();
    Ok(history)
}

/// Stores the tables, dropping the files changed longest ago until they fit.
pub fn save_history(host: &mut dyn Host, history: &mut History) -> Result<(), AgentError> {
    history.version = VERSION;
    let mut most = MOST_FILES_STORED;
    loop {
        history.ledger.shrink_files(most);
        let text = encode(history)?;
        if text.len() <= LARGEST_CHECKPOINT {
            return Ok(host.save_checkpoint("history", &text)?);
        }
        if history.ledger.files.is_empty() {
            return Err(AgentError::Encoding("history does not fit".to_owned()));
        }
        most = history.ledger.files.len().min(most) / 2;
    }
}

pub fn load_contents(host: &mut dyn Host) -> Result<Contents, AgentError> {
    load(host, "notes", |contents: &Contents| contents.version)
}

/// Stores what contents hold; beyond the bound those with the greatest names are read again by
/// the next run that meets them.
pub fn save_contents(host: &mut dyn Host, contents: &mut Contents) -> Result<(), AgentError> {
    contents.version = VERSION;
    while contents.known.len() > MOST_CONTENTS_STORED {
        contents.known.pop_last();
    }
    let text = encode(contents)?;
    Ok(host.save_checkpoint("notes", &text)?)
}

pub fn load_reports(host: &mut dyn Host) -> Result<Reports, AgentError> {
    load(host, "reports", |reports: &Reports| reports.version)
}

pub fn save_reports(host: &mut dyn Host, reports: &mut Reports) -> Result<(), AgentError> {
    reports.version = VERSION;
    let text = encode(reports)?;
    Ok(host.save_checkpoint("reports", &text)?)
}

/// Reads a checkpoint; one of another version is as good as none, and said so.
fn load<T: DeserializeOwned + Default>(
    host: &mut dyn Host,
    name: &str,
    version: impl Fn(&T) -> u32,
) -> Result<T, AgentError> {
    let Some(value) = checkpoint::load(host, name)? else { return Ok(T::default()) };
    if version(&value) == VERSION {
        return Ok(value);
    }
    host.log(Level::Info, &format!("checkpoint {name} is of another version; starting anew"));
    Ok(T::default())
}
