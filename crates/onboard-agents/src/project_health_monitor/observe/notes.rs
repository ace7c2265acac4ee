//! Notes for later (TODO, FIXME) in the main line's files, now and a quarter of a year before.

use onboard_analysis::calendar::WEEK_MS;
use onboard_analysis::history::ChangeKind;
use onboard_analysis::ledger::Ledger;
use onboard_analysis::note;
use onboard_analysis::path::{Class, class};

use super::FileFacts;
use crate::git::{Listing, Mainline, Repository, Scratch, TreeFile, Unreadable, prefix};
use crate::project_health_monitor::state::{Content, Contents};

/// Larger files are data or were written by a program.
const LARGEST_TEXT: u64 = 1024 * 1024;
/// Bytes read in one run; what is left is read by the next ones.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// How far back growth is measured: a quarter of a year.
const LOOK_BACK_MS: i64 = 13 * WEEK_MS;
/// First parents followed to get there.
const MOST_PARENTS: usize = 20_000;
/// Files named as the ones with the most new notes.
const MOST_NAMED: usize = 3;

/// Notes in all of the code, and what a quarter of a year did to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteFacts {
    pub now: u32,
    /// A quarter of a year ago; `None` where the project is younger or was cut off before.
    pub before: Option<u32>,
    /// Code files now.
    pub files: usize,
    pub files_before: usize,
    /// Files with the most new notes, most first.
    pub grown: Vec<NoteFile>,
}

/// A file that gained notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteFile {
    pub path: String,
    pub gained: u32,
    /// Its last note.
    pub line: u32,
    pub text: String,
}

/// What reading the contents yielded.
#[derive(Debug, Default)]
pub struct Scan {
    pub files: Vec<FileFacts>,
    pub notes: NoteFacts,
    pub unreadable: Vec<Unreadable>,
    pub limits: Vec<String>,
}

/// Reads the contents that no earlier run has read.
pub fn scan(
    repository: &Repository,
    mainline: &Mainline,
    listing: &Listing,
    contents: &mut Contents,
    ledger: &Ledger,
) -> Scan {
    let mut scan = Scan::default();
    let mut reader = Reader { repository, contents, bytes: 0, left: 0, unreadable: Vec::new() };
    for file in &listing.files {
        let mut class = class(&file.path);
        let mut inline_tests = false;
        if matches!(class, Class::Code | Class::Test) && !file.link {
            let content = reader.content(file);
            inline_tests = content.inline_tests;
            if content.foreign {
                class = Class::Foreign;
            } else {
                scan.notes.now += content.notes;
                scan.notes.files += 1;
            }
        }
        let path = file.path.clone();
        scan.files.push(FileFacts { path, key: file.key, class, inline_tests });
    }
    compare(&mut scan, &mut reader, mainline, listing, ledger);
    if !reader.unreadable.is_empty() {
        scan.notes.before = None;
    }
    if reader.left > 0 {
        scan.limits.push(format!("{} files are left to read for notes", reader.left));
        scan.notes.before = None;
    }
    scan.unreadable.append(&mut reader.unreadable);
    scan
}

/// Notes a quarter of a year ago = notes now − what the files that differ gained.
fn compare(
    scan: &mut Scan,
    reader: &mut Reader<'_>,
    mainline: &Mainline,
    listing: &Listing,
    ledger: &Ledger,
) {
    let repository = reader.repository;
    let at_ms = ledger.last_ms - LOOK_BACK_MS;
    let Some(old) = repository.as_of(mainline.tip, at_ms, MOST_PARENTS) else { return };
    let mut scratch = Scratch::default();
    let Ok(changes) = repository.changes_between(old, mainline.tip, &mut scratch) else { return };
    let Ok(before) = repository.files(old) else { return };
    let mut gains: Vec<(i64, &str, gix::ObjectId)> = Vec::new();
    let (mut total, mut files) = (i64::from(scan.notes.now), scan.notes.files as i64);
    for change in &changes {
        if !matches!(class(&change.path), Class::Code | Class::Test) {
            continue;
        }
        let new = listing.by_key(change.key).filter(|_| change.kind != ChangeKind::Deleted);
        let old = before.by_key(change.key).filter(|_| change.kind != ChangeKind::Added);
        let (now, then) = (new.map(|f| reader.content(f)), old.map(|f| reader.content(f)));
        let counted = |content: Option<Content>| {
            content.filter(|content| !content.foreign).map_or((0, 0), |c| (i64::from(c.notes), 1))
        };
        let (now, then) = (counted(now), counted(then));
        total -= now.0 - then.0;
        files -= now.1 - then.1;
        if let Some(new) = new.filter(|_| now.0 > then.0) {
            gains.push((now.0 - then.0, &new.path, new.blob));
        }
    }
    scan.notes.before = u32::try_from(total).ok();
    scan.notes.files_before = usize::try_from(files).unwrap_or(0);
    gains.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    scan.notes.grown =
        gains.into_iter().take(MOST_NAMED).filter_map(|gain| named(repository, gain)).collect();
}

fn named(
    repository: &Repository,
    (gained, path, blob): (i64, &str, gix::ObjectId),
) -> Option<NoteFile> {
    let text = repository.content(blob, LARGEST_TEXT).ok().flatten()?;
    let last = note::list(&text, usize::MAX).pop()?;
    Some(NoteFile {
        path: path.to_owned(),
        gained: u32::try_from(gained).unwrap_or(u32::MAX),
        line: last.line,
        text: last.text,
    })
}

struct Reader<'a> {
    repository: &'a Repository,
    contents: &'a mut Contents,
    bytes: u64,
    /// Files not read for want of budget.
    left: usize,
    unreadable: Vec<Unreadable>,
}

impl Reader<'_> {
    fn content(&mut self, file: &TreeFile) -> Content {
        let name = prefix(&file.blob);
        if let Some(known) = self.contents.known.get(&name) {
            return *known;
        }
        if self.bytes >= MOST_BYTES {
            self.left += 1;
            return Content::default();
        }
        let content = match self.repository.content(file.blob, LARGEST_TEXT) {
            Ok(Some(text)) => {
                self.bytes += text.len() as u64;
                judge(&text)
            }
            Ok(None) => Content { foreign: true, ..Content::default() },
            Err(damage) => {
                self.unreadable.push(damage);
                return Content::default();
            }
        };
        self.contents.known.insert(name, content);
        content
    }
}

fn judge(text: &[u8]) -> Content {
    // A zero byte early on is what git itself takes as a sign of a binary.
    let binary = text[..text.len().min(8_000)].contains(&0);
    let foreign = binary || note::says_generated(text);
    let notes = if foreign { 0 } else { note::count(text) };
    Content { notes, inline_tests: note::has_inline_tests(text), foreign }
}
