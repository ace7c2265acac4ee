//! A repository opened by a library that believes nothing of its configuration and runs nothing.

use crate::order::Order;
use gix::ObjectId;
use gix::actor::Signature;
use gix::objs::tree::EntryMode;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use onboard_domain::proposal::Work;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Commits that are looked at to see whether one was merged; beyond, it counts as merged.
const ANCESTORS_MAX: usize = 100_000;
/// Clocks of people's machines differ: commits so much older are looked at too.
const CLOCK_SKEW_S: i64 = 7 * 24 * 3_600;

/// The repository of a project.
pub(crate) struct Repository {
    inner: gix::Repository,
}

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: EntryMode,
    pub(crate) id: ObjectId,
}

/// Acts as whoever owns the project's folder, or else what is called `.git` in it, where this process
/// is root and they are not: what is written in a person's repository is theirs, and a link of theirs
/// opens nothing that they could not.
///
/// # Errors
/// When the kernel refuses.
pub fn become_owner(root: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let git = root.join(".git").symlink_metadata();
    let owners = [root.metadata(), git].into_iter().flatten();
    let Some(owner) = owners.into_iter().find(|owner| owner.uid() != 0) else { return Ok(()) };
    let (uid, gid) = (rustix::process::Uid::from_raw(owner.uid()), owner.gid());
    let gid = rustix::process::Gid::from_raw(gid);
    rustix::thread::set_thread_groups(&[gid])?;
    rustix::thread::set_thread_gid(gid)?;
    rustix::thread::set_thread_uid(uid)?;
    Ok(())
}

/// The folders that a piece of work may write below: none to look, objects, branches and their logs
/// to write one, the git folder to take one back, since its list of packed branches lies there.
///
/// # Errors
/// When the project has no repository that can be opened.
pub fn places(order: &Order) -> Result<Vec<PathBuf>, String> {
    let repository = Repository::open(&order.root)?;
    let common = repository.inner.common_dir().canonicalize().map_err(|e| e.to_string())?;
    match order.work {
        Work::Check => Ok(Vec::new()),
        Work::Revert => Ok(vec![common]),
        Work::Write => {
            if repository.inner.workdir().is_some() {
                // Git makes it with the first commit; one that was deleted would be missed later.
                drop(std::fs::create_dir(common.join("logs")));
            }
            let place = |name: &str| common.join(name);
            let is_there = |path: &PathBuf| path.is_dir();
            Ok(["objects", "refs/heads", "logs"].map(place).into_iter().filter(is_there).collect())
        }
    }
}

impl Repository {
    pub(crate) fn open(root: &str) -> Result<Repository, String> {
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .lossy_config(true)
            .strict_config(false);
        let opened = options.open(root).map_err(|error| {
            format!("the project has no git repository that can be opened: {error}")
        })?;
        Ok(Repository { inner: opened.to_thread_local() })
    }

    /// The commit that HEAD names.
    pub(crate) fn head(&self) -> Result<ObjectId, String> {
        let head = self.inner.head_id().map_err(|_| "HEAD names no commit yet".to_string())?;
        let id = head.detach();
        self.inner.find_commit(id).map_err(|error| format!("HEAD can't be read: {error}"))?;
        Ok(id)
    }

    /// The branch that HEAD is on, in this work tree or any linked one.
    pub(crate) fn is_checked_out(&self, branch: &str) -> bool {
        let full = format!("refs/heads/{branch}");
        let is_it = |name: &FullName| name.as_bstr() == full.as_str();
        let own = self.inner.head_name().ok().flatten();
        let linked = self.inner.worktrees().unwrap_or_default();
        let mut others = linked.into_iter().filter_map(|proxy| {
            proxy.into_repo_with_possibly_inaccessible_worktree().ok()?.head_name().ok().flatten()
        });
        let main = self.inner.main_repo().ok().and_then(|main| main.head_name().ok().flatten());
        own.iter().any(is_it) || main.iter().any(is_it) || others.any(|name| is_it(&name))
    }

    pub(crate) fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, String> {
        let commit = self.inner.find_commit(commit).map_err(|error| error.to_string())?;
        commit.tree_id().map(|id| id.detach()).map_err(|error| error.to_string())
    }

    pub(crate) fn first_parent(&self, commit: ObjectId) -> Result<ObjectId, String> {
        let commit = self.inner.find_commit(commit).map_err(|error| error.to_string())?;
        let mut parents = commit.parent_ids();
        parents.next().map(|id| id.detach()).ok_or_else(|| "it has no parent".to_string())
    }

    pub(crate) fn message(&self, commit: ObjectId) -> Result<String, String> {
        let commit = self.inner.find_commit(commit).map_err(|error| error.to_string())?;
        let message = commit.message_raw().map_err(|error| error.to_string())?;
        Ok(message.to_string())
    }

