//! A project's agents, read from manifests and settings, checked together, with every problem at
//! its place.

use crate::agents;
use crate::plain;
use crate::zones::HostZones;
use onboard_domain::proposal;
use onboard_domain::spec::Program;
use onboard_domain::{AgentName, AgentSpec};
use onboard_protocol::{
    DaemonSettings, Manifest, Problem, Settings, parse_manifest, parse_settings,
};
use onboard_text::{Place, nearest};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a project keeps its own agents and settings.
pub const PROJECT_FOLDER: &str = ".ai_onboard";
/// Agents a project may define itself.
const PROJECT_AGENTS_MAX: usize = 100;
/// Bytes of a manifest or settings file.
const TEXT_MAX: u64 = 256 * 1024;
/// Bytes of a program file that goes into an agent's hash.
const PROGRAM_MAX: u64 = 64 * 1024 * 1024;

/// A manifest that comes with the program; its agent is run by the binary itself.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInManifest {
    pub name: &'static str,
    pub text: &'static str,
}

/// Why a project's agents can't be used.
#[derive(Debug)]
pub enum LoadError {
    /// Each at its file, line and column.
    Problems(Vec<Problem>),
    File {
        path: PathBuf,
        error: io::Error,
    },
    TooMany {
        folder: PathBuf,
    },
    /// A symbolic link on the way to an agent's folder.
    Link {
        path: PathBuf,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Problems(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    write!(f, "{}{problem}", if index > 0 { "\n" } else { "" })?;
                }
                Ok(())
            }
            LoadError::File { path, error } => write!(f, "{}: {error}", path.display()),
            LoadError::Link { path } => f.write_str(&agents::linked(path)),
            LoadError::TooMany { folder } => {
                write!(f, "{} defines more than {PROJECT_AGENTS_MAX} agents", folder.display())
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Checks what a single manifest can't know: the policy's limits. Gives the field's path and what
/// is wrong with it.
pub type CheckLimits<'a> = &'a dyn Fn(&AgentSpec) -> Vec<(String, String)>;

/// Reads and checks the agents of the project at `root`.
///
/// # Errors
/// Every problem there is; nothing is taken of a project with a problem.
pub fn load(
    root: &Path,
    built_in: &[BuiltInManifest],
    user_config: &Path,
    check_limits: CheckLimits<'_>,
) -> Result<Vec<AgentSpec>, LoadError> {
    let sources = read_sources(root, built_in, user_config)?;
    let specs: Vec<AgentSpec> = sources.iter().map(|source| source.spec.clone()).collect();
    let problems = check(&sources, &specs, check_limits);
    if problems.is_empty() { Ok(specs) } else { Err(LoadError::Problems(problems)) }
}

fn read_sources(
    root: &Path,
    built_in: &[BuiltInManifest],
    user_config: &Path,
) -> Result<Vec<Source>, LoadError> {
    let mut sources = read_manifests(root, built_in)?;
    let project_config = root.join(PROJECT_FOLDER).join("config.yaml");
    // A user's own word is stronger than what came with the repository.
    for file in [&project_config, user_config] {
        if let Some(text) = read_text(file)? {
            let settings = parse_settings(&text, &file.to_string_lossy()).map_err(one)?;
            if file != user_config && *settings.daemon() != DaemonSettings::default() {
                return Err(one(not_for_a_project(&settings, user_config)));
            }
            apply_settings(&mut sources, &settings)?;
        }
    }
    Ok(sources)
}

/// Where each value of an agent's settings comes from, as the files say now.
pub struct Origins(Source);

/// The origins of the settings of `name`.
///
/// # Errors
/// When the files can't be read, or define no such agent.
pub fn origins(
    root: &Path,
    built_in: &[BuiltInManifest],
    user_config: &Path,
    name: &str,
) -> Result<Option<Origins>, LoadError> {
    let sources = read_sources(root, built_in, user_config)?;
    Ok(sources.into_iter().find(|source| source.spec.name.as_str() == name).map(Origins))
}

impl Origins {
    /// Where the value at `path` (`schedule`, `limits.pids`) is written; `None` when no file has it.
    pub fn of(&self, path: &str) -> Option<Place> {
        let place = self.0.problem(path, "").place;
        // No value stands at the very start of a file: that is the place of what is not there.
        (path.is_empty() || (place.line, place.column) != (1, 1)).then_some(place)
    }
}

/// An agent and the texts that made it.
struct Source {
    spec: AgentSpec,
    manifest: Manifest,
    /// Settings that changed it, the strongest last.
    settings: Vec<Settings>,
}

fn read_manifests(root: &Path, built_in: &[BuiltInManifest]) -> Result<Vec<Source>, LoadError> {
    let mut sources = BTreeMap::new();
    for BuiltInManifest { name, text } in built_in {
        let manifest = parse_manifest(text, &format!("built-in {name}")).map_err(one)?;
        insert(&mut sources, manifest, "", &[])?;
    }
    for path in manifest_files(&agents::all(root))? {
        let folder = path.parent().unwrap_or(root).to_path_buf();
        // Before anything of it is read: a run would see where the link leads.
        match agents::link_to(root, &folder) {
            Ok(None) => {}
            Ok(Some(path)) => return Err(LoadError::Link { path }),
            Err(error) => return Err(LoadError::File { path: folder, error }),
        }
        let Some(text) = read_text(&path)? else { continue };
        let manifest = parse_manifest(&text, &path.to_string_lossy()).map_err(one)?;
        let files = program_files(&manifest, &folder)?;
        insert(&mut sources, manifest, &folder.to_string_lossy(), &files)?;
    }
    Ok(sources.into_values().collect())
}

/// The hash of the manifest at `path` and of the files in `folder` that it names, as they are now.
///
/// # Errors
/// When they can't be read, or are no manifest.
pub(crate) fn hash_of(path: &Path, folder: &Path) -> Result<String, LoadError> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "it is not there");
    let Some(text) = read_text(path)? else {
        return Err(LoadError::File { path: path.into(), error: gone() });
    };
    let manifest = parse_manifest(&text, &path.to_string_lossy()).map_err(one)?;
    let files = program_files(&manifest, folder)?;
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    Ok(manifest.into_spec(&folder.to_string_lossy(), &files).hash)
}

