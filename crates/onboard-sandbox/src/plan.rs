//! The plan: a profile compiled, for one host, into the ordered list of steps that build the walls.

use crate::cgroup::{Entry, Version};
use crate::filter::Filter;
use crate::host::{Host, Source};
use crate::layer::{Layer, Mechanism};
use crate::mask;
use crate::network::Place;
use crate::profile::{APP_DIR, HOST_FD, PROJECT_DIR, Profile};
use crate::sys::files::Identity;
use crate::sys::landlock::right;
use crate::sys::mount::attr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// User and group the agent is inside; outside they are the account the host facts name.
pub const INSIDE_ID: u32 = 1000;

/// The slot of the project's tree: masks are placed relative to it.
pub const PROJECT_SLOT: usize = 0;

/// Device files an ordinary program needs; none reaches hardware.
pub const DEVICES: [&str; 5] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Files and folders the new root itself may hold: mount points and three small files.
const ROOT_BYTES: u64 = 1 << 20;

/// Bytes of `/tmp` a file may be expected to need: with it the number of files is bounded too.
const BYTES_PER_FILE: u64 = 4096;

/// One step of building the walls. Executed in order; the first that fails ends the launch, and
/// the failure names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    // In the launcher, with the caller's own rights.
    NewSession,
    ScheduleOrdinarily,
    LeaveGroups,
    OpenGroup {
        version: Version,
        path: String,
    },
    /// Takes a detached, private copy of a host tree with its attributes already set.
    Take {
        slot: usize,
        source: String,
        attributes: u64,
        /// What has to be there, of what was judged.
        is: Option<Identity>,
    },
    NewNamespaces,
    MapUser {
        uid: u32,
        gid: u32,
    },
    // In the sandbox's first process.
    /// Opens the device that serves file systems, once for each mask that is watched: with the
    /// caller's rights on the file, and for the new user namespace.
    OpenMasks {
        count: usize,
    },
    BecomeUser,
    DieWithLauncher,
    EnterGroups,
    PrivateMounts,
    BringUpNetwork {
        v6: bool,
    },
    /// Makes one end of the network, for the caller.
    OpenEnd(Place),
    NewRoot {
        bytes: u64,
    },
    MakeDir {
        path: String,
        mode: u32,
    },
    MakeLink {
        path: String,
        target: String,
    },
    MakeFile {
        path: String,
        mode: u32,
        text: String,
    },
    Attach {
        slot: usize,
        target: String,
    },
    MountTmp {
        bytes: u64,
        files: u64,
        executable: bool,
    },
    /// Where the host lets nobody mount a new one, a run that does not insist gets none.
    MountProc {
        required: bool,
    },
    /// Covers a program of the system, at its path inside.
    MaskProgram {
        path: String,
    },
    Mask {
        path: String,
        /// Whether by a file system of ours, which tells who tried.
        watched: bool,
    },
    /// Opens masks that further paths share: one for folders, one for files.
    ShareMasks {
        /// The paths that share them.
        paths: usize,
    },
    /// Has a folder of the project keep the names that it has now.
    FixNames {
        path: String,
    },
    /// Gives the run a share of its own of what the kernel counts for a user.
    LimitCounts,
    SealRoot,
    PivotRoot,
    SetHostName,
    AwaitGo,
    NewGroupNamespace,
    Fork,
    // In the process that becomes the agent.
    ArrangeFiles,
    EnterProject,
    Limit {
        resource: Resource,
        value: u64,
    },
    DropCapabilities,
    NoNewPrivileges,
    Landlock {
        version: u32,
        grants: Vec<(String, u64)>,
        /// Whether TCP connections are left to the network's own walls.
        network: bool,
    },
    FilterCalls(Filter),
    CloseFiles,
    Execute {
        argv: Vec<String>,
        env: Vec<(String, String)>,
    },
}

/// A resource limit a single process carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    FileSize,
    CoreSize,
    OpenFiles,
    LockedMemory,
    MessageQueues,
    Signals,
    Data,
    Processes,
}

impl Resource {
    /// The kernel's number for it.
    pub fn number(self) -> u32 {
        match self {
            Self::FileSize => libc::RLIMIT_FSIZE,
            Self::CoreSize => libc::RLIMIT_CORE,
            Self::OpenFiles => libc::RLIMIT_NOFILE,
            Self::LockedMemory => libc::RLIMIT_MEMLOCK,
            Self::MessageQueues => libc::RLIMIT_MSGQUEUE,
            Self::Signals => libc::RLIMIT_SIGPENDING,
            Self::Data => libc::RLIMIT_DATA,
            Self::Processes => libc::RLIMIT_NPROC,
        }
    }
}

