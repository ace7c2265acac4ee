//! A project's facts as its index keeps them: history and files, in parts that are JSON, so that an
//! agent in any language can read them.
//!
//! Nothing here is a judgement; whatever decides on these reads them whole with [`History::join`].

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::code::Measured;
use crate::commit_kind::{self, CommitKind};
use crate::history::{ChangeKind, CommitFacts, LineChange, Person};
use crate::release::Tag;

/// Raised whenever stored facts would be misread; older ones are thrown away and computed anew.
pub const VERSION: u32 = 2;
/// Parts that files are spread over by their paths: a commit touches a few of them only, and each
/// fits a checkpoint for projects of some million lines.
pub const FILE_PARTS: u64 = 8;
/// Parts of history that are kept; the oldest goes when one more is needed.
pub const HISTORY_PARTS: u32 = 6;

/// What the index says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub version: u32,
    pub mainline: String,
    /// The commit that files and history are of.
    pub tip: String,
    /// Under way, or cut short: until it is done, files and history are not of one commit.
    pub walk: Option<Walk>,
    /// History's parts, oldest first; part `n` is the checkpoint [`history_name`] of it.
    pub history: Vec<u32>,
    /// Commits of the newest part. It may have more, of a run that ended before it could say so.
    pub newest: usize,
    pub commits: usize,
    /// Commits that could not be read.
    pub damaged: usize,
    /// Commits of which not all changes are kept: there were too many.
    pub cut: usize,
    pub files: usize,
    /// Files with metrics.
    pub measured: usize,
    /// What is left out, and why.
    pub limits: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagRow>,
}

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRow {
    pub name: String,
    /// When its commit was recorded, seconds since 1970.
    pub at: i64,
    pub commit: String,
}

impl Index {
    /// Corrects tags of commits that are dated in the future, as [`History::believe`] corrects those:
    /// a tag is of the moment of its commit, or of `now_ms` where that is not in the history.
    pub fn believe(&mut self, history: &History, now_ms: i64) {
        let now = now_ms.div_euclid(1_000);
        for tag in self.tags.iter_mut().filter(|tag| tag.at > now) {
            let commit = history.commits.iter().rev().find(|commit| commit.id == tag.commit);
            tag.at = commit.map_or(now, |commit| commit.committed_ms.div_euclid(1_000).min(now));
        }
    }

    /// The tags, as what is computed of them takes them.
    pub fn tags(&self) -> Vec<Tag> {
        let tag = |row: &TagRow| Tag {
            name: row.name.clone(),
            at_ms: row.at.saturating_mul(1_000),
            commit: row.commit.clone(),
        };
        self.tags.iter().map(tag).collect()
    }
}

/// Commits on their way into the index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Up to this commit,
    pub to: String,
    /// from what this one has, if any.
    pub from: Option<String>,
    /// How many of them, oldest first, are in the parts.
    pub done: usize,
}

/// The checkpoint of a part of history: names are used again once their parts are gone.
pub fn history_name(part: u32) -> String {
    format!("history-{}", part % (HISTORY_PARTS + 1))
}

/// The checkpoint of a part of the files.
pub fn files_name(part: u64) -> String {
    format!("files-{part}")
}

/// The part that a file is in, by the key of its path.
pub fn files_part(key: u64) -> u64 {
    key % FILE_PARTS
}

/// Some consecutive commits, oldest first, readable by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPart {
    pub version: u32,
    pub paths: Vec<String>,
    /// Name and address.
    pub people: Vec<(String, String)>,
    pub commits: Vec<CommitRow>,
}

/// A commit that is no more than its part's tables say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRow {
    pub id: String,
    /// In `people`.
    pub author: usize,
    /// Seconds since 1970.
    pub authored: i64,
    pub committed: i64,
    pub subject: String,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub merge: bool,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub revert: bool,
    /// Path, what happened (`A`, `M`, `D`), lines added and removed (both -1 where they were not
    /// counted), and the path that it was moved from.
    pub changes: Vec<(usize, char, i64, i64, Option<usize>)>,
}

/// Builds a part, a commit at a time.
#[derive(Debug, Default)]
pub struct HistoryWriter {
    part: HistoryPart,
    paths: HashMap<String, usize>,
    people: HashMap<(String, String), usize>,
    /// About as many bytes as the part has as text.
    bytes: usize,
}

