//! The lines before a file's hunks: names, modes, renames.

use super::{Change, Malformed, bounds};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What the header lines of one file said.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) line: usize,
    /// Of `diff --git`, where both names are the same.
    pub(super) name: Option<String>,
    pub(super) old_mode: Option<u32>,
    pub(super) new_mode: Option<u32>,
    pub(super) created: Option<u32>,
    pub(super) deleted: Option<u32>,
    pub(super) renamed_from: Option<String>,
    pub(super) renamed_to: Option<String>,
    /// Of `---` and `+++`: `Some(None)` is `/dev/null`.
    pub(super) old: Option<Option<String>>,
    pub(super) new: Option<Option<String>>,
}

const PLAIN: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;

impl Header {
    fn wrong(&self, why: impl Into<String>) -> Malformed {
        Malformed { line: self.line, why: why.into() }
    }

    /// What all of it says together.
    pub(super) fn resolve(self, has_hunks: bool) -> Result<(String, Change), Malformed> {
        let change = self.change(has_hunks)?;
        let path = self.path(&change)?;
        if path.len() > bounds::PATH {
            return Err(self.wrong(alloc::format!("a path has at most {} bytes", bounds::PATH)));
        }
        self.agrees(&path, &change)?;
        Ok((path, change))
    }

    fn change(&self, has_hunks: bool) -> Result<Change, Malformed> {
        for mode in [self.old_mode, self.new_mode, self.created, self.deleted].into_iter().flatten()
        {
            match mode {
                PLAIN | EXECUTABLE => {}
                0o120_000 => return Err(self.wrong("symbolic links can't be proposed")),
                0o160_000 => return Err(self.wrong("submodules can't be proposed")),
                _ => return Err(self.wrong(alloc::format!("mode {mode:o} can't be proposed"))),
            }
        }
        let executable = match (self.old_mode, self.new_mode) {
            (None, None) => false,
            (Some(PLAIN), Some(EXECUTABLE)) => true,
            _ => return Err(self.wrong("of modes, only 100644 to 100755 can be proposed")),
        };
        let from_nothing = self.old == Some(None);
        let to_nothing = self.new == Some(None);
        match (self.created, self.deleted, &self.renamed_from) {
            (Some(mode), None, None) if !executable && !to_nothing => {
                Ok(Change::Create { executable: mode == EXECUTABLE })
            }
            (None, Some(_), None) if !executable && !from_nothing => Ok(Change::Delete),
            (None, None, Some(from)) if !from_nothing && !to_nothing => {
                Ok(Change::Rename { from: from.clone(), executable })
            }
            (None, None, None) => match (from_nothing, to_nothing) {
                (true, true) => Err(self.wrong("both names are /dev/null")),
                (true, false) if !executable => Ok(Change::Create { executable: false }),
                (false, true) if !executable => Ok(Change::Delete),
                (false, false) if has_hunks || executable => Ok(Change::Modify { executable }),
                (false, false) => Err(self.wrong("nothing is changed here")),
                _ => Err(self.wrong("a mode and /dev/null don't go together")),
            },
            _ => Err(self.wrong("it is created, deleted or renamed: one of these")),
        }
    }

    fn path(&self, change: &Change) -> Result<String, Malformed> {
        let named = match change {
            Change::Rename { .. } => self.renamed_to.clone(),
            Change::Delete => self.old.clone().flatten().or_else(|| self.name.clone()),
            _ => self.new.clone().flatten().or_else(|| self.name.clone()),
        };
        named.ok_or_else(|| self.wrong("the file's name can't be told from its header"))
    }

    /// Every place that names a file must name the same one.
    fn agrees(&self, path: &str, change: &Change) -> Result<(), Malformed> {
        let old = match change {
            Change::Create { .. } => None,
            Change::Rename { from, .. } => Some(from.as_str()),
            _ => Some(path),
        };
        let new = if *change == Change::Delete { None } else { Some(path) };
        let says_old = self.old.as_ref().is_none_or(|said| said.as_deref() == old);
        let says_new = self.new.as_ref().is_none_or(|said| said.as_deref() == new);
        let is_rename = matches!(change, Change::Rename { .. });
        let says_name = is_rename || self.name.as_ref().is_none_or(|name| name == path);
        let has_both = self.old.is_some() == self.new.is_some();
        let paired = self.renamed_from.is_some() == self.renamed_to.is_some();
        if says_old && says_new && says_name && has_both && paired {
            return Ok(());
        }
        Err(self.wrong("the header's lines name different files"))
    }
}

/// The name in `--- a/NAME` or `+++ b/NAME`; `None` for `/dev/null`.
pub(super) fn side(text: &str, prefix: &str, line: usize) -> Result<Option<String>, Malformed> {
    // What follows a tab is a time.
    let name = text.split('\t').next().unwrap_or_default();
    if name == "/dev/null" {
        return Ok(None);
    }
    let name = unquoted(name, line)?;
    match name.strip_prefix(prefix) {
        Some(name) if !name.is_empty() => Ok(Some(name.to_string())),
        _ => {
            let why = alloc::format!("the name has to begin with `{prefix}` or be /dev/null");
            Err(Malformed { line, why })
        }
    }
}

/// The name that `diff --git a/NAME b/NAME` has twice; `None` where the two differ.
pub(super) fn both(rest: &str, line: usize) -> Result<Option<String>, Malformed> {
    if rest.starts_with('"') {
        let middle = rest.find("\" \"").map(|at| at + 1);
        let halves = middle.map(|at| (&rest[..at], &rest[at + 1..]));
        let Some((old, new)) = halves else { return Ok(None) };
        let (old, new) = (unquoted(old, line)?, unquoted(new, line)?);
        let same = old.strip_prefix("a/").filter(|old| Some(*old) == new.strip_prefix("b/"));
        return Ok(same.map(ToString::to_string));
    }
    // `a/` NAME ` b/` NAME
    let length = rest.len().saturating_sub(5) / 2;
    let name = rest.strip_prefix("a/").and_then(|rest| rest.get(..length));
    let same = name.filter(|name| *rest == alloc::format!("a/{name} b/{name}"));
    Ok(same.map(ToString::to_string))
}

/// A name as git quotes it: between `"`, with C's escapes and octal bytes.
pub(super) fn unquoted(text: &str, line: usize) -> Result<String, Malformed> {
    let Some(inside) = text.strip_prefix('"') else { return Ok(text.to_string()) };
    let wrong = || Malformed { line, why: "a quoted name that can't be read".into() };
    let inside = inside.strip_suffix('"').ok_or_else(wrong)?;
    let mut out = Vec::new();
    let mut bytes = inside.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().ok_or_else(wrong)? {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            quoted @ (b'"' | b'\\') => quoted,
            first @ b'0'..=b'3' => {
                let mut value = u32::from(first - b'0');
                for _ in 0..2 {
                    let digit = bytes.next().filter(|digit| (b'0'..=b'7').contains(digit));
                    value = value * 8 + u32::from(digit.ok_or_else(wrong)? - b'0');
                }
                u8::try_from(value).map_err(|_| wrong())?
            }
            _ => return Err(wrong()),
        });
    }
    String::from_utf8(out).map_err(|_| Malformed { line, why: "a name that is not UTF-8".into() })
}

/// A mode in octal.
pub(super) fn mode(text: &str, line: usize) -> Result<u32, Malformed> {
    // The text is an agent's, of any length: it is pointed at, not repeated.
    let why = "a mode is six octal digits, such as 100644";
    u32::from_str_radix(text, 8).map_err(|_| Malformed { line, why: why.into() })
}