impl Step {
    /// The layer that is missing when this step fails.
    pub fn layer(&self) -> Layer {
        match self {
            Self::NewNamespaces
            | Self::MapUser { .. }
            | Self::BecomeUser
            | Self::LimitCounts
            | Self::LeaveGroups => Layer::User,
            Self::OpenMasks { .. }
            | Self::ShareMasks { .. }
            | Self::FixNames { .. }
            | Self::Mask { .. }
            | Self::MaskProgram { .. } => Layer::ForbiddenPaths,
            Self::MountProc { .. } => Layer::Proc,
            Self::SetHostName | Self::NewGroupNamespace => Layer::Names,
            Self::DropCapabilities | Self::NoNewPrivileges | Self::CloseFiles => Layer::Privileges,
            Self::Landlock { .. } => Layer::Landlock,
            Self::FilterCalls(_) => Layer::SystemCalls,
            Self::BringUpNetwork { .. } | Self::OpenEnd(_) => Layer::Network,
            Self::Limit { resource, .. } => match resource {
                Resource::FileSize => Layer::FileSize,
                Resource::Processes => Layer::Pids,
                _ => Layer::Memory,
            },
            Self::ScheduleOrdinarily => Layer::Cpu,
            Self::OpenGroup { .. } | Self::EnterGroups => Layer::Memory,
            Self::NewSession
            | Self::DieWithLauncher
            | Self::AwaitGo
            | Self::Fork
            | Self::ArrangeFiles
            | Self::Execute { .. } => Layer::Processes,
            _ => Layer::Files,
        }
    }
}

/// What holds each limit that has more than one possible mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanisms {
    pub cpu: Mechanism,
    pub memory: Mechanism,
    pub pids: Mechanism,
    pub disk_reads: Mechanism,
    pub freeze: Mechanism,
}

impl Mechanisms {
    /// As pairs, in the layers' order.
    pub fn pairs(&self) -> [(Layer, Mechanism); 5] {
        [
            (Layer::Memory, self.memory),
            (Layer::Cpu, self.cpu),
            (Layer::Pids, self.pids),
            (Layer::DiskReads, self.disk_reads),
            (Layer::Freeze, self.freeze),
        ]
    }
}

/// What the launcher itself watches where no control group can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Percent of one core to hold by stopping and continuing.
    pub cpu_percent: Option<u32>,
    /// Bytes above which the run is killed.
    pub memory_bytes: Option<u64>,
    /// Processes and threads whose limit, when it is reached, nobody else would notice.
    pub pids: Option<u32>,
}

/// The compiled plan.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub watch: Watch,
    /// The version 1 freezer's state file: a frozen process there dies only after it is thawed.
    pub freezer: Option<String>,
}

impl Plan {
    /// Whether the caller hears of the run's system calls.
    pub(crate) fn is_watched(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::FilterCalls(Filter { notify: true, .. })))
    }

    /// Compiles a checked profile. Decides only from its arguments.
    pub(crate) fn compile(
        profile: &Profile,
        host: &Host,
        mechanisms: &Mechanisms,
        groups: &[Entry],
    ) -> Self {
        let mut steps = Vec::with_capacity(96);
        let trees = trees(profile, host);
        launcher_steps(&mut steps, host, &trees, groups, nobodys_steps(profile, host));
        root_steps(&mut steps, profile, host, &trees);
        agent_steps(&mut steps, profile, host, mechanisms);
        let freezer = groups.iter().find(|group| group.freezes);
        let freezer = freezer.map(|group| format!("{}/freezer.state", group.path));
        Self { steps, watch: watch(profile, mechanisms), freezer }
    }
}

impl Plan {
    /// Stands for a step where what failed is none.
    pub(crate) const NO_STEP: usize = usize::MAX;

    /// What the caller gets when everything is built, in the order in which it is made.
    pub(crate) fn gifts(&self) -> impl Iterator<Item = Gift> {
        self.steps.iter().flat_map(|step| match step {
            Step::OpenEnd(place) => vec![Gift::End(*place)],
            Step::MountTmp { .. } => vec![Gift::Tmp],
            Step::Mask { path, watched: true } => vec![Gift::Mask(path.clone())],
            Step::ShareMasks { paths } => ["folders", "files"]
                .map(|kind| Gift::Mask(format!("(one of {paths} further forbidden {kind})")))
                .into(),
            _ => Vec::new(),
        })
    }
}

/// A descriptor that the caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gift {
    /// An end of the network.
    End(Place),
    /// The run's `/tmp`, to see how full it is.
    Tmp,
    /// The device of the file system over this path of the project.
    Mask(String),
}

