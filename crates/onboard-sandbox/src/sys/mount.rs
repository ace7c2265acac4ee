//! Mounts by descriptor: trees are prepared detached and only then attached.

use super::{c_string, check};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

const FSCONFIG_SET_FLAG: u32 = 0;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_CMD_CREATE: u32 = 6;

/// Attributes of a mount, as the kernel numbers them.
pub mod attr {
    pub const READ_ONLY: u64 = 0x01;
    pub const NO_SUID: u64 = 0x02;
    pub const NO_DEV: u64 = 0x04;
    pub const NO_EXEC: u64 = 0x08;
}

fn owned(fd: libc::c_long) -> OwnedFd {
    // SAFETY: only called with a descriptor the kernel just returned to us.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// A detached, private copy of the tree at `path` (relative to `dir`), with `attributes` set on
/// every mount of it before anybody can see it.
pub fn clone_tree(dir: Option<BorrowedFd<'_>>, path: &str, attributes: u64) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let at = dir.map_or(libc::AT_FDCWD, |d| d.as_raw_fd());
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | (libc::AT_RECURSIVE | libc::AT_EMPTY_PATH) as u32;
    // SAFETY: the path is NUL-terminated.
    let tree =
        owned(check(unsafe { libc::syscall(libc::SYS_open_tree, at, path.as_ptr(), flags) })?);
    set_attributes(tree.as_raw_fd(), attributes, libc::MS_PRIVATE, libc::AT_RECURSIVE)?;
    Ok(tree)
}

/// Makes one mount read-only, leaving the mounts below it alone.
pub fn make_read_only(mount: BorrowedFd<'_>) -> io::Result<()> {
    set_attributes(mount.as_raw_fd(), attr::READ_ONLY, 0, 0)
}

fn set_attributes(mount: RawFd, set: u64, propagation: u64, depth: i32) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation, userns_fd: 0 };
    // SAFETY: the empty path is NUL-terminated; the structure outlives the call, its size is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount,
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | depth,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })?;
    Ok(())
}

/// A new, detached file system of `kind` with `options` (an empty value is a flag).
pub fn new_filesystem(
    kind: &str,
    options: &[(&str, &str)],
    attributes: u64,
) -> io::Result<OwnedFd> {
    let kind = c_string(kind)?;
    // SAFETY: the name is NUL-terminated.
    let context = owned(check(unsafe {
        libc::syscall(libc::SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC)
    })?);
    for (key, value) in options {
        configure(&context, key, value)?;
    }
    // SAFETY: the create command takes neither key nor value.
    check(unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            FSCONFIG_CMD_CREATE,
            ptr::null::<u8>(),
            ptr::null::<u8>(),
            0,
        )
    })?;
    // SAFETY: the context is open; flags and attributes are integers.
    Ok(owned(check(unsafe {
        libc::syscall(
            libc::SYS_fsmount,
            context.as_raw_fd(),
            libc::FSMOUNT_CLOEXEC,
            attributes as u32,
        )
    })?))
}

fn configure(context: &OwnedFd, key: &str, value: &str) -> io::Result<()> {
    let (key, text) = (c_string(key)?, c_string(value)?);
    let (command, text) = if value.is_empty() {
        (FSCONFIG_SET_FLAG, ptr::null())
    } else {
        (FSCONFIG_SET_STRING, text.as_ptr())
    };
    // SAFETY: key and value are NUL-terminated or null where the command takes none.
    check(unsafe {
        libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key.as_ptr(), text, 0)
    })?;
    Ok(())
}

/// Attaches a detached tree onto the file or directory `target` names.
pub fn attach(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: both paths are empty and NUL-terminated, both descriptors open.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            target.as_raw_fd(),
            c"".as_ptr(),
            flags,
        )
    })?;
    Ok(())
}

/// Cuts every mount of this namespace off from the host's, both ways.
pub fn make_all_private() -> io::Result<()> {
    // SAFETY: only the target and the flags are read for a change of propagation.
    check(unsafe {
        libc::c_long::from(libc::mount(
            ptr::null(),
            c"/".as_ptr(),
            ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            ptr::null(),
        ))
    })?;
    Ok(())
}

/// Makes the working directory the root and drops the old root with everything on it.
pub fn pivot_to_working_dir() -> io::Result<()> {
    // SAFETY: both paths are NUL-terminated.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })?;
    // SAFETY: the path is NUL-terminated; the old root is stacked on the working directory.
    check(unsafe { libc::c_long::from(libc::umount2(c".".as_ptr(), libc::MNT_DETACH)) })?;
    // SAFETY: the path is NUL-terminated.
    check(unsafe { libc::c_long::from(libc::chdir(c"/".as_ptr())) })?;
    Ok(())
}
