//! What agents may touch, by name: sets that are built once a policy and looked up at each attempt.

use alloc::string::String;
use alloc::vec::Vec;

/// Exact names: of commands, of hosts, of protocols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSet(Vec<String>);

impl NameSet {
    /// A set of these names.
    pub fn new(names: impl IntoIterator<Item = String>) -> NameSet {
        NameSet(sorted(names))
    }

    /// Whether this very name is in it. Bytes, since an agent's names need not be text.
    pub fn has(&self, name: &[u8]) -> bool {
        find(&self.0, name).is_some()
    }
}

/// Paths of a project, each with all that is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSet(Vec<String>);

impl PathSet {
    /// A set of these paths; one `/` at an end says "folder" and nothing else.
    pub fn new(paths: impl IntoIterator<Item = String>) -> PathSet {
        PathSet(sorted(paths.into_iter().map(|path| folder_or_not(&path).into())))
    }

    /// The path of the set that is this one or lies above it; the outermost of them. `path` is
    /// relative to the project, without `.`, `..` and empty parts.
    pub fn over(&self, path: &[u8]) -> Option<&str> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.chain([path.len()]).find_map(|end| find(&self.0, &path[..end]))
    }
}

/// A path of a policy without the `/` that says "folder".
pub(crate) fn folder_or_not(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn find<'a>(texts: &'a [String], wanted: &[u8]) -> Option<&'a str> {
    let at = texts.binary_search_by(|text| text.as_bytes().cmp(wanted)).ok()?;
    texts.get(at).map(String::as_str)
}
