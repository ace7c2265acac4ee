//! What the governance council decides: a motion, exactly what it is about, the votes on it, and
//! what came of it.
//!
//! A motion is bound to a hash of its subject: what changes is another subject, and votes on the one
//! before don't count for it.

use crate::command::Actor;
use crate::ids::{AgentId, AgentName, IncidentId, ProjectId, ProposalId, RunId, Time};
use crate::spec::Limits;
use crate::state::{Agent, State};
use crate::violation::words;
use alloc::collections::BTreeMap;
use alloc::{boxed::Box, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Bounds of motions. Each waits for people, who read few.
pub mod bounds {
    /// Motions that wait at once; refused beyond.
    pub const OPEN: usize = 200;
    /// Approvals of one agent that wait at once; refused beyond, with the reason.
    pub const OPEN_PER_AGENT: usize = 5;
    /// Approvals that an agent may ask for within a day, whatever became of them.
    pub const ASKED_PER_DAY: usize = 20;
    /// Motions remembered, the oldest settled one dropped.
    pub const KEPT: usize = 500;
    /// An approval that was given is to be used within a day: by then the world is another.
    pub const USED_WITHIN_MS: i64 = 24 * 3_600_000;
    /// Bytes of what an agent wants to do: a person reads all of it in a terminal.
    pub const WHAT: usize = 4_000;
    /// Bytes of the word for its kind of action.
    pub const ACTION: usize = 80;
    /// Bytes of a reason.
    pub const REASON: usize = 2_000;
    /// Reasons of one vote.
    pub const REASONS: usize = 8;
}

words! {
    /// Kinds of decision; each has its quorum and its vetoes.
    Kind {
        /// A new or changed agent of a project runs for the first time.
        DeployAgent = "deploy_agent",
        /// An agent that was started may use more.
        WidenLimit = "widen_limit",
        /// A change that an agent proposed is written as a branch.
        ApplyProposal = "apply_proposal",
        /// The same, of a change that touches what runs by itself.
        ApplyProtectedProposal = "apply_protected_proposal",
        LiftQuarantine = "lift_quarantine",
        LiftEmergency = "lift_emergency",
        /// A changed policy comes into force.
        ChangePolicy = "change_policy",
        CloseIncident = "close_incident",
        /// A running agent asks before it does something.
        AgentAction = "agent_action",
    }
}

words! {
    /// The council's seats.
    Seat {
        /// Rules: what the agent has done, and what the motion touches.
        SafetyMonitor = "safety_monitor",
        /// Rules: what it costs the machine.
        ResourceManager = "resource_manager",
        UserRepresentative = "user_representative",
        SystemAdministrator = "system_administrator",
    }
}

words! {
    /// What a seat says.
    Ballot {
        Approve = "approve",
        Reject = "reject",
        /// Something is to be known; the others decide.
        Abstain = "abstain",
    }
}

words! {
    /// Where a motion is in its life.
    Status {
        /// It waits for votes.
        Open = "open",
        /// It was carried, and is not carried out yet.
        Approved = "approved",
        Rejected = "rejected",
        /// Nobody answered in time: no denial.
        Expired = "expired",
        /// What it was about is no longer there as it was.
        Withdrawn = "withdrawn",
        /// What it was about was done.
        Executed = "executed",
    }
}

impl Seat {
    /// Whether a person sits there.
    pub fn is_of_people(self) -> bool {
        matches!(self, Seat::UserRepresentative | Seat::SystemAdministrator)
    }

    /// The seat's name for people.
    pub fn title(self) -> &'static str {
        match self {
            Seat::SafetyMonitor => "Safety Monitor",
            Seat::ResourceManager => "Resource Manager",
            Seat::UserRepresentative => "User Representative",
            Seat::SystemAdministrator => "System Administrator",
        }
    }
}

impl Status {
    /// Whether votes or an execution may still come.
    pub fn is_live(self) -> bool {
        matches!(self, Status::Open | Status::Approved)
    }
}

/// Exactly what is decided on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An agent with the manifest and program that have this hash.
    Deploy {
        agent: AgentId,
        hash: String,
        /// What it may use; absent in motions that were put before this was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<Limits>,
        /// One run was asked for, and no start that lasts.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        once: bool,
    },
    /// An agent's limits, all of them, for the manifest and program that have this hash.
    Widen {
        agent: AgentId,
        limits: Limits,
        /// Empty in motions that were put before it was written down: those are void.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        hash: String,
    },
    /// A proposal's patch, and what of it runs by itself.
    Apply {
        proposal: ProposalId,
        patch: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        protected: Vec<String>,
        /// Although a check of the project's own had not passed.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        despite_check: bool,
    },
    LiftQuarantine {
        agent: AgentId,
        why: String,
    },
    LiftEmergency {
        since: Time,
        why: String,
    },
    ChangePolicy {
        hash: String,
        origin: String,
        /// Whose; absent in motions that were put before projects had their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
    },
    /// An incident that escalated so often: once more is another subject.
    CloseIncident {
        incident: IncidentId,
        moments: u64,
    },
    /// What a running agent asks for, and the hash of its manifest and program.
    Act {
        agent: AgentId,
        program: String,
        action: String,
        what: String,
    },
}

impl Subject {
    /// The kind of decision.
    pub fn kind(&self) -> Kind {
        match self {
            Subject::Deploy { .. } => Kind::DeployAgent,
            Subject::Widen { .. } => Kind::WidenLimit,
            Subject::Apply { protected, .. } if protected.is_empty() => Kind::ApplyProposal,
            Subject::Apply { .. } => Kind::ApplyProtectedProposal,
            Subject::LiftQuarantine { .. } => Kind::LiftQuarantine,
            Subject::LiftEmergency { .. } => Kind::LiftEmergency,
            Subject::ChangePolicy { .. } => Kind::ChangePolicy,
            Subject::CloseIncident { .. } => Kind::CloseIncident,
            Subject::Act { .. } => Kind::AgentAction,
        }
    }

