//! Facts, in the past tense, and their one stored form.
//!
//! A [`Batch`] is what one append to the journal holds: JSON, because it must be read by people and
//! by programs for as long as the journal lives. Fields may be added with a default; names and
//! meanings never change; a batch names the format it needs, and a reader that does not know that
//! format stops. Records of every released format are kept as golden files and never edited.

use crate::command::Cause;
use crate::command::RefusalKind;
use crate::council;
use crate::effect::KillReason;
use crate::finding::Finding;
use crate::forecast::{self, Forecast};
use crate::ids::{
    AgentId, Fingerprint, Generation, IncidentId, MessageId, MotionId, ProjectId, ProposalId,
    RunId, Time,
};
use crate::incident;
use crate::lease::Mode;
use crate::model;
use crate::proposal;
use crate::spec::AgentSpec;
use crate::state::{BlobRef, Outcome, Process, Trigger, Usage, is_none_yet};
use crate::violation::Violation;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The stored format that this code writes, and the newest that it reads.
pub const FORMAT: u16 = 1;

/// One append: decided together, durable together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub format: u16,
    /// The writer's time, never before the previous batch's.
    pub time: Time,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// A batch that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// Written by a newer version.
    NewerFormat { needs: u16, known: u16 },
    /// The text is not a batch.
    Text(String),
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undecodable::NewerFormat { needs, known } => {
                write!(
                    f,
                    "the batch needs format {needs}, this version reads up to {known}: update ai_onboard"
                )
            }
            Undecodable::Text(why) => write!(f, "the batch can't be decoded: {why}"),
        }
    }
}

impl core::error::Error for Undecodable {}

impl Batch {
    /// The stored bytes.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a batch has only string keys and finite numbers")
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When the format is newer than [`FORMAT`], or the bytes are not a batch.
    pub fn decode(bytes: &[u8]) -> Result<Batch, Undecodable> {
        match serde_json::from_slice::<Batch>(bytes) {
            Ok(batch) if batch.format <= FORMAT => Ok(batch),
            Ok(batch) => Err(Undecodable::NewerFormat { needs: batch.format, known: FORMAT }),
            Err(error) => Err(Batch::why_not(bytes, &error)),
        }
    }

