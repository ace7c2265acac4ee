//! A finding's life: recorded, seen again, accepted, dismissed, resolved.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::finding::{Finding, Severity};
use crate::ids::{AgentId, Fingerprint, ProjectId, RunId};
use crate::state::{KnownFinding, Project, RuleRecord, State, bounds};
use alloc::borrow::ToOwned;

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
        Event::FindingResolved { project, fingerprint, by } => {
            resolve(state, *project, fingerprint, by.is_some())
        }
        Event::FindingAccepted { project, fingerprint } => {
            let known = state.known_mut(*project, fingerprint)?;
            known.accepted = true;
            let (agent, rule) = (known.agent, known.finding.rule.clone());
            if let Some(agent) = state.agents.get_mut(&agent) {
                agent.totals.accepted += 1;
            }
            count(state, agent, &rule, |record| &mut record.accepted);
            Ok(())
        }
        Event::FindingDismissed { project, fingerprint, .. } => {
            dismiss(state, *project, fingerprint)
        }
        Event::FindingSnoozed { project, fingerprint, until } => {
            state.known_mut(*project, fingerprint)?.snoozed_until = Some(*until);
            Ok(())
        }
        Event::RuleForgotten { agent, rule } => {
            state.agent_mut(*agent)?.rules.remove(rule);
            Ok(())
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
    if let Some(worded) = &finding.worded {
        let asked = &mut reporter.totals.asked;
        asked.worded += u64::from(worded.words().is_some());
        asked.refused += u64::from(worded.refused.is_some());
    }
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
        snoozed_until: None,
    };
    let earlier = state.project_mut(project)?.findings.insert(finding.fingerprint.clone(), known);
    if earlier.is_none() {
        count(state, agent, &finding.rule, |record| &mut record.told);
    }
    Ok(())
}

/// One more in the record of an agent's rule, as far as it is kept.
fn count(
    state: &mut State,
    agent: AgentId,
    rule: &str,
    what: impl FnOnce(&mut RuleRecord) -> &mut u32,
) {
    let Some(agent) = state.agents.get_mut(&agent) else { return };
    if agent.rules.len() >= bounds::RULES && !agent.rules.contains_key(rule) {
        return;
    }
    let counter = what(agent.rules.entry(rule.to_owned()).or_default());
    *counter = counter.saturating_add(1);
}

fn resolve(
    state: &mut State,
    project: ProjectId,
    fingerprint: &Fingerprint,
    is_acted_on: bool,
) -> Result<(), Illegal> {
    let findings = &mut state.project_mut(project)?.findings;
    let Some(known) = findings.remove(fingerprint) else {
        illegal!("no finding {fingerprint} in {project} to resolve");
    };
    // The same thing in another class of severity is another finding, and nobody did anything.
    let stays = findings.values().any(|other| {
        other.agent == known.agent
            && other.finding.rule == known.finding.rule
            && other.finding.target == known.finding.target
    });
    if known.accepted || stays {
        return Ok(());
    }
    if is_acted_on {
        count(state, known.agent, &known.finding.rule, |record| &mut record.acted);
    } else {
        count(state, known.agent, &known.finding.rule, |record| &mut record.gone);
    }
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
        let name = agent.spec.name.clone();
        state.project_mut(project)?.dismissed_of.insert(fingerprint.clone(), name);
    }
    count(state, known.agent, &known.finding.rule, |record| &mut record.dismissed);
    if known.accepted {
        take_back_accepted(state, known.agent, &known.finding.rule);
    }
    Ok(())
}

/// One finding has one answer: who dismisses what was accepted thinks better of it.
fn take_back_accepted(state: &mut State, agent: AgentId, rule: &str) {
    let Some(agent) = state.agents.get_mut(&agent) else { return };
    agent.totals.accepted = agent.totals.accepted.saturating_sub(1);
    if let Some(record) = agent.rules.get_mut(rule) {
        record.accepted = record.accepted.saturating_sub(1);
    }
}

fn forget_oldest_dismissed(project: &mut Project) {
    if project.dismissed.len() < bounds::DISMISSED {
        return;
    }
    let oldest = project.dismissed.iter().min_by_key(|(_, at)| **at).map(|(f, _)| f.clone());
    if let Some(oldest) = oldest {
        project.dismissed.remove(&oldest);
        project.dismissed_of.remove(&oldest);
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
