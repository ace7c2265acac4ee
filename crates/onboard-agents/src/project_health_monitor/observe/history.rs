//! Folding commits into the ledger: everything once, after that only what is new.

use std::collections::BTreeSet;

use gix::ObjectId;

use crate::git::{Listing, Mainline, Repository, Scratch, Unreadable};
use crate::host::{AgentError, Host, Level};
use crate::pace::Pace;
use crate::project_health_monitor::state::{self, History, Walk};

/// New commits followed from the last run before everything is read anew instead.
const MOST_NEW: usize = 100_000;
/// Commits between two looks at the clock.
const CLOCK_EVERY: usize = 64;
/// Unreadable objects remembered.
const MOST_UNREADABLE: usize = 16;

/// Brings the ledger up to the main line's tip. A checkpoint is saved every `stride` commits of a
/// long walk, and the next run goes on from the last one.
pub fn follow(
    host: &mut dyn Host,
    repository: &Repository,
    mainline: &Mainline,
    listing: &Listing,
    stride: usize,
    limits: &mut Vec<String>,
) -> Result<History, AgentError> {
    let mut history = state::load_history(host)?;
    let walk = history.walk.take();
    if walk.is_none() && !history.unreadable.is_empty() {
        // What was damaged may have been mended, and then its commits are missing in the tables.
        host.log(Level::Info, "objects were unreadable; reading history anew");
        history = History::default();
    }
    let resumed = walk.is_some();
    if let Some(walk) = walk {
        history = resume(host, repository, history, walk, stride, limits)?;
    }
    let known = history.tip.as_deref().and_then(|tip| ObjectId::from_hex(tip.as_bytes()).ok());
    let news = known.map(|known| repository.divergence(mainline.tip, known, MOST_NEW));
    let before = history.tip.replace(mainline.tip.to_string());
    match news {
        Some(news) if news.behind == 0 && news.complete => {
            let mut fold = Fold::new(host, repository, stride);
            fold.all(&mut history, &news.ahead, None)?;
            if before == history.tip && !resumed {
                return Ok(history);
            }
        }
        known => {
            if known.is_some() {
                host.log(Level::Info, "history was rewritten; reading it anew");
            }
            let walk = Walk { tip: mainline.tip.to_string(), done: 0 };
            history = resume(host, repository, History::default(), walk, stride, limits)?;
        }
    }
    let living: BTreeSet<u64> = listing.files.iter().map(|file| file.key).collect();
    history.ledger.prune(|key| listing.is_partial() || living.contains(&key));
    if repository.is_partial() {
        // What a partial clone lacks is no damage, and stays away.
        history.unreadable.clear();
    }
    state::save_history(host, &mut history)?;
    Ok(history)
}

/// Walks a line from where an earlier run left it; from the start where the line is gone.
fn resume(
    host: &mut dyn Host,
    repository: &Repository,
    mut history: History,
    walk: Walk,
    stride: usize,
    limits: &mut Vec<String>,
) -> Result<History, AgentError> {
    let tip = ObjectId::from_hex(walk.tip.as_bytes()).ok();
    let Some(tip) = tip.filter(|tip| repository.recorded_ms(*tip).is_some()) else {
        return Ok(History::default());
    };
    host.progress(0, None, "listing commits")?;
    let ancestry = repository.ancestry(tip);
    if ancestry.cut {
        limits.push(format!("only the last {} commits were read", ancestry.ids.len()));
    }
    note(&mut history, ancestry.unreadable);
    let done = walk.done.min(ancestry.ids.len());
    let mut fold = Fold::new(host, repository, stride);
    fold.all(&mut history, &ancestry.ids, Some(Walk { tip: walk.tip.clone(), done }))?;
    history.tip = Some(walk.tip);
    Ok(history)
}

fn note(history: &mut History, damage: impl IntoIterator<Item = Unreadable>) {
    for damage in damage {
        if history.unreadable.len() < MOST_UNREADABLE {
            history.unreadable.push((damage.id.to_string(), damage.why));
        }
    }
}

/// Folds a list of commits, oldest first.
struct Fold<'a> {
    host: &'a mut dyn Host,
    repository: &'a Repository,
    stride: usize,
    scratch: Scratch,
    buffer: Vec<u8>,
    pace: Pace,
}

impl<'a> Fold<'a> {
    fn new(host: &'a mut dyn Host, repository: &'a Repository, stride: usize) -> Self {
        let (scratch, buffer, pace) = (Scratch::default(), Vec::new(), Pace::new());
        Self { host, repository, stride, scratch, buffer, pace }
    }

    /// With a walk, skips what it has done and saves where it is every `stride` commits.
    fn all(
        &mut self,
        history: &mut History,
        ids: &[ObjectId],
        walk: Option<Walk>,
    ) -> Result<(), AgentError> {
        let now_ms = self.host.task().now_ms;
        let skipped = walk.as_ref().map_or(0, |walk| walk.done);
        for (index, id) in ids.iter().enumerate().skip(skipped) {
            if index % CLOCK_EVERY == 0 && self.pace.is_due() {
                self.host.progress(index as u64, Some(ids.len() as u64), "reading history")?;
            }
            if let Some(walk) = &walk
                && index > skipped
                && (index - skipped).is_multiple_of(self.stride)
            {
                history.walk = Some(Walk { tip: walk.tip.clone(), done: index });
                state::save_history(self.host, history)?;
            }
            if let Err(damage) = self.one(history, *id, now_ms) {
                note(history, [damage]);
            }
        }
        history.walk = None;
        Ok(())
    }

    fn one(&mut self, history: &mut History, id: ObjectId, now_ms: i64) -> Result<(), Unreadable> {
        let commit = self.repository.commit(id, &mut self.buffer)?;
        if commit.merge {
            history.ledger.fold(&commit, None, now_ms);
            return Ok(());
        }
        let changes = self.repository.changes(id, &mut self.scratch);
        let known = changes.as_ref().ok().and_then(Option::as_deref);
        history.ledger.fold(&commit, known, now_ms);
        changes.map(|_| ())
    }
}
