//! Events of the journal as CloudEvents with one line for people.

use crate::api::{AuditRow, EventRow, EventSeverity, Stamp};
use onboard_domain::council;
use onboard_domain::event::Passed;
use onboard_domain::incident;
use onboard_domain::model::{self, Amount, Ending, Reservation, Spend, Unit};
use onboard_domain::proposal::Fact;
use onboard_domain::{AgentId, Batch, Cause, Event, ProjectId, RunId, State, Time};

/// An event with its place and what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    pub seq: u64,
    /// Its place in the batch.
    pub index: u32,
    pub time: Time,
    pub agent: Option<AgentId>,
    pub project: Option<ProjectId>,
    pub event: Event,
}

/// The events of a batch, with what each belongs to, as far as `state` knows it.
pub fn of_batch(state: &State, seq: u64, batch: &Batch) -> Vec<PastEvent> {
    let place = |(index, event): (usize, &Event)| {
        let agent = agent_of(state, event);
        let project =
            project_of(event).or_else(|| state.agents.get(&agent?).map(|agent| agent.project));
        PastEvent {
            seq,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            time: batch.time,
            agent,
            project,
            event: event.clone(),
        }
    };
    batch.events.iter().enumerate().map(place).collect()
}

/// One event as a row.
pub fn row(state: &State, past: &PastEvent) -> EventRow {
    let agent = past.agent.map(|id| super::agent_name(state, id));
    let project = past.project.map(|id| super::project_name(state, id));
    let source = match (past.project, &agent) {
        (Some(id), Some(agent)) => format!("/projects/{id}/agents/{agent}"),
        (Some(id), None) => format!("/projects/{id}"),
        (None, _) => "/daemon".to_string(),
    };
    let told = tell(&past.event);
    EventRow {
        specversion: "1.0".into(),
        id: format!("{}-{}", past.seq, past.index),
        source,
        kind: format!("dev.ai-onboard.{}.v1", told.kind),
        subject: told.subject,
        time: past.time.into(),
        sequence: past.seq,
        severity: told.severity,
        agent,
        project,
        message: told.message,
        data: data(&past.event),
    }
}

/// One audit entry as a row.
pub fn audit_row(seq: u64, time: Time, cause: Cause) -> AuditRow {
    AuditRow {
        sequence: seq,
        time: time.into(),
        actor: cause.actor,
        via: cause.via,
        what: cause.what,
        why: cause.why,
    }
}

/// The agent an event belongs to; for a run that just ended, the agent that remembers it.
fn agent_of(state: &State, event: &Event) -> Option<AgentId> {
    match event {
        Event::AgentRegistered { agent, .. }
        | Event::AgentConfigured { agent, .. }
        | Event::AgentStarted { agent }
        | Event::AgentStopped { agent }
        | Event::AgentPaused { agent }
        | Event::AgentResumed { agent }
        | Event::AgentTerminated { agent }
        | Event::AgentQuarantined { agent, .. }
        | Event::QuarantineLifted { agent, .. }
        | Event::BreakerOpened { agent, .. }
        | Event::BreakerClosed { agent }
        | Event::IntervalAdapted { agent, .. }
        | Event::SlotPlanned { agent, .. }
        | Event::SlotPassed { agent, .. }
        | Event::RunQueued { agent, .. }
        | Event::FindingRecorded { agent, .. }
        | Event::FindingSuppressed { agent, .. }
        | Event::EventEmitted { agent, .. }
        | Event::StatePut { by: agent, .. }
        | Event::ViolationRecorded { agent, .. }
        | Event::PersonAsked { agent, .. }
        | Event::CheckpointSaved { agent, .. } => Some(*agent),
        Event::Model { fact } => Some(fact.whose().0),
        Event::Incident { incident, fact } => match &**fact {
            incident::Fact::Escalated { agent, .. } => Some(*agent),
            _ => state.incidents.get(incident).map(|incident| incident.agent),
        },
        Event::MessageSent { from, .. } => Some(*from),
        Event::Proposal { proposal, fact } => match &**fact {
            Fact::Made { agent, .. } => Some(*agent),
            _ => state.proposals.get(proposal).map(|proposal| proposal.agent),
        },
        Event::Motion { motion, fact } => match &**fact {
            council::Fact::Opened { subject, .. } => subject.agent(state),
            _ => state.motions.get(motion)?.agent.as_ref().map(|(agent, _)| *agent),
        },
        Event::RunPlaced { run, .. }
        | Event::RunStarted { run, .. }
        | Event::RunStopping { run, .. }
        | Event::RunFinished { run, .. }
        | Event::RunEnded { run, .. }
        | Event::FindingSeen { run, .. }
        | Event::MessageDelivered { run, .. }
        | Event::LeaseWaited { run, .. }
        | Event::LeaseTaken { run, .. } => agent_of_run(state, *run),
        _ => None,
    }
}

