//! What the project's index found out, for the agents that judge.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use onboard_analysis::facts::{
    FILE_PARTS, FileRow, FilesPart, HISTORY_PARTS, History, HistoryPart, Index, VERSION,
    files_name, history_name,
};
use serde::de::DeserializeOwned;

use crate::host::Task;
use crate::project_index;
use crate::project_index::kinds::{self, Kinds};

/// All of the index.
#[derive(Debug)]
pub struct ProjectFacts {
    pub index: Index,
    pub history: History,
    pub files: Vec<FileRow>,
}

/// How a part of the index comes by its name: its text; `None` where there is no such part.
pub type Load<'a> = dyn FnMut(&str) -> Result<Option<String>, String> + 'a;

/// Reads the index as it stood when the run started, with the dates of broken clocks corrected; the
/// reason where there is none.
///
/// # Errors
/// What is missing, as a sentence for people.
pub fn read(task: &Task) -> Result<ProjectFacts, String> {
    let parts = task.facts.get(project_index::NAME).ok_or_else(absent)?;
    let load = &mut |name: &str| text_of(parts, name);
    let (mut index, history) = history(load)?;
    let mut files = Vec::with_capacity(index.files);
    for number in 0..FILE_PARTS {
        let found: Option<FilesPart> = part(load, &files_name(number))?;
        files.extend(found.into_iter().flat_map(|part| part.files));
    }
    let mut history = History::join(history);
    history.believe(task.now_ms);
    // What can't be read of it was never asked: words decide.
    let kinds: Kinds = part(load, kinds::NAME).ok().flatten().unwrap_or_default();
    for commit in &mut history.commits {
        commit.asked = kinds.of(&commit.id);
    }
    index.believe(&history, task.now_ms);
    Ok(ProjectFacts { index, history, files })
}

/// Reads what the index says of itself, and its parts of history, oldest first.
///
/// # Errors
/// What is missing, as a sentence for people.
pub fn history(load: &mut Load<'_>) -> Result<(Index, Vec<HistoryPart>), String> {
    let index: Index = part(load, "index")?.ok_or_else(absent)?;
    if index.version != VERSION || index.tip.is_empty() || index.walk.is_some() {
        return Err("the index is not complete yet".to_owned());
    }
    if index.history.len() > HISTORY_PARTS as usize {
        return Err(format!("the index names more than {HISTORY_PARTS} parts of history"));
    }
    let mut history = Vec::new();
    for number in &index.history {
        let Some(mut part) = part::<HistoryPart>(load, &history_name(*number))? else { continue };
        if index.history.last() == Some(number) {
            // Names are used again: of the newest part, what the index knows of counts.
            part.commits.truncate(index.newest);
        }
        history.push(part);
    }
    Ok((index, history))
}

fn absent() -> String {
    "the project has not been indexed yet".to_owned()
}

fn part<T: DeserializeOwned>(load: &mut Load<'_>, name: &str) -> Result<Option<T>, String> {
    let unusable = |why: String| format!("the index's part {name} is unusable: {why}");
    let Some(text) = load(name).map_err(unusable)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| unusable(error.to_string()))
}

fn text_of(parts: &BTreeMap<String, PathBuf>, name: &str) -> Result<Option<String>, String> {
    let Some(path) = parts.get(name) else { return Ok(None) };
    let file = File::open(path).map_err(|error| error.to_string())?;
    // A slice is parsed several times faster than a reader.
    std::io::read_to_string(BufReader::new(file)).map(Some).map_err(|error| error.to_string())
}
