//! Where a path leads behind the walls: a plan and the host's files, walked as the kernel would.

use crate::host::is_missing;
use crate::plan::{PROJECT_SLOT, Plan, Step};
use crate::profile::PROJECT_DIR;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Links that the kernel follows in one path.
const LINKS: u32 = 40;
/// Bytes of a path that the kernel takes, without the final NUL.
const PATH: usize = 4095;

/// What is at a path, by the sandbox's own name for it.
#[derive(Debug)]
pub enum Found {
    /// A file of the host; `attributes` are those of the mount that it is seen through.
    Host { path: String, host: PathBuf, meta: Box<Metadata>, attributes: u64 },
    /// A file or folder of the sandbox's own.
    Made { path: String, mode: u32, is_folder: bool },
    /// A forbidden path of the project, or something below it.
    Masked { path: String },
    /// A forbidden program of the system.
    MaskedProgram { path: String },
    /// The run's own `/tmp`, or something below it.
    Private { path: String },
    /// What the kernel tells of the run's own processes.
    Processes { path: String },
    /// Nothing. `is_seen`: it would be in a tree that the run sees.
    Nothing { path: String, is_seen: bool },
    /// A folder on the way, or the file, is closed to the user that the run is.
    Closed { path: String },
    /// Links that lead in a circle, or a path too long.
    Endless,
    /// The host can't say.
    Unknown { path: String, error: io::Error },
}

impl Found {
    /// The path by which it was found.
    pub fn path(&self) -> &str {
        match self {
            Found::Host { path, .. }
            | Found::Made { path, .. }
            | Found::Masked { path }
            | Found::MaskedProgram { path }
            | Found::Private { path }
            | Found::Processes { path }
            | Found::Nothing { path, .. }
            | Found::Closed { path }
            | Found::Unknown { path, .. } => path,
            Found::Endless => "",
        }
    }
}

/// One entry, its own links not followed.
enum Entry {
    Link(String),
    Is(Found),
}

/// The sandbox's files as a plan lays them out.
pub struct Files<'a> {
    plan: &'a Plan,
    trees: Vec<Tree<'a>>,
    masks: Vec<Mask<'a>>,
    user: User,
}

struct Tree<'a> {
    source: &'a str,
    target: &'a str,
    attributes: u64,
}

struct Mask<'a> {
    path: &'a str,
    /// Device and number of what is there: a file system may know it by other spellings.
    is: Option<(u64, u64)>,
}

impl<'a> Files<'a> {
    /// What the plan lays out.
    pub fn of(plan: &'a Plan) -> Files<'a> {
        let trees = trees(plan);
        let project = trees.first().map_or("", |tree| tree.source);
        let mask = |step: &'a Step| match step {
            Step::Mask { path, .. } => {
                let meta = std::fs::symlink_metadata(Path::new(project).join(path)).ok();
                Some(Mask { path, is: meta.map(|meta| (meta.dev(), meta.ino())) })
            }
            _ => None,
        };
        Files {
            plan,
            masks: plan.steps.iter().filter_map(mask).collect(),
            user: User::of(plan),
            trees,
        }
    }

    /// The project's folder on the host.
    pub fn project(&self) -> &str {
        self.trees.first().map_or("", |tree| tree.source)
    }

    /// What is at `path`, which is meant from the project's folder unless it is absolute.
    pub fn find(&self, path: &str) -> Found {
        if path.len() > PATH {
            return Found::Endless;
        }
        let mut todo: Vec<String> = path.split('/').rev().map(Into::into).collect();
        let start = if path.starts_with('/') { "" } else { PROJECT_DIR };
        let mut here = self.found(start);
        let mut links = 0;
        while let Some(part) = todo.pop() {
            let at = match self.enter(&here) {
                Ok(at) => at,
                Err(None) => return with_rest(here, &part, &todo),
                Err(Some(ended)) => return ended,
            };
            let next = match part.as_str() {
                "" | "." => at.clone(),
                ".." => at.rsplit_once('/').map_or_else(String::new, |(above, _)| above.into()),
                name => format!("{at}/{name}"),
            };
            here = match self.entry(&next) {
                Entry::Is(found) => found,
                Entry::Link(_) if links == LINKS => return Found::Endless,
                Entry::Link(target) => {
                    links += 1;
                    todo.extend(target.split('/').rev().map(String::from));
                    self.found(if target.starts_with('/') { "" } else { &at })
                }
            };
        }
        here
    }

