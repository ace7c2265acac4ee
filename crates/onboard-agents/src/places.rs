//! Files that tools write into a project: looked for in known places, links not followed, and each
//! folder's entries counted.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags};

/// What is looked for.
pub trait Wanted {
    /// Whether a folder may hold some of it.
    fn enters(&self, name: &str) -> bool;
    /// Whether a file is of it, by its path.
    fn is_of_it(&self, path: &Path) -> bool;
    /// Takes one, written at this moment, milliseconds since 1970.
    fn take(&mut self, path: PathBuf, written_ms: i64);
}

/// Looks in one place of the project, so many folders deep and at so many entries at most.
pub fn look(root: &Path, place: &str, depth: usize, entries: usize, wanted: &mut dyn Wanted) {
    if is_inside(root, place) {
        let mut left = entries;
        walk(&root.join(place), depth, &mut left, wanted);
    }
}

/// Whether the place is a folder, and no part of its path a link, which may lead anywhere.
fn is_inside(root: &Path, place: &str) -> bool {
    let mut path = root.to_owned();
    place.split('/').all(|part| {
        path.push(part);
        fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir())
    })
}

fn walk(folder: &Path, depth: usize, left: &mut usize, wanted: &mut dyn Wanted) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        // Links are not followed: they lead out of the project, or in circles.
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let enters = name.to_str().is_some_and(|name| wanted.enters(name));
        let path = entry.path();
        if kind.is_dir() && depth > 1 && enters {
            walk(&path, depth - 1, left, wanted);
        } else if kind.is_file() && wanted.is_of_it(&path) {
            let written = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            let since = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            if let Some(at_ms) = since.and_then(|since| i64::try_from(since.as_millis()).ok()) {
                wanted.take(path, at_ms);
            }
        }
    }
}

/// Opens a file that was found here. What it was replaced by meanwhile is not believed: a link leads out
/// of the project, and whoever opens a pipe waits for a writer.
///
/// # Errors
/// Where it can't be opened, or is no file.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// All of a file that was found here.
///
/// # Errors
/// As [`open`]; and where it is larger than this many bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "12345").expect("a file");
        std::os::unix::fs::symlink(path("file"), path("link")).expect("a link");
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), Mode::RUSR).expect("a pipe");
        let said = [("file", 5), ("file", 4), ("link", 5), ("pipe", 5), (".", 5), ("none", 5)].map(
            |(name, most)| match read(&path(name), most) {
                Ok(bytes) => format!("{name}: {} bytes", bytes.len()),
                Err(error) => format!("{name}: {error}"),
            },
        );
        expect![[r#"
            file: 5 bytes
            file: it is larger than 0 MiB
            link: Too many levels of symbolic links (os error 40)
            pipe: it is no file
            .: it is no file
            none: No such file or directory (os error 2)"#]]
        .assert_eq(&said.join("\n"));
    }
}
