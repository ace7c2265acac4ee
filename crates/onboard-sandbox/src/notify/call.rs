//! The calls that are handed over, and what each of their arguments means.

use crate::filter;

/// One row: the kernel's name, and what the call wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub name: &'static str,
    pub kind: Kind,
}

/// What a call wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the filter refuses, with this error.
    Refused { errno: i32 },
    /// To change the file at this path; `folder`: the argument with the folder that it starts from.
    Write { folder: Option<u8>, path: u8 },
    /// To move a file: both of its places change.
    Move { from_folder: Option<u8>, from: u8, folder: Option<u8>, path: u8 },
    /// To change the file that is open under the number in this argument.
    WriteOpen { file: u8 },
    /// To open a file; the flags, in this argument, say whether to write.
    Open { folder: Option<u8>, path: u8, flags: u8 },
    /// The same, with the flags behind the pointer in this argument.
    OpenByStructure { folder: u8, path: u8, structure: u8 },
    /// To reach the address behind the pointer in this argument, as long as that one says.
    Reach { address: u8, length: u8 },
    /// To execute a program.
    Execute { folder: Option<u8>, path: u8, arguments: u8 },
}

use Kind::{Execute, Move, Open, OpenByStructure, Reach, Write, WriteOpen};

const fn at(folder: u8, path: u8) -> Kind {
    Write { folder: Some(folder), path }
}

const fn plain(path: u8) -> Kind {
    Write { folder: None, path }
}

const MOVE_AT: Kind = Move { from_folder: Some(0), from: 1, folder: Some(2), path: 3 };

/// The calls that are looked at and left to the walls. Which flags of `open` are handed over is the
/// filter's to know; reads are not, for they are most of what programs do.
#[rustfmt::skip]
pub const WATCHED: &[(&str, i64, Kind)] = &[
    ("openat", libc::SYS_openat, Open { folder: Some(0), path: 1, flags: 2 }),
    ("openat2", libc::SYS_openat2, OpenByStructure { folder: 0, path: 1, structure: 2 }),
    ("execve", libc::SYS_execve, Execute { folder: None, path: 0, arguments: 1 }),
    ("execveat", libc::SYS_execveat, Execute { folder: Some(0), path: 1, arguments: 2 }),
    ("unlinkat", libc::SYS_unlinkat, at(0, 1)),
    ("renameat", libc::SYS_renameat, MOVE_AT),
    ("renameat2", libc::SYS_renameat2, MOVE_AT),
    ("linkat", libc::SYS_linkat, at(2, 3)),
    ("symlinkat", libc::SYS_symlinkat, at(1, 2)),
    ("mkdirat", libc::SYS_mkdirat, at(0, 1)),
    ("mknodat", libc::SYS_mknodat, at(0, 1)),
    ("fchmodat", libc::SYS_fchmodat, at(0, 1)),
    ("fchmodat2", 452, at(0, 1)),
    ("fchownat", libc::SYS_fchownat, at(0, 1)),
    ("utimensat", libc::SYS_utimensat, at(0, 1)),
    ("truncate", libc::SYS_truncate, plain(0)),
    ("setxattr", libc::SYS_setxattr, plain(0)),
    ("lsetxattr", libc::SYS_lsetxattr, plain(0)),
    ("removexattr", libc::SYS_removexattr, plain(0)),
    ("lremovexattr", libc::SYS_lremovexattr, plain(0)),
    ("setxattrat", 463, at(0, 1)),
    ("removexattrat", 466, at(0, 1)),
    ("file_setattr", 469, at(0, 1)),
    // Only where there is a network: elsewhere nothing can be reached.
    ("connect", libc::SYS_connect, Reach { address: 1, length: 2 }),
    ("sendto", libc::SYS_sendto, Reach { address: 4, length: 5 }),
    // A file that is open to be read can be changed by these.
    ("fchmod", libc::SYS_fchmod, WriteOpen { file: 0 }),
    ("fchown", libc::SYS_fchown, WriteOpen { file: 0 }),
    ("fsetxattr", libc::SYS_fsetxattr, WriteOpen { file: 0 }),
    ("fremovexattr", libc::SYS_fremovexattr, WriteOpen { file: 0 }),
    #[cfg(target_arch = "x86_64")]
    ("open", libc::SYS_open, Open { folder: None, path: 0, flags: 1 }),
    #[cfg(target_arch = "x86_64")]
    ("creat", libc::SYS_creat, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("unlink", libc::SYS_unlink, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("rmdir", libc::SYS_rmdir, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("rename", libc::SYS_rename, Move { from_folder: None, from: 0, folder: None, path: 1 }),
    #[cfg(target_arch = "x86_64")]
    ("link", libc::SYS_link, plain(1)),
    #[cfg(target_arch = "x86_64")]
    ("symlink", libc::SYS_symlink, plain(1)),
    #[cfg(target_arch = "x86_64")]
    ("mkdir", libc::SYS_mkdir, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("mknod", libc::SYS_mknod, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("chmod", libc::SYS_chmod, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("chown", libc::SYS_chown, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("lchown", libc::SYS_lchown, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("utime", libc::SYS_utime, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("utimes", libc::SYS_utimes, plain(0)),
    #[cfg(target_arch = "x86_64")]
    ("futimesat", libc::SYS_futimesat, at(0, 1)),
];

/// Flags of `open` that change something: a filter sees them in a register.
pub const WRITE_FLAGS: u32 = (libc::O_WRONLY
    | libc::O_RDWR
    | libc::O_CREAT
    | libc::O_TRUNC
    | libc::O_APPEND
    // `O_TMPFILE` has the bit of `O_DIRECTORY` in it, which reads of folders have as well.
    | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;

/// The name of calls that come by another interface of the kernel than the usual one, where their
/// numbers mean other calls.
pub const FOREIGN: &str = "call by another interface";

impl Call {
    /// What is known of a call that was handed over.
    pub fn of(architecture: u32, number: i32) -> Option<Call> {
        if !filter::is_own(architecture, number) {
            return Some(Call { name: FOREIGN, kind: Kind::Refused { errno: libc::ENOSYS } });
        }
        Call::numbered(number.into())
    }

    /// The same of one that came by the usual interface.
    pub fn numbered(number: i64) -> Option<Call> {
        let watched = WATCHED.iter().find(|(_, watched, _)| *watched == number);
        if let Some((name, _, kind)) = watched {
            return Some(Call { name, kind: *kind });
        }
        let (name, errno) = filter::refused(number)?;
        Some(Call { name, kind: Kind::Refused { errno } })
    }
}
