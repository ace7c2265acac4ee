//! What a run may have: the data a caller fills in, and its check.

use crate::layer::Layer;
use crate::network::Network;
use std::fmt;
use std::path::PathBuf;

/// Where the project is seen inside the sandbox.
pub const PROJECT_DIR: &str = "/project";
/// Where extra read-only folders are seen inside the sandbox, one entry each.
pub const APP_DIR: &str = "/app";
/// The number under which the agent finds the socket to its host.
pub const HOST_FD: i32 = 3;

/// Variables the sandbox itself sets; a profile may not.
const RESERVED_VARIABLES: [&str; 2] = ["AI_ONBOARD_HOST_FD", "AI_ONBOARD_PROJECT"];

/// Arguments and variables of one program: far above any real command line, and low enough that
/// the whole specification fits a few messages.
const MAX_TEXT: usize = 256 * 1024;
/// Masks, and extra folders, of one run: each costs a mount, some twenty microseconds of start.
const MAX_MOUNTS: usize = 512;
const _: () = assert!(onboard_policy::layer::FORBIDDEN < MAX_MOUNTS);
/// A name becomes a folder's name; the kernel allows 255 bytes.
const MAX_NAME: usize = 100;

/// Everything one run may have. What is not in here, the run has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which installation this is: the first part of its control groups' names.
    pub instance: String,
    /// Which run this is: the second part; unique among living runs of the instance.
    pub run: String,
    /// Program and arguments; the program is an absolute path as seen inside.
    pub argv: Vec<String>,
    /// The whole environment but for the two variables the sandbox adds.
    pub env: Vec<(String, String)>,
    /// The project's folder on the host, seen read-only as [`PROJECT_DIR`].
    pub project: PathBuf,
    /// Paths below the project that must not be readable, relative to it.
    ///
    /// One that does not exist when the run starts can't be masked (nothing is ever created in the
    /// project): the run sees the folder that it would appear in with the names that are there now.
    pub forbidden: Vec<String>,
    /// Programs that may not be started, by name: their files are masked, and whatever is started
    /// by such a name is refused.
    pub forbidden_commands: Vec<String>,
    /// Further folders or files of the host, seen read-only below [`APP_DIR`].
    pub read_only: Vec<ReadOnly>,
    /// The ends of its network, which the caller gets ([`crate::Running::take_network`]); `None`:
    /// it has no network, and can make no socket.
    pub network: Option<Network>,
    pub limits: Limits,
    /// Its `/tmp` is where it works: what it makes there may be executed.
    pub works_in_tmp: bool,
    /// Layers that must be enforced by the kernel; a degraded form refuses the launch.
    pub must_enforce: Vec<Layer>,
}

/// A folder or file of the host, seen read-only as `/app/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOnly {
    pub host: PathBuf,
    pub name: String,
}

/// What one run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor time, in percent of one core.
    pub cpu_percent: u32,
    /// Memory of all processes and of `/tmp` together, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads alive at once.
    pub pids: u32,
    /// Size of any one file written, in bytes.
    pub file_bytes: u64,
    /// Files open at once in one process.
    pub open_files: u64,
    /// Size of `/tmp`, in bytes.
    pub tmp_bytes: u64,
    /// Reads a second from each disk behind the visible folders; `None`: not limited.
    pub reads_per_second: Option<u32>,
}

impl Default for Limits {
    /// The policy's defaults: a tenth of a core, 512 MiB, files of 10 MiB, 100 operations a second;
    /// 128 processes hold a build tool's helpers and stop a fork bomb; 1024 open files is the usual
    /// soft limit; a `/tmp` of 64 MiB leaves most of the memory to the program.
    fn default() -> Self {
        Self {
            cpu_percent: 10,
            memory_bytes: 512 << 20,
            pids: 128,
            file_bytes: 10 << 20,
            open_files: 1024,
            tmp_bytes: 64 << 20,
            reads_per_second: Some(100),
        }
    }
}

