//! Findings: what people say of them, and what later runs no longer see.

use super::{commands, forecasts};
use onboard_domain::state::bounds;
use onboard_domain::{
    AgentId, Answer, Event, Fingerprint, ProjectId, Refusal, RefusalKind, RunId, Turn,
};

pub(super) fn accept(
    turn: &mut Turn<'_>,
    project: ProjectId,
    fingerprint: Fingerprint,
) -> Result<Answer, Refusal> {
    let entry = turn.state().projects.get(&project).ok_or_else(|| no_project(project))?;
    let known = entry.findings.get(&fingerprint).ok_or_else(|| no_finding(&fingerprint))?;
    let changed = !known.accepted;
    if changed {
        turn.record(Event::FindingAccepted { project, fingerprint });
    }
    Ok(Answer::Done { changed })
}

pub(super) fn dismiss(
    turn: &mut Turn<'_>,
    project: ProjectId,
    fingerprint: Fingerprint,
    why: String,
) -> Result<Answer, Refusal> {
    let reason = commands::reason(why)?;
    let entry = turn.state().projects.get(&project).ok_or_else(|| no_project(project))?;
    if entry.dismissed.contains_key(&fingerprint) {
        return Ok(Answer::Done { changed: false });
    }
    if !entry.findings.contains_key(&fingerprint) {
        return Err(no_finding(&fingerprint));
    }
    turn.record(Event::FindingDismissed { project, fingerprint: fingerprint.clone(), reason });
    forecasts::dismissed(turn, project, &fingerprint);
    Ok(Answer::Done { changed: true })
}

pub(super) fn snooze(
    turn: &mut Turn<'_>,
    project: ProjectId,
    fingerprint: Fingerprint,
    for_ms: i64,
) -> Result<Answer, Refusal> {
    if !bounds::SNOOZE_MS.contains(&for_ms) {
        let message = "a finding is snoozed for an hour to 366 days";
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let entry = turn.state().projects.get(&project).ok_or_else(|| no_project(project))?;
    if !entry.findings.contains_key(&fingerprint) {
        return Err(no_finding(&fingerprint));
    }
    let until = turn.state().time.plus(for_ms);
    turn.record(Event::FindingSnoozed { project, fingerprint, until });
    Ok(Answer::Done { changed: true })
}

pub(super) fn forget_rule(
    turn: &mut Turn<'_>,
    agent: AgentId,
    rule: String,
) -> Result<Answer, Refusal> {
    let known = turn.state().agents.get(&agent).ok_or_else(|| {
        Refusal::new(RefusalKind::UnknownAgent, format!("there is no agent {agent}"))
    })?;
    let changed = known.rules.contains_key(&rule);
    if changed {
        turn.record(Event::RuleForgotten { agent, rule });
    }
    Ok(Answer::Done { changed })
}

fn no_project(project: ProjectId) -> Refusal {
    Refusal::new(RefusalKind::UnknownProject, format!("there is no project {project}"))
}

fn no_finding(fingerprint: &Fingerprint) -> Refusal {
    let message = format!(
        "there is no open finding {fingerprint}; `ai_onboard recommendations list` shows them"
    );
    Refusal::new(RefusalKind::Unknown, message)
}

/// Nobody will look again whether an agent's findings are still so: they end with it, in its batch.
pub(super) fn resolve_all(turn: &mut Turn<'_>, agent: AgentId) {
    let state = turn.state();
    let project = state.agents[&agent].project;
    let findings = state.projects[&project].findings.iter();
    let own: Vec<Fingerprint> = findings
        .filter(|(_, known)| known.agent == agent)
        .map(|(fingerprint, _)| fingerprint.clone())
        .collect();
    for fingerprint in own {
        turn.record(Event::FindingResolved { project, fingerprint, by: None });
    }
    forecasts::void_all(turn, project, agent);
}

/// What a run that did its whole work no longer reported is no longer so.
pub(super) fn resolve_unseen(turn: &mut Turn<'_>, run: RunId) {
    let state = turn.state();
    let Some(run) = state.runs.get(&run) else { return };
    let project = state.agents[&run.agent].project;
    let gone: Vec<Fingerprint> = state.projects[&project]
        .findings
        .iter()
        .filter(|(fingerprint, known)| known.agent == run.agent && !run.seen.contains(*fingerprint))
        .map(|(fingerprint, _)| fingerprint.clone())
        .collect();
    for fingerprint in gone {
        end(turn, project, fingerprint, None);
    }
}

/// A finding is no longer so, and what was to come while it stands did not.
pub(super) fn end(
    turn: &mut Turn<'_>,
    project: ProjectId,
    fingerprint: Fingerprint,
    by: Option<String>,
) {
    turn.record(Event::FindingResolved { project, fingerprint: fingerprint.clone(), by });
    forecasts::fallen(turn, project, &fingerprint);
}