    /// The entries of a tree.
    pub(crate) fn tree(&self, id: ObjectId) -> Result<gix::objs::Tree, String> {
        let tree = self.inner.find_tree(id).map_err(|error| error.to_string())?;
        let decoded = tree.decode().map_err(|error| error.to_string())?;
        Ok(decoded.into())
    }

    /// What stands at a path of a tree; links are not followed.
    pub(crate) fn entry(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>, String> {
        let mut tree = tree;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let entries = self.tree(tree)?.entries;
            let found = entries.into_iter().find(|entry| entry.filename == part);
            let Some(found) = found else { return Ok(None) };
            let entry = Entry { mode: found.mode, id: found.oid };
            if parts.peek().is_none() {
                return Ok(Some(entry));
            }
            if !entry.mode.is_tree() {
                return Err(format!("{path}: `{part}` is no folder of the repository"));
            }
            tree = entry.id;
        }
        Ok(None)
    }

    /// A file's content, if it has at most so many bytes.
    pub(crate) fn content(&self, id: ObjectId, most: u64) -> Result<Vec<u8>, String> {
        let size = self.inner.find_header(id).map_err(|error| error.to_string())?.size();
        if size > most {
            return Err(format!("it has {size} bytes, allowed are {most}"));
        }
        let mut blob = self.inner.find_blob(id).map_err(|error| error.to_string())?;
        Ok(blob.take_data())
    }

    pub(crate) fn write_blob(&self, content: &[u8]) -> Result<ObjectId, String> {
        self.inner.write_blob(content).map(|id| id.detach()).map_err(|error| error.to_string())
    }

    pub(crate) fn write_object(&self, object: impl gix::objs::WriteTo) -> Result<ObjectId, String> {
        self.inner.write_object(object).map(|id| id.detach()).map_err(|error| error.to_string())
    }

    /// The commit that a branch names.
    pub(crate) fn branch(&self, name: &str) -> Result<Option<ObjectId>, String> {
        let full = format!("refs/heads/{name}");
        let found = self.inner.try_find_reference(full.as_str()).map_err(|e| e.to_string())?;
        match found {
            None => Ok(None),
            Some(mut reference) => {
                let id = reference.peel_to_id().map_err(|error| error.to_string())?;
                Ok(Some(id.detach()))
            }
        }
    }

    /// Makes a branch that is not there yet.
    pub(crate) fn create_branch(
        &self,
        name: &str,
        commit: ObjectId,
        by: &Signature,
    ) -> Result<(), String> {
        let log = LogChange {
            mode: RefLog::AndReference,
            force_create_reflog: false,
            message: "ai_onboard: written from a proposal".into(),
        };
        let change = Change::Update {
            log,
            expected: PreviousValue::MustNotExist,
            new: Target::Object(commit),
        };
        self.edit(name, change, by)
    }

    /// Deletes a branch that still names this commit.
    pub(crate) fn delete_branch(
        &self,
        name: &str,
        commit: ObjectId,
        by: &Signature,
    ) -> Result<(), String> {
        let expected = PreviousValue::MustExistAndMatch(Target::Object(commit));
        self.edit(name, Change::Delete { expected, log: RefLog::AndReference }, by)
    }

    fn edit(&self, name: &str, change: Change, by: &Signature) -> Result<(), String> {
        let full = FullName::try_from(format!("refs/heads/{name}")).map_err(|e| e.to_string())?;
        let mut time = gix::date::parse::TimeBuf::default();
        let edits = [RefEdit { change, name: full, deref: false }];
        self.inner
            .edit_references_as(edits, Some(by.to_ref(&mut time)))
            .map(drop)
            .map_err(|error| format!("the branch `{name}` can't be changed: {error}"))
    }

    /// Whether any reference but this branch leads to the commit; `since_s` is its time.
    pub(crate) fn is_merged(
        &self,
        commit: ObjectId,
        branch: &str,
        since_s: i64,
    ) -> Result<bool, String> {
        let own = format!("refs/heads/{branch}");
        let mut tips = vec![self.head()?];
        let platform = self.inner.references().map_err(|error| error.to_string())?;
        for reference in platform.all().map_err(|error| error.to_string())? {
            let mut reference = reference.map_err(|error| error.to_string())?;
            if reference.name().as_bstr() == own.as_str() {
                continue;
            }
            let Ok(id) = reference.peel_to_id() else { continue };
            if id.header().is_ok_and(|header| header.kind() == gix::objs::Kind::Commit) {
                tips.push(id.detach());
            }
        }
        let sorting = gix::revision::walk::Sorting::ByCommitTimeCutoff {
            order: gix::traverse::commit::simple::CommitTimeOrder::NewestFirst,
            seconds: since_s - CLOCK_SKEW_S,
        };
        let walk = self.inner.rev_walk(tips).sorting(sorting).all().map_err(|e| e.to_string())?;
        for (count, info) in walk.enumerate() {
            let info = info.map_err(|error| error.to_string())?;
            if info.id == commit || count >= ANCESTORS_MAX {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
