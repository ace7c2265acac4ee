//! A project's crew, with what it shares.

use super::finding;
use crate::api::{CrewMember, CrewView, FactRow};
use onboard_domain::state::Agent;
use onboard_domain::{ProjectId, State};

/// The agents of a project by name, and what people dismissed.
pub fn of(state: &State, project: ProjectId) -> Option<CrewView> {
    let entry = state.projects.get(&project)?;
    let agents = entry.agents.values().filter_map(|id| state.agents.get(id));
    Some(CrewView {
        agents: agents.map(member).collect(),
        dismissed: entry.dismissed.keys().map(|fingerprint| fingerprint.0.clone()).collect(),
    })
}

fn member(agent: &Agent) -> CrewMember {
    let shared = agent.checkpoints.iter().filter(|_| agent.spec.shares_facts);
    let muted = finding::rules(agent).into_iter().filter(|rule| rule.is_muted);
    CrewMember {
        name: agent.spec.name.to_string(),
        facts: shared
            .map(|(name, blob)| {
                (name.clone(), FactRow { sha256: blob.sha256.clone(), bytes: blob.bytes })
            })
            .collect(),
        muted: muted.map(|rule| rule.rule).collect(),
        settings: agent.spec.settings.clone(),
    }
}
