//! History in the form that is learned from: what each change was of, under the names of today.

use std::collections::{HashMap, HashSet};

use onboard_analysis::co_change::{CoChange, MOST_FILES};
use onboard_analysis::facts::History;
use onboard_analysis::history::ChangeKind;
use onboard_analysis::path::{Class, class, file_name};

/// A change of few enough code and test files to say something about them.
#[derive(Clone, Debug)]
pub struct Change {
    /// In [`History::commits`].
    pub place: usize,
    pub at_ms: i64,
    /// Keys of files that were there afterwards.
    pub files: Vec<u64>,
}

/// What is learned from.
pub struct Past<'a> {
    pub history: &'a History,
    /// Oldest first, by their dates.
    pub changes: Vec<Change>,
    /// By key, the path of today, in [`History::paths`].
    paths: HashMap<u64, usize>,
    classes: Vec<Class>,
}

impl<'a> Past<'a> {
    pub fn of(history: &'a History, now_ms: i64) -> Self {
        let classes: Vec<Class> = history.paths.iter().map(|path| class(path)).collect();
        // Among tests there are data and settings, too: the name alone has to say that it is code.
        let named = |path: &String| matches!(class(file_name(path)), Class::Code | Class::Test);
        let sources = history.paths.iter().zip(&classes);
        let is_source: Vec<bool> = sources
            .map(|(path, class)| matches!(class, Class::Code | Class::Test) && named(path))
            .collect();
        let mut keys: HashMap<usize, u64> = HashMap::new();
        let mut paths: HashMap<u64, usize> = HashMap::new();
        let mut changes = Vec::new();
        for (place, commit) in history.commits.iter().enumerate().filter(|(_, it)| !it.merge) {
            let mut files = Vec::new();
            for change in &commit.changes {
                // What was moved takes its past along.
                let known = keys.remove(&change.from.unwrap_or(change.path));
                if change.kind == ChangeKind::Deleted {
                    continue;
                }
                let key = known.unwrap_or(paths.len() as u64);
                keys.insert(change.path, key);
                paths.insert(key, change.path);
                if is_source[change.path] {
                    files.push(key);
                }
            }
            files.sort_unstable();
            files.dedup();
            if (1..=MOST_FILES).contains(&files.len()) {
                changes.push(Change { place, at_ms: commit.committed_ms.min(now_ms), files });
            }
        }
        // History has parents before children, which is not the order of their dates.
        changes.sort_by_key(|change| change.at_ms);
        Self { history, changes, paths, classes }
    }

    /// The path of a file today.
    pub fn path(&self, key: u64) -> &'a str {
        self.paths.get(&key).map_or("", |path| self.history.paths[*path].as_str())
    }

    /// Files whose path of today is one of these.
    pub fn keys_of(&self, is_wanted: &dyn Fn(&str) -> bool) -> HashSet<u64> {
        self.paths.keys().copied().filter(|key| is_wanted(self.path(*key))).collect()
    }

    /// Whether it is code that no test is.
    pub fn is_code(&self, key: u64) -> bool {
        self.paths.get(&key).is_some_and(|path| self.classes[*path] == Class::Code)
    }

    /// The newest commits that changed all of these files, the newest first.
    pub fn newest_with(&self, files: &[u64], most: usize) -> Vec<usize> {
        let has_all = |change: &&Change| files.iter().all(|key| change.files.contains(key));
        self.changes.iter().rev().filter(has_all).take(most).map(|change| change.place).collect()
    }

    /// Takes a change into the counts.
    pub fn fold(&self, counts: &mut CoChange, change: &Change) {
        let files: Vec<(u64, &str)> =
            change.files.iter().map(|key| (*key, self.path(*key))).collect();
        counts.fold(change.at_ms, &files);
    }
}
