//! A cheap, deterministic look at what a project's agents read: did anything change?
//!
//! Plain files only. Git is never run: its configuration and hooks are code.

use crate::blobs::hex;
use crate::plain;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders under `refs` that are looked at; beyond, the digest says so by being the same.
const REFS_MAX: usize = 20_000;
/// Bytes read of one file; packed refs of a hundred thousand branches are inside.
const FILE_MAX: u64 = 16 * 1024 * 1024;
/// Bytes read of one ref: an object's name, or the name of another ref.
const REF_MAX: u64 = 4 * 1024;

/// Digests of what can be read of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// HEAD and all refs; empty when there is no repository.
    pub git: String,
    /// The plan and the project's settings; empty when there are none.
    pub plan: String,
}

/// Looks at the project at `root`.
pub fn observe(root: &Path) -> Observed {
    Observed { git: git(root).unwrap_or_default(), plan: plan(root) }
}

fn plan(root: &Path) -> String {
    let mut hash = Sha256::new();
    let mut any = false;
    for file in ["plan.yaml", "config.yaml"] {
        if let Some(content) = read(&root.join(".ai_onboard").join(file)) {
            any = true;
            add(&mut hash, file, &content);
        }
    }
    if any { hex(&hash.finalize()) } else { String::new() }
}

fn git(root: &Path) -> Option<String> {
    let folders = git_folders(root)?;
    let mut hash = Sha256::new();
    let head = read(&folders.own.join("HEAD"))?;
    add(&mut hash, "HEAD", &head);
    for file in ["packed-refs", "shallow"] {
        if let Some(content) = read(&folders.common.join(file)) {
            add(&mut hash, file, &content);
        }
    }
    for folder in [&folders.common, &folders.own] {
        // Repositories that keep their refs in tables change this list with every change of a ref.
        if let Some(content) = read(&folder.join("reftable").join("tables.list")) {
            add(&mut hash, "reftable", &content);
        }
    }
    for path in refs(&folders.common.join("refs")) {
        if let Some(content) = read_at_most(&path, REF_MAX) {
            add(&mut hash, &path.to_string_lossy(), &content);
        }
    }
    Some(hex(&hash.finalize()))
}

fn add(hash: &mut Sha256, name: &str, content: &[u8]) {
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name.as_bytes());
    hash.update((content.len() as u64).to_le_bytes());
    hash.update(content);
}

/// Where a repository keeps what a work tree has for itself, and what all its work trees share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitFolders {
    pub own: PathBuf,
    pub common: PathBuf,
}

/// Finds the git folders of a work tree, a linked work tree, a submodule or a bare repository.
pub fn git_folders(root: &Path) -> Option<GitFolders> {
    let dot_git = root.join(".git");
    let own = match fs::symlink_metadata(&dot_git) {
        Ok(meta) if meta.is_dir() => dot_git,
        Ok(meta) if meta.is_file() => pointed_at(root, &read(&dot_git)?)?,
        Ok(_) => return None,
        Err(_) if root.join("HEAD").is_file() && root.join("objects").is_dir() => root.into(),
        Err(_) => return None,
    };
    let common = match read(&own.join("commondir")) {
        Some(text) => own.join(String::from_utf8(text).ok()?.trim()),
        None => own.clone(),
    };
    Some(GitFolders { own, common })
}

/// The folder in a `.git` file: `gitdir: PATH`.
fn pointed_at(root: &Path, text: &[u8]) -> Option<PathBuf> {
    let text = std::str::from_utf8(text).ok()?;
    Some(root.join(text.trim().strip_prefix("gitdir:")?.trim()))
}

fn read(path: &Path) -> Option<Vec<u8>> {
    read_at_most(path, FILE_MAX)
}

/// Links are not followed: what they lead to is not the project's.
fn read_at_most(path: &Path, most: u64) -> Option<Vec<u8>> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    plain::read(path, most).ok()?
}

/// The files below `refs`, in order of name, at most [`REFS_MAX`].
fn refs(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
            seen += 1;
            if seen >= REFS_MAX {
                files.sort();
                return files;
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn a_new_commit_a_new_branch_and_a_new_plan_are_seen_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(observe(root), Observed { git: String::new(), plan: String::new() });
        write(root, ".git/HEAD", "ref: refs/heads/main\n");
        write(root, ".git/refs/heads/main", "1111\n");
        let first = observe(root);
        assert_ne!(first.git, "");
        write(root, ".git/index", "whatever git status writes");
        assert_eq!(observe(root), first);
        write(root, ".git/refs/heads/main", "2222\n");
        let second = observe(root);
        assert_ne!(second.git, first.git);
        write(root, ".git/refs/heads/topic", "2222\n");
        assert_ne!(observe(root).git, second.git);
        write(root, ".ai_onboard/plan.yaml", "milestones: []\n");
        assert_ne!(observe(root).plan, first.plan);
    }

    #[test]
    fn linked_work_trees_and_bare_repositories_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "main/.git/HEAD", "ref: refs/heads/main\n");
        write(root, "main/.git/worktrees/side/HEAD", "ref: refs/heads/side\n");
        write(root, "main/.git/worktrees/side/commondir", "../..\n");
        write(root, "side/.git", "gitdir: ../main/.git/worktrees/side\n");
        assert_ne!(observe(&root.join("side")).git, "");
        let before = observe(&root.join("side")).git;
        write(root, "main/.git/refs/heads/side", "3333\n");
        assert_ne!(observe(&root.join("side")).git, before);
        write(root, "bare/HEAD", "ref: refs/heads/main\n");
        fs::create_dir_all(root.join("bare/objects")).unwrap();
        assert_ne!(observe(&root.join("bare")).git, "");
    }
}
