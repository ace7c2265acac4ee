//! History folded into the tables every question is answered from: people, files, weeks and the
//! recent past. Commits go in oldest first; what was folded is never read again.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::calendar::{DAY_MS, WEEK_MS, week_of};
use crate::history::{Change, ChangeKind, Commit, CommitId, Person};
use crate::path::{self, Class};

/// Authors told apart. Whoever comes after shares one nameless entry that owns nothing; no
/// project met so far has half as many with more than one commit.
const MOST_AUTHORS: usize = 12_000;
/// Weeks of which each author's presence is kept: two years, what trends look back on.
const PRESENCE_WEEKS: u16 = 104;
/// How far back single commits are kept, milliseconds: half a year.
const RECENT_MS: i64 = 26 * WEEK_MS;
/// Single commits kept at most; a project this busy shows its habits in fewer.
const MOST_RECENT: usize = 3_000;
/// A commit over more code files than this is a sweep (formatting, licence headers, imports) and
/// says nothing about any one of them.
const SWEEP_FILES: usize = 40;
/// Authors kept for one file; the ones with the fewest commits are dropped, none of whom can
/// reach the share of knowledge that counts.
const MOST_AUTHORS_OF_FILE: usize = 8;
/// A clock may run ahead by a day (time zones, drift) before its commit counts as future-dated.
const CLOCK_TOLERANCE_MS: i64 = DAY_MS;
/// Before the first version control that git imports; an earlier date is a broken clock.
const EARLIEST_MS: i64 = 0;
/// Watched files (manifests, lock files) kept at most.
const MOST_WATCHED: usize = 500;

/// One author over all of history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    #[serde(rename = "n")]
    pub name: String,
    /// Key of the lower-case address; the address itself is not kept.
    #[serde(rename = "e")]
    email_key: u64,
    #[serde(rename = "c")]
    pub commits: u32,
    /// The latest commit, milliseconds since 1970.
    #[serde(rename = "l")]
    pub last_ms: i64,
    /// Weeks with a commit, ascending, of the last two years.
    #[serde(rename = "w")]
    pub weeks: Vec<u16>,
    /// A program that commits.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
}

/// What history knows of one living file: who created it, and who changed it how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FileTuple", into = "FileTuple")]
pub struct FileHistory {
    pub creator: Option<u32>,
    /// Author and number of commits, the creation included.
    pub authors: Vec<(u32, u32)>,
    /// Week of the last change.
    pub week: u16,
}

type FileTuple = (Option<u32>, u16, Vec<(u32, u32)>);

impl From<FileTuple> for FileHistory {
    fn from((creator, week, authors): FileTuple) -> Self {
        Self { creator, authors, week }
    }
}

impl From<FileHistory> for FileTuple {
    fn from(file: FileHistory) -> Self {
        (file.creator, file.week, file.authors)
    }
}

/// One week of work, programs and merges apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WeekTuple", into = "WeekTuple")]
pub struct Week {
    /// Commits by people, merges apart.
    pub commits: u32,
    pub merges: u32,
    /// Commits by programs.
    pub bots: u32,
    /// Commits by people that changed code or tests.
    pub code: u32,
    /// Of those, the ones that changed tests.
    pub tested: u32,
    pub reverts: u32,
}

type WeekTuple = (u32, u32, u32, u32, u32, u32);

impl From<WeekTuple> for Week {
    fn from((commits, merges, bots, code, tested, reverts): WeekTuple) -> Self {
        Self { commits, merges, bots, code, tested, reverts }
    }
}

impl From<Week> for WeekTuple {
    fn from(week: Week) -> Self {
        (week.commits, week.merges, week.bots, week.code, week.tested, week.reverts)
    }
}

/// One commit of the last half-year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentCommit {
    #[serde(rename = "i")]
    pub id: CommitId,
    #[serde(rename = "t")]
    pub at_ms: i64,
    #[serde(rename = "a")]
    pub author: u32,
    /// The first line of its message, kept of reverts only.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<String>,
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub tests: bool,
    /// Keys of the code files it changed; empty for a sweep.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<u64>,
}

