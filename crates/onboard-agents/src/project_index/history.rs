//! Commits, in parts that are written once: only the newest part changes.

use std::ops::ControlFlow;

use gix::ObjectId;
use onboard_analysis::facts::{HISTORY_PARTS, HistoryPart, HistoryWriter, Index, history_name};
use onboard_analysis::history::CommitFacts;

use super::{Source, open, parts};
use crate::git::{Ingest, Unreadable, Wanted, ingest};
use crate::host::{AgentError, Host, Level};

/// A part is closed at this many bytes of text: under what a checkpoint may have, since what is
/// counted is about right only, and so that the newest, which changes, is not stored too often.
const PART_BYTES: usize = 2 * 1024 * 1024;
/// New commits followed from the last run before everything is read anew instead.
const MOST_NEW: usize = 100_000;
/// Commits between two words about progress.
const PROGRESS_EVERY: usize = 100;

/// Brings the parts up to the main line's tip.
pub fn follow(
    host: &mut dyn Host,
    source: &Source<'_>,
    tip: ObjectId,
    before: Index,
    stride: usize,
) -> Result<Index, AgentError> {
    if let Some((line, done)) = before.walk.clone() {
        let now = tip.to_string();
        if now == line {
            return walk(host, source, tip, before, done, stride);
        }
        // The tip moved while the walk was cut short: what it has is as good as a run to its line
        // would have left, once it is finished.
        if let Some(at) = ObjectId::from_hex(line.as_bytes()).ok()
            && source.repository.recorded_ms(at).is_some()
        {
            let index = walk(host, source, at, before, done, stride)?;
            return news(host, source, tip, Index { tip: line, ..index }, stride);
        }
        return walk(host, source, tip, Index::default(), 0, stride);
    }
    news(host, source, tip, before, stride)
}

/// What came since an earlier run; everything where history was rewritten.
fn news(
    host: &mut dyn Host,
    source: &Source<'_>,
    tip: ObjectId,
    before: Index,
    stride: usize,
) -> Result<Index, AgentError> {
    let known = ObjectId::from_hex(before.tip.as_bytes()).ok();
    let apart = known.map(|known| source.repository.divergence(tip, known, MOST_NEW));
    match apart {
        Some(apart) if apart.behind == 0 && apart.complete => {
            let mut writing = Writing::open(host, before, None, stride)?;
            writing.all(source, &apart.ahead)?;
            writing.close()
        }
        apart => {
            if apart.is_some() {
                host.log(Level::Info, "history was rewritten; reading it anew");
            }
            walk(host, source, tip, Index::default(), 0, stride)
        }
    }
}

/// Everything that the tip builds on, from the `done`th commit on.
fn walk(
    host: &mut dyn Host,
    source: &Source<'_>,
    tip: ObjectId,
    index: Index,
    done: usize,
    stride: usize,
) -> Result<Index, AgentError> {
    host.progress(0, None, "listing commits")?;
    let ids = source.repository.ancestry(tip).ids;
    let done = done.min(ids.len());
    let mut writing = Writing::open(host, index, Some((tip.to_string(), done)), stride)?;
    writing.all(source, &ids[done..])?;
    writing.close()
}

/// Commits on their way into parts.
struct Writing<'a> {
    host: &'a mut dyn Host,
    index: Index,
    writer: HistoryWriter,
    /// Commits taken since the last checkpoint.
    unsaved: usize,
    stride: usize,
    damaged: usize,
}

impl<'a> Writing<'a> {
    fn open(
        host: &'a mut dyn Host,
        mut index: Index,
        walk: Option<(String, usize)>,
        stride: usize,
    ) -> Result<Self, AgentError> {
        index.walk = walk;
        let newest = index.history.last().map(|part| history_name(*part));
        let part = newest.map(|name| parts::load(host, &name)).transpose()?.flatten();
        if part.is_none() {
            index.history = vec![index.history.last().map_or(0, |last| last + 1)];
        }
        let part: HistoryPart = part.unwrap_or_default();
        let writer = HistoryWriter::of(part);
        Ok(Self { host, index, writer, unsaved: 0, stride, damaged: 0 })
    }

    /// Reads these commits, oldest first, and keeps where it is every `stride` of them.
    fn all(&mut self, source: &Source<'_>, ids: &[ObjectId]) -> Result<(), AgentError> {
        let how = Ingest { wanted: Wanted::Lines, threads: 1, known: &|_, _| None };
        let (mut failed, mut taken) = (None, 0);
        let task = source.task;
        let opened = ingest(
            || open(task),
            ids,
            &how,
            |facts| {
                let told = match taken % PROGRESS_EVERY {
                    0 => self.progress(taken, ids.len()),
                    _ => Ok(()),
                };
                taken += 1;
                match told.and_then(|()| self.take(facts)) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Err(error) = opened {
            // It was open a moment ago: what is there is kept, the rest comes with the next run.
            self.host.log(Level::Warning, &format!("the repository does not open: {error}"));
        }
        failed.map_or(Ok(()), Err)
    }

    fn progress(&mut self, done: usize, total: usize) -> Result<(), AgentError> {
        Ok(self.host.progress(done as u64, Some(total as u64), "reading history")?)
    }

    fn take(&mut self, facts: Result<CommitFacts, Unreadable>) -> Result<(), AgentError> {
        if let Some((_, done)) = &mut self.index.walk {
            *done += 1;
        }
        match facts {
            Ok(facts) => {
                let subject = parts::clean(&facts.commit.subject);
                self.writer.push(&facts, subject);
                self.index.commits += 1;
            }
            Err(_) => self.damaged += 1,
        }
        self.unsaved += 1;
        if self.writer.bytes() >= PART_BYTES {
            self.save()?;
            self.next_part();
        } else if self.unsaved >= self.stride {
            self.save()?;
        }
        Ok(())
    }

    /// The part first: an index that says more than there is would be believed.
    fn save(&mut self) -> Result<(), AgentError> {
        self.unsaved = 0;
        let newest = self.index.history.last().copied().unwrap_or_default();
        parts::save(self.host, &history_name(newest), self.writer.part())?;
        // Files are of another commit until they are brought up.
        parts::save(self.host, "index", &self.index)
    }

    fn next_part(&mut self) {
        let next = self.index.history.last().map_or(0, |last| last + 1);
        self.index.history.push(next);
        self.writer = HistoryWriter::default();
        if self.index.history.len() > HISTORY_PARTS as usize {
            self.index.history.remove(0);
        }
    }

    fn close(mut self) -> Result<Index, AgentError> {
        self.index.walk = None;
        if self.unsaved > 0 {
            let newest = self.index.history.last().copied().unwrap_or_default();
            parts::save(self.host, &history_name(newest), self.writer.part())?;
        }
        if self.damaged > 0 {
            let why = format!("{} commits could not be read", self.damaged);
            self.host.log(Level::Warning, &why);
        }
        Ok(self.index)
    }
}
