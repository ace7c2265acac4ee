//! Whom something of the user's is for: agents, and projects.

use onboard_domain::AgentSpec;
use onboard_domain::spec::Program;
use serde::{Deserialize, Serialize};

/// The word for every project.
pub const EVERY: &str = "*";

/// Agents by name. A name alone says who it is only for agents that come with `ai_onboard`: anybody's
/// repository may have one of any other name. So those are meant in the projects that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub agents: Vec<String>,
    /// Roots of projects, or [`EVERY`].
    #[serde(default)]
    pub projects: Vec<String>,
}

impl Binding {
    /// Whether it is for an agent of the project at `root`.
    pub fn is_for(&self, spec: &AgentSpec, root: &str) -> bool {
        let is_known = spec.program == Program::BuiltIn;
        let is_here = self.projects.iter().any(|project| project == root || project == EVERY);
        self.agents.iter().any(|agent| agent == spec.name.as_str())
            && (is_here || (is_known && self.projects.is_empty()))
    }
}