impl HistoryWriter {
    /// Goes on with a part.
    pub fn of(part: HistoryPart) -> Self {
        let paths = part.paths.iter().cloned().zip(0..).collect();
        let people = part.people.iter().cloned().zip(0..).collect();
        let text: usize = part.paths.iter().map(|path| path.len() + 3).sum();
        let names: usize =
            part.people.iter().map(|(name, email)| name.len() + email.len() + 8).sum();
        let rows: usize = part.commits.iter().map(row_bytes).sum();
        let bytes = text + names + rows;
        Self { part: HistoryPart { version: VERSION, ..part }, paths, people, bytes }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn part(&self) -> &HistoryPart {
        &self.part
    }

    /// At most how many bytes a commit adds.
    pub fn cost(facts: &CommitFacts) -> usize {
        let of_path = |path: &str| path.len() + 3;
        let changes = facts.changes.iter().flatten();
        let changes: usize = changes
            .map(|change| {
                CHANGE + of_path(&change.path) + change.old_path.as_deref().map_or(0, of_path)
            })
            .sum();
        let author = &facts.commit.author;
        ROW + facts.commit.subject.len() + author.name.len() + author.email.len() + 8 + changes
    }

    /// Adds a commit; its subject as `subject` gives it.
    pub fn push(&mut self, facts: &CommitFacts, subject: String) {
        let commit = &facts.commit;
        let person = (commit.author.name.clone(), commit.author.email.clone());
        let changes = facts.changes.as_deref().unwrap_or_default();
        let changes = changes.iter().map(|change| {
            let kind = match change.kind() {
                ChangeKind::Added => 'A',
                ChangeKind::Modified => 'M',
                ChangeKind::Deleted => 'D',
            };
            let (added, removed) =
                change.lines.map_or((-1, -1), |lines| (lines.added.into(), lines.removed.into()));
            let from = change.old_path.as_deref().map(|from| self.path(from));
            (self.path(&change.path), kind, added, removed, from)
        });
        let changes = changes.collect();
        let row = CommitRow {
            id: commit.id.clone(),
            author: self.person(person),
            authored: commit.authored_ms.div_euclid(1_000),
            committed: commit.committed_ms.div_euclid(1_000),
            subject,
            merge: commit.merge,
            revert: commit.is_revert(),
            changes,
        };
        self.bytes += row_bytes(&row);
        self.part.version = VERSION;
        self.part.commits.push(row);
    }

    fn path(&mut self, path: &str) -> usize {
        if let Some(place) = self.paths.get(path) {
            return *place;
        }
        let place = self.part.paths.len();
        self.bytes += path.len() + 3;
        self.part.paths.push(path.to_owned());
        self.paths.insert(path.to_owned(), place);
        place
    }

    fn person(&mut self, person: (String, String)) -> usize {
        *self.people.entry(person).or_insert_with_key(|person| {
            self.bytes += person.0.len() + person.1.len() + 8;
            self.part.people.push(person.clone());
            self.part.people.len() - 1
        })
    }
}

/// Names of a row's fields, its id and times.
const ROW: usize = 150;
/// A change: five values and what is between them.
const CHANGE: usize = 28;

/// What a row is about as text.
fn row_bytes(row: &CommitRow) -> usize {
    ROW + row.subject.len() + CHANGE * row.changes.len()
}

/// All of history that is kept, with one table of paths and people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub paths: Vec<String>,
    pub people: Vec<Person>,
    /// Oldest first.
    pub commits: Vec<PastCommit>,
}

/// A commit and what it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCommit {
    pub id: String,
    /// In [`History::people`].
    pub author: usize,
    pub authored_ms: i64,
    pub committed_ms: i64,
    pub subject: String,
    pub merge: bool,
    pub revert: bool,
    pub changes: Vec<PastChange>,
    /// What it is for, where its subject left that open and somebody was asked who reads more of it.
    pub asked: Option<CommitKind>,
}

impl PastCommit {
    /// What it is for.
    pub fn kind(&self) -> CommitKind {
        self.asked.unwrap_or_else(|| commit_kind::kind(&self.subject).0)
    }
}

