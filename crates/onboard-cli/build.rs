//! Tells the binary which commit it is built from, when it is built in a repository with git at hand.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script may ask git; no product code runs here"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A new commit moves a branch, which is logged here: nothing else makes this run again, so an
    // incremental build stays as quick as without it.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).map(PathBuf::from)
        && let Ok(log) = log.canonicalize()
    {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    let (commit, date) = commit().unwrap_or_else(|| ("unknown".into(), "unknown".into()));
    println!("cargo::rustc-env=AI_ONBOARD_COMMIT={commit}");
    println!("cargo::rustc-env=AI_ONBOARD_COMMIT_DATE={date}");
}

/// The commit and its day. Only of the repository whose top has this workspace: sources that were
/// unpacked inside of another project are not of that project's commit.
fn commit() -> Option<(String, String)> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().ok()?;
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if top != workspace {
        return None;
    }
    let told = git(&["log", "-1", "--format=%h %cs"])?;
    let (commit, date) = told.split_once(' ')?;
    Some((commit.into(), date.into()))
}

fn git(words: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(words).output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_string())
}
