//! Trees: the files of one commit, and the paths that differ between two.

use std::collections::HashMap;
use std::ops::ControlFlow;

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::diff::tree::{State, Visit, visit};
use gix::objs::tree::EntryMode;
use gix::objs::{FindExt, TreeRefIter};
use onboard_analysis::history::{Change, ChangeKind};
use onboard_analysis::path::key;

use super::{Repository, Unreadable};

/// Changed paths read of one commit; one over more is an import, of which this much is enough.
pub(super) const MOST_CHANGES: usize = 20_000;
/// Files listed of one tree.
const MOST_FILES: usize = 200_000;
/// Folders inside folders followed; deeper is a mistake or an attack.
const DEEPEST: usize = 64;

/// One file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    pub path: String,
    /// Key of the path's own bytes.
    pub key: u64,
    pub blob: ObjectId,
    /// A link, whose content is a path and not a text.
    pub link: bool,
}

/// The files of one tree.
#[derive(Debug, Default)]
pub struct Listing {
    pub files: Vec<TreeFile>,
    /// Other repositories recorded inside this one.
    pub submodules: usize,
    pub unreadable: Vec<Unreadable>,
    /// There are more than [`MOST_FILES`]; the rest is not listed.
    pub cut: bool,
    /// Folders nested deeper than [`DEEPEST`], not looked into.
    pub too_deep: usize,
    places: HashMap<u64, usize>,
}

impl Listing {
    /// The file whose path has this key.
    pub fn by_key(&self, key: u64) -> Option<&TreeFile> {
        self.places.get(&key).map(|place| &self.files[*place])
    }

    pub fn by_path(&self, path: &str) -> Option<&TreeFile> {
        self.by_key(key(path.as_bytes()))
    }

    /// Whether files may exist that are not listed.
    pub fn is_partial(&self) -> bool {
        self.cut || self.too_deep > 0 || !self.unreadable.is_empty()
    }

    /// What is not listed and why, damage aside.
    pub fn limits(&self) -> Vec<String> {
        let cut = self.cut.then(|| format!("only the first {MOST_FILES} files are read"));
        let deep =
            format!("folders nested more than {DEEPEST} deep are left out ({})", self.too_deep);
        let deep = (self.too_deep > 0).then_some(deep);
        cut.into_iter().chain(deep).collect()
    }

    fn index(&mut self) {
        self.places =
            self.files.iter().enumerate().map(|(place, file)| (file.key, place)).collect();
    }
}

/// Buffers that comparing many trees shares.
#[derive(Default)]
pub struct Scratch {
    state: State,
    old: Vec<u8>,
    new: Vec<u8>,
    commit: Vec<u8>,
}

