//! Files of results in the project: where they lie, and what is new in them. Bounded, and a damaged one
//! is an answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::durations;
use super::formats::{self, Measured, hash};
use crate::places::{self, Wanted};
use crate::xml::Mistake;

/// Places where results lie, how deep, and how many entries of folders are looked at there, which is
/// some milliseconds in all: Criterion's, pytest-benchmark's, where people put the others, and what
/// builds and tests leave.
const PLACES: [(&str, usize, usize); 19] = [
    ("target/criterion", 6, 4_000),
    (".benchmarks", 3, 500),
    ("benchmarks", 2, 500),
    ("benchmark", 2, 500),
    ("bench", 2, 500),
    ("benches", 2, 500),
    ("build/results/jmh", 2, 500),
    ("target", 1, 200),
    ("", 1, 500),
    ("build", 1, 200),
    ("out", 1, 200),
    ("target/cargo-timings", 1, 500),
    ("target/nextest", 2, 200),
    ("target/surefire-reports", 1, 500),
    ("target/failsafe-reports", 1, 500),
    ("build/test-results", 3, 500),
    ("test-results", 3, 500),
    ("reports", 2, 500),
    ("junit", 2, 500),
];
/// Folders of Criterion's that hold no newest result.
const NOT_NEWEST: [&str; 3] = ["base", "change", "report"];
/// A file of results; a larger one is something else, or keeps what nobody compares.
const MOST_BYTES: u64 = 8 * 1024 * 1024;
/// Files read in one run: the others are read by the next ones.
const MOST_READ: usize = 200;
/// Files that are remembered, and contents.
const MOST_FILES: usize = 2_000;
const MOST_CONTENTS: usize = 4_000;
/// Bytes of a path: a longer one can't be named in a finding.
const LONGEST_PATH: usize = 300;
/// What can't be read so soon after it was written may not be whole yet.
pub const SETTLED_MS: i64 = 5 * 60_000;

/// A file as it was when it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub written_ms: i64,
    /// Why it can't be read, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mistake: Option<Mistake>,
}

/// Files that were read, by their path from the project's root, and their contents: a file that comes
/// back as it was once, or lies somewhere else too, was checked out or copied, and not measured again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Files {
    pub seen: BTreeMap<String, Seen>,
    contents: VecDeque<String>,
}

/// Results that are new, with the moment their file was written.
#[derive(Debug)]
pub struct Result {
    pub written_ms: i64,
    pub measured: Measured,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Look {
    pub results: Vec<Result>,
    /// Whether something has to be remembered.
    pub is_news: bool,
    /// Files left for the next runs.
    pub waiting: usize,
    /// Files that are too many to be remembered.
    pub left_out: usize,
}

/// Files that may be results, by their path from the root.
struct Found<'a> {
    root: &'a Path,
    files: BTreeMap<String, i64>,
}

impl Wanted for Found<'_> {
    fn enters(&self, name: &str) -> bool {
        !NOT_NEWEST.contains(&name)
    }

    fn is_of_it(&self, path: &Path) -> bool {
        path.strip_prefix(self.root).is_ok_and(is_result)
    }

    fn take(&mut self, path: PathBuf, written_ms: i64) {
        let path = path.strip_prefix(self.root).ok().and_then(Path::to_str);
        if let Some(path) = path.filter(|path| path.len() <= LONGEST_PATH) {
            self.files.insert(path.to_owned(), written_ms);
        }
    }
}

/// By its path in the project: Criterion's newest estimates, a JSON file that is called after a tool, or
/// what a build or a run of tests leaves.
fn is_result(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if path.starts_with("target/criterion") {
        return path.ends_with("new/estimates.json");
    }
    let is_named = ["hyperfine", "jmh", "bench"].iter().any(|word| name.contains(word));
    let is_benchmark = name.ends_with(".json") && (is_named || path.starts_with(".benchmarks"));
    is_benchmark || durations::is_kept_in(path, name)
}

impl Files {
    /// Looks for files that were not read as they are now; oldest first. One from the future has to
    /// wait: when it was measured is not known.
    pub fn look(&mut self, root: &Path, now_ms: i64) -> Look {
        let mut found = Found { root, files: BTreeMap::new() };
        for (place, depth, entries) in PLACES {
            places::look(root, place, depth, entries, &mut found);
        }
        let files = found.files;
        let before = self.seen.len();
        self.seen.retain(|path, _| files.contains_key(path));
        let mut look = Look {
            left_out: files.len().saturating_sub(MOST_FILES),
            is_news: self.seen.len() < before,
            ..Look::default()
        };
        let is_new = |path: &String, written_ms: i64| {
            self.seen.get(path).is_none_or(|seen| seen.written_ms != written_ms)
        };
        let mut new: Vec<(i64, String)> = files
            .into_iter()
            .filter(|(path, written_ms)| *written_ms <= now_ms && is_new(path, *written_ms))
            .map(|(path, written_ms)| (written_ms, path))
            .collect();
        new.sort();
        look.waiting = new.len().saturating_sub(MOST_READ);
        new.truncate(MOST_READ);
        let mut contents: BTreeSet<String> = self.contents.iter().cloned().collect();
        for (written_ms, path) in new {
            let is_known = self.seen.contains_key(&path);
            if !is_known && self.seen.len() == MOST_FILES {
                continue;
            }
            match read(root, &path) {
                Err(_) if now_ms - written_ms < SETTLED_MS => {
                    look.waiting += 1;
                    continue;
                }
                Err(mistake) => {
                    self.seen.insert(path, Seen { written_ms, mistake: Some(mistake) });
                }
                Ok((content, measured)) => {
                    self.seen.insert(path, Seen { written_ms, mistake: None });
                    if contents.insert(content.clone()) {
                        self.contents.push_back(content);
                        let result = |measured| Result { written_ms, measured };
                        look.results.extend(measured.into_iter().map(result));
                    }
                }
            }
            look.is_news = true;
        }
        self.contents.drain(..self.contents.len().saturating_sub(MOST_CONTENTS));
        look
    }
}

/// What a file says, and its content in short.
fn read(root: &Path, path: &str) -> std::result::Result<(String, Vec<Measured>), Mistake> {
    let bytes = places::read(&root.join(path), MOST_BYTES)
        .map_err(|error| Mistake::at_start(error.to_string()))?;
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let measured = match durations::is_kept_in(Path::new(path), name) {
        true => durations::read(path, name, &bytes),
        false => benchmarks(root, path, &bytes)?,
    };
    Ok((hash(&bytes), measured))
}

fn benchmarks(
    root: &Path,
    path: &str,
    bytes: &[u8],
) -> std::result::Result<Vec<Measured>, Mistake> {
    let value = json(bytes)?;
    let Some(folder) = path.strip_suffix("/new/estimates.json") else {
        return Ok(formats::read(&value));
    };
    let beside = places::read(&root.join(folder).join("new/benchmark.json"), MOST_BYTES).ok();
    let beside = beside.and_then(|bytes| json(&bytes).ok());
    let name = folder.strip_prefix("target/criterion/").unwrap_or(folder);
    Ok(formats::criterion(&value, beside.as_ref(), name).into_iter().collect())
}

fn json(bytes: &[u8]) -> std::result::Result<Value, Mistake> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The place is said apart.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
        Mistake { line: error.line(), column: error.column(), what }
    })
}
