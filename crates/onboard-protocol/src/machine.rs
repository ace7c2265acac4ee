//! What a host says of the machine it is on, and of how the project's agents ran. An agent can't see
//! for itself: its `/proc` has its own processes alone.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One look at the machine. What it doesn't tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub at_ms: i64,
    pub cores: u32,
    /// Tasks that wanted a processor, over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    pub memory: Option<Space>,
    pub swap: Option<Space>,
    /// The disk that the project is on.
    pub disk: Option<Space>,
    pub pressure: Pressure,
    /// Runs of the project's agents that ended, oldest first.
    pub runs: Vec<MachineRun>,
}

/// How much there is and how much of it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    pub total_bytes: u64,
    pub available_bytes: u64,
}

/// Time in which tasks waited for what was short (Linux's PSI).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    pub cpu: Option<Stalls>,
    pub memory: Option<Stalls>,
    pub io: Option<Stalls>,
}

/// Of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stalls {
    /// Some task waited.
    pub some: Stall,
    /// All tasks that were not idle waited; of the processor this says nothing.
    pub full: Option<Stall>,
}

/// Percent of the last 10, 60 and 300 seconds, and microseconds since the machine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    pub avg10: f64,
    pub avg60: f64,
    pub avg300: f64,
    pub total_us: u64,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineRun {
    /// The agent's name.
    pub agent: String,
    pub run: String,
    pub queued_ms: i64,
    /// `None` where no process was started.
    pub started_ms: Option<i64>,
    pub ended_ms: i64,
    pub cpu_ms: u64,
    pub memory_peak_bytes: u64,
    /// Time the processor limit held it back.
    pub throttled_ms: u64,
    pub succeeded: bool,
}