fn agent_of_run(state: &State, run: RunId) -> Option<AgentId> {
    if let Some(run) = state.runs.get(&run) {
        return Some(run.agent);
    }
    let remembers = |agent: &onboard_domain::state::Agent| {
        agent.recent.iter().rev().any(|ended| ended.run == run)
    };
    state.agents.iter().find(|(_, agent)| remembers(agent)).map(|(id, _)| *id)
}

fn project_of(event: &Event) -> Option<ProjectId> {
    match event {
        Event::ProjectRegistered { project, .. }
        | Event::ProjectChanged { project, .. }
        | Event::AgentRegistered { project, .. }
        | Event::FindingRecorded { project, .. }
        | Event::FindingSeen { project, .. }
        | Event::FindingSuppressed { project, .. }
        | Event::FindingResolved { project, .. }
        | Event::FindingAccepted { project, .. }
        | Event::FindingDismissed { project, .. }
        | Event::FindingSnoozed { project, .. }
        | Event::ForecastMade { project, .. }
        | Event::ForecastSettled { project, .. }
        | Event::EventEmitted { project, .. }
        | Event::HookReceived { project, .. }
        | Event::StatePut { project, .. }
        | Event::LeaseTaken { project, .. }
        | Event::LeaseWaited { project, .. }
        | Event::LeaseReleased { project, .. } => Some(*project),
        _ => None,
    }
}

/// The event's own fields, without the name around them.
fn data(event: &Event) -> serde_json::Value {
    match serde_json::to_value(event) {
        Ok(serde_json::Value::Object(fields)) if fields.len() == 1 => {
            fields.into_iter().next().map_or(serde_json::Value::Null, |(_, value)| value)
        }
        _ => serde_json::Value::Null,
    }
}

pub(super) struct Told {
    kind: &'static str,
    subject: Option<String>,
    severity: EventSeverity,
    message: String,
}

pub(super) fn info(
    kind: &'static str,
    subject: Option<String>,
    message: impl Into<String>,
) -> Told {
    Told { kind, subject, severity: EventSeverity::Info, message: message.into() }
}

pub(super) fn warning(
    kind: &'static str,
    subject: Option<String>,
    message: impl Into<String>,
) -> Told {
    Told { kind, subject, severity: EventSeverity::Warning, message: message.into() }
}

pub(super) fn error(
    kind: &'static str,
    subject: Option<String>,
    message: impl Into<String>,
) -> Told {
    Told { kind, subject, severity: EventSeverity::Error, message: message.into() }
}

fn tell(event: &Event) -> Told {
    match event {
        Event::DaemonStarted { version, pid } => {
            info("daemon.started", None, format!("daemon {version} started as process {pid}"))
        }
        Event::TimeLeapt { ms } => info(
            "daemon.time.leapt",
            None,
            format!("{} s passed in which nothing ran", super::run::seconds(*ms)),
        ),
        Event::DaemonStopped => info("daemon.stopped", None, "daemon stopped"),
        Event::PolicyAdopted { origin, .. } => {
            info("policy.adopted", None, format!("policy of {origin} is in force"))
        }
        Event::PolicyRefused { project, why } => warning(
            "policy.refused",
            Some(project.to_string()),
            format!("its policy's files are not in force: {why}"),
        ),
        Event::CommandRefused { what, message, .. } => {
            warning("command.refused", None, format!("{what} refused: {message}"))
        }
        Event::EmergencyDeclared { reason } => {
            error("emergency.declared", None, format!("emergency shutdown: {reason}"))
        }
        Event::EmergencyLifted { reason } => {
            warning("emergency.lifted", None, format!("emergency shutdown lifted: {reason}"))
        }
        Event::ProjectRegistered { project, root, .. } => {
            info("project.registered", Some(project.to_string()), format!("project at {root}"))
        }
        Event::ProjectChanged { project, .. } => {
            info("project.changed", Some(project.to_string()), "what its agents read changed")
        }
        _ => tell_of_agent(event),
    }
}

