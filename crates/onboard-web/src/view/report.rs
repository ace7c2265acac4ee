//! Reports: ended runs of a window, folded per agent.

use crate::api::{
    AgentAsked, AgentReport, AgentScores, FindingRow, FindingStatus, Report, RunRow, Stamp,
};
use onboard_domain::state::{Agent, Asked};
use onboard_domain::{ProjectId, State};
use std::collections::BTreeMap;

/// Folds runs and findings into a report; `gaps` says what the window lacks. Of the findings, only
/// those count that wait for an answer and that people want to see.
pub fn fold(
    window: (Stamp, Stamp),
    runs: &[RunRow],
    findings: Vec<FindingRow>,
    scores: Vec<AgentScores>,
    gaps: Vec<String>,
) -> Report {
    let mut by_agent: BTreeMap<(String, String), Vec<&RunRow>> = BTreeMap::new();
    for run in runs {
        by_agent.entry((run.project.clone(), run.agent.clone())).or_default().push(run);
    }
    let agents = by_agent
        .into_iter()
        .map(|((project, agent), runs)| agent_report(project, agent, &runs))
        .collect();
    let open = findings.into_iter().filter(|f| f.status == FindingStatus::Open && !f.is_muted);
    let (new_findings, older): (Vec<_>, Vec<_>) =
        open.partition(|f| f.first_seen >= window.0 && f.first_seen < window.1);
    Report {
        from: window.0,
        to: window.1,
        agents,
        older_findings: older.iter().filter(|f| f.first_seen < window.0).count(),
        new_findings,
        scores,
        asked: Vec::new(),
        order: None,
        gaps,
    }
}

/// What all agents asked of language models, or a project's: those that did.
pub fn asked(state: &State, project: Option<ProjectId>) -> Vec<AgentAsked> {
    let of = |agent: &Agent| AgentAsked {
        agent: agent.spec.name.to_string(),
        project: super::project_name(state, agent.project),
        asked: agent.totals.asked,
    };
    let agents = state.agents.values();
    let wanted = agents.filter(|agent| project.is_none_or(|wanted| wanted == agent.project));
    wanted.map(of).filter(|one| one.asked != Asked::default()).collect()
}

/// How good the forecasts of all agents are, or of a project's: those that made any.
pub fn scores(state: &State, project: Option<ProjectId>) -> Vec<AgentScores> {
    let of = |agent: &Agent| AgentScores {
        agent: agent.spec.name.to_string(),
        project: super::project_name(state, agent.project),
        scores: super::forecast::scores(agent, state.projects.get(&agent.project)),
    };
    let agents = state.agents.values();
    let wanted = agents.filter(|agent| project.is_none_or(|wanted| wanted == agent.project));
    wanted.map(of).filter(|one| !one.scores.is_empty()).collect()
}

fn agent_report(project: String, agent: String, runs: &[&RunRow]) -> AgentReport {
    let mut results = BTreeMap::new();
    for run in runs {
        *results.entry(run.result.clone()).or_insert(0) += 1;
    }
    let mut durations: Vec<f64> = runs.iter().filter_map(|run| run.duration_s).collect();
    durations.sort_by(f64::total_cmp);
    AgentReport {
        agent,
        project,
        results,
        runs: u32::try_from(runs.len()).unwrap_or(u32::MAX),
        new_findings: runs.iter().map(|run| run.new_findings).sum(),
        cpu_s: runs.iter().map(|run| run.usage.cpu_s).sum(),
        duration_p50_s: at_rank(&durations, 50),
        duration_p95_s: at_rank(&durations, 95),
        memory_peak_bytes: runs.iter().map(|run| run.usage.memory_peak_bytes).max(),
    }
}

/// The value that at least `percent` of the sorted values do not exceed (nearest rank).
fn at_rank(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_of_few_values() {
        assert_eq!(at_rank(&[], 50), None);
        assert_eq!(at_rank(&[3.0], 95), Some(3.0));
        assert_eq!(at_rank(&[1.0, 2.0, 3.0, 4.0], 50), Some(2.0));
        assert_eq!(at_rank(&[1.0, 2.0, 3.0, 4.0], 95), Some(4.0));
    }
}
