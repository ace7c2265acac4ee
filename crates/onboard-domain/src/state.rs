//! Everything the daemon knows: the fold of the journal, bounded, in memory.
//!
//! Only what decisions read is here. History (ended runs, resolved findings, old events) lives in
//! views that are rebuilt from the journal.

use crate::council::{Motion, Subject};
use crate::effect::KillReason;
use crate::finding::Finding;
use crate::forecast;
use crate::hook;
use crate::ids::{
    AgentId, AgentName, Fingerprint, Generation, IncidentId, MessageId, MotionId, ProjectId,
    ProposalId, RunId, Time,
};
use crate::incident::{Conduct, Incident};
use crate::lease::{Holder, Mode, Waiter};
use crate::model::Spending;
use crate::proposal::Proposal;
use crate::spec::AgentSpec;
use crate::violation::Violation;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Bounds of the state. Reaching one refuses the request that would pass it, or drops the oldest,
/// as each says.
pub mod bounds {
    /// How many one agent may have of what a project, or an inbox, has room for: half, so that none of
    /// them keeps the others from theirs.
    pub const fn of_one_agent(all: usize) -> usize {
        all / 2
    }

    /// Refused beyond; a thousand projects of seven agents are inside.
    pub const AGENTS: usize = 10_000;
    /// Refused beyond.
    pub const PROJECTS: usize = 1_000;
    /// Ended runs remembered per agent, oldest dropped: enough to judge a trend of twenty.
    pub const RECENT: usize = 20;
    /// Live findings per project, refused beyond: nobody reads more.
    pub const FINDINGS: usize = 500;
    /// Dismissed findings remembered per project, oldest dropped.
    pub const DISMISSED: usize = 5_000;
    /// Rules per agent of which is known what people made of them; those beyond count for nothing.
    pub const RULES: usize = 64;
    /// Shortest and longest time that a finding may be snoozed, in milliseconds: an hour to a year.
    pub const SNOOZE_MS: core::ops::RangeInclusive<i64> = 3_600_000..=31_622_400_000;
    /// Findings one run may record.
    pub const FINDINGS_PER_RUN: usize = 50;
    /// New findings an agent may tell a day (UTC), unless its manifest or its users' settings say
    /// otherwise: as many as one run may, so that a first look at a project is told whole.
    pub const FINDINGS_PER_DAY: u32 = 50;
    /// New critical findings an agent may tell a day: what must not wait is not held back by what
    /// people want of a day, only by what nobody could look at.
    pub const CRITICAL_PER_DAY: u32 = 200;
    /// New findings one run may record where the next one is critical.
    pub const FINDINGS_PER_RUN_CRITICAL: usize = 100;
    /// Events one run may emit.
    pub const EVENTS_PER_RUN: u32 = 100;
    /// Unacknowledged messages to one agent, refused beyond.
    pub const INBOX: usize = 200;
    /// Bytes of a message, a shared value or an event's data.
    pub const PAYLOAD: usize = 16 * 1024;
    /// Deliveries of a message before it is dead.
    pub const DELIVERIES: u32 = 5;
    /// Shared values per project, refused beyond.
    pub const SHARED: usize = 1_000;
    /// Bytes of a key, a lease's name, a topic.
    pub const KEY: usize = 128;
    /// Checkpoints per agent, refused beyond.
    pub const CHECKPOINTS: usize = 16;
    /// Bytes of one checkpoint: it travels in one protocol frame.
    pub const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
    /// Leases one run may hold.
    pub const LEASES_PER_RUN: usize = 16;
    /// Queued or active runs, refused beyond.
    pub const RUNS: usize = 20_000;
    /// How long a run that is stopped gets to end by itself, unless its manifest or its users'
    /// settings say otherwise: a last checkpoint takes milliseconds, and people who stop an agent
    /// wait for it.
    pub const STOP_GRACE_MS: i64 = 5_000;
    /// The longest that anybody may set: a daemon that ends waits for its runs, and the system's
    /// own patience with a service is 90 s by convention.
    pub const STOP_GRACE_MAX_MS: i64 = 30_000;
}

