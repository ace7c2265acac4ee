//! Files that tools write into a project: looked for in known places, links not followed, and each
//! folder's entries counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

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
