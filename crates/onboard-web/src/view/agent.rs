//! Agents as rows and in full.

use super::{finding, incident, run};
use crate::api;
use crate::api::{AgentDetail, AgentRow, Explanation, ProjectRef};
use onboard_daemon::handle;
use onboard_domain::council::{self, Motion};
use onboard_domain::spec::Program;
use onboard_domain::state::{Agent, Breaker, Desired, Phase, bounds};
use onboard_domain::{AgentId, ProjectId, Severity, State, Time};

/// One agent as a line of a list; `explanation` is its own.
pub fn row(
    state: &State,
    live: &handle::Live,
    id: AgentId,
    explanation: &Explanation,
) -> Option<AgentRow> {
    let agent = state.agents.get(&id)?;
    Some(AgentRow {
        id: id.to_string(),
        name: agent.spec.name.to_string(),
        project: project(state, agent.project),
        state: explanation.state,
        since: agent.since.into(),
        reason: explanation.reasons.first().cloned().unwrap_or_default(),
        schedule: agent.spec.schedule.clone(),
        zone: agent.spec.zone.clone(),
        priority: agent.spec.priority,
        last_run: agent.recent.back().map(|ended| run::ended(state, id, ended)),
        next_run: explanation.next,
        live: live_of(state, live, id),
        consecutive_failures: agent.consecutive_failures,
        awaits_first_start: awaits_first_start(agent),
        attention: attention(state, id, agent),
    })
}

/// Everything about one agent.
pub fn detail(
    state: &State,
    live: &handle::Live,
    id: AgentId,
    explanation: Explanation,
    safety: api::Safety,
    now: Time,
) -> Option<AgentDetail> {
    let agent = state.agents.get(&id)?;
    Some(AgentDetail {
        agent: row(state, live, id, &explanation)?,
        explanation,
        spec: agent.spec.clone(),
        safety,
        live_runs: state
            .runs_of(id)
            .map(|(run, entry)| run::live(state, run, entry, now))
            .collect(),
        recent_runs: agent.recent.iter().rev().map(|ended| run::ended(state, id, ended)).collect(),
        totals: agent.totals.clone(),
        noise: noise(agent, now),
        interval: api::Interval { permille: agent.interval_permille, why: agent.interval_why },
        breaker: match agent.breaker {
            Breaker::Open { until, times } => Some(api::Breaker { until: until.into(), times }),
            Breaker::Closed => None,
        },
        quarantine: agent.quarantine.clone(),
        inbox: agent.inbox.len(),
        checkpoints: agent.checkpoints.keys().cloned().collect(),
        violations: agent.conduct.recent.iter().rev().map(incident::seen).collect(),
        findings: finding::rows(state, now, Some(agent.project), Some(id)),
        rules: finding::rules(agent),
        scores: super::forecast::scores(agent, state.projects.get(&agent.project)),
    })
}

fn noise(agent: &Agent, now: Time) -> api::NoiseView {
    let today = agent.noise.at(now);
    let most = agent.spec.findings_per_day.unwrap_or(bounds::FINDINGS_PER_DAY);
    api::NoiseView {
        told_today: today.told,
        suppressed_today: today.suppressed,
        findings_per_day: most,
    }
}

/// A program that came with the repository is started by a person, by name, before `--all` means it.
fn awaits_first_start(agent: &Agent) -> bool {
    let is_of_project = matches!(agent.spec.program, Program::Command { .. });
    is_of_project && agent.desired == Desired::Stopped && !agent.is_deployed()
}

fn project(state: &State, id: ProjectId) -> ProjectRef {
    let (name, root) = state
        .projects
        .get(&id)
        .map_or_else(Default::default, |entry| (entry.name.clone(), entry.root.clone()));
    ProjectRef { id: id.to_string(), name, root }
}

/// What a running agent says and uses; `None` when it has no process.
pub fn live_of(state: &State, live: &handle::Live, id: AgentId) -> Option<api::Live> {
    let (run, entry) = state.runs_of(id).find(|(_, run)| run.is_active())?;
    let progress = live.progress.get(&run).cloned().unwrap_or_default();
    let usage = live.usage.get(&run).copied().unwrap_or_default();
    Some(api::Live {
        doing: progress.doing,
        done: progress.done,
        total: progress.total,
        cpu_percent: usage.cpu_percent,
        memory_bytes: usage.memory_bytes,
        pid: match &entry.phase {
            Phase::Running { process, .. } => Some(process.pid),
            _ => None,
        },
    })
}

/// What a person should look at, most urgent first.
fn attention(state: &State, id: AgentId, agent: &Agent) -> Vec<String> {
    let mut notes = Vec::new();
    if agent.quarantine.is_some() {
        notes.push("quarantined".to_string());
    }
    if let Some((incident, _)) = state.open_incident(id) {
        notes.push(format!("incident {incident}"));
    }
    let open = |motion: &&Motion| {
        motion.status == council::Status::Open
            && motion.agent.as_ref().is_some_and(|(about, _)| *about == id)
    };
    match state.motions.values().filter(open).count() {
        0 => {}
        1 => notes.push("1 approval waits".to_string()),
        many => notes.push(format!("{many} approvals wait")),
    }
    if matches!(agent.breaker, Breaker::Open { .. }) {
        notes.push("breaker open".to_string());
    }
    match agent.consecutive_failures {
        0 => {}
        1 => notes.push("1 failure".to_string()),
        many => notes.push(format!("{many} failures")),
    }
    for (severity, word) in [(Severity::Critical, "critical"), (Severity::High, "high")] {
        let count = state.projects.get(&agent.project).map_or(0, |project| {
            let open =
                project.findings.values().filter(|known| known.agent == id && !known.accepted);
            open.filter(|known| known.finding.severity == severity).count()
        });
        if count > 0 {
            notes.push(format!("{count} {word}"));
        }
    }
    notes
}