/// The state. Two states are the same when their serialised forms are the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Time of the newest batch.
    pub time: Time,
    pub next: Counters,
    pub projects: BTreeMap<ProjectId, Project>,
    pub agents: BTreeMap<AgentId, Agent>,
    /// Runs that have not ended.
    pub runs: BTreeMap<RunId, Run>,
    pub messages: BTreeMap<MessageId, Message>,
    /// Changes that agents proposed, the newest of each project.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub proposals: BTreeMap<ProposalId, Proposal>,
    /// What people are or were called to, the newest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// What models cost, and what is set aside for requests on their way.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub models: Spending,
    /// What was put before the council, the newest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub motions: BTreeMap<MotionId, Motion>,
    /// What webhooks brought.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<String, hook::Known>,
    pub emergency: Option<Emergency>,
    pub policy: Option<PolicyRef>,
    pub daemon: Option<DaemonRef>,
    /// Derived: agents by the time they are due. Never serialised; see [`State::reindex`].
    #[serde(skip)]
    pub due: BTreeSet<(Time, AgentId)>,
    /// Derived: queued runs by (time they may start).
    #[serde(skip)]
    pub queued: BTreeSet<(Time, RunId)>,
    /// Derived: runs with a deadline.
    #[serde(skip)]
    pub deadlines: BTreeSet<(Time, RunId)>,
    /// Derived: runs that have, or may have, a process.
    #[serde(skip)]
    pub active: BTreeSet<RunId>,
    /// Derived: leases that end by themselves.
    #[serde(skip)]
    pub expiring: BTreeSet<(Time, ProjectId, String)>,
    /// Derived: motions that wait, by the time they expire.
    #[serde(skip)]
    pub waiting: BTreeSet<(Time, MotionId)>,
}

/// The next number of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub project: u32,
    pub agent: u32,
    pub run: u64,
    pub message: u64,
    pub lease_token: u64,
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub proposal: u64,
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub incident: u64,
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub motion: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
pub(crate) fn is_none_yet<T: Default + PartialEq>(count: &T) -> bool {
    *count == T::default()
}

/// A project that the crew works on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Absolute path.
    pub root: String,
    pub name: String,
    pub agents: BTreeMap<AgentName, AgentId>,
    /// Digests of what agents read, as last seen.
    pub git: String,
    pub plan: String,
    pub findings: BTreeMap<Fingerprint, KnownFinding>,
    /// Dismissed findings, so that they stay dismissed: fingerprint and time.
    pub dismissed: BTreeMap<Fingerprint, Time>,
    /// Whose they were. What is not here is from before this was kept, and dismissed for everybody.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dismissed_of: BTreeMap<Fingerprint, AgentName>,
    pub shared: BTreeMap<String, SharedValue>,
    pub leases: BTreeMap<String, Lease>,
    /// Who waits for a lease, longest first; some may have given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiter>,
    /// What findings expect and of which it is not known yet what came; some of these findings are
    /// gone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forecasts: BTreeMap<Fingerprint, forecast::Open>,
    /// Its policy, as people last agreed to it or need not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyRef>,
}

/// A finding that people have not dismissed and that is not resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownFinding {
    pub finding: Finding,
    pub agent: AgentId,
    pub first_seen: Time,
    pub last_seen: Time,
    pub accepted: bool,
    /// Not shown before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Time>,
}

/// What became of the findings of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    pub told: u32,
    pub accepted: u32,
    pub dismissed: u32,
    /// No longer seen, and nobody had said a word. Done in silence, or no longer so by itself: it is
    /// shown to people, and no answer of theirs.
    pub gone: u32,
    /// No longer seen after a commit that did what it said, and nobody had said a word: an answer by
    /// deeds, weaker than one in words.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub acted: u32,
}

/// One agent in one project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    pub project: ProjectId,
    pub spec: AgentSpec,
    pub desired: Desired,
    /// Whether a person ever started this very program.
    pub started_before: bool,
    /// The hash of manifest and program that the council last let run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<String>,
    /// When it last asked for approvals, at most as many as it may in a day.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub asked: VecDeque<Time>,
    pub since: Time,
    /// When the schedule next wants a run.
    pub due: Option<Time>,
    /// Interval scale in permille of the schedule's own; 1000 is as written.
    pub interval_permille: u32,
    pub interval_why: Option<crate::event::Adaptation>,
    pub breaker: Breaker,
    pub quarantine: Option<String>,
    /// Digests seen when its last successful run was placed.
    pub seen_git: String,
    pub seen_plan: String,
    pub last_queued: Option<Time>,
    pub last_success: Option<Time>,
    pub consecutive_failures: u32,
    /// Slots in a row in which nothing had changed.
    pub idle_slots: u32,
    pub recent: VecDeque<EndedRun>,
    pub totals: Totals,
    /// What became of what each of its rules said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, RuleRecord>,
    /// How good what each of its rules expected was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, forecast::Score>,
    pub checkpoints: BTreeMap<String, BlobRef>,
    /// Its runs that have not ended, oldest first.
    pub live: Vec<RunId>,
    /// Its unacknowledged messages, oldest first.
    pub inbox: Vec<MessageId>,
    /// What it told on the newest day that it told anything.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub noise: Noise,
    /// What it tried and was refused.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub conduct: Conduct,
}

