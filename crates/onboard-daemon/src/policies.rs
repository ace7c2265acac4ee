//! The policy of each project: read from its files when they change, and judged by at every launch.
//!
//! A file that is wrong changes nothing: the last sound policy stays in force, and the problem is
//! said. A project that never had a sound one runs nothing.

use crate::agreed::{self, Text};
use crate::clock;
use crate::manifests::PROJECT_FOLDER;
use crate::plain;
use crate::policy_paths;
use crate::pressure;
use crate::step::Escalations;
use onboard_domain::council::Kind;
use onboard_domain::spec::Limits;
use onboard_domain::state::bounds;
pub use onboard_policy::StorageQuota;
use onboard_policy::{
    Authority, Council, DEFAULT_FILE, DEFAULT_POLICY, EffectiveLimits, Entry, Escalation, Layer,
    Policy, PolicyInForce, check_limits, merge, parse_council, parse_layer,
};
use onboard_protocol::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The organisation's policy, set by whoever administers the machine.
const ORGANISATION: &str = "/etc/ai_onboard/policy.yaml";
/// The origin where no policy is in force.
pub const NO_POLICY: &str = "none";
/// The council's file, beside a policy: of the organisation and of the user, never of a project.
const COUNCIL: &str = "council.yaml";
/// Bytes of a policy file.
const TEXT_MAX: u64 = 256 * 1024;

/// A sound policy that is not in force, and what is worth a look in it.
pub type Checked = (Arc<PolicyInForce>, Vec<String>);

/// Policies by project, shared by all who judge.
#[derive(Clone, Debug)]
pub struct Policies(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    organisation: PathBuf,
    user: PathBuf,
    projects: BTreeMap<PathBuf, Known>,
    /// Looks at files so far.
    looks: u64,
    /// The newest policy of each project that people agreed to, or need not.
    agreed: BTreeMap<PathBuf, Arc<PolicyInForce>>,
    /// Where their texts are kept, and the hash of what is kept there by project.
    folder: Option<PathBuf>,
    kept: BTreeMap<PathBuf, String>,
    decided_by: Decided,
}

/// What decisions ask for, as it was when their turn began.
#[derive(Debug, Default)]
struct Decided {
    /// By project.
    by_root: BTreeMap<String, (Escalation, StorageQuota)>,
    council: Option<Council>,
}

/// What the decisions of a turn may ask for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Projects, by their roots, with the policies that people agreed to for each.
    pub(crate) roots: BTreeMap<String, Option<BTreeSet<String>>>,
    pub(crate) council: bool,
}

/// What is known of one project's policy.
#[derive(Clone, Debug)]
pub struct Known {
    /// The number of the look at the files that this came of.
    look: u64,
    /// What the files were when they were read.
    stamps: Vec<Stamp>,
    /// Whether an equal stamp means an equal file.
    settled: bool,
    /// What the files say, whatever the project looks like.
    merged: Arc<Result<Merged, String>>,
    pub in_force: Arc<PolicyInForce>,
    /// Why the present files are not in force, if they are not.
    pub problem: Option<String>,
    /// What is worth a look in the files that are in force, and no reason to refuse them.
    pub warnings: Vec<String>,
    /// Where the policy in force was read.
    pub origin: String,
    /// The hash of what the files say, where that was asked for and they are sound.
    pub(crate) files: Option<String>,
    /// Whether people have yet to agree to what the files say.
    pub(crate) waits: bool,
}

/// Files that were read and merged.
#[derive(Debug)]
struct Merged {
    policy: Arc<PolicyInForce>,
    layers: Vec<Layer>,
    texts: Vec<Text>,
    origin: String,
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

    /// These, keeping what people agreed to in `folder`.
    pub(crate) fn keeping(self, folder: PathBuf) -> Policies {
        self.hold().folder = Some(folder);
        self
    }

