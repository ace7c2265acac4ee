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
    /// What it waits for: nothing was done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

/// A motion that has to be carried first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    pub approval: String,
    /// Who has to say yes.
    pub missing: String,
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
    /// What it waits for: it was not started yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

impl CommandAnswer {
    /// The answer in the API's words; `name_of` knows agents' names.
    pub fn new(answer: Answer, name_of: impl Fn(onboard_domain::AgentId) -> String) -> Self {
        let mut told = CommandAnswer {
            changed: true,
            project: None,
            agents: Vec::new(),
            run: None,
            waits: None,
        };
        let waits = |(motion, missing): (onboard_domain::MotionId, String)| Waits {
            approval: motion.to_string(),
            missing,
        };
        let change = |agent, changed, run: Option<onboard_domain::RunId>| AgentChange {
            id: format!("{agent}"),
            name: name_of(agent),
            changed,
            run: run.map(|run| run.to_string()),
            waits: None,
        };
        match answer {
            Answer::Project { project, agents } => {
                told.project = Some(project.to_string());
                told.agents = agents.into_iter().map(|id| change(id, true, None)).collect();
            }
            Answer::Agents(agents) => {
                told.changed = agents.iter().any(|agent| agent.changed);
                let change = |agent: onboard_domain::command::AgentAnswer| AgentChange {
                    waits: agent.waits.map(waits),
                    ..change(agent.agent, agent.changed, agent.run)
                };
                told.agents = agents.into_iter().map(change).collect();
            }
            Answer::Run { run } => told.run = Some(run.to_string()),
            Answer::Done { changed } => told.changed = changed,
            Answer::Waiting { motion, missing } => {
                told.changed = false;
                told.waits = Some(waits((motion, missing)));
            }
        }
        told
    }
}