/// New findings of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// Days since 1970, UTC.
    pub day: i64,
    pub told: u32,
    /// Counted, not kept.
    pub suppressed: u32,
    /// Those of `told` that are critical.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub critical: u32,
}

impl Noise {
    const DAY_MS: i64 = 86_400_000;

    /// The counts of the day that `now` is in.
    pub fn at(self, now: Time) -> Noise {
        let day = now.0.div_euclid(Noise::DAY_MS);
        if self.day == day { self } else { Noise { day, ..Noise::default() } }
    }
}

/// The scale of an interval that is as its schedule says.
pub const AS_WRITTEN: u32 = 1000;

/// What people want of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    Stopped,
    Started,
    Paused,
}

/// The circuit breaker: after repeated failures nothing is started for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    Closed,
    /// Until then nothing is started; then one trial run decides.
    Open {
        until: Time,
        times: u32,
    },
}

/// A run that ended, as far as decisions remember it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedRun {
    pub run: RunId,
    pub slot: Time,
    pub trigger: Trigger,
    pub attempt: u32,
    pub queued: Time,
    pub started: Option<Time>,
    pub ended: Time,
    pub outcome: Outcome,
    pub usage: Usage,
    pub findings: u32,
    pub summary: String,
}

/// Counts over an agent's whole life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub runs: u64,
    pub succeeded: u64,
    pub nothing_to_report: u64,
    pub failed: u64,
    pub slots_nothing_changed: u64,
    pub slots_missed: u64,
    pub cpu_ms: u64,
    pub wall_ms: u64,
    pub findings: u64,
    pub accepted: u64,
    pub dismissed: u64,
    /// Attempts that its walls or its host refused, each as often as it was made.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub violations: u64,
    /// Messages to it that nobody acknowledged however often they were delivered.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub messages_dead: u64,
    /// What it asked of language models.
    #[serde(default, skip_serializing_if = "Asked::is_nothing")]
    pub asked: Asked,
}

/// What an agent asked of language models, and what came of their words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Requests that were answered, or of which nobody knows.
    pub requests: u64,
    pub spend: crate::model::Spend,
    /// Findings that are shown in a model's words,
    pub worded: u64,
    /// and those whose words were refused.
    pub refused: u64,
}

impl Asked {
    fn is_nothing(&self) -> bool {
        *self == Asked::default()
    }
}

/// A run between its queueing and its recorded end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub agent: AgentId,
    pub slot: Time,
    pub trigger: Trigger,
    pub attempt: u32,
    pub queued: Time,
    pub not_before: Time,
    pub generation: Generation,
    pub phase: Phase,
    /// The project's digests when the run was queued, then when it was placed.
    pub git: String,
    pub plan: String,
    /// Fingerprints this run has reported.
    pub seen: BTreeSet<Fingerprint>,
    pub new_findings: u32,
    pub emitted: u32,
    /// Changes that it proposed.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub proposals: u32,
    /// How often it asked for a person.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub asked: u32,
    /// The approval that it ends for, and is resumed after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<MotionId>,
    /// What it tried and was refused, each once with its count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    pub finished: Option<Finished>,
}

/// What the agent said of its own end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub nothing_to_report: bool,
    pub summary: String,
}

/// Where a run is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Queued,
    /// Admitted; its process is being started.
    Placed {
        at: Time,
        deadline_ms: i64,
    },
    Running {
        started: Time,
        deadline: Time,
        process: Process,
    },
    /// Told to end; not yet proven dead.
    Stopping {
        started: Option<Time>,
        since: Time,
        why: KillReason,
        /// Until then it may end by itself; absent: it was told to die.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kill_at: Option<Time>,
    },
}

/// What caused a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Schedule,
    /// Its first run after being started.
    Started,
    Manual,
    Changed,
    Event {
        kind: String,
    },
    Message,
    Retry {
        of: RunId,
    },
    /// Slots that were missed, and how many this run stands for.
    CatchUp {
        missed: u32,
    },
    /// A proposal that it checks.
    Proposal {
        proposal: ProposalId,
    },
    /// What it asked people for was answered, or nobody answered in time.
    Answered {
        approval: MotionId,
    },
}