    /// What is at a path that is known to be no link.
    fn found(&self, path: &str) -> Found {
        match self.entry(path) {
            Entry::Is(found) => found,
            Entry::Link(_) => Found::Endless,
        }
    }

    /// The folder that a walk goes on from; `Err`: it ends here, with what is given or this itself.
    fn enter(&self, found: &Found) -> Result<String, Option<Found>> {
        let nothing = |path: &str| Found::Nothing { path: path.into(), is_seen: true };
        match found {
            Found::Host { path, meta, .. } if meta.is_dir() => match self.user.may(meta, 1) {
                true => Ok(path.clone()),
                false => Err(Some(Found::Closed { path: path.clone() })),
            },
            Found::Made { path, is_folder: true, mode } => match mode & 0o100 {
                0 => Err(Some(Found::Closed { path: path.clone() })),
                _ => Ok(path.clone()),
            },
            Found::Host { path, .. } | Found::Made { path, .. } => Err(Some(nothing(path))),
            Found::Private { path } | Found::Processes { path } => Ok(path.clone()),
            _ => Err(None),
        }
    }

    /// What the sandbox has at this very path, which has no link, `.` or `..` before its last part.
    fn entry(&self, path: &str) -> Entry {
        let is = |found| Entry::Is(found);
        let owned = || path.to_string();
        if path == "/tmp" || path.starts_with("/tmp/") {
            return is(Found::Private { path: owned() });
        }
        if path == "/proc" || path.starts_with("/proc/") {
            return self.process(path);
        }
        if let Some(inside) = path.strip_prefix(PROJECT_DIR).and_then(|p| p.strip_prefix('/'))
            && self.masks.iter().any(|mask| mask.path == inside && mask.is.is_some())
        {
            return is(Found::Masked { path: owned() });
        }
        for step in &self.plan.steps {
            match step {
                Step::MaskProgram { path: program } if program == path => {
                    return is(Found::MaskedProgram { path: owned() });
                }
                Step::MakeLink { path: link, target } if link == path => {
                    return Entry::Link(target.clone());
                }
                _ => {}
            }
        }
        if let Some(entry) = self.of_host(path) {
            return entry;
        }
        is(self.made(path))
    }

    /// What a tree of the host has there, if one reaches so far.
    fn of_host(&self, path: &str) -> Option<Entry> {
        let rest = |tree: &Tree<'_>| {
            let rest = path.strip_prefix(tree.target)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').len())
        };
        let reaching = self.trees.iter().filter_map(|tree| Some((rest(tree)?, tree)));
        let (left, tree) = reaching.min_by_key(|(left, _)| *left)?;
        let host = match left {
            0 => PathBuf::from(tree.source),
            _ => Path::new(tree.source).join(&path[path.len() - left..]),
        };
        let path = path.to_string();
        Some(match std::fs::symlink_metadata(&host) {
            Ok(meta) if meta.is_symlink() => match std::fs::read_link(&host) {
                Ok(target) => match target.into_os_string().into_string() {
                    Ok(target) => Entry::Link(target),
                    Err(_) => Entry::Is(Found::Unknown {
                        path,
                        error: io::Error::other("a link that is no text"),
                    }),
                },
                Err(error) => Entry::Is(Found::Unknown { path, error }),
            },
            Ok(meta) if self.is_masked_by_another_name(&meta, &path) => {
                Entry::Is(Found::Masked { path })
            }
            Ok(meta) => Entry::Is({
                let (meta, attributes) = (Box::new(meta), tree.attributes);
                Found::Host { path, host, meta, attributes }
            }),
            Err(error) if is_missing(&error) => Entry::Is(Found::Nothing { path, is_seen: true }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Entry::Is(Found::Closed { path })
            }
            Err(error) => Entry::Is(Found::Unknown { path, error }),
        })
    }

    /// On a file system that takes letters of both cases for one, a mask lies over every spelling.
    fn is_masked_by_another_name(&self, meta: &Metadata, path: &str) -> bool {
        let Some(inside) = path.strip_prefix(PROJECT_DIR) else { return false };
        let inside = inside.trim_start_matches('/').to_lowercase();
        let is = Some((meta.dev(), meta.ino()));
        self.masks.iter().any(|mask| mask.is == is && mask.path.to_lowercase() == inside)
    }

    /// What the plan makes there itself.
    fn made(&self, path: &str) -> Found {
        let folder = |mode| Found::Made { path: path.into(), mode, is_folder: true };
        let below = |made: &str| made.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        for step in &self.plan.steps {
            match step {
                Step::MakeDir { path: made, mode } if made == path => return folder(*mode),
                Step::MakeFile { path: made, mode, .. } if made == path => {
                    return Found::Made { path: path.into(), mode: *mode, is_folder: false };
                }
                Step::MakeDir { path: made, .. } | Step::MakeFile { path: made, .. }
                    if below(made) =>
                {
                    return folder(0o755);
                }
                _ => {}
            }
        }
        if path.is_empty() || self.trees.iter().any(|tree| below(tree.target)) {
            return folder(0o755);
        }
        Found::Nothing { path: path.into(), is_seen: false }
    }

    /// The names by which a process reaches its own places; the rest is not known before it runs.
    fn process(&self, path: &str) -> Entry {
        let has_proc = self.plan.steps.iter().any(|step| matches!(step, Step::MountProc { .. }));
        // It is mounted with processes alone, nothing of the kernel's.
        let first = path.split('/').nth(2).unwrap_or("self");
        let is_process = ["self", "thread-self"].contains(&first)
            || first.bytes().all(|byte| byte.is_ascii_digit());
        if !has_proc || !is_process {
            return Entry::Is(Found::Nothing { path: path.into(), is_seen: false });
        }
        let own = ["/proc/self/", "/proc/thread-self/"];
        match own.iter().find_map(|own| path.strip_prefix(own)) {
            Some("root") => Entry::Link("/".into()),
            Some("cwd") => Entry::Link(PROJECT_DIR.into()),
            _ => Entry::Is(Found::Processes { path: path.into() }),
        }
    }

    /// Whether the run's user may do this with a file: 4 read, 2 write, 1 execute or search.
    pub fn may(&self, meta: &Metadata, what: u32) -> bool {
        self.user.may(meta, what)
    }
}

