//! Results of benchmarks in the project, and a series of each.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::formats::{self, Measured};
use crate::places::{self, Wanted};

/// Places where results lie, how deep, and how many entries of folders are looked at there, which is
/// some milliseconds in all: Criterion's, pytest-benchmark's, and where people put the others.
const PLACES: [(&str, usize, usize); 9] = [
    ("target/criterion", 6, 4_000),
    (".benchmarks", 3, 500),
    ("benchmarks", 2, 500),
    ("benchmark", 2, 500),
    ("bench", 2, 500),
    ("benches", 2, 500),
    ("build/results/jmh", 2, 500),
    ("target", 1, 200),
    ("", 1, 500),
];
/// Folders of Criterion's that hold no newest result.
const NOT_NEWEST: [&str; 3] = ["base", "change", "report"];
/// A file of results; a larger one is something else.
const MOST_BYTES: u64 = 2 * 1024 * 1024;
/// Files read in one run: the others are read by the next ones.
const MOST_FILES: usize = 200;
/// Benchmarks kept, and results of each.
const MOST_SERIES: usize = 300;
const MOST_POINTS: usize = 120;

/// Results that are new, with the moment their file was written.
pub struct Result {
    pub at_ms: i64,
    pub measured: Measured,
}

/// Files of results that are new.
struct New {
    since_ms: i64,
    now_ms: i64,
    files: Vec<(i64, PathBuf)>,
}

impl Wanted for New {
    fn enters(&self, name: &str) -> bool {
        !NOT_NEWEST.contains(&name)
    }

    fn is_of_it(&self, path: &Path) -> bool {
        is_result(path)
    }

    fn take(&mut self, path: PathBuf, written_ms: i64) {
        if written_ms > self.since_ms && written_ms <= self.now_ms {
            self.files.push((written_ms, path));
        }
    }
}

/// Looks for files that were written after `since_ms`; oldest first. One from the future has to wait:
/// taken now, it would hide all that come before it.
pub fn look(root: &Path, since_ms: i64, now_ms: i64) -> Vec<Result> {
    let mut new = New { since_ms, now_ms, files: Vec::new() };
    for (place, depth, entries) in PLACES {
        places::look(root, place, depth, entries, &mut new);
    }
    let mut files = new.files;
    files.sort();
    files.dedup();
    // Of one moment all or none: what has been seen is known by it.
    if let Some((edge, _)) = files.get(MOST_FILES).cloned() {
        files.retain(|(at_ms, _)| *at_ms < edge);
    }
    let results = files.into_iter().flat_map(|(at_ms, path)| {
        read(&path).into_iter().map(move |measured| Result { at_ms, measured })
    });
    results.collect()
}

/// By its name: Criterion's newest estimates, or a JSON file that is called after a tool.
fn is_result(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let text = path.to_string_lossy();
    if text.contains("/criterion/") {
        return name == "estimates.json" && text.ends_with("/new/estimates.json");
    }
    let is_named = ["hyperfine", "jmh", "bench"].iter().any(|word| name.contains(word));
    name.ends_with(".json") && (is_named || text.contains("/.benchmarks/"))
}

fn read(path: &Path) -> Vec<Measured> {
    let Some(value) = json(path) else { return Vec::new() };
    if path.ends_with("new/estimates.json") {
        let folder = path.parent();
        let beside = folder.and_then(|folder| json(&folder.join("benchmark.json")));
        let name = folder.and_then(Path::parent).and_then(Path::file_name);
        let name = name.and_then(|name| name.to_str()).unwrap_or_default();
        return formats::criterion(&value, beside.as_ref(), name).into_iter().collect();
    }
    formats::read(&value)
}

fn json(path: &Path) -> Option<Value> {
    let mut text = String::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// A result, in short: when, how long, and the commit that was checked out when it was read.
pub type Point = (i64, f64, usize);

/// A series of each benchmark.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Benchmarks {
    /// Of the newest file that was read.
    pub newest_ms: i64,
    /// Commits that points name by their place.
    pub commits: Vec<String>,
    pub series: BTreeMap<String, VecDeque<Point>>,
    /// Benchmarks that were left out: there are too many.
    pub left_out: usize,
}

impl Benchmarks {
    /// Adds results; says whether there were any.
    pub fn take(&mut self, results: Vec<Result>, head: &str) -> bool {
        if results.is_empty() {
            return false;
        }
        let commit = self.commits.iter().position(|known| known == head).unwrap_or_else(|| {
            self.commits.push(head.to_owned());
            self.commits.len() - 1
        });
        for Result { at_ms, measured } in results {
            self.newest_ms = self.newest_ms.max(at_ms);
            if !self.series.contains_key(&measured.name) && self.series.len() == MOST_SERIES {
                self.left_out += 1;
                continue;
            }
            let points = self.series.entry(measured.name).or_default();
            let nanoseconds = (measured.nanoseconds * 1e3).round() / 1e3;
            // To the last digit the same: it was not measured again, but checked out or copied.
            if points.back().is_some_and(|last| last.1.to_bits() == nanoseconds.to_bits()) {
                continue;
            }
            points.push_back((at_ms, nanoseconds, commit));
            if points.len() > MOST_POINTS {
                points.pop_front();
            }
        }
        self.forget_commits();
        true
    }

    /// Drops commits that no point names any more.
    fn forget_commits(&mut self) {
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, _, commit) in self.series.values().flatten() {
            places.insert(*commit, 0);
        }
        let kept: Vec<String> =
            places.keys().filter_map(|place| self.commits.get(*place).cloned()).collect();
        for (new, place) in places.values_mut().enumerate() {
            *place = new;
        }
        for (_, _, commit) in self.series.values_mut().flatten() {
            *commit = places[&*commit];
        }
        self.commits = kept;
    }

    pub fn commit(&self, point: &Point) -> &str {
        self.commits.get(point.2).map_or("", String::as_str)
    }
}