/// A process, so named that a reused pid is not mistaken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Start time in clock ticks since boot (`/proc/PID/stat` field 22).
    pub start_ticks: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    NothingToReport,
    Failed {
        why: String,
    },
    TimedOut,
    Killed {
        why: KillReason,
    },
    /// The policy or the host's missing walls said no; nothing was started.
    Refused {
        rule: String,
        why: String,
    },
    /// The daemon died with it; the process tree is proven gone.
    Lost {
        why: String,
    },
    /// It asked for an approval and ended; another run goes on when people have answered.
    WaitingForApproval {
        approval: MotionId,
    },
}

impl Outcome {
    /// Whether the agent did its work.
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Succeeded | Outcome::NothingToReport)
    }

    /// Whether it counts against the agent (a stop by people does not).
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Outcome::Failed { .. } | Outcome::TimedOut | Outcome::Killed { why: KillReason::Limit }
        )
    }

    /// Why it ended so, in words; empty where the word says all.
    pub fn explanation(&self) -> String {
        match self {
            Outcome::Succeeded | Outcome::NothingToReport => String::new(),
            Outcome::Failed { why } | Outcome::Lost { why } => why.clone(),
            Outcome::TimedOut => "its deadline passed".into(),
            Outcome::Killed { why } => why.explanation().into(),
            Outcome::Refused { rule, why } => alloc::format!("{why} ({rule})"),
            Outcome::WaitingForApproval { approval } => {
                alloc::format!("it goes on when {approval} is answered")
            }
        }
    }

    /// The stable word for people and programs.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::NothingToReport => "nothing_to_report",
            Outcome::Failed { .. } => "failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Killed { .. } => "killed",
            Outcome::Refused { .. } => "refused",
            Outcome::Lost { .. } => "lost",
            Outcome::WaitingForApproval { .. } => "waiting_for_approval",
        }
    }
}

/// What a run consumed, from the kernel's own counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub cpu_ms: u64,
    pub memory_peak_bytes: u64,
    /// Time the processor limit held it back.
    pub throttled_ms: u64,
}

/// Content stored outside the journal, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    pub bytes: u64,
}

/// A direct message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub from: AgentId,
    pub to: AgentId,
    pub sent: Time,
    pub body: String,
    pub deliveries: u32,
    /// The run it was last delivered to.
    pub delivered_to: Option<RunId>,
}

/// A value of the project's shared state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedValue {
    /// JSON text.
    pub value: String,
    pub version: u64,
    pub by: AgentId,
    pub at: Time,
}

/// A right to a named resource of a project: of one run, or shared by several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub run: RunId,
    pub token: u64,
    pub since: Time,
    /// By journal time. A lease given with a run's place holds until the run is proven ended.
    pub expires: Option<Time>,
    #[serde(default, skip_serializing_if = "Mode::is_exclusive")]
    pub mode: Mode,
    /// Who shares it with the one above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Holder>,
}

/// The latch of an emergency shutdown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    pub since: Time,
    pub reason: String,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    pub hash: String,
    pub origin: String,
    pub since: Time,
}

/// The daemon that wrote last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonRef {
    pub version: String,
    pub pid: u32,
    pub since: Time,
    pub running: bool,
    /// It was asked to end: nothing new is placed, and it exits when nothing runs.
    pub stopping: bool,
}

impl State {
    /// Whether the daemon was asked to end: nothing new is placed.
    pub fn is_stopping(&self) -> bool {
        self.daemon.as_ref().is_some_and(|daemon| daemon.running && daemon.stopping)
    }

    /// Whether a run of the agent has ended to wait for an approval that nobody has answered.
    pub fn waits_for_approval(&self, agent: AgentId) -> bool {
        let waits = |id: &MotionId| {
            self.motions.get(id).is_some_and(|motion| {
                motion.status == crate::council::Status::Open
                    && matches!(motion.subject, Subject::Act { agent: by, .. } if by == agent)
            })
        };
        self.waiting.iter().any(|(_, id)| waits(id))
    }

    /// The agent of a project by name.
    pub fn agent_named(&self, project: ProjectId, name: &str) -> Option<AgentId> {
        self.projects.get(&project)?.agents.get(name).copied()
    }

    /// The project whose root is `root`.
    pub fn project_at(&self, root: &str) -> Option<ProjectId> {
        self.projects.iter().find(|(_, p)| p.root == root).map(|(id, _)| *id)
    }

