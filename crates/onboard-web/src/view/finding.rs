//! Findings as rows, most severe first.

use crate::api::{FindingRow, FindingStatus};
use onboard_domain::state::KnownFinding;
use onboard_domain::{AgentId, ProjectId, State};
use std::cmp::Reverse;

/// The live findings that match, most severe first, then newest.
pub fn rows(state: &State, project: Option<ProjectId>, agent: Option<AgentId>) -> Vec<FindingRow> {
    let mut rows: Vec<FindingRow> = state
        .projects
        .iter()
        .filter(|(id, _)| project.is_none_or(|wanted| wanted == **id))
        .flat_map(|(id, entry)| entry.findings.values().map(move |finding| (*id, finding)))
        .filter(|(_, known)| agent.is_none_or(|wanted| wanted == known.agent))
        .map(|(id, known)| row(state, id, known))
        .collect();
    rows.sort_by(|a, b| {
        (Reverse(a.severity), Reverse(a.first_seen), &a.fingerprint).cmp(&(
            Reverse(b.severity),
            Reverse(b.first_seen),
            &b.fingerprint,
        ))
    });
    rows
}

fn row(state: &State, project: ProjectId, known: &KnownFinding) -> FindingRow {
    let finding = known.finding.clone();
    FindingRow {
        fingerprint: finding.fingerprint.0,
        project: super::project_name(state, project),
        project_id: project.to_string(),
        agent: super::agent_name(state, known.agent),
        status: if known.accepted { FindingStatus::Accepted } else { FindingStatus::Open },
        severity: finding.severity,
        rule: finding.rule,
        title: finding.title,
        detail: finding.detail,
        evidence: finding.evidence,
        action: finding.action,
        target: finding.target,
        first_seen: known.first_seen.into(),
        last_seen: known.last_seen.into(),
    }
}
