//! History as facts: every commit with the paths it changed, and their lines where wanted.
//!
//! [`Wanted::Names`] compares trees and reads no content: some ten times cheaper than lines, for
//! the first look at a large history. [`Wanted::Lines`] finds renames and counts lines as
//! `git log --no-merges --numstat -M` does; a pair of contents that the caller already knows the
//! count of is not read again.
//!
//! The caller keeps the checkpoint: facts come one commit at a time, oldest first, each after those
//! it may depend on. Whoever stored the facts of some commits gives [`Repository::unknown`] a test
//! for them and gets the rest.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};
use onboard_analysis::history::{BlobId, CommitFacts, FileChange, LineChange};
use onboard_analysis::path::key;

use super::rename::{Pieces, Side};
use super::tree::{MOST_CHANGES, Pair};
use super::{OpenError, Repository, Scratch, Unreadable, line_count, rename};

/// A content of which lines are counted; larger ones are data, and each costs several times its
/// size in memory.
const MOST_BLOB_BYTES: u64 = 8 * 1024 * 1024;
/// Commits handed to a thread at a time: few enough that small histories are shared too.
const CHUNK: usize = 32;
/// Chunks that may wait to be passed on: the facts of a thousand commits are some megabytes.
const MOST_WAITING: usize = 32;
/// Threads at most: an agent has a fraction of a core, and two is where it stops to pay.
const MOST_THREADS: usize = 2;

/// How much is wanted of each commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Paths and contents' ids; a rename is a deletion and an addition.
    Names,
    /// Renames and lines too.
    Lines,
}

/// What to read, and how.
pub struct Ingest<'a> {
    pub wanted: Wanted,
    /// One or two; more is two.
    pub threads: usize,
    /// The line count of a pair of contents, where it is known from before.
    pub known: &'a (dyn Fn(BlobId, BlobId) -> Option<LineChange> + Sync),
}

/// Reads the facts of these commits in their order and passes them on one by one, until all are
/// read or `each` breaks. Each thread opens the repository for itself.
///
/// # Errors
/// Where the repository does not open. What cannot be read of a commit is passed on as such.
pub fn ingest(
    open: impl Fn() -> Result<Repository, OpenError> + Sync,
    ids: &[ObjectId],
    how: &Ingest<'_>,
    mut each: impl FnMut(Result<CommitFacts, Unreadable>) -> ControlFlow<()>,
) -> Result<(), OpenError> {
    let threads = how.threads.clamp(1, MOST_THREADS).min(ids.len().div_ceil(CHUNK).max(1));
    if threads == 1 {
        let repository = open()?;
        let mut reading = Reading::new(&repository, how);
        for id in ids {
            if each(reading.facts(*id)).is_break() {
                break;
            }
        }
        return Ok(());
    }
    let shared = Shared {
        ids,
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        passed: Mutex::new(0),
        moved: Condvar::new(),
    };
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(MOST_WAITING);
        for _ in 0..threads {
            let (send, open, shared, failed) = (send.clone(), &open, &shared, &failed);
            scope.spawn(move || match open() {
                Ok(repository) => shared.work(&repository, how, &send),
                Err(error) => {
                    shared.end();
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
        }
        drop(send);
        shared.in_order(receive, each);
        shared.end();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), Err)
}

impl Repository {
    /// The files that differ between two commits in the order of their paths, with renames and
    /// without lines; and whether there are more of them than are read.
    pub fn files_between(
        &self,
        old: ObjectId,
        new: ObjectId,
    ) -> Result<(Vec<FileChange>, bool), Unreadable> {
        let mut pairs = self.pairs_between(old, new, &mut Scratch::default())?;
        pairs.sort_by(|a, b| a.path.cmp(&b.path));
        let how = Ingest { wanted: Wanted::Lines, threads: 1, known: &|_, _| None };
        let files = Reading::new(self, &how).renamed(&pairs);
        Ok((files, pairs.len() >= MOST_CHANGES))
    }
}

type Chunk = (usize, Vec<Result<CommitFacts, Unreadable>>);

struct Shared<'a> {
    ids: &'a [ObjectId],
    /// The next chunk that nobody has taken.
    next: AtomicUsize,
    stop: AtomicBool,
    /// Chunks that were passed on; a thread does not run further ahead than may wait.
    passed: Mutex<usize>,
    moved: Condvar,
}

impl Shared<'_> {
    fn work(&self, repository: &Repository, how: &Ingest<'_>, send: &mpsc::SyncSender<Chunk>) {
        let mut reading = Reading::new(repository, how);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(ids) = self.ids.chunks(CHUNK).nth(number) else { return };
            self.await_turn(number);
            let read = |id: &ObjectId| {
                let goes_on = !self.stop.load(Ordering::Relaxed);
                goes_on.then(|| reading.facts(*id))
            };
            let facts: Vec<_> = ids.iter().map_while(read).collect();
            if facts.len() < ids.len() || send.send((number, facts)).is_err() {
                return;
            }
        }
    }

    fn await_turn(&self, number: usize) {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = |passed: &mut usize| {
            number >= *passed + MOST_WAITING && !self.stop.load(Ordering::Relaxed)
        };
        drop(self.moved.wait_while(passed, ahead).unwrap_or_else(PoisonError::into_inner));
    }

    /// Passes chunks on in their order; those that are early wait.
    fn in_order(
        &self,
        receive: mpsc::Receiver<Chunk>,
        mut each: impl FnMut(Result<CommitFacts, Unreadable>) -> ControlFlow<()>,
    ) {
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (number, facts) in receive {
            early.insert(number, facts);
            while let Some(facts) = early.remove(&next) {
                next += 1;
                if facts.into_iter().try_for_each(&mut each).is_break() {
                    return;
                }
                *self.passed.lock().unwrap_or_else(PoisonError::into_inner) = next;
                self.moved.notify_all();
            }
        }
    }

    fn end(&self) {
        // Under the lock, or a thread that just looked would wait for ever.
        let _passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop.store(true, Ordering::Relaxed);
        self.moved.notify_all();
    }
}