/// Why a profile cannot be used.
#[derive(Debug)]
pub enum ProfileError {
    /// A name is empty, too long or has characters outside `a-z A-Z 0-9 - _ .`.
    Name(String),
    /// The program is not an absolute path.
    Program(String),
    /// A variable has an empty name, `=` in its name, or is one the sandbox sets.
    Variable(String),
    /// A forbidden path is empty, absolute, or has `.` or `..` in it.
    ForbiddenShape(String),
    /// A forbidden path is a symlink or leads through one.
    ForbiddenSymlink(String),
    /// A forbidden file has further names, hard links, which a mask over this one does not cover.
    ForbiddenLinked(String, u64),
    /// A file in a forbidden folder has a name that is not forbidden; both.
    ForbiddenSecondName(String, String),
    /// A folder that is seen beside the project shows a forbidden path without its mask; both.
    ForbiddenShown(String, PathBuf),
    /// A folder that is seen beside the project is not where it is said to be; where it is.
    Linked(PathBuf, PathBuf),
    /// What was judged is not there any more: something else has its name.
    Replaced(PathBuf),
    /// A forbidden path cannot be looked at.
    ForbiddenUnreadable(String, std::io::Error),
    /// A path of the host is not absolute, not UTF-8, or cannot be resolved.
    HostPath(PathBuf, std::io::Error),
    /// A text has a NUL byte.
    Nul(String),
    /// More text, masks or folders than a run may have.
    TooMuch(&'static str),
    /// A limit outside the range in which it means something.
    Limit(&'static str, u64),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "{name:?} is no name: 1 to {MAX_NAME} of letters, digits, '-', '_', '.', not starting with '.'"
            ),
            Self::Program(path) => write!(f, "program {path:?} is not an absolute path"),
            Self::Variable(name) => write!(f, "environment variable {name:?} cannot be set"),
            Self::ForbiddenShape(path) => write!(
                f,
                "forbidden path {path:?} must be relative to the project, without '.' and '..'"
            ),
            Self::ForbiddenSymlink(path) => {
                write!(f, "forbidden path {path:?} is a symlink or leads through one")
            }
            Self::ForbiddenLinked(path, names) => write!(
                f,
                "forbidden file {path:?} has {names} names (hard links), and can be read by the others: give it a copy of its own"
            ),
            Self::ForbiddenSecondName(path, other) => write!(
                f,
                "forbidden file {path:?} can be read as {other:?} too (a hard link): give it a copy of its own, or forbid both"
            ),
            Self::ForbiddenShown(path, folder) => write!(
                f,
                "forbidden path {path:?} would be seen by another name, in {}",
                folder.display()
            ),
            Self::Linked(path, real) => write!(
                f,
                "{} is a link or leads through one, to {}: name the folder itself",
                path.display(),
                real.display()
            ),
            Self::Replaced(path) => write!(
                f,
                "something else has the name {} since it was looked at: leave it alone while a run starts",
                path.display()
            ),
            Self::ForbiddenUnreadable(path, error) => {
                write!(f, "forbidden path {path:?} cannot be looked at: {error}")
            }
            Self::HostPath(path, error) => {
                write!(f, "host path {} cannot be used: {error}", path.display())
            }
            Self::Nul(text) => write!(f, "{text:?} has a NUL byte"),
            Self::TooMuch(what) => write!(f, "too many {what} for one run"),
            Self::Limit(name, value) => write!(f, "limit {name} cannot be {value}"),
        }
    }
}

impl std::error::Error for ProfileError {}

impl Profile {
    /// Checks everything that can be checked without looking at the host.
    pub fn check(&self) -> Result<(), ProfileError> {
        for name in
            [&self.instance, &self.run].into_iter().chain(self.read_only.iter().map(|r| &r.name))
        {
            check_name(name)?;
        }
        self.check_program()?;
        if self.forbidden.len() > MAX_MOUNTS || self.read_only.len() > MAX_MOUNTS {
            return Err(ProfileError::TooMuch("masks or folders"));
        }
        self.forbidden.iter().try_for_each(|path| check_forbidden(path))?;
        self.network.as_ref().map_or(Ok(()), Network::check)?;
        self.limits.check()
    }

    fn check_program(&self) -> Result<(), ProfileError> {
        let program = self.argv.first().map_or("", String::as_str);
        if !program.starts_with('/') {
            return Err(ProfileError::Program(program.into()));
        }
        for (name, _) in &self.env {
            if name.is_empty() || name.contains('=') || RESERVED_VARIABLES.contains(&name.as_str())
            {
                return Err(ProfileError::Variable(name.clone()));
            }
        }
        let variables = self.env.iter().flat_map(|(k, v)| [k, v]);
        let mut total = 0;
        for text in self.argv.iter().chain(variables) {
            total += text.len();
            if text.contains('\0') {
                return Err(ProfileError::Nul(text.clone()));
            }
        }
        if total > MAX_TEXT { Err(ProfileError::TooMuch("arguments or variables")) } else { Ok(()) }
    }
}

