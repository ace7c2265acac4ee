//! Folders whose names stay as they were when the run started, so that nothing appears in them.
//!
//! A mask lies over what is there. Where a forbidden path is not there yet, there is nothing to
//! cover, and a rule of the kernel can't take back what a rule for the folder above grants. So the
//! folder it would appear in is replaced, in the run's view alone, by an empty one into which each
//! of its entries is mounted. What is in them stays live; new names don't come in.

use crate::sys::files::{self, Resolve};
use crate::sys::mount::{self, attr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Entries a folder may have to be fixed: each costs a mount, some twenty microseconds of start. The
/// root of a repository has some dozens.
pub(crate) const MAX_ENTRIES: usize = 512;

/// As the project's own mounts.
const ATTRIBUTES: u64 = attr::READ_ONLY | attr::NO_SUID | attr::NO_DEV;

/// Lays the fixed view of `folder` over it, and gives the view's root; `None`: it has too many
/// entries, or some that can't be listed or named, or it is no folder.
///
/// # Errors
/// When the kernel refuses a mount.
pub(crate) fn fix(folder: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    if !files::is_dir(folder)? {
        return Ok(None);
    }
    let Some(names) = names(folder) else { return Ok(None) };
    let count = (names.len() + 16).to_string();
    let options = [("size", "64k"), ("nr_inodes", count.as_str()), ("mode", "0755")];
    let view = mount::new_filesystem("tmpfs", &options, attr::NO_SUID | attr::NO_DEV)?;
    // Attached before it is filled: mounts can't be made in what is attached nowhere.
    mount::attach(view.as_fd(), folder)?;
    for name in names {
        place(folder, view.as_fd(), &name)?;
    }
    mount::make_read_only(view.as_fd())?;
    Ok(Some(view))
}

/// The names in a folder; `None`: more than can be fixed, or some that can't be named here.
fn names(folder: BorrowedFd<'_>) -> Option<Vec<String>> {
    let entries = std::fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd())).ok()?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.ok()?.file_name().into_string().ok()?);
        if names.len() > MAX_ENTRIES {
            return None;
        }
    }
    Some(names)
}

/// One entry. What vanished meanwhile is left out.
fn place(folder: BorrowedFd<'_>, view: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let own = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd());
    if let Ok(target) = std::fs::read_link(&own) {
        // Without a text it leads nowhere that can be named.
        let target = target.to_str().unwrap_or("");
        return files::make_symlink_at(view, name, if target.is_empty() { "." } else { target });
    }
    let tree = match mount::clone_tree(Some(folder), name, ATTRIBUTES) {
        Err(error) if crate::host::is_missing(&error) => return Ok(()),
        other => other?,
    };
    if files::is_dir(tree.as_fd())? {
        files::make_dir_at(view, name, 0o755)?;
    } else {
        files::make_file_at(view, name, 0o644)?;
    }
    let place = files::open_path_at(view, name, Resolve::BeneathNoLinks)?;
    mount::attach(tree.as_fd(), place.as_fd())
}