/// A host tree and where it is seen inside.
struct Tree {
    source: String,
    target: String,
    attributes: u64,
    is: Option<Identity>,
}

fn trees(profile: &Profile, host: &Host) -> Vec<Tree> {
    const PLAIN: u64 = attr::READ_ONLY | attr::NO_SUID | attr::NO_DEV;
    const DATA: u64 = PLAIN | attr::NO_EXEC;
    const DEVICE: u64 = attr::READ_ONLY | attr::NO_SUID | attr::NO_EXEC;
    let tree = |source: &str, target: String, attributes| Tree {
        source: source.to_owned(),
        target,
        attributes,
        is: None,
    };
    let judged = |source: &Source, target: String| Tree {
        source: source.path.clone(),
        target,
        attributes: PLAIN,
        is: Some(source.is),
    };
    let mut trees = vec![judged(&host.project, PROJECT_DIR.to_owned())];
    for entry in host.system.iter().filter(|e| e.link.is_none()) {
        trees.push(tree(&entry.path, entry.path.clone(), PLAIN));
    }
    trees.extend(host.etc.iter().map(|path| tree(path, path.clone(), DATA)));
    for (entry, source) in profile.read_only.iter().zip(&host.read_only) {
        trees.push(judged(source, format!("{APP_DIR}/{}", entry.name)));
    }
    trees.extend(DEVICES.iter().map(|path| tree(path, (*path).to_owned(), DEVICE)));
    trees
}

fn launcher_steps(
    steps: &mut Vec<Step>,
    host: &Host,
    trees: &[Tree],
    groups: &[Entry],
    nobodys: Vec<Step>,
) {
    let takes = trees.iter().enumerate().map(|(slot, tree)| Step::Take {
        slot,
        source: tree.source.clone(),
        attributes: tree.attributes,
        is: tree.is,
    });
    let map = Step::MapUser { uid: host.account.uid, gid: host.account.gid };
    let namespaces = [Step::NewNamespaces].into_iter().chain(nobodys).chain([map]);
    let enter = (!groups.is_empty()).then_some(Step::EnterGroups);
    let own = [Step::BecomeUser, Step::DieWithLauncher, Step::LimitCounts];
    let inside = own.into_iter().chain(enter).chain([Step::PrivateMounts]);
    steps.extend([Step::NewSession, Step::ScheduleOrdinarily]);
    steps.extend(
        groups.iter().map(|g| Step::OpenGroup { version: g.version, path: g.path.clone() }),
    );
    if host.is_root {
        // Root reaches every folder; the run's account may not reach the one the project is in. So
        // the copies are taken before the change of user, and only attached after it.
        steps.push(Step::LeaveGroups);
        steps.extend(takes);
        steps.extend(namespaces);
        steps.extend(inside);
    } else {
        // Without rights on the host, copies can be taken only inside the new namespaces.
        steps.extend(namespaces);
        steps.extend(inside);
        steps.extend(takes);
    }
}

/// What the first process of the namespaces makes without being anybody in them: meanwhile the launcher
/// says who it is. Ports below 1024 are taken while that can be done, and before the filter.
fn nobodys_steps(profile: &Profile, host: &Host) -> Vec<Step> {
    let v6 = host.has_v6;
    let devices = devices(profile, host);
    let masks = (devices > 0).then_some(Step::OpenMasks { count: devices });
    let places = profile.network.iter().flat_map(|network| network.places(v6));
    let up = profile.network.iter().map(|_| Step::BringUpNetwork { v6 });
    masks.into_iter().chain(up).chain(places.map(Step::OpenEnd)).collect()
}