    /// A newer format may well hold events unknown here: then the format is the thing to say.
    fn why_not(bytes: &[u8], error: &serde_json::Error) -> Undecodable {
        #[derive(Deserialize)]
        struct OnlyFormat {
            format: u16,
        }
        match serde_json::from_slice::<OnlyFormat>(bytes) {
            Ok(OnlyFormat { format }) if format > FORMAT => {
                Undecodable::NewerFormat { needs: format, known: FORMAT }
            }
            _ => Undecodable::Text(alloc::format!("{error}")),
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    DaemonStarted {
        version: String,
        pid: u32,
    },
    DaemonStopping,
    DaemonStopped,
    /// The journal's time went further than real time, or less far: the machine was suspended, or
    /// its clock was set. What is given a length of time ends so much later, or sooner.
    TimeLeapt {
        ms: i64,
    },
    PolicyAdopted {
        hash: String,
        origin: String,
        /// Whose; absent in what was recorded before projects had their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
    },
    /// A project's policy files are not in force, with the place and the mend.
    PolicyRefused {
        project: ProjectId,
        why: String,
    },
    CommandRefused {
        what: String,
        kind: RefusalKind,
        message: String,
    },

    ProjectRegistered {
        project: ProjectId,
        root: String,
        name: String,
    },
    /// What the project's agents read looks different from before.
    ProjectChanged {
        project: ProjectId,
        git: String,
        plan: String,
    },

    AgentRegistered {
        agent: AgentId,
        project: ProjectId,
        spec: Box<AgentSpec>,
    },
    AgentConfigured {
        agent: AgentId,
        spec: Box<AgentSpec>,
    },
    AgentStarted {
        agent: AgentId,
    },
    AgentStopped {
        agent: AgentId,
    },
    AgentPaused {
        agent: AgentId,
    },
    AgentResumed {
        agent: AgentId,
    },
    AgentTerminated {
        agent: AgentId,
    },
    AgentQuarantined {
        agent: AgentId,
        why: String,
    },
    QuarantineLifted {
        agent: AgentId,
        reason: String,
    },
    BreakerOpened {
        agent: AgentId,
        until: Time,
        failures: u32,
    },
    BreakerClosed {
        agent: AgentId,
    },
    /// The interval between runs is now `permille`/1000 of the schedule's own.
    IntervalAdapted {
        agent: AgentId,
        permille: u32,
        why: Adaptation,
    },

    /// When the schedule next wants a run; `None`: not before something happens.
    SlotPlanned {
        agent: AgentId,
        due: Option<Time>,
    },
    /// A slot that led to no run, and why.
    SlotPassed {
        agent: AgentId,
        slot: Time,
        count: u32,
        why: Passed,
        /// When the schedule next wants a run; absent: as planned before. Most slots of a quiet
        /// project end here, so that they cost one event and not two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Time>,
    },

    RunQueued {
        run: RunId,
        agent: AgentId,
        slot: Time,
        trigger: Trigger,
        attempt: u32,
        not_before: Time,
    },
    /// The run has its place, its leases and its generation; its process may be started.
    RunPlaced {
        run: RunId,
        generation: Generation,
        leases: Vec<LeaseGrant>,
        deadline_ms: i64,
    },
    RunStarted {
        run: RunId,
        generation: Generation,
        process: Process,
        deadline: Time,
        /// Where its walls are weaker on this host than they could be, a line each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        degraded: Vec<String>,
    },
    /// Told to end. A second time for a run that had time to end by itself: that time is over.
    RunStopping {
        run: RunId,
        generation: Generation,
        why: KillReason,
        /// How long it may take to end by itself; none: it is killed.
        #[serde(default, skip_serializing_if = "is_none_yet")]
        grace_ms: i64,
    },
    /// What the agent said of its own end.
    RunFinished {
        run: RunId,
        nothing_to_report: bool,
        summary: String,
    },
    /// The process tree is proven gone, or there never was one.
    RunEnded {
        run: RunId,
        outcome: Outcome,
        usage: Usage,
    },

    /// A run tried what its walls or its host do not allow, as one sensor saw it; the same attempt
    /// again is recorded with the number of times since.
    ViolationRecorded {
        agent: AgentId,
        run: RunId,
        violation: Box<Violation>,
    },

    /// A run asked for a person, in these words.
    PersonAsked {
        agent: AgentId,
        run: RunId,
        text: String,
    },

    FindingRecorded {
        project: ProjectId,
        agent: AgentId,
        run: RunId,
        finding: Box<Finding>,
    },
    /// A known finding holds still.
    FindingSeen {
        project: ProjectId,
        run: RunId,
        fingerprint: Fingerprint,
    },
    /// A finding that was new came when its agent had told enough for the day: it is counted, not
    /// kept. Reported again on another day, it is new then.
    FindingSuppressed {
        project: ProjectId,
        agent: AgentId,
        run: RunId,
        fingerprint: Fingerprint,
    },
    /// A later look no longer saw it.
    FindingResolved {
        project: ProjectId,
        fingerprint: Fingerprint,
        /// The commit that did what the finding suggested, where its agent saw one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// What an agent's finding expects is kept, to be held against what comes.
    ForecastMade {
        project: ProjectId,
        agent: AgentId,
        fingerprint: Fingerprint,
        rule: String,
        forecast: Box<Forecast>,
    },
    /// It is known what came of it, or that this will never be known.
    ForecastSettled {
        project: ProjectId,
        agent: AgentId,
        fingerprint: Fingerprint,
        outcome: forecast::Outcome,
    },
    FindingAccepted {
        project: ProjectId,
        fingerprint: Fingerprint,
    },
    FindingDismissed {
        project: ProjectId,
        fingerprint: Fingerprint,
        reason: String,
    },
    /// Not to be shown before `until`.
    FindingSnoozed {
        project: ProjectId,
        fingerprint: Fingerprint,
        until: Time,
    },
    /// What people made of an agent's rule so far counts no longer.
    RuleForgotten {
        agent: AgentId,
        rule: String,
    },

    /// An agent's event on a topic, such as `project.quality.degraded`.
    EventEmitted {
        project: ProjectId,
        agent: AgentId,
        run: RunId,
        kind: String,
        data: String,
    },
    /// A webhook brought something, from whoever has its secret.
    HookReceived {
        project: ProjectId,
        /// The name that a person gave it.
        hook: String,
        /// What tells this delivery from others.
        key: String,
        /// JSON: what its sender calls it, and as much of its content as is kept.
        data: String,
    },
    MessageSent {
        id: MessageId,
        from: AgentId,
        to: AgentId,
        body: String,
    },
    MessageDelivered {
        id: MessageId,
        run: RunId,
    },
    MessageAcked {
        id: MessageId,
    },
    /// Delivered too often without an acknowledgement.
    MessageDied {
        id: MessageId,
    },
    StatePut {
        project: ProjectId,
        key: String,
        value: String,
        version: u64,
        by: AgentId,
    },
    LeaseTaken {
        project: ProjectId,
        name: String,
        run: RunId,
        token: u64,
        expires: Time,
        #[serde(default, skip_serializing_if = "Mode::is_exclusive")]
        mode: Mode,
    },
    /// A run waits for a lease that others have, or wait for before it.
    LeaseWaited {
        project: ProjectId,
        name: String,
        mode: Mode,
        run: RunId,
        until: Time,
    },
    LeaseReleased {
        project: ProjectId,
        name: String,
        token: u64,
    },
    CheckpointSaved {
        agent: AgentId,
        name: String,
        blob: BlobRef,
    },

    /// A change that an agent proposed has come further.
    Proposal {
        proposal: ProposalId,
        fact: Box<proposal::Fact>,
    },

    /// An incident has come further.
    Incident {
        incident: IncidentId,
        fact: Box<incident::Fact>,
    },

    /// A request of a model has come further.
    Model {
        fact: Box<model::Fact>,
    },
    /// A matter before the council has come further.
    Motion {
        motion: MotionId,
        fact: Box<council::Fact>,
    },

    EmergencyDeclared {
        reason: String,
    },
    EmergencyLifted {
        reason: String,
    },
}

/// A lease given with a run's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGrant {
    pub name: String,
    /// Grows with every grant, so that a late writer can be told from the present one.
    pub token: u64,
}

/// Why a slot led to no run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Nothing that the agent reads has changed: no process was started.
    NothingChanged,
    /// The time passed while nothing could run, and the agent's policy says not to catch up.
    Missed,
    /// The run before it was not over, and the agent's policy says to skip.
    Overlap,
    /// The agent was paused.
    Paused,
    /// Its circuit breaker was open.
    BreakerOpen,
}

/// Why an agent's interval changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adaptation {
    NothingChanged,
    Slow,
    Failing,
    Ignored,
    Pressed,
    Useful,
}
