//! Commits, in parts that are written once: only the newest part changes.

use std::ops::ControlFlow;

use gix::ObjectId;
use onboard_analysis::facts::{
    HISTORY_PARTS, HistoryPart, HistoryWriter, Index, VERSION, Walk, history_name,
};
use onboard_analysis::history::CommitFacts;

use super::{Source, open, parts};
use crate::git::{Ingest, Repository, Unreadable, Wanted, ingest};
use crate::host::{AgentError, Host, Level};
use crate::pace::Pace;

/// A part has at most about this many bytes of text: half of what a checkpoint may have, since
/// letters that JSON escapes count once, and so that the newest, which changes, is soon stored.
const PART_BYTES: usize = 2 * 1024 * 1024;
/// New commits followed from the last run before everything is read anew instead.
const MOST_NEW: usize = 100_000;

/// Brings the parts up to the main line's tip. The index that comes back still says that the walk
/// is under way: the files are not of this commit yet.
pub fn follow(
    host: &mut dyn Host,
    source: &Source<'_>,
    tip: ObjectId,
    mut index: Index,
    stride: usize,
) -> Result<Index, AgentError> {
    // What was cut short first; the tip may have moved since.
    if let Some(walk) = index.walk.clone() {
        index = match Commits::of(&source.repository, &walk) {
            Some(commits) => Writing::all(host, source, index, walk, &commits, stride)?,
            None => Index::default(),
        };
    }
    let tip = tip.to_string();
    if index.tip == tip {
        return Ok(index);
    }
    let from = Some(index.tip.clone()).filter(|from| !from.is_empty());
    let walk = Walk { to: tip, from, done: 0 };
    if let Some(commits) = Commits::of(&source.repository, &walk) {
        return Writing::all(host, source, index, walk, &commits, stride);
    }
    host.log(Level::Info, "history was rewritten; reading it anew");
    let walk = Walk { from: None, ..walk };
    let commits = Commits::of(&source.repository, &walk).unwrap_or_default();
    Writing::all(host, source, Index::default(), walk, &commits, stride)
}

/// The commits of a walk, the same whenever they are asked for.
#[derive(Default)]
struct Commits {
    /// Oldest first.
    ids: Vec<ObjectId>,
    /// Where the walk came to an end because a commit can't be read; what that builds on is not known.
    lost: usize,
}

impl Commits {
    /// `None` where the walk does not lead on from what is there.
    fn of(repository: &Repository, walk: &Walk) -> Option<Self> {
        let to = ObjectId::from_hex(walk.to.as_bytes()).ok()?;
        repository.recorded_ms(to)?;
        let Some(from) = &walk.from else {
            let all = repository.ancestry(to);
            return Some(Self { ids: all.ids, lost: all.unreadable.len() });
        };
        let from = ObjectId::from_hex(from.as_bytes()).ok()?;
        let apart = repository.divergence(to, from, MOST_NEW);
        (apart.behind == 0 && apart.complete).then_some(Self { ids: apart.ahead, lost: 0 })
    }
}

/// Commits on their way into parts.
struct Writing<'a> {
    host: &'a mut dyn Host,
    index: Index,
    walk: Walk,
    writer: HistoryWriter,
    /// Commits taken since the last checkpoint.
    unsaved: usize,
    pace: Pace,
    stride: usize,
}

impl<'a> Writing<'a> {
    /// Takes what of these commits is not in the parts yet.
    fn all(
        host: &'a mut dyn Host,
        source: &Source<'_>,
        mut index: Index,
        mut walk: Walk,
        commits: &Commits,
        stride: usize,
    ) -> Result<Index, AgentError> {
        let part = Self::newest(host, &index)?;
        if part.is_none() && !index.history.is_empty() {
            // The other parts follow on nothing without it.
            host.log(Level::Warning, "the newest part of history is lost; reading it anew");
            let walk = Walk { from: None, done: 0, ..walk };
            let commits = Commits::of(&source.repository, &walk).unwrap_or_default();
            return Self::all(host, source, Index::default(), walk, &commits, stride);
        }
        if index.history.is_empty() {
            index.history.push(0);
        }
        index.version = VERSION;
        walk.done = walk.done.min(commits.ids.len());
        let writer = HistoryWriter::of(part.unwrap_or_default());
        let pace = Pace::new();
        let mut writing = Self { host, index, walk, writer, unsaved: 0, pace, stride };
        writing.take_all(source, &commits.ids)?;
        writing.index.damaged += commits.lost;
        writing.close()
    }

