//! Where the workspace is and what `cargo metadata` says of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command;

/// The checkout this chore works on.
pub struct Workspace {
    pub root: PathBuf,
}

impl Workspace {
    /// The workspace this xtask was started from by cargo, else the one it was built in.
    pub fn find() -> Result<Workspace, String> {
        let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest_dir.parent().map(Path::to_path_buf);
        match root {
            Some(root) if root.join("Cargo.toml").is_file() => Ok(Workspace { root }),
            _ => Err(format!("no workspace above {}", manifest_dir.display())),
        }
    }

    /// What cargo says of the workspace's own members; asks no network and resolves nothing.
    pub fn metadata(&self) -> Result<Value, String> {
        let text = command::output(command::cargo(&self.root).args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ]))?;
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The text of every file that is ours: what git tracks or would track, and without git
    /// (a source archive) what is in the folder but not built.
    pub fn files(&self) -> Result<Vec<PathBuf>, String> {
        let listed =
            command::output(std::process::Command::new("git").current_dir(&self.root).args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ]));
        let mut files: Vec<PathBuf> = match listed {
            Ok(names) => {
                names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect()
            }
            Err(_) => walk(&self.root)?,
        };
        // git lists a deleted but still tracked file too.
        files.retain(|file| self.root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// Every file below `root`, relative to it, leaving out what is built and what git keeps.
fn walk(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_dir && !matches!(entry.file_name().to_str(), Some("target" | ".git")) {
                folders.push(path);
            } else if !is_dir && let Ok(relative) = path.strip_prefix(root) {
                files.push(relative.to_path_buf());
            }
        }
    }
    Ok(files)
}
