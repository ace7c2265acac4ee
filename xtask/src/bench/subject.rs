//! The repository that the rows about projects measure: one that was named, or a made-up one that is
//! the same for everybody.

use super::Bench;
use crate::command;
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The made-up one: lines and commits; and a smaller one for a quick look.
const MADE: [&str; 2] = ["1000000", "10000"];
const MADE_QUICK: [&str; 2] = ["100000", "1500"];

/// The repository, and what was made of it so far.
#[derive(Default)]
pub struct Subject {
    /// What `--repository` named.
    named: Option<PathBuf>,
    made: OnceCell<PathBuf>,
    files: OnceCell<PathBuf>,
}

impl Subject {
    /// The one that was named, if any.
    pub fn of(named: Option<PathBuf>) -> Subject {
        Subject { named, ..Subject::default() }
    }

    /// Its folder; a made-up one is made first.
    pub fn repository(&self, bench: &Bench) -> Result<&Path, String> {
        if let Some(path) = &self.named {
            return Ok(path);
        }
        kept(&self.made, || {
            let folder = bench.new_folder("made")?;
            eprintln!("making a project");
            let program = bench.built.join("examples/synthetic_project");
            let script = "git init --quiet --bare -b main . && \"$0\" \"$1\" \"$2\" | \
                          git fast-import --quiet --done && git repack -adq --depth=50 --window=10";
            let mut shell = Command::new("sh");
            let size = if bench.quick { MADE_QUICK } else { MADE };
            shell.current_dir(&folder).args(["-c", script]).arg(program).args(size);
            command::output(&mut shell).map(|_| folder)
        })
    }

    /// The files of its HEAD in a folder; no repository is around them.
    pub fn files(&self, bench: &Bench) -> Result<&Path, String> {
        kept(&self.files, || {
            let folder = bench.new_folder("files")?;
            let script = "git -C \"$0\" archive HEAD | tar x -C \"$1\"";
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).arg(self.repository(bench)?).arg(&folder);
            command::output(&mut shell).map(|_| folder)
        })
    }

    /// A repository of its own with its history, whose `main` is so many first parents behind; HEAD
    /// names `main`, and `newest` has all. Nothing is checked out.
    pub fn behind(&self, bench: &Bench, name: &str, commits: usize) -> Result<PathBuf, String> {
        let folder = bench.new_folder(name)?;
        let from = self.repository(bench)?;
        let tip = git(from, &["rev-parse", "HEAD"])?;
        let old = git(from, &["rev-parse", &format!("HEAD~{commits}")])?;
        let mut clone = Command::new("git");
        clone.args(["clone", "--quiet", "--local", "--no-checkout"]).arg(from).arg(&folder);
        command::output(&mut clone)?;
        // Where its own line is, only this repository says.
        git(&folder, &["remote", "remove", "origin"])?;
        git(&folder, &["symbolic-ref", "HEAD", "refs/heads/main"])?;
        git(&folder, &["update-ref", "refs/heads/main", &old])?;
        git(&folder, &["update-ref", "refs/heads/newest", &tip])?;
        Ok(folder)
    }

    /// What it is, in a sentence; `None` where no row looked at it.
    pub fn shown(&self) -> Option<String> {
        let path = self.named.as_ref().or(self.made.get())?;
        let ask = |words: &[&str]| git(path, words).unwrap_or_default();
        let name = match &self.named {
            Some(path) => {
                let text = path.to_string_lossy();
                let text = text.trim_end_matches("/repo").trim_end_matches(".git");
                text.rsplit(['/', '+']).next().unwrap_or_default().to_owned()
            }
            None => "made up by `synthetic_project`".to_owned(),
        };
        let head = ask(&["rev-parse", "--short=10", "HEAD"]);
        let (commits, files) =
            (ask(&["rev-list", "--count", "HEAD"]), ask(&["ls-tree", "-r", "HEAD"]));
        Some(format!(
            "Repository: {name} at {head}, {commits} commits, {} files{}.",
            files.lines().count(),
            self.files.get().and_then(|files| lines(files)).unwrap_or_default(),
        ))
    }
}

/// Lines of all its texts.
fn lines(files: &Path) -> Option<String> {
    let script = "find . -type f -print0 | xargs -0 grep -Ic '' | awk -F: '{ sum += $NF } END { print sum }'";
    let mut shell = Command::new("sh");
    let told = command::output(shell.current_dir(files).args(["-c", script])).ok()?;
    Some(format!(", {} lines", told.trim()))
}

/// What git prints, without its newline.
pub fn git(root: &Path, words: &[&str]) -> Result<String, String> {
    let mut git = Command::new("git");
    let told = command::output(git.arg("-C").arg(root).args(words))?;
    Ok(told.trim().to_owned())
}

/// What a cell has, made first where it has nothing.
fn kept(
    cell: &OnceCell<PathBuf>,
    make: impl FnOnce() -> Result<PathBuf, String>,
) -> Result<&Path, String> {
    if cell.get().is_none() {
        // Nobody else sets it: there is one thread.
        let _ = cell.set(make()?);
    }
    cell.get().map(PathBuf::as_path).ok_or_else(|| "it was not made".to_owned())
}

/// The files in a folder that fit, one a line, in a file of its own.
pub fn list(bench: &Bench, name: &str, folder: &Path, endings: &[&str]) -> Result<PathBuf, String> {
    let mut find = Command::new("find");
    let found = command::output(find.arg(folder).args(["-type", "f", "-size", "-1024k"]))?;
    let fits = |path: &&str| {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        endings.contains(&ending)
    };
    let mut chosen: Vec<&str> = found.lines().filter(fits).collect();
    chosen.sort_unstable();
    let path = bench.folder.join(name);
    fs::write(&path, chosen.join("\n")).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