    /// SHA-256 of the subject as it is stored, hexadecimal.
    pub fn digest(&self) -> String {
        use sha2::Digest;
        let bytes = serde_json::to_vec(self).expect("a subject has only string keys");
        let hash = sha2::Sha256::digest(&bytes);
        hash.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }

    /// The agent that it is about, if it is about one.
    pub fn agent(&self, state: &State) -> Option<AgentId> {
        match self {
            Subject::Deploy { agent, .. }
            | Subject::Widen { agent, .. }
            | Subject::LiftQuarantine { agent, .. }
            | Subject::Act { agent, .. } => Some(*agent),
            Subject::Apply { proposal, .. } => state.proposals.get(proposal).map(|p| p.agent),
            Subject::CloseIncident { incident, .. } => {
                state.incidents.get(incident).map(|incident| incident.agent)
            }
            Subject::LiftEmergency { .. } | Subject::ChangePolicy { .. } => None,
        }
    }

    /// Why this is not the state of things any more; `None` while it is.
    pub fn outdated(&self, state: &State) -> Option<&'static str> {
        let agent = |id: &AgentId| state.agents.get(id);
        let (holds, why) = match self {
            Subject::Deploy { agent: id, hash, limits, .. } => {
                let same = |a: &Agent| {
                    a.spec.hash == *hash && limits.is_none_or(|limits| a.spec.limits == limits)
                };
                (agent(id).is_some_and(same), "the agent changed or is gone")
            }
            Subject::Act { agent: id, program, .. } => {
                (agent(id).is_some_and(|a| a.spec.hash == *program), "the agent changed or is gone")
            }
            Subject::Widen { agent: id, hash, .. } => {
                (agent(id).is_some_and(|a| a.spec.hash == *hash), "the agent changed or is gone")
            }
            Subject::Apply { proposal, patch, .. } => {
                let known = state.proposals.get(proposal);
                let open = crate::proposal::Status::Open;
                let same =
                    known.is_some_and(|p| p.status == open && p.proposed.patch.sha256 == *patch);
                (same, "the proposal is no longer open")
            }
            Subject::LiftQuarantine { agent: id, why } => {
                let quarantine = agent(id).and_then(|a| a.quarantine.as_ref());
                (quarantine == Some(why), "the quarantine is another or was lifted")
            }
            Subject::LiftEmergency { since, .. } => {
                let same = state.emergency.as_ref().is_some_and(|e| e.since == *since);
                (same, "the emergency is another or was lifted")
            }
            Subject::ChangePolicy { hash, project, .. } => {
                let known = project.and_then(|id| state.projects.get(&id));
                let own = known.and_then(|project| project.policy.as_ref());
                (own.is_none_or(|own| own.hash != *hash), "it is in force already")
            }
            Subject::CloseIncident { incident, moments } => {
                let known = state.incidents.get(incident);
                let same = known.is_some_and(|i| i.is_open() && i.moments() == *moments);
                (same, "the incident went on or was closed")
            }
        };
        (!holds).then_some(why)
    }
}

/// What one seat said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub seat: Seat,
    pub ballot: Ballot,
    /// The person; absent: the seat's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// A vote with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    pub at: Time,
    pub vote: Vote,
}

/// A motion as the state remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Motion {
    pub subject: Subject,
    /// What votes are bound to.
    pub digest: String,
    /// Who asked.
    pub by: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// The agent that it is about; it may be gone when people look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<(AgentId, AgentName)>,
    pub reason: String,
    pub opened: Time,
    pub expires: Time,
    /// How often it was asked for while it waited.
    pub asked: u32,
    pub votes: BTreeMap<Seat, Cast>,
    pub status: Status,
    /// When the status last changed.
    pub since: Time,
    /// What was last said of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// It was settled while its agent could not run, and no run was told yet.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub untold: bool,
}

impl Motion {
    /// Whether the two are the same kind of action of the same agent, which people see together.
    pub fn is_grouped_with(&self, other: &Motion) -> bool {
        match (&self.subject, &other.subject) {
            (
                Subject::Act { agent, action, .. },
                Subject::Act { agent: other, action: same, .. },
            ) => agent == other && action == same,
            _ => false,
        }
    }
}

/// Something that happened to a motion, in the past tense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Opened {
        subject: Box<Subject>,
        by: Actor,
        reason: String,
        expires: Time,
    },
    /// The very same was asked for again while it waits, by this run.
    Repeated {
        run: RunId,
    },
    /// On the subject with this hash.
    Voted {
        digest: String,
        votes: Vec<Vote>,
    },
    /// The votes are enough, either way.
    Decided {
        carried: bool,
        why: String,
    },
    /// Nobody answered in time.
    Expired,
    Withdrawn {
        why: String,
    },
    /// What was decided was done, this once.
    Executed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_for_people_and_in_json() {
        fn same<T: Copy + Serialize>(all: &[T], word: fn(T) -> &'static str) {
            for one in all {
                assert_eq!(serde_json::to_value(one).unwrap(), word(*one));
            }
        }
        same(Kind::ALL, Kind::word);
        same(Seat::ALL, Seat::word);
        same(Ballot::ALL, Ballot::word);
        same(Status::ALL, Status::word);
    }
}
