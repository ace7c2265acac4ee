//! Agents as people and programs see them.

use super::{FindingRow, RuleRow, RunRow, ScoreRow, Stamp, ViolationRow};
use onboard_domain::AgentSpec;
use onboard_domain::event::Adaptation;
use onboard_domain::spec::Priority;
use onboard_domain::state::Totals;
use onboard_domain::storage::Stored;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The fixed words for what an agent is doing, shared by the command line, the API and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// Started; its next run waits for something to happen, not for a time.
    Idle,
    /// Started; its next run has a time.
    Scheduled,
    /// A run waits for room.
    Queued,
    Running,
    /// A run waits for something that the reasons name.
    Waiting,
    Paused,
    /// A run was told to end and is not yet proven gone.
    Stopping,
    Stopped,
    /// Its newest run failed.
    Failed,
    Quarantined,
    /// Nothing may run: the emergency latch.
    Disabled,
}

impl StateWord {
    /// All words, in the order lists group by.
    pub const ALL: [StateWord; 11] = [
        StateWord::Idle,
        StateWord::Scheduled,
        StateWord::Queued,
        StateWord::Running,
        StateWord::Waiting,
        StateWord::Paused,
        StateWord::Stopping,
        StateWord::Stopped,
        StateWord::Failed,
        StateWord::Quarantined,
        StateWord::Disabled,
    ];

    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            StateWord::Idle => "idle",
            StateWord::Scheduled => "scheduled",
            StateWord::Queued => "queued",
            StateWord::Running => "running",
            StateWord::Waiting => "waiting",
            StateWord::Paused => "paused",
            StateWord::Stopping => "stopping",
            StateWord::Stopped => "stopped",
            StateWord::Failed => "failed",
            StateWord::Quarantined => "quarantined",
            StateWord::Disabled => "disabled",
        }
    }
}

impl From<onboard_scheduler::StateWord> for StateWord {
    fn from(word: onboard_scheduler::StateWord) -> StateWord {
        use onboard_scheduler::StateWord as Decided;
        match word {
            Decided::Idle => StateWord::Idle,
            Decided::Scheduled => StateWord::Scheduled,
            Decided::Queued => StateWord::Queued,
            Decided::Running => StateWord::Running,
            Decided::Waiting => StateWord::Waiting,
            Decided::Paused => StateWord::Paused,
            Decided::Stopping => StateWord::Stopping,
            Decided::Stopped => StateWord::Stopped,
            Decided::Failed => StateWord::Failed,
            Decided::Quarantined => StateWord::Quarantined,
            Decided::Disabled => StateWord::Disabled,
        }
    }
}

impl fmt::Display for StateWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Why an agent is in its state; in particular, why it is not running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    pub state: StateWord,
    /// Sentences without a final period, the deciding one first.
    pub reasons: Vec<String>,
    /// When a run is next expected, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Stamp>,
    /// What keeps its queued run back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
}

impl From<onboard_scheduler::Explanation> for Explanation {
    fn from(found: onboard_scheduler::Explanation) -> Explanation {
        Explanation {
            state: found.state.into(),
            reasons: found.reasons,
            next: found.next.map(Stamp),
            waiting_for: found.waiting_for.map(|wait| wait.to_string()),
        }
    }
}

/// The project an agent works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    pub id: String,
    pub name: String,
    /// Absolute path.
    pub root: String,
}

/// What a running agent says it does and uses now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    pub doing: String,
    pub done: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Percent of one core.
    pub cpu_percent: f64,
    pub memory_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// One line of a list of agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentRow {
    pub id: String,
    pub name: String,
    pub project: ProjectRef,
    pub state: StateWord,
    /// Since when people want what they want of it (started, stopped, paused).
    pub since: Stamp,
    /// The deciding reason of the state.
    pub reason: String,
    pub schedule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub priority: Priority,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    pub consecutive_failures: u32,
    /// The project defines it itself, it is stopped and never ran: a repository that was only
    /// cloned must not get its program run by "all of them", a person names it first. Commands take agents by id, so there
    /// is no other "all" than the one that a client makes of this list.
    #[serde(default)]
    pub awaits_first_start: bool,
    /// What a person should look at, most urgent first; empty when nothing.
    pub attention: Vec<String>,
}

/// The circuit breaker, when it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    pub until: Stamp,
    pub times: u32,
}

/// How far the interval is from the schedule's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// 1000 is as written.
    pub permille: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Adaptation>,
}

/// What one run may use: what the agent asks for, else what the policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitsView {
    /// Percent of one core.
    pub cpu_percent: u32,
    pub memory_mb: u32,
    pub pids: u32,
    pub file_size_mb: u32,
    pub io_ops_per_sec: u32,
    /// Seconds from start to end.
    pub deadline_s: f64,
}

/// What holds an agent's runs: the policy and the walls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Safety {
    /// `None` when the policy permits no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsView>,
    /// Why the policy permits no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<String>,
    /// Where the policy in force was read.
    pub policy_origin: String,
    /// Why the policy's present files are not in force, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_problem: Option<String>,
    /// What is worth a look in the policy's files, and no reason to refuse them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_warnings: Vec<String>,
    /// What is kept for the agent, and how much may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageView>,
    /// How each wall stands; empty until that was probed.
    pub layers: Vec<LayerView>,
}

/// Bytes that are kept for an agent between its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageView {
    /// Checkpoints, shared values, findings and patches that wait.
    pub stored: Stored,
    /// As many of these; more is refused.
    pub stored_max: u64,
    pub logs: u64,
    /// As many of logs; the oldest go.
    pub logs_max: u64,
    /// Who sets `max_storage_mb`, and where.
    pub set_by: String,
}

/// How one wall stands on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerView {
    pub name: String,
    /// `enforced`, `degraded` or `absent`.
    pub status: String,
    pub how: String,
}

/// New findings of the present day (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseView {
    pub told_today: u32,
    /// Beyond what people want of a day: counted, not kept.
    pub suppressed_today: u32,
    pub findings_per_day: u32,
}

/// Everything about one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentDetail {
    pub agent: AgentRow,
    pub explanation: Explanation,
    pub spec: AgentSpec,
    #[serde(default)]
    pub safety: Safety,
    /// Runs that have not ended, oldest first.
    pub live_runs: Vec<RunRow>,
    /// Ended runs, newest first.
    pub recent_runs: Vec<RunRow>,
    pub totals: Totals,
    #[serde(default)]
    pub noise: NoiseView,
    pub interval: Interval,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    pub inbox: usize,
    pub checkpoints: Vec<String>,
    /// What it tried and was refused, the newest first.
    #[serde(default)]
    pub violations: Vec<ViolationRow>,
    pub findings: Vec<FindingRow>,
    /// How each of its rules has done, by name.
    #[serde(default)]
    pub rules: Vec<RuleRow>,
    /// How good what its rules expected was, by name.
    #[serde(default)]
    pub scores: Vec<ScoreRow>,
}
