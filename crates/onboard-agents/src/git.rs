//! Reading a repository without running git and without believing its configuration.
//!
//! Nothing here executes a hook, a filter or a helper, writes a byte, or follows a link out of the
//! object store. Damage is an answer, not a panic: each reader says what it could not read.

mod branch_name;
mod ingest;
mod landings;
mod line_count;
mod reflog;
mod rename;
mod revision;
mod tree;
mod walk;

use std::fmt;
use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::odb::pack::cache::lru::MemoryCappedHashmap as DeltaBases;

pub use branch_name::is_kept_apart;
pub use ingest::{Ingest, Wanted, ingest};
pub use landings::{Landing, Landings};
pub use reflog::Checkouts;
pub use tree::{Listing, Scratch, TreeFile, prefix};
pub use walk::{Ancestry, Divergence};

/// Recently decoded trees kept in memory. Neighbouring commits share most of theirs; 32 MiB holds
/// the working set of a project of 50,000 files and leaves the agent's memory limit alone.
const OBJECT_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Recently decoded objects of packs that others are stored as differences to. Without them each
/// object is put together from its chain's beginning.
const DELTA_BASE_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// References listed of one kind; the rest is counted and left alone.
pub const MOST_REFERENCES: usize = 5_000;
/// A `config` file is looked at up to this many bytes for the formats that cannot be read.
const CONFIG_BYTES: u64 = 64 * 1024;

/// Why a repository cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// There is none.
    Absent,
    /// It is one, of a format this reader does not know.
    Unsupported(String),
    /// It should be one and is damaged, or lies out of reach.
    Broken {
        what: String,
        /// What a person may do about it.
        mend: &'static str,
    },
}

impl OpenError {
    /// Damage inside of the repository.
    pub fn broken(what: String) -> Self {
        Self::Broken { what, mend: MEND_OBJECTS }
    }
}

/// What helps against missing and unreadable objects.
pub const MEND_OBJECTS: &str = "Run `git fsck --full`, and restore what is missing from another clone or a backup before committing again.";
const MEND_PROJECT: &str = "Check that the project's folder exists and that the agent may read it.";
const MEND_LINK: &str = "Restore the folder that .git names, or let the agent read it; `git worktree repair` mends a moved work tree.";
const MEND_FOLDER: &str = "Restore the git folder from another clone or a backup; a lost HEAD is one line, `ref: refs/heads/main`.";

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("not a git repository"),
            Self::Unsupported(format) => write!(f, "{format} cannot be read yet"),
            Self::Broken { what, .. } => f.write_str(what),
        }
    }
}

impl std::error::Error for OpenError {}

/// An object that should be there and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub id: ObjectId,
    pub why: String,
}

/// What HEAD says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    Branch(String),
    Detached(ObjectId),
    /// A branch that has no commit yet.
    Unborn(String),
    Broken(String),
}

/// The line of history the project calls its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mainline {
    pub name: String,
    pub tip: ObjectId,
}

/// A branch or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCommit {
    pub name: String,
    pub id: ObjectId,
}

/// References of one kind, at most [`MOST_REFERENCES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    pub list: Vec<NamedCommit>,
    /// How many there are in all.
    pub total: usize,
    /// Whether the list leaves some out.
    pub cut: bool,
    /// References that name nothing readable.
    pub broken: Vec<String>,
}

/// A repository opened for reading.
pub struct Repository {
    inner: gix::Repository,
    /// Commits whose parents a shallow clone left out.
    shallow: Vec<ObjectId>,
}

/// Branches that are a project's own line by their name, in the order they are believed.
const MAIN_NAMES: [&str; 4] = ["main", "master", "trunk", "default"];

impl Repository {
    /// Opens the repository whose work tree or git directory is `path`; `git_dir` is where the git
    /// directory is seen, when it is elsewhere than the work tree says.
    pub fn open(path: &Path, git_dir: Option<&Path>) -> Result<Self, OpenError> {
        // Reading must not depend on who owns the files: the agent runs as a user of its own, and
        // nothing a configuration could start is ever started.
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .lossy_config(true)
            .strict_config(false);
        let opened = options
            .open(git_dir.unwrap_or(path))
            .map_err(|error| diagnose(path, &error.to_string()))?;
        let mut inner = opened.to_thread_local();
        inner.object_cache_size(OBJECT_CACHE_BYTES);
        inner.objects.set_pack_cache(|| Box::new(DeltaBases::new(DELTA_BASE_CACHE_BYTES)));
        let shallow = match inner.shallow_commits() {
            Ok(commits) => commits.map(|list| list.iter().copied().collect()).unwrap_or_default(),
            Err(error) => {
                return Err(OpenError::broken(format!("the list of shallow commits: {error}")));
            }
        };
        Ok(Self { inner, shallow })
    }

