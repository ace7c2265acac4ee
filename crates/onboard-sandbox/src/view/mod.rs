//! What a run may do, asked before there is one: the plan that would build its walls, and the
//! judge of its system calls, are asked about one path or program. Nothing is started.

mod walk;

use crate::cgroup::Layout;
use crate::launch::{LaunchError, plan};
use crate::layer::Layer;
use crate::notify::Rules;
use crate::notify::call::{Call, Kind};
use crate::notify::judge::{forbidden_name, judge, rule_of};
use crate::notify::look::{Seen, normal};
use crate::plan::{Plan, Step};
use crate::profile::{PROJECT_DIR, Profile};
use crate::sys::mount::attr;
use onboard_domain::violation::Rule;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use walk::{Files, Found};

/// Programs that interpret one another that the kernel follows.
const INTERPRETERS: u32 = 5;
/// Bytes of a script in which the kernel looks for its interpreter.
const FIRST_LINE: u64 = 256;
/// Arguments that the notifier looks at.
const ARGUMENTS: usize = 8;

/// What a run with one profile would be shown and refused.
#[derive(Debug)]
pub struct View {
    plan: Plan,
    rules: Rules,
}

/// What comes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    /// Nothing is in the way, and nothing is there.
    Missing,
    Denied,
    /// Only the run itself can find out.
    Unknown,
}

/// What comes of an attempt, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Outcome,
    /// The rule that a record of the attempt would name; `None` where it is no rule's doing.
    pub rule: Option<Rule>,
    pub why: String,
    /// What the path turned out to be, by its name inside.
    pub is: String,
    /// The policy's own entry that decided.
    pub entry: Option<String>,
}

impl Answer {
    fn new(outcome: Outcome, is: &str, why: impl Into<String>) -> Answer {
        let is = if is.is_empty() { "/" } else { is };
        Answer { outcome, rule: None, why: why.into(), is: is.into(), entry: None }
    }

    fn by(self, rule: Rule) -> Answer {
        Answer { rule: Some(rule), ..self }
    }
}

use Outcome::{Allowed, Denied, Missing, Unknown};

impl View {
    /// The view of a run with this profile on this host.
    ///
    /// # Errors
    /// What would refuse the launch: then nothing may be done at all.
    pub fn of(profile: &Profile, layout: &Layout) -> Result<View, LaunchError> {
        Ok(View { plan: plan(profile, layout)?, rules: Rules::of(profile) })
    }

    /// Whether the run may read what is at `path`, which it means from the project's folder unless
    /// it is absolute.
    pub fn may_read(&self, path: &str) -> Answer {
        let files = Files::of(&self.plan);
        let found = files.find(path);
        match &found {
            Found::Host { path, meta, attributes, .. } => {
                let kind = meta.file_type();
                let is_device = kind.is_char_device() || kind.is_block_device();
                if is_device && attributes & attr::NO_DEV != 0 {
                    return Answer::new(Denied, path, "devices can't be opened there");
                }
                if kind.is_socket() {
                    return Answer::new(Denied, path, "a socket can't be read as a file");
                }
                match files.may(meta, 4) {
                    true => Answer::new(Allowed, path, self.seen_as(path)),
                    false => closed(path, meta.mode()),
                }
            }
            Found::Made { path, mode, .. } => match mode & 0o400 {
                0 => closed(path, *mode),
                _ => Answer::new(Allowed, path, "the sandbox has its own"),
            },
            Found::Private { path } if path == "/tmp" => {
                Answer::new(Allowed, path, "a run's own folder, in memory")
            }
            Found::Private { path } => {
                Answer::new(Missing, path, "a run's own folder, in memory and empty at its start")
            }
            Found::Processes { path } if path == "/proc" => {
                Answer::new(Allowed, path, "its own processes, and nothing else of the kernel's")
            }
            Found::Nothing { path, is_seen: true } => match self.forbidden(path) {
                Some(entry) => absent(path, entry),
                None => Answer::new(
                    Missing,
                    path,
                    format!("{}; nothing is there now", self.seen_as(path)),
                ),
            },
            found => self.refused(&files, found, Rule::OutsidePath),
        }
    }

