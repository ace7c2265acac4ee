//! What travels over the API: requests and answers, for the server and the client alike.
//!
//! Every top level is an object with `schema_version`. Fields may be added, never renamed. Times
//! are RFC 3339 in UTC, durations are seconds, enumerations are lower snake case, ids are text.

mod agent;
mod command;
mod coordination;
mod council;
mod crew;
mod daemon;
mod event;
mod finding;
mod hook;
mod incident;
mod log;
mod problem;
mod proposal;
mod report;
mod run;
mod shared;
mod stamp;

pub use agent::{
    AgentDetail, AgentRow, Breaker, Explanation, Interval, LayerView, LimitsView, Live, NoiseView,
    ProjectRef, Safety, StateWord, StorageView,
};
pub use command::{AgentChange, CommandAnswer, CommandRequest, RegisterRequest, Waits};
pub use coordination::{
    BudgetView, Coordination, InboxRow, LeaseRow, ModelBudgetRow, Share, StorageRow, WaitingRow,
};
pub use council::{CouncilView, DecisionRow, Follows, MotionRow, SeatRow, VoteRow};
pub use crew::{CrewMember, CrewView, FactRow};
pub use daemon::{DaemonView, DigestView, EmergencyView, PolicyView, ProjectRow, VersionView};
pub use event::{AuditRow, EventRow, EventSeverity, WatchLine};
pub use finding::{FindingRow, FindingStatus, OrderGain, RuleRow, ScoreRow};
pub use hook::{DeliveryRow, GivenUpRow, HookRow, SentRow};
pub use incident::{Happened, IncidentRow, MomentRow, ViolationRow};
pub use log::{LogLevel, LogLine};
pub use problem::{Problem, ProblemKind};
pub use proposal::{FileRow, ProposalDetail, ProposalRow};
pub use report::{AgentAsked, AgentReport, AgentScores, Report};
pub use run::{RunRow, RunUsage};
pub use shared::SharedRow;
pub use stamp::Stamp;

use serde::{Deserialize, Serialize};

/// The version of all types here. A reader that knows version 1 can read any later minor addition.
pub const SCHEMA_VERSION: u32 = 1;

/// Where the API's paths start.
pub const BASE: &str = "/api/v1";

/// A top-level answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versioned<T> {
    pub schema_version: u32,
    #[serde(flatten)]
    pub body: T,
}

impl<T> Versioned<T> {
    /// `body` in the present version.
    pub fn new(body: T) -> Versioned<T> {
        Versioned { schema_version: SCHEMA_VERSION, body }
    }
}

/// A list, or one page of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Items<T> {
    pub items: Vec<T>,
    /// Pass it as `cursor` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Items<T> {
    /// A list that is whole.
    pub fn all(items: Vec<T>) -> Items<T> {
        Items { items, next_cursor: None }
    }
}
