//! Where a project keeps its own agents, and whether a run may be shown the folder of one.
//!
//! An agent's folder is seen beside the project, without the project's masks. So it has to be what it
//! seems: a plain folder among the project's agents, to which no link leads, with nothing in it that
//! the policy forbids.

use crate::manifests::PROJECT_FOLDER;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folder of agents in [`PROJECT_FOLDER`].
const AGENTS: &str = "agents";

/// The folder of the agents of the project at `root`.
pub(crate) fn all(root: &Path) -> PathBuf {
    root.join(PROJECT_FOLDER).join(AGENTS)
}

/// The folder of an agent, as it may be shown to its runs; `forbidden`: paths of the project.
///
/// # Errors
/// Why it may not be shown, with the mend.
pub(crate) fn folder(root: &Path, folder: &Path, forbidden: &[String]) -> Result<PathBuf, String> {
    let shown = folder.display();
    let inside = folder.strip_prefix(root).ok();
    let is_plain = |path: &&Path| path.components().all(|c| matches!(c, Component::Normal(_)));
    let is_agents = |path: &&Path| path.starts_with(Path::new(PROJECT_FOLDER).join(AGENTS));
    let inside = inside.filter(is_plain).filter(is_agents).ok_or_else(|| {
        format!("the agent's folder {shown} is not among the project's agents: register it again")
    })?;
    let failed = |error: io::Error| format!("the agent's folder {shown}: {error}");
    if let Some(link) = link_to(root, folder).map_err(failed)? {
        return Err(linked(&link));
    }
    let overlaps = |path: &&String| {
        let path = Path::new(path.as_str());
        path.starts_with(inside) || inside.starts_with(path)
    };
    match forbidden.iter().find(overlaps) {
        Some(path) => Err(format!(
            "the agent's folder {shown} is shown to its runs without masks, and `{path}` is \
             forbidden: keep them apart"
        )),
        None => Ok(root.canonicalize().map_err(failed)?.join(inside)),
    }
}

/// The first link on the way from the project's folder to `path`, the end included.
///
/// # Errors
/// When it can't be told.
pub(crate) fn link_to(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let mut way: Vec<&Path> = path.ancestors().take_while(|above| *above != root).collect();
    way.reverse();
    for step in way {
        if fs::symlink_metadata(step)?.is_symlink() {
            return Ok(Some(step.into()));
        }
    }
    Ok(None)
}

/// What is said of a link on the way to an agent.
pub(crate) fn linked(link: &Path) -> String {
    format!(
        "{} is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder \
         itself there",
        link.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::os::unix::fs::symlink;

    /// What is said of folders of the project `loom`.
    fn said(folders: &[&str], forbidden: &[&str]) -> String {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().canonicalize().unwrap().join("loom");
        fs::create_dir_all(root.join(".ai_onboard/agents/own/more")).unwrap();
        symlink("../..", root.join(".ai_onboard/agents/up")).unwrap();
        symlink("own", root.join(".ai_onboard/agents/beside")).unwrap();
        symlink(".ai_onboard", root.join("link")).unwrap();
        let forbidden: Vec<String> = forbidden.iter().map(ToString::to_string).collect();
        let lines = folders.iter().map(|name| match folder(&root, &root.join(name), &forbidden) {
            Ok(shown) => format!("{}\n", shown.display()),
            Err(why) => format!("refused: {why}\n"),
        });
        lines.collect::<String>().replace(root.to_str().unwrap(), "")
    }

    #[test]
    fn only_a_plain_folder_among_the_agents_is_shown() {
        let folders = [
            ".ai_onboard/agents/own",
            ".ai_onboard/agents",
            ".ai_onboard/agents/up",
            ".ai_onboard/agents/up/.ai_onboard/agents/own",
            ".ai_onboard/agents/beside",
            ".ai_onboard/agents/own/../../..",
            ".ai_onboard/agents/gone",
            "link/agents/own",
            ".ai_onboard",
            "/etc",
        ];
        expect![[r#"
            /.ai_onboard/agents/own
            /.ai_onboard/agents
            refused: /.ai_onboard/agents/up is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there
            refused: /.ai_onboard/agents/up is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there
            refused: /.ai_onboard/agents/beside is a symbolic link, and an agent's folder is shown to its runs as it is: put the folder itself there
            refused: the agent's folder /.ai_onboard/agents/own/../../.. is not among the project's agents: register it again
            refused: the agent's folder /.ai_onboard/agents/gone: No such file or directory (os error 2)
            refused: the agent's folder /link/agents/own is not among the project's agents: register it again
            refused: the agent's folder /.ai_onboard is not among the project's agents: register it again
            refused: the agent's folder /etc is not among the project's agents: register it again
        "#]].assert_eq(&said(&folders, &[".env"]));
    }

    #[test]
    fn nothing_forbidden_is_shown_with_it() {
        let own = ".ai_onboard/agents/own";
        let forbidden = [
            ".ai_onboard/agents/own/key",
            ".ai_onboard/agents/own/",
            ".ai_onboard/",
            ".ai_onboard/agents/owner",
        ];
        let shown = forbidden.map(|path| said(&[own], &[path]));
        expect![[r#"
            refused: the agent's folder /.ai_onboard/agents/own is shown to its runs without masks, and `.ai_onboard/agents/own/key` is forbidden: keep them apart
            refused: the agent's folder /.ai_onboard/agents/own is shown to its runs without masks, and `.ai_onboard/agents/own/` is forbidden: keep them apart
            refused: the agent's folder /.ai_onboard/agents/own is shown to its runs without masks, and `.ai_onboard/` is forbidden: keep them apart
            /.ai_onboard/agents/own
        "#]].assert_eq(&shown.concat());
    }
}