/// The last change of a file whose age matters by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    #[serde(rename = "t")]
    pub changed_ms: i64,
    #[serde(rename = "i")]
    pub id: CommitId,
}

/// Everything history says, in bounded tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub authors: Vec<Author>,
    pub files: BTreeMap<u64, FileHistory>,
    pub weeks: BTreeMap<u16, Week>,
    pub recent: VecDeque<RecentCommit>,
    pub watched: BTreeMap<String, Watched>,
    /// All commits, merges and programs' included.
    pub commits: u64,
    pub merges: u64,
    /// Commits whose clocks say they are from the future.
    pub future_dated: u64,
    /// The latest believable date of a commit.
    pub last_ms: i64,
    /// Files whose history was dropped to keep the tables small.
    pub dropped_files: u64,
    #[serde(skip)]
    by_name: BTreeMap<String, u32>,
    #[serde(skip)]
    by_email: BTreeMap<u64, u32>,
}

impl Ledger {
    /// Rebuilds what a stored ledger leaves out.
    pub fn reindex(&mut self) {
        let named = |(index, author): (usize, &Author)| (author.name.to_lowercase(), index as u32);
        self.by_name = self.authors.iter().enumerate().map(named).collect();
        self.by_email =
            (0..).zip(&self.authors).map(|(at, author)| (author.email_key, at)).collect();
    }

    /// Folds one commit in. `changes` is `None` where they are not to be had (a merge, the edge
    /// of a shallow clone, a damaged tree).
    pub fn fold(&mut self, commit: &Commit, changes: Option<&[Change]>, now_ms: i64) {
        self.commits += 1;
        let Some(at_ms) = self.believable_time(commit, now_ms) else {
            self.future_dated += 1;
            return;
        };
        self.last_ms = self.last_ms.max(at_ms);
        let week = week_of(at_ms);
        if commit.merge {
            self.merges += 1;
            self.weeks.entry(week).or_default().merges += 1;
            return;
        }
        let author = self.author(&commit.author);
        self.count_author(author, at_ms, week);
        let changes = changes.unwrap_or_default();
        let classes: Vec<Class> = changes.iter().map(|change| path::class(&change.path)).collect();
        self.count_week(week, author, commit, &classes);
        self.touch_files(author, week, changes, &classes);
        self.watch(commit, at_ms, changes);
        self.remember(commit, at_ms, author, changes, &classes);
    }

    /// The author's date where it can be true, else the committer's.
    fn believable_time(&self, commit: &Commit, now_ms: i64) -> Option<i64> {
        let latest = now_ms.saturating_add(CLOCK_TOLERANCE_MS);
        [commit.authored_ms, commit.committed_ms]
            .into_iter()
            .find(|at_ms| (EARLIEST_MS..=latest).contains(at_ms))
    }

    /// People are one when their name or their address is the same.
    fn author(&mut self, person: &Person) -> u32 {
        let name = person.name.trim().to_lowercase();
        let email_key = path::key(person.email.trim().to_lowercase().as_bytes());
        let known = self
            .by_email
            .get(&email_key)
            .filter(|_| !person.email.trim().is_empty())
            .or_else(|| self.by_name.get(&name).filter(|_| !name.is_empty()))
            .copied();
        let index = known.unwrap_or_else(|| self.new_author(person, email_key));
        self.by_email.entry(email_key).or_insert(index);
        self.by_name.entry(name).or_insert(index);
        index
    }

    fn new_author(&mut self, person: &Person, email_key: u64) -> u32 {
        if self.authors.len() >= MOST_AUTHORS {
            return (MOST_AUTHORS - 1) as u32;
        }
        let bot = is_program(person);
        let nameless = self.authors.len() == MOST_AUTHORS - 1;
        let name = if nameless { String::new() } else { person.name.trim().to_owned() };
        self.authors.push(Author { name, email_key, bot: bot || nameless, ..Author::default() });
        (self.authors.len() - 1) as u32
    }

