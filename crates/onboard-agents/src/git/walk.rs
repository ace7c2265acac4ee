//! Commits in order: all of a line's ancestors, and how two lines differ.

use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};
use gix::objs::{CommitRefIter, FindExt};
use onboard_analysis::history::{Commit, CommitId, Person};

use super::{Repository, Unreadable};

/// Commits walked at most: a million take about 60 MB here. Older ones are left out and said so.
const MOST_COMMITS: usize = 1_000_000;
/// Unreadable objects kept; the first few tell the story.
const MOST_UNREADABLE: usize = 16;
/// Names, addresses and subjects are cut here, so that one absurd commit stays small.
const LONGEST_TEXT: usize = 200;

/// The ancestors of a commit, itself included, oldest first.
#[derive(Debug, Default)]
pub struct Ancestry {
    pub ids: Vec<ObjectId>,
    pub unreadable: Vec<Unreadable>,
    /// There were more than could be walked.
    pub cut: bool,
}

/// What one line has and another has not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Divergence {
    /// Commits only the line has, oldest first.
    pub ahead: Vec<ObjectId>,
    /// Commits only the other has.
    pub behind: usize,
    /// Whether the walk reached common ground; else both are lower bounds.
    pub complete: bool,
}

/// Common commits read after nothing else is left: what they build on may have been read too early. Git
/// reads five.
const BEYOND: usize = 100;

const AHEAD: u8 = 1;
const BEHIND: u8 = 2;
const BOTH: u8 = AHEAD | BEHIND;

impl Repository {
    /// Walks everything `tip` builds on, by commit date.
    pub fn ancestry(&self, tip: ObjectId) -> Ancestry {
        self.unknown(tip, |_| false)
    }

    /// As [`Self::ancestry`], without what is `known` and what only that builds on.
    pub fn unknown(&self, tip: ObjectId, known: impl Fn(&ObjectId) -> bool) -> Ancestry {
        self.walk(tip, MOST_COMMITS, known)
    }

    /// As [`Self::ancestry`], the newest so many only.
    pub fn newest(&self, tip: ObjectId, most: usize) -> Ancestry {
        self.walk(tip, most.min(MOST_COMMITS), |_| false)
    }

    fn walk(&self, tip: ObjectId, most: usize, known: impl Fn(&ObjectId) -> bool) -> Ancestry {
        let mut found = Ancestry::default();
        if known(&tip) {
            return found;
        }
        let mut buffer = Vec::new();
        let mut seen = HashSet::from([tip]);
        let mut open = BinaryHeap::from([(i64::MAX, tip)]);
        while let Some((_, id)) = open.pop() {
            if found.ids.len() == most {
                found.cut = true;
                break;
            }
            let parents = match self.parents(id, &mut buffer) {
                Ok((_, parents)) => parents,
                Err(why) => {
                    note_unreadable(&mut found.unreadable, id, why);
                    continue;
                }
            };
            found.ids.push(id);
            for parent in parents {
                if !known(&parent) && seen.insert(parent) {
                    // The date of an unreadable parent does not matter; it is met in its turn.
                    let date = self.parents(parent, &mut buffer).map_or(i64::MIN, |(date, _)| date);
                    open.push((date, parent));
                }
            }
        }
        found.ids.reverse();
        found
    }

    /// Compares two lines, reading at most `most` commits.
    ///
    /// Commits are read by their date, newest first, so that common ground is met soon. Where dates
    /// disagree with the order (made in one second, or by clocks that were wrong) a commit may be read
    /// before it is known to be common: it is read again then, and what it builds on is common too.
    pub fn divergence(&self, tip: ObjectId, base: ObjectId, most: usize) -> Divergence {
        let mut buffer = Vec::new();
        let mut flags = HashMap::from([(tip, AHEAD)]);
        *flags.entry(base).or_default() |= BEHIND;
        let mut open = BinaryHeap::new();
        for id in flags.keys() {
            open.push((self.parents(*id, &mut buffer).map_or(i64::MIN, |(date, _)| date), *id));
        }
        let mut read = HashSet::new();
        let mut order = Vec::new();
        // Commits that wait: of one line alone, and read before they were known to be common.
        let mut undecided = flags.values().filter(|flag| **flag != BOTH).count();
        let mut repairs = 0;
        let mut complete = true;
        let mut steps = 0;
        let mut beyond = 0;
        while beyond < BEYOND
            && let Some((_, id)) = open.pop()
        {
            beyond = if undecided + repairs > 0 { 0 } else { beyond + 1 };
            let flag = flags[&id];
            if read.insert(id) {
                undecided -= usize::from(flag != BOTH);
                order.push(id);
            } else {
                repairs -= 1;
            }
            steps += 1;
            if steps > most {
                complete = undecided + repairs == 0;
                break;
            }
            for parent in self.parents(id, &mut buffer).map(|(_, list)| list).unwrap_or_default() {
                let before = flags.get(&parent).copied();
                let after = before.unwrap_or(0) | flag;
                flags.insert(parent, after);
                let becomes_common = before.is_some_and(|before| before != BOTH) && after == BOTH;
                let was_read = read.contains(&parent);
                if before.is_none() || (becomes_common && was_read) {
                    let date = self.parents(parent, &mut buffer).map_or(i64::MIN, |(d, _)| d);
                    open.push((date, parent));
                }
                undecided += usize::from(before.is_none() && after != BOTH);
                undecided -= usize::from(becomes_common && !was_read);
                repairs += usize::from(becomes_common && was_read);
            }
        }
        let flags = &flags;
        let of = |wanted| order.iter().rev().filter(move |id: &&ObjectId| flags[*id] == wanted);
        Divergence { ahead: of(AHEAD).copied().collect(), behind: of(BEHIND).count(), complete }
    }