/// Where nothing is, the rest of a path is a name only: a rule may forbid it all the same.
fn with_rest(found: Found, part: &str, todo: &[String]) -> Found {
    let Found::Nothing { mut path, is_seen } = found else { return found };
    let rest = [part].into_iter().chain(todo.iter().rev().map(String::as_str));
    for part in rest.take_while(|part| *part != "..").filter(|part| !["", "."].contains(part)) {
        path.push('/');
        path.push_str(part);
    }
    Found::Nothing { path, is_seen }
}

/// Trees of the host, the project's first.
fn trees(plan: &Plan) -> Vec<Tree<'_>> {
    let taken = |wanted: usize| {
        plan.steps.iter().find_map(|step| match step {
            Step::Take { slot, source, attributes, .. } if *slot == wanted => {
                Some((source.as_str(), *attributes))
            }
            _ => None,
        })
    };
    let tree = |step| match step {
        &Step::Attach { slot, ref target } => {
            let (source, attributes) = taken(slot)?;
            Some((slot, Tree { source, target: target.as_str(), attributes }))
        }
        _ => None,
    };
    let mut trees: Vec<(usize, Tree<'_>)> = plan.steps.iter().filter_map(tree).collect();
    trees.sort_by_key(|(slot, _)| *slot != PROJECT_SLOT);
    trees.into_iter().map(|(_, tree)| tree).collect()
}

/// Who the run is on the host. Lists of access beyond a file's mode are not read: with one, the
/// mode's group bits stand for the most that any of its entries gives.
struct User {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl User {
    fn of(plan: &Plan) -> User {
        let mut user = User { uid: u32::MAX, gid: u32::MAX, groups: own_groups() };
        for step in &plan.steps {
            match step {
                Step::MapUser { uid, gid } => (user.uid, user.gid) = (*uid, *gid),
                Step::LeaveGroups => user.groups.clear(),
                _ => {}
            }
        }
        user
    }

    fn may(&self, meta: &Metadata, what: u32) -> bool {
        let class = match (meta.uid(), meta.gid()) {
            (uid, _) if uid == self.uid => 6,
            (_, gid) if gid == self.gid || self.groups.contains(&gid) => 3,
            _ => 0,
        };
        (meta.mode() >> class) & what == what
    }
}

/// Groups of this process beyond its first.
fn own_groups() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    line.split_whitespace().filter_map(|group| group.parse().ok()).collect()
}