    fn count_author(&mut self, author: u32, at_ms: i64, week: u16) {
        let author = &mut self.authors[author as usize];
        author.commits = author.commits.saturating_add(1);
        author.last_ms = author.last_ms.max(at_ms);
        if let Err(place) = author.weeks.binary_search(&week) {
            author.weeks.insert(place, week);
        }
    }

    fn count_week(&mut self, week: u16, author: u32, commit: &Commit, classes: &[Class]) {
        let bot = self.authors[author as usize].bot;
        let week = self.weeks.entry(week).or_default();
        if bot {
            week.bots += 1;
            return;
        }
        week.commits += 1;
        week.reverts += u32::from(commit.is_revert());
        let tested = classes.contains(&Class::Test);
        week.code += u32::from(tested || classes.contains(&Class::Code));
        week.tested += u32::from(tested);
    }

    fn touch_files(&mut self, author: u32, week: u16, changes: &[Change], classes: &[Class]) {
        let renames = pair_renames(changes);
        for (index, (change, class)) in changes.iter().zip(classes).enumerate() {
            if !matches!(class, Class::Code | Class::Test) || change.kind == ChangeKind::Deleted {
                continue;
            }
            let from = renames.get(&index).map(|&old| changes[old].key);
            let moved = from.and_then(|old| self.files.remove(&old));
            let renamed = moved.is_some();
            if let Some(file) = moved {
                self.files.insert(change.key, file);
            }
            let file = self.files.entry(change.key).or_default();
            if change.kind == ChangeKind::Added && !renamed && file.creator.is_none() {
                file.creator = Some(author);
            }
            file.week = file.week.max(week);
            count_for(&mut file.authors, author);
        }
        for change in changes.iter().filter(|change| change.kind == ChangeKind::Deleted) {
            self.files.remove(&change.key);
            self.watched.remove(&change.path);
        }
    }

    fn watch(&mut self, commit: &Commit, at_ms: i64, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.kind != ChangeKind::Deleted) {
            let known = self.watched.contains_key(&change.path);
            if crate::dependency::is_watched(&change.path)
                && (known || self.watched.len() < MOST_WATCHED)
            {
                let watched = Watched { changed_ms: at_ms, id: commit.id.clone() };
                self.watched.insert(change.path.clone(), watched);
            }
        }
    }

    fn remember(
        &mut self,
        commit: &Commit,
        at_ms: i64,
        author: u32,
        changes: &[Change],
        classes: &[Class],
    ) {
        if self.authors[author as usize].bot || at_ms < self.last_ms - RECENT_MS {
            return;
        }
        let code: Vec<u64> = changes
            .iter()
            .zip(classes)
            .filter(|(change, class)| **class == Class::Code && change.kind != ChangeKind::Deleted)
            .map(|(change, _)| change.key)
            .collect();
        self.recent.push_back(RecentCommit {
            id: commit.id.clone(),
            at_ms,
            author,
            revert: commit.is_revert().then(|| commit.subject.chars().take(100).collect()),
            tests: classes.contains(&Class::Test),
            files: if code.len() > SWEEP_FILES { Vec::new() } else { code },
        });
        while self.recent.len() > MOST_RECENT {
            self.recent.pop_front();
        }
    }

    /// Forgets what is too old to matter and the history of files that are gone.
    pub fn prune(&mut self, living: impl Fn(u64) -> bool) {
        let oldest_ms = self.last_ms - RECENT_MS;
        self.recent.retain(|commit| commit.at_ms >= oldest_ms);
        let oldest_week = week_of(self.last_ms).saturating_sub(PRESENCE_WEEKS);
        for author in &mut self.authors {
            author.weeks.retain(|week| *week >= oldest_week);
        }
        self.files.retain(|key, _| living(*key));
    }

    /// Keeps only the `most` files changed last.
    pub fn shrink_files(&mut self, most: usize) {
        if self.files.len() <= most {
            return;
        }
        let mut weeks: Vec<u16> = self.files.values().map(|file| file.week).collect();
        weeks.sort_unstable_by(|a, b| b.cmp(a));
        let cut = weeks[most];
        let before = self.files.len();
        self.files.retain(|_, file| file.week > cut);
        self.dropped_files += (before - self.files.len()) as u64;
    }

    /// A weekly series over complete weeks from `from` to `until`, both included; weeks without
    /// any commit are zero.
    pub fn series(&self, from: u16, until: u16, value: impl Fn(&Week) -> f64) -> Vec<f64> {
        let none = Week::default();
        (from..=until).map(|week| value(self.weeks.get(&week).unwrap_or(&none))).collect()
    }

    /// People who committed in each week from `from` to `until`, both included.
    pub fn people_by_week(&self, from: u16, until: u16) -> Vec<f64> {
        let mut people = vec![0.0; usize::from(until.saturating_sub(from)) + 1];
        for author in self.authors.iter().filter(|author| !author.bot) {
            for week in author.weeks.iter().filter(|week| (from..=until).contains(week)) {
                people[usize::from(week - from)] += 1.0;
            }
        }
        people
    }
}

