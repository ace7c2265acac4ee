//! Commands and their answers.

use onboard_domain::{Answer, Command, Via};
use serde::{Deserialize, Serialize};

/// The body of `POST /api/v1/commands`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    pub command: Command,
    /// Why, for the audit entry.
    #[serde(default)]
    pub why: String,
    /// By which client: `cli` or `api`.
    #[serde(default = "via_api")]
    pub via: Via,
}

/// The body of `POST /api/v1/projects`: the daemon reads the project's manifests itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// Absolute path.
    pub root: String,
    #[serde(default)]
    pub why: String,
    #[serde(default = "via_api")]
    pub via: Via,
}

fn via_api() -> Via {
    Via::Api
}

/// A command's answer, once it is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// Whether anything changed: repeating a command that already holds is no failure.
    pub changed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What it did to each agent asked for.
    #[serde(default)]
    pub agents: Vec<AgentChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// What a command did to one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentChange {
    pub id: String,
    pub name: String,
    pub changed: bool,
    /// The run that was queued for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl CommandAnswer {
    /// The answer in the API's words; `name_of` knows agents' names.
    pub fn new(answer: Answer, name_of: impl Fn(onboard_domain::AgentId) -> String) -> Self {
        let mut told =
            CommandAnswer { changed: true, project: None, agents: Vec::new(), run: None };
        let change = |agent, changed, run: Option<onboard_domain::RunId>| AgentChange {
            id: format!("{agent}"),
            name: name_of(agent),
            changed,
            run: run.map(|run| run.to_string()),
        };
        match answer {
            Answer::Project { project, agents } => {
                told.project = Some(project.to_string());
                told.agents = agents.into_iter().map(|id| change(id, true, None)).collect();
            }
            Answer::Agents(agents) => {
                told.changed = agents.iter().any(|agent| agent.changed);
                told.agents =
                    agents.into_iter().map(|a| change(a.agent, a.changed, a.run)).collect();
            }
            Answer::Run { run } => told.run = Some(run.to_string()),
            Answer::Done { changed } => told.changed = changed,
        }
        told
    }
}
