//! The plan: a profile compiled, for one host, into the ordered list of steps that build the walls.

use crate::cgroup::{Entry, Version};
use crate::host::Host;
use crate::layer::{Layer, Mechanism};
use crate::mask;
use crate::network::Place;
use crate::profile::{APP_DIR, HOST_FD, PROJECT_DIR, Profile};
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
    FilterCalls {
        /// Whether sockets of the internet families may be made, and connected.
        network: bool,
        /// Whether the caller hears of what is refused and of what would write or execute.
        notify: bool,
    },
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
            Self::Data => libc::RLIMIT_DATA,
            Self::Processes => libc::RLIMIT_NPROC,
        }
    }
}

impl Step {
    /// The layer that is missing when this step fails.
    pub fn layer(&self) -> Layer {
        match self {
            Self::NewNamespaces | Self::MapUser { .. } | Self::BecomeUser | Self::LeaveGroups => {
                Layer::User
            }
            Self::OpenMasks { .. } | Self::Mask { .. } | Self::MaskProgram { .. } => {
                Layer::ForbiddenPaths
            }
            Self::MountProc { .. } => Layer::Proc,
            Self::SetHostName | Self::NewGroupNamespace => Layer::Names,
            Self::DropCapabilities | Self::NoNewPrivileges | Self::CloseFiles => Layer::Privileges,
            Self::Landlock { .. } => Layer::Landlock,
            Self::FilterCalls { .. } => Layer::SystemCalls,
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
        self.steps.iter().any(|step| matches!(step, Step::FilterCalls { notify: true, .. }))
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
        launcher_steps(&mut steps, host, &trees, groups, watched(profile, host));
        steps.extend(network_steps(profile, host));
        root_steps(&mut steps, profile, host, &trees);
        agent_steps(&mut steps, profile, host, mechanisms);
        let freezer = groups.iter().find(|group| group.freezes);
        let freezer = freezer.map(|group| format!("{}/freezer.state", group.path));
        Self { steps, watch: watch(profile, mechanisms), freezer }
    }
}

impl Plan {
    /// What the caller gets when everything is built, in the order in which it is made.
    pub(crate) fn gifts(&self) -> impl Iterator<Item = Gift> {
        self.steps.iter().filter_map(|step| match step {
            Step::OpenEnd(place) => Some(Gift::End(*place)),
            Step::MountTmp { .. } => Some(Gift::Tmp),
            Step::Mask { path, watched: true } => Some(Gift::Mask(path.clone())),
            _ => None,
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
}

fn trees(profile: &Profile, host: &Host) -> Vec<Tree> {
    const PLAIN: u64 = attr::READ_ONLY | attr::NO_SUID | attr::NO_DEV;
    const DATA: u64 = PLAIN | attr::NO_EXEC;
    const DEVICE: u64 = attr::READ_ONLY | attr::NO_SUID | attr::NO_EXEC;
    let tree = |source: &str, target: String, attributes| Tree {
        source: source.to_owned(),
        target,
        attributes,
    };
    let mut trees = vec![tree(&host.project, PROJECT_DIR.to_owned(), PLAIN)];
    for entry in host.system.iter().filter(|e| e.link.is_none()) {
        trees.push(tree(&entry.path, entry.path.clone(), PLAIN));
    }
    trees.extend(host.etc.iter().map(|path| tree(path, path.clone(), DATA)));
    for (entry, source) in profile.read_only.iter().zip(&host.read_only) {
        trees.push(tree(source, format!("{APP_DIR}/{}", entry.name), PLAIN));
    }
    trees.extend(DEVICES.iter().map(|path| tree(path, (*path).to_owned(), DEVICE)));
    trees
}

fn launcher_steps(
    steps: &mut Vec<Step>,
    host: &Host,
    trees: &[Tree],
    groups: &[Entry],
    watched: usize,
) {
    let takes = trees.iter().enumerate().map(|(slot, tree)| Step::Take {
        slot,
        source: tree.source.clone(),
        attributes: tree.attributes,
    });
    let namespaces =
        [Step::NewNamespaces, Step::MapUser { uid: host.account.uid, gid: host.account.gid }];
    let enter = (!groups.is_empty()).then_some(Step::EnterGroups);
    let masks = (watched > 0).then_some(Step::OpenMasks { count: watched });
    let inside = masks.into_iter().chain([Step::BecomeUser, Step::DieWithLauncher]).chain(enter);
    let inside = inside.chain([Step::PrivateMounts]);
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

/// While its ports below 1024 can still be taken, and before the system call filter.
fn network_steps(profile: &Profile, host: &Host) -> Vec<Step> {
    let v6 = host.has_v6;
    let places = profile.network.iter().flat_map(|network| network.places(v6));
    let up = profile.network.iter().map(|_| Step::BringUpNetwork { v6 });
    up.chain(places.map(Step::OpenEnd)).collect()
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
        let watched = watched(profile, host);
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
fn outermost(forbidden: &[String]) -> impl Iterator<Item = &str> {
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

/// The folders between `/etc` and its files, each above what it holds.
fn folders_above(etc: &[String]) -> BTreeSet<&str> {
    let below = |path: &&Path| path.parent().is_some_and(|parent| parent.starts_with("/etc"));
    let above = |path| Path::new(path).ancestors().skip(1).filter(below);
    etc.iter().flat_map(above).filter_map(Path::to_str).collect()
}

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
        limit(Resource::CoreSize, 0),
        limit(Resource::OpenFiles, limits.open_files.min(host.most_open_files)),
        limit(Resource::LockedMemory, 0),
        limit(Resource::MessageQueues, 0),
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
        Step::FilterCalls { network: profile.network.is_some(), notify: host.can_notify },
        Step::CloseFiles,
        Step::Execute {
            argv: profile.argv.clone(),
            env: profile.env.iter().cloned().chain(fixed).collect(),
        },
    ]);
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
            Self::FilterCalls { network, notify } => {
                let but = if *network { ", but not internet sockets" } else { "" };
                let tell = if *notify { ", and tell of them" } else { "" };
                write!(f, "filter system calls{but}{tell}")
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

    fn host(is_root: bool) -> Host {
        let entry = |path: &str, link: Option<&str>| SystemEntry {
            path: path.into(),
            link: link.map(str::to_owned),
        };
        Host {
            is_root,
            account: Account { uid: 1000, gid: 100 },
            project: "/home/u/p".into(),
            read_only: vec!["/opt/agent".into()],
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
                15  user            map user 1000:1000 to 1000:100 of the host
                16  forbidden paths open 2 masks that tell who tried
                17  user            become 1000:1000
                18  processes       die with the launcher
                19  memory          enter the control groups
                20  files           cut mounts off from the host
                21  files           create a root of 1048576 bytes
                22  files           create folder /etc mode 755
                23  files           create folder /dev mode 755
                24  files           create folder /tmp mode 755
                25  files           create folder /proc mode 755
                26  files           create folder /app mode 755
                27  files           create link /bin to usr/bin
                28  files           create folder /nix mode 755
                29  files           create file /etc/passwd mode 644
                30  files           create file /etc/group mode 644
                31  files           create link /dev/fd to /proc/self/fd
                32  files           create link /dev/stdin to /proc/self/fd/0
                33  files           create link /dev/stdout to /proc/self/fd/1
                34  files           create link /dev/stderr to /proc/self/fd/2
                35  files           create link /dev/shm to /tmp
                36  files           attach /project
                37  files           attach /usr
                38  files           attach /nix/store
                39  files           attach /etc/ld.so.cache
                40  files           attach /app/agent
                41  files           attach /dev/null
                42  files           attach /dev/zero
                43  files           attach /dev/full
                44  files           attach /dev/random
                45  files           attach /dev/urandom
                46  files           mount /tmp of 67108864 bytes, 16384 files
                47  proc            mount /proc, own processes only if the host allows
                48  files           create folder /.masked mode 700
                49  files           create folder /.masked/folder mode 000
                50  files           create file /.masked/file mode 000
                51  forbidden paths mask /project/.env, watched
                52  forbidden paths mask /project/secret, watched
                53  files           make the root read-only
                54  files           change the root
                55  names           set the host name
                56  processes       wait until the run is recorded and limited
                57  names           create namespace cgroup
                58  processes       create the agent's process
                59  processes       arrange files 0 to 3
                60  files           enter /project
                61  file size       limit FileSize to 10485760
                62  memory          limit CoreSize to 0
                63  memory          limit OpenFiles to 512
                64  memory          limit LockedMemory to 0
                65  memory          limit MessageQueues to 0
                66  privileges      drop every capability
                67  privileges      give up gaining privileges
                68  landlock        landlock version 7: /=0xd /tmp=0x75be /dev=0x4002
                69  system calls    filter system calls, and tell of them
                70  privileges      close all other files
                71  processes       execute /app/agent/run
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
                6   files           cut mounts off from the host
                7   files           take /home/u/p ro,nosuid,nodev
                8   files           take /usr ro,nosuid,nodev
                9   files           take /nix/store ro,nosuid,nodev
                10  files           take /etc/ld.so.cache ro,nosuid,nodev,noexec
                11  files           take /opt/agent ro,nosuid,nodev
                12  files           take /dev/null ro,nosuid,noexec
                13  files           take /dev/zero ro,nosuid,noexec
                14  files           take /dev/full ro,nosuid,noexec
                15  files           take /dev/random ro,nosuid,noexec
                16  files           take /dev/urandom ro,nosuid,noexec
                17  files           create a root of 1048576 bytes
                18  files           create folder /etc mode 755
                19  files           create folder /dev mode 755
                20  files           create folder /tmp mode 755
                21  files           create folder /proc mode 755
                22  files           create folder /app mode 755
                23  files           create link /bin to usr/bin
                24  files           create folder /nix mode 755
                25  files           create file /etc/passwd mode 644
                26  files           create file /etc/group mode 644
                27  files           create link /dev/fd to /proc/self/fd
                28  files           create link /dev/stdin to /proc/self/fd/0
                29  files           create link /dev/stdout to /proc/self/fd/1
                30  files           create link /dev/stderr to /proc/self/fd/2
                31  files           create link /dev/shm to /tmp
                32  files           attach /project
                33  files           attach /usr
                34  files           attach /nix/store
                35  files           attach /etc/ld.so.cache
                36  files           attach /app/agent
                37  files           attach /dev/null
                38  files           attach /dev/zero
                39  files           attach /dev/full
                40  files           attach /dev/random
                41  files           attach /dev/urandom
                42  files           mount /tmp of 67108864 bytes, 16384 files
                43  proc            mount /proc, own processes only if the host allows
                44  files           create folder /.masked mode 700
                45  files           create folder /.masked/folder mode 000
                46  files           create file /.masked/file mode 000
                47  forbidden paths mask /project/.env
                48  forbidden paths mask /project/secret
                49  files           make the root read-only
                50  files           change the root
                51  names           set the host name
                52  processes       wait until the run is recorded and limited
                53  names           create namespace cgroup
                54  processes       create the agent's process
                55  processes       arrange files 0 to 3
                56  files           enter /project
                57  file size       limit FileSize to 10485760
                58  memory          limit CoreSize to 0
                59  memory          limit OpenFiles to 512
                60  memory          limit LockedMemory to 0
                61  memory          limit MessageQueues to 0
                62  memory          limit Data to 536870912
                63  pids            limit Processes to 128
                64  privileges      drop every capability
                65  privileges      give up gaining privileges
                66  system calls    filter system calls, and tell of them
                67  privileges      close all other files
                68  processes       execute /app/agent/run
                -   cpu             watch: at most 10 % of one core
                -   memory          watch: at most 536870912 bytes
                -   pids            watch: whether there are 128 processes
            "#]],
        );
    }
}