/// A path that a commit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastChange {
    /// In [`History::paths`].
    pub path: usize,
    pub kind: ChangeKind,
    pub lines: Option<LineChange>,
    pub from: Option<usize>,
}

/// A clock may be ahead by so much and mean well: zones are set wrong by up to a day.
const CLOCK_TOLERANCE_MS: i64 = 24 * 3_600_000;

impl History {
    /// Corrects what a broken clock dated in the future. A commit that is ahead by up to a day is of
    /// now. One that is further ahead is of the latest moment before it in history, so that it grows
    /// old like all others; of now where there is none.
    pub fn believe(&mut self, now_ms: i64) {
        let mut latest_ms = None;
        for commit in &mut self.commits {
            if commit.committed_ms <= now_ms {
                latest_ms = latest_ms.max(Some(commit.committed_ms));
            } else if commit.committed_ms - now_ms <= CLOCK_TOLERANCE_MS {
                commit.committed_ms = now_ms;
            } else {
                commit.committed_ms = latest_ms.unwrap_or(now_ms);
            }
            commit.authored_ms = commit.authored_ms.min(now_ms);
        }
    }

    /// Puts parts together, oldest first. A row that names what its part does not have is left
    /// out: a part is written whole or not at all, so only a hand can have made one.
    pub fn join(parts: impl IntoIterator<Item = HistoryPart>) -> History {
        let mut history = History::default();
        let mut paths: HashMap<String, usize> = HashMap::new();
        let mut people: HashMap<(String, String), usize> = HashMap::new();
        for part in parts {
            let intern = |path: String| {
                *paths.entry(path).or_insert_with_key(|path| {
                    history.paths.push(path.clone());
                    history.paths.len() - 1
                })
            };
            let path: Vec<usize> = part.paths.into_iter().map(intern).collect();
            let meet = |person: (String, String)| {
                *people.entry(person).or_insert_with_key(|(name, email)| {
                    history.people.push(Person { name: name.clone(), email: email.clone() });
                    history.people.len() - 1
                })
            };
            let person: Vec<usize> = part.people.into_iter().map(meet).collect();
            let commits = part.commits.into_iter().filter_map(|row| past(row, &path, &person));
            history.commits.extend(commits);
        }
        history
    }
}

fn past(row: CommitRow, path: &[usize], person: &[usize]) -> Option<PastCommit> {
    let change = |(at, kind, added, removed, from): (usize, char, i64, i64, Option<usize>)| {
        let count = |lines: i64| u32::try_from(lines).ok();
        let lines = count(added).zip(count(removed));
        Some(PastChange {
            path: *path.get(at)?,
            kind: match kind {
                'A' => ChangeKind::Added,
                'D' => ChangeKind::Deleted,
                _ => ChangeKind::Modified,
            },
            lines: lines.map(|(added, removed)| LineChange { added, removed }),
            from: from.and_then(|from| path.get(from).copied()),
        })
    };
    Some(PastCommit {
        author: *person.get(row.author)?,
        authored_ms: row.authored.saturating_mul(1_000),
        committed_ms: row.committed.saturating_mul(1_000),
        changes: row.changes.into_iter().filter_map(change).collect(),
        id: row.id,
        subject: row.subject,
        merge: row.merge,
        revert: row.revert,
        asked: None,
    })
}

/// Some of the files of the tip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FilesPart {
    pub version: u32,
    /// The simplest functions, and notes, were left out for it to fit.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub trimmed: bool,
    pub files: Vec<FileRow>,
}

/// A file and what its content amounts to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRow {
    pub path: String,
    /// The content's object id: as long as it is the same, so is the rest.
    pub blob: String,
    pub measured: Measured,
}

#[cfg(test)]
mod tests {
    use super::{History, HistoryPart, HistoryWriter, Index, TagRow};
    use crate::history::{Commit, CommitFacts, FileChange, LineChange, Person};