fn one(problem: Problem) -> LoadError {
    LoadError::Problems(vec![problem])
}

fn insert(
    sources: &mut BTreeMap<AgentName, Source>,
    manifest: Manifest,
    folder: &str,
    files: &[Vec<u8>],
) -> Result<(), LoadError> {
    let name = manifest.spec().name.clone();
    if let Some(other) = sources.get(&name) {
        let message = match &other.spec.program {
            Program::BuiltIn => format!("`{name}` is the name of a built-in agent"),
            Program::Command { .. } => {
                format!("`{name}` is the name of the agent in {}", other.spec.origin)
            }
        };
        return Err(one(manifest.problem("name", message).mend("give it a name of its own")));
    }
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let spec = manifest.clone().into_spec(folder, &files);
    sources.insert(name, Source { spec, manifest, settings: Vec::new() });
    Ok(())
}

/// `agents/NAME.yaml` and `agents/NAME/agent.yaml`, in order of name.
fn manifest_files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let fault = |error| LoadError::File { path: folder.into(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            files.push(path);
        } else if path.join("agent.yaml").is_file() {
            files.push(path.join("agent.yaml"));
        }
        if files.len() > PROJECT_AGENTS_MAX {
            return Err(LoadError::TooMany { folder: folder.into() });
        }
    }
    files.sort();
    Ok(files)
}

fn program_files(manifest: &Manifest, folder: &Path) -> Result<Vec<Vec<u8>>, LoadError> {
    let read = |name| {
        let problem = |why: String| {
            let message = format!("the program's file `./{name}` can't be read: {why}");
            one(manifest.problem("program", message))
        };
        match plain::read(&folder.join(name), PROGRAM_MAX) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(problem("there is no such file beside the manifest".into())),
            Err(error) => Err(problem(error.to_string())),
        }
    };
    manifest.program_files().into_iter().map(read).collect()
}

fn read_text(path: &Path) -> Result<Option<String>, LoadError> {
    let fault = |error| LoadError::File { path: path.into(), error };
    let Some(bytes) = plain::read(path, TEXT_MAX).map_err(fault)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e));
    text.map(Some).map_err(fault)
}

/// What the user's own file says of the daemon.
///
/// # Errors
/// When the file can't be read or is wrong, at its place.
pub fn daemon_settings(user_config: &Path) -> Result<DaemonSettings, LoadError> {
    match read_text(user_config)? {
        Some(text) => parse_settings(&text, &user_config.to_string_lossy())
            .map(|read| read.daemon().clone())
            .map_err(one),
        None => Ok(DaemonSettings::default()),
    }
}

fn not_for_a_project(settings: &Settings, user_config: &Path) -> Problem {
    settings
        .problem_of_daemon("a project doesn't set the daemon's numbers")
        .mend(format!("set it in {}", user_config.display()))
}

fn apply_settings(sources: &mut [Source], settings: &Settings) -> Result<(), LoadError> {
    for (name, overrides) in settings.agents() {
        match sources.iter_mut().find(|source| source.spec.name == *name) {
            Some(source) => {
                overrides.apply(&mut source.spec);
                source.settings.push(settings.clone());
            }
            None => return Err(one(unknown_agent(settings, name, sources))),
        }
    }
    Ok(())
}

fn unknown_agent(settings: &Settings, name: &AgentName, sources: &[Source]) -> Problem {
    let known: Vec<&str> = sources.iter().map(|source| source.spec.name.as_str()).collect();
    let problem = settings.problem(name, "", format!("there is no agent `{name}` here"));
    match nearest(name.as_str(), &known) {
        Some(near) => problem.mend(format!("did you mean `{near}`?")),
        None => problem.mend(format!("the agents are: {}", known.join(", "))),
    }
}

fn check(sources: &[Source], specs: &[AgentSpec], check_limits: CheckLimits<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(found) = onboard_scheduler::validate(specs, &HostZones::default()) {
        problems.extend(found.into_iter().filter_map(|found| {
            let source = sources.iter().find(|source| source.spec.name == found.agent)?;
            let path = match found.index {
                Some(index) => format!("{}[{index}]", found.field),
                None => found.field.to_string(),
            };
            let problem = source.problem(&path, &found.message);
            Some(match found.suggestion {
                Some(suggestion) => problem.mend(format!("did you mean `{suggestion}`?")),
                None => problem,
            })
        }));
    }
    let mut checkers = sources.iter().filter(|source| source.spec.checks_proposals);
    if let Some(one_more) = checkers.nth(proposal::bounds::CHECKERS) {
        let most = proposal::bounds::CHECKERS;
        let message = format!("at most {most} agents of a project check proposals");
        problems.push(one_more.problem("checks_proposals", &message));
    }
    for source in sources {
        let found = check_limits(&source.spec);
        problems.extend(found.iter().map(|(path, message)| source.problem(path, message)));
    }
    problems
}

impl Source {
    /// A problem with a value, at the strongest file that sets it.
    fn problem(&self, path: &str, message: &str) -> Problem {
        let set_by =
            self.settings.iter().rev().find(|settings| settings.sets(&self.spec.name, path));
        match set_by {
            Some(settings) => settings.problem(&self.spec.name, path, message),
            None => self.manifest.problem(path, message),
        }
    }
}
