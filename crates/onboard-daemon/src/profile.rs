//! From what a run is allowed to the profile of its walls: the same for a run and for a question.

use crate::agents;
use crate::git_outside::{GitOutside, git_outside};
use crate::network::Reach;
use onboard_domain::AgentSpec;
use onboard_domain::spec::Program;
use onboard_policy::Assessment;
use onboard_sandbox::{APP_DIR, Limits, Network, Profile, ReadOnly};
use std::io;
use std::path::{Path, PathBuf};

/// A git folder that lies outside of the project is seen by this name below [`APP_DIR`].
const GIT_NAME: &str = "git";
/// The variable by which an agent finds it.
const GIT_DIR: &str = "AI_ONBOARD_GIT_DIR";

/// The word that this program is started with to make a copy and start a program in it; the command
/// line knows it too.
pub const IN_COPY: &str = "in-copy";

/// What a profile is made of, beside what is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProfileOf<'a> {
    /// The first part of the control groups' names.
    pub(crate) instance: &'a str,
    pub(crate) run: &'a str,
    /// The project's folder.
    pub(crate) root: &'a str,
    pub(crate) spec: &'a AgentSpec,
    /// This program, as agents see it read-only.
    pub(crate) program: &'a Path,
}

/// What was found in a project for the walls of a run.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The policy's paths; and the daemon's own state, where somebody has it inside of a project: with
    /// the credentials, which no agent may read.
    forbidden: Vec<String>,
    /// The folder of an agent that the project brings.
    agent: Option<PathBuf>,
    git: Option<GitOutside>,
}

impl Seen {
    /// Looks at the project at `root`; `state` is the daemon's own folder.
    ///
    /// # Errors
    /// When what may not be seen would be.
    pub(crate) fn look(
        root: &str,
        program: &Program,
        mut forbidden: Vec<String>,
        state: &Path,
    ) -> Result<Seen, Unfit> {
        let git = visible_git(root, &forbidden);
        let inside = state_inside(Path::new(root), state);
        forbidden.extend(inside.map_err(|why| Unfit { rule: "state_folder", why })?);
        let agent = match program {
            Program::BuiltIn => None,
            Program::Command { folder, .. } => {
                let host = agents::folder(Path::new(root), Path::new(folder), &forbidden);
                Some(host.map_err(|why| Unfit { rule: "agent_folder", why })?)
            }
        };
        Ok(Seen { forbidden, agent, git })
    }
}

/// Why there is no profile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// Stable name of the rule.
    pub(crate) rule: &'static str,
    pub(crate) why: String,
}

impl Unfit {
    fn program(why: String) -> Unfit {
        Unfit { rule: "program", why }
    }
}

/// The profile of a run that is allowed this, with what it may reach.
///
/// # Errors
/// When its program is not on this machine.
pub(crate) fn profile(
    of: &ProfileOf<'_>,
    bounds: &Assessment,
    seen: Seen,
    reach: Option<&Reach>,
) -> Result<Profile, Unfit> {
    let mut read_only =
        vec![ReadOnly { host: of.program.to_path_buf(), name: "ai_onboard".into() }];
    let argv = match &of.spec.program {
        Program::BuiltIn => {
            vec![format!("{APP_DIR}/ai_onboard"), "agent".into(), of.spec.name.as_str().into()]
        }
        Program::Command { argv, .. } => command_line(argv).map_err(Unfit::program)?,
    };
    read_only.extend(seen.agent.map(|host| ReadOnly { host, name: "agent".into() }));
    let works_on_copy = of.spec.checks_proposals;
    let argv = if works_on_copy { in_copy(argv) } else { argv };
    let mut env = environment(of.spec);
    let network = reach.map(|_| Network::default());
    env.extend(reach.iter().flat_map(|reach| reach.environment()));
    if let Some(git) = seen.git {
        let folder = Path::new(APP_DIR).join(GIT_NAME).join(git.own);
        env.push((GIT_DIR.into(), folder.to_string_lossy().into_owned()));
        read_only.push(ReadOnly { host: git.common, name: GIT_NAME.into() });
    }
    Ok(Profile {
        instance: of.instance.into(),
        run: of.run.into(),
        argv,
        env,
        project: PathBuf::from(of.root),
        forbidden: seen.forbidden,
        forbidden_commands: bounds.forbidden_commands().to_vec(),
        read_only,
        network,
        limits: if works_on_copy { with_copy(limits(bounds)) } else { limits(bounds) },
        works_in_tmp: works_on_copy,
        must_enforce: Vec::new(),
    })
}

/// Where the daemon's own folder is in a project, if it is there.
///
/// # Errors
/// When it can't be told, or can't be masked.
fn state_inside(root: &Path, state: &Path) -> Result<Option<String>, String> {
    let unknown = |path: &Path, error| format!("{} can't be resolved: {error}", path.display());
    let real_root = root.canonicalize().map_err(|error| unknown(root, error))?;
    let real_state = resolved(state).map_err(|error| unknown(state, error))?;
    if real_root.starts_with(&real_state) {
        return Err(format!(
            "the project {} lies in the daemon's own folder {}, which no agent may see: move one of \
             them",
            root.display(),
            state.display()
        ));
    }
    let Ok(inside) = real_state.strip_prefix(&real_root) else { return Ok(None) };
    match inside.to_str() {
        Some(inside) => Ok(Some(inside.into())),
        None => Err(format!(
            "the daemon's own folder {} lies in the project, and its name is no text, by which it \
             could be masked: move it",
            state.display()
        )),
    }
}

