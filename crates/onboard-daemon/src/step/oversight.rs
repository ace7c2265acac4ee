//! What runs tried and were refused: recorded, counted, and drawn consequences from.

use super::{World, commands, council};
use crate::cut::cut;
use onboard_domain::council::Subject;
use onboard_domain::incident::{Consequence, Fact, Moment, Seen, Trigger, bounds};
use onboard_domain::state::{Desired, Outcome, Trigger as Cause};
use onboard_domain::{
    Actor, AgentId, Answer, CallAnswer, CallRefusal, Event, Generation, IncidentId, KillReason,
    Refusal, RefusalKind, RunId, Turn, Violation, violation,
};
use onboard_policy::{Due, Escalation};
use onboard_scheduler::{Haste, ScheduleCache};

/// How long nothing of a throttled agent is started: long enough for a person to look, short enough
/// that a mistake mends itself within a working day.
const THROTTLE_MS: i64 = 3_600_000;

/// The event by which people and agents learn that somebody has to look.
pub(super) const INTERVENTION: &str = "agent.intervention.required";

/// What the sensors of a run saw.
pub(super) fn violations(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    run: RunId,
    generation: Generation,
    violations: Vec<Violation>,
) {
    let Some(entry) = turn.state().runs.get(&run) else { return };
    if entry.generation != generation || !entry.is_active() {
        return;
    }
    let agent = entry.agent;
    for violation in violations {
        record(turn, agent, run, violation);
    }
    judge(turn, world, agent, run);
}

fn record(turn: &mut Turn<'_>, agent: AgentId, run: RunId, violation: Violation) {
    let known = &turn.state().runs[&run].violations;
    // The sensors count what goes beyond; this only keeps a mistake of theirs from mattering.
    let has_room = known.len() < violation::bounds::PER_RUN;
    if has_room || known.iter().any(|same| same.is_like(&violation)) {
        turn.record(Event::ViolationRecorded { agent, run, violation: Box::new(violation) });
    }
}

/// Draws the consequences that are due.
fn judge(turn: &mut Turn<'_>, world: &World<'_>, agent: AgentId, run: RunId) {
    let escalation = escalation(turn, world, agent);
    let now = turn.state().time;
    for due in escalation.due(&turn.state().agents[&agent].conduct, now) {
        escalate(turn, agent, run, due);
    }
    let locked = turn.state().agents.values().filter(|agent| agent.quarantine.is_some()).count();
    let newly = turn.events().iter().any(|e| matches!(e, Event::AgentQuarantined { .. }));
    if newly && locked >= escalation.emergency as usize && turn.state().emergency.is_none() {
        let reason =
            format!("{locked} agents are in quarantine; {} stop everything", escalation.emergency);
        commands::emergency(turn, &reason);
    }
}

fn escalation(turn: &Turn<'_>, world: &World<'_>, agent: AgentId) -> Escalation {
    let state = turn.state();
    world.policies.escalation(&state.projects[&state.agents[&agent].project].root)
}

/// A run is about to be recorded as failed: with those before it that may be too many.
pub(super) fn failed(turn: &mut Turn<'_>, world: &World<'_>, run: RunId, outcome: &Outcome) {
    let Some(entry) = turn.state().runs.get(&run) else { return };
    if !outcome.is_failure() {
        return;
    }
    let id = entry.agent;
    let agent = &turn.state().agents[&id];
    let before = agent.recent.iter().rev().map(|ended| ended.outcome.is_failure());
    let escalation = escalation(turn, world, id);
    let now = turn.state().time;
    let due = escalation.errors(std::iter::once(true).chain(before), &agent.conduct, now);
    if let Some(due) = due {
        escalate(turn, id, run, due);
    }
}

fn escalate(turn: &mut Turn<'_>, agent: AgentId, run: RunId, due: Due) {
    let Due { trigger, consequence, why } = due;
    let open = turn.state().open_incident(agent).map(|(id, _)| id);
    let incident = open.unwrap_or(IncidentId(turn.state().next.incident));
    let evidence = evidence(turn, agent);
    let words = why.clone();
    let fact = Fact::Escalated { agent, run, trigger, consequence, why, evidence };
    turn.record(Event::Incident { incident, fact: Box::new(fact) });
    call_people(turn, agent, run, incident, consequence);
    let why = format!("{words} ({incident})");
    match consequence {
        Consequence::Warn => {}
        Consequence::Throttle => throttle(turn, agent),
        Consequence::Pause => {
            if turn.state().agents[&agent].desired == Desired::Started {
                turn.record(Event::AgentPaused { agent });
            }
            onboard_scheduler::stop_runs(turn, agent, KillReason::Violation, Haste::Now);
        }
        Consequence::Quarantine => {
            if turn.state().agents[&agent].quarantine.is_none() {
                turn.record(Event::AgentQuarantined { agent, why });
            }
            onboard_scheduler::stop_runs(turn, agent, KillReason::Violation, Haste::Now);
        }
        Consequence::Emergency => drop(commands::emergency(turn, &why)),
    }
}

/// The newest of what was seen, as it was seen.
fn evidence(turn: &Turn<'_>, agent: AgentId) -> Vec<Seen> {
    let recent = &turn.state().agents[&agent].conduct.recent;
    recent.iter().skip(recent.len().saturating_sub(bounds::EVIDENCE)).cloned().collect()
}

/// Whether the run is there because people were called, at first or again after it failed.
fn was_called(turn: &Turn<'_>, agent: AgentId, run: RunId) -> bool {
    let state = turn.state();
    let recent = &state.agents[&agent].recent;
    let mut cause = state.runs.get(&run).map(|run| &run.trigger);
    // Each retry is of an earlier run, so this ends with what is remembered.
    while let Some(Cause::Retry { of }) = cause {
        cause = recent.iter().rev().find(|ended| ended.run == *of).map(|ended| &ended.trigger);
    }
    matches!(cause, Some(Cause::Event { kind }) if kind == INTERVENTION)
}

