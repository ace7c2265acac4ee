//! A project's git folder that lies outside of the project: a linked work tree's, a submodule's.
//!
//! `.git` is a file there that names a folder. What a file says proves nothing, it may have come
//! with anybody's archive; so the folder has to be git's and to name this very project in turn, and
//! no link may lead to it. Then a run may see it, read-only.

use crate::observe::{GitFolders, git_folders};
use crate::plain;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Bytes of the small files by which git folders name one another, and of a git folder's settings.
const NAMING_MAX: u64 = 64 * 1024;

/// What to show of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitOutside {
    /// The folder that all work trees share: objects and references.
    pub(crate) common: PathBuf,
    /// The work tree's own folder, below `common`; empty where it is `common` itself.
    pub(crate) own: PathBuf,
}

/// The git folder outside of the project at `root`; `None` when there is no such thing.
///
/// # Errors
/// Why what `.git` names is not shown.
pub(crate) fn git_outside(root: &Path) -> Result<Option<GitOutside>, String> {
    if !fs::symlink_metadata(root.join(".git")).is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let GitFolders { own, common } = git_folders(root).ok_or("`.git` names no folder")?;
    let own = without_links(&own)?;
    if own.starts_with(root) {
        return Ok(None);
    }
    let common = without_links(&common)?;
    let below = match own == common {
        true => {
            names(&own, core_worktree(&own), root)?;
            PathBuf::new()
        }
        false => {
            if own.parent() != Some(&common.join("worktrees")) {
                return Err(format!("{} is no work tree of {}", shown(&own), shown(&common)));
            }
            names(&own, text(&own.join("gitdir")), &root.join(".git"))?;
            own.strip_prefix(&common).unwrap_or(Path::new("")).to_path_buf()
        }
    };
    is_git(&common)?;
    if root.starts_with(&common) {
        return Err(format!("{} has the project inside", shown(&common)));
    }
    Ok(Some(GitOutside { common, own: below }))
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}

/// The folder by its plain name, when no link leads to it.
fn without_links(folder: &Path) -> Result<PathBuf, String> {
    let plain = normal(folder);
    match folder.canonicalize() {
        Ok(real) if real == plain && real.is_dir() => Ok(real),
        Ok(_) => Err(format!("a symbolic link leads to {}", shown(&plain))),
        Err(error) => Err(format!("{}: {error}", shown(&plain))),
    }
}

