//! What people and programs ask of the daemon, who they are, and how it answers.

use crate::council::Ballot;
use crate::ids::{
    AgentId, AgentName, Fingerprint, IncidentId, MotionId, ProjectId, ProposalId, RunId,
};
use crate::proposal::Decision;
use crate::spec::AgentSpec;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A request. The imperative; what follows from it are events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Make a project known, with the agents that its manifests define. Registering again
    /// updates what changed and leaves the rest.
    RegisterProject {
        root: String,
        name: String,
        agents: Vec<AgentSpec>,
        /// Digests of what its agents read, as it looks now.
        git: String,
        plan: String,
    },
    /// Put agents on their schedules, and run each once now.
    Start {
        agents: Vec<AgentId>,
    },
    /// Take agents off their schedules; running ones are told to end, killed if they don't in
    /// their time, and proven dead.
    Stop {
        agents: Vec<AgentId>,
        /// Kill them at once.
        #[serde(default, skip_serializing_if = "is_unsaid")]
        now: bool,
    },
    Restart {
        agents: Vec<AgentId>,
        /// As for a stop.
        #[serde(default, skip_serializing_if = "is_unsaid")]
        now: bool,
    },
    /// Keep the schedule but start nothing.
    Pause {
        agents: Vec<AgentId>,
    },
    Resume {
        agents: Vec<AgentId>,
    },
    /// One run now, whatever the schedule says.
    Run {
        agent: AgentId,
    },
    /// Remove an agent and its memory.
    Terminate {
        agent: AgentId,
    },
    Configure {
        agent: AgentId,
        spec: Box<AgentSpec>,
    },
    LiftQuarantine {
        agent: AgentId,
        reason: String,
    },
    EmergencyShutdown {
        reason: String,
    },
    LiftEmergency {
        reason: String,
    },
    AcceptFinding {
        project: ProjectId,
        fingerprint: Fingerprint,
    },
    DismissFinding {
        project: ProjectId,
        fingerprint: Fingerprint,
        reason: String,
    },
    /// Don't show it for a while.
    SnoozeFinding {
        project: ProjectId,
        fingerprint: Fingerprint,
        for_ms: i64,
    },
    /// Judge an agent's rule anew, as if nobody had answered yet.
    ForgetRule {
        agent: AgentId,
        rule: String,
    },
    /// What a person makes of a change that an agent proposed.
    DecideProposal {
        proposal: ProposalId,
        decision: Decision,
        reason: String,
    },
    NoteIncident {
        incident: IncidentId,
        text: String,
    },
    CloseIncident {
        incident: IncidentId,
        reason: String,
    },
    /// What a person says to a motion, whose subject has this hash.
    Vote {
        motion: MotionId,
        digest: String,
        ballot: Ballot,
        reason: String,
    },
    /// The text of a policy that was parsed, checked and takes effect now.
    AdoptPolicy {
        hash: String,
        origin: String,
        /// The project whose files say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
    },
    /// A project's policy files were refused; what was in force before stays.
    RefusePolicy {
        project: ProjectId,
        why: String,
    },
    /// A webhook of the project at `root` brought something, from whoever has its secret.
    ReceiveHook {
        root: String,
        hook: String,
        key: String,
        data: String,
    },
    /// Ends the daemon: running agents are told to end, killed if they don't in their time, and
    /// proven dead first.
    Shutdown,
    /// The same, without that time.
    ShutdownNow,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_unsaid(flag: &bool) -> bool {
    !flag
}

impl Command {
    /// The command's name in audit entries.
    pub fn name(&self) -> &'static str {
        match self {
            Command::RegisterProject { .. } => "register_project",
            Command::Start { .. } => "start",
            Command::Stop { .. } => "stop",
            Command::Restart { .. } => "restart",
            Command::Pause { .. } => "pause",
            Command::Resume { .. } => "resume",
            Command::Run { .. } => "run",
            Command::Terminate { .. } => "terminate",
            Command::Configure { .. } => "configure",
            Command::LiftQuarantine { .. } => "lift_quarantine",
            Command::EmergencyShutdown { .. } => "emergency_shutdown",
            Command::LiftEmergency { .. } => "lift_emergency",
            Command::AcceptFinding { .. } => "accept_finding",
            Command::DismissFinding { .. } => "dismiss_finding",
            Command::SnoozeFinding { .. } => "snooze_finding",
            Command::ForgetRule { .. } => "forget_rule",
            Command::DecideProposal { decision: Decision::Apply { .. }, .. } => "apply_proposal",
            Command::DecideProposal { decision: Decision::Reject, .. } => "reject_proposal",
            Command::DecideProposal { decision: Decision::Revert, .. } => "revert_proposal",
            Command::NoteIncident { .. } => "note_incident",
            Command::CloseIncident { .. } => "close_incident",
            Command::Vote { ballot: Ballot::Approve, .. } => "approve",
            Command::Vote { ballot: Ballot::Reject, .. } => "reject",
            Command::Vote { ballot: Ballot::Abstain, .. } => "abstain",
            Command::AdoptPolicy { .. } => "adopt_policy",
            Command::RefusePolicy { .. } => "refuse_policy",
            Command::ReceiveHook { .. } => "receive_hook",
            Command::Shutdown => "shutdown",
            Command::ShutdownNow => "shutdown_now",
        }
    }
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person, known by what the kernel says of the socket's other end.
    Person { uid: u32, name: String },
    /// An agent, in one of its runs.
    Agent { run: RunId, name: AgentName },
    /// Whoever has the secret of the webhook of this name.
    Hook { name: String },
    /// The daemon itself: a timer, a process that ended, the scheduler.
    Daemon,
}

/// By which way the request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Cli,
    Api,
    HostSocket,
    Hook,
    Daemon,
}

/// The audit entry of a batch: who, how, what and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub actor: Actor,
    pub via: Via,
    /// The command's or input's name.
    pub what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A command's answer, once it is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Project {
        project: ProjectId,
        agents: Vec<AgentId>,
    },
    /// For each agent asked for: whether anything changed ("already running" is no failure).
    Agents(Vec<AgentAnswer>),
    Run {
        run: RunId,
    },
    Done {
        changed: bool,
    },
    /// Not yet: the council has to agree, and this is who is missing.
    Waiting {
        motion: MotionId,
        missing: String,
    },
}

/// What a command did to one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAnswer {
    pub agent: AgentId,
    pub changed: bool,
    /// The run that was queued for it, if any.
    pub run: Option<RunId>,
    /// The motion that it waits for, and who is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<(MotionId, String)>,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub message: String,
}

/// Kinds of refusal; each has its exit code at the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The request itself is wrong.
    Invalid,
    UnknownAgent,
    UnknownProject,
    Unknown,
    /// The emergency latch, a quarantine or the policy says no.
    Forbidden,
    /// A bound is reached: too many agents, projects, runs.
    Limit,
}

impl Refusal {
    /// A refusal with its kind and a sentence that names the place and the mend.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Refusal {
        Refusal { kind, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Refusal {}
