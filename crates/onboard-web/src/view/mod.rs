//! From the domain's values to the API's: pure functions.

pub mod agent;
pub mod coordination;
pub mod council;
pub mod crew;
pub mod daemon;
pub mod event;
pub mod finding;
pub mod forecast;
pub mod incident;
pub mod order;
pub mod proposal;
pub mod report;
pub mod run;
pub mod safety;
pub mod shared;

use onboard_domain::{AgentId, ProjectId, State};

/// The name of an agent; its id when it is gone.
pub fn agent_name(state: &State, id: AgentId) -> String {
    state.agents.get(&id).map_or_else(|| id.to_string(), |agent| agent.spec.name.to_string())
}

/// The name of a project; its id when it is gone.
pub fn project_name(state: &State, id: ProjectId) -> String {
    state.projects.get(&id).map_or_else(|| id.to_string(), |project| project.name.clone())
}
