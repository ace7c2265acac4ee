//! A private copy of a project's newest commit, with a patch applied: what a check of proposals works
//! on. It is made inside the walls of the check's own run, from git's objects.

use crate::edit;
use crate::repository::Repository;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use onboard_validation::patch::parse;
use onboard_validation::patch::paths::Fence;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::Path;

/// Files and folders of one copy: large projects have tens of thousands.
const ENTRIES_MAX: usize = 100_000;
/// Folders in folders: no real project is deeper, and each takes a part of the stack.
const DEPTH_MAX: usize = 64;
/// Bytes of a link's target, as the kernel has it.
const LINK_MAX: u64 = 4096;

/// What is to be copied, and how far.
#[derive(Clone, Debug)]
pub struct Copying<'a> {
    /// The project's folder, or its git folder.
    pub repository: &'a str,
    pub patch: Option<&'a str>,
    /// Paths that are left out, and that no patch touches.
    pub forbidden: &'a [String],
    /// Bytes of all files together.
    pub bytes_max: u64,
}

/// Fills the empty folder `into` with what HEAD has and the patch makes of it; gives the commit.
/// Submodules are empty folders. No filter, hook or configuration of the repository is heeded.
///
/// # Errors
/// What could not be read, applied or written, and why.
pub fn copy(copying: &Copying<'_>, into: &Path) -> Result<String, String> {
    let repository = Repository::open(copying.repository)?;
    let head = repository.head()?;
    let tree = repository.tree_of(head)?;
    let fence = Fence { forbidden: copying.forbidden.to_vec(), ..Fence::default() };
    let room = copying.bytes_max;
    let mut copier =
        Copier { repository: &repository, fence, entries: 0, room, bytes_max: copying.bytes_max };
    copier.folder(tree, "", into, 0)?;
    if let Some(patch) = copying.patch {
        let patch = parse(patch).map_err(|malformed| malformed.to_string())?;
        let edits = edit::edits(&repository, tree, &patch, copying.bytes_max)
            .map_err(|why| format!("the patch does not apply to {head}: {why}"))?;
        for (path, file) in &edits {
            copier.edit(into, path, file.as_ref())?;
        }
    }
    Ok(head.to_string())
}

struct Copier<'a> {
    repository: &'a Repository,
    fence: Fence,
    entries: usize,
    /// Bytes that may still be written.
    room: u64,
    bytes_max: u64,
}

impl Copier<'_> {
    fn folder(
        &mut self,
        tree: ObjectId,
        path: &str,
        into: &Path,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("{path}: folders are nested deeper than {DEPTH_MAX}"));
        }
        for entry in self.repository.tree(tree)?.entries {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(format!("the project has more than {ENTRIES_MAX} files"));
            }
            let name = std::str::from_utf8(&entry.filename)
                .map_err(|_| format!("{path}: a name that is not UTF-8"))?;
            // An object can name anything; what git itself would not check out is not made here.
            if name.is_empty() || name.contains('/') || [".", "..", ".git"].contains(&name) {
                return Err(format!("{path}: an entry is named `{}`", name.escape_debug()));
            }
            let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            if self.is_left_out(&path) {
                continue;
            }
            let place = into.join(name);
            match entry.mode.kind() {
                EntryKind::Tree => {
                    make_folder(&place)?;
                    self.folder(entry.oid, &path, &place, depth + 1)?;
                }
                EntryKind::Commit => make_folder(&place)?,
                EntryKind::Link => {
                    let target = self.content(entry.oid, &path, LINK_MAX)?;
                    let target = std::str::from_utf8(&target)
                        .map_err(|_| format!("{path}: a link that is not UTF-8"))?;
                    symlink(target, &place).map_err(|error| format!("{path}: {error}"))?;
                }
                kind => {
                    let content = self.content(entry.oid, &path, self.room)?;
                    self.write(&place, &path, &content, kind == EntryKind::BlobExecutable)?;
                }
            }
        }
        Ok(())
    }

    /// What the policy forbids to read; the patch was held against all of it before.
    fn is_left_out(&self, path: &str) -> bool {
        use onboard_validation::patch::paths::Denied;
        matches!(self.fence.check(path), Err(Denied::Forbidden(_)))
    }

    fn content(&self, id: ObjectId, path: &str, most: u64) -> Result<Vec<u8>, String> {
        let too_large = |why| {
            let room = self.bytes_max >> 20;
            format!(
                "{path}: {why}; a copy of the project has {room} MB: give the check more memory"
            )
        };
        self.repository.content(id, most).map_err(too_large)
    }

    fn write(&mut self, place: &Path, path: &str, content: &[u8], run: bool) -> Result<(), String> {
        let wrong = |error: std::io::Error| format!("{path}: {error}");
        let mode = if run { 0o755 } else { 0o644 };
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(place)
            .map_err(wrong)?;
        file.write_all(content).map_err(wrong)?;
        self.room = self.room.saturating_sub(content.len() as u64);
        Ok(())
    }

    /// What a patch makes of one path. Every folder on the way is one of the copy: a link in its place
    /// would be no folder of the repository, and the patch would not have applied.
    fn edit(&mut self, into: &Path, path: &str, file: Option<&edit::File>) -> Result<(), String> {
        if self.is_left_out(path) {
            return Err(format!("{path}: the policy forbids it"));
        }
        let place = into.join(path);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{path}: {error}"));
            }
            _ => {}
        }
        let Some(file) = file else { return Ok(()) };
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{path}: {error}"))?;
        }
        let run = file.mode.kind() == EntryKind::BlobExecutable;
        self.write(&place, path, &file.content, run)
    }
}

fn make_folder(place: &Path) -> Result<(), String> {
    let made = fs::DirBuilder::new().mode(0o755).create(place);
    made.map_err(|error| format!("{}: {error}", place.display()))
}