    /// The newest part, as far as the index knows of it.
    fn newest(host: &mut dyn Host, index: &Index) -> Result<Option<HistoryPart>, AgentError> {
        let Some(newest) = index.history.last() else { return Ok(None) };
        let part: Option<HistoryPart> = parts::load(host, &history_name(*newest))?;
        Ok(match part {
            // It was begun and not stored before the run ended.
            None if index.newest == 0 => Some(HistoryPart::default()),
            Some(_) if index.newest == 0 => Some(HistoryPart::default()),
            Some(mut part) if part.commits.len() >= index.newest => {
                part.commits.truncate(index.newest);
                Some(part)
            }
            _ => None,
        })
    }

    /// Reads them, oldest first, and keeps where it is every `stride` of them.
    fn take_all(&mut self, source: &Source<'_>, ids: &[ObjectId]) -> Result<(), AgentError> {
        let how = Ingest { wanted: Wanted::Lines, threads: 1, known: &|_, _| None };
        let mut failed = None;
        let task = source.task;
        let rest = &ids[self.walk.done..];
        let opened = ingest(
            || open(task),
            rest,
            &how,
            |facts| match self.take(facts, ids.len()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            },
        );
        // It was open a moment ago. What is kept says how far it is; the next run goes on.
        let gone = |error| AgentError::Repository(format!("it does not open any more: {error}"));
        opened.map_err(gone)?;
        failed.map_or(Ok(()), Err)
    }

    fn take(
        &mut self,
        facts: Result<CommitFacts, Unreadable>,
        total: usize,
    ) -> Result<(), AgentError> {
        if self.pace.is_due() {
            self.host.progress(self.walk.done as u64, Some(total as u64), "reading history")?;
        }
        self.walk.done += 1;
        match facts {
            Ok(facts) => self.push(facts)?,
            Err(_) => self.index.damaged += 1,
        }
        self.unsaved += 1;
        match self.unsaved >= self.stride {
            true => self.save(),
            false => Ok(()),
        }
    }

    /// Into the newest part, or into one of its own where that would be too large.
    fn push(&mut self, mut facts: CommitFacts) -> Result<(), AgentError> {
        let before = facts.changes.as_ref().map_or(0, Vec::len);
        while HistoryWriter::cost(&facts) > PART_BYTES
            && let Some(changes) = facts.changes.as_mut().filter(|changes| !changes.is_empty())
        {
            changes.truncate(changes.len() / 2);
        }
        let kept = facts.changes.as_ref().map_or(0, Vec::len);
        if self.writer.bytes() + HistoryWriter::cost(&facts) > PART_BYTES
            && !self.writer.part().commits.is_empty()
        {
            // This one is not in it yet.
            self.walk.done -= 1;
            self.save()?;
            self.walk.done += 1;
            self.next_part();
        }
        // Not before: what is saved above would count it, and it is met again after a kill.
        self.index.cut += usize::from(facts.cut || kept < before);
        let subject = parts::clean(&facts.commit.subject);
        self.writer.push(&facts, subject);
        self.index.commits += 1;
        Ok(())
    }

    /// The part first: an index that says more than there is would be believed.
    fn save(&mut self) -> Result<(), AgentError> {
        self.unsaved = 0;
        let newest = self.index.history.last().copied().unwrap_or_default();
        parts::save(self.host, &history_name(newest), self.writer.part())?;
        self.index.newest = self.writer.part().commits.len();
        self.index.walk = Some(self.walk.clone());
        parts::save(self.host, "index", &self.index)
    }

    fn next_part(&mut self) {
        let next = self.index.history.last().map_or(0, |last| last + 1);
        self.index.history.push(next);
        self.index.newest = 0;
        self.writer = HistoryWriter::default();
        if self.index.history.len() > HISTORY_PARTS as usize {
            self.index.history.remove(0);
        }
    }

    fn close(mut self) -> Result<Index, AgentError> {
        if self.unsaved > 0 {
            self.save()?;
        }
        self.index.tip.clone_from(&self.walk.to);
        self.index.walk = Some(self.walk);
        Ok(self.index)
    }
}
