//! From text to a patch.

use super::header::{Header, both, mode, side, unquoted};
use super::{Change, FilePatch, Hunk, HunkLine, LineKind, Malformed, Patch, bounds};
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Reads a patch.
///
/// # Errors
/// The first line that is not of a patch, or that says something that can't be proposed: binary
/// content, links, submodules, copies, modes.
pub fn parse(text: &str) -> Result<Patch, Malformed> {
    if text.len() > bounds::BYTES {
        let why =
            alloc::format!("a patch has at most {} bytes, this {}", bounds::BYTES, text.len());
        return Err(Malformed { line: 0, why });
    }
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        return Err(Malformed { line, why: "a NUL: binary content can't be proposed".into() });
    }
    let mut reader = Reader { lines: text.split_inclusive('\n').collect(), at: 0 };
    let mut files = Vec::new();
    while reader.skip_blank() {
        if files.len() >= bounds::FILES {
            return Err(reader.wrong(alloc::format!("more than {} files", bounds::FILES)));
        }
        files.push(reader.file()?);
    }
    if files.is_empty() {
        return Err(Malformed { line: 0, why: "it changes no file".into() });
    }
    once_each(&files)?;
    Ok(Patch { files })
}

/// No path is touched twice, and none is a folder of another that is written.
fn once_each(files: &[FilePatch]) -> Result<(), Malformed> {
    let mut touched = BTreeSet::new();
    for file in files {
        let from = match &file.change {
            Change::Rename { from, .. } => Some(from.as_str()),
            _ => None,
        };
        for path in [Some(file.path.as_str()), from].into_iter().flatten() {
            if !touched.insert(path) {
                let why = alloc::format!("`{path}` is touched twice");
                return Err(Malformed { line: file.line, why });
            }
        }
    }
    Ok(())
}