/// Where a path leads, or would lead: what is missing at its end may be made at any time.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Err(error), Some(above), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(resolved(above)?.join(name))
        }
        (found, ..) => found,
    }
}

/// The copy and what is made in it lie in memory, which is limited as a whole; a quarter of it is left
/// to the programs at least.
fn with_copy(limits: Limits) -> Limits {
    Limits { tmp_bytes: limits.memory_bytes / 4 * 3, ..limits }
}

/// The program started in its copy, which this program makes there first.
fn in_copy(argv: Vec<String>) -> Vec<String> {
    let maker = [format!("{APP_DIR}/ai_onboard"), IN_COPY.to_string()];
    maker.into_iter().chain(argv).collect()
}

/// The git folder outside of the project that a run may see: none where the policy forbids a part
/// of the project's own, since that could not be masked in another place.
fn visible_git(root: &str, forbidden: &[String]) -> Option<GitOutside> {
    let is_of_git = |path: &String| Path::new(path).starts_with(".git");
    if forbidden.iter().any(is_of_git) {
        return None;
    }
    git_outside(Path::new(root)).unwrap_or_else(|why| {
        eprintln!("agents of {root} can't read its git repository: {why}");
        None
    })
}

/// What the walls hold, from what is allowed.
fn limits(bounds: &Assessment) -> Limits {
    let permitted = bounds.limits();
    Limits {
        cpu_percent: permitted.cpu_percent,
        memory_bytes: u64::from(permitted.memory_mb) << 20,
        pids: permitted.pids,
        file_bytes: u64::from(permitted.file_size_mb) << 20,
        reads_per_second: Some(permitted.io_ops_per_sec),
        ..Limits::default()
    }
}

/// The whole environment of an agent: nothing of the daemon's own.
fn environment(spec: &AgentSpec) -> Vec<(String, String)> {
    let variable = |name: &str, value: &str| (name.to_string(), value.to_string());
    vec![
        variable("PATH", &format!("{APP_DIR}:/usr/local/bin:/usr/bin:/bin")),
        variable("HOME", "/tmp"),
        variable("TMPDIR", "/tmp"),
        variable("LANG", "C.UTF-8"),
        // The project is read-only: what programs would write beside their work is not tried.
        variable("PYTHONDONTWRITEBYTECODE", "1"),
        variable("GIT_OPTIONAL_LOCKS", "0"),
        variable("AI_ONBOARD_AGENT", spec.name.as_str()),
    ]
}

/// Where the words of a command line are inside: `./FILE` beside the manifest, a bare name in the
/// system's folders.
fn command_line(argv: &[String]) -> Result<Vec<String>, String> {
    let inside = |word: &String| match word.strip_prefix("./") {
        Some(beside) => format!("{APP_DIR}/agent/{beside}"),
        None => word.clone(),
    };
    let mut argv: Vec<String> = argv.iter().map(inside).collect();
    let Some(program) = argv.first_mut() else { return Err("the program is empty".into()) };
    if !program.contains('/') {
        let found = ["/usr/local/bin", "/usr/bin", "/bin"]
            .iter()
            .map(|folder| Path::new(folder).join(&program))
            .find(|path| path.is_file());
        match found {
            Some(path) => *program = path.to_string_lossy().into_owned(),
            None => return Err(format!("there is no program `{program}` on this machine")),
        }
    }
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_daemons_own_folder_is_masked_or_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let root = top.join("project");
        fs::create_dir_all(root.join("home/state")).unwrap();
        fs::create_dir_all(top.join("state/project")).unwrap();
        fs::create_dir(root.join(OsStr::from_bytes(b"\xff"))).unwrap();
        symlink(root.join("home"), top.join("link")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        fs::write(top.join("file"), "").unwrap();
        let mut said = String::new();
        let mut ask = |root: &Path, state: &Path| {
            let shown = match state_inside(root, state) {
                Ok(inside) => format!("{inside:?}"),
                Err(why) => format!("refused: {why}"),
            };
            said +=
                &format!("{}: {shown}\n", String::from_utf8_lossy(state.as_os_str().as_bytes()));
        };
        for state in ["state", "project/home/state", "link/state", "link/new/state", "project"] {
            ask(&root, &top.join(state));
        }
        ask(&root, &root.join(OsStr::from_bytes(b"\xff")));
        ask(&top.join("state/project"), &top.join("state"));
        ask(&root, &top.join("loop/state"));
        ask(&root, &top.join("file/state"));
        ask(&top.join("gone"), &top.join("state"));
        expect![[r#"
            TOP/state: None
            TOP/project/home/state: Some("home/state")
            TOP/link/state: Some("home/state")
            TOP/link/new/state: Some("home/new/state")
            TOP/project: refused: the project TOP/project lies in the daemon's own folder TOP/project, which no agent may see: move one of them
            TOP/project/�: refused: the daemon's own folder TOP/project/� lies in the project, and its name is no text, by which it could be masked: move it
            TOP/state: refused: the project TOP/state/project lies in the daemon's own folder TOP/state, which no agent may see: move one of them
            TOP/loop/state: refused: TOP/loop/state can't be resolved: Too many levels of symbolic links (os error 40)
            TOP/file/state: refused: TOP/file/state can't be resolved: Not a directory (os error 20)
            TOP/state: refused: TOP/gone can't be resolved: No such file or directory (os error 2)
        "#]].assert_eq(&said.replace(top.to_str().unwrap(), "TOP"));
    }
}
