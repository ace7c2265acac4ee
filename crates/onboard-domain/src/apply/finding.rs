//! A finding's life: recorded, seen again, accepted, dismissed, resolved.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::finding::{Finding, Severity};
use crate::ids::{AgentId, Fingerprint, ProjectId, RunId};
use crate::state::{KnownFinding, Project, State, bounds};

pub(super) fn apply(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::FindingRecorded { project, agent, run, finding } => {
            record(state, *project, *agent, *run, finding)
        }
        Event::FindingSeen { project, run, fingerprint } => {
            let now = state.time;
            state.run_mut(*run)?.seen.insert(fingerprint.clone());
            state.known_mut(*project, fingerprint)?.last_seen = now;
            Ok(())
        }
        Event::FindingSuppressed { agent, run, fingerprint, .. } => {
            let now = state.time;
            let reporter = state.run_mut(*run)?;
            reporter.seen.insert(fingerprint.clone());
            reporter.new_findings += 1;
            let agent = state.agent_mut(*agent)?;
            agent.noise = agent.noise.at(now);
            agent.noise.suppressed += 1;
            Ok(())
        }
        Event::FindingResolved { project, fingerprint } => {
            if state.project_mut(*project)?.findings.remove(fingerprint).is_none() {
                illegal!("no finding {fingerprint} in {project} to resolve");
            }
            Ok(())
        }
        Event::FindingAccepted { project, fingerprint } => {
            let known = state.known_mut(*project, fingerprint)?;
            known.accepted = true;
            let agent = known.agent;
            if let Some(agent) = state.agents.get_mut(&agent) {
                agent.totals.accepted += 1;
            }
            Ok(())
        }
        Event::FindingDismissed { project, fingerprint, .. } => {
            dismiss(state, *project, fingerprint)
        }
        other => illegal!("not a finding's event: {other:?}"),
    }
}

fn record(
    state: &mut State,
    project: ProjectId,
    agent: AgentId,
    run: RunId,
    finding: &Finding,
) -> Result<(), Illegal> {
    let now = state.time;
    let reporter = state.run_mut(run)?;
    reporter.seen.insert(finding.fingerprint.clone());
    reporter.new_findings += 1;
    let reporter = state.agent_mut(agent)?;
    reporter.totals.findings += 1;
    reporter.noise = reporter.noise.at(now);
    reporter.noise.told += 1;
    if finding.severity == Severity::Critical {
        reporter.noise.critical += 1;
    }
    let known = KnownFinding {
        finding: finding.clone(),
        agent,
        first_seen: now,
        last_seen: now,
        accepted: false,
    };
    state.project_mut(project)?.findings.insert(finding.fingerprint.clone(), known);
    Ok(())
}

fn dismiss(
    state: &mut State,
    project: ProjectId,
    fingerprint: &Fingerprint,
) -> Result<(), Illegal> {
    let now = state.time;
    let entry = state.project_mut(project)?;
    let Some(known) = entry.findings.remove(fingerprint) else {
        illegal!("no finding {fingerprint} in {project} to dismiss");
    };
    forget_oldest_dismissed(entry);
    entry.dismissed.insert(fingerprint.clone(), now);
    if let Some(agent) = state.agents.get_mut(&known.agent) {
        agent.totals.dismissed += 1;
    }
    Ok(())
}

fn forget_oldest_dismissed(project: &mut Project) {
    if project.dismissed.len() < bounds::DISMISSED {
        return;
    }
    let oldest = project.dismissed.iter().min_by_key(|(_, at)| **at).map(|(f, _)| f.clone());
    if let Some(oldest) = oldest {
        project.dismissed.remove(&oldest);
    }
}

impl State {
    fn known_mut(
        &mut self,
        project: ProjectId,
        fingerprint: &Fingerprint,
    ) -> Result<&mut KnownFinding, Illegal> {
        self.project_mut(project)?
            .findings
            .get_mut(fingerprint)
            .ok_or_else(|| Illegal(alloc::format!("no finding {fingerprint} in {project}")))
    }
}
