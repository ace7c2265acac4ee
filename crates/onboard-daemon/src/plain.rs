//! Reading small plain files that others wrote: never a device, a pipe or more than a bound.
//!
//! What stands in a repository is its author's choice. A file that is a link to `/dev/zero`, or a
//! named pipe that nobody writes to, must not hold up the thread that reads it.

use rustix::fs::{Mode, OFlags, open};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// A file's content, `None` when there is no such file.
///
/// # Errors
/// When it is no plain file ([`io::ErrorKind::InvalidInput`]), has more than `most` bytes
/// ([`io::ErrorKind::FileTooLarge`]), or can't be read.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    read_checked(path, most, |_| Ok(()))
}

/// The same, of a file of which `check` says that it may be relied on.
///
/// # Errors
/// As [`read`], and what `check` says.
pub(crate) fn read_checked(
    path: &Path,
    most: u64,
    check: impl FnOnce(&Metadata) -> io::Result<()>,
) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
    }
    check(&meta)?;
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        let why = format!("more than {most} bytes, the most that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_files_inside_the_bound_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let kind = |path: &Path| read(path, 4).unwrap_err().kind();
        std::fs::write(at("four"), "four").unwrap();
        std::fs::write(at("more"), "fiver").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RWXU).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero")).unwrap();
        assert_eq!(read(&at("four"), 4).unwrap().unwrap(), b"four");
        assert_eq!(read(&at("none"), 4).unwrap(), None);
        assert_eq!(kind(&at("more")), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(&at("pipe")), io::ErrorKind::InvalidInput);
        assert_eq!(kind(&at("zero")), io::ErrorKind::InvalidInput);
        assert_eq!(kind(folder.path()), io::ErrorKind::InvalidInput);
    }
}