/// One thread's reading, with its buffers.
struct Reading<'a> {
    repository: &'a Repository,
    how: &'a Ingest<'a>,
    scratch: Scratch,
    buffer: Vec<u8>,
}

impl<'a> Reading<'a> {
    fn new(repository: &'a Repository, how: &'a Ingest<'a>) -> Self {
        Self { repository, how, scratch: Scratch::default(), buffer: Vec::new() }
    }

    fn facts(&mut self, id: ObjectId) -> Result<CommitFacts, Unreadable> {
        let (commit, parents) = self.repository.commit_and_parents(id, &mut self.buffer)?;
        let pairs = match commit.merge {
            true => None,
            // A tree that is not there leaves the commit without changes, not history without it.
            false => self.repository.pairs(id, &mut self.scratch).unwrap_or_default(),
        };
        let cut = pairs.as_ref().is_some_and(|pairs| pairs.len() >= MOST_CHANGES);
        let changes = pairs.map(|pairs| self.changes(pairs));
        Ok(CommitFacts { commit, parents, changes, cut })
    }

    fn changes(&self, pairs: Vec<Pair>) -> Vec<FileChange> {
        match self.how.wanted {
            Wanted::Names => pairs.iter().map(|pair| change(pair, None)).collect(),
            Wanted::Lines => self.counted(pairs),
        }
    }

    fn counted(&self, pairs: Vec<Pair>) -> Vec<FileChange> {
        let known = self.how.known;
        let mut changes = self.renamed(&pairs);
        for change in &mut changes {
            change.lines = match (change.old, change.new) {
                (Some(old), Some(new)) => known(old, new),
                _ => None,
            };
            if change.lines.is_none() {
                change.lines = self.lines(change.old.map(object_id), change.new.map(object_id));
            }
        }
        changes
    }

    /// Changes with what was moved in one piece, lines not counted.
    fn renamed(&self, pairs: &[Pair]) -> Vec<FileChange> {
        let moved = self.moved(pairs);
        let gone: Vec<usize> = moved.values().copied().collect();
        let rest = pairs.iter().enumerate().filter(|(place, _)| !gone.contains(place));
        rest.map(|(place, pair)| change(pair, moved.get(&place).map(|source| &pairs[*source])))
            .collect()
    }

    fn lines(&self, old: Option<ObjectId>, new: Option<ObjectId>) -> Option<LineChange> {
        if old == new {
            // Moved as it was, unless it is no text.
            let content = self.read(old)?;
            return (!line_count::is_binary(&content)).then(LineChange::default);
        }
        line_count::between(&self.read(old)?, &self.read(new)?)
    }

    fn read(&self, id: Option<ObjectId>) -> Option<Vec<u8>> {
        let Some(id) = id else { return Some(Vec::new()) };
        self.repository.content(id, MOST_BLOB_BYTES).ok().flatten()
    }

    /// Places of renamed files by the places of what they became.
    fn moved(&self, pairs: &[Pair]) -> HashMap<usize, usize> {
        let places = |fits: fn(&Pair) -> bool| -> Vec<usize> {
            (0..pairs.len()).filter(|place| fits(&pairs[*place])).collect()
        };
        let gone = places(|pair| pair.new.is_none());
        let came = places(|pair| pair.old.is_none());
        if gone.is_empty() || came.is_empty() {
            return HashMap::new();
        }
        let side = |place: &usize| {
            let pair = &pairs[*place];
            Some(Side { path: pair.path.as_bstr(), id: pair.old.or(pair.new)? })
        };
        let sources: Vec<Side<'_>> = gone.iter().filter_map(side).collect();
        let targets: Vec<Side<'_>> = came.iter().filter_map(side).collect();
        let read = |id| {
            let content = self.repository.content(id, MOST_BLOB_BYTES).ok().flatten()?;
            Some(Pieces::of(&content))
        };
        let found = rename::pairs(&sources, &targets, read);
        found.into_iter().map(|(source, target)| (came[target], gone[source])).collect()
    }
}

fn change(pair: &Pair, from: Option<&Pair>) -> FileChange {
    let text = |path: &BStr| path.to_str_lossy().into_owned();
    FileChange {
        path: text(pair.path.as_bstr()),
        key: key(&pair.path),
        old_path: from.map(|from| text(from.path.as_bstr())),
        old: from.and_then(|from| from.old).or(pair.old).map(blob_id),
        new: pair.new.map(blob_id),
        lines: None,
    }
}

fn blob_id(id: ObjectId) -> BlobId {
    let mut bytes = [0; 20];
    let from = id.as_bytes();
    let length = from.len().min(bytes.len());
    bytes[..length].copy_from_slice(&from[..length]);
    bytes
}

fn object_id(bytes: BlobId) -> ObjectId {
    ObjectId::from(bytes)
}