impl Repository {
    /// The paths a commit changed against its first parent, without reading any content; all of
    /// them where it has none. `None` at the edge of a shallow clone, where that is not known.
    pub fn changes(
        &self,
        id: ObjectId,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<Change>>, Unreadable> {
        if self.shallow.contains(&id) {
            return Ok(None);
        }
        let (old, new) = self.trees(id, scratch)?;
        let pairs = self.compare(old, new, scratch)?;
        Ok(Some(pairs.into_iter().map(Pair::into_change).collect()))
    }

    /// The contents a commit changed against its first parent, in the order of their paths; `None`
    /// at the edge of a shallow clone.
    pub(super) fn pairs(
        &self,
        id: ObjectId,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<Pair>>, Unreadable> {
        if self.shallow.contains(&id) {
            return Ok(None);
        }
        let (old, new) = self.trees(id, scratch)?;
        let mut pairs = self.compare(old, new, scratch)?;
        pairs.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(pairs))
    }

    /// The trees of a commit's first parent, if it has one, and its own.
    fn trees(
        &self,
        id: ObjectId,
        scratch: &mut Scratch,
    ) -> Result<(Option<ObjectId>, ObjectId), Unreadable> {
        let (tree, parent) = self.tree_and_parent(id, &mut scratch.commit)?;
        let old = parent.map(|parent| self.tree_and_parent(parent, &mut scratch.commit));
        Ok((old.transpose()?.map(|(tree, _)| tree), tree))
    }

    /// The paths that differ between two commits.
    pub fn changes_between(
        &self,
        old: ObjectId,
        new: ObjectId,
        scratch: &mut Scratch,
    ) -> Result<Vec<Change>, Unreadable> {
        let pairs = self.pairs_between(old, new, scratch)?;
        Ok(pairs.into_iter().map(Pair::into_change).collect())
    }

    /// The contents that differ between two commits.
    pub(super) fn pairs_between(
        &self,
        old: ObjectId,
        new: ObjectId,
        scratch: &mut Scratch,
    ) -> Result<Vec<Pair>, Unreadable> {
        let (old, _) = self.tree_and_parent(old, &mut scratch.commit)?;
        let (new, _) = self.tree_and_parent(new, &mut scratch.commit)?;
        self.compare(Some(old), new, scratch)
    }

    fn tree_and_parent(
        &self,
        id: ObjectId,
        buffer: &mut Vec<u8>,
    ) -> Result<(ObjectId, Option<ObjectId>), Unreadable> {
        let unreadable = |why: String| Unreadable { id, why };
        let mut commit = self
            .inner
            .objects
            .find_commit_iter(&id, buffer)
            .map_err(|error| unreadable(error.to_string()))?;
        let tree = commit.tree_id().map_err(|error| unreadable(error.to_string()))?;
        Ok((tree, commit.parent_ids().next()))
    }

    fn compare(
        &self,
        old: Option<ObjectId>,
        new: ObjectId,
        scratch: &mut Scratch,
    ) -> Result<Vec<Pair>, Unreadable> {
        let objects = &self.inner.objects;
        let unreadable = |id: ObjectId, why: String| Unreadable { id, why };
        let lhs = match old {
            Some(id) => objects
                .find_tree_iter(&id, &mut scratch.old)
                .map_err(|error| unreadable(id, error.to_string()))?,
            None => TreeRefIter::from_bytes(&[], new.kind()),
        };
        let rhs = objects
            .find_tree_iter(&new, &mut scratch.new)
            .map_err(|error| unreadable(new, error.to_string()))?;
        let mut paths = ChangedPaths::default();
        match gix::diff::tree(lhs, rhs, &mut scratch.state, objects, &mut paths) {
            Ok(()) | Err(gix::diff::tree::Error::Cancelled) => Ok(paths.pairs),
            Err(error) => Err(unreadable(new, error.to_string())),
        }
    }

    /// Every file of a commit's tree, in the order of their paths' bytes.
    pub fn files(&self, commit: ObjectId) -> Result<Listing, Unreadable> {
        let (root, _) = self.tree_and_parent(commit, &mut Vec::new())?;
        let mut listing = Listing::default();
        self.list(root, &mut BString::default(), 0, &mut listing);
        listing.index();
        match listing.unreadable.first() {
            Some(first) if first.id == root => Err(first.clone()),
            _ => Ok(listing),
        }
    }

    fn list(&self, tree: ObjectId, path: &mut BString, depth: usize, listing: &mut Listing) {
        let mut buffer = Vec::new();
        let entries = match self.inner.objects.find_tree_iter(&tree, &mut buffer) {
            Ok(entries) => entries,
            Err(error) => {
                let why = error.to_string();
                return super::walk::note_unreadable(&mut listing.unreadable, tree, why);
            }
        };
        for entry in entries.filter_map(Result::ok) {
            if listing.files.len() >= MOST_FILES {
                listing.cut = true;
                return;
            }
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(entry.filename);
            let mode = entry.mode;
            if mode.is_tree() && depth >= DEEPEST {
                listing.too_deep += 1;
            } else if mode.is_tree() {
                self.list(entry.oid.to_owned(), path, depth + 1, listing);
            } else if mode.is_commit() {
                listing.submodules += 1;
            } else {
                listing.files.push(TreeFile {
                    path: path.to_str_lossy().into_owned(),
                    key: key(path),
                    blob: entry.oid.to_owned(),
                    link: mode.is_link(),
                });
            }
            path.truncate(length);
        }
    }

    /// A file's content; `None` where it is larger than `most` bytes.
    pub fn content(&self, blob: ObjectId, most: u64) -> Result<Option<Vec<u8>>, Unreadable> {
        let unreadable = |why: String| Unreadable { id: blob, why };
        let header = self.inner.find_header(blob).map_err(|error| unreadable(error.to_string()))?;
        if header.size() > most {
            return Ok(None);
        }
        let object = self.inner.find_object(blob).map_err(|error| unreadable(error.to_string()))?;
        Ok(Some(object.detach().data))
    }
}

/// The first eight bytes of an object's name, enough to tell one project's contents apart.
pub fn prefix(id: &gix::oid) -> u64 {
    id.as_bytes().iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// One path in two trees, as files only: a link or another repository counts as nothing there.
#[derive(Debug)]
pub(super) struct Pair {
    pub path: BString,
    pub old: Option<ObjectId>,
    pub new: Option<ObjectId>,
}

impl Pair {
    fn into_change(self) -> Change {
        let (kind, id) = match (self.old, self.new) {
            (None, new) => (ChangeKind::Added, new),
            (Some(_), Some(new)) => (ChangeKind::Modified, Some(new)),
            (old, None) => (ChangeKind::Deleted, old),
        };
        Change {
            path: self.path.to_str_lossy().into_owned(),
            key: key(&self.path),
            kind,
            content: id.map_or(0, |id| prefix(&id)),
        }
    }
}

/// Collects the paths of files that differ.
#[derive(Default)]
struct ChangedPaths {
    pairs: Vec<Pair>,
    path: BString,
    /// Folders still to be visited, by their full paths.
    queue: std::collections::VecDeque<BString>,
}

impl ChangedPaths {
    fn enter(&mut self, component: &BStr) {
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(component);
    }

    fn note(&mut self, old: Option<(EntryMode, ObjectId)>, new: Option<(EntryMode, ObjectId)>) {
        let file = |side: Option<(EntryMode, ObjectId)>| {
            side.filter(|(mode, _)| mode.is_blob() || mode.is_executable()).map(|(_, id)| id)
        };
        let (old, new) = (file(old), file(new));
        if old.is_some() || new.is_some() {
            self.pairs.push(Pair { path: self.path.clone(), old, new });
        }
    }
}

impl Visit for ChangedPaths {
    fn pop_front_tracked_path_and_set_current(&mut self) {
        self.path = self.queue.pop_front().unwrap_or_default();
    }

    fn push_back_tracked_path_component(&mut self, component: &BStr) {
        self.enter(component);
        self.queue.push_back(self.path.clone());
    }

    fn push_path_component(&mut self, component: &BStr) {
        self.enter(component);
    }

    fn pop_path_component(&mut self) {
        let length = self.path.rfind_byte(b'/').unwrap_or(0);
        self.path.truncate(length);
    }

    fn visit(&mut self, change: visit::Change) -> visit::Action {
        match change {
            visit::Change::Addition { entry_mode, oid, .. } => {
                self.note(None, Some((entry_mode, oid)));
            }
            visit::Change::Deletion { entry_mode, oid, .. } => {
                self.note(Some((entry_mode, oid)), None);
            }
            visit::Change::Modification { previous_entry_mode, previous_oid, entry_mode, oid } => {
                self.note(Some((previous_entry_mode, previous_oid)), Some((entry_mode, oid)));
            }
        }
        if self.pairs.len() >= MOST_CHANGES {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