/// An event of the project, so that agents may wake on it as well. What a run does that such an event
/// woke wakes nobody again: two agents that watch for it would never rest.
fn call_people(
    turn: &mut Turn<'_>,
    agent: AgentId,
    run: RunId,
    incident: IncidentId,
    consequence: Consequence,
) {
    if was_called(turn, agent, run) {
        return;
    }
    let entry = &turn.state().agents[&agent];
    let (project, name) = (entry.project, entry.spec.name.clone());
    let data = serde_json::json!({
        "incident": incident.to_string(), "agent": name, "consequence": consequence,
    });
    let (kind, data) = (INTERVENTION.to_string(), data.to_string());
    turn.record(Event::EventEmitted { project, agent, run, kind, data });
}

fn throttle(turn: &mut Turn<'_>, agent: AgentId) {
    let failures = turn.state().agents[&agent].consecutive_failures;
    let until = turn.state().time.plus(THROTTLE_MS);
    turn.record(Event::BreakerOpened { agent, until, failures });
}

/// An agent asks for a person. It is always on record; whether people are called is the policy's.
pub(super) fn ask_person(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    agent: AgentId,
    run: RunId,
    text: String,
) -> Result<CallAnswer, CallRefusal> {
    if text.trim().is_empty() || text.len() > bounds::TEXT {
        let message = format!("`text` has {} bytes, allowed are 1 to {}", text.len(), bounds::TEXT);
        return Err(CallRefusal::new("bounds", message));
    }
    let why = format!("it asks for a person: {text}");
    if is_told(turn, agent, run, &why) {
        return Ok(CallAnswer::Done);
    }
    if turn.state().runs[&run].asked >= bounds::ASKED_PER_RUN {
        let message = format!("a run asks for a person at most {} times", bounds::ASKED_PER_RUN);
        return Err(CallRefusal::new("limit", message));
    }
    turn.record(Event::PersonAsked { agent, run, text });
    let trigger = Trigger::HumanInterventionRequested;
    if escalation(turn, world, agent).triggers.contains(&trigger) {
        escalate(turn, agent, run, Due { trigger, consequence: Consequence::Warn, why });
    }
    Ok(CallAnswer::Done)
}

/// The same words of the same run, while nobody has closed the incident, are one request.
fn is_told(turn: &Turn<'_>, agent: AgentId, run: RunId, words: &str) -> bool {
    let same = |moment: &Moment| matches!(&moment.fact, Fact::Escalated { run: by, why, .. } if *by == run && why == words);
    turn.state().open_incident(agent).is_some_and(|(_, open)| open.timeline.iter().any(same))
}

/// A person writes something down.
pub(super) fn note(
    turn: &mut Turn<'_>,
    actor: &Actor,
    incident: IncidentId,
    text: String,
) -> Result<Answer, Refusal> {
    let by = person(actor)?;
    known(turn, incident)?;
    if text.trim().is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "an empty note says nothing"));
    }
    let text = cut(&text, bounds::TEXT).to_string();
    turn.record(Event::Incident { incident, fact: Box::new(Fact::Noted { by, text }) });
    Ok(Answer::Done { changed: true })
}

/// A person closes it.
pub(super) fn close(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    cache: &mut ScheduleCache,
    actor: &Actor,
    incident: IncidentId,
    why: String,
) -> Result<Answer, Refusal> {
    person(actor)?;
    let reason = cut(&commands::reason(why)?, bounds::TEXT).to_string();
    known(turn, incident)?;
    let known = &turn.state().incidents[&incident];
    if !known.is_open() {
        return Ok(Answer::Done { changed: false });
    }
    let subject = Subject::CloseIncident { incident, moments: known.moments() };
    council::put_and_do(turn, world, cache, actor, subject, &reason)
}

/// As the council decided; `actor` asked for it.
pub(super) fn close_now(turn: &mut Turn<'_>, actor: &Actor, incident: IncidentId, reason: String) {
    let by = person(actor).unwrap_or_else(|_| "the council".into());
    turn.record(Event::Incident { incident, fact: Box::new(Fact::Closed { by, reason }) });
}

fn known(turn: &Turn<'_>, incident: IncidentId) -> Result<(), Refusal> {
    match turn.state().incidents.contains_key(&incident) {
        true => Ok(()),
        false => {
            let message = format!(
                "there is no incident {incident}; `ai_onboard incidents list --all` shows them"
            );
            Err(Refusal::new(RefusalKind::Unknown, message))
        }
    }
}

/// Nothing that an agent started decides on what agents did.
fn person(actor: &Actor) -> Result<String, Refusal> {
    match actor {
        Actor::Person { name, .. } => Ok(name.clone()),
        _ => Err(Refusal::new(RefusalKind::Forbidden, "only a person decides on an incident")),
    }
}

/// The deadline that ended a run is a limit it reached.
pub(super) fn deadline(turn: &mut Turn<'_>, world: &World<'_>, run: RunId) {
    let Some(entry) = turn.state().runs.get(&run) else { return };
    let agent = entry.agent;
    let started = entry.started().map_or(0, |started| turn.state().time.since(started));
    let target = format!("{} s after its start", started / 1000);
    let violation = Violation::new(
        violation::Sensor::Host,
        violation::Rule::Deadline,
        "still running",
        target.as_bytes(),
    );
    record(turn, agent, run, violation.with(violation::Action::Killed));
    judge(turn, world, agent, run);
}