    /// Whether the clone left out older history.
    pub fn is_shallow(&self) -> bool {
        !self.shallow.is_empty()
    }

    /// Whether objects may be missing by intent: a partial clone fetches them when git needs them,
    /// which a reader without a network cannot.
    pub fn is_partial(&self) -> bool {
        let packs = std::fs::read_dir(self.inner.common_dir().join("objects/pack"));
        packs
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .any(|entry| entry.path().extension().is_some_and(|extension| extension == "promisor"))
    }

    /// Whether there is no work tree.
    pub fn is_bare(&self) -> bool {
        self.inner.workdir().is_none()
    }

    pub fn head(&self) -> Head {
        match self.inner.head() {
            Err(error) => Head::Broken(error.to_string()),
            Ok(head) => match head.kind {
                gix::head::Kind::Symbolic(reference) => {
                    Head::Branch(reference.name.shorten().to_str_lossy().into_owned())
                }
                gix::head::Kind::Unborn(name) => {
                    Head::Unborn(name.shorten().to_str_lossy().into_owned())
                }
                gix::head::Kind::Detached { target, peeled } => {
                    Head::Detached(peeled.unwrap_or(target))
                }
            },
        }
    }

    /// Names and addresses of remotes, as they are configured; one that is no text is left out.
    pub fn remotes(&self) -> Vec<(String, String)> {
        let config = self.inner.config_snapshot();
        let sections = config.plumbing().sections_by_name("remote").into_iter().flatten();
        sections
            .filter_map(|section| {
                let name = section.header().subsection_name()?.to_str().ok()?.to_owned();
                let address = section.value("url")?;
                Some((name, address.to_str().ok()?.to_owned()))
            })
            .collect()
    }

    /// The commit that is checked out.
    pub fn head_id(&self) -> Option<String> {
        self.inner.head_id().ok().map(|id| id.to_string())
    }

    /// The blob of a path in the commit that is checked out, where it is a plain file.
    pub fn blob_at_head(&self, path: &str) -> Option<ObjectId> {
        let tree = self.inner.head_commit().ok()?.tree().ok()?;
        let entry = tree.lookup_entry_by_path(path).ok()??;
        entry.mode().is_blob().then(|| entry.object_id())
    }