fn count_for(authors: &mut Vec<(u32, u32)>, author: u32) {
    match authors.iter_mut().find(|(known, _)| *known == author) {
        Some((_, commits)) => *commits = commits.saturating_add(1),
        None => {
            if authors.len() == MOST_AUTHORS_OF_FILE {
                let least = authors.iter().enumerate().min_by_key(|(_, (_, commits))| *commits);
                if let Some((place, _)) = least {
                    authors.swap_remove(place);
                }
            }
            authors.push((author, 1));
        }
    }
}

/// Programs say so in their name or address.
pub fn is_program(person: &Person) -> bool {
    let (name, email) = (person.name.to_lowercase(), person.email.to_lowercase());
    name.ends_with("[bot]")
        || email.contains("[bot]@")
        || name.ends_with("-bot")
        || name.ends_with(" bot")
        || ["dependabot", "renovate", "github-actions", "greenkeeper", "pre-commit-ci", "bors"]
            .iter()
            .any(|program| name.starts_with(program))
}

/// Pairs additions with the deletions they continue: the same content first, else the same file
/// name where it occurs once on each side. Returns addition → deletion, both as indices.
fn pair_renames(changes: &[Change]) -> BTreeMap<usize, usize> {
    let of_kind = |kind| {
        let matching = move |(_, change): &(usize, &Change)| change.kind == kind;
        changes.iter().enumerate().filter(matching)
    };
    let mut pairs = BTreeMap::new();
    if of_kind(ChangeKind::Deleted).next().is_none() {
        return pairs;
    }
    let mut gone: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, change) in of_kind(ChangeKind::Deleted) {
        gone.entry(change.content).or_default().push(index);
    }
    for (index, change) in of_kind(ChangeKind::Added) {
        if let Some(old) = gone.get_mut(&change.content).and_then(Vec::pop) {
            pairs.insert(index, old);
        }
    }
    let left = gone.into_values().flatten().collect();
    pair_by_name(changes, left, &mut pairs);
    pairs
}