    fn with_organisation(organisation: PathBuf, user: PathBuf) -> Policies {
        let (projects, looks, agreed, folder, kept, decided_by) = Default::default();
        let inner = Inner { organisation, user, projects, looks, agreed, folder, kept, decided_by };
        Policies(Arc::new(Mutex::new(inner)))
    }

    /// The policy of the project at `root`, as its files say now. Nobody else waits while they are read.
    pub fn of(&self, root: &Path) -> Known {
        let (look, files, before) = self.hold().begin(root);
        let stamps: Vec<Stamp> = files.iter().map(|(path, _)| stamp(path)).collect();
        let same = before.as_ref().filter(|known| known.settled && known.stamps == stamps);
        let (settled, merged) = match same {
            Some(known) => (true, Arc::clone(&known.merged)),
            // Judged before they are read: what changes in between has another stamp next time.
            None => (settled(&stamps), Arc::new(read(&files))),
        };
        // Each time: the project changes without its policy.
        let looked = merged.as_ref().as_ref().map_err(Clone::clone);
        let looked = looked.and_then(|merged| Ok((merged, look_at(root, &merged.layers)?)));
        let (in_force, problem, warnings, origin) = settle(before.as_ref(), looked);
        let (merged, files, waits) = (merged.clone(), None, false);
        let known = Known {
            look,
            stamps,
            settled,
            merged,
            in_force,
            problem,
            warnings,
            origin,
            files,
            waits,
        };
        self.hold().remember(root, &known);
        known
    }

    /// The policy of the project at `root` as its files said last; `None` where they were never read.
    pub(crate) fn last(&self, root: &Path) -> Option<Known> {
        self.hold().projects.get(root).cloned()
    }