fn tell_of_agent(event: &Event) -> Told {
    match event {
        Event::AgentRegistered { spec, .. } => {
            info("agent.registered", None, format!("registered, from {}", spec.origin))
        }
        Event::AgentConfigured { .. } => info("agent.configured", None, "configured anew"),
        Event::AgentStarted { .. } => info("agent.started", None, "started"),
        Event::AgentStopped { .. } => info("agent.stopped", None, "stopped"),
        Event::AgentPaused { .. } => info("agent.paused", None, "paused"),
        Event::AgentResumed { .. } => info("agent.resumed", None, "resumed"),
        Event::AgentTerminated { .. } => warning("agent.terminated", None, "removed"),
        Event::AgentQuarantined { why, .. } => {
            error("agent.quarantined", None, format!("quarantined: {why}"))
        }
        Event::QuarantineLifted { reason, .. } => {
            warning("agent.quarantine.lifted", None, format!("quarantine lifted: {reason}"))
        }
        Event::BreakerOpened { failures, .. } => {
            error("agent.breaker.opened", None, held_back(*failures))
        }
        Event::BreakerClosed { .. } => info("agent.breaker.closed", None, "runs again"),
        Event::IntervalAdapted { permille, .. } => info(
            "agent.interval.adapted",
            None,
            format!("its interval is {permille} permille of its schedule's"),
        ),
        Event::SlotPlanned { due: Some(due), .. } => {
            let due = crate::api::Stamp(*due);
            info("agent.slot.planned", None, format!("next due {due}"))
        }
        Event::SlotPlanned { due: None, .. } => {
            info("agent.slot.planned", None, "next run when something happens")
        }
        Event::SlotPassed { count, why, .. } => {
            info("agent.slot.passed", None, format!("{count} slot(s) passed: {}", passed(why)))
        }
        Event::ViolationRecorded { run, violation, .. } => {
            super::incident::tell_violation(*run, violation)
        }
        Event::PersonAsked { run, text, .. } => warning(
            "agent.person.asked",
            Some(run.to_string()),
            format!("{run} asks for a person: {text}"),
        ),
        Event::Incident { incident, fact } => super::incident::tell(*incident, fact),
        Event::Model { fact } => tell_of_model(fact),
        Event::CheckpointSaved { name, blob, .. } => info(
            "agent.checkpoint.saved",
            None,
            format!("checkpoint `{name}`, {} bytes", blob.bytes),
        ),
        _ => tell_of_run(event),
    }
}

fn tell_of_model(fact: &model::Fact) -> Told {
    let (_, run) = fact.whose();
    let of_run = Some(run.to_string());
    match fact {
        model::Fact::Reserved { reservation: Reservation { model, spend, .. }, .. } => info(
            "agent.model.reserved",
            of_run,
            format!("{run} may use {} of `{model}`", spent(*spend)),
        ),
        model::Fact::Settled { spend, ending, .. } => {
            let why = match ending {
                Ending::Reported => "as the endpoint says",
                Ending::Unused => "nothing left this machine, or it was refused",
                Ending::Unknown => "all that was set aside, because nobody knows",
            };
            let text = format!("{run} used {}: {why}", spent(*spend));
            info("agent.model.settled", of_run, text)
        }
    }
}

fn spent(spend: Spend) -> String {
    let amount = |unit| Amount { unit, amount: spend.of(unit) };
    format!("{} for {}", amount(Unit::Tokens), amount(Unit::Cost))
}

fn held_back(failures: u32) -> String {
    match failures {
        0 => "held back after what it tried".into(),
        many => format!("held back after {many} failures"),
    }
}

fn passed(why: &Passed) -> &'static str {
    match why {
        Passed::NothingChanged => "nothing changed",
        Passed::Missed => "missed",
        Passed::Overlap => "the run before was not over",
        Passed::Paused => "paused",
        Passed::BreakerOpen => "held back after failures",
    }
}