struct Reader<'a> {
    /// With their newlines.
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, why: impl Into<String>) -> Malformed {
        Malformed { line: self.at + 1, why: why.into() }
    }

    /// Whether anything but empty lines follows.
    fn skip_blank(&mut self) -> bool {
        while self.lines.get(self.at).is_some_and(|line| *line == "\n") {
            self.at += 1;
        }
        self.at < self.lines.len()
    }

    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.at).map(|line| line.strip_suffix('\n').unwrap_or(line))
    }

    fn file(&mut self) -> Result<FilePatch, Malformed> {
        let line = self.at + 1;
        let mut header = Header { line, ..Header::default() };
        if let Some(rest) = self.peek().and_then(|line| line.strip_prefix("diff --git ")) {
            header.name = both(rest, line)?;
            self.at += 1;
            self.extended(&mut header)?;
        }
        if let Some(rest) = self.peek().and_then(|line| line.strip_prefix("--- ")) {
            header.old = Some(side(rest, "a/", self.at + 1)?);
            self.at += 1;
            let Some(rest) = self.peek().and_then(|line| line.strip_prefix("+++ ")) else {
                return Err(self.wrong("`+++ ` has to follow `--- `"));
            };
            header.new = Some(side(rest, "b/", self.at + 1)?);
            self.at += 1;
        } else if self.at + 1 == line {
            return Err(self.wrong("expected `diff --git a/… b/…` or `--- a/…`"));
        }
        let has_names = header.old.is_some();
        let hunks = self.hunks()?;
        if has_names == hunks.is_empty() {
            return Err(self.wrong(if has_names {
                "expected `@@ `"
            } else {
                "expected `--- a/…`"
            }));
        }
        let (path, change) = header.resolve(!hunks.is_empty())?;
        Ok(FilePatch { path, change, hunks, line })
    }

    /// The lines between `diff --git` and `---`.
    fn extended(&mut self, header: &mut Header) -> Result<(), Malformed> {
        while let Some(line) = self.peek() {
            let number = self.at + 1;
            let Some((word, rest)) = split(line) else { return Ok(()) };
            match word {
                "old mode " => header.old_mode = Some(mode(rest, number)?),
                "new mode " => header.new_mode = Some(mode(rest, number)?),
                "new file mode " => header.created = Some(mode(rest, number)?),
                "deleted file mode " => header.deleted = Some(mode(rest, number)?),
                "rename from " => header.renamed_from = Some(unquoted(rest, number)?),
                "rename to " => header.renamed_to = Some(unquoted(rest, number)?),
                "index " => {
                    let written = rest.split_once(' ').map(|(_, mode)| mode);
                    if written.is_some_and(|mode| !matches!(mode, "100644" | "100755")) {
                        return Err(self.wrong("only plain files can be proposed"));
                    }
                }
                "similarity index " | "dissimilarity index " => {}
                "copy from " | "copy to " => {
                    return Err(self.wrong("copies can't be proposed: create the file"));
                }
                _ => return Err(self.wrong("binary content can't be proposed")),
            }
            self.at += 1;
        }
        Ok(())
    }

    fn hunks(&mut self) -> Result<Vec<Hunk>, Malformed> {
        let mut hunks: Vec<Hunk> = Vec::new();
        while let Some(rest) = self.peek().and_then(|line| line.strip_prefix("@@ -")) {
            if hunks.len() >= bounds::HUNKS {
                return Err(self.wrong(alloc::format!("more than {} hunks", bounds::HUNKS)));
            }
            let hunk = self.hunk(rest)?;
            if hunks.last().is_some_and(|before| before.end() > hunk.begin()) {
                return Err(self.wrong("a hunk that begins before the one above it has ended"));
            }
            hunks.push(hunk);
        }
        Ok(hunks)
    }

    fn hunk(&mut self, rest: &str) -> Result<Hunk, Malformed> {
        let numbers = rest.split_once(" @@").map(|(numbers, _)| numbers);
        let sides = numbers.and_then(|numbers| numbers.split_once(" +"));
        let read = sides.and_then(|(old, new)| Some((range(old)?, range(new)?)));
        let Some(((old_start, old_lines), (new_start, new_lines))) = read else {
            return Err(self.wrong("expected `@@ -LINE,COUNT +LINE,COUNT @@`"));
        };
        self.at += 1;
        let mut hunk = Hunk { old_start, old_lines, new_start, new_lines, lines: Vec::new() };
        let (mut old, mut new) = (0, 0);
        while old < old_lines || new < new_lines {
            let Some(line) = self.lines.get(self.at) else {
                return Err(self.wrong("the patch ends inside of a hunk"));
            };
            let (kind, text) = match line.as_bytes()[0] {
                b' ' => (LineKind::Context, &line[1..]),
                // Some tools leave out the space of an empty line.
                b'\n' => (LineKind::Context, *line),
                b'-' => (LineKind::Removed, &line[1..]),
                b'+' => (LineKind::Added, &line[1..]),
                _ => return Err(self.wrong("a line of a hunk begins with ` `, `-` or `+`")),
            };
            old += usize::from(kind != LineKind::Added);
            new += usize::from(kind != LineKind::Removed);
            if old > old_lines || new > new_lines {
                return Err(self.wrong("the hunk has more lines than its header says"));
            }
            self.at += 1;
            hunk.lines.push(HunkLine { kind, text: self.ended(text) });
        }
        if old_lines == 0 && new_lines == 0 {
            return Err(self.wrong("a hunk without lines"));
        }
        Ok(hunk)
    }

    /// The text of a line that was just taken: without its newline if the next line says so.
    fn ended(&mut self, text: &str) -> String {
        if self.lines.get(self.at).is_some_and(|next| next.starts_with("\\ ")) {
            self.at += 1;
            return text.strip_suffix('\n').unwrap_or(text).to_string();
        }
        // The last line of a patch may have lost its own.
        let missing = if text.ends_with('\n') { "" } else { "\n" };
        alloc::format!("{text}{missing}")
    }
}

impl Hunk {
    /// Index of the first old line that it is about.
    pub(super) fn begin(&self) -> usize {
        if self.old_lines == 0 { self.old_start } else { self.old_start.saturating_sub(1) }
    }

    fn end(&self) -> usize {
        self.begin().saturating_add(self.old_lines)
    }
}

/// `LINE` or `LINE,COUNT`.
fn range(text: &str) -> Option<(usize, usize)> {
    let number = |text: &str| {
        let is_plain =
            !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| text.parse().ok()).flatten()
    };
    let (start, count) = match text.split_once(',') {
        Some((start, count)) => (number(start)?, number(count)?),
        None => (number(text)?, 1),
    };
    // Only an empty side begins at no line.
    (start > 0 || count == 0).then_some((start, count))
}

/// An extended header line, as its words and what follows.
fn split(line: &str) -> Option<(&'static str, &str)> {
    const WORDS: [&str; 13] = [
        "old mode ",
        "new mode ",
        "new file mode ",
        "deleted file mode ",
        "rename from ",
        "rename to ",
        "index ",
        "similarity index ",
        "dissimilarity index ",
        "copy from ",
        "copy to ",
        "GIT binary patch",
        "Binary files ",
    ];
    WORDS.iter().find_map(|word| Some((*word, line.strip_prefix(word)?)))
}