impl Limits {
    fn check(&self) -> Result<(), ProfileError> {
        /// Below this an interpreter cannot start, and the group would only ever report OOM.
        const LEAST_MEMORY: u64 = 4 << 20;
        let ranges = [
            ("cpu_percent", u64::from(self.cpu_percent), 1, 100 * 1024),
            ("memory_bytes", self.memory_bytes, LEAST_MEMORY, i64::MAX as u64),
            ("pids", u64::from(self.pids), 2, 4 << 20),
            ("file_bytes", self.file_bytes, 0, i64::MAX as u64),
            // Descriptors 0 to 3 and the few the loader opens.
            ("open_files", self.open_files, 8, 1 << 20),
            ("tmp_bytes", self.tmp_bytes, 4096, i64::MAX as u64),
            ("reads_per_second", u64::from(self.reads_per_second.unwrap_or(1)), 1, u64::MAX),
        ];
        match ranges.iter().find(|(_, value, least, most)| value < least || value > most) {
            Some((name, value, ..)) => Err(ProfileError::Limit(name, *value)),
            None => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<(), ProfileError> {
    let fits = !name.is_empty() && name.len() <= MAX_NAME && !name.starts_with('.');
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits && plain { Ok(()) } else { Err(ProfileError::Name(name.into())) }
}

fn check_forbidden(path: &str) -> Result<(), ProfileError> {
    if path.contains('\0') {
        return Err(ProfileError::Nul(path.into()));
    }
    // A trailing slash says "folder" and is harmless; an empty part elsewhere is a slip.
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if trimmed.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(ProfileError::ForbiddenShape(path.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn profile() -> Profile {
        Profile {
            instance: "i".into(),
            run: "r-1".into(),
            argv: vec!["/bin/true".into()],
            env: Vec::new(),
            project: "/p".into(),
            forbidden: Vec::new(),
            forbidden_commands: Vec::new(),
            read_only: Vec::new(),
            network: None,
            limits: Limits::default(),
            works_in_tmp: false,
            must_enforce: Vec::new(),
        }
    }

    fn check(changes: &[fn(&mut Profile)], expect: Expect) {
        let lines: Vec<String> = changes
            .iter()
            .map(|change| {
                let mut profile = profile();
                change(&mut profile);
                match profile.check() {
                    Ok(()) => "fits\n".to_owned(),
                    Err(e) => format!("{e}\n"),
                }
            })
            .collect();
        expect.assert_eq(&lines.concat());
    }

    #[test]
    fn names_what_does_not_fit() {
        check(
            &[
                |_| {},
                |p| p.run = "../escape".into(),
                |p| p.instance = String::new(),
                |p| p.argv = vec!["sh".into()],
                |p| p.argv.clear(),
                |p| p.argv.push("a\0b".into()),
                |p| p.env.push(("AI_ONBOARD_HOST_FD".into(), "9".into())),
                |p| p.env.push(("A=B".into(), String::new())),
                |p| p.argv.push("x".repeat(MAX_TEXT)),
                |p| p.limits.cpu_percent = 0,
                |p| p.limits.memory_bytes = 1,
            ],
            expect![[r#"
                fits
                "../escape" is no name: 1 to 100 of letters, digits, '-', '_', '.', not starting with '.'
                "" is no name: 1 to 100 of letters, digits, '-', '_', '.', not starting with '.'
                program "sh" is not an absolute path
                program "" is not an absolute path
                "a\0b" has a NUL byte
                environment variable "AI_ONBOARD_HOST_FD" cannot be set
                environment variable "A=B" cannot be set
                too many arguments or variables for one run
                limit cpu_percent cannot be 0
                limit memory_bytes cannot be 1
            "#]],
        );
    }

    #[test]
    fn refuses_forbidden_paths_that_could_point_elsewhere() {
        check(
            &[
                |p| p.forbidden = vec!["secrets/".into(), "a/b c".into()],
                |p| p.forbidden = vec!["/etc".into()],
                |p| p.forbidden = vec!["a/../../etc".into()],
                |p| p.forbidden = vec![".".into()],
                |p| p.forbidden = vec![String::new()],
                |p| p.forbidden = vec!["a//b".into()],
                |p| p.forbidden = vec!["a\0".into()],
            ],
            expect![[r#"
                fits
                forbidden path "/etc" must be relative to the project, without '.' and '..'
                forbidden path "a/../../etc" must be relative to the project, without '.' and '..'
                forbidden path "." must be relative to the project, without '.' and '..'
                forbidden path "" must be relative to the project, without '.' and '..'
                forbidden path "a//b" must be relative to the project, without '.' and '..'
                "a\0" has a NUL byte
            "#]],
        );
    }
}
