//! Which commits were soon followed by a fix, by what history itself says.
//!
//! A fix speaks for one commit: of those that changed its code files last, the one with the most of
//! them, and then the most lines. A short cut through SZZ (Śliwerski, Zimmermann and Zeller, "When do changes induce fixes?", 2005) that needs no
//! contents. It is coarser than lines would be, and it can be checked by anybody, later, from names
//! and dates alone; that makes it fit for a forecast that resolves itself.

use std::collections::{BTreeMap, HashMap};

use crate::calendar::DAY_MS;
use crate::commit_kind::CommitKind;
use crate::facts::{History, PastChange, PastCommit};
use crate::history::{ChangeKind, Commit, CommitFacts, FileChange};
use crate::path::{Class, class, key};

/// What comes later is hardly about this change.
pub const WITHIN_MS: i64 = 30 * DAY_MS;
/// A fix over more code files than this says little about any one of them.
pub const MOST_FIX_FILES: usize = 8;
/// A commit over more code files than this is a sweep: that one of its files is fixed some day says
/// nothing about it.
pub const MOST_FILES: usize = 15;
/// What one person lands within the same hour is one piece of work, its last touches among it.
const SAME_WORK_MS: i64 = 3_600_000;

/// Whether a commit mends or takes back something.
pub fn is_fix(commit: &PastCommit) -> bool {
    commit.revert || matches!(commit.kind(), CommitKind::Fix | CommitKind::Revert)
}

/// How many code files a commit changes.
pub fn code_files(history: &History, commit: &PastCommit) -> usize {
    let is_code = |change: &&PastChange| class(&history.paths[change.path]) == Class::Code;
    commit.changes.iter().filter(is_code).count()
}

/// For each commit, the first fix within [`WITHIN_MS`] that speaks for it. Both are places in
/// [`History::commits`].
pub fn fixes(history: &History) -> Vec<Option<usize>> {
    let classes: Vec<Class> = history.paths.iter().map(|path| class(path)).collect();
    let mut followed = vec![None; history.commits.len()];
    // The last commit that changed each code file, and how many lines of it.
    let mut last: HashMap<usize, (usize, u32)> = HashMap::new();
    for (place, commit) in history.commits.iter().enumerate() {
        let is_code = |change: &&PastChange| classes[change.path] == Class::Code;
        let code = commit.changes.iter().filter(is_code).count();
        let is_sweep = code > MOST_FILES;
        // By commit, its files among these and its lines in them.
        let mut spoken_for: BTreeMap<usize, (usize, u32)> = BTreeMap::new();
        for change in commit.changes.iter().filter(is_code) {
            let before = last.remove(&change.from.unwrap_or(change.path));
            if let Some((earlier, lines)) = before {
                let (files, all) = spoken_for.entry(earlier).or_default();
                *files += 1;
                *all = all.saturating_add(lines);
            }
            let lines = change.lines.map_or(0, |lines| lines.added.saturating_add(lines.removed));
            let now = if is_sweep { before } else { Some((place, lines)) };
            if let Some(now) = now.filter(|_| change.kind != ChangeKind::Deleted) {
                last.insert(change.path, now);
            }
        }
        let speaks = (1..=MOST_FIX_FILES).contains(&code) && is_fix(commit);
        spoken_for.retain(|earlier, _| is_follow_up(&history.commits[*earlier], commit));
        let most = spoken_for.into_iter().max_by_key(|(earlier, weight)| (*weight, *earlier));
        if let Some((earlier, _)) = most.filter(|_| speaks) {
            followed[earlier].get_or_insert(place);
        }
    }
    followed
}

fn is_follow_up(earlier: &PastCommit, fix: &PastCommit) -> bool {
    let gap_ms = fix.committed_ms.saturating_sub(earlier.committed_ms);
    let is_same_work = earlier.author == fix.author && gap_ms < SAME_WORK_MS;
    (0..=WITHIN_MS).contains(&gap_ms) && !is_same_work
}

