//! Files made from tables: written by `cargo xtask generate`, compared by `cargo xtask check`.

use std::path::PathBuf;

use crate::fences;
use crate::workspace::Workspace;

/// Every generated file: its path in the workspace and its text.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = vec![(PathBuf::from("clippy.toml"), fences::clippy_toml(None))];
    for name in fences::CRATES {
        let folder = if *name == "xtask" { PathBuf::new() } else { PathBuf::from("crates") };
        files.push((folder.join(name).join("clippy.toml"), fences::clippy_toml(Some(name))));
    }
    files
}

/// The generated files whose text on disk is not what their table says.
pub fn stale(workspace: &Workspace) -> Vec<PathBuf> {
    let differs = |(path, text): &(PathBuf, String)| {
        std::fs::read_to_string(workspace.root.join(path)).ok().as_ref() != Some(text)
    };
    files().into_iter().filter(differs).map(|(path, _)| path).collect()
}

/// `cargo xtask generate`.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let stale = stale(workspace);
    for (path, text) in files().into_iter().filter(|(path, _)| stale.contains(path)) {
        std::fs::write(workspace.root.join(&path), text)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    println!("generated files are up to date");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_up_to_date() {
        let stale = stale(&Workspace::find().unwrap());
        assert!(stale.is_empty(), "run `cargo xtask generate`: {stale:?}");
    }
}