    /// The commit that made a path what it is at HEAD, on the way of first parents and not further than
    /// so many commits back.
    pub fn last_change(&self, path: &str, most: usize) -> Option<String> {
        let blob_in = |commit: &gix::Commit<'_>| {
            let entry = commit.tree().ok()?.lookup_entry_by_path(path).ok()??;
            Some(entry.object_id())
        };
        let mut commit = self.inner.head_commit().ok()?;
        let now = blob_in(&commit);
        for _ in 0..most {
            let parent = commit.parent_ids().next().and_then(|id| id.object().ok());
            let Some(parent) = parent.and_then(|object| object.try_into_commit().ok()) else {
                return Some(commit.id.to_string());
            };
            if blob_in(&parent) != now {
                return Some(commit.id.to_string());
            }
            commit = parent;
        }
        None
    }

    /// The main line: the branch HEAD is on if its name says so, else the remote's default, else
    /// a branch with such a name, else whatever HEAD names. So switching to a feature branch does
    /// not change what a project's health is measured on.
    pub fn mainline(&self) -> Option<Mainline> {
        let head = match self.head() {
            Head::Branch(name) => Some(name),
            Head::Detached(_) | Head::Unborn(_) | Head::Broken(_) => None,
        };
        let own = head.iter().filter(|name| MAIN_NAMES.contains(&name.as_str()));
        let own = own.map(|name| format!("refs/heads/{name}"));
        let remote = std::iter::once("refs/remotes/origin/HEAD".to_owned());
        let named = MAIN_NAMES.iter().map(|name| format!("refs/heads/{name}"));
        own.chain(remote)
            .chain(named)
            .chain(std::iter::once("HEAD".to_owned()))
            .find_map(|name| self.resolve(&name))
    }

    fn resolve(&self, name: &str) -> Option<Mainline> {
        let mut reference = self.inner.try_find_reference(name).ok().flatten()?;
        // A symbolic reference is called by what it points at.
        let shown = match reference.target() {
            gix::refs::TargetRef::Symbolic(target) => target.shorten().to_str_lossy().into_owned(),
            gix::refs::TargetRef::Object(_) if name == "HEAD" => "detached HEAD".to_owned(),
            gix::refs::TargetRef::Object(_) => {
                reference.name().shorten().to_str_lossy().into_owned()
            }
        };
        let tip = reference.peel_to_id().ok()?.detach();
        self.is_commit(tip).then_some(Mainline { name: shown, tip })
    }

    fn is_commit(&self, id: ObjectId) -> bool {
        self.inner.find_header(id).is_ok_and(|header| header.kind() == gix::objs::Kind::Commit)
    }

    /// Branches here and of remotes; those of remotes keep the remote's name before theirs.
    pub fn branches(&self) -> References {
        let mut all = self.references("refs/heads/");
        let remote = self.references("refs/remotes/");
        let is_head = |name: &str| name.ends_with("/HEAD");
        all.total += remote.total;
        all.cut |= remote.cut;
        all.list.extend(remote.list.into_iter().filter(|branch| !is_head(&branch.name)));
        all.broken.extend(remote.broken.into_iter().filter(|name| !is_head(name)));
        all
    }

    /// Tags, annotated ones resolved to their commits.
    pub fn tags(&self) -> References {
        self.references("refs/tags/")
    }

    fn references(&self, prefix: &str) -> References {
        let mut found = References::default();
        let Ok(platform) = self.inner.references() else { return found };
        let Ok(iter) = platform.prefixed(prefix) else { return found };
        for reference in iter {
            found.total += 1;
            if found.list.len() >= MOST_REFERENCES {
                found.cut = true;
                continue;
            }
            match reference {
                Ok(mut reference) => {
                    let name = reference.name().shorten().to_str_lossy().into_owned();
                    match reference.peel_to_id() {
                        Ok(id) => found.list.push(NamedCommit { name, id: id.detach() }),
                        Err(_) => found.broken.push(name),
                    }
                }
                Err(error) => found.broken.push(error.to_string()),
            }
        }
        found
    }
}

/// Turns "it does not open" into what is the matter.
fn diagnose(path: &Path, error: &str) -> OpenError {
    let broken = |what: String, mend| OpenError::Broken { what, mend };
    let dot_git = path.join(".git");
    let bare = path.join("objects").is_dir() && path.join("refs").is_dir();
    let git_dir = if dot_git.symlink_metadata().is_ok() {
        dot_git
    } else if bare {
        path.to_owned()
    } else {
        return match path.metadata() {
            Ok(folder) if folder.is_dir() => OpenError::Absent,
            Ok(_) => broken("the project is not a folder".to_owned(), MEND_PROJECT),
            Err(error) => broken(format!("the project cannot be read: {error}"), MEND_PROJECT),
        };
    };
    if let Some(format) = unknown_format(&git_dir) {
        return OpenError::Unsupported(format);
    }
    if git_dir.is_file() {
        return broken(format!("the folder that .git points to does not open: {error}"), MEND_LINK);
    }
    match ["HEAD", "objects", "refs"].iter().find(|name| !git_dir.join(name).exists()) {
        Some(missing) => broken(format!("the git folder has no {missing}"), MEND_FOLDER),
        None => broken(error.to_owned(), MEND_FOLDER),
    }
}

fn unknown_format(git_dir: &Path) -> Option<String> {
    use std::io::Read;
    let mut config = String::new();
    let file = std::fs::File::open(git_dir.join("config")).ok()?;
    file.take(CONFIG_BYTES).read_to_string(&mut config).ok()?;
    let config = config.to_ascii_lowercase();
    let has = |name: &str, value: &str| {
        config.lines().any(|line| {
            line.split_once('=').is_some_and(|(key, set)| key.trim() == name && set.trim() == value)
        })
    };
    if has("objectformat", "sha256") {
        return Some("a repository with SHA-256 object names".to_owned());
    }
    has("refstorage", "reftable").then(|| "a repository with reftable references".to_owned())
}
