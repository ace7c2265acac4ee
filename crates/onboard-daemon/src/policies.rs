//! The policy of each project: read from its files when they change, and judged by at every launch.
//!
//! A file that is wrong changes nothing: the last sound policy stays in force, and the problem is
//! said. A project that never had a sound one runs nothing.

use crate::clock;
use crate::manifests::PROJECT_FOLDER;
use crate::plain;
use crate::step::Escalations;
use onboard_domain::spec::Limits;
use onboard_domain::state::bounds;
pub use onboard_policy::StorageQuota;
use onboard_policy::{
    Authority, EffectiveLimits, Entry, Escalation, Policy, PolicyInForce, check_limits,
    default_layer, merge, parse_layer,
};
use onboard_protocol::Problem;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The organisation's policy, set by whoever administers the machine.
const ORGANISATION: &str = "/etc/ai_onboard/policy.yaml";
/// Bytes of a policy file.
const TEXT_MAX: u64 = 256 * 1024;

/// Policies by project, shared by all who judge.
#[derive(Clone, Debug)]
pub struct Policies(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    organisation: PathBuf,
    user: PathBuf,
    projects: BTreeMap<PathBuf, Known>,
}

/// What is known of one project's policy.
#[derive(Clone, Debug)]
pub struct Known {
    /// What the files were when they were read.
    stamps: Vec<Stamp>,
    /// Whether an equal stamp means an equal file.
    settled: bool,
    pub in_force: Arc<PolicyInForce>,
    /// Why the present files are not in force, if they are not.
    pub problem: Option<String>,
    /// Where the policy in force was read.
    pub origin: String,
}

/// A file's identity for noticing change; the error where it can't be looked at. The time is that
/// of the inode, which a program can't set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(Result<Identity, io::ErrorKind>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    inode: u64,
    bytes: u64,
    changed_ns: i128,
}

/// A file that changed this shortly before it was read may change again without a trace in its
/// stamp: clocks of file systems are this coarse, in nanoseconds. It is read again next time.
const RECENT_NS: i128 = 2_000_000_000;

impl Policies {
    /// Policies with the user's file at `user`.
    pub fn new(user: PathBuf) -> Policies {
        Policies::with_organisation(PathBuf::from(ORGANISATION), user)
    }

    fn with_organisation(organisation: PathBuf, user: PathBuf) -> Policies {
        Policies(Arc::new(Mutex::new(Inner { organisation, user, projects: BTreeMap::new() })))
    }

    /// The policy of the project at `root`, as its files say now.
    pub fn of(&self, root: &Path) -> Known {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let files = inner.files(root);
        let stamps: Vec<Stamp> = files.iter().map(|(path, _)| stamp(path)).collect();
        if let Some(known) = inner.projects.get(root)
            && known.settled
            && known.stamps == stamps
        {
            return known.clone();
        }
        let before = inner.projects.get(root);
        // Judged before they are read: what changes in between has another stamp next time.
        let settled = settled(&stamps);
        let known = Known { settled, ..settle(before, stamps, read(&files)) };
        if before.is_some() || inner.projects.len() < bounds::PROJECTS {
            inner.projects.insert(root.into(), known.clone());
        }
        known
    }

    /// The policy that the project at `root` would have with `file` in place of `authority`'s own;
    /// nothing comes into force.
    ///
    /// # Errors
    /// The first thing that is wrong, in `file` or in one that it is merged with, at its place.
    pub fn with(&self, root: &Path, file: &Path, authority: Authority) -> Result<Policy, String> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner).files(root);
        for (path, whose) in &mut files {
            if *whose == authority {
                *path = file.into();
            }
        }
        if read_text(file)?.is_none() {
            return Err(format!("{}: there is no such file", file.display()));
        }
        read(&files).map(|(policy, _)| policy)
    }

    /// Whose policy is read from `file` for the project at `root`; nobody's where it is another file.
    pub fn whose(&self, root: &Path, file: &Path) -> Option<Authority> {
        let file = file.canonicalize().ok()?;
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner).files(root);
        let own = files.into_iter().find(|(path, _)| path.canonicalize().is_ok_and(|p| p == file));
        own.map(|(_, authority)| authority)
    }
}

impl Known {
    /// What a run may use whose agent asks for `asked`.
    ///
    /// # Errors
    /// Why the policy permits no such run.
    pub fn allows(&self, asked: &Limits) -> Result<EffectiveLimits, String> {
        match &*self.in_force {
            PolicyInForce::Sound(policy) => {
                check_limits(policy, asked).map_err(|(_, denial)| denial.to_string())
            }
            PolicyInForce::Broken(why) => Err(why.clone()),
        }
    }

    /// What calls people, and what follows; `None` without a sound policy.
    pub fn escalation(&self) -> Option<Escalation> {
        self.sound().map(Policy::escalation)
    }

    /// How much is kept for each agent; nothing more without a sound policy.
    pub fn storage(&self) -> StorageQuota {
        let none = || StorageQuota { bytes: 0, source: "no sound policy".into() };
        self.sound().map_or_else(none, Policy::storage)
    }

    /// The values of the policy in force, each with its origin.
    pub fn entries(&self) -> Vec<Entry> {
        self.sound().map_or_else(Vec::new, Policy::entries)
    }

    fn sound(&self) -> Option<&Policy> {
        match &*self.in_force {
            PolicyInForce::Sound(policy) => Some(policy),
            PolicyInForce::Broken(_) => None,
        }
    }
}