fn root_steps(steps: &mut Vec<Step>, profile: &Profile, host: &Host, trees: &[Tree]) {
    let dir = |path: &str, mode| Step::MakeDir { path: path.to_owned(), mode };
    let link = |path: &str, target: &str| Step::MakeLink {
        path: path.to_owned(),
        target: target.to_owned(),
    };
    let file = |path: &str, mode, text: &str| Step::MakeFile {
        path: path.to_owned(),
        mode,
        text: text.to_owned(),
    };
    steps.push(Step::NewRoot { bytes: ROOT_BYTES });
    for path in ["/etc", "/dev", "/tmp", "/proc", APP_DIR] {
        steps.push(dir(path, 0o755));
    }
    steps.extend(folders_above(&host.etc).iter().map(|path| dir(path, 0o755)));
    for entry in &host.system {
        match (&entry.link, entry.path.rsplit_once('/')) {
            (Some(target), _) => steps.push(link(&entry.path, target)),
            (None, Some((parent, _))) if !parent.is_empty() => steps.push(dir(parent, 0o755)),
            _ => {}
        }
    }
    let id = INSIDE_ID;
    steps.push(file("/etc/passwd", 0o644, &format!("agent:x:{id}:{id}::/tmp:/bin/sh\n")));
    steps.push(file("/etc/group", 0o644, &format!("agent:x:{id}:\n")));
    if profile.network.is_some() {
        steps.push(file("/etc/resolv.conf", 0o644, "nameserver 127.0.0.1\n"));
        steps.push(file("/etc/hosts", 0o644, "127.0.0.1 localhost\n::1 localhost\n"));
    }
    steps.extend([
        link("/dev/fd", "/proc/self/fd"),
        link("/dev/stdin", "/proc/self/fd/0"),
        link("/dev/stdout", "/proc/self/fd/1"),
        link("/dev/stderr", "/proc/self/fd/2"),
        // Shared memory by name is memory too: one size for both.
        link("/dev/shm", "/tmp"),
    ]);
    steps.extend(
        trees
            .iter()
            .enumerate()
            .map(|(slot, tree)| Step::Attach { slot, target: tree.target.clone() }),
    );
    let tmp = profile.limits.tmp_bytes;
    steps.push(Step::MountTmp {
        bytes: tmp,
        files: (tmp / BYTES_PER_FILE).max(16),
        executable: profile.works_in_tmp,
    });
    steps.push(Step::MountProc { required: profile.must_enforce.contains(&Layer::Proc) });
    if !profile.forbidden.is_empty() || !host.commands.is_empty() {
        steps.extend([dir(MASKS, 0o700), dir(MASK_DIR, 0), file(MASK_FILE, 0, "")]);
        let cover = |path: &String| Step::MaskProgram { path: path.clone() };
        steps.extend(host.commands.iter().map(cover));
        let fix = |path: &String| Step::FixNames { path: path.clone() };
        steps.extend(host.fixed.iter().map(fix));
        let (all, watched) = (outermost(&profile.forbidden).count(), watched(profile, host));
        let sharing = (watched > 0).then(|| all.saturating_sub(watched)).filter(|paths| *paths > 0);
        steps.extend(sharing.map(|paths| Step::ShareMasks { paths }));
        let mask = |(index, path): (usize, &str)| Step::Mask {
            path: path.to_owned(),
            watched: index < watched,
        };
        steps.extend(outermost(&profile.forbidden).enumerate().map(mask));
    }
    steps.extend([
        Step::SealRoot,
        Step::PivotRoot,
        Step::SetHostName,
        Step::AwaitGo,
        Step::NewGroupNamespace,
        Step::Fork,
    ]);
}

/// Forbidden paths that lie in no other one: those are behind its mask, where nothing can be looked
/// up any more.
pub(crate) fn outermost(forbidden: &[String]) -> impl Iterator<Item = &str> {
    let paths = || forbidden.iter().map(|path| path.trim_end_matches('/'));
    let is_outer = move |(index, path): &(usize, &str)| {
        let covers = |(other, above): (usize, &str)| {
            Path::new(path).starts_with(above) && (*path != above || other < *index)
        };
        !paths().enumerate().any(covers)
    };
    paths().enumerate().filter(is_outer).map(|(_, path)| path)
}

/// How many masks are watched: the first of them, where the host allows.
fn watched(profile: &Profile, host: &Host) -> usize {
    if host.can_watch { outermost(&profile.forbidden).count().min(mask::MAX_WATCHED) } else { 0 }
}

/// How many devices that takes: two more where further paths share.
fn devices(profile: &Profile, host: &Host) -> usize {
    let watched = watched(profile, host);
    let share = watched > 0 && outermost(&profile.forbidden).count() > watched;
    if share { watched + 2 } else { watched }
}

/// The folders between `/etc` and its files, each above what it holds.
fn folders_above(etc: &[String]) -> BTreeSet<&str> {
    let below = |path: &&Path| path.parent().is_some_and(|parent| parent.starts_with("/etc"));
    let above = |path| Path::new(path).ancestors().skip(1).filter(below);
    etc.iter().flat_map(above).filter_map(Path::to_str).collect()
}

/// No process leaves its memory behind. With zero, a host that pipes such memory to a program would
/// still start that program, as root, for what an agent made of itself; one byte is the value by
/// which the kernel starts none, and less than any file of this kind has.
const NO_CORE: u64 = 1;

/// Signals and timers that may wait at once: what a run-time with a timer for each of its threads has.
/// The kernel counts them for their user, on the host as well.
const SIGNALS: u64 = 1024;

const MASKS: &str = "/.masked";
/// The empty folder, closed to everybody, that masks a folder.
pub const MASK_DIR: &str = "/.masked/folder";
/// The empty file, closed to everybody, that masks anything else.
pub const MASK_FILE: &str = "/.masked/file";

