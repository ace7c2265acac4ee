//! A process of ours that confines itself before it reads what others made: from then on it, and
//! whatever it might be made to start, writes below a few folders, executes nothing and connects
//! nowhere, by the kernel's word.

use crate::sys::landlock::{self, right};
use crate::sys::privilege;
use std::io;
use std::path::PathBuf;

/// Confines this process for good. False where the kernel has no Landlock: nothing is changed then.
///
/// # Errors
/// When a folder is not there, or the kernel refuses.
pub fn confine_writes(folders: &[PathBuf]) -> io::Result<bool> {
    const READ: u64 = right::READ_FILE | right::READ_DIR;
    const WRITE: u64 = READ
        | right::WRITE_FILE
        | right::TRUNCATE
        | right::MAKE_REG
        | right::MAKE_DIR
        | right::REMOVE_FILE
        | right::REMOVE_DIR
        | right::REFER;
    let Ok(version) = landlock::version() else { return Ok(false) };
    let mut grants = vec![("/", READ)];
    for folder in folders {
        let folder = folder.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        grants.push((folder, WRITE));
    }
    privilege::no_new_privileges()?;
    landlock::restrict(version, grants.into_iter(), false)?;
    Ok(true)
}
