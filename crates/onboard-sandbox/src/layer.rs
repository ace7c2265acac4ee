//! The layers of the walls, and the mechanism that stands for each limit.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One wall around a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The run's user is nobody on the host.
    User,
    /// The run sees a root of its own; the project is read-only there.
    Files,
    /// Forbidden paths are masked.
    ForbiddenPaths,
    /// The run sees and signals only its own processes, and they die together.
    Processes,
    /// The run has no network.
    Network,
    /// The run has host name, shared memory and control group names of its own.
    Names,
    /// `/proc` shows the run's own processes and nothing of the machine.
    Proc,
    /// The run has no capability and can gain none.
    Privileges,
    /// Landlock: file rights whatever the mounts say.
    Landlock,
    /// The system call filter.
    SystemCalls,
    /// What a run's system calls want is told, by name and place.
    Reports,
    /// Size of a file.
    FileSize,
    /// Memory of the whole run.
    Memory,
    /// Processor time of the whole run.
    Cpu,
    /// Number of processes of the whole run.
    Pids,
    /// Read operations at the disk.
    DiskReads,
    /// Stopping every process of the run at once, for later.
    Freeze,
    /// Ending the run and seeing that nothing is left.
    Kill,
}

impl Layer {
    /// Every layer, outermost first.
    pub const ALL: [Self; 18] = [
        Self::User,
        Self::Files,
        Self::ForbiddenPaths,
        Self::Processes,
        Self::Network,
        Self::Names,
        Self::Proc,
        Self::Privileges,
        Self::Landlock,
        Self::SystemCalls,
        Self::Reports,
        Self::FileSize,
        Self::Memory,
        Self::Cpu,
        Self::Pids,
        Self::DiskReads,
        Self::Freeze,
        Self::Kill,
    ];

    /// Whether a run is refused when this layer is absent. Landlock is the second net below mounts
    /// and filter; without it, disk throttling or a private `/proc` a run loses no wall of its own.
    pub fn is_mandatory(self) -> bool {
        !matches!(self, Self::Landlock | Self::DiskReads | Self::Proc)
    }

    /// The word for it in messages and output.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Files => "files",
            Self::ForbiddenPaths => "forbidden paths",
            Self::Processes => "processes",
            Self::Network => "network",
            Self::Names => "names",
            Self::Proc => "proc",
            Self::Privileges => "privileges",
            Self::Landlock => "landlock",
            Self::SystemCalls => "system calls",
            Self::Reports => "reports",
            Self::FileSize => "file size",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
            Self::DiskReads => "disk reads",
            Self::Freeze => "freeze",
            Self::Kill => "kill",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How well a layer stands on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The kernel holds it.
    Enforced,
    /// Something weaker holds it: in parts, or on average.
    Degraded,
    /// Nothing holds it.
    Absent,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Enforced => "enforced",
            Self::Degraded => "degraded",
            Self::Absent => "absent",
        })
    }
}

/// What holds a limit of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    CgroupV1,
    CgroupV2,
    /// The launcher counts processor time and stops and continues the processes.
    DutyCycle,
    /// A data limit for each process, and the launcher adds up and kills above the sum.
    DataLimitAndSum,
    /// `RLIMIT_NPROC`, counted in the run's own user namespace.
    ProcessLimit,
    /// `SIGSTOP` and `SIGCONT` to every process of the tree.
    StopSignals,
    Nothing,
}

impl Mechanism {
    pub fn status(self) -> Status {
        match self {
            Self::CgroupV1 | Self::CgroupV2 => Status::Enforced,
            Self::Nothing => Status::Absent,
            _ => Status::Degraded,
        }
    }

    /// What it is, for a person.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::CgroupV1 => "cgroup v1",
            Self::CgroupV2 => "cgroup v2",
            Self::DutyCycle => {
                "the launcher stops and continues the processes: the average holds, short bursts pass"
            }
            Self::DataLimitAndSum => {
                "each process by RLIMIT_DATA; the sum is sampled and the run killed above it"
            }
            Self::ProcessLimit => "RLIMIT_NPROC in the run's own user namespace",
            Self::StopSignals => "stop signals to each process",
            Self::Nothing => "nothing",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.explanation())
    }
}