fn agent_steps(steps: &mut Vec<Step>, profile: &Profile, host: &Host, mechanisms: &Mechanisms) {
    let limits = &profile.limits;
    let limit = |resource, value| Step::Limit { resource, value };
    steps.extend([
        Step::ArrangeFiles,
        Step::EnterProject,
        limit(Resource::FileSize, limits.file_bytes),
        limit(Resource::CoreSize, NO_CORE),
        limit(Resource::OpenFiles, limits.open_files.min(host.most_open_files)),
        limit(Resource::LockedMemory, 0),
        limit(Resource::MessageQueues, 0),
        limit(Resource::Signals, SIGNALS),
    ]);
    if mechanisms.memory == Mechanism::DataLimitAndSum {
        // Not the address space: run-times reserve far more of it than they touch.
        steps.push(limit(Resource::Data, limits.memory_bytes));
    }
    if mechanisms.pids == Mechanism::ProcessLimit {
        steps.push(limit(Resource::Processes, u64::from(limits.pids)));
    }
    steps.extend([Step::DropCapabilities, Step::NoNewPrivileges]);
    if let Some(version) = host.landlock {
        let network = profile.network.is_some();
        steps.push(Step::Landlock { version, grants: grants(profile.works_in_tmp), network });
    }
    let fixed = [
        ("AI_ONBOARD_HOST_FD".to_owned(), HOST_FD.to_string()),
        ("AI_ONBOARD_PROJECT".to_owned(), PROJECT_DIR.to_owned()),
    ];
    steps.extend([
        Step::FilterCalls(filter(profile, host, mechanisms)),
        Step::CloseFiles,
        Step::Execute {
            argv: profile.argv.clone(),
            env: profile.env.iter().cloned().chain(fixed).collect(),
        },
    ]);
}

fn filter(profile: &Profile, host: &Host, mechanisms: &Mechanisms) -> Filter {
    Filter {
        network: profile.network.is_some(),
        notify: host.can_notify,
        // Masks that are file systems of ours tell of reads by themselves, and better.
        reads: host.can_notify && !host.can_watch && !profile.forbidden.is_empty(),
        shared_memory: mechanisms.memory != Mechanism::DataLimitAndSum,
    }
}

/// Landlock's rules: read and run what is visible, write in `/tmp` and to the device files. What was
/// written may be run only where that is the work.
fn grants(works_in_tmp: bool) -> Vec<(String, u64)> {
    let read = right::READ_FILE | right::READ_DIR;
    let write = right::WRITE_FILE | right::TRUNCATE;
    let make = right::MAKE_DIR | right::MAKE_REG | right::MAKE_SYM | right::MAKE_FIFO;
    let change = right::REMOVE_DIR | right::REMOVE_FILE | right::REFER;
    let run = if works_in_tmp { right::EXECUTE } else { 0 };
    vec![
        ("/".to_owned(), read | right::EXECUTE),
        ("/tmp".to_owned(), read | write | make | change | run),
        ("/dev".to_owned(), write),
    ]
}

