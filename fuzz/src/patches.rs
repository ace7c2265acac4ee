//! A patch that is taken is bounded and touches each path once; applied to the content that it says
//! is there, it gives the content that it says comes of it.

use crate::text;
use onboard_validation::patch::{Change, FilePatch, LineKind, apply, bounds, parse, paths};

/// Lines of a made-up file that a hunk may lie behind.
const LINES: usize = 2_000;

/// See the module.
pub fn check(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let patch = match parse(text) {
        Ok(patch) => patch,
        Err(malformed) => {
            assert!(malformed.line <= text.lines().count() + 1, "{malformed}");
            assert!(malformed.why.len() <= 2 * bounds::PATH, "{malformed}");
            return;
        }
    };
    assert!(text.len() <= bounds::BYTES && (1..=bounds::FILES).contains(&patch.files.len()));
    for file in &patch.files {
        assert!(file.path.len() <= bounds::PATH && file.hunks.len() <= bounds::HUNKS);
        fenced(&file.path);
        applies(file);
    }
}

/// What is let through leads nowhere else, however it is spelled.
fn fenced(path: &str) {
    if paths::check(path).is_err() {
        return;
    }
    assert!(!path.starts_with('/') && !path.contains(['\\', '\0', '\n']), "{path:?}");
    let lower = path.to_lowercase();
    let mut parts = lower.split('/');
    assert!(
        !parts.any(|part| matches!(part, "" | "." | ".." | ".git" | ".ai_onboard")),
        "{path:?}"
    );
}

fn applies(file: &FilePatch) {
    let Some((old, new)) = contents(file) else { return };
    // A file that is created has no lines that a hunk could lie behind.
    if matches!(file.change, Change::Create { .. }) && old != "" {
        return;
    }
    let before = match file.change {
        Change::Create { .. } => None,
        _ => Some(old.as_bytes()),
    };
    let made = apply(file, before);
    match (&file.change, made) {
        (Change::Delete, Ok(None)) => assert_eq!(new, ""),
        (Change::Delete, Err(_)) => assert!(!new.is_empty() || !is_counted(file)),
        (_, Ok(Some(made))) => assert_eq!(String::from_utf8_lossy(&made), new),
        (_, made) => {
            // Only what says wrong numbers of its new lines can't be applied to what it asks for.
            assert!(made.is_err() && !is_counted(file), "{:?} of {file:?}", made);
        }
    }
}

/// A file in which every hunk finds its lines, and what comes of it, line by line.
fn contents(file: &FilePatch) -> Option<(String, String)> {
    let (mut old, mut new, mut at) = (Vec::new(), Vec::new(), 0);
    for hunk in &file.hunks {
        let begin =
            if hunk.old_lines > 0 { hunk.old_start.checked_sub(1)? } else { hunk.old_start };
        if begin < at || begin > LINES {
            return None;
        }
        old.extend(std::iter::repeat_n("between\n", begin - at));
        new.extend(std::iter::repeat_n("between\n", begin - at));
        at = begin;
        for line in &hunk.lines {
            if line.kind != LineKind::Added {
                old.push(line.text.as_str());
                at += 1;
            }
            if line.kind != LineKind::Removed {
                new.push(line.text.as_str());
            }
        }
    }
    // A line without its end can only be the last.
    let whole = |lines: &[&str]| lines.iter().rev().skip(1).all(|line| line.ends_with('\n'));
    (whole(&old) && whole(&new)).then(|| (old.concat(), new.concat()))
}

/// Whether each hunk says rightly where its new lines begin.
fn is_counted(file: &FilePatch) -> bool {
    let (mut shift, mut right) = (0_i64, true);
    for hunk in &file.hunks {
        let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX / 4);
        let begin = signed(hunk.old_start) - i64::from(hunk.old_lines > 0);
        let starts = begin + shift + i64::from(hunk.new_lines > 0);
        right &= signed(hunk.new_start) == starts;
        shift += signed(hunk.new_lines) - signed(hunk.old_lines);
    }
    right
}
