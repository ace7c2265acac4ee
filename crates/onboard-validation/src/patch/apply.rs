//! Applying a file's hunks to its content, exactly.

use super::{Change, FilePatch, LineKind};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a change does not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unapplied {
    pub path: String,
    pub why: String,
}

impl fmt::Display for Unapplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

impl core::error::Error for Unapplied {}

/// The file's content after the change, `None` when it is deleted. `old` is the content of
/// [`FilePatch::source`], `None` when there is no such file.
///
/// # Errors
/// When the file is not there, or is and should not be, or a hunk's lines are not at its place.
pub fn apply(file: &FilePatch, old: Option<&[u8]>) -> Result<Option<Vec<u8>>, Unapplied> {
    let source = file.source().unwrap_or(&file.path);
    let fail = |why: String| Err(Unapplied { path: source.into(), why });
    let old = match (&file.change, old) {
        (Change::Create { .. }, Some(_)) => return fail("it is there already".into()),
        (Change::Create { .. }, None) => &[],
        (_, None) => return fail("there is no such file".into()),
        (_, Some(old)) => old,
    };
    let new = match replace(file, old) {
        Ok(new) => new,
        Err(why) => return fail(why),
    };
    if file.change == Change::Delete {
        if !new.is_empty() {
            return fail("it is deleted, but lines of it would remain".into());
        }
        return Ok(None);
    }
    Ok(Some(new))
}

fn replace(file: &FilePatch, old: &[u8]) -> Result<Vec<u8>, String> {
    let lines: Vec<&[u8]> = old.split_inclusive(|byte| *byte == b'\n').collect();
    let mut new: Vec<u8> = Vec::with_capacity(old.len());
    let mut at = 0;
    // Lines by which the new content is longer than the old, and lines written so far.
    let mut written = 0;
    for hunk in &file.hunks {
        let begin = hunk.begin();
        let Some(before) = lines.get(at..begin) else {
            return Err(alloc::format!("line {} is beyond its end", hunk.old_start));
        };
        before.iter().for_each(|line| new.extend_from_slice(line));
        written += before.len();
        let starts = written + usize::from(hunk.new_lines > 0);
        if hunk.new_start != starts {
            let said = hunk.new_start;
            return Err(alloc::format!("a hunk says new line {said} and it is line {starts}"));
        }
        at = begin;
        for line in &hunk.lines {
            if line.kind != LineKind::Added {
                if lines.get(at) != Some(&line.text.as_bytes()) {
                    return Err(alloc::format!("line {} is not what the patch says", at + 1));
                }
                at += 1;
            }
            if line.kind != LineKind::Removed {
                if new.last().is_some_and(|last| *last != b'\n') {
                    return Err("a line without a newline is not the last".into());
                }
                new.extend_from_slice(line.text.as_bytes());
                written += 1;
            }
        }
    }
    let rest = lines.get(at..).unwrap_or_default();
    if !rest.is_empty() && new.last().is_some_and(|last| *last != b'\n') {
        return Err("a line without a newline is not the last".into());
    }
    rest.iter().for_each(|line| new.extend_from_slice(line));
    Ok(new)
}