    /// Whether the run may write the file at `path`, or make it.
    pub fn may_write(&self, path: &str) -> Answer {
        let files = Files::of(&self.plan);
        let found = files.find(path);
        match &found {
            Found::Private { path } => {
                Answer::new(Allowed, path, "a run's own folder, in memory; it goes with the run")
            }
            Found::Host { path, meta, .. }
                if meta.file_type().is_char_device() && path.starts_with("/dev/") =>
            {
                match files.may(meta, 2) {
                    true => Answer::new(Allowed, path, "a device that keeps nothing"),
                    false => closed(path, meta.mode()),
                }
            }
            Found::Processes { path } if self.has_landlock() => {
                Answer::new(Denied, path, NOT_WRITABLE).by(Rule::OutsidePath)
            }
            Found::Host { path, .. } | Found::Nothing { path, is_seen: true } => {
                match rule_of(path.as_bytes(), &self.rules) {
                    Rule::ForbiddenPath => absent(path, self.forbidden(path).unwrap_or_default()),
                    rule => Answer::new(Denied, path, NOT_WRITABLE).by(rule),
                }
            }
            Found::Made { path, .. } => {
                Answer::new(Denied, path, NOT_WRITABLE).by(rule_of(path.as_bytes(), &self.rules))
            }
            found => self.refused(&files, found, Rule::OutsidePath),
        }
    }

    /// Whether the run may start a program by these words; a bare name is looked for as programs
    /// do, in the folders of the run's `PATH`.
    pub fn may_exec(&self, words: &[String]) -> Answer {
        let files = Files::of(&self.plan);
        let program = words.first().map_or("", String::as_str);
        let mut last = Answer::new(Missing, program, "there is no such program in the sandbox");
        for path in self.candidates(program) {
            let answer = self.may_exec_at(&files, &path, words);
            match answer.outcome {
                Missing => {}
                // A search goes on where a file is closed, and the first that starts is it.
                Denied if answer.rule.is_none() => last = answer,
                _ => return answer,
            }
        }
        last
    }

    fn may_exec_at(&self, files: &Files<'_>, path: &str, words: &[String]) -> Answer {
        let found = files.find(path);
        if let Some(answer) = self.refused_by_name(path, &found, words) {
            return answer;
        }
        self.may_start(files, found, 0)
    }

    /// The judgement of the system call, where calls are heard of.
    fn refused_by_name(&self, path: &str, found: &Found, words: &[String]) -> Option<Answer> {
        if !self.plan.is_watched() {
            return None;
        }
        let absolute = match path.starts_with('/') {
            true => path.to_string(),
            false => format!("{PROJECT_DIR}/{path}"),
        };
        let is_there = !matches!(found, Found::Nothing { .. } | Found::Endless);
        let seen = Seen {
            raw: Some(path.into()),
            path: Some(normal(absolute.as_bytes())),
            resolved: is_there.then(|| found.path().into()),
            arguments: words.iter().take(ARGUMENTS).map(|word| word.clone().into()).collect(),
            writes: true,
            ..Seen::default()
        };
        let kind = Kind::Execute { folder: None, path: 0, arguments: 1 };
        let verdict = judge(Call { name: "execve", kind }, &seen, &self.rules);
        verdict.errno?;
        let name = forbidden_name(&seen, &self.rules).unwrap_or_default();
        let is = if is_there { found.path() } else { words.first().map_or(path, String::as_str) };
        Some(forbidden_command(is, &String::from_utf8_lossy(name)))
    }

    /// Whether the kernel would start what was found.
    fn may_start(&self, files: &Files<'_>, found: Found, depth: u32) -> Answer {
        match &found {
            Found::Host { path, host, meta, attributes } => {
                if !meta.is_file() {
                    return Answer::new(Denied, path, "no file that could be a program");
                }
                if attributes & attr::NO_EXEC != 0 {
                    return Answer::new(Denied, path, "nothing there can be started");
                }
                if !files.may(meta, 1) {
                    return closed(path, meta.mode());
                }
                match interpreter(host) {
                    Some(_) if depth == INTERPRETERS => {
                        Answer::new(Denied, path, "scripts that interpret one another too deeply")
                    }
                    Some(other) => {
                        let by = self.may_start(files, files.find(&other), depth + 1);
                        match by.outcome {
                            Allowed => {
                                Answer::new(Allowed, path, format!("a script for {}", by.is))
                            }
                            _ => Answer {
                                outcome: Denied,
                                why: format!("a script for {other}: {}", by.why),
                                ..by
                            },
                        }
                    }
                    None => Answer::new(Allowed, path, "a program that it sees"),
                }
            }
            Found::MaskedProgram { path } => {
                let name = path.rsplit('/').next().unwrap_or_default();
                forbidden_command(path, name)
            }
            Found::Private { path } if self.rules.works_in_tmp => {
                Answer::new(Unknown, path, "what is there is the run's own and made with it")
            }
            Found::Private { path } => {
                Answer::new(Denied, path, "nothing can be started from a run's own folder")
                    .by(Rule::UnusualExec)
            }
            Found::Made { path, .. } => Answer::new(Denied, path, "no program"),
            Found::Nothing { path, .. } => {
                Answer::new(Missing, path, "there is no such program in the sandbox")
            }
            found => self.refused(files, found, Rule::OutsidePath),
        }
    }

