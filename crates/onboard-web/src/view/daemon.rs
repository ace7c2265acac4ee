//! The daemon in one answer.

use crate::api::{DaemonView, EmergencyView, PolicyView, ProjectRow, StateWord};
use onboard_daemon::handle::Paths;
use onboard_domain::{ProjectId, State, Time};
use std::collections::BTreeMap;

/// The daemon as it is; `words` are its agents' state words, `own` its version and process id.
pub fn view(
    state: &State,
    paths: &Paths,
    words: impl IntoIterator<Item = StateWord>,
    own: (&str, u32),
    now: Time,
) -> DaemonView {
    let mut agents = BTreeMap::new();
    for word in words {
        *agents.entry(word).or_insert(0) += 1;
    }
    let active = state.runs.values().filter(|run| run.is_active()).count();
    DaemonView {
        version: own.0.to_string(),
        pid: own.1,
        since: state.daemon.as_ref().map_or(now, |daemon| daemon.since).into(),
        now: now.into(),
        state_folder: paths.state.display().to_string(),
        runtime_folder: paths.runtime.display().to_string(),
        config_folder: paths.config.display().to_string(),
        projects: projects(state),
        agents,
        queued_runs: state.runs.len() - active,
        active_runs: active,
        waiting_approvals: super::council::waiting(state),
        emergency: state
            .emergency
            .as_ref()
            .map(|e| EmergencyView { since: e.since.into(), reason: e.reason.clone() }),
        policy: state.policy.as_ref().map(|policy| PolicyView {
            hash: policy.hash.clone(),
            origin: policy.origin.clone(),
            since: policy.since.into(),
        }),
    }
}

/// Says of projects why their policy's files are not in force.
pub fn add_problems(daemon: &mut DaemonView, problems: &BTreeMap<ProjectId, String>) {
    for (id, problem) in problems {
        let id = id.to_string();
        if let Some(row) = daemon.projects.iter_mut().find(|row| row.id == id) {
            row.policy_problem = Some(problem.clone());
        }
    }
}

fn projects(state: &State) -> Vec<ProjectRow> {
    let row =
        |(id, project): (&onboard_domain::ProjectId, &onboard_domain::state::Project)| ProjectRow {
            id: id.to_string(),
            name: project.name.clone(),
            root: project.root.clone(),
            agents: project.agents.len(),
            findings: project.findings.len(),
            policy_problem: None,
        };
    state.projects.iter().map(row).collect()
}