fn watch(profile: &Profile, mechanisms: &Mechanisms) -> Watch {
    Watch {
        cpu_percent: (mechanisms.cpu == Mechanism::DutyCycle).then_some(profile.limits.cpu_percent),
        memory_bytes: (mechanisms.memory == Mechanism::DataLimitAndSum)
            .then_some(profile.limits.memory_bytes),
        pids: (mechanisms.pids == Mechanism::ProcessLimit).then_some(profile.limits.pids),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewSession => f.write_str("start a session"),
            Self::ScheduleOrdinarily => f.write_str("give up real-time scheduling"),
            Self::LeaveGroups => f.write_str("leave supplementary groups"),
            Self::OpenGroup { path, .. } => write!(f, "open control group {path}"),
            Self::EnterGroups => f.write_str("enter the control groups"),
            Self::Take { source, attributes, .. } => {
                write!(f, "take {source} {}", Attributes(*attributes))
            }
            Self::NewNamespaces => f.write_str("create namespaces user mount pid net ipc uts"),
            Self::MapUser { uid, gid } => {
                write!(f, "map user {INSIDE_ID}:{INSIDE_ID} to {uid}:{gid} of the host")
            }
            Self::BecomeUser => write!(f, "become {INSIDE_ID}:{INSIDE_ID}"),
            Self::DieWithLauncher => f.write_str("die with the launcher"),
            Self::PrivateMounts => f.write_str("cut mounts off from the host"),
            Self::BringUpNetwork { v6 } => {
                let and = if *v6 { " and IPv6" } else { "" };
                write!(f, "bring up loopback with every address of IPv4{and}")
            }
            Self::OpenEnd(place) => write!(f, "open network end {place}"),
            Self::NewRoot { bytes } => write!(f, "create a root of {bytes} bytes"),
            Self::MakeDir { path, mode } => write!(f, "create folder {path} mode {mode:03o}"),
            Self::MakeLink { path, target } => write!(f, "create link {path} to {target}"),
            Self::MakeFile { path, mode, .. } => write!(f, "create file {path} mode {mode:03o}"),
            Self::Attach { target, .. } => write!(f, "attach {target}"),
            Self::MountTmp { bytes, files, executable } => {
                let run = if *executable { ", to execute from" } else { "" };
                write!(f, "mount /tmp of {bytes} bytes, {files} files{run}")
            }
            Self::MountProc { required } => {
                let insistence = if *required { "" } else { " if the host allows" };
                write!(f, "mount /proc, own processes only{insistence}")
            }
            Self::MaskProgram { path } => write!(f, "mask the program {path}"),
            Self::OpenMasks { count } => write!(f, "open {count} masks that tell who tried"),
            Self::ShareMasks { paths } => {
                write!(f, "open masks that {paths} further paths share")
            }
            Self::FixNames { path } => write!(f, "fix the names in {PROJECT_DIR}/{path}"),
            Self::LimitCounts => f.write_str("limit what counts as the user's on the host"),
            Self::Mask { path, watched: false } => write!(f, "mask {PROJECT_DIR}/{path}"),
            Self::Mask { path, watched: true } => write!(f, "mask {PROJECT_DIR}/{path}, watched"),
            Self::SealRoot => f.write_str("make the root read-only"),
            Self::PivotRoot => f.write_str("change the root"),
            Self::SetHostName => f.write_str("set the host name"),
            Self::AwaitGo => f.write_str("wait until the run is recorded and limited"),
            Self::NewGroupNamespace => f.write_str("create namespace cgroup"),
            Self::Fork => f.write_str("create the agent's process"),
            Self::ArrangeFiles => f.write_str("arrange files 0 to 3"),
            Self::EnterProject => write!(f, "enter {PROJECT_DIR}"),
            Self::Limit { resource, value } => write!(f, "limit {resource:?} to {value}"),
            Self::DropCapabilities => f.write_str("drop every capability"),
            Self::NoNewPrivileges => f.write_str("give up gaining privileges"),
            Self::Landlock { version, grants, network } => {
                let connect = if *network { ", may connect" } else { "" };
                write!(f, "landlock version {version}{connect}:")?;
                grants.iter().try_for_each(|(path, rights)| write!(f, " {path}={rights:#x}"))
            }
            Self::FilterCalls(filter) => {
                let words = [
                    (filter.network, ", but not internet sockets"),
                    (!filter.shared_memory, ", and memory of no process"),
                    (filter.notify, ", and tell of them"),
                    (filter.reads, " and of reads"),
                ];
                let said = words.iter().filter(|(is, _)| *is).map(|(_, words)| *words);
                write!(f, "filter system calls{}", said.collect::<String>())
            }
            Self::CloseFiles => f.write_str("close all other files"),
            Self::Execute { argv, .. } => write!(f, "execute {}", argv[0]),
        }
    }
}