    fn hold(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy that is in force for the project at `root`: what its files say, or, where people have to
    /// agree to a change of it and have not, the one before. Reads nothing of the project.
    pub(crate) fn in_force(
        &self,
        root: &Path,
        mut known: Known,
        is_agreed: &dyn Fn(&str) -> bool,
    ) -> Known {
        let PolicyInForce::Sound(policy) = &*known.in_force else { return known };
        let hash = policy.hash();
        let is_free = || {
            let council = self.council();
            council.problem.is_none() && council.rule(Kind::ChangePolicy).quorum == 0
        };
        known.waits = !(is_agreed(&hash) || is_free());
        known.files = Some(hash);
        let mut inner = self.hold();
        if known.waits {
            let why = "it changed, and the council has not agreed: `ai_onboard approvals list`";
            let held = || Arc::new(PolicyInForce::Broken(why.into()));
            known.in_force = inner.agreed_before(root, is_agreed).unwrap_or_else(held);
        } else if inner.agreed.contains_key(root) || inner.agreed.len() < bounds::PROJECTS {
            inner.agreed.insert(root.into(), Arc::clone(&known.in_force));
            inner.keep(root, &known);
        }
        known
    }

    /// Reads what the decisions of the next turn may ask for: they read no files. `read` looks at those
    /// of one project, if it can.
    pub(crate) fn read_for_turn(
        &self,
        wanted: Wanted,
        mut read: impl FnMut(&Path) -> Option<Known>,
    ) {
        let read = wanted.roots.into_iter().filter_map(|(root, agreed)| {
            let is_agreed = |hash: &str| agreed.as_ref().is_none_or(|known| known.contains(hash));
            let known = self.in_force(Path::new(&root), read(Path::new(&root))?, &is_agreed);
            let escalation = known.escalation().unwrap_or_else(Escalation::strictest);
            Some((root, (escalation, known.storage())))
        });
        let by_root = read.collect();
        let council = wanted.council.then(|| self.council());
        let mut inner = self.hold();
        inner.decided_by = Decided { by_root, council };
    }

    fn decided_by<T>(
        &self,
        root: &str,
        of: impl Fn(&(Escalation, StorageQuota)) -> T,
    ) -> Option<T> {
        let inner = self.hold();
        inner.decided_by.by_root.get(root).map(of)
    }

    /// The policy that the project at `root` would have with `file` in place of `authority`'s own;
    /// nothing comes into force.
    ///
    /// # Errors
    /// The first thing that is wrong, in `file` or in one that it is merged with, at its place.
    pub fn with(&self, root: &Path, file: &Path, authority: Authority) -> Result<Checked, String> {
        let mut files = self.hold().files(root);
        for (path, whose) in &mut files {
            if *whose == authority {
                *path = file.into();
            }
        }
        if read_text(file, Authority::Project)?.is_none() {
            return Err(format!("{}: there is no such file", file.display()));
        }
        let Merged { policy, layers, .. } = read(&files)?;
        Ok((policy, look_at(root, &layers)?))
    }

    /// Whose policy is read from `file` for the project at `root`; nobody's where it is another file.
    pub fn whose(&self, root: &Path, file: &Path) -> Option<Authority> {
        let file = file.canonicalize().ok()?;
        let files = self.hold().files(root);
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
        self.sound().map_or_else(no_storage, Policy::storage)
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
    /// Begins a look at the files of a project: its number, where they are, and what is known of them.
    fn begin(&mut self, root: &Path) -> (u64, Vec<(PathBuf, Authority)>, Option<Known>) {
        self.looks += 1;
        (self.looks, self.files(root), self.projects.get(root).cloned())
    }

    /// Keeps what was found, unless a later look has come to its end meanwhile.
    fn remember(&mut self, root: &Path, known: &Known) {
        match self.projects.get(root) {
            Some(newest) if newest.look > known.look => return,
            None if self.projects.len() >= bounds::PROJECTS => return,
            _ => {}
        }
        self.projects.insert(root.into(), known.clone());
    }

    /// What people agreed to last: as this daemon knows it, or as the one before kept it.
    fn agreed_before(
        &mut self,
        root: &Path,
        is_agreed: &dyn Fn(&str) -> bool,
    ) -> Option<Arc<PolicyInForce>> {
        if let Some(known) = self.agreed.get(root) {
            return Some(Arc::clone(known));
        }
        let policy = merged(agreed::load(self.folder.as_deref()?, root)?).ok()?.policy;
        let PolicyInForce::Sound(sound) = &*policy else { return None };
        if !is_agreed(&sound.hash()) {
            return None;
        }
        self.agreed.insert(root.into(), Arc::clone(&policy));
        Some(policy)
    }

    /// Once for each that comes into force. Where it fails, the next start runs nothing while another
    /// waits.
    fn keep(&mut self, root: &Path, known: &Known) {
        let (Some(folder), Some(hash), Ok(merged)) =
            (&self.folder, &known.files, known.merged.as_ref())
        else {
            return;
        };
        // Of files that are wrong now, the texts are not those of what is in force.
        let is_same = Arc::ptr_eq(&merged.policy, &known.in_force);
        if !is_same || self.kept.get(root) == Some(hash) {
            return;
        }
        match agreed::keep(folder, root, &merged.texts) {
            Ok(()) => drop(self.kept.insert(root.into(), hash.clone())),
            Err(error) => eprintln!("the agreed policy of {}: {error}", root.display()),
        }
    }

    /// The files in the order in which they bind.
    fn files(&self, root: &Path) -> Vec<(PathBuf, Authority)> {
        vec![
            (self.organisation.clone(), Authority::Organisation),
            (self.user.clone(), Authority::User),
            (root.join(PROJECT_FOLDER).join("policy.yaml"), Authority::Project),
        ]
    }
}

impl Policies {
    /// The council: the organisation's, where it has written one down; else the user's. Read when it
    /// is asked for, which people do a few times a day. One that is wrong decides nothing.
    pub fn council(&self) -> Council {
        let files = {
            let inner = self.hold();
            [(&inner.organisation, Authority::Organisation), (&inner.user, Authority::User)]
                .map(|(policy, authority)| (policy.with_file_name(COUNCIL), authority))
        };
        for (path, authority) in &files {
            let name = path.to_string_lossy();
            match read_text(path, *authority) {
                Ok(None) => {}
                Ok(Some(text)) => {
                    let read = parse_council(&text, &name).map_err(|problem| problem.to_string());
                    return read.unwrap_or_else(|problem| Council::broken(problem, &name));
                }
                Err(problem) => return Council::broken(problem, &name),
            }
        }
        Council::default()
    }
}

/// As it was read for this turn; of a project that was not, the strictest.
impl Escalations for Policies {
    fn council(&self) -> Council {
        let inner = self.hold();
        let unread = || Council::broken("it was not read for this decision".into(), COUNCIL);
        inner.decided_by.council.clone().unwrap_or_else(unread)
    }

    fn escalation(&self, root: &str) -> Escalation {
        self.decided_by(root, |read| read.0.clone()).unwrap_or_else(Escalation::strictest)
    }

    fn storage(&self, root: &str) -> StorageQuota {
        self.decided_by(root, |read| read.1.clone()).unwrap_or_else(no_storage)
    }
}

fn no_storage() -> StorageQuota {
    StorageQuota { bytes: 0, source: "no sound policy".into() }
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

/// What is in force, why the files are not if they are not, what is worth a look, and its origin.
type Outcome = (Arc<PolicyInForce>, Option<String>, Vec<String>, String);

fn settle(before: Option<&Known>, looked: Result<(&Merged, Vec<String>), String>) -> Outcome {
    match (looked, before) {
        (Ok((merged, warnings)), _) => {
            (Arc::clone(&merged.policy), None, warnings, merged.origin.clone())
        }
        (Err(problem), Some(Known { in_force, origin, .. }))
            if matches!(**in_force, PolicyInForce::Sound(_)) =>
        {
            (Arc::clone(in_force), Some(problem), Vec::new(), origin.clone())
        }
        (Err(problem), _) => {
            let broken = Arc::new(PolicyInForce::Broken(problem.clone()));
            (broken, Some(problem), Vec::new(), NO_POLICY.into())
        }
    }
}

fn read(files: &[(PathBuf, Authority)]) -> Result<Merged, String> {
    let mut texts = Vec::new();
    for (path, whose) in files {
        let Some(text) = read_text(path, *whose)? else { continue };
        let name = path.to_string_lossy().into_owned();
        texts.push(Text { whose: *whose, name, text });
    }
    merged(texts)
}

/// The texts in the order in which they bind. Files are merged with this program's defaults; what people
/// agreed to once, with those that were kept with it.
fn merged(mut texts: Vec<Text>) -> Result<Merged, String> {
    let said = |problem: Problem| problem.to_string();
    let machine = pressure::machine();
    if texts.first().is_none_or(|first| first.whose != Authority::Defaults) {
        let (name, text) = (DEFAULT_FILE.into(), DEFAULT_POLICY.into());
        texts.insert(0, Text { whose: Authority::Defaults, name, text });
    }
    let mut layers = Vec::new();
    let mut origin = vec!["the defaults".to_string()];
    for Text { whose, name, text } in &texts {
        let layer = parse_layer(text, name, *whose).map_err(said)?;
        if *whose != Authority::Defaults {
            layer.check_machine(&machine).map_err(said)?;
            origin.push(name.clone());
        }
        layers.push(layer);
    }
    let policy = merge(&layers).map_err(said)?;
    let policy = Arc::new(PolicyInForce::Sound(Box::new(policy)));
    Ok(Merged { policy, layers, texts, origin: origin.join(", ") })
}

fn look_at(root: &Path, layers: &[Layer]) -> Result<Vec<String>, String> {
    let shown = policy_paths::look(root, layers).map_err(|problem| problem.to_string())?;
    Ok(shown.iter().map(ToString::to_string).collect())
}

fn read_text(path: &Path, authority: Authority) -> Result<Option<String>, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let check = |meta: &fs::Metadata| rely_on(meta, authority).map_err(io::Error::other);
    let read = plain::read_checked(path, TEXT_MAX, check);
    let Some(bytes) = read.map_err(|error| fault(&error))? else { return Ok(None) };
    if authority == Authority::Organisation {
        folder_of_root(path).map_err(|why| fault(&why))?;
    }
    String::from_utf8(bytes).map(Some).map_err(|error| not_text(path, &error))
}

/// Where a file stops being text, as other problems say their place.
fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> String {
    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let column = String::from_utf8_lossy(column).chars().count() + 1;
    format!("{}:{line}:{column}: not UTF-8; write the file as UTF-8 text", path.display())
}

/// Whether nobody else than its authority can have written a file. What people above a project say
/// may raise limits, so it must be theirs alone; a project may be shared by a group.
fn rely_on(meta: &fs::Metadata, authority: Authority) -> Result<(), String> {
    let own = rustix::process::geteuid().as_raw();
    let (owners, others): (&[u32], u32) = match authority {
        Authority::Organisation => (&[0], 0o022),
        Authority::User => (&[0, own], 0o022),
        Authority::Defaults | Authority::Project => (&[], 0o002),
    };
    if !owners.is_empty() && !owners.contains(&meta.uid()) {
        let whose = if authority == Authority::Organisation { "root" } else { "you" };
        return Err(format!("it belongs to user {}: chown it to {whose}", meta.uid()));
    }
    match meta.mode() & others {
        0 => Ok(()),
        _ if others == 0o002 => Err("everybody may write it: chmod o-w".into()),
        _ => Err("others may write it: chmod go-w".into()),
    }
}

/// Whoever may write the folder of a file may put another in its place.
fn folder_of_root(file: &Path) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let meta = fs::metadata(folder).map_err(|error| error.to_string())?;
    rely_on(&meta, Authority::Organisation)
        .map_err(|why| format!("its folder {}: {why}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits_of(known: &Known) -> Option<u32> {
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
        assert_eq!(limits_of(&policies.of(&root)), Some(512));
        fs::write(&file, text("64")).unwrap();
        assert_eq!(limits_of(&policies.of(&root)), Some(64));
        fs::write(&file, text("lots")).unwrap();
        let known = policies.of(&root);
        assert_eq!(limits_of(&known), Some(64));
        let problem = known.problem.unwrap();
        assert!(problem.contains("policy.yaml:3:20"), "{problem}");
    }

    #[test]
    fn a_change_of_the_same_length_in_the_same_moment_is_seen() {
        let (_folder, policies, root, file) = world();
        fs::write(&file, text("64")).unwrap();
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(limits_of(&policies.of(&root)), Some(64));
        fs::write(&file, text("32")).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        assert_eq!(limits_of(&policies.of(&root)), Some(32));
    }

    #[test]
    fn decisions_go_by_what_was_read_before_their_turn() {
        let (_folder, policies, root, file) = world();
        let name = root.to_str().unwrap();
        let kept = |mb: u32| {
            let text = text("64").replace("max_memory_mb: 64", &format!("max_storage_mb: {mb}"));
            fs::write(&file, text).unwrap();
        };
        let of_project = || Wanted { roots: [(name.to_string(), None)].into(), council: true };
        let decides = || Escalations::council(&policies).problem.is_none();
        kept(8);
        assert_eq!(policies.storage(name).bytes, 0, "nothing was read");
        assert!(!decides());
        assert_eq!(policies.escalation(name), Escalation::strictest());
        policies.read_for_turn(of_project(), |root| Some(policies.of(root)));
        kept(4);
        assert!(decides());
        assert_eq!(policies.storage(name).bytes, 8 << 20);
        assert_eq!(policies.escalation(name), policies.of(&root).escalation().unwrap());
        policies.read_for_turn(of_project(), |root| Some(policies.of(root)));
        assert_eq!(policies.storage(name).bytes, 4 << 20);
        policies.read_for_turn(Wanted::default(), |root| Some(policies.of(root)));
        assert_eq!(policies.storage(name).bytes, 0);
        assert!(!decides());
    }

    #[test]
    fn decisions_keep_to_what_people_agreed_to() {
        let (folder, policies, root, file) = world();
        let council = "council:\n  decisions:\n    change_policy: { quorum: 1 }\n";
        fs::write(folder.path().join(COUNCIL), council).unwrap();
        let name = root.to_str().unwrap().to_string();
        let kept = |mb: u32| {
            let text = text("64").replace("max_memory_mb: 64", &format!("max_storage_mb: {mb}"));
            fs::write(&file, text).unwrap();
            policies.of(&root).sound().unwrap().hash()
        };
        let read = |agreed: &[&String]| {
            let agreed = agreed.iter().map(|hash| hash.to_string()).collect();
            let roots = [(name.clone(), Some(agreed))].into();
            let wanted = Wanted { roots, council: false };
            policies.read_for_turn(wanted, |root| Some(policies.of(root)));
            policies.storage(&name).bytes >> 20
        };
        let first = kept(8);
        assert_eq!(read(&[&first]), 8);
        let second = kept(4);
        assert_eq!(read(&[&first]), 8, "nobody agreed");
        assert_eq!(read(&[&second]), 4);
        // A daemon that starts now knows no other.
        let third = kept(2);
        assert_ne!(second, third);
        let forget = |policies: &Policies| policies.0.lock().unwrap().agreed.clear();
        forget(&policies);
        assert_eq!(read(&[&second]), 0);
        // Unless the one before kept it, and it is what the journal says.
        let policies = policies.clone().keeping(folder.path().join("agreed"));
        assert_eq!(read(&[&third]), 2);
        let fourth = kept(1);
        forget(&policies);
        assert_eq!(read(&[&third]), 2, "it was kept");
        forget(&policies);
        assert_eq!(read(&[&second]), 0, "that is not what was agreed to");
        assert_eq!(read(&[&fourth]), 1);
        kept(3);
        forget(&policies);
        assert_eq!(read(&[&first]), 0);
        assert_eq!(policies.escalation(&name), Escalation::strictest());
    }

    #[test]
    fn what_was_agreed_to_is_kept_with_the_defaults_of_its_program() {
        let (folder, policies, root, file) = world();
        let council = "council:\n  decisions:\n    change_policy: { quorum: 1 }\n";
        fs::write(folder.path().join(COUNCIL), council).unwrap();
        let policies = policies.keeping(folder.path().join("agreed"));
        let older = DEFAULT_POLICY.replace("max_memory_mb: 512", "max_memory_mb: 300");
        assert_ne!(older, DEFAULT_POLICY);
        let defaults = Text { whose: Authority::Defaults, name: DEFAULT_FILE.into(), text: older };
        let agreed = merged(vec![defaults]).unwrap();
        let PolicyInForce::Sound(sound) = &*agreed.policy else { panic!("it is sound") };
        let hash = sound.hash();
        agreed::keep(&folder.path().join("agreed"), &root, &agreed.texts).unwrap();
        // This program's files say something else, whatever is in them.
        fs::write(&file, text("64")).unwrap();
        let known = policies.in_force(&root, policies.of(&root), &|agreed| agreed == hash);
        assert!(known.waits);
        assert_eq!(limits_of(&known), Some(300));
    }

    #[test]
    fn a_pipe_in_place_of_a_policy_holds_nobody_up() {
        let (_folder, policies, root, file) = world();
        rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(limits_of(&policies.of(&root)), None);
    }

    #[test]
    fn a_first_policy_that_is_wrong_permits_nothing() {
        let (_folder, policies, root, file) = world();
        fs::write(&file, text("lots")).unwrap();
        assert_eq!(limits_of(&policies.of(&root)), None);
    }

    /// What is said of one file in the project; the rest of the text is its path.
    fn said(problem: Option<String>, folder: &Path) -> String {
        let problem = problem.unwrap_or_else(|| "sound".into());
        let first = problem.lines().next().unwrap_or_default();
        first.replace(&*folder.to_string_lossy(), "").replace("/project/.ai_onboard/", "")
    }

    fn paths(list: &str) -> String {
        format!(
            "background_agent_safety:\n  action_restrictions:\n    file_system:\n      {list}\n"
        )
    }

    /// What paths of a policy may meet.
    fn furnish(root: &Path) {
        fs::write(root.join("plain"), "x").unwrap();
        fs::write(root.join("twice"), "x").unwrap();
        fs::hard_link(root.join("twice"), root.join("other")).unwrap();
        std::os::unix::fs::symlink("plain", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
    }

    #[test]
    fn bad_files_are_refused_at_their_place_and_start_nothing() {
        let safety = "background_agent_safety:\n";
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        let limits = |text: &str| format!("{safety}  resource_limits:\n    {text}\n");
        let cases: [(&str, Vec<u8>); 13] = [
            ("unknown key", limits("max_cpu: 5").into()),
            ("wrong type", limits("max_cpu_percent: ten").into()),
            ("duplicate key", limits("max_pids: 5\n    max_pids: 6").into()),
            ("a way out", paths("forbidden_paths: [../x]").into()),
            ("absolute", paths("forbidden_paths: [/etc]").into()),
            ("NUL in a path", paths("forbidden_paths: [\"a\\0b\"]").into()),
            ("a file, not a folder", paths("forbidden_paths: [plain/]").into()),
            ("a symlink", paths("forbidden_paths: [link]").into()),
            ("through a symlink", paths("read_only_paths: [out/x]").into()),
            ("a second name", paths("forbidden_paths: [plain, twice]").into()),
            ("alias bomb", bomb.into()),
            ("not UTF-8", [paths("forbidden_paths: [").as_bytes(), b"\xff]"].concat()),
            ("huge", vec![b'#'; usize::try_from(TEXT_MAX).unwrap() + 1]),
        ];
        let mut shown = String::new();
        for (name, text) in &cases {
            let (folder, policies, root, file) = world();
            furnish(&root);
            fs::write(&file, text).unwrap();
            let known = policies.of(&root);
            assert_eq!(limits_of(&known), None, "{name} starts something");
            shown += &format!("{name}: {}\n", said(known.problem, folder.path()));
            // While a sound one is in force, it stays.
            let (_folder, policies, root, file) = world();
            assert_eq!(limits_of(&policies.of(&root)), Some(512));
            furnish(&root);
            fs::write(&file, text).unwrap();
            let known = policies.of(&root);
            assert_eq!(limits_of(&known), Some(512), "{name} comes into force");
            assert!(known.problem.is_some(), "{name} is not said");
        }
        expect_test::expect![[r#"
            unknown key: policy.yaml:3:5: unknown key `max_cpu`
            wrong type: policy.yaml:3:22: `background_agent_safety.resource_limits.max_cpu_percent` wants a whole number from 1 to 100000, found `ten`
            duplicate key: policy.yaml:4:5: `max_pids` is given a second time
            a way out: policy.yaml:4:25: a path that leaves the project
            absolute: policy.yaml:4:25: a path that is absolute
            NUL in a path: policy.yaml:4:25: `background_agent_safety.action_restrictions.file_system.forbidden_paths[0]` has a NUL character
            a file, not a folder: policy.yaml:4:25: `plain/` means a folder, and a file is there
            a symlink: policy.yaml:4:25: `link` is a symlink or leads through one
            through a symlink: policy.yaml:4:25: `out/x` is a symlink or leads through one
            a second name: policy.yaml:4:32: `twice` has 2 names (hard links), and can be read by the others
            alias bomb: policy.yaml:1:7: an anchor
            not UTF-8: policy.yaml:5:1: not UTF-8; write the file as UTF-8 text
            huge: policy.yaml: more than 262144 bytes, the most that are read
        "#]].assert_eq(&shown);
    }

    #[test]
    fn an_empty_list_of_hosts_allows_none() {
        let (_folder, policies, root, _) = world();
        let user = |list: &str| {
            let text = format!(
                "background_agent_safety:\n  action_restrictions:\n    network:\n      \
                 allowed_domains: {list}\n"
            );
            fs::write(root.parent().unwrap().join("policy.yaml"), text).unwrap();
            let known = policies.of(&root);
            known.sound().unwrap().allowed_domains().count()
        };
        assert_eq!(user("[a.example]"), 1);
        assert_eq!(user("[]"), 0);
    }

    #[test]
    fn what_is_not_there_is_shown_where_the_project_names_it() {
        let (folder, policies, root, file) = world();
        fs::create_dir(root.join("secrets")).unwrap();
        fs::write(&file, paths("forbidden_paths: [secret, keys/]")).unwrap();
        let known = policies.of(&root);
        assert_eq!(known.problem, None);
        let shown: Vec<String> =
            known.warnings.iter().map(|w| said(Some(w.clone()), folder.path())).collect();
        assert_eq!(
            shown,
            ["policy.yaml:4:25: `secret` is not there", "policy.yaml:4:33: `keys` is not there"]
        );
        assert!(known.warnings[0].ends_with("= did you mean `secrets`?"), "{}", known.warnings[0]);
        // Once it is there, nothing is said, without a change of the policy.
        fs::create_dir(root.join("keys")).unwrap();
        assert_eq!(policies.of(&root).warnings.len(), 1);
        fs::remove_dir(root.join("keys")).unwrap();
        std::os::unix::fs::symlink("secrets", root.join("keys")).unwrap();
        let known = policies.of(&root);
        assert!(known.problem.unwrap().contains("policy.yaml:4:33: `keys` is a symlink"));
        assert!(
            matches!(*known.in_force, PolicyInForce::Sound(_)),
            "launches refuse it themselves"
        );
    }

    #[test]
    fn a_policy_that_others_may_write_is_nobody_s_word() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, policies, root, file) = world();
        let organisation = folder.path().join("none");
        let user = folder.path().join("policy.yaml");
        let own = rustix::process::geteuid().as_raw();
        let said_of = |path: &Path, mode: u32| {
            fs::write(path, text("64")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let known = policies.of(&root);
            fs::remove_file(path).unwrap();
            said(known.problem, folder.path())
        };
        assert_eq!(said_of(&file, 0o664), "sound");
        assert_eq!(said_of(&file, 0o666), "policy.yaml: everybody may write it: chmod o-w");
        assert_eq!(said_of(&user, 0o644), "sound");
        assert_eq!(said_of(&user, 0o664), "/policy.yaml: others may write it: chmod go-w");
        let of_organisation = said_of(&organisation, 0o644);
        if own == 0 {
            assert_eq!(of_organisation, "sound");
            assert_eq!(said_of(&organisation, 0o622), "/none: others may write it: chmod go-w");
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
            let why = "/none: its folder : others may write it: chmod go-w";
            assert_eq!(said_of(&organisation, 0o644), why);
        } else {
            let why = format!("/none: it belongs to user {own}: chown it to root");
            assert_eq!(of_organisation, why);
            // Root may read everything.
            let unreadable = said_of(&file, 0o000);
            assert_eq!(unreadable, "policy.yaml: Permission denied (os error 13)");
        }
    }

    #[test]
    fn a_limit_above_what_this_machine_has_is_refused() {
        let (_folder, policies, root, _) = world();
        fs::write(root.parent().unwrap().join("policy.yaml"), text("4194304")).unwrap();
        let problem = policies.of(&root).problem.unwrap();
        assert!(
            problem.contains("policy.yaml:3:20: `max_memory_mb` is 4194304, and this machine has"),
            "{problem}"
        );
    }

    #[test]
    fn a_project_may_not_loosen() {
        let (_folder, policies, root, file) = world();
        fs::write(&file, text("1024")).unwrap();
        let known = policies.of(&root);
        assert_eq!(limits_of(&known), None);
        assert!(known.problem.unwrap().contains("1024"));
    }
}
