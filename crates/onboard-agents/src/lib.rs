//! The built-in agents, one folder each.

pub mod change;
mod checkpoint;
pub mod code_quality_optimizer;
pub mod external_tool_integration;
pub mod facts;
pub mod git;
pub mod host;
pub mod language_model;
pub mod manual;
mod pace;
pub mod pattern_learning;
pub mod performance_monitor;
mod places;
mod plan;
pub mod predictive_analytics;
pub mod project_health_monitor;
pub mod project_index;
pub mod requests;
mod socket_host;
mod telling;
mod wording;
pub mod workflow_optimizer;
mod xml;

use host::{AgentError, Host, Outcome};
pub use socket_host::run;

/// An agent that comes with the program.
pub struct BuiltIn {
    pub name: &'static str,
    /// One line.
    pub description: &'static str,
    pub run: fn(&mut dyn Host) -> Result<Outcome, AgentError>,
    /// The manifest it starts with, as YAML.
    pub manifest: &'static str,
    /// What people can read about it.
    pub manual: &'static manual::Manual,
}

/// All of them, by name.
pub fn builtins() -> &'static [BuiltIn] {
    const {
        &[
            BuiltIn {
                name: code_quality_optimizer::NAME,
                description: code_quality_optimizer::DESCRIPTION,
                run: code_quality_optimizer::run,
                manifest: code_quality_optimizer::MANIFEST,
                manual: &code_quality_optimizer::MANUAL,
            },
            BuiltIn {
                name: external_tool_integration::NAME,
                description: external_tool_integration::DESCRIPTION,
                run: external_tool_integration::run,
                manifest: external_tool_integration::MANIFEST,
                manual: &external_tool_integration::MANUAL,
            },
            BuiltIn {
                name: pattern_learning::NAME,
                description: pattern_learning::DESCRIPTION,
                run: pattern_learning::run,
                manifest: pattern_learning::MANIFEST,
                manual: &pattern_learning::MANUAL,
            },
            BuiltIn {
                name: performance_monitor::NAME,
                description: performance_monitor::DESCRIPTION,
                run: performance_monitor::run,
                manifest: performance_monitor::MANIFEST,
                manual: &performance_monitor::MANUAL,
            },
            BuiltIn {
                name: predictive_analytics::NAME,
                description: predictive_analytics::DESCRIPTION,
                run: predictive_analytics::run,
                manifest: predictive_analytics::MANIFEST,
                manual: &predictive_analytics::MANUAL,
            },
            BuiltIn {
                name: project_health_monitor::NAME,
                description: project_health_monitor::DESCRIPTION,
                run: project_health_monitor::run,
                manifest: project_health_monitor::MANIFEST,
                manual: &project_health_monitor::MANUAL,
            },
            BuiltIn {
                name: project_index::NAME,
                description: project_index::DESCRIPTION,
                run: project_index::run,
                manifest: project_index::MANIFEST,
                manual: &project_index::MANUAL,
            },
            BuiltIn {
                name: workflow_optimizer::NAME,
                description: workflow_optimizer::DESCRIPTION,
                run: workflow_optimizer::run,
                manifest: workflow_optimizer::MANIFEST,
                manual: &workflow_optimizer::MANUAL,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    /// A manifest that says another name or description than the table would be two truths.
    #[test]
    fn manifests_agree_with_the_table() {
        for agent in super::builtins() {
            let manifest: serde_json::Value =
                serde_saphyr::from_str(agent.manifest).expect("a manifest is YAML");
            assert_eq!(manifest["name"], agent.name);
            assert_eq!(manifest["description"], agent.description);
        }
    }
}
