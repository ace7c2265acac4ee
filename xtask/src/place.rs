//! Where the tests are built: in the checkout, or, when root tests a checkout that other users
//! cannot enter (one below a home folder), in a copy that they can. Paths are compiled into test
//! binaries, so the whole build takes place where both users can read it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::packages;
use crate::workspace::Workspace;

/// Holds the copy and its build, kept for the next run. On disk and not memory-backed: a build of
/// the whole workspace takes gigabytes.
const COPY: &str = "/var/tmp/ai_onboard-tests";

/// A place to build and test in.
pub struct Place {
    pub workspace: Workspace,
    target: Option<PathBuf>,
}

impl Place {
    /// Decides for the place and makes the copy when one is needed.
    pub fn choose(workspace: &Workspace) -> Result<Place, String> {
        let metadata = workspace.metadata()?;
        let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or_default());
        let closed = [&workspace.root, &target].into_iter().find_map(|path| closed_part(path));
        match closed.filter(|_| packages::is_root()) {
            None => {
                Ok(Place { workspace: Workspace { root: workspace.root.clone() }, target: None })
            }
            Some(closed) => {
                println!("other users cannot enter {}: testing a copy in {COPY}", closed.display());
                let tree = copy(workspace, Path::new(COPY))?;
                let target = Some(Path::new(COPY).join("target"));
                Ok(Place { workspace: Workspace { root: tree }, target })
            }
        }
    }

    /// Cargo, building here, its files readable by everyone.
    pub fn cargo(&self) -> Command {
        let cargo = command::cargo(&self.workspace.root);
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(cargo.get_program());
        shell.current_dir(&self.workspace.root);
        if let Some(target) = &self.target {
            shell.env("CARGO_TARGET_DIR", target);
        }
        shell
    }
}

/// The part of a path, or of the part of it that is there, which other users cannot enter.
fn closed_part(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().find(|part| part.exists())?;
    packages::others_reach(there).err()
}

/// Brings the copy of the workspace's files up to date and returns its folder.
fn copy(workspace: &Workspace, into: &Path) -> Result<PathBuf, String> {
    own_folder(into)?;
    let tree = into.join("tree");
    own_folder(&tree)?;
    let files: BTreeSet<PathBuf> = workspace.files()?.into_iter().collect();
    let old = Workspace { root: tree.clone() }.files()?;
    for gone in old.iter().filter(|file| !files.contains(*file)) {
        let _ = fs::remove_file(tree.join(gone));
    }
    for file in &files {
        copy_file(&workspace.root.join(file), &tree.join(file))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(tree)
}

/// Makes a folder that is ours and that others can read. A folder in its place that somebody else
/// made could be changed under a build that runs as root, so it is refused.
fn own_folder(path: &Path) -> Result<(), String> {
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(say(error)),
        _ => {}
    }
    let folder = fs::symlink_metadata(path).map_err(say)?;
    let own = fs::metadata("/proc/self").map_err(say)?.uid();
    if folder.is_dir() && folder.uid() == own && folder.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(format!("{} belongs to somebody else: remove it", path.display()))
    }
}

/// Copies what changed, with its time, so that cargo rebuilds what changed.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let source = fs::metadata(from)?;
    let modified = source.modified()?;
    let same =
        |copy: fs::Metadata| copy.len() == source.len() && copy.modified().ok() == Some(modified);
    if fs::metadata(to).is_ok_and(same) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    fs::copy(from, to)?;
    let mode = if source.mode() & 0o100 != 0 { 0o755 } else { 0o644 };
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    fs::File::options().write(true).open(to)?.set_modified(modified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_follows_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("src")).unwrap();
        fs::write(from.join("src/a.rs"), "one").unwrap();
        fs::write(from.join("b.sh"), "two").unwrap();
        let workspace = Workspace { root: from.clone() };
        let tree = copy(&workspace, &to).unwrap();
        assert_eq!(fs::read_to_string(tree.join("src/a.rs")).unwrap(), "one");
        fs::write(from.join("src/a.rs"), "three").unwrap();
        fs::remove_file(from.join("b.sh")).unwrap();
        copy(&workspace, &to).unwrap();
        assert_eq!(fs::read_to_string(tree.join("src/a.rs")).unwrap(), "three");
        assert!(!tree.join("b.sh").exists());
    }

    #[test]
    fn a_folder_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(folder.path(), open).unwrap();
        assert!(own_folder(folder.path()).unwrap_err().contains("remove it"));
    }
}
