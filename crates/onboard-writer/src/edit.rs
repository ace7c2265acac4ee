//! A patch over a tree: which files become what, and the tree that has them.

use crate::repository::Repository;
use gix::ObjectId;
use gix::objs::tree::{Entry as TreeEntry, EntryKind, EntryMode};
use onboard_validation::patch::{Change, FilePatch, Patch, apply};
use std::collections::BTreeMap;

/// Files by path: what each becomes; `None`: it goes.
pub(crate) type Edits = BTreeMap<String, Option<File>>;

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) mode: EntryMode,
    pub(crate) content: Vec<u8>,
}

/// What a patch makes of a tree. Nothing is written.
///
/// # Errors
/// The first file that it does not apply to, and why.
pub(crate) fn edits(
    repository: &Repository,
    tree: ObjectId,
    patch: &Patch,
    most: u64,
) -> Result<Edits, String> {
    let mut edits = Edits::new();
    for file in &patch.files {
        let source = file.source().map(|path| plain(repository, tree, path, most)).transpose()?;
        let source = source.flatten();
        if matches!(file.change, Change::Create { .. } | Change::Rename { .. })
            && repository.entry(tree, &file.path)?.is_some()
        {
            return Err(format!("{}: it is there already", file.path));
        }
        let old = source.as_ref().map(|source| source.content.as_slice());
        let new = apply(file, old).map_err(|unapplied| unapplied.to_string())?;
        if let Some(content) = &new
            && content.len() as u64 > most
        {
            let size = content.len();
            return Err(format!("{}: it would have {size} bytes, allowed are {most}", file.path));
        }
        let mode = mode(file, source.as_ref());
        if let Change::Rename { from, .. } = &file.change {
            edits.insert(from.clone(), None);
        }
        edits.insert(file.path.clone(), new.map(|content| File { mode, content }));
    }
    Ok(edits)
}

/// A plain file of a tree. Links, submodules and folders are none; binary content is refused.
pub(crate) fn plain(
    repository: &Repository,
    tree: ObjectId,
    path: &str,
    most: u64,
) -> Result<Option<File>, String> {
    let Some(entry) = repository.entry(tree, path)? else { return Ok(None) };
    if !entry.mode.is_blob() {
        return Err(format!("{path}: it is a link, a folder or a submodule, not a plain file"));
    }
    let content = repository.content(entry.id, most).map_err(|why| format!("{path}: {why}"))?;
    if content.contains(&0) {
        return Err(format!("{path}: its content is binary"));
    }
    Ok(Some(File { mode: entry.mode, content }))
}

fn mode(file: &FilePatch, source: Option<&File>) -> EntryMode {
    let plain: EntryMode = EntryKind::Blob.into();
    let is_executable = match file.change {
        Change::Create { executable }
        | Change::Modify { executable }
        | Change::Rename { executable, .. } => executable,
        Change::Delete => false,
    };
    match source {
        _ if is_executable => EntryKind::BlobExecutable.into(),
        Some(source) => source.mode,
        None => plain,
    }
}

/// Writes the tree that edits make of another.
///
/// # Errors
/// When an object can't be read or written.
pub(crate) fn write_tree(
    repository: &Repository,
    tree: Option<ObjectId>,
    edits: &Edits,
) -> Result<Option<ObjectId>, String> {
    let mut entries = match tree {
        Some(tree) => repository.tree(tree)?.entries,
        None => Vec::new(),
    };
    let mut below: BTreeMap<&str, Edits> = BTreeMap::new();
    for (path, file) in edits {
        match path.split_once('/') {
            Some((folder, rest)) => {
                below.entry(folder).or_default().insert(rest.to_string(), file.clone());
            }
            None => {
                entries.retain(|entry| entry.filename != path.as_str());
                if let Some(File { mode, content }) = file {
                    let oid = repository.write_blob(content)?;
                    entries.push(TreeEntry { mode: *mode, filename: path.as_str().into(), oid });
                }
            }
        }
    }
    for (folder, edits) in below {
        let at = entries.iter().position(|entry| entry.filename == folder);
        let before = at.map(|at| entries.remove(at));
        if before.as_ref().is_some_and(|entry| !entry.mode.is_tree()) {
            return Err(format!("`{folder}` is no folder of the repository"));
        }
        if let Some(oid) = write_tree(repository, before.map(|entry| entry.oid), &edits)? {
            let mode = EntryKind::Tree.into();
            entries.push(TreeEntry { mode, filename: folder.into(), oid });
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    entries.sort();
    repository.write_object(gix::objs::Tree { entries }).map(Some)
}
