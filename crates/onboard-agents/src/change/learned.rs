//! What came before the change: from the crew's index where there is one, else read here and now.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use gix::ObjectId;
use onboard_analysis::facts::{History, HistoryPart, HistoryWriter, Index};

use super::read::Change;
use crate::git::{Ingest, OpenError, Repository, Wanted, ingest};
use crate::pace::Pace;

/// Commits read where there is no index: a second or two of work, and as much of the past as habits
/// are learned from in most projects.
pub const MOST_READ: usize = 2_000;
/// Commits read that the index does not have yet; it runs whenever the main line moves.
const MOST_NEW: usize = 500;
/// Commits walked to find those.
const MOST_WALKED: usize = 20_000;

/// Where the past was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the index of `project-index`.
    Index,
    /// In the repository itself.
    Repository,
}

/// What is known of the time before the change.
#[derive(Debug)]
pub struct Learned {
    pub origin: Origin,
    /// The past, and after it the change's own commits.
    pub history: History,
    /// Where those begin.
    pub first_new: usize,
    /// What is left out of the past, and why.
    pub limits: Vec<String>,
}

/// Reads what came before the change; `tell` gets how many of how many commits were read.
///
/// # Errors
/// When the repository does not open any more.
pub fn learn(
    path: &Path,
    repository: &Repository,
    change: &Change,
    index: Option<(Index, Vec<HistoryPart>)>,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<Learned, OpenError> {
    let mut limits = Vec::new();
    let known = index.and_then(|(index, parts)| {
        let missing = missing(repository, change, &index)?;
        Some((index, parts, missing))
    });
    let (origin, mut parts) = match known {
        Some((index, mut parts, mut missing)) => {
            if missing.len() > MOST_NEW {
                limits.push(format!("the index is {} commits behind", missing.len()));
                missing.drain(..missing.len() - MOST_NEW);
            }
            limits.extend(index.limits);
            parts.push(part(path, &missing, tell)?);
            (Origin::Index, parts)
        }
        None => {
            let past = repository.newest(change.base, MOST_READ);
            if past.cut {
                limits.push(format!("only the newest {MOST_READ} commits were read"));
            }
            if !past.unreadable.is_empty() {
                limits.push("commits that could not be read, and what they build on".to_owned());
            }
            if change.is_shallow {
                limits.push("a shallow clone: older commits are not here".to_owned());
            }
            (Origin::Repository, vec![part(path, &past.ids, tell)?])
        }
    };
    // The index may have the change's own commits: they are judged, not learned from.
    let own: HashSet<String> = change.ids.iter().map(ObjectId::to_string).collect();
    for part in &mut parts {
        part.commits.retain(|row| !own.contains(&row.id));
    }
    let mut writer = HistoryWriter::default();
    for facts in &change.commits {
        writer.push(facts, facts.commit.subject.clone());
    }
    parts.push(writer.part().clone());
    let history = History::join(parts);
    let first_new = history.commits.len() - change.commits.len();
    Ok(Learned { origin, history, first_new, limits })
}

/// Commits before the change that the index lacks, oldest first; `None` where the index is of
/// another history.
fn missing(repository: &Repository, change: &Change, index: &Index) -> Option<Vec<ObjectId>> {
    let tip = ObjectId::from_hex(index.tip.as_bytes()).ok()?;
    repository.recorded_ms(tip)?;
    let apart = repository.divergence(change.base, tip, MOST_WALKED);
    apart.complete.then_some(apart.ahead)
}

fn part(
    path: &Path,
    ids: &[ObjectId],
    tell: &mut dyn FnMut(usize, usize),
) -> Result<HistoryPart, OpenError> {
    let mut writer = HistoryWriter::default();
    if ids.is_empty() {
        return Ok(writer.part().clone());
    }
    let how = Ingest { wanted: Wanted::Lines, threads: 2, known: &|_, _| None };
    let mut pace = Pace::new();
    let mut done = 0;
    ingest(
        || Repository::open(path, None),
        ids,
        &how,
        |facts| {
            done += 1;
            if pace.is_due() {
                tell(done, ids.len());
            }
            if let Ok(facts) = facts {
                writer.push(&facts, facts.commit.subject.clone());
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(writer.part().clone())
}