/// Mount attributes in words.
struct Attributes(u64);

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (attr::READ_ONLY, "ro"),
            (attr::NO_SUID, "nosuid"),
            (attr::NO_DEV, "nodev"),
            (attr::NO_EXEC, "noexec"),
        ];
        let set: Vec<&str> =
            words.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, word)| *word).collect();
        f.write_str(&set.join(","))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{index:<3} {:<15} {step}", step.layer())?;
        }
        if let Some(percent) = self.watch.cpu_percent {
            writeln!(f, "-   {:<15} watch: at most {percent} % of one core", Layer::Cpu)?;
        }
        if let Some(bytes) = self.watch.memory_bytes {
            writeln!(f, "-   {:<15} watch: at most {bytes} bytes", Layer::Memory)?;
        }
        if let Some(pids) = self.watch.pids {
            writeln!(f, "-   {:<15} watch: whether there are {pids} processes", Layer::Pids)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Account, SystemEntry};
    use crate::lacking::Lacking;
    use crate::profile::{Limits, ReadOnly};
    use expect_test::{Expect, expect};

    fn profile() -> Profile {
        Profile {
            instance: "i".into(),
            run: "r".into(),
            argv: vec!["/app/agent/run".into(), "--once".into()],
            env: vec![("LANG".into(), "C.UTF-8".into())],
            project: "/home/u/p".into(),
            forbidden: vec![".env".into(), "secret/".into()],
            forbidden_commands: Vec::new(),
            read_only: vec![ReadOnly { host: "/opt/agent".into(), name: "agent".into() }],
            network: None,
            limits: Limits::default(),
            works_in_tmp: false,
            must_enforce: Vec::new(),
        }
    }

    fn source(path: &str) -> Source {
        Source { path: path.into(), is: Identity { device: 1, inode: 2 } }
    }

    fn host(is_root: bool) -> Host {
        let entry = |path: &str, link: Option<&str>| SystemEntry {
            path: path.into(),
            link: link.map(str::to_owned),
        };
        Host {
            is_root,
            account: Account { uid: 1000, gid: 100 },
            project: source("/home/u/p"),
            read_only: vec![source("/opt/agent")],
            can_notify: true,
            commands: Vec::new(),
            has_v6: true,
            system: vec![
                entry("/usr", None),
                entry("/bin", Some("usr/bin")),
                entry("/nix/store", None),
            ],
            etc: vec!["/etc/ld.so.cache".into()],
            landlock: is_root.then_some(7),
            can_watch: is_root,
            fixed: [String::new(), "secret".into()].into(),
            lacking: Lacking::default(),
            most_open_files: 512,
        }
    }

    fn check(is_root: bool, mechanisms: Mechanisms, groups: &[Entry], expect: Expect) {
        let plan = Plan::compile(&profile(), &host(is_root), &mechanisms, groups);
        expect.assert_eq(&plan.to_string());
    }

    #[test]
    fn root_with_control_groups() {
        let held = Mechanism::CgroupV1;
        let mechanisms =
            Mechanisms { cpu: held, memory: held, pids: held, disk_reads: held, freeze: held };
        let groups = [Entry {
            version: Version::One,
            path: "/cgroup/cpu/ai_onboard/i/r".into(),
            freezes: false,
        }];
        check(
            true,
            mechanisms,
            &groups,
            expect![[r#"
                0   processes       start a session
                1   cpu             give up real-time scheduling
                2   memory          open control group /cgroup/cpu/ai_onboard/i/r
                3   user            leave supplementary groups
                4   files           take /home/u/p ro,nosuid,nodev
                5   files           take /usr ro,nosuid,nodev
                6   files           take /nix/store ro,nosuid,nodev
                7   files           take /etc/ld.so.cache ro,nosuid,nodev,noexec
                8   files           take /opt/agent ro,nosuid,nodev
                9   files           take /dev/null ro,nosuid,noexec
                10  files           take /dev/zero ro,nosuid,noexec
                11  files           take /dev/full ro,nosuid,noexec
                12  files           take /dev/random ro,nosuid,noexec
                13  files           take /dev/urandom ro,nosuid,noexec
                14  user            create namespaces user mount pid net ipc uts
                15  forbidden paths open 2 masks that tell who tried
                16  user            map user 1000:1000 to 1000:100 of the host
                17  user            become 1000:1000
                18  processes       die with the launcher
                19  user            limit what counts as the user's on the host
                20  memory          enter the control groups
                21  files           cut mounts off from the host
                22  files           create a root of 1048576 bytes
                23  files           create folder /etc mode 755
                24  files           create folder /dev mode 755
                25  files           create folder /tmp mode 755
                26  files           create folder /proc mode 755
                27  files           create folder /app mode 755
                28  files           create link /bin to usr/bin
                29  files           create folder /nix mode 755
                30  files           create file /etc/passwd mode 644
                31  files           create file /etc/group mode 644
                32  files           create link /dev/fd to /proc/self/fd
                33  files           create link /dev/stdin to /proc/self/fd/0
                34  files           create link /dev/stdout to /proc/self/fd/1
                35  files           create link /dev/stderr to /proc/self/fd/2
                36  files           create link /dev/shm to /tmp
                37  files           attach /project
                38  files           attach /usr
                39  files           attach /nix/store
                40  files           attach /etc/ld.so.cache
                41  files           attach /app/agent
                42  files           attach /dev/null
                43  files           attach /dev/zero
                44  files           attach /dev/full
                45  files           attach /dev/random
                46  files           attach /dev/urandom
                47  files           mount /tmp of 67108864 bytes, 16384 files
                48  proc            mount /proc, own processes only if the host allows
                49  files           create folder /.masked mode 700
                50  files           create folder /.masked/folder mode 000
                51  files           create file /.masked/file mode 000
                52  forbidden paths fix the names in /project/
                53  forbidden paths fix the names in /project/secret
                54  forbidden paths mask /project/.env, watched
                55  forbidden paths mask /project/secret, watched
                56  files           make the root read-only
                57  files           change the root
                58  names           set the host name
                59  processes       wait until the run is recorded and limited
                60  names           create namespace cgroup
                61  processes       create the agent's process
                62  processes       arrange files 0 to 3
                63  files           enter /project
                64  file size       limit FileSize to 10485760
                65  memory          limit CoreSize to 1
                66  memory          limit OpenFiles to 512
                67  memory          limit LockedMemory to 0
                68  memory          limit MessageQueues to 0
                69  memory          limit Signals to 1024
                70  privileges      drop every capability
                71  privileges      give up gaining privileges
                72  landlock        landlock version 7: /=0xd /tmp=0x75be /dev=0x4002
                73  system calls    filter system calls, and tell of them
                74  privileges      close all other files
                75  processes       execute /app/agent/run
            "#]],
        );
    }

    #[test]
    fn an_ordinary_user_without_control_groups_and_landlock() {
        let mechanisms = Mechanisms {
            cpu: Mechanism::DutyCycle,
            memory: Mechanism::DataLimitAndSum,
            pids: Mechanism::ProcessLimit,
            disk_reads: Mechanism::Nothing,
            freeze: Mechanism::StopSignals,
        };
        check(
            false,
            mechanisms,
            &[],
            expect![[r#"
                0   processes       start a session
                1   cpu             give up real-time scheduling
                2   user            create namespaces user mount pid net ipc uts
                3   user            map user 1000:1000 to 1000:100 of the host
                4   user            become 1000:1000
                5   processes       die with the launcher
                6   user            limit what counts as the user's on the host
                7   files           cut mounts off from the host
                8   files           take /home/u/p ro,nosuid,nodev
                9   files           take /usr ro,nosuid,nodev
                10  files           take /nix/store ro,nosuid,nodev
                11  files           take /etc/ld.so.cache ro,nosuid,nodev,noexec
                12  files           take /opt/agent ro,nosuid,nodev
                13  files           take /dev/null ro,nosuid,noexec
                14  files           take /dev/zero ro,nosuid,noexec
                15  files           take /dev/full ro,nosuid,noexec
                16  files           take /dev/random ro,nosuid,noexec
                17  files           take /dev/urandom ro,nosuid,noexec
                18  files           create a root of 1048576 bytes
                19  files           create folder /etc mode 755
                20  files           create folder /dev mode 755
                21  files           create folder /tmp mode 755
                22  files           create folder /proc mode 755
                23  files           create folder /app mode 755
                24  files           create link /bin to usr/bin
                25  files           create folder /nix mode 755
                26  files           create file /etc/passwd mode 644
                27  files           create file /etc/group mode 644
                28  files           create link /dev/fd to /proc/self/fd
                29  files           create link /dev/stdin to /proc/self/fd/0
                30  files           create link /dev/stdout to /proc/self/fd/1
                31  files           create link /dev/stderr to /proc/self/fd/2
                32  files           create link /dev/shm to /tmp
                33  files           attach /project
                34  files           attach /usr
                35  files           attach /nix/store
                36  files           attach /etc/ld.so.cache
                37  files           attach /app/agent
                38  files           attach /dev/null
                39  files           attach /dev/zero
                40  files           attach /dev/full
                41  files           attach /dev/random
                42  files           attach /dev/urandom
                43  files           mount /tmp of 67108864 bytes, 16384 files
                44  proc            mount /proc, own processes only if the host allows
                45  files           create folder /.masked mode 700
                46  files           create folder /.masked/folder mode 000
                47  files           create file /.masked/file mode 000
                48  forbidden paths fix the names in /project/
                49  forbidden paths fix the names in /project/secret
                50  forbidden paths mask /project/.env
                51  forbidden paths mask /project/secret
                52  files           make the root read-only
                53  files           change the root
                54  names           set the host name
                55  processes       wait until the run is recorded and limited
                56  names           create namespace cgroup
                57  processes       create the agent's process
                58  processes       arrange files 0 to 3
                59  files           enter /project
                60  file size       limit FileSize to 10485760
                61  memory          limit CoreSize to 1
                62  memory          limit OpenFiles to 512
                63  memory          limit LockedMemory to 0
                64  memory          limit MessageQueues to 0
                65  memory          limit Signals to 1024
                66  memory          limit Data to 536870912
                67  pids            limit Processes to 128
                68  privileges      drop every capability
                69  privileges      give up gaining privileges
                70  system calls    filter system calls, and memory of no process, and tell of them and of reads
                71  privileges      close all other files
                72  processes       execute /app/agent/run
                -   cpu             watch: at most 10 % of one core
                -   memory          watch: at most 536870912 bytes
                -   pids            watch: whether there are 128 processes
            "#]],
        );
    }
}