/// The path without `.` and `..`, by its letters alone.
fn normal(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// Whether the git folder at `own` names `wanted` with `told`, relative to itself or not.
fn names(own: &Path, told: Option<String>, wanted: &Path) -> Result<(), String> {
    match told {
        Some(told) if normal(&own.join(&told)) == wanted => Ok(()),
        Some(told) => Err(format!("{} belongs to {}", shown(own), shown(&normal(&own.join(told))))),
        None => Err(format!("{} does not say whose it is", shown(own))),
    }
}

fn is_git(folder: &Path) -> Result<(), String> {
    let is = |name: &str, kind: fn(&fs::Metadata) -> bool| {
        fs::symlink_metadata(folder.join(name)).is_ok_and(|meta| kind(&meta))
    };
    let is_git = is("HEAD", fs::Metadata::is_file)
        && is("objects", fs::Metadata::is_dir)
        && is("refs", fs::Metadata::is_dir);
    if is_git { Ok(()) } else { Err(format!("{} is no git folder", shown(folder))) }
}

fn text(file: &Path) -> Option<String> {
    fs::symlink_metadata(file).ok().filter(fs::Metadata::is_file)?;
    let text = String::from_utf8(plain::read(file, NAMING_MAX).ok()??).ok()?;
    Some(text.trim_end_matches(['\n', '\r']).to_string())
}

/// `core.worktree` of a submodule's settings, as git itself writes it.
fn core_worktree(own: &Path) -> Option<String> {
    let config = text(&own.join("config"))?;
    let mut is_core = false;
    let mut found = None;
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            is_core = section.trim_end_matches(']').trim().eq_ignore_ascii_case("core");
        } else if is_core
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("worktree")
        {
            found = Some(value.trim().trim_matches('"').to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::os::unix::fs::symlink;

    /// What is shown of the project `side`, after files are written below a folder.
    fn check(files: &[(&str, &str)], more: impl Fn(&Path), expect: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        for (path, text) in files {
            let path = top.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("TOP", top.to_str().unwrap())).unwrap();
        }
        more(&top);
        let told = match git_outside(&top.join("side")) {
            Ok(Some(found)) => format!("{} + {}", found.common.display(), found.own.display()),
            Ok(None) => "nothing outside".into(),
            Err(why) => format!("refused: {why}"),
        };
        expect.assert_eq(&told.replace(top.to_str().unwrap(), "TOP"));
    }

    const MAIN: [(&str, &str); 5] = [
        ("main/.git/HEAD", "ref: refs/heads/main\n"),
        ("main/.git/objects/info/x", ""),
        ("main/.git/refs/heads/main", "1111\n"),
        ("main/.git/worktrees/side/HEAD", "ref: refs/heads/side\n"),
        ("main/.git/worktrees/side/commondir", "../..\n"),
    ];
    const BACK: (&str, &str) = ("main/.git/worktrees/side/gitdir", "TOP/side/.git\n");
    const THERE: (&str, &str) = ("side/.git", "gitdir: TOP/main/.git/worktrees/side\n");

    #[test]
    fn a_linked_work_tree_that_is_one() {
        check(
            &[&MAIN[..], &[BACK, THERE]].concat(),
            |_| {},
            expect!["TOP/main/.git + worktrees/side"],
        );
        let relative = ("side/.git", "gitdir: ../main/.git/worktrees/side\n");
        let back = ("main/.git/worktrees/side/gitdir", "../../../../side/.git\n");
        check(
            &[&MAIN[..], &[back, relative]].concat(),
            |_| {},
            expect!["TOP/main/.git + worktrees/side"],
        );
    }

    #[test]
    fn a_submodule_that_is_one() {
        let files = [
            ("main/.git/modules/side/HEAD", "ref: refs/heads/main\n"),
            ("main/.git/modules/side/objects/info/x", ""),
            ("main/.git/modules/side/refs/heads/main", ""),
            ("main/.git/modules/side/config", "[core]\n\tworktree = ../../../../side\n"),
            ("side/.git", "gitdir: ../main/.git/modules/side\n"),
        ];
        check(&files, |_| {}, expect!["TOP/main/.git/modules/side + "]);
        let mut foreign = files;
        foreign[3].1 =
            "[core]\n\tworktree = ../../../other\n[other]\n\tworktree = ../../../../side\n";
        check(
            &foreign,
            |_| {},
            expect!["refused: `TOP/main/.git/modules/side` belongs to `TOP/main/other`"],
        );
    }

    #[test]
    fn what_only_claims_to_be_is_refused() {
        let only = |text| [("side/.git", text)];
        check(&only("gitdir: /\n"), |_| {}, expect!["refused: `/` does not say whose it is"]);
        check(
            &[&only("gitdir: ..\n")[..], &[("config", "[core]\nworktree = side\n")]].concat(),
            |_| {},
            expect!["refused: `TOP` is no git folder"],
        );
        check(&only("nothing\n"), |_| {}, expect!["refused: `.git` names no folder"]);
        check(
            &only("gitdir: inner\n"),
            |_| {},
            expect!["refused: `TOP/side/inner`: No such file or directory (os error 2)"],
        );
        check(&[("side/.git/HEAD", "")], |_| {}, expect!["nothing outside"]);
        // Another work tree's folder, which does not name this project.
        let other = ("main/.git/worktrees/side/gitdir", "TOP/other/.git\n");
        check(
            &[&MAIN[..], &[other, THERE]].concat(),
            |_| {},
            expect!["refused: `TOP/main/.git/worktrees/side` belongs to `TOP/other/.git`"],
        );
        // A folder of one's own that names somebody else's as the common one.
        let files = [
            ("evil/HEAD", "ref: refs/heads/main\n"),
            ("evil/commondir", "../main/.git\n"),
            ("evil/gitdir", "TOP/side/.git\n"),
            ("side/.git", "gitdir: ../evil\n"),
        ];
        check(
            &[&MAIN[..], &files].concat(),
            |_| {},
            expect!["refused: `TOP/evil` is no work tree of `TOP/main/.git`"],
        );
    }

    #[test]
    fn links_are_refused() {
        let there = ("side/.git", "gitdir: ../link/.git/worktrees/side\n");
        check(
            &[&MAIN[..], &[BACK, there]].concat(),
            |top| symlink(top.join("main"), top.join("link")).unwrap(),
            expect!["refused: a symbolic link leads to `TOP/link/.git/worktrees/side`"],
        );
        check(
            &[&MAIN[..], &[BACK, THERE]].concat(),
            |top| {
                fs::rename(top.join("main/.git/objects"), top.join("objects")).unwrap();
                symlink(top.join("objects"), top.join("main/.git/objects")).unwrap();
            },
            expect!["refused: `TOP/main/.git` is no git folder"],
        );
    }
}
