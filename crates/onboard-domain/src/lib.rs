//! Typed ids, commands, events, effects and the state they fold to.
//!
//! State is the fold of events: [`State::apply`] is total over (state, event) and is the only
//! function that changes a [`State`]. Nothing here reads a clock, a file or a random source, so a
//! replay on another machine gives the same bytes.
//!
//! Reading order: [`ids`], [`spec`], [`command`], [`event`], [`proposal`], [`forecast`], [`state`], [`mod@apply`], [`check`], [`violation`], [`incident`],
//! [`model`], [`council`], [`lease`], [`hook`].

#![no_std]

extern crate alloc;

pub mod apply;
pub mod call;
pub mod check;
pub mod command;
pub mod council;
pub mod effect;
pub mod event;
pub mod finding;
pub mod forecast;
pub mod hook;
pub mod ids;
pub mod incident;
pub mod lease;
pub mod model;
pub mod proposal;
pub mod spec;
pub mod state;
pub mod storage;
pub mod turn;
pub mod violation;

pub use call::{AgentCall, CallAnswer, CallRefusal, Under};
pub use command::{Actor, Answer, Cause, Command, Refusal, RefusalKind, Via};
pub use effect::{Effect, KillReason};
pub use event::{Batch, Event, FORMAT};
pub use finding::{Evidence, EvidenceKind, Finding, Severity, Urgency, Worded};
pub use forecast::Forecast;
pub use ids::{
    AgentId, AgentName, Fingerprint, Generation, IncidentId, MessageId, MotionId, ProjectId,
    ProposalId, RunId, Time,
};
pub use spec::AgentSpec;
pub use state::State;
pub use turn::Turn;
pub use violation::Violation;