impl Inner {
    /// The files in the order in which they bind.
    fn files(&self, root: &Path) -> Vec<(PathBuf, Authority)> {
        vec![
            (self.organisation.clone(), Authority::Organisation),
            (self.user.clone(), Authority::User),
            (root.join(PROJECT_FOLDER).join("policy.yaml"), Authority::Project),
        ]
    }
}

impl Escalations for Policies {
    fn escalation(&self, root: &str) -> Escalation {
        self.of(Path::new(root)).escalation().unwrap_or_else(Escalation::strictest)
    }

    fn storage(&self, root: &str) -> StorageQuota {
        self.of(Path::new(root)).storage()
    }
}

fn stamp(path: &Path) -> Stamp {
    let identity = |meta: fs::Metadata| Identity {
        inode: meta.ino(),
        bytes: meta.len(),
        changed_ns: i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec()),
    };
    Stamp(fs::metadata(path).map(identity).map_err(|error| error.kind()))
}

/// Whether these stamps will tell the next change.
fn settled(stamps: &[Stamp]) -> bool {
    let old = i128::from(clock::wall().0) * 1_000_000 - RECENT_NS;
    stamps.iter().all(|stamp| stamp.0.is_ok_and(|file| file.changed_ns < old) || stamp.0.is_err())
}

fn settle(
    before: Option<&Known>,
    stamps: Vec<Stamp>,
    read: Result<(Policy, String), String>,
) -> Known {
    match (read, before) {
        (Ok((policy, origin)), _) => {
            let in_force = Arc::new(PolicyInForce::Sound(Box::new(policy)));
            Known { stamps, settled: false, in_force, problem: None, origin }
        }
        (Err(problem), Some(before)) => {
            let Known { in_force, origin, .. } = before.clone();
            Known { stamps, settled: false, in_force, problem: Some(problem), origin }
        }
        (Err(problem), None) => Known {
            stamps,
            settled: false,
            in_force: Arc::new(PolicyInForce::Broken(problem.clone())),
            problem: Some(problem),
            origin: "none".into(),
        },
    }
}

fn read(files: &[(PathBuf, Authority)]) -> Result<(Policy, String), String> {
    let said = |problem: Problem| problem.to_string();
    let mut layers = vec![default_layer().map_err(said)?];
    let mut origin = vec!["the defaults".to_string()];
    for (path, authority) in files {
        let Some(text) = read_text(path)? else { continue };
        let name = path.to_string_lossy();
        layers.push(parse_layer(&text, &name, *authority).map_err(said)?);
        origin.push(name.into_owned());
    }
    let policy = merge(&layers).map_err(said)?;
    Ok((policy, origin.join(", ")))
}

fn read_text(path: &Path) -> Result<Option<String>, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let Some(bytes) = plain::read(path, TEXT_MAX).map_err(|error| fault(&error))? else {
        return Ok(None);
    };
    String::from_utf8(bytes).map(Some).map_err(|error| fault(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(known: &Known) -> Option<u32> {
        match &*known.in_force {
            PolicyInForce::Sound(policy) => Some(policy.limits().memory_mb),
            PolicyInForce::Broken(_) => None,
        }
    }

    /// A folder with a user's policy and a project; the policy's text for a memory limit.
    fn world() -> (tempfile::TempDir, Policies, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join("policy.yaml");
        let root = folder.path().join("project");
        let file = root.join(PROJECT_FOLDER).join("policy.yaml");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let policies = Policies::with_organisation(folder.path().join("none"), user);
        (folder, policies, root, file)
    }

    fn text(memory: &str) -> String {
        format!("background_agent_safety:\n  resource_limits:\n    max_memory_mb: {memory}\n")
    }

    #[test]
    fn a_file_that_goes_wrong_leaves_the_last_sound_policy() {
        let (_folder, policies, root, file) = world();
        assert_eq!(limits(&policies.of(&root)), Some(512));
        fs::write(&file, text("64")).unwrap();
        assert_eq!(limits(&policies.of(&root)), Some(64));
        fs::write(&file, text("lots")).unwrap();
        let known = policies.of(&root);
        assert_eq!(limits(&known), Some(64));
        let problem = known.problem.unwrap();
        assert!(problem.contains("policy.yaml:3:20"), "{problem}");
    }

    #[test]
    fn a_change_of_the_same_length_in_the_same_moment_is_seen() {
        let (_folder, policies, root, file) = world();
        fs::write(&file, text("64")).unwrap();
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(limits(&policies.of(&root)), Some(64));
        fs::write(&file, text("32")).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        assert_eq!(limits(&policies.of(&root)), Some(32));
    }

    #[test]
    fn a_pipe_in_place_of_a_policy_holds_nobody_up() {
        let (_folder, policies, root, file) = world();
        rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(limits(&policies.of(&root)), None);
    }

    #[test]
    fn a_first_policy_that_is_wrong_permits_nothing() {
        let (_folder, policies, root, file) = world();
        fs::write(&file, text("lots")).unwrap();
        assert_eq!(limits(&policies.of(&root)), None);
    }

    #[test]
    fn a_project_may_not_loosen() {
        let (_folder, policies, root, file) = world();
        fs::write(&file, text("1024")).unwrap();
        let known = policies.of(&root);
        assert_eq!(limits(&known), None);
        assert!(known.problem.unwrap().contains("1024"));
    }
}