fn tell_of_run(event: &Event) -> Told {
    match event {
        Event::RunQueued { run, attempt, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            info("agent.run.queued", Some(run.to_string()), format!("{run} queued{again}"))
        }
        Event::RunPlaced { run, .. } => {
            info("agent.run.placed", Some(run.to_string()), format!("{run} has its place"))
        }
        Event::RunStarted { run, process, degraded, .. } => {
            let weaker = match degraded.is_empty() {
                true => String::new(),
                false => format!("; weaker here: {}", degraded.join("; ")),
            };
            let text = format!("{run} started as process {}{weaker}", process.pid);
            info("agent.run.started", Some(run.to_string()), text)
        }
        Event::RunStopping { run, why, grace_ms, .. } => {
            let how = match grace_ms {
                0 => "is killed".to_string(),
                _ => format!("is told to end within {} s", super::run::seconds(*grace_ms)),
            };
            warning(
                "agent.run.stopping",
                Some(run.to_string()),
                format!("{run} {how}: {}", why.explanation()),
            )
        }
        Event::RunFinished { run, summary, .. } => {
            info("agent.run.finished", Some(run.to_string()), summary.clone())
        }
        Event::RunEnded { run, outcome, .. } => {
            let text = format!("{run} {}", super::run::outcome(outcome));
            let severity = match outcome {
                outcome if outcome.is_success() => EventSeverity::Info,
                outcome if outcome.is_failure() => EventSeverity::Error,
                _ => EventSeverity::Warning,
            };
            Told {
                kind: "agent.run.ended",
                subject: Some(run.to_string()),
                severity,
                message: text,
            }
        }
        _ => tell_of_finding(event),
    }
}

fn tell_of_finding(event: &Event) -> Told {
    match event {
        Event::FindingRecorded { finding, .. } => {
            let subject = Some(finding.fingerprint.to_string());
            warning("finding.recorded", subject, finding.title.clone())
        }
        Event::FindingSeen { fingerprint, .. } => {
            info("finding.seen", Some(fingerprint.to_string()), "seen again")
        }
        Event::FindingResolved { fingerprint, by, .. } => {
            let how = match by {
                Some(commit) => format!("done by {commit}"),
                None => "no longer seen".to_owned(),
            };
            info("finding.resolved", Some(fingerprint.to_string()), how)
        }
        Event::ForecastMade { fingerprint, forecast, .. } => {
            info("forecast.made", Some(fingerprint.to_string()), super::forecast::words(forecast))
        }
        Event::ForecastSettled { fingerprint, outcome, .. } => {
            let came = super::forecast::came(*outcome);
            info("forecast.settled", Some(fingerprint.to_string()), came)
        }
        Event::FindingAccepted { fingerprint, .. } => {
            info("finding.accepted", Some(fingerprint.to_string()), "accepted")
        }
        Event::FindingDismissed { fingerprint, reason, .. } => {
            info("finding.dismissed", Some(fingerprint.to_string()), format!("dismissed: {reason}"))
        }
        Event::FindingSnoozed { fingerprint, until, .. } => info(
            "finding.snoozed",
            Some(fingerprint.to_string()),
            format!("not shown before {}", Stamp(*until)),
        ),
        Event::RuleForgotten { rule, .. } => {
            info("rule.forgotten", Some(rule.clone()), "what people made of it counts no longer")
        }
        Event::FindingSuppressed { fingerprint, .. } => info(
            "finding.suppressed",
            Some(fingerprint.to_string()),
            "counted, not kept: its agent has told enough new findings today",
        ),
        Event::Proposal { proposal, fact } => super::proposal::tell(*proposal, fact),
        Event::Motion { motion, fact } => super::council::tell(*motion, fact),
        _ => tell_of_words(event),
    }
}

/// Messages, shared values and leases.
fn tell_of_words(event: &Event) -> Told {
    match event {
        Event::EventEmitted { kind, .. } => {
            info("agent.event.emitted", Some(kind.clone()), format!("emitted `{kind}`"))
        }
        Event::HookReceived { hook, .. } => {
            info(onboard_domain::hook::TOPIC, Some(hook.clone()), format!("`{hook}` brought news"))
        }
        Event::MessageSent { id, .. } => {
            info("message.sent", Some(id.to_string()), format!("{id} sent"))
        }
        Event::MessageDelivered { id, run } => {
            info("message.delivered", Some(id.to_string()), format!("{id} delivered to {run}"))
        }
        Event::MessageAcked { id } => {
            info("message.acked", Some(id.to_string()), format!("{id} acknowledged"))
        }
        Event::MessageDied { id } => warning(
            "message.died",
            Some(id.to_string()),
            format!("{id} was delivered too often without an acknowledgement"),
        ),
        Event::StatePut { key, version, .. } => {
            info("state.put", Some(key.clone()), format!("`{key}` is at version {version}"))
        }
        Event::LeaseTaken { name, run, .. } => {
            info("lease.taken", Some(name.clone()), format!("{run} holds `{name}`"))
        }
        Event::LeaseWaited { name, run, .. } => {
            info("lease.waited", Some(name.clone()), format!("{run} waits for `{name}`"))
        }
        Event::LeaseReleased { name, .. } => {
            info("lease.released", Some(name.clone()), format!("`{name}` is free"))
        }
        other => info("other", None, format!("{other:?}")),
    }
}
