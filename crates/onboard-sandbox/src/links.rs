//! Second names (hard links) of files in forbidden folders: a mask over the folder does not cover
//! them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Entries of forbidden folders that are looked at before a run starts: some milliseconds.
const FORBIDDEN_MAX: usize = 4_000;

/// Entries of the project that are looked at, if a forbidden file has a second name at all: some
/// tenths of a second, for something that should not be.
const PROJECT_MAX: usize = 200_000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// Each forbidden file can be read by forbidden names alone.
    None,
    /// A forbidden file has a name that is not forbidden; both, relative to the project.
    Second { forbidden: String, other: String },
    /// There are too many files to look at all.
    Unknown,
}

/// A file, whatever it is called.
type Identity = (u64, u64);

/// Whether a file has another name; a folder's names are counted otherwise.
fn is_linked(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.nlink() > 1
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Looks at what the folders among the `forbidden` paths hold.
pub(crate) fn look(project: &Path, forbidden: &[String]) -> Links {
    let mut linked: BTreeMap<Identity, PathBuf> = BTreeMap::new();
    let folders: Vec<PathBuf> = forbidden.iter().map(|path| project.join(path)).collect();
    let masked = folders.clone();
    let mut left = FORBIDDEN_MAX;
    let whole = walk(folders, &mut left, &mut |path, metadata| {
        if is_linked(metadata) {
            linked.insert(identity(metadata), path.to_owned());
        }
        true
    });
    if linked.is_empty() {
        return if whole { Links::None } else { Links::Unknown };
    }
    let mut second = None;
    let mut left = PROJECT_MAX;
    let seen = walk(vec![project.to_owned()], &mut left, &mut |path, metadata| {
        if masked.iter().any(|folder| path.starts_with(folder)) {
            return false;
        }
        if is_linked(metadata) && second.is_none() {
            let forbidden = linked.get(&identity(metadata));
            second = forbidden.map(|forbidden| (forbidden.clone(), path.to_owned()));
        }
        second.is_none()
    });
    let name = |path: PathBuf| path.strip_prefix(project).unwrap_or(&path).display().to_string();
    match second {
        Some((forbidden, other)) => {
            Links::Second { forbidden: name(forbidden), other: name(other) }
        }
        None if whole && seen => Links::None,
        None => Links::Unknown,
    }
}

/// Goes through folders, without following links and with at most `left` entries: whether that was
/// all. `enter` is asked about each entry, and for folders whether to go on inside.
fn walk(
    mut folders: Vec<PathBuf>,
    left: &mut usize,
    enter: &mut dyn FnMut(&Path, &Metadata) -> bool,
) -> bool {
    while let Some(folder) = folders.pop() {
        // What can't be listed, the run can't list either: it has no more rights.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Some(rest) = left.checked_sub(1) else { return false };
            *left = rest;
            let Ok(metadata) = entry.metadata() else { continue };
            let path = entry.path();
            if metadata.is_dir() {
                if enter(&path, &metadata) {
                    folders.push(path);
                }
            } else if metadata.is_file() {
                enter(&path, &metadata);
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_name_counts_where_it_can_be_read() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["secret/inner", "other", "src"] {
            fs::create_dir_all(at(name)).expect("folder");
        }
        fs::write(at("secret/inner/key"), "x").expect("file");
        fs::write(at("src/main"), "x").expect("file");
        fs::hard_link(at("src/main"), at("src/again")).expect("link");
        let forbidden = ["secret/", "other", "missing"].map(str::to_owned);
        let found = || look(folder.path(), &forbidden);
        assert_eq!(found(), Links::None);
        fs::hard_link(at("secret/inner/key"), at("other/key")).expect("link");
        assert_eq!(found(), Links::None, "both names are forbidden");
        fs::hard_link(at("secret/inner/key"), at("src/key")).expect("link");
        let (forbidden, other) = ("secret/inner/key".to_owned(), "src/key".to_owned());
        match found() {
            Links::Second { forbidden: named, other: second } => {
                assert!([&forbidden, &"other/key".to_owned()].contains(&&named), "{named}");
                assert_eq!(second, other);
            }
            found => panic!("{found:?}"),
        }
    }

    /// Folders in a forbidden folder are no reason to go through the project.
    #[test]
    fn a_folder_has_no_second_name() {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir_all(folder.path().join("secret/inner/deep")).expect("folder");
        fs::create_dir_all(folder.path().join("src")).expect("folder");
        let (mut left, mut linked) = (FORBIDDEN_MAX, 0);
        walk(vec![folder.path().join("secret")], &mut left, &mut |_, metadata| {
            linked += usize::from(is_linked(metadata));
            true
        });
        assert_eq!((FORBIDDEN_MAX - left, linked), (2, 0));
    }

    #[test]
    fn a_walk_has_an_end() {
        let folder = tempfile::tempdir().expect("folder");
        for n in 0..10 {
            fs::write(folder.path().join(n.to_string()), "x").expect("file");
        }
        let start = || vec![folder.path().to_owned()];
        assert!(walk(start(), &mut 10, &mut |_, _| true));
        assert!(!walk(start(), &mut 9, &mut |_, _| true));
    }
}