    /// Follows first parents back from `tip` to the last commit recorded at or before `at_ms`.
    pub fn as_of(&self, tip: ObjectId, at_ms: i64, most: usize) -> Option<ObjectId> {
        let mut buffer = Vec::new();
        let mut id = tip;
        for _ in 0..most {
            let (seconds, parents) = self.parents(id, &mut buffer).ok()?;
            if seconds.saturating_mul(1_000) <= at_ms {
                return Some(id);
            }
            id = *parents.first()?;
        }
        None
    }

    /// The commit date in seconds since 1970, and the parents that are here.
    pub(super) fn parents(
        &self,
        id: ObjectId,
        buffer: &mut Vec<u8>,
    ) -> Result<(i64, Vec<ObjectId>), String> {
        let commit =
            self.inner.objects.find_commit_iter(&id, buffer).map_err(|error| error.to_string())?;
        let seconds = commit.committer().map_or(i64::MIN, |committer| committer.seconds());
        // At the edge of a shallow clone the parents are named and not there.
        let cut = self.shallow.contains(&id);
        Ok((seconds, if cut { Vec::new() } else { commit.parent_ids().collect() }))
    }

    /// One commit as a value.
    pub fn commit(&self, id: ObjectId, buffer: &mut Vec<u8>) -> Result<Commit, Unreadable> {
        let unreadable = |why: String| Unreadable { id, why };
        let data = self
            .inner
            .objects
            .find_commit_iter(&id, buffer)
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(decode(id, data))
    }

    /// One commit as a value, with its parents' ids as the commit names them.
    pub(super) fn commit_and_parents(
        &self,
        id: ObjectId,
        buffer: &mut Vec<u8>,
    ) -> Result<(Commit, Vec<CommitId>), Unreadable> {
        let commit = self.commit(id, buffer)?;
        let parents = CommitRefIter::from_bytes(buffer, id.kind()).parent_ids();
        let parents = parents.map(|parent| parent.to_string()).collect();
        Ok((commit, parents))
    }

    /// When a commit was recorded, milliseconds since 1970.
    pub fn recorded_ms(&self, id: ObjectId) -> Option<i64> {
        let (seconds, _) = self.parents(id, &mut Vec::new()).ok()?;
        Some(seconds.saturating_mul(1_000))
    }
}

/// Notes an object that cannot be read, up to a bound.
pub(super) fn note_unreadable(list: &mut Vec<Unreadable>, id: ObjectId, why: String) {
    if list.len() < MOST_UNREADABLE {
        list.push(Unreadable { id, why });
    }
}

/// Reads what there is; a malformed part is left empty, as old imports have many.
fn decode(id: ObjectId, data: CommitRefIter<'_>) -> Commit {
    let author = data.author().ok();
    let authored = author.as_ref().map_or(i64::MIN, |author| author.seconds());
    let committed = data.committer().map_or(i64::MIN, |committer| committer.seconds());
    let message = data.message().unwrap_or_default();
    let subject = message.lines().next().unwrap_or_default();
    Commit {
        id: id.to_string(),
        author: Person {
            name: author
                .as_ref()
                .map(|author| text(author.name.trim().as_bstr()))
                .unwrap_or_default(),
            email: author.as_ref().map(|author| text(author.email)).unwrap_or_default(),
        },
        authored_ms: authored.saturating_mul(1_000),
        committed_ms: committed.saturating_mul(1_000),
        merge: data.parent_ids().count() > 1,
        subject: text(subject.as_bstr()),
        names_reverted: message.contains_str("This reverts commit "),
    }
}

fn text(bytes: &BStr) -> String {
    bytes.to_str_lossy().chars().take(LONGEST_TEXT).collect()
}