    /// The runs of an agent that have not ended, oldest first.
    pub fn runs_of(&self, agent: AgentId) -> impl Iterator<Item = (RunId, &Run)> {
        let live = self.agents.get(&agent).map_or(&[][..], |a| &a.live);
        live.iter().filter_map(|id| Some((*id, self.runs.get(id)?)))
    }

    /// Unacknowledged messages to an agent, oldest first.
    pub fn inbox(&self, agent: AgentId) -> impl Iterator<Item = &Message> {
        let inbox = self.agents.get(&agent).map_or(&[][..], |a| &a.inbox);
        inbox.iter().filter_map(|id| self.messages.get(id))
    }

    /// SHA-256 of the serialised state: what replay and live state are compared by.
    pub fn digest(&self) -> String {
        use sha2::Digest;
        let bytes = self.encode();
        let hash = sha2::Sha256::digest(&bytes);
        hash.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }

    /// The serialised state, as snapshots hold it.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a state has only string and number keys")
    }

    /// Reads a snapshot and rebuilds what is derived.
    ///
    /// # Errors
    /// When the bytes are not a state.
    pub fn decode(bytes: &[u8]) -> Result<State, serde_json::Error> {
        let mut state: State = serde_json::from_slice(bytes)?;
        state.reindex();
        Ok(state)
    }

    /// Rebuilds the derived indexes from what is serialised.
    pub fn reindex(&mut self) {
        self.due = self.agents.iter().filter_map(|(id, a)| Some((a.due?, *id))).collect();
        self.queued = self
            .runs
            .iter()
            .filter(|(_, run)| run.phase == Phase::Queued)
            .map(|(id, run)| (run.not_before, *id))
            .collect();
        self.deadlines =
            self.runs.iter().filter_map(|(id, run)| Some((run.deadline()?, *id))).collect();
        self.active =
            self.runs.iter().filter(|(_, run)| run.is_active()).map(|(id, _)| *id).collect();
        self.expiring = self
            .projects
            .iter()
            .flat_map(|(id, project)| project.leases.iter().map(move |(name, l)| (*id, name, l)))
            .flat_map(|(id, name, lease)| {
                let ends = lease.holders().filter_map(|holder| holder.expires);
                ends.map(move |at| (at, id, name.clone()))
            })
            .collect();
        let live = self.motions.iter().filter(|(_, motion)| motion.status.is_live());
        self.waiting = live.map(|(id, motion)| (motion.expires, *id)).collect();
    }
}

impl Project {
    /// How a finding of an agent is known here, which its agent knows by `fingerprint`: so, unless
    /// another agent's is known so. What people say of one is no word on the other, and neither agent
    /// speaks of the other's.
    pub fn known_as(
        &self,
        id: AgentId,
        agent: &AgentName,
        fingerprint: &Fingerprint,
    ) -> Fingerprint {
        let apart = fingerprint.apart(agent);
        let told_apart = self.findings.contains_key(&apart) || self.dismissed.contains_key(&apart);
        let dismissed_of = self.dismissed_of.get(fingerprint);
        let is_taken = match self.findings.get(fingerprint) {
            Some(known) => known.agent != id,
            None => told_apart || dismissed_of.is_some_and(|other| other != agent),
        };
        if is_taken { apart } else { fingerprint.clone() }
    }
}

impl Agent {
    /// Whether a person, or the council, let this very program run. What comes with `ai_onboard`
    /// needs nobody's yes.
    pub fn is_deployed(&self) -> bool {
        self.spec.program == crate::spec::Program::BuiltIn
            || self.started_before
            || self.deployed.as_ref() == Some(&self.spec.hash)
    }
}

/// How long the start of a placed run may take before it is given up: a start takes milliseconds,
/// and seconds while the host's walls are first tried. The run's own time begins when it runs.
pub const START_PATIENCE_MS: i64 = 60_000;

impl Run {
    /// When the run must be over, once its process is started or being started.
    pub fn deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Placed { at, .. } => Some(at.plus(START_PATIENCE_MS)),
            Phase::Running { deadline, .. } => Some(*deadline),
            Phase::Stopping { kill_at, .. } => *kill_at,
            Phase::Queued => None,
        }
    }

    /// Whether the run has, or may have, a process.
    pub fn is_active(&self) -> bool {
        self.phase != Phase::Queued
    }

    /// When its process started, as far as known.
    pub fn started(&self) -> Option<Time> {
        match &self.phase {
            Phase::Running { started, .. } => Some(*started),
            Phase::Stopping { started, .. } => *started,
            Phase::Queued | Phase::Placed { .. } => None,
        }
    }
}
