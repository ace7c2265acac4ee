//! Which project a command is about.

use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use std::io;
use std::path::{Path, PathBuf};

/// A project's folder, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Absolute, without symbolic links.
    pub root: PathBuf,
    /// Whether it has a git repository.
    pub has_git: bool,
}

/// The project named by `--project`, or the nearest folder upwards with `.git` or `.ai_onboard`,
/// or the current folder. One that is gone is still found by its path: its agents can be looked at
/// and stopped.
///
/// # Errors
/// When it is no folder, or its path can't be written in the journal's text.
pub fn find(global: &Global) -> Result<Found, Failure> {
    let start = match &global.project {
        Some(path) => path.clone(),
        None => std::env::current_dir().map_err(|error| {
            Failure::new(Kind::Failed, format!("the current folder can't be used: {error}"))
                .hint("was it deleted? change to another one, or name a project with --project")
        })?,
    };
    let found = match start.canonicalize() {
        Ok(start) if start.is_dir() => nearest(&start),
        Ok(start) => {
            return Err(Failure::new(Kind::Usage, format!("{} is not a folder", start.display()))
                .hint("--project takes a project's folder"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && start.is_absolute() => {
            Found { root: start, has_git: false }
        }
        Err(error) => return Err(Failure::file("look at", &start, &error)),
    };
    if found.root.to_str().is_none() {
        let message = format!("the path {:?} is not UTF-8", found.root);
        return Err(Failure::new(Kind::Failed, message).hint("rename the folder"));
    }
    Ok(found)
}

fn nearest(start: &Path) -> Found {
    let marked = |path: &&Path| path.join(".git").exists() || path.join(".ai_onboard").is_dir();
    let root = start.ancestors().find(marked).unwrap_or(start).to_path_buf();
    Found { has_git: root.join(".git").exists() || root.join("HEAD").is_file(), root }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_marked_parent_is_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b/c");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(folder.path().join("a/.ai_onboard")).unwrap();
        assert_eq!(nearest(&inner), Found { root: folder.path().join("a"), has_git: false });
        std::fs::create_dir(folder.path().join("a/b/.git")).unwrap();
        assert_eq!(nearest(&inner), Found { root: folder.path().join("a/b"), has_git: true });
    }
}