    /// What every kind of attempt runs into.
    fn refused(&self, files: &Files<'_>, found: &Found, rule: Rule) -> Answer {
        match found {
            Found::Masked { path } => {
                // A file system that takes both cases for one said that this is the file.
                let spelled = self.forbidden(path);
                forbidden_path(path, spelled.or_else(|| self.forbidden(&path.to_lowercase())))
            }
            Found::MaskedProgram { path } => {
                forbidden_command(path, path.rsplit('/').next().unwrap_or_default())
            }
            Found::Closed { path } => {
                Answer::new(Denied, path, "closed to the user that runs are on this machine")
            }
            Found::Endless => Answer::new(Denied, "", "links in a circle, or a path too long"),
            Found::Processes { path } => {
                Answer::new(Unknown, path, "what is there is the run's own and made with it")
            }
            Found::Unknown { path, error } => {
                Answer::new(Unknown, path, format!("it can't be looked at: {error}"))
            }
            found => {
                let path = found.path();
                let mut why =
                    "not there inside: a run sees the project, programs and libraries of \
                               this machine, and nothing else of it"
                        .to_string();
                if let Ok(rest) = Path::new(path).strip_prefix(files.project()) {
                    let rest = rest.to_string_lossy();
                    why = format!(
                        "not there inside, where the project is {PROJECT_DIR}: ask for `{rest}`"
                    );
                }
                Answer::new(Denied, path, why).by(rule)
            }
        }
    }

    /// The forbidden path of the policy that is `path` or above it.
    fn forbidden(&self, path: &str) -> Option<&str> {
        let inside = path.strip_prefix(PROJECT_DIR)?.strip_prefix('/')?;
        self.rules.forbidden.over(inside.as_bytes())
    }

    fn candidates(&self, program: &str) -> Vec<String> {
        if program.contains('/') || program.is_empty() {
            return vec![program.into()];
        }
        let path = self.plan.steps.iter().find_map(|step| match step {
            Step::Execute { env, .. } => env.iter().find(|(name, _)| name == "PATH"),
            _ => None,
        });
        let folders = path.map_or("/usr/bin:/bin", |(_, folders)| folders);
        folders.split(':').map(|folder| format!("{folder}/{program}")).collect()
    }

    fn has_landlock(&self) -> bool {
        self.plan.steps.iter().any(|step| step.layer() == Layer::Landlock)
    }

    fn seen_as(&self, path: &str) -> &'static str {
        match path.starts_with(PROJECT_DIR) {
            true => "part of the project",
            false => "programs and libraries, and what they need",
        }
    }
}

const NOT_WRITABLE: &str = "a run can write in its own /tmp only; what it wants changed in the \
                            project it proposes as a patch";

fn forbidden_path(path: &str, entry: Option<&str>) -> Answer {
    let why = "in forbidden_paths: it can be neither read nor listed";
    Answer {
        entry: entry.map(Into::into),
        ..Answer::new(Denied, path, why).by(Rule::ForbiddenPath)
    }
}

/// A forbidden path where there is nothing yet.
fn absent(path: &str, entry: &str) -> Answer {
    let why = "in forbidden_paths; nothing is there now";
    Answer { entry: Some(entry.into()), ..Answer::new(Denied, path, why).by(Rule::ForbiddenPath) }
}

fn forbidden_command(is: &str, name: &str) -> Answer {
    let why = "in forbidden_commands";
    let answer = Answer::new(Denied, is, why).by(Rule::ForbiddenCommand);
    Answer { entry: Some(name.into()), ..answer }
}

fn closed(path: &str, mode: u32) -> Answer {
    let mode = mode & 0o7777;
    let why = format!("its mode {mode:03o} closes it to the user that runs are on this machine");
    Answer::new(Denied, path, why)
}

/// What a script names as its interpreter; `None`: no script, or it can't be read.
fn interpreter(host: &Path) -> Option<String> {
    let mut first = Vec::new();
    File::open(host).ok()?.take(FIRST_LINE).read_to_end(&mut first).ok()?;
    let line = first.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.split_ascii_whitespace().next().map(Into::into)
}
