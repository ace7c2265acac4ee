//! Landlock: what a process may do to files, whatever the mounts say.

use super::{check, files};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;

/// Rights over files, as the kernel numbers them.
pub mod right {
    pub const EXECUTE: u64 = 1;
    pub const WRITE_FILE: u64 = 1 << 1;
    pub const READ_FILE: u64 = 1 << 2;
    pub const READ_DIR: u64 = 1 << 3;
    pub const REMOVE_DIR: u64 = 1 << 4;
    pub const REMOVE_FILE: u64 = 1 << 5;
    pub const MAKE_DIR: u64 = 1 << 7;
    pub const MAKE_REG: u64 = 1 << 8;
    pub const MAKE_FIFO: u64 = 1 << 10;
    pub const MAKE_SYM: u64 = 1 << 12;
    pub const REFER: u64 = 1 << 13;
    pub const TRUNCATE: u64 = 1 << 14;
}

/// What the kernel's version of the interface can handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handled {
    pub files: u64,
    pub net: u64,
    pub scoped: u64,
}

/// Everything an interface version knows, to be denied unless a rule grants it.
pub fn handled(version: u32) -> Handled {
    let bits = |n: u32| (1_u64 << n) - 1;
    Handled {
        files: match version {
            1 => bits(13),
            2 => bits(14),
            3 | 4 => bits(15),
            _ => bits(16),
        },
        // Binding and connecting TCP sockets.
        net: if version >= 4 { bits(2) } else { 0 },
        // Abstract unix sockets and signals to processes outside.
        scoped: if version >= 6 { bits(2) } else { 0 },
    }
}

/// The interface version of this kernel; an error where Landlock is absent or switched off.
pub fn version() -> io::Result<u32> {
    // SAFETY: with this flag the kernel wants a null pointer and size zero.
    let version = check(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    })?;
    Ok(version as u32)
}

/// Restricts this process and its descendants: what `version` handles is denied except the
/// `grants` (path, rights). Rights an older kernel does not handle are left out of the grant.
/// `connect`: TCP connections are not its business.
pub fn restrict<'a>(
    version: u32,
    grants: impl Iterator<Item = (&'a str, u64)>,
    connect: bool,
) -> io::Result<()> {
    const CONNECT_TCP: u64 = 1 << 1;
    let mut handled = handled(version);
    if connect {
        handled.net &= !CONNECT_TCP;
    }
    let attributes = [handled.files, handled.net, handled.scoped];
    let words = match version {
        1..4 => 1,
        4 | 5 => 2,
        _ => 3,
    };
    // SAFETY: the attribute structure is `words` 64-bit words of this live array.
    let ruleset = check(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            attributes.as_ptr(),
            words * size_of::<u64>(),
            0,
        )
    })?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    let ruleset = unsafe { OwnedFd::from_raw_fd(ruleset as RawFd) };
    for (path, rights) in grants {
        grant(&ruleset, path, rights & handled.files)?;
    }
    // SAFETY: integers only.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })?;
    Ok(())
}

fn grant(ruleset: &OwnedFd, path: &str, rights: u64) -> io::Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        rights: u64,
        parent: i32,
    }
    let parent = files::open_path(path)?;
    let rule = PathBeneath { rights, parent: parent.as_raw_fd() };
    // SAFETY: the structure has the kernel's packed layout and outlives the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            RULE_PATH_BENEATH,
            &raw const rule,
            0,
        )
    })?;
    Ok(())
}
