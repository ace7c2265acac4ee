//! What a host can enforce, as data: the sandbox finds out, the judge decides.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

/// A wall that must stand around every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wall {
    /// An identity of its own, without privileges and without a way to gain any.
    Identity,
    /// It sees only what it may see, and can write only what is its own.
    FileSystem,
    Network,
    /// It sees and signals no process but its own.
    Processes,
    /// The kernel's dangerous calls are closed.
    SystemCalls,
    Cpu,
    Memory,
    Pids,
    /// Its whole process tree can be ended and seen to be gone.
    Ending,
}

/// Every wall; all of them must stand.
pub const WALLS: [Wall; 9] = [
    Wall::Identity,
    Wall::FileSystem,
    Wall::Network,
    Wall::Processes,
    Wall::SystemCalls,
    Wall::Cpu,
    Wall::Memory,
    Wall::Pids,
    Wall::Ending,
];

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wall::Identity => "identity",
            Wall::FileSystem => "file_system",
            Wall::Network => "network",
            Wall::Processes => "processes",
            Wall::SystemCalls => "system_calls",
            Wall::Cpu => "cpu",
            Wall::Memory => "memory",
            Wall::Pids => "pids",
            Wall::Ending => "ending",
        })
    }
}

/// How well a host can hold a wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Enforced,
    /// It holds, by a weaker means; said so, not refused.
    Degraded {
        why: String,
    },
    Absent {
        why: String,
    },
}

/// How each wall stands on this host. What is not mentioned is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walls(BTreeMap<Wall, Standing>);

impl Walls {
    /// Nothing stands.
    pub fn none() -> Walls {
        Walls::default()
    }

    /// Everything stands.
    pub fn all() -> Walls {
        Walls(WALLS.into_iter().map(|wall| (wall, Standing::Enforced)).collect())
    }

    /// The same with one wall's standing set.
    #[must_use]
    pub fn with(mut self, wall: Wall, standing: Standing) -> Walls {
        self.0.insert(wall, standing);
        self
    }

    /// The standing of a wall.
    pub fn standing(&self, wall: Wall) -> Standing {
        self.0.get(&wall).cloned().unwrap_or(Standing::Absent { why: "not probed".into() })
    }

    /// Walls that are absent, with why.
    pub fn absent(&self) -> impl Iterator<Item = (Wall, String)> {
        WALLS.into_iter().filter_map(|wall| match self.standing(wall) {
            Standing::Absent { why } => Some((wall, why)),
            _ => None,
        })
    }
}