    fn facts(id: &str, author: &str, paths: &[&str]) -> CommitFacts {
        let change = |path: &&str| {
            let (path, old_path) = match path.split_once('>') {
                Some((from, to)) => (to.to_owned(), Some(from.to_owned())),
                None => ((*path).to_owned(), None),
            };
            FileChange {
                key: crate::path::key(path.as_bytes()),
                path,
                old_path,
                old: Some([1; 20]),
                new: Some([2; 20]),
                lines: Some(LineChange { added: 3, removed: 1 }),
            }
        };
        CommitFacts {
            commit: Commit {
                id: id.to_owned(),
                author: Person { name: author.to_owned(), email: format!("{author}@x") },
                authored_ms: 5_000,
                committed_ms: 6_000,
                merge: false,
                subject: "s".to_owned(),
                names_reverted: false,
            },
            parents: Vec::new(),
            changes: Some(paths.iter().map(change).collect()),
            cut: false,
        }
    }

    #[test]
    fn parts_come_back_as_one_history() {
        let commits = [
            facts("a", "ann", &["x", "y"]),
            facts("b", "bob", &["y"]),
            facts("c", "ann", &["y>z"]),
        ];
        let mut first = HistoryWriter::default();
        first.push(&commits[0], "one".to_owned());
        // A part is stored, and gone on with.
        let text = serde_json::to_string(first.part()).expect("it is text");
        let stored: HistoryPart = serde_json::from_str(&text).expect("it is a part");
        let mut first = HistoryWriter::of(stored);
        first.push(&commits[1], "two".to_owned());
        let mut second = HistoryWriter::default();
        second.push(&commits[2], "three".to_owned());
        let history = History::join([first.part().clone(), second.part().clone()]);
        let shown: Vec<String> =
            history.commits.iter().map(|commit| show(&history, commit)).collect();
        assert_eq!(shown, ["a ann one x+3-1 y+3-1", "b bob two y+3-1", "c ann three y>z+3-1"]);
        assert_eq!(history.people.len(), 2);
        // What is said of its size is about right, or a checkpoint would not hold it.
        let text = serde_json::to_string(first.part()).expect("it is text");
        assert!(first.bytes().abs_diff(text.len()) < text.len() / 2, "{} {}", first.bytes(), text);
    }

    #[test]
    fn what_is_dated_in_the_future_is_of_the_time_before_it() {
        const DAY: i64 = 86_400;
        let mut writer = HistoryWriter::default();
        for (id, day, hours) in
            [("a", 3, 0), ("b", 900, 0), ("c", 5, 0), ("d", 10, 9), ("e", 999, 0)]
        {
            let mut facts = facts(id, "ann", &["x"]);
            facts.commit.committed_ms = (day * DAY + hours * 3_600) * 1_000;
            facts.commit.authored_ms = facts.commit.committed_ms;
            writer.push(&facts, id.to_owned());
        }
        let now_ms = 10 * DAY * 1_000;
        let mut history = History::join([writer.part().clone()]);
        history.believe(now_ms);
        let tag = |name: &str, day: i64| TagRow {
            name: name.to_owned(),
            at: day * DAY,
            commit: name.to_owned(),
        };
        let tags = vec![tag("a", 3), tag("b", 900), tag("e", 999), tag("elsewhere", 999)];
        let mut index = Index { tags, ..Index::default() };
        index.believe(&history, now_ms);
        let days = |ms: i64| ms / (DAY * 1_000);
        let commits: Vec<String> = history
            .commits
            .iter()
            .map(|commit| {
                format!("{} {} {}", commit.id, days(commit.committed_ms), days(commit.authored_ms))
            })
            .collect();
        assert_eq!(commits, ["a 3 3", "b 3 10", "c 5 5", "d 10 10", "e 5 10"]);
        let tags: Vec<String> =
            index.tags().iter().map(|tag| format!("{} {}", tag.name, days(tag.at_ms))).collect();
        assert_eq!(tags, ["a 3", "b 3", "e 5", "elsewhere 10"]);
    }

    fn show(history: &History, commit: &super::PastCommit) -> String {
        let mut text =
            format!("{} {} {}", commit.id, history.people[commit.author].name, commit.subject);
        for change in &commit.changes {
            let from =
                change.from.map_or(String::new(), |from| format!("{}>", history.paths[from]));
            let lines = change.lines.expect("counted");
            text +=
                &format!(" {from}{}+{}-{}", history.paths[change.path], lines.added, lines.removed);
        }
        text
    }
}
