//! The commits between a last good result and a first slow one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use onboard_analysis::history::CommitFacts;
use onboard_analysis::path::{Class, class};

use crate::git::{Ingest, OpenError, Repository, Wanted, ingest};
use crate::performance_monitor::benchmarks::{Benchmarks, Known, Slower, Source};

/// Commits read between two.
const MOST_STEPS: usize = 2_000;
/// Of so many, what they changed is read; of more, the newest.
pub const MOST_READ: usize = 200;
/// Commits named.
pub const MOST_NAMED: usize = 4;

/// What lies between two results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Between {
    #[default]
    Unknown,
    /// The same commit was checked out.
    Same(How),
    /// The first slow result is of a commit that the last good one has already.
    Older,
    Commits(Commits),
}

/// How it is known that two results are of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The tool or git's log says so, and nobody says that there was more.
    Sure,
    /// The tool says that there was more than the commit.
    Dirty,
    /// It was checked out when they were read.
    WhenRead,
}

/// Commits that the one line has and the other has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    pub count: usize,
    /// How the ends are known.
    pub is_sure: bool,
    /// Commits of another line, which only the last good result has.
    pub apart: usize,
    /// Commits that add code.
    pub adding: usize,
    /// The likeliest first: who adds most code breaks most. What adds none is only named where nothing
    /// does.
    pub named: Vec<Suspect>,
}

/// A commit that may be it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspect {
    pub id: String,
    pub subject: String,
    /// Lines of code that it added, and the file with most of them.
    pub added: u32,
    pub file: Option<(String, u32)>,
}

/// Opens the project's repository.
pub type Open<'a> = dyn Fn() -> Result<Repository, OpenError> + Sync + 'a;

/// Looks up what lies between, by the places of the sources, where that is wanted.
pub fn look(
    series: &Benchmarks,
    open: &Open<'_>,
    is_wanted: impl Fn(&str, &Slower) -> bool,
) -> BTreeMap<(usize, usize), Between> {
    let mut found = BTreeMap::new();
    let repository = open().ok();
    for (name, slower) in series.slower() {
        let Some(key) = ends(slower).filter(|_| is_wanted(name, slower)) else { continue };
        let sources = (&series.sources[key.0], &series.sources[key.1]);
        found
            .entry(key)
            .or_insert_with(|| between(sources.0, sources.1, repository.as_ref(), open));
    }
    found
}

/// The sources of the last good and the first slow result.
pub fn ends(slower: &Slower) -> Option<(usize, usize)> {
    Some((slower.good?, slower.bad))
}

fn between(
    good: &Source,
    bad: &Source,
    repository: Option<&Repository>,
    open: &Open<'_>,
) -> Between {
    let is_sure = good.known != Known::WhenRead && bad.known != Known::WhenRead;
    if good.commit == bad.commit && !good.commit.is_empty() {
        return Between::Same(match (good.is_dirty || bad.is_dirty, is_sure) {
            (true, _) => How::Dirty,
            (false, true) => How::Sure,
            (false, false) => How::WhenRead,
        });
    }
    let id = |text: &str| gix::ObjectId::from_hex(text.as_bytes()).ok();
    let (Some(repository), Some(good), Some(bad)) = (repository, id(&good.commit), id(&bad.commit))
    else {
        return Between::Unknown;
    };
    let has = |id| repository.recorded_ms(id).is_some();
    if !has(good) || !has(bad) {
        return Between::Unknown;
    }
    let apart = repository.divergence(bad, good, MOST_STEPS);
    if !apart.complete {
        return Between::Unknown;
    }
    if apart.ahead.is_empty() {
        return Between::Older;
    }
    let newest = &apart.ahead[apart.ahead.len().saturating_sub(MOST_READ)..];
    let Some((mut named, merges)) = suspects(newest, open) else { return Between::Unknown };
    let all = apart.ahead.len();
    // A merge alone is one; beside what it merges it is none more.
    let count = if merges < all { all - merges } else { all };
    let adding = named.iter().filter(|suspect| suspect.added > 0).count();
    named.truncate(if adding > 0 { adding.min(MOST_NAMED) } else { MOST_NAMED });
    Between::Commits(Commits { count, is_sure, apart: apart.behind, adding, named })
}

/// The likeliest of these commits. Among all that a commit says of itself, the lines of code that it
/// adds tell most of whether it breaks something (Zeng et al., "Deep just-in-time defect prediction: how
/// far are we?", 2021: `LApredict`). Merges bring what others wrote: they are counted apart, and named
/// where there is nothing else.
fn suspects(ids: &[gix::ObjectId], open: &Open<'_>) -> Option<(Vec<Suspect>, usize)> {
    let mut found = Vec::new();
    let mut merges = 0;
    let mut is_whole = true;
    let how = Ingest { wanted: Wanted::Lines, threads: 1, known: &|_, _| None };
    ingest(open, ids, &how, |facts| {
        match facts {
            Ok(facts) => {
                merges += usize::from(facts.commit.merge);
                if !facts.commit.merge || ids.len() == 1 {
                    found.push(suspect(&facts));
                }
            }
            Err(_) => is_whole = false,
        }
        ControlFlow::Continue(())
    })
    .ok()?;
    // The newest of those that added as much comes first.
    found.reverse();
    found.sort_by_key(|suspect| std::cmp::Reverse(suspect.added));
    is_whole.then_some((found, merges))
}

fn suspect(facts: &CommitFacts) -> Suspect {
    let code = facts.changes.iter().flatten().filter(|change| class(&change.path) == Class::Code);
    let added = code.filter_map(|change| Some((change.path.clone(), change.lines?.added)));
    let added: Vec<(String, u32)> = added.collect();
    let file = added.iter().max_by_key(|(path, lines)| (*lines, std::cmp::Reverse(path.clone())));
    Suspect {
        id: facts.commit.id.clone(),
        subject: facts.commit.subject.clone(),
        added: added.iter().map(|(_, lines)| lines).sum(),
        file: file.cloned(),
    }
}