/// A kept commit in the form in which it was read, as far as it was kept.
pub fn as_read(history: &History, commit: &PastCommit) -> CommitFacts {
    // Which content it was is not kept; that there was one is.
    let content = |is: bool| is.then_some([0; 20]);
    let change = |change: &PastChange| FileChange {
        path: history.paths[change.path].clone(),
        key: key(history.paths[change.path].as_bytes()),
        old_path: change.from.map(|from| history.paths[from].clone()),
        old: content(change.kind != ChangeKind::Added || change.from.is_some()),
        new: content(change.kind != ChangeKind::Deleted),
        lines: change.lines,
    };
    CommitFacts {
        commit: Commit {
            id: commit.id.clone(),
            author: history.people[commit.author].clone(),
            authored_ms: commit.authored_ms,
            committed_ms: commit.committed_ms,
            merge: commit.merge,
            subject: commit.subject.clone(),
            names_reverted: commit.revert,
        },
        parents: Vec::new(),
        changes: (!commit.merge).then(|| commit.changes.iter().map(change).collect()),
        cut: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Person;
    use expect_test::{Expect, expect};

    /// `hour who subject : path path`; `old>new` is a rename, `-path` a deletion.
    fn check(text: &str, expected: Expect) {
        let mut history = History {
            people: ["ann", "bob"]
                .map(|name| Person { name: name.into(), email: name.into() })
                .into(),
            ..History::default()
        };
        for line in text.lines() {
            let (head, paths) = line.split_once(" : ").expect("paths");
            let words: Vec<&str> = head.splitn(3, ' ').collect();
            let mut place = |path: &str| {
                let known = history.paths.iter().position(|known| known == path);
                known.unwrap_or_else(|| {
                    history.paths.push(path.to_owned());
                    history.paths.len() - 1
                })
            };
            let changes = paths.split_whitespace().map(|word| {
                let (kind, word) = match word.strip_prefix('-') {
                    Some(path) => (ChangeKind::Deleted, path),
                    None => (ChangeKind::Modified, word),
                };
                let (from, path) = match word.split_once('>') {
                    Some((from, to)) => (Some(place(from)), place(to)),
                    None => (None, place(word)),
                };
                PastChange { path, kind, lines: None, from }
            });
            let changes = changes.collect();
            let at_ms = words[0].parse::<i64>().expect("an hour") * 3_600_000;
            history.commits.push(PastCommit {
                id: String::new(),
                author: usize::from(words[1] == "bob"),
                authored_ms: at_ms,
                committed_ms: at_ms,
                subject: words[2].to_owned(),
                merge: false,
                revert: false,
                changes,
                asked: None,
            });
        }
        let followed = fixes(&history);
        let lines = history.commits.iter().zip(followed).map(|(commit, fix)| match fix {
            Some(fix) => format!("{}: {}", commit.subject, history.commits[fix].subject),
            None => format!("{}: nothing", commit.subject),
        });
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_fix_speaks_for_the_last_change_of_its_files() {
        check(
            "0 ann one : src/a.rs\n24 bob two : src/b.rs src/c.rs\n48 ann fix it : src/a.rs src/b.rs src/c.rs",
            expect![[r#"
                one: nothing
                two: fix it
                fix it: nothing"#]],
        );
        check(
            "0 ann add a : src/a.rs\n24 bob add b : src/b.rs\n48 ann fix: a : src/a.rs\n\
             72 ann move : src/b.rs>src/c.rs\n96 bob fix c : src/c.rs tests/c.rs",
            expect![[r#"
                add a: fix: a
                add b: nothing
                fix: a: nothing
                move: fix c
                fix c: nothing"#]],
        );
    }

    #[test]
    fn what_says_nothing() {
        // One piece of work; too late; a sweep; only a test; gone.
        check(
            "0 ann add a : src/a.rs\n0 ann fix what a broke : src/a.rs\n800 bob fix a again : src/a.rs\n\
             801 bob more : src/b1.rs src/b2.rs src/b3.rs src/b4.rs src/b5.rs src/b6.rs src/b7.rs src/b8.rs src/b9.rs\n\
             802 ann fix all : src/b1.rs src/b2.rs src/b3.rs src/b4.rs src/b5.rs src/b6.rs src/b7.rs src/b8.rs src/b9.rs\n\
             803 ann more tests : tests/t.rs\n804 bob fix tests : tests/t.rs\n\
             805 bob drop : -src/a.rs\n806 ann fix: a new one : src/a.rs",
            expect![[r#"
                add a: nothing
                fix what a broke: nothing
                fix a again: nothing
                more: nothing
                fix all: nothing
                more tests: nothing
                fix tests: nothing
                drop: nothing
                fix: a new one: nothing"#]],
        );
    }
}
