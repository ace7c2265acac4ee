//! What an agent is, once its manifest is resolved: the settings that decisions read.

use crate::ids::AgentName;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// An agent's effective settings. Limits here are what the agent asks for; the policy may only
/// tighten them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSpec {
    pub name: AgentName,
    pub description: String,
    pub program: Program,
    /// A schedule in the canonical text of the schedule grammar.
    pub schedule: String,
    /// IANA zone; `None` is the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub priority: Priority,
    pub classes: Classes,
    /// Agents of the same project whose newest run must have ended well, with none queued or
    /// running, before this one runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<AgentName>,
    /// Leases taken, all or none, before a run starts, and held until it is proven ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub missed: Missed,
    #[serde(default)]
    pub overlap: Overlap,
    #[serde(default)]
    pub retry: Retry,
    /// What a run reads: a slot in which none of it changed needs no process. Empty: always run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Source>,
    /// Topics or event kinds whose events queue a run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wakes_on: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// New findings that it may tell a day; absent: [`crate::state::bounds::FINDINGS_PER_DAY`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_per_day: Option<u32>,
    /// Its checkpoints may be read by agents of its project that name it in `facts_from`.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub shares_facts: bool,
    /// Agents of the same project whose checkpoints are files in this one's sandbox, as they stand
    /// when a run starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts_from: Vec<AgentName>,
    /// How long a run that is stopped gets to end by itself before it is killed; absent:
    /// [`crate::state::bounds::STOP_GRACE_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_grace_ms: Option<i64>,
    /// It checks proposals: each of its runs works on a private copy of the project's newest commit,
    /// with a proposal's patch where it is one's check.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub checks_proposals: bool,
    /// Which of the project's shared values it may read and write.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub shared_keys: SharedKeys,
    /// Where the manifest was read: a file, or `built-in`.
    pub origin: String,
    /// SHA-256 of manifest and, for a command, its program file, as hexadecimal text.
    pub hash: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Keys of shared values by their beginnings; `None` is every key, an empty list none.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SharedKeys {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<String>>,
}

impl SharedKeys {
    /// Whether the value with this key may be read.
    pub fn may_read(&self, key: &str) -> bool {
        covers(self.read.as_deref(), key)
    }

    /// Whether the value with this key may be written.
    pub fn may_write(&self, key: &str) -> bool {
        covers(self.write.as_deref(), key)
    }
}

fn covers(beginnings: Option<&[String]>, key: &str) -> bool {
    beginnings.is_none_or(|all| all.iter().any(|beginning| key.starts_with(beginning.as_str())))
}

/// What is started inside the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// `ai_onboard agent NAME`.
    BuiltIn,
    /// A program in `folder` (absolute), seen read-only by the agent.
    Command { argv: Vec<String>, folder: String },
}

/// Who goes first when not all can.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

/// A declared need of one resource.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Low,
    #[default]
    Medium,
    High,
}

/// Declared needs of processor, memory and disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Classes {
    pub cpu: Class,
    pub memory: Class,
    pub io: Class,
}

/// Limits that an agent asks for; `None` takes the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Percent of one core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Longest time from start to end of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size_mb: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_ops_per_sec: Option<u32>,
}

impl Limits {
    /// These, with each that `wanted` makes smaller. No number is the policy's own, which is the most
    /// that can be had.
    pub fn tightened_by(&self, wanted: &Limits) -> Limits {
        fn least<T: Ord>(own: Option<T>, wanted: Option<T>) -> Option<T> {
            match (own, wanted) {
                (Some(own), Some(wanted)) => Some(own.min(wanted)),
                (own, wanted) => own.or(wanted),
            }
        }
        Limits {
            cpu_percent: least(self.cpu_percent, wanted.cpu_percent),
            memory_mb: least(self.memory_mb, wanted.memory_mb),
            pids: least(self.pids, wanted.pids),
            deadline_ms: least(self.deadline_ms, wanted.deadline_ms),
            file_size_mb: least(self.file_size_mb, wanted.file_size_mb),
            io_ops_per_sec: least(self.io_ops_per_sec, wanted.io_ops_per_sec),
        }
    }
}

/// What happens to slots that passed while nothing could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    Skip,
    /// One run stands for all that were missed.
    #[default]
    RunOnce,
    /// Each missed slot runs, newest `cap` of them.
    RunAll {
        cap: u32,
    },
}

/// What happens to a slot that comes while the run before it is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    #[default]
    Skip,
    /// One run waits; further slots are skipped.
    QueueOne,
    /// The running one is stopped, proven dead, and then the new one runs.
    Replace,
}

/// Retries of a failed run: exponential back-off with jitter, from its last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Retries after the first attempt.
    pub attempts: u32,
    pub backoff_ms: i64,
    pub backoff_max_ms: i64,
}

impl Default for Retry {
    /// Two retries, a minute apart at first: a passing fault is over by then, a lasting one is
    /// left to the circuit breaker.
    fn default() -> Retry {
        Retry { attempts: 2, backoff_ms: 60_000, backoff_max_ms: 900_000 }
    }
}

/// What an agent reads, as far as a cheap look can tell whether it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// HEAD, refs and index of the project's repository.
    Git,
    /// `.ai_onboard/plan.yaml` and the project's settings.
    Plan,
    /// Messages to the agent.
    Inbox,
}
