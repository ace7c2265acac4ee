//! The change: from where its line of work parted to the commit that is checked out.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use gix::ObjectId;
use onboard_analysis::history::{CommitFacts, FileChange};

use crate::git::{Head, Ingest, OpenError, Repository, Wanted, ingest};

/// Commits of a change that are read, its newest: a line of work of more than these is no one change.
pub const MOST_COMMITS: usize = 300;
/// Commits walked to find where two lines parted; a line that is further apart is given up on.
const MOST_WALKED: usize = 100_000;

/// What is judged.
#[derive(Debug)]
pub struct Change {
    /// What it is compared with, as people call it.
    pub since: String,
    /// Where it parted from that.
    pub base: ObjectId,
    /// The commit that is checked out.
    pub head: ObjectId,
    /// All of its commits, oldest first.
    pub ids: Vec<ObjectId>,
    /// The newest of them, at most [`MOST_COMMITS`], oldest first.
    pub commits: Vec<CommitFacts>,
    /// The files that differ, with renames and without lines.
    pub files: Vec<FileChange>,
    pub is_shallow: bool,
    /// What could not be looked at, and why.
    pub limits: Vec<String>,
}

/// Why there is nothing to judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no commit yet.
    Unborn,
    /// Nobody said what to compare with, and nothing here does.
    NoUpstream { detached: bool },
    UnknownRevision {
        revision: String,
        /// The branch or tag of the nearest name is found among these.
        names: Vec<String>,
        is_shallow: bool,
    },
    /// The two lines share no commit that is here.
    Apart { since: String, is_shallow: bool },
    /// Objects that should be here are not.
    Unreadable(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unborn => f.write_str("there are no commits yet"),
            Self::NoUpstream { detached: true } => f.write_str(
                "HEAD is detached, and there is no origin/HEAD: nothing says what to compare with",
            ),
            Self::NoUpstream { detached: false } => f.write_str(
                "this branch has no upstream, and there is no origin/HEAD: nothing says what to \
                 compare with",
            ),
            Self::UnknownRevision { revision, .. } => {
                write!(f, "`{revision}` names no commit that is here")
            }
            Self::Apart { since, is_shallow: false } => {
                write!(f, "HEAD and {since} share no commit")
            }
            Self::Apart { since, is_shallow: true } => {
                write!(f, "HEAD and {since} share no commit that this shallow clone has")
            }
            Self::Unreadable(what) => write!(f, "the repository can't be read: {what}"),
        }
    }
}

/// Reads the change since a revision; without one since the upstream of what is checked out, or else
/// since `origin/HEAD`.
///
/// # Errors
/// Why there is none to be judged.
pub fn read(path: &Path, repository: &Repository, since: Option<&str>) -> Result<Change, Refusal> {
    let head = match repository.head() {
        Head::Unborn(_) => return Err(Refusal::Unborn),
        Head::Broken(what) => return Err(Refusal::Unreadable(what)),
        Head::Branch(_) | Head::Detached(_) => repository
            .commit_named("HEAD")
            .ok_or_else(|| Refusal::Unreadable("HEAD names no commit".to_owned()))?,
    };
    let is_shallow = repository.is_shallow();
    let (since, other) = compared_with(repository, since)?;
    let base = repository.merge_base(head, other).map_err(Refusal::Unreadable)?;
    let base = base.ok_or_else(|| Refusal::Apart { since: since.clone(), is_shallow })?;
    let apart = repository.divergence(head, base, MOST_WALKED);
    let mut limits = Vec::new();
    if !apart.complete {
        limits.push(format!("what is older than {MOST_WALKED} commits of the change"));
    }
    let (files, is_cut) = repository
        .files_between(base, head)
        .map_err(|unreadable| Refusal::Unreadable(unreadable.why))?;
    if is_cut {
        limits.push(format!("files that differ, beyond the first {}", files.len()));
    }
    let read = &apart.ahead[apart.ahead.len().saturating_sub(MOST_COMMITS)..];
    if read.len() < apart.ahead.len() {
        let left = apart.ahead.len() - read.len();
        limits.push(format!("the oldest {left} of the change's {} commits", apart.ahead.len()));
    }
    let (commits, unreadable) =
        facts(path, read).map_err(|e| Refusal::Unreadable(e.to_string()))?;
    if unreadable > 0 {
        limits.push(format!("{unreadable} commits that could not be read"));
    }
    let ids = apart.ahead;
    Ok(Change { since, base, head, ids, commits, files, is_shallow, limits })
}

fn compared_with(
    repository: &Repository,
    since: Option<&str>,
) -> Result<(String, ObjectId), Refusal> {
    let Some(revision) = since else {
        let found = repository.upstream().or_else(|| repository.remote_default());
        let detached = matches!(repository.head(), Head::Detached(_));
        return found.map(|line| (line.name, line.tip)).ok_or(Refusal::NoUpstream { detached });
    };
    let found = repository.commit_named(revision);
    found.map(|id| (revision.to_owned(), id)).ok_or_else(|| {
        let (branches, tags) = (repository.branches().list, repository.tags().list);
        let names = branches.into_iter().chain(tags).map(|named| named.name).collect();
        let is_shallow = repository.is_shallow();
        Refusal::UnknownRevision { revision: revision.to_owned(), names, is_shallow }
    })
}

fn facts(path: &Path, ids: &[ObjectId]) -> Result<(Vec<CommitFacts>, usize), OpenError> {
    let how = Ingest { wanted: Wanted::Lines, threads: 2, known: &|_, _| None };
    let (mut commits, mut unreadable) = (Vec::with_capacity(ids.len()), 0);
    ingest(
        || Repository::open(path, None),
        ids,
        &how,
        |facts| {
            match facts {
                Ok(facts) => commits.push(facts),
                Err(_) => unreadable += 1,
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok((commits, unreadable))
}
