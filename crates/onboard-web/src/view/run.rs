//! Runs as rows.

use crate::api::{RunRow, RunUsage};
use onboard_daemon::views;
use onboard_domain::state::{EndedRun, Outcome, Phase, Run, Trigger, Usage};
use onboard_domain::{AgentId, RunId, State, Time};

/// A run that ended.
pub fn ended(state: &State, agent: AgentId, run: &EndedRun) -> RunRow {
    RunRow {
        id: run.run.to_string(),
        agent: super::agent_name(state, agent),
        agent_id: agent.to_string(),
        project: project_of(state, agent),
        trigger: trigger(&run.trigger).to_string(),
        attempt: run.attempt,
        slot: run.slot.into(),
        queued: run.queued.into(),
        started: run.started.map(Into::into),
        ended: Some(run.ended.into()),
        duration_s: run.started.map(|started| seconds(run.ended.since(started))),
        result: run.outcome.word().to_string(),
        why: run.outcome.explanation(),
        new_findings: run.findings,
        summary: run.summary.clone(),
        usage: usage(&run.usage),
    }
}

/// A run as the views have it.
pub fn past(state: &State, run: &views::RunRow) -> RunRow {
    RunRow {
        id: run.run.to_string(),
        agent: super::agent_name(state, run.agent),
        agent_id: run.agent.to_string(),
        project: project_of(state, run.agent),
        trigger: run.trigger.clone(),
        attempt: run.attempt,
        slot: run.slot.into(),
        queued: run.queued.into(),
        started: run.started.map(Into::into),
        ended: run.ended.map(Into::into),
        duration_s: run.started.zip(run.ended).map(|(start, end)| seconds(end.since(start))),
        result: run.outcome.clone().unwrap_or_else(|| unended(state, run).to_string()),
        why: run.why.clone(),
        new_findings: run.findings,
        summary: run.summary.clone(),
        usage: usage(&Usage {
            cpu_ms: run.cpu_ms,
            memory_peak_bytes: run.memory_peak_bytes,
            throttled_ms: run.throttled_ms,
        }),
    }
}

/// Where a run is that the views do not know the end of.
fn unended(state: &State, run: &views::RunRow) -> &'static str {
    state.runs.get(&run.run).map_or("queued", |live| phase(&live.phase))
}

/// A run that has not ended.
pub fn live(state: &State, id: RunId, run: &Run, now: Time) -> RunRow {
    RunRow {
        id: id.to_string(),
        agent: super::agent_name(state, run.agent),
        agent_id: run.agent.to_string(),
        project: project_of(state, run.agent),
        trigger: trigger(&run.trigger).to_string(),
        attempt: run.attempt,
        slot: run.slot.into(),
        queued: run.queued.into(),
        started: run.started().map(Into::into),
        ended: None,
        duration_s: run.started().map(|started| seconds(now.since(started).max(0))),
        result: phase(&run.phase).to_string(),
        why: match run.phase {
            Phase::Stopping { why, .. } => why.explanation().to_string(),
            _ => String::new(),
        },
        new_findings: run.new_findings,
        summary: run.finished.as_ref().map_or_else(String::new, |f| f.summary.clone()),
        usage: RunUsage::default(),
    }
}

fn project_of(state: &State, agent: AgentId) -> String {
    state.agents.get(&agent).map_or_else(String::new, |a| super::project_name(state, a.project))
}

/// The stable word for what caused a run.
fn trigger(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "schedule",
        Trigger::Started => "started",
        Trigger::Manual => "manual",
        Trigger::Changed => "changed",
        Trigger::Event { .. } => "event",
        Trigger::Message => "message",
        Trigger::Retry { .. } => "retry",
        Trigger::CatchUp { .. } => "catch_up",
        Trigger::Proposal { .. } => "proposal",
        Trigger::Answered { .. } => "answered",
    }
}

fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Queued => "queued",
        Phase::Placed { .. } => "placed",
        Phase::Running { .. } => "running",
        Phase::Stopping { .. } => "stopping",
    }
}

fn usage(usage: &Usage) -> RunUsage {
    RunUsage {
        cpu_s: seconds(i64::try_from(usage.cpu_ms).unwrap_or(i64::MAX)),
        memory_peak_bytes: usage.memory_peak_bytes,
        throttled_s: seconds(i64::try_from(usage.throttled_ms).unwrap_or(i64::MAX)),
    }
}

/// Milliseconds as seconds.
#[allow(clippy::cast_precision_loss, reason = "a duration is far below 2^53 milliseconds")]
pub fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// The outcome's word with its reason.
pub fn outcome(outcome: &Outcome) -> String {
    match outcome.explanation() {
        why if why.is_empty() => outcome.word().to_string(),
        why => format!("{}: {why}", outcome.word()),
    }
}