fn pair_by_name(changes: &[Change], left: Vec<usize>, pairs: &mut BTreeMap<usize, usize>) {
    let mut by_name: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for old in left {
        by_name.entry(path::file_name(&changes[old].path)).or_default().0.push(old);
    }
    for (index, change) in changes.iter().enumerate() {
        if change.kind == ChangeKind::Added
            && !pairs.contains_key(&index)
            && let Some((_, new)) = by_name.get_mut(path::file_name(&change.path))
        {
            new.push(index);
        }
    }
    for (old, new) in by_name.into_values() {
        if let ([old], [new]) = (old.as_slice(), new.as_slice()) {
            pairs.insert(*new, *old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const NOW: i64 = 1_700_000_000_000;

    fn commit(who: &str, day: i64, subject: &str) -> Commit {
        let at_ms = NOW - (400 - day) * DAY_MS;
        Commit {
            id: format!("{day:040x}"),
            author: Person { name: who.to_owned(), email: format!("{who}@example.org") },
            authored_ms: at_ms,
            committed_ms: at_ms,
            merge: false,
            subject: subject.to_owned(),
            names_reverted: false,
        }
    }

    /// `+path`, `-path` and `~path`, with the content's number after a colon.
    fn changes(text: &str) -> Vec<Change> {
        let one = |word: &str| {
            let (path, content) = word[1..].split_once(':').unwrap_or((&word[1..], "0"));
            let kind = match &word[..1] {
                "+" => ChangeKind::Added,
                "-" => ChangeKind::Deleted,
                _ => ChangeKind::Modified,
            };
            let content = content.parse().expect("a number");
            Change { path: path.to_owned(), key: path::key(path.as_bytes()), kind, content }
        };
        text.split_whitespace().map(one).collect()
    }

    fn check(history: &[(Commit, &str)], paths: &[&str], expected: Expect) {
        let mut ledger = Ledger::default();
        for (commit, text) in history {
            ledger.fold(commit, Some(&changes(text)), NOW);
        }
        let mut lines: Vec<String> = Vec::new();
        for path in paths {
            let file = ledger.files.get(&path::key(path.as_bytes()));
            let text = file.map_or("unknown".to_owned(), |file| {
                let name = |index: u32| ledger.authors[index as usize].name.clone();
                let authors: Vec<String> =
                    file.authors.iter().map(|(who, n)| format!("{} {n}", name(*who))).collect();
                let creator = file.creator.map_or("nobody".to_owned(), name);
                format!("created by {creator}; {}", authors.join(", "))
            });
            lines.push(format!("{path}: {text}"));
        }
        let total = ledger.weeks.values().fold(Week::default(), |sum, week| Week {
            commits: sum.commits + week.commits,
            merges: sum.merges + week.merges,
            bots: sum.bots + week.bots,
            code: sum.code + week.code,
            tested: sum.tested + week.tested,
            reverts: sum.reverts + week.reverts,
        });
        lines.push(format!("{total:?}, {} from the future", ledger.future_dated));
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn history_follows_files_through_renames() {
        check(
            &[
                (commit("ann", 1, "start"), "+src/a.rs:1 +src/b.rs:2 +gone.rs:9"),
                (commit("bob", 2, "work"), "~src/a.rs:3 +tests/t.rs:4"),
                (commit("bob", 3, "move"), "-src/a.rs:3 +lib/a.rs:3 -src/b.rs:2 +lib/b.rs:7"),
                (commit("cy", 4, "drop"), "-gone.rs:9"),
            ],
            &["lib/a.rs", "lib/b.rs", "src/a.rs", "gone.rs"],
            expect![[r#"
                lib/a.rs: created by ann; ann 1, bob 2
                lib/b.rs: created by ann; ann 1, bob 1
                src/a.rs: unknown
                gone.rs: unknown
                Week { commits: 4, merges: 0, bots: 0, code: 4, tested: 1, reverts: 0 }, 0 from the future"#]],
        );
    }

    #[test]
    fn programs_merges_reverts_and_broken_clocks_are_told_apart() {
        let mut merge = commit("ann", 3, "Merge branch 'x'");
        merge.merge = true;
        let mut late = commit("ann", 4, "typo");
        late.authored_ms = NOW + 900 * DAY_MS;
        let mut lost = late.clone();
        lost.committed_ms = i64::MAX;
        check(
            &[
                (commit("ann", 1, "start"), "+a.py"),
                (commit("renovate[bot]", 2, "update"), "~a.py"),
                (merge, ""),
                (commit("ann", 3, "Revert \"start\""), "~a.py"),
                (late, "~a.py"),
                (lost, "~a.py"),
            ],
            &["a.py"],
            expect![[r#"
                a.py: created by ann; ann 3, renovate[bot] 1
                Week { commits: 3, merges: 1, bots: 1, code: 3, tested: 0, reverts: 1 }, 1 from the future"#]],
        );
    }
}
