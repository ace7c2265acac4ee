//! What escalates, how far, and the incident that people are called to.
//!
//! An agent has at most one open incident: what it does next extends it, so that a storm is one
//! thing to look at.

use crate::ids::{AgentId, AgentName, ProjectId, RunId, Time};
use crate::violation::{Action, Rule, Violation, words};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Bounds of what is remembered of violations and incidents.
pub mod bounds {
    /// Marks kept by agent and trigger, oldest dropped: no threshold is above it, which the policy
    /// has at 200 attempts of full weight.
    pub const MARKS: usize = 200 * super::FULL_WEIGHT;
    /// Newest violations kept with an agent, oldest dropped: what `status` shows.
    pub const RECENT: usize = 20;
    /// Violations that are put into an incident at once, newest last.
    pub const EVIDENCE: usize = 5;
    /// Moments of one incident; of those in the middle only the count is kept.
    pub const TIMELINE: usize = 50;
    /// Bytes of a note or a reason.
    pub const TEXT: usize = 2_000;
    /// Times that one run may ask for a person: who is called for everything comes for nothing.
    pub const ASKED_PER_RUN: u32 = 3;
    /// Incidents remembered, the oldest closed one dropped.
    pub const KEPT: usize = 500;
}

/// Marks of one attempt at what an agent may never do. What honest work comes to as well, a limit or
/// something that programs try and do without, is one mark.
pub const FULL_WEIGHT: usize = 5;

words! {
    /// What calls for more than a refusal; the names of the policy's `escalation_triggers`.
    Trigger {
        ResourceLimitExceeded = "resource_limit_exceeded",
        ForbiddenActionAttempted = "forbidden_action_attempted",
        UnexpectedErrorRate = "unexpected_error_rate",
        SafetyPolicyViolation = "safety_policy_violation",
        HumanInterventionRequested = "human_intervention_requested",
    }
}

words! {
    /// What follows, from the mildest to the hardest.
    Consequence {
        /// People are called.
        Warn = "warn",
        /// Nothing of it is started for a while.
        Throttle = "throttle",
        /// Its run is ended, and nothing of it is started until a person resumes it.
        Pause = "pause",
        /// The same, until a person lifts the quarantine with a reason.
        Quarantine = "quarantine",
        /// Everything stops.
        Emergency = "emergency",
    }
}

/// How many marks a violation is.
pub fn weight(rule: Rule) -> usize {
    if rule.is_limit() || rule.is_light() { 1 } else { FULL_WEIGHT }
}

impl Trigger {
    /// What a violation counts towards. Being slowed down is how a limit works, and what went
    /// through is only noted: neither counts.
    pub fn of(violation: &Violation) -> Option<Trigger> {
        if matches!(violation.action, Action::Noted | Action::Throttled) {
            return None;
        }
        Some(match violation.rule {
            rule if rule.is_limit() => Trigger::ResourceLimitExceeded,
            Rule::ForbiddenPath
            | Rule::ReadOnlyPath
            | Rule::OutsidePath
            | Rule::ForbiddenCommand
            | Rule::UnusualExec
            | Rule::DeniedSyscall
            | Rule::UnixSocket
            | Rule::UnavailableFeature
            | Rule::Unattributed => Trigger::ForbiddenActionAttempted,
            _ => Trigger::SafetyPolicyViolation,
        })
    }
}

/// How an agent has behaved, as far as decisions read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conduct {
    /// When something counted, oldest first.
    pub marks: BTreeMap<Trigger, VecDeque<Time>>,
    /// The hardest consequence that each trigger had, and when.
    pub reached: BTreeMap<Trigger, Reached>,
    pub recent: VecDeque<Seen>,
    /// Attempts over its whole life, by rule.
    pub totals: BTreeMap<Rule, u64>,
}

/// A consequence that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    pub consequence: Consequence,
    pub at: Time,
}

/// A violation with its time and run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub at: Time,
    pub run: RunId,
    pub violation: Violation,
}

impl Conduct {
    /// Marks of a trigger after `since`.
    pub fn marks_after(&self, trigger: Trigger, since: Time) -> usize {
        let marks = self.marks.get(&trigger);
        marks.map_or(0, |marks| marks.iter().rev().take_while(|at| **at > since).count())
    }

    pub(crate) fn mark(&mut self, trigger: Trigger, at: Time) {
        let marks = self.marks.entry(trigger).or_default();
        if marks.len() >= bounds::MARKS {
            marks.pop_front();
        }
        marks.push_back(at);
    }
}

/// What people are called to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub project: ProjectId,
    pub agent: AgentId,
    /// The agent's name: it may be gone when people look.
    pub by: AgentName,
    pub opened: Time,
    /// Absent: open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Time>,
    /// The hardest consequence so far.
    pub reached: Consequence,
    pub timeline: VecDeque<Moment>,
    /// Moments that were dropped from the middle of the timeline.
    #[serde(default)]
    pub dropped: u32,
}

/// Something of an incident, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub at: Time,
    pub fact: Fact,
}

/// Something that happened to an incident, in the past tense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A trigger went off: the incident was opened, or went on.
    Escalated {
        agent: AgentId,
        run: RunId,
        trigger: Trigger,
        consequence: Consequence,
        /// What was counted, and against what.
        why: String,
        evidence: Vec<Seen>,
    },
    /// A person wrote something down.
    Noted { by: String, text: String },
    /// A person closed it.
    Closed { by: String, reason: String },
}

impl Incident {
    /// Whether somebody still has to look.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// How often it went on: grows with each escalation, and not with what people write.
    pub fn moments(&self) -> u64 {
        let escalated = |moment: &&Moment| matches!(moment.fact, Fact::Escalated { .. });
        self.timeline.iter().filter(escalated).count() as u64 + u64::from(self.dropped)
    }
}
