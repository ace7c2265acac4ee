//! Opening, creating and duplicating files by descriptor.

use super::{c_string, check};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// How a path may be resolved below its directory.
#[derive(Clone, Copy)]
pub enum Resolve {
    /// Never leaves the directory and follows no symlink: for paths a policy names.
    BeneathNoLinks,
    /// Treats the directory as `/`: for paths inside the root under construction.
    InRoot,
    /// Follows no symlink, wherever it leads: for paths that were resolved before.
    NoLinks,
}

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// Opens `path` below `dir` as a handle that only names the file (`O_PATH`).
pub fn open_path_at(dir: BorrowedFd<'_>, path: &str, resolve: Resolve) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    // SAFETY: `open_how` is a plain structure of integers, for which all-zero is valid.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (libc::O_PATH | libc::O_CLOEXEC) as u64;
    how.resolve = match resolve {
        Resolve::BeneathNoLinks => {
            libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS
        }
        Resolve::InRoot => libc::RESOLVE_IN_ROOT,
        Resolve::NoLinks => libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS,
    };
    // SAFETY: the path is NUL-terminated and `how` outlives the call; its exact size is given.
    let fd = check(unsafe {
        libc::syscall(
            libc::SYS_openat2,
            dir.as_raw_fd(),
            path.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    })?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Opens a host path as a handle that only names the file, following symlinks.
pub fn open_path(path: &str) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    // SAFETY: the path is NUL-terminated.
    let fd = check(unsafe {
        libc::c_long::from(libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC))
    })?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Opens the place that an absolute path without links names; a link on the way is an error
/// (`ELOOP`).
pub fn open_plain(path: &str) -> io::Result<OwnedFd> {
    let top = open_path("/")?;
    open_path_at(top.as_fd(), path, Resolve::NoLinks)
}

/// Which file the handle names.
pub fn identity(fd: BorrowedFd<'_>) -> io::Result<Identity> {
    let stat = stat(fd)?;
    Ok(Identity { device: stat.st_dev, inode: stat.st_ino })
}

/// Creates a directory below `dir`.
pub fn make_dir_at(dir: BorrowedFd<'_>, path: &str, mode: u32) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path is NUL-terminated.
    check(unsafe { libc::c_long::from(libc::mkdirat(dir.as_raw_fd(), path.as_ptr(), mode)) })?;
    Ok(())
}

/// Creates a regular file below `dir`; one that exists is an error.
pub fn make_file_at(dir: BorrowedFd<'_>, path: &str, mode: u32) -> io::Result<std::fs::File> {
    let path = c_string(path)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: the path is NUL-terminated.
    let fd = check(unsafe {
        libc::c_long::from(libc::openat(dir.as_raw_fd(), path.as_ptr(), flags, mode))
    })?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    Ok(unsafe { std::fs::File::from_raw_fd(fd as RawFd) })
}

/// Creates a symlink below `dir`.
pub fn make_symlink_at(dir: BorrowedFd<'_>, path: &str, target: &str) -> io::Result<()> {
    let (path, target) = (c_string(path)?, c_string(target)?);
    // SAFETY: both paths are NUL-terminated.
    check(unsafe {
        libc::c_long::from(libc::symlinkat(target.as_ptr(), dir.as_raw_fd(), path.as_ptr()))
    })?;
    Ok(())
}

/// Whether the handle names a directory.
pub fn is_dir(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(stat(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR)
}

fn stat(fd: BorrowedFd<'_>) -> io::Result<libc::stat> {
    // SAFETY: `stat` is a plain structure of integers, for which all-zero is valid.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is writable and large enough.
    check(unsafe { libc::c_long::from(libc::fstat(fd.as_raw_fd(), &raw mut stat)) })?;
    Ok(stat)
}

/// Bytes and files that a file system has room for.
pub fn room(fd: BorrowedFd<'_>) -> io::Result<[u64; 2]> {
    // SAFETY: `statfs` is a plain structure of integers, for which all-zero is valid.
    let mut stat: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is writable and large enough.
    check(unsafe { libc::c_long::from(libc::fstatfs(fd.as_raw_fd(), &raw mut stat)) })?;
    Ok([stat.f_bfree, stat.f_ffree])
}

/// Makes `number` name the same open file as `fd`, surviving `execve`.
pub fn place(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    if fd.as_raw_fd() == number {
        // SAFETY: clearing the flag of a descriptor we hold.
        check(unsafe { libc::c_long::from(libc::fcntl(number, libc::F_SETFD, 0)) })?;
    } else {
        // SAFETY: replaces whatever `number` was; the caller laid the table out for it.
        check(unsafe { libc::c_long::from(libc::dup2(fd.as_raw_fd(), number)) })?;
    }
    Ok(())
}

/// Duplicates `fd` to the lowest free number at or above `floor`, closed on `execve`.
pub fn duplicate_above(fd: BorrowedFd<'_>, floor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: duplicating a descriptor we hold.
    let new = check(unsafe {
        libc::c_long::from(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, floor))
    })?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(new as RawFd) })
}

/// Closes every descriptor from `first` up.
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the caller states that it owns nothing above `first` any more.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) })?;
    Ok(())
}

/// Marks every descriptor from `first` up to be closed by `execve`.
pub fn close_from_on_exec(first: u32) -> io::Result<()> {
    // SAFETY: only a flag of open descriptors changes.
    check(unsafe {
        libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })?;
    Ok(())
}

/// Changes the working directory to an open one.
pub fn change_dir(dir: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open.
    check(unsafe { libc::c_long::from(libc::fchdir(dir.as_raw_fd())) })?;
    Ok(())
}
