//! What agents share: leases, the machine, and messages to one another.

use super::{Stamp, StorageView};
use onboard_domain::lease::Mode;
use onboard_domain::model::{Scope, Unit};
use onboard_domain::spec::Priority;
use serde::{Deserialize, Serialize};

/// Who has what, and who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coordination {
    pub now: Stamp,
    pub budget: BudgetView,
    /// Leases, by project and name.
    pub leases: Vec<LeaseRow>,
    /// Queued runs that something shared keeps back, in the order in which they get places.
    pub waiting: Vec<WaitingRow>,
    /// Agents with messages, or with dead ones.
    pub inboxes: Vec<InboxRow>,
    /// Budgets of models, where there is a model or something was spent: of everybody together, then of
    /// each agent that used any today.
    #[serde(default)]
    pub models: Vec<ModelBudgetRow>,
    /// Agents for which something is kept.
    #[serde(default)]
    pub storage: Vec<StorageRow>,
}

/// What a budget of models has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelBudgetRow {
    /// The agent whose it is; absent: everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    pub scope: Scope,
    pub unit: Unit,
    /// Tokens, or millionths of money; what is set aside for requests on their way included.
    pub used: u64,
    /// Set aside of it, of everybody's only.
    pub reserved: u64,
    pub limit: u64,
    /// Where the limit is written.
    pub origin: String,
}

/// What is kept for one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRow {
    pub agent: String,
    pub project: String,
    pub project_id: String,
    #[serde(flatten)]
    pub storage: StorageView,
}

/// The machine's share for all runs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetView {
    pub runs: Share,
    /// Percent of one core: the limits of the runs with a process.
    pub cpu_percent: Share,
    pub memory_mb: Share,
}

/// What is taken of a whole. More than the whole can be: a run that could never fit runs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub used: u32,
    pub free: u32,
    pub total: u32,
}

/// A lease that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRow {
    pub project: String,
    pub project_id: String,
    pub name: String,
    #[serde(default)]
    pub mode: Mode,
    pub run: String,
    pub agent: String,
    /// The fencing token.
    pub token: u64,
    pub since: Stamp,
    /// Absent: it is held until the run is proven ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Stamp>,
}

/// A run that something shared keeps back: in the queue, or at work and asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    pub run: String,
    pub agent: String,
    pub project: String,
    pub project_id: String,
    pub priority: Priority,
    /// Since when it could go.
    pub since: Stamp,
    /// `lock`, `budget`, `room`, `places` or `host`; `lease` of one at work.
    pub kind: String,
    /// What it waits for, in words.
    pub waits_for: String,
    /// When it gives up, where it does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Stamp>,
}

/// An agent's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxRow {
    pub agent: String,
    pub project: String,
    pub project_id: String,
    /// Messages that it has not acknowledged.
    pub depth: usize,
    /// As many fit.
    pub depth_max: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Stamp>,
    /// Messages given up in its whole life: delivered often, never acknowledged.
    pub dead: u64,
}
