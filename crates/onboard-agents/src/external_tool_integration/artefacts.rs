//! Files that tools write about a project: where they lie, and what they say. Bounded, and a damaged one
//! is an answer.

pub mod coverage;
pub mod junit;
pub mod sarif;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub use crate::xml::Mistake;

use crate::places::{self, Wanted};
use crate::xml;

/// A folder where results lie, how deep, how many entries are looked at there, and whether all that
/// is XML in it is a result.
type Place = (&'static str, usize, usize, bool);

/// Where the tools put them by themselves, and where people have them put.
const PLACES: [Place; 18] = [
    ("", 1, 500, false),
    ("artifacts", 4, 1_000, true),
    ("build", 1, 200, false),
    ("build/reports", 4, 2_000, true),
    ("build/test-results", 4, 2_000, true),
    ("coverage", 3, 1_000, true),
    ("junit", 2, 1_000, true),
    ("out", 1, 200, false),
    ("reports", 4, 1_000, true),
    ("results", 2, 500, true),
    ("target", 1, 200, false),
    ("target/failsafe-reports", 1, 2_000, true),
    ("target/llvm-cov", 2, 200, true),
    ("target/nextest", 2, 200, true),
    ("target/site/cobertura", 1, 200, true),
    ("target/surefire-reports", 1, 2_000, true),
    ("target/tarpaulin", 1, 200, true),
    ("test-results", 4, 1_000, true),
];
/// A file of results: the largest are some megabytes, and take a second.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Files read in one run; the others are read by the next ones.
const MOST_READ: usize = 300;
/// Files that are remembered.
const MOST_FILES: usize = 1_000;
/// What can't be read so soon after it was written may not be whole yet.
const SETTLED_MS: i64 = 5 * 60_000;

/// What a file says.
#[derive(Debug)]
pub enum Content {
    Tests(Vec<junit::Case>),
    Coverage(coverage::Lines),
    Alerts(Vec<sarif::Scan>),
    /// XML or JSON of something else.
    Other,
}

/// A file that is new, or was written anew.
#[derive(Debug)]
pub struct Artefact {
    /// From the project's root.
    pub path: String,
    pub written_ms: i64,
    pub content: Result<Content, Mistake>,
}

/// What is there.
#[derive(Debug, Default)]
pub struct Look {
    /// All files that may be results.
    pub present: Vec<String>,
    /// Those that were read, oldest first.
    pub read: Vec<Artefact>,
    /// Left for the next run.
    pub waiting: usize,
    /// There are too many.
    pub left_out: usize,
}

#[derive(Clone, Copy)]
enum Format {
    Xml { is_named: bool },
    Lcov,
    Sarif,
}

/// Files that may be results, by their path from the root.
struct Found<'a> {
    root: &'a Path,
    is_all_xml: bool,
    files: BTreeMap<String, (i64, Format)>,
}

impl Found<'_> {
    fn format(&self, path: &Path) -> Option<Format> {
        format_of(path.file_name()?.to_str()?, self.is_all_xml)
    }
}

impl Wanted for Found<'_> {
    fn enters(&self, _: &str) -> bool {
        true
    }

    fn is_of_it(&self, path: &Path) -> bool {
        self.format(path).is_some()
    }

    fn take(&mut self, path: PathBuf, written_ms: i64) {
        let relative = path.strip_prefix(self.root).ok().and_then(Path::to_str);
        if let (Some(relative), Some(format)) = (relative, self.format(&path)) {
            self.files.insert(relative.to_owned(), (written_ms, format));
        }
    }
}

/// Looks for files, and reads those that were not seen as they are now.
pub fn look(root: &Path, seen: &BTreeMap<String, i64>, now_ms: i64) -> Look {
    let mut found = Found { root, is_all_xml: false, files: BTreeMap::new() };
    for (place, depth, entries, is_all_xml) in PLACES {
        found.is_all_xml = is_all_xml;
        places::look(root, place, depth, entries, &mut found);
    }
    let files = found.files;
    let mut look = Look { left_out: files.len().saturating_sub(MOST_FILES), ..Look::default() };
    let mut new = Vec::new();
    for (path, (written_ms, format)) in files.into_iter().take(MOST_FILES) {
        if seen.get(&path) != Some(&written_ms) {
            new.push((written_ms, path.clone(), format));
        }
        look.present.push(path);
    }
    new.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    look.waiting = new.len().saturating_sub(MOST_READ);
    new.truncate(MOST_READ);
    for (written_ms, path, format) in new {
        let content = read(root, &path, format);
        if content.is_err() && now_ms - written_ms < SETTLED_MS {
            look.waiting += 1;
            continue;
        }
        look.read.push(Artefact { path, written_ms, content });
    }
    look
}

fn format_of(name: &str, is_all_xml: bool) -> Option<Format> {
    let lower = name.to_ascii_lowercase();
    let begins =
        ["junit", "test-", "test_", "tests", "coverage", "cobertura", "nosetests", "xunit"];
    let is_named = begins.iter().any(|word| lower.starts_with(word));
    match () {
        () if lower.ends_with(".sarif") || lower.ends_with(".sarif.json") => Some(Format::Sarif),
        () if lower.ends_with(".lcov") || lower == "lcov.info" => Some(Format::Lcov),
        () if lower.ends_with(".xml") && (is_named || is_all_xml) => Some(Format::Xml { is_named }),
        () => None,
    }
}

fn read(root: &Path, path: &str, format: Format) -> Result<Content, Mistake> {
    let text = text(&root.join(path))?;
    match format {
        Format::Sarif => sarif::read(&text, root).map(Content::Alerts),
        Format::Lcov => coverage::lcov(&text, root).map(Content::Coverage),
        Format::Xml { is_named } => match xml::root(&text).as_deref() {
            Some("testsuites" | "testsuite") => junit::read(&text, root).map(Content::Tests),
            Some("coverage") => coverage::cobertura(&text, root)
                .map(|lines| lines.map_or(Content::Other, Content::Coverage)),
            None if is_named => Err(Mistake::at_start("it holds no element of XML")),
            Some(_) | None => Ok(Content::Other),
        },
    }
}

fn text(path: &Path) -> Result<String, Mistake> {
    let cannot = |error: std::io::Error| Mistake::at_start(error.to_string());
    let bytes = places::read(path, MOST_BYTES).map_err(cannot)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let known = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        Mistake::at(&known, known.len(), "it is not UTF-8")
    })
}

/// A path as a tool wrote it, from the project's root where it is a file of the project.
fn own_path(root: &Path, written: &str) -> Option<String> {
    let written = written.strip_prefix("file://").unwrap_or(written);
    let path = Path::new(written);
    let relative = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
    let is_plain =
        relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let text =
        relative.to_str().filter(|text| is_plain && !text.is_empty() && text.len() <= 300)?;
    fs::symlink_metadata(root.join(relative)).ok()?.is_file().then(|| text.to_owned())
}

/// A tool's words as they may be kept: one line, not long, without secrets.
fn clean(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().filter(|letter| !letter.is_control()).take(most).collect();
    onboard_validation::secrets::redact(&cut).map_or(cut, |(clean, _)| clean)
}
