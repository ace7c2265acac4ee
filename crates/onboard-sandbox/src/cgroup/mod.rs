//! Control groups: limits the kernel holds for all processes of a run together.

mod group;
mod layout;

pub use group::{Counters, Group};
pub(crate) use layout::Entry;
pub use layout::{Hierarchy, Layout, Sweep};

use serde::{Deserialize, Serialize};

/// A controller this crate uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    Cpu,
    /// Version 1 only: counts processor time.
    Cpuacct,
    Memory,
    Pids,
    /// Version 1 only; version 2 freezes without a controller.
    Freezer,
    /// `blkio` in version 1.
    Io,
}

impl Controller {
    const ALL: [Self; 6] =
        [Self::Cpu, Self::Cpuacct, Self::Memory, Self::Pids, Self::Freezer, Self::Io];

    fn name(self, version: Version) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Freezer => "freezer",
            Self::Io if version == Version::One => "blkio",
            Self::Io => "io",
        }
    }
}

/// The interface's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    One,
    Two,
}
